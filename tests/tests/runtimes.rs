//! What is shown on one client alone: no runtime, a paused clock, constant memory, what a `reqwest::Response` tells, what a
//! default build contains. R79, R80, R85, R86.

use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::process::Command;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use recorder_tests::Bench;
use recorder_tests::adapters::{Adapter, Ask, Options, Piece, TOWER, UREQ};
use recorder_tests::origin::Reply;
use tower::{Layer, ServiceExt, service_fn};
use traffic_recorder::client::{BoxError, SentBody};
use traffic_recorder::{Mode, Recorder, Tapes, Timing};

/// Wakes a thread.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// An executor of a dozen lines: nothing here knows of tokio.
fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}

/// A request through a tower stack whose network is a function.
async fn greet(tapes: &Tapes) -> Result<Bytes, BoxError> {
    let network = service_fn(|request: http::Request<SentBody<Full<Bytes>>>| async {
        let sent = request.into_body().collect().await.expect("a body").to_bytes();
        Ok::<_, Infallible>(http::Response::new(Full::new(Bytes::from([b"hello ", &sent[..]].concat()))))
    });
    let request = http::Request::post("https://api.example.com/greet").body(Full::new(Bytes::from_static(b"ann")))?;
    Ok(tapes.layer().layer(network).oneshot(request).await?.into_body().collect().await?.to_bytes())
}

#[test]
fn r85_no_runtime_is_needed() {
    let bench = Bench::new(&TOWER);
    for mode in [Mode::Record, Mode::Replay] {
        let tapes = bench.recorder(mode).open().expect("tapes");
        assert!(tokio::runtime::Handle::try_current().is_err());
        assert_eq!(block_on(greet(&tapes)).expect("an answer"), "hello ann", "{mode}");
        tapes.finish().expect("a good end");
    }
    // Waiting needs none either.
    let pause = Duration::from_millis(20);
    bench.edit(|tape| tape.takes[0].recorded.elapsed = pause);
    let tapes = bench.recorder(Mode::Replay).timing(Timing::Scaled(1.0)).open().expect("tapes");
    let started = std::time::Instant::now();
    assert_eq!(block_on(greet(&tapes)).expect("an answer"), "hello ann");
    assert!(started.elapsed() >= pause);
    tapes.finish().expect("a good end");
}

#[tokio::test(start_paused = true)]
async fn r85_a_paused_clock_is_the_clock() {
    let bench = Bench::new(&TOWER);
    let tapes = bench.recorder(Mode::Record).open().expect("tapes");
    greet(&tapes).await.expect("an answer");
    tapes.finish().expect("a good end");
    let hour = Duration::from_secs(3600);
    bench.edit(|tape| tape.takes[0].recorded.elapsed = hour);
    let tapes = bench.recorder(Mode::Replay).timing(Timing::Scaled(1.0)).open().expect("tapes");
    let started = tokio::time::Instant::now();
    assert_eq!(greet(&tapes).await.expect("an answer"), "hello ann");
    assert_eq!(started.elapsed(), hour, "an hour of tokio's time, none of ours");
    tapes.finish().expect("a good end");
}

#[test]
fn r85_no_lock_is_held_while_a_future_waits() {
    // A guard of the standard library's mutex is not `Send`: one that lived across an await would make its future so.
    fn sendable<T: Send>(value: T) -> T {
        value
    }
    let bench = Bench::new(&TOWER);
    let tapes = bench.recorder(Mode::Record).open().expect("tapes");
    let network = service_fn(|_: http::Request<SentBody<Full<Bytes>>>| async {
        Ok::<_, Infallible>(http::Response::new(Full::new(Bytes::new())))
    });
    let request = http::Request::get("https://api.example.com/").body(Full::new(Bytes::new())).expect("a request");
    let asked = sendable(tapes.layer().layer(network).oneshot(request));
    let response = sendable(block_on(asked).expect("an answer"));
    assert_eq!(block_on(sendable(response.into_body().collect())).expect("a body").to_bytes(), "");
    tapes.finish().expect("a good end");
}

/// What a `reqwest::Response` tells, live and replayed.
macro_rules! reqwest_tells {
    ($name:ident, $reqwest:ident, $builder:ident, $adapter:ident) => {
        #[tokio::test]
        async fn $name() {
            let bench = Bench::new(&recorder_tests::adapters::$adapter);
            bench.origin.answer("/chunked", Reply::text("no length").chunked());
            let tell = async |mode| {
                let tapes = bench.recorder(mode).open().expect("tapes");
                let client = tapes.$builder($reqwest::Client::builder().no_proxy()).expect("a client");
                let mut told = Vec::new();
                for path in ["/json", "/redirect/2", "/chunked", "/no-content", "/empty", "/repeated", "/trailers"] {
                    let response = client.get(bench.origin.url(path)).send().await.expect("an answer");
                    let via: Vec<_> = response.headers().get_all("via").iter().cloned().collect();
                    let reason = response.extensions().get::<hyper::ext::ReasonPhrase>().cloned();
                    let head = (response.status(), response.version(), response.url().clone());
                    told.push((head, response.content_length(), via, reason, response.bytes().await.expect("a body")));
                }
                tapes.finish().expect("a good end");
                told
            };
            let live = tell(Mode::Record).await;
            assert_eq!(tell(Mode::Replay).await, live);
            assert_eq!(live[1].0.2.path(), "/redirect/0");
            assert_eq!((live[0].1, live[2].1), (Some(43), None));
        }
    };
}

