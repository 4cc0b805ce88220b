//! What is carried over the engine's own wire.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use recorder_tests::Bench;
use recorder_tests::adapters::REQWEST_CLIENT;
use recorder_tests::origin::{Gate, Reply};
use traffic_recorder::Mode;
use traffic_recorder::proxy::Proxy;

use crate::{Stage, say};

fn get(stage: &Stage, path: &str) -> String {
    format!("GET {} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", stage.origin.url(path))
}

#[test]
fn trailers_and_chunks_reach_a_client_as_they_were_sent() {
    let stage = Stage::new();
    let answer = stage
        .twice(|proxy| say(proxy, get(&stage, "/trailers").replace("host: x", "host: x\r\nte: trailers").as_bytes()));
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(body.contains("\r\n0\r\n") && body.trim_end().lines().last().unwrap().contains(": "), "{answer}");
}

#[test]
fn r77_an_interim_answer_reaches_the_client_when_it_arrives() {
    let stage = Stage::new();
    let gate = Gate::closed();
    let interim = Reply::text("final").interim(103, "link", "</style.css>; rel=preload");
    stage.origin.answer("/early", interim.held_by(&gate));
    let tapes = stage.tapes(Mode::Record);
    let proxy = stage.proxy(&tapes);
    let answer = say_and_open(&proxy, &get(&stage, "/early"), &gate);
    assert!(
        answer.starts_with("HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload\r\n\r\nHTTP/1.1 200"),
        "{answer}"
    );
    tapes.finish().unwrap();
    // The tape has the final answer alone.
    let tapes = stage.tapes(Mode::Replay);
    let answer = say(&stage.proxy(&tapes), get(&stage, "/early").as_bytes());
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("final"), "{answer}");
    tapes.finish().unwrap();
}

/// Sends a request and opens the gate behind which the answer waits when the first bytes are there, or soon.
fn say_and_open(proxy: &Proxy, request: &str, gate: &Gate) -> String {
    let mut stream = TcpStream::connect(proxy.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut first = [0; 4096];
    let n = stream.read(&mut first).unwrap_or(0);
    gate.open();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let mut rest = String::new();
    stream.read_to_string(&mut rest).unwrap();
    format!("{}{rest}", String::from_utf8_lossy(&first[..n]))
}

#[test]
fn r41_a_connection_ends_as_it_ended_when_it_was_recorded() {
    // How it ends is in the suite; here are the very bytes.
    let stage = Stage::new();
    for path in ["/close", "/reset", "/garbage", "/cut", "/cut/chunked", "/reset/body"] {
        let stage = Stage { dir: tempfile::tempdir().unwrap(), ..Stage::new() };
        let answer = stage.twice(|proxy| say(proxy, get(&stage, path).as_bytes()));
        match path {
            "/close" | "/reset" => assert_eq!(answer, "", "{path}"),
            "/garbage" => assert_eq!(answer, "this is not HTTP\r\n\r\n"),
            _ => assert!(answer.contains("part of ") && !answer.ends_with("0\r\n\r\n"), "{path}: {answer}"),
        }
    }
    drop(stage);
}

/// What the list of clients over the engine says of R09, R56 and R64: the words are there.
#[tokio::test]
async fn a_refusal_reaches_a_client_in_words() {
    let bench = Bench::new(&REQWEST_CLIENT);
    let run = bench.replay();
    let failure = run.fails("/ok").await;
    assert!(failure.text.starts_with("[miss] traffic-recorder: no tape answers GET"), "{failure}");
    assert!(failure.text.contains("RECORD="), "it says how to go on: {failure}");
    let client = std::sync::Arc::clone(&run.client);
    let url = run.url("/late");
    assert_eq!(run.fault().code(), "miss");
    let late = client.send(recorder_tests::adapters::Ask::get(url)).await.unwrap_err();
    assert!(
        late.text.starts_with("[stopped]") && late.text.contains("after the recorder of test had finished"),
        "{late}"
    );
}

#[test]
fn an_upgraded_connection_is_refused_with_a_reason() {
    let stage = Stage::new();
    let tapes = stage.tapes(Mode::Record);
    let proxy = stage.proxy(&tapes);
    // WebSocket is recorded, where it is WebSocket: this one has no key.
    for upgrade in ["ircu", "websocket\r\nsec-websocket-version: 13"] {
        let upgrade = format!("connection: upgrade\r\nupgrade: {upgrade}");
        let answer = say(&proxy, get(&stage, "/ws").replace("connection: close", &upgrade).as_bytes());
        assert!(answer.starts_with("HTTP/1.1 501") && answer.contains("x-tapes-error: upgrade"), "{answer}");
        assert!(answer.contains("WebSocket") && answer.contains("NO_PROXY"), "{answer}");
    }
    assert_eq!(stage.origin.hits(), 0);
    tapes.finish().unwrap();
    // One to HTTP/2 may be declined, and is: the request is answered over HTTP/1.1.
    let upgrade = "connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__";
    let tapes = stage.tapes(Mode::Record);
    let answer = say(&stage.proxy(&tapes), get(&stage, "/ok").replace("connection: close", upgrade).as_bytes());
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("ok"), "{answer}");
    let received = &stage.origin.received()[0];
    assert!(received.header("upgrade").is_none() && received.header("http2-settings").is_none());
    tapes.finish().unwrap();
}

