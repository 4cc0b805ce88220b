//! The recorder in the benchmarks: the only file here that knows its interface.

use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use tower::{Layer, Service, ServiceExt};
use traffic_recorder::{Mode, Recorder, Repeat, Tapes, UnusedRule};

use crate::Error;
use crate::origin::InProcess;
use crate::workload::{Ask, Workload};

/// Where the requests of the in-process benchmarks go.
pub const BASE: &str = "http://api.example";

impl Ask {
    /// The request in `http` types.
    ///
    /// # Errors
    /// None in practice: that of building a request.
    pub fn http(&self) -> Result<Request<Full<Bytes>>, Error> {
        let mut request = Request::builder().method(self.method).uri(self.url.as_str());
        for (name, value) in self.headers {
            request = request.header(*name, *value);
        }
        Ok(request.body(self.fresh_body().map_or_else(Full::default, Full::new))?)
    }
}

/// Replays from a folder; answers may be asked for again, and need not be.
///
/// # Errors
/// Those of opening.
pub fn replaying(folder: &Path) -> Result<Tapes, Error> {
    Ok(Recorder::at(folder).mode(Mode::Replay).repeat(Repeat::Last).unused(UnusedRule::Allow).open()?)
}

/// Records into a folder.
///
/// # Errors
/// Those of opening.
pub fn recording(folder: &Path) -> Result<Tapes, Error> {
    Ok(Recorder::at(folder).mode(Mode::Record).unused(UnusedRule::Allow).open()?)
}

/// Records `count` requests from the service in this process; gives back how long saving them took.
///
/// # Errors
/// Those of the recorder.
pub async fn record(folder: &Path, workload: Workload, count: usize) -> Result<Duration, Error> {
    let tapes = recording(folder)?;
    let mut service = tapes.layer().layer(InProcess::default());
    for ask in workload.asks(BASE, count, count) {
        let (status, body) = exchange(&mut service, &ask).await?;
        if !workload.fits(ask.number, status, &body) {
            return Err(format!("{} {}: a wrong answer while recording", workload.name(), ask.number).into());
        }
    }
    drop(service);
    let start = Instant::now();
    tapes.finish()?;
    Ok(start.elapsed())
}

/// One request through a service of `http` types, its answer read to the end.
///
/// # Errors
/// Those of the service and of the body.
pub async fn exchange<S, B>(service: &mut S, ask: &Ask) -> Result<(u16, Bytes), Error>
where
    S: Service<Request<Full<Bytes>>, Response = http::Response<B>>,
    S::Error: Into<Error>,
    B: http_body::Body,
    B::Error: Into<Error>,
{
    let response = service.ready().await.map_err(Into::into)?.call(ask.http()?).await.map_err(Into::into)?;
    let status = response.status().as_u16();
    Ok((status, response.into_body().collect().await.map_err(Into::into)?.to_bytes()))
}

/// One request through reqwest with our middleware, its answer read to the end.
///
/// # Errors
/// Those of reqwest.
pub async fn exchange_reqwest(
    client: &reqwest_middleware_0_5::ClientWithMiddleware,
    ask: &Ask,
) -> Result<(u16, Bytes), Error> {
    let mut request = client.request(ask.method.parse()?, ask.url.as_str());
    for (name, value) in ask.headers {
        request = request.header(*name, *value);
    }
    if let Some(body) = ask.fresh_body() {
        request = request.body(body);
    }
    let response = request.send().await?;
    Ok((response.status().as_u16(), response.bytes().await?))
}
