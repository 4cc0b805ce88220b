//! A folder of tapes that was made a moment ago, and the command run on it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, UNIX_EPOCH};

use traffic_recorder::tape::{
    Answer, Body, Fault, FaultKind, Headers, Layer, Origin, Outcome, Recorded, Request, Take, Version,
};
use traffic_recorder::{Mode, Recorder};

/// A temporary folder with `tapes/` in it.
pub(crate) struct Place {
    pub(crate) folder: tempfile::TempDir,
}

/// What a command did.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("tapes")).expect("made");
        Self { folder }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Tapes of these exchanges in `tapes/<test>/`.
    pub(crate) fn tapes(&self, test: &str, exchanges: Vec<(Request, Take)>) -> Vec<PathBuf> {
        self.recorded(Recorder::at(self.path().join("tapes").join(test)), test, exchanges)
    }

    /// The same without redaction: what an older recorder, or a hand, may have left.
    pub(crate) fn careless_tapes(&self, test: &str, exchanges: Vec<(Request, Take)>) -> Vec<PathBuf> {
        self.recorded(Recorder::at(self.path().join("tapes").join(test)).as_is(), test, exchanges)
    }

    fn recorded(&self, recorder: Recorder, test: &str, exchanges: Vec<(Request, Take)>) -> Vec<PathBuf> {
        let tapes = recorder.mode(Mode::Record).open().expect("open");
        for (request, take) in exchanges {
            tapes.session().import(request, take, Layer::Wire).expect("imported");
        }
        let report = tapes.finish().expect("saved");
        report.written.iter().map(|name| self.path().join("tapes").join(test).join(name)).collect()
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        std::fs::write(&path, text).expect("written");
        path
    }

    /// Runs `tapes` in the folder. Its own path is taken out of what it prints.
    pub(crate) fn run<S: AsRef<std::ffi::OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Ran {
        let output = self.command().args(args).output().expect("run");
        self.ran(&output)
    }

    /// The command, not run yet.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tapes"));
        command.current_dir(self.path()).env_remove("RECORD").env_remove("CI").env_remove("COLUMNS");
        command
    }

    pub(crate) fn ran(&self, output: &Output) -> Ran {
        let text = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes).into_owned();
            text.replace(&format!("{}/", self.path().display()), "")
        };
        Ran { code: output.status.code().expect("a code"), out: text(&output.stdout), err: text(&output.stderr) }
    }
}

impl Ran {
    /// The output, of a run that ended with this code.
    #[track_caller]
    pub(crate) fn with_code(self, code: i32) -> String {
        assert_eq!(self.code, code, "{}{}", self.out, self.err);
        self.out
    }

    #[track_caller]
    pub(crate) fn json(self, code: i32) -> serde_json::Value {
        let out = self.with_code(code);
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}"))
    }
}

pub(crate) fn request(method: &str, url: &str) -> Request {
    Request {
        method: method.to_owned(),
        url: url.to_owned(),
        version: Version::Http11,
        headers: Headers::new(),
        body: Body::Absent,
        trailers: Headers::new(),
    }
}

pub(crate) fn posted(url: &str, json: &str) -> Request {
    let mut request = request("POST", url);
    request.headers.push("content-type", "application/json");
    request.body = Body::Bytes(json.to_owned().into());
    request
}

/// An answer of a content type and a body.
pub(crate) fn answered(status: u16, media: &str, body: &str) -> Take {
    let mut headers = Headers::new();
    headers.push("content-type", media.to_owned());
    take(Outcome::Answer(Answer {
        status,
        reason: None,
        version: Version::Http11,
        url: None,
        headers,
        body: Body::Bytes(body.to_owned().into()),
        frames: Vec::new(),
        trailers: Headers::new(),
        transcript: None,
        cut: None,
    }))
}

pub(crate) fn refused() -> Take {
    take(Outcome::Fault(Fault { kind: FaultKind::Refused, message: "connection refused".to_owned() }))
}

fn take(outcome: Outcome) -> Take {
    let recorded = Recorded {
        at: UNIX_EPOCH + Duration::from_secs(1_767_225_600),
        elapsed: Duration::from_millis(182),
        frames: Vec::new(),
        from: Origin::Live,
        notes: Vec::new(),
    };
    Take { outcome, recorded }
}

/// A shop's tapes: an order, a list of orders taken twice, a connection that was refused.
pub(crate) fn shop() -> Place {
    let place = Place::new();
    place.tapes(
        "orders",
        vec![
            (
                posted("https://shop.test/orders", r#"{"id":1,"total":9.50}"#),
                answered(201, "application/json", r#"{"id":1,"state":"new"}"#),
            ),
            (
                request("GET", "https://shop.test/orders?page=1"),
                answered(200, "application/json", r#"{"orders":[],"next":null}"#),
            ),
            (
                request("GET", "https://shop.test/orders?page=1"),
                answered(200, "application/json", r#"{"orders":[{"id":1}],"next":null}"#),
            ),
        ],
    );
    place.tapes("down", vec![(request("GET", "https://down.test/"), refused())]);
    place
}

/// The only tape in `tapes/<test>/` whose name begins so.
pub(crate) fn tape(place: &Place, test: &str, begins: &str) -> PathBuf {
    let folder = place.path().join("tapes").join(test);
    let entries = std::fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut found: Vec<_> =
        entries.filter(|path| path.file_name().expect("a name").to_string_lossy().starts_with(begins)).collect();
    assert_eq!(found.len(), 1, "{begins} in {}", folder.display());
    found.remove(0)
}
