//! The tapes that are served: a session for each folder, and which of them a request is for.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use http::uri::{Authority, Scheme};
use http::{Request, StatusCode, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use tower::{Layer as _, ServiceExt as _, service_fn};
use traffic_recorder::client::{BoxError, ReplayedFault};
use traffic_recorder::session::ErrorKind;
use traffic_recorder::tape::{Layer, Tape};
use traffic_recorder::tools::{Settings, recorder, tapes_below};
use traffic_recorder::{Mode, Repeat, Tapes, Timing, UnusedRule};

use super::Closed;
use super::answer::{self, Answer};

/// All folders of tapes below one.
pub(super) struct Shelf {
    folders: Vec<Folder>,
    /// Which folders have a tape of this method, host and path; the rest of the key the session knows.
    index: HashMap<String, Vec<usize>>,
    settings: Settings,
    service: Option<(Scheme, Authority)>,
    tapes: usize,
}

struct Folder {
    tapes: Tapes,
    layer: Layer,
}

impl Shelf {
    pub(super) fn open(
        root: &Path,
        service: Option<&str>,
        repeat: Repeat,
        timing: Option<f64>,
    ) -> anyhow::Result<Self> {
        if !root.is_dir() {
            bail!("there is no folder {}", root.display());
        }
        let files = tapes_below(root)?;
        if files.is_empty() {
            bail!("there are no tapes in {}", root.display());
        }
        let (mut by_folder, mut services) = (BTreeMap::<PathBuf, Vec<(String, Tape)>>::new(), BTreeSet::new());
        for file in &files {
            let tape = crate::select::read(file)?;
            if let Some((scheme, authority)) = tape.request.url.parse::<Uri>().ok().and_then(|uri| place(&uri)) {
                services.insert((scheme.to_string(), authority.to_string()));
            }
            by_folder.entry(crate::select::folder(file)).or_default().push((stem(file), tape));
        }
        let service = match service {
            Some(url) => Some(self::service(url)?),
            None if services.len() == 1 => services.pop_first().and_then(|(scheme, authority)| {
                Some((Scheme::try_from(scheme.as_str()).ok()?, Authority::try_from(authority.as_str()).ok()?))
            }),
            None => None,
        };
        let (mut folders, mut index) = (Vec::new(), HashMap::<String, Vec<usize>>::new());
        for (folder, tapes) in by_folder {
            let mut recorder = recorder(&folder)?.mode(Mode::Replay).repeat(repeat).unused(UnusedRule::Allow);
            if let Some(factor) = timing {
                recorder = recorder.timing(Timing::Scaled(factor));
            }
            let layer = tapes.first().map(|(_, tape)| tape.layer).unwrap_or_default();
            for (stem, _) in tapes {
                let at = index.entry(stem).or_default();
                if at.last() != Some(&folders.len()) {
                    at.push(folders.len());
                }
            }
            folders.push(Folder { tapes: recorder.open()?, layer });
        }
        Ok(Self { folders, index, settings: Settings::for_folder(root)?, service, tapes: files.len() })
    }

    /// How many tapes there are.
    pub(super) fn tapes(&self) -> usize {
        self.tapes
    }

    /// The request as it would go to the service itself.
    pub(super) fn absolute(&self, mut request: Request<Incoming>) -> Request<Incoming> {
        if request.uri().authority().is_some() {
            return request;
        }
        let host = request.headers().get(http::header::HOST).and_then(|host| host.to_str().ok());
        let named = host.and_then(|host| Some((Scheme::HTTP, Authority::try_from(host).ok()?)));
        if let Some((scheme, authority)) = self.service.clone().or(named) {
            let mut parts = request.uri().clone().into_parts();
            (parts.scheme, parts.authority) = (Some(scheme), Some(authority));
            if let Ok(uri) = Uri::from_parts(parts) {
                *request.uri_mut() = uri;
            }
        }
        request
    }

    /// Asks the folders that may have it, in order; the first that has answers.
    pub(super) async fn ask(&self, request: Request<Incoming>) -> Result<Answer, Closed> {
        let (parts, body) = request.into_parts();
        let body = http_body_util::BodyExt::collect(body).await.map_err(|error| Closed(error.to_string()))?.to_bytes();
        let candidates = self.candidates(&parts);
        let mut miss = None;
        for at in candidates {
            let folder = &self.folders[at];
            let layer = match folder.layer {
                Layer::Wire => folder.tapes.layer(),
                Layer::Logical => folder.tapes.layer().logical(),
            };
            let service = layer.layer(service_fn(|_: Request<_>| async {
                Err::<http::Response<Full<bytes::Bytes>>, BoxError>("tapes serve sends nothing".into())
            }));
            let absent = body.is_empty() && !parts.headers.contains_key(http::header::CONTENT_LENGTH);
            let sent = if absent { None } else { Some(Full::new(body.clone())) };
            let request = Request::from_parts(parts.clone(), Sent(sent));
            match service.oneshot(request).await {
                Ok(answer) => return Ok(answer::of_tape(answer)),
                Err(error) => match error.downcast::<traffic_recorder::Error>() {
                    Ok(error) if matches!(error.kind(), ErrorKind::Miss(_)) => {
                        miss.get_or_insert(error.to_string());
                    }
                    Ok(error) => return Ok(answer::text(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n"))),
                    Err(error) => {
                        let fault = error.downcast_ref::<ReplayedFault>().map(ToString::to_string);
                        return Err(Closed(fault.unwrap_or_else(|| error.to_string())));
                    }
                },
            }
        }
        let text = miss.unwrap_or_else(|| format!("no tape answers {} {}", parts.method, parts.uri));
        Ok(answer::text(StatusCode::NOT_FOUND, format!("{text}\n")))
    }

    fn candidates(&self, parts: &http::request::Parts) -> Vec<usize> {
        let request = traffic_recorder::tape::Request {
            method: parts.method.to_string(),
            url: parts.uri.to_string(),
            version: traffic_recorder::tape::Version::Http11,
            headers: traffic_recorder::tape::Headers::new(),
            body: traffic_recorder::tape::Body::Absent,
            trailers: traffic_recorder::tape::Headers::new(),
        };
        let stem = self.settings.explain(&request).map(|explained| stem(Path::new(&explained.file)));
        match stem.ok().and_then(|stem| self.index.get(&stem)) {
            Some(found) => found.clone(),
            // A rule of a folder may have moved it elsewhere; asking all costs little where there are few.
            None => (0..self.folders.len().min(MOST_ASKED)).collect(),
        }
    }
}

/// Folders that are asked where the name of a tape tells nothing.
const MOST_ASKED: usize = 32;

/// A body that may be absent, which is not the same as one of no bytes.
struct Sent(Option<Full<bytes::Bytes>>);

impl http_body::Body for Sent {
    type Data = bytes::Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<bytes::Bytes>, Self::Error>>> {
        match &mut self.0 {
            Some(body) => std::pin::Pin::new(body).poll_frame(cx),
            None => std::task::Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(http_body::Body::is_end_stream)
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.0.as_ref().map_or_else(|| http_body::SizeHint::with_exact(0), http_body::Body::size_hint)
    }
}

/// The name of a tape without its key: method, host and path.
fn stem(file: &Path) -> String {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    stem.rsplit_once('-').map_or_else(|| stem.to_string(), |(stem, _)| stem.to_owned())
}

fn place(uri: &Uri) -> Option<(Scheme, Authority)> {
    Some((uri.scheme()?.clone(), uri.authority()?.clone()))
}

fn service(url: &str) -> anyhow::Result<(Scheme, Authority)> {
    let uri: Uri = url.parse().with_context(|| format!("--as {url} is no URL"))?;
    place(&uri).with_context(|| format!("--as {url} has to name scheme and host, as in https://api.example.com"))
}