#[test]
fn r74_what_a_client_does_not_read_of_a_small_answer_is_on_the_tape_whole() {
    let stage = Stage::new();
    let gate = Gate::closed();
    stage.origin.answer("/page", Reply::text("a page ").chunked().wait(&gate).piece("that nobody reads"));
    let tapes = stage.tapes(Mode::Record);
    let proxy = stage.proxy(&tapes);
    let mut stream = TcpStream::connect(proxy.address()).unwrap();
    stream.write_all(get(&stage, "/page").as_bytes()).unwrap();
    // The head is here; the client goes before the rest is.
    let mut first = [0; 12];
    stream.read_exact(&mut first).unwrap();
    drop(stream);
    std::thread::sleep(std::time::Duration::from_millis(20));
    gate.open();
    drop(proxy);
    tapes.finish().unwrap();
    let tape = stage.only_tape();
    assert!(tape.contains("a page that nobody reads") && !tape.contains("cut:"), "{tape}");
}

#[test]
fn fields_that_connection_names_are_of_this_hop_and_trailers_may_still_be_asked_for() {
    let stage = Stage::new();
    let said = "connection: x-hop, te, host\r\nx-hop: 1\r\nx-kept: 1\r\nte: trailers";
    let request = get(&stage, "/ok").replace("host: x", &format!("host: x\r\n{said}"));
    stage.twice(|proxy| say(proxy, request.as_bytes()));
    let received = &stage.origin.received()[0];
    assert_eq!((received.header("x-hop"), received.header("x-kept")), (None, Some("1")));
    assert_eq!(received.header("te"), Some("trailers"));
    assert!(received.header("host").is_some(), "what a message is read by stays");
}

#[test]
fn what_a_client_says_to_its_proxy_alone_goes_no_further() {
    let stage = Stage::new();
    let said = "proxy-connection: keep-alive\r\nproxy-authorization: Basic bm90OnJlYWw=\r\nx-tapes-test: whichever";
    let request = get(&stage, "/ok").replace("host: x", &format!("host: x\r\n{said}"));
    stage.twice(|proxy| say(proxy, request.as_bytes()));
    let received = &stage.origin.received()[0];
    for name in ["proxy-connection", "proxy-authorization", "x-tapes-test"] {
        assert!(received.header(name).is_none(), "{name}");
        assert!(!stage.only_tape().contains(name), "{}", stage.only_tape());
    }
}