reqwest_tells!(r79_a_response_of_reqwest_0_12_tells_the_same, reqwest_0_12, reqwest_0_12_builder, REQWEST_0_12);
reqwest_tells!(r79_a_response_of_reqwest_0_13_tells_the_same, reqwest_0_13, reqwest_builder, REQWEST_0_13);

/// The body of the memory test, in MiB. A build without optimisation hashes and searches so slowly that it gets a smaller one,
/// which is still far larger than what may be held.
const LARGE: usize = if cfg!(debug_assertions) { 40 } else { 300 };

/// Runs in a process of its own: what others do there does not count.
fn in_a_process_of_its_own(test: &str) {
    let this = std::env::current_exe().expect("this binary");
    let output = Command::new(this).args([test, "--exact", "--ignored", "--nocapture"]).output().expect("a process");
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

/// The most memory this process has had, in MiB.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("a peak");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<usize>().ok()).expect("KiB") / 1024
}

/// Records and replays a large body, reading it piece by piece.
fn large(adapter: &'static dyn Adapter) {
    let bench = Bench::new(adapter);
    bench.configure("body_limit: 1MiB\n");
    let block = Bytes::from(recorder_tests::origin::pattern(0, 1 << 20));
    let reply = Reply::new(200).header("content-type", "application/octet-stream");
    bench.origin.answer("/large", (0..LARGE).fold(reply, |reply, _| reply.piece(block.clone())));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let before = peak();
    for mode in [Mode::Record, Mode::Replay] {
        runtime.block_on(async {
            let tapes = bench.recorder(mode).open().expect("tapes");
            let client = adapter.client(&tapes, &Options::default());
            let mut opened = client.open(Ask::get(bench.origin.url("/large"))).await.expect("an answer");
            let mut read = 0;
            while let Some(piece) = opened.next().await {
                let Piece::Data(bytes) = piece.expect("a piece") else { continue };
                let at = read % block.len();
                let first = bytes.len().min(block.len() - at);
                assert!(bytes[..first] == block[at..at + first], "{mode}: other bytes at {read}");
                read += bytes.len();
            }
            assert_eq!(read, LARGE << 20, "{mode}");
            tapes.finish().expect("a good end");
        });
        let grown = peak() - before;
        assert!(grown < 16, "{mode}: {grown} MiB more for a body of {LARGE} MiB");
    }
}

#[test]
#[ignore = "the other half of r80_memory_does_not_grow_with_the_body_async"]
fn r80_child_async() {
    large(&TOWER);
}

#[test]
#[ignore = "the other half of r80_memory_does_not_grow_with_the_body_blocking"]
fn r80_child_blocking() {
    large(&UREQ);
}

#[test]
fn r80_memory_does_not_grow_with_the_body_async() {
    in_a_process_of_its_own("r80_child_async");
}

#[test]
fn r80_memory_does_not_grow_with_the_body_blocking() {
    in_a_process_of_its_own("r80_child_blocking");
}

/// Every crate that a build of the library with these features contains.
fn crates(features: &[&str]) -> Vec<String> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["tree", "--offline", "--locked", "-p", "traffic-recorder", "-e", "normal", "--prefix", "none"]);
    let output = cargo.args(["--format", "{lib}"]).args(features).output().expect("cargo");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn r86_a_default_build_has_no_client_no_runtime_no_tls_and_no_command_line() {
    const HEAVY: [&str; 12] = [
        "hyper",
        "tokio",
        "reqwest",
        "ureq",
        "rustls",
        "native_tls",
        "openssl",
        "ring",
        "clap",
        "brotli",
        "h2",
        "tower",
    ];
    let default = crates(&[]);
    assert!(default.iter().any(|name| name == "http"), "{default:?}");
    let found: Vec<_> = default.iter().filter(|name| HEAVY.contains(&name.as_str())).collect();
    assert!(found.is_empty(), "{found:?}");
    // Features only add.
    let all = crates(&["--all-features"]);
    assert!(default.iter().all(|name| all.contains(name)), "{all:?}");
    assert!(!all.iter().any(|name| ["clap", "native_tls", "openssl"].contains(&name.as_str())), "{all:?}");
}

#[test]
fn r84_a_recorder_of_a_folder_needs_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let tapes = Recorder::at(folder.path().join("new/and/deep")).mode(Mode::Record).open().expect("tapes");
    assert_eq!(block_on(greet(&tapes)).expect("an answer"), "hello ann");
    tapes.finish().expect("a good end");
    assert!(folder.path().join("new/and/deep").is_dir());
}
