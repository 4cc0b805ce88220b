//! A folder with a configuration, the real binary in it, and a partner that notes what it gets.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Nothing here takes longer, unless it is broken.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until something is there.
pub(crate) fn eventually<T>(what: &str, mut find: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = find() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "waited {PATIENCE:?} for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A folder of its own for each test.
pub(crate) struct Folder {
    folder: tempfile::TempDir,
}

impl Folder {
    /// With this `router.yaml`; listeners choose their ports.
    pub(crate) fn new(yaml: &str) -> Self {
        let folder = Self { folder: tempfile::tempdir().unwrap() };
        folder.write("router.yaml", &format!("listen: 127.0.0.1:0\nadmin: {{listen: 127.0.0.1:0}}\n{yaml}"));
        folder
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Replaces a file as an editor does: whole.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let new = path.with_extension("new");
        std::fs::write(&new, text).unwrap();
        std::fs::rename(new, path).unwrap();
    }

    /// A new configuration, with the same listeners.
    pub(crate) fn configure(&self, yaml: &str) {
        self.write("router.yaml", &format!("listen: 127.0.0.1:0\nadmin: {{listen: 127.0.0.1:0}}\n{yaml}"));
    }

    /// Runs a command to its end.
    pub(crate) fn command(&self, arguments: &[&str]) -> Output {
        self.builder(arguments).output().unwrap()
    }

    /// Runs a command that must succeed, and gives what it printed.
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments);
        assert!(output.status.success(), "router {arguments:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    fn builder(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_router"));
        command.args(arguments).current_dir(self.path()).env_remove("RUST_LOG").env_remove("ROUTER_CONFIG");
        command
    }

    /// Starts a router and waits until it takes events.
    pub(crate) fn start(&self) -> Router {
        self.start_with(&[])
    }

    pub(crate) fn start_with(&self, more: &[&str]) -> Router {
        let note = self.path().join("data/running.json");
        let _ = std::fs::remove_file(&note);
        let arguments: Vec<&str> = ["run"].iter().chain(more).copied().collect();
        let mut child = self.builder(&arguments).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let into = said.clone();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                into.lock().unwrap().push_str(&format!("{line}\n"));
            }
        });
        let mut router = Router { child, said, listen: 0, admin: 0, folder: self.path().to_owned() };
        let note: Value = eventually("the router to start", || {
            assert!(router.child.try_wait().unwrap().is_none(), "the router ended: {}", router.said());
            serde_json::from_slice(&std::fs::read(&note).ok()?).ok()
        });
        let port = |key: &str| note[key].as_str().unwrap().rsplit(':').next().unwrap().parse().unwrap();
        (router.listen, router.admin) = (port("listen"), port("admin"));
        eventually("the router to be ready", || (router.admin("GET", "/readyz", "").0 == 200).then_some(()));
        router
    }
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A router that runs; killed where the test ends before it does.
pub(crate) struct Router {
    pub(crate) child: Child,
    said: Arc<Mutex<String>>,
    pub(crate) listen: u16,
    pub(crate) admin: u16,
    pub(crate) folder: PathBuf,
}

impl Drop for Router {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Router {
    /// What it has logged.
    pub(crate) fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// Sends one track event; gives the status.
    pub(crate) fn track(&self, key: &str, id: &str) -> u16 {
        let body = format!(r#"{{"userId":"u1","event":"Paid","messageId":"{id}","properties":{{"total":12.5}}}}"#);
        self.post(key, "/v1/track", &body).0
    }

    pub(crate) fn post(&self, key: &str, path: &str, body: &str) -> (u16, String) {
        use base64::Engine;
        let basic = base64::engine::general_purpose::STANDARD.encode(format!("{key}:"));
        request(self.listen, "POST", path, &[("authorization", &format!("Basic {basic}"))], body).unwrap()
    }

    pub(crate) fn admin(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        request(self.admin, method, path, &[], body).unwrap_or_default()
    }

    pub(crate) fn json(&self, path: &str) -> Value {
        let (status, body) = self.admin("GET", path, "");
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    /// The value of a metric, by its name and labels.
    pub(crate) fn metric(&self, name: &str) -> Option<f64> {
        let (_, body) = self.admin("GET", "/metrics", "");
        let line = body.lines().find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')))?;
        line.rsplit(' ').next()?.parse().ok()
    }

    /// Sends a signal by the system's own command.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for its end; gives its exit code.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        eventually("the router to end", || self.child.try_wait().unwrap()).code()
    }
}

/// One request on a connection of its own; `None` where nobody answers.
pub(crate) fn request(
    port: u16,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n{headers}\r\n{body}",
        body.len()
    )
    .ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let answer = text(&answer);
    let status = answer.split(' ').nth(1)?.parse().ok()?;
    let (_, body) = answer.split_once("\r\n\r\n")?;
    Some((status, body.to_owned()))
}

/// What a partner got.
#[derive(Debug, Clone)]
pub(crate) struct Got {
    pub(crate) path: String,
    pub(crate) body: Value,
}

/// A partner that notes every request, and answers with what it is told to.
pub(crate) struct Sink {
    pub(crate) port: u16,
    status: Arc<AtomicU16>,
    got: Arc<Mutex<Vec<Got>>>,
}

impl Sink {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let sink = Self { port, status: Arc::new(AtomicU16::new(200)), got: Arc::default() };
        let (status, got) = (sink.status.clone(), sink.got.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (status, got) = (status.clone(), got.clone());
                std::thread::spawn(move || serve(stream, &status, &got));
            }
        });
        sink
    }

    /// From now on it answers so.
    pub(crate) fn answer(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    pub(crate) fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }

    /// The ids of the events that it took, sorted; a delivery that came twice stands there twice.
    pub(crate) fn ids(&self) -> Vec<String> {
        let mut ids: Vec<String> =
            self.got().iter().filter_map(|got| Some(got.body.get("messageId")?.as_str()?.to_owned())).collect();
        ids.sort();
        ids
    }

    /// An entry of `destinations:` that sends here.
    pub(crate) fn hook(&self) -> String {
        self.hook_with("/events", "")
    }

    /// The same, to another path and with more in it.
    pub(crate) fn hook_with(&self, path: &str, more: &str) -> String {
        format!(
            "{{type: webhook, actions: [{{action: send, when: 'type = \"track\"', mapping: {{url: 'http://127.0.0.1:{}{path}', \
             method: POST}}}}], allow_internal: true{more}}}",
            self.port
        )
    }
}

fn serve(stream: TcpStream, status: &AtomicU16, got: &Mutex<Vec<Got>>) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut stream = stream;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let path = line.split(' ').nth(1)?.to_owned();
        let mut length = 0;
        loop {
            let mut header = String::new();
            reader.read_line(&mut header).ok()?;
            let header = header.trim().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let status = status.load(Ordering::SeqCst);
        if status < 300 {
            let body = serde_json::from_slice(&body).unwrap_or_default();
            got.lock().unwrap().push(Got { path, body });
        }
        write!(stream, "HTTP/1.1 {status} told\r\ncontent-length: 2\r\n\r\n{{}}").ok()?;
    }
}
