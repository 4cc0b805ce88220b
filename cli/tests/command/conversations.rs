//! A tape that is a conversation over WebSocket, through every command.

use std::time::Duration;

use traffic_recorder::tape::{
    Body, Close, Cut, Fault, FaultKind, Message, MessageKind, Outcome, Request, Side, Take, Transcript,
};

use crate::support::{Place, answered, request, tape};
use crate::viewing::{chromium, dom};

fn handshake() -> Request {
    let mut handshake = request("GET", "https://chat.test/rooms");
    handshake.headers.push("connection", "Upgrade");
    handshake.headers.push("upgrade", "websocket");
    handshake
}

fn said(by: Side, text: &str) -> Message {
    Message { by, kind: MessageKind::Text, data: text.to_owned().into() }
}

fn conversation(messages: Vec<Message>, close: Option<Close>) -> Take {
    let mut take = answered(101, "", "");
    take.recorded.frames = (1..).map(|i| Duration::from_millis(i * 20)).take(messages.len()).collect();
    if let Outcome::Answer(answer) = &mut take.outcome {
        answer.headers = [("upgrade", "websocket")].into_iter().collect();
        answer.body = Body::Absent;
        answer.transcript = Some(Box::new(Transcript { messages, close }));
    }
    take
}

/// A conversation that was closed, and one that broke off.
fn place() -> Place {
    let place = Place::new();
    let binary = Message { by: Side::Server, kind: MessageKind::Binary, data: vec![0, 255].into() };
    let close = Close { by: Side::Server, code: Some(1000), reason: "bye".to_owned() };
    let join = said(Side::Client, r#"{"op":"join","room":"green"}"#);
    let welcome = said(Side::Server, r#"{"users":["ann"],"welcome":true}"#);
    let whole = conversation(vec![join.clone(), welcome.clone(), binary], Some(close));
    let mut broken = conversation(vec![join, said(Side::Server, "one moment")], None);
    if let Outcome::Answer(answer) = &mut broken.outcome {
        answer.cut = Some(Cut::Fault(Fault { kind: FaultKind::Reset, message: "connection reset".to_owned() }));
    }
    place.tapes("chat", vec![(handshake(), whole), (handshake(), broken)]);
    place
}

#[test]
fn show_prints_what_was_said_and_which_way_it_went() {
    let place = place();
    let file = tape(&place, "chat", "get-");
    let shown = place.run(["show", file.to_str().unwrap()]).with_code(0);
    let (_, takes) = shown.split_once("--- take 1").unwrap();
    insta::assert_snapshot!(takes);
    let document = place.run(["show", file.to_str().unwrap(), "--json"]).json(0);
    let take = &document["takes"][0];
    assert_eq!(take["messages"][1]["text"], r#"{"users":["ann"],"welcome":true}"#);
    assert_eq!((&take["messages"][2]["text"], &take["messages"][2]["ms"]), (&serde_json::Value::Null, &60.into()));
    assert_eq!(take["close"], serde_json::json!({"by": "server", "code": 1000, "reason": "bye"}));
    let body = place.run(["show", file.to_str().unwrap(), "--body"]);
    assert!(body.code == 2 && body.err.contains("is a conversation and has no body"), "{}", body.err);
}

#[test]
fn list_stats_verify_and_rekey_take_it_as_a_tape() {
    let place = place();
    let listed = place.run(["list"]).with_code(0);
    assert!(listed.contains("-> 101 with 3 messages, 101 with 2 messages cut (reset)"), "{listed}");
    assert!(place.run(["stats"]).with_code(0).contains("answers: 2 1xx"));
    place.run(["verify"]).with_code(0);
    let before = std::fs::read_to_string(tape(&place, "chat", "get-")).unwrap();
    place.run(["rekey"]).with_code(0);
    assert_eq!(std::fs::read_to_string(tape(&place, "chat", "get-")).unwrap(), before);
    assert!(before.starts_with("tape: 2\n"), "{before}");
}

#[test]
fn verify_finds_a_conversation_in_a_tape_of_the_version_before() {
    let place = place();
    let file = tape(&place, "chat", "get-");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("tape: 2", "tape: 1")).unwrap();
    let out = place.run(["verify"]).with_code(1);
    assert!(out.contains("`messages` is not a field of a take"), "{out}");
}

#[test]
fn diff_compares_message_by_message() {
    let (old, new) = (place(), place());
    let file = tape(&new, "chat", "get-");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("room: green", "room: blue").replace("code: 1000", "code: 1001")).unwrap();
    let out = old.run(["diff", "tapes", new.path().join("tapes").to_str().unwrap()]).with_code(1);
    assert!(out.contains("take 1 message 1 $.room") && out.contains("take 2 message 1 $.room"), "{out}");
    assert!(out.contains("take 1 close") && !out.contains("message 2"), "{out}");
}

#[test]
fn scan_finds_a_secret_in_a_message() {
    let token = "ghp_FAKEfakeFAKEfakeFAKEfakeFAKEfake1234";
    let place = Place::new();
    let careless = conversation(vec![said(Side::Server, "hello"), said(Side::Client, &format!("it is {token}"))], None);
    place.careless_tapes("chat", vec![(handshake(), careless)]);
    let found = place.run(["scan", "--json"]).json(1);
    assert_eq!(found["findings"][0]["place"], "takes[0].messages[1].body");
    assert!(!found.to_string().contains(token));
}

#[test]
fn export_names_what_its_formats_have_no_place_for() {
    let place = place();
    for (format, what) in [
        ("har", "how the conversation was closed"),
        ("vcr", "the messages of the conversation that it began"),
        ("wiremock", "the messages of the conversation that it began"),
    ] {
        let out = place.run(["export", "tapes", "--as", format, "--into", format]).with_code(0);
        assert!(out.contains(what), "{format}: {out}");
        assert!(out.contains("that the conversation broke off"), "{format}: {out}");
    }
}

#[test]
fn check_leaves_it_to_the_test() {
    let place = place();
    let out = place.run(["check", "--to", "http://127.0.0.1:9"]).with_code(0);
    assert!(out.contains("is a conversation over WebSocket: RECORD=check in its test"), "{out}");
}

#[test]
fn the_page_shows_the_messages_on_a_time_line() {
    let place = place();
    place.run(["view", "--out", "page.html"]).with_code(0);
    let Some(chromium) = chromium() else { return };
    let page = dom(chromium, &place.path().join("page.html"), "#q=welcome%20green");
    assert!(page.contains(">1 of 1</output>") || page.contains(">1 tape</output>"), "{page}");
    assert!(page.matches("<circle").count() == 3 && page.contains("closed by the server, 1000, bye"), "{page}");
    assert!(
        page.contains("\u{2192} text, 28 bytes, after 20 ms") && page.contains("\u{2190} binary, 2 bytes"),
        "{page}"
    );
}
