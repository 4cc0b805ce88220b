//! Tapes of version 2, written by hand, that every later build has to read to the same values and write to the same bytes.

use std::fs;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use traffic_recorder::tape::{
    Answer, Body, Close, Cut, Fault, FaultKind, Headers, Key, Layer, Message, MessageKind, Origin, Outcome, Recorded,
    Request, Side, Take, Tape, Transcript, Version,
};

fn headers(fields: &[(&str, &str)]) -> Headers {
    fields.iter().map(|(name, value)| (*name, value.as_bytes().to_vec())).collect()
}

fn text(by: Side, text: &str) -> Message {
    Message { by, kind: MessageKind::Text, data: text.to_owned().into() }
}

fn binary(by: Side, data: &[u8]) -> Message {
    Message { by, kind: MessageKind::Binary, data: data.to_vec().into() }
}

fn take(fields: &[(&str, &str)], messages: Vec<Message>, close: Option<Close>, cut: Option<Cut>) -> Take {
    let answer = Answer {
        status: 101,
        reason: None,
        version: Version::Http11,
        url: None,
        headers: headers(fields),
        body: Body::Absent,
        frames: Vec::new(),
        trailers: Headers::new(),
        transcript: Some(Box::new(Transcript { messages, close })),
        cut,
    };
    let recorded = Recorded {
        at: UNIX_EPOCH + Duration::from_secs(1_795_255_200),
        elapsed: Duration::from_millis(12),
        frames: Vec::new(),
        from: Origin::Live,
        notes: Vec::new(),
    };
    Take { outcome: Outcome::Answer(answer), recorded }
}

#[test]
fn conversations_and_their_ends() {
    use Side::{Client, Server};
    let (upgrade, protocol) =
        ([("connection", "Upgrade"), ("upgrade", "websocket")], ("sec-websocket-protocol", "chat.v2"));
    let long = r#"{"a":"a value that is long enough for the message to need more than one line of the file","b":"and another"}"#;
    let messages = vec![
        text(Server, "welcome"),
        text(Client, r#"{"op":"join","room":"green","token":"{{secret:token-1}}"}"#),
        text(Server, r#"{"users": ["ann", "ben"], "at": 1767323045}"#),
        text(Server, "several\nlines\n"),
        binary(Client, &[0, 1, 254, 255]),
        binary(Client, br#"{"op":"leave"}"#),
        text(Client, ""),
        binary(Server, b""),
        text(Server, long),
    ];
    let bye = Close { by: Server, code: Some(1000), reason: "see you".to_owned() };
    let mut whole = take(&[upgrade[0], upgrade[1], protocol], messages, Some(bye), None);
    whole.recorded.frames = [0, 3, 9, 9, 40, 41, 41, 60, 61].map(Duration::from_millis).to_vec();
    let reset = Fault { kind: FaultKind::Reset, message: "connection reset by peer".to_owned() };
    let silent = Close { by: Client, code: None, reason: String::new() };
    let mut key = [0; 32];
    (key[0], key[31]) = (0xc0, 0x0d);
    let expected = Tape {
        key: Key(key),
        layer: Layer::Wire,
        rules: Vec::new(),
        request: Request {
            method: "GET".to_owned(),
            url: "https://chat.example.test/rooms?user=7".to_owned(),
            version: Version::Http11,
            headers: headers(&[upgrade[0], upgrade[1], ("sec-websocket-version", "13"), protocol]),
            body: Body::Absent,
            trailers: Headers::new(),
        },
        takes: vec![
            whole,
            take(&[], Vec::new(), None, Some(Cut::Caller)),
            take(&[], vec![text(Client, "hello")], None, Some(Cut::Fault(reset))),
            take(&[], Vec::new(), Some(silent), None),
        ],
    };
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tape-v2/conversation.yaml");
    assert_eq!(Tape::read(&file).expect("it is a tape"), Some(expected.clone()));
    assert_eq!(expected.render().expect("it can be written").yaml, fs::read_to_string(&file).expect("it is there"));
}
