//! The end of a router.

use std::time::Instant;

use crate::support::{Folder, Sink, eventually};

fn hook(sink: &Sink) -> Folder {
    Folder::new(&format!(
        "sources: {{shop: {{write_keys: [fake-key], destinations: [hook]}}}}\ndestinations: {{hook: {}}}\n",
        sink.hook()
    ))
}

#[test]
fn a_router_that_is_asked_to_stop_finishes_and_ends_with_0() {
    let sink = Sink::start();
    let folder = hook(&sink);
    let mut router = folder.start();
    for i in 0..50 {
        assert_eq!(router.track("fake-key", &format!("id-{i:02}")), 200);
    }

    router.signal("TERM");

    assert_eq!(router.wait(), Some(0), "{}", router.said());
    assert!(!router.folder.join("data/running.json").exists());
    let before = sink.ids();
    let _again = folder.start();
    let after = eventually("all events to arrive", || {
        let ids = sink.ids();
        (ids.len() >= 50).then_some(ids)
    });
    let mut once = after.clone();
    once.dedup();
    assert_eq!(once.len(), after.len(), "what was delivered before the stop is not delivered again: {before:?}");
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let sink = Sink::start();
    let folder = hook(&sink);
    let mut router = folder.start_with(&["--grace", "1h"]);
    // A client that never finishes its request holds up a graceful stop.
    let mut slow = std::net::TcpStream::connect(("127.0.0.1", router.listen)).unwrap();
    std::io::Write::write_all(&mut slow, b"POST /v1/track HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n{").unwrap();
    std::thread::sleep(std::time::Duration::from_millis(200));

    router.signal("INT");
    eventually("the router to begin to stop", || router.said().contains("stopping").then_some(()));
    let start = Instant::now();
    router.signal("INT");

    assert_ne!(router.wait(), None);
    assert!(start.elapsed().as_secs() < 5);
}

#[test]
fn a_request_that_is_being_worked_on_is_answered_and_kept() {
    use std::io::{Read, Write};
    let sink = Sink::start();
    let folder = hook(&sink);
    let mut router = folder.start();
    let body = r#"{"userId":"u1","event":"Paid","messageId":"late"}"#;
    let (first, second) = body.split_at(10);
    let mut client = std::net::TcpStream::connect(("127.0.0.1", router.listen)).unwrap();
    write!(
        client,
        "POST /v1/track HTTP/1.1\r\nhost: a\r\nauthorization: Basic ZmFrZS1rZXk6\r\ncontent-length: {}\r\n\r\n{first}",
        body.len()
    )
    .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(200));

    router.signal("TERM");
    eventually("the router to begin to stop", || router.said().contains("stopping").then_some(()));
    eventually("the listener to be closed", || {
        std::net::TcpStream::connect(("127.0.0.1", router.listen)).is_err().then_some(())
    });
    client.write_all(second.as_bytes()).unwrap();

    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(router.wait(), Some(0));
    let _again = folder.start();
    eventually("the event to arrive", || (sink.ids() == ["late"]).then_some(()));
}
