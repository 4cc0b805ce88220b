//! The loopback engine: what it serves, and what it does not let happen. That a plain reqwest shows the behaviours of all clients
//! through it is in the shared suite.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod awc;
mod clients;
mod hostile;
mod run;
mod websocket;
mod wire;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use recorder_tests::origin::Origin;
use recorder_tests::secure::Secure;
use tempfile::TempDir;
use traffic_recorder::proxy::Proxy;
use traffic_recorder::{Mode, Recorder, Tapes};

/// A service, plain and behind TLS, and a folder for tapes.
struct Stage {
    origin: Origin,
    secure: Secure,
    dir: TempDir,
}

impl Stage {
    fn new() -> Self {
        let origin = Origin::start();
        let secure = Secure::before(&origin, "localhost");
        Self { origin, secure, dir: tempfile::tempdir().unwrap() }
    }

    fn folder(&self) -> PathBuf {
        self.dir.path().join("tapes/test")
    }

    fn tapes(&self, mode: Mode) -> Tapes {
        Recorder::at(self.folder()).mode(mode).open().unwrap()
    }

    /// An engine that trusts the service.
    fn proxy(&self, tapes: &Tapes) -> Proxy {
        tapes.proxy_builder().trust_pem(self.secure.pem()).unwrap().start().unwrap()
    }

    /// What a program gets while it is recorded, and then from the tapes.
    fn twice<T: PartialEq + std::fmt::Debug>(&self, program: impl Fn(&Proxy) -> T) -> T {
        let tapes = self.tapes(Mode::Record);
        let live = program(&self.proxy(&tapes));
        tapes.finish().unwrap();
        let hits = self.origin.hits();
        assert!(hits > 0);
        let tapes = self.tapes(Mode::Replay);
        assert_eq!(program(&self.proxy(&tapes)), live);
        tapes.finish().unwrap();
        assert_eq!(self.origin.hits(), hits, "replaying asks nobody");
        live
    }

    fn only_tape(&self) -> String {
        let tapes: Vec<_> = std::fs::read_dir(self.folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
        let [tape] = &tapes[..] else { panic!("one tape: {tapes:?}") };
        std::fs::read_to_string(tape).unwrap()
    }
}

/// Sends bytes to the engine and reads until it closes, or two seconds are over.
fn say(proxy: &Proxy, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(proxy.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(n) = stream.read(&mut buffer) {
        if n == 0 {
            break;
        }
        answer.extend_from_slice(&buffer[..n]);
    }
    String::from_utf8_lossy(&answer).into_owned()
}

/// Runs curl; the test is skipped where there is none, and fails for that in continuous integration.
fn curl(args: &[&str]) -> Option<(i32, String)> {
    let output = match Command::new("curl").args(["--silent", "--show-error", "--max-time", "20"]).args(args).output() {
        Ok(output) => output,
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "curl does not run: {error}");
            println!("skipped: curl does not run: {error}");
            return None;
        }
    };
    let text = [output.stdout, output.stderr].concat();
    Some((output.status.code().unwrap_or(-1), String::from_utf8_lossy(&text).into_owned()))
}
