//! httpbin itself: one process for this test binary, on a free port of loopback, by its own server.
//!
//! That server is Flask's, Werkzeug: HTTP/1.1, a thread for each request, `connection: close` on every answer, reason phrases
//! in capitals, and 501 for a request in chunks, which httpbin refuses under any server but gunicorn.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;

/// The process.
pub(crate) struct Server {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// What it answers, as Flask writes it: `/status/<codes>`.
    pub(crate) routes: Vec<String>,
    /// It ends when this pipe does: with this process, however that ends.
    _lifeline: ChildStdin,
    _process: Child,
}

/// What `python -m httpbin.core --host 127.0.0.1 --port 0` does, without loading it twice; and the other end of the lifeline.
const PROGRAM: &str = r#"
import os, sys, threading
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
from httpbin.core import app
for rule in app.url_map.iter_rules():
    print("route", rule.rule, file=sys.stderr)
app.run(host="127.0.0.1", port=0)
"#;

impl Server {
    /// The one of this test binary; `None`, and why, where httpbin is not installed.
    ///
    /// # Panics
    /// With `CI` set, instead of `None`; where `HTTPBIN_PYTHON` names a Python that has no httpbin; where it does not start.
    pub(crate) fn shared() -> Option<&'static Self> {
        static SERVER: OnceLock<Option<Server>> = OnceLock::new();
        SERVER.get_or_init(|| python().map(|python| Self::start(&python))).as_ref()
    }

    fn start(python: &str) -> Self {
        let mut command = Command::new(python);
        command.args(["-c", PROGRAM]).env("PYTHONUNBUFFERED", "1");
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut process = command.spawn().expect("a Python that starts");
        let lifeline = process.stdin.take().expect("a pipe");
        let mut said = BufReader::new(process.stderr.take().expect("a pipe")).lines().map_while(Result::ok);
        let mut before = Vec::new();
        let address = said.by_ref().find_map(|line| {
            let found = line.split_once("Running on http://").and_then(|(_, address)| address.trim().parse().ok());
            before.push(line);
            found
        });
        let address = address.unwrap_or_else(|| panic!("httpbin did not start:\n{}", before.join("\n")));
        // Its log has a line for each request; nobody reads it, and a full pipe would stop it.
        std::thread::spawn(move || said.for_each(drop));
        let routes = before.iter().filter_map(|line| line.strip_prefix("route ")).map(str::to_owned).collect();
        Self { address, routes, _lifeline: lifeline, _process: process }
    }
}

/// A Python with httpbin.
fn python() -> Option<String> {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    if let Some(python) = set("HTTPBIN_PYTHON") {
        assert!(has_httpbin(&python), "HTTPBIN_PYTHON is {python}, which cannot `import httpbin.core`");
        return Some(python);
    }
    if has_httpbin("python3") {
        return Some("python3".to_owned());
    }
    let in_ci = set("CI").is_some_and(|value| !matches!(value.as_str(), "0" | "false"));
    let why = "httpbin is not installed: `pip install --requirement .ci/httpbin.txt` in a venv, and HTTPBIN_PYTHON=<its python>";
    assert!(!in_ci, "{why}");
    eprintln!("skipped: {why}");
    None
}

fn has_httpbin(python: &str) -> bool {
    let mut command = Command::new(python);
    command.args(["-c", "import httpbin.core"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
