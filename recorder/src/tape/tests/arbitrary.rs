//! Tapes of every kind, and of kinds that no client sends.

use super::*;

pub(super) fn tape() -> impl Strategy<Value = Tape> {
    let rules = proptest::collection::vec(text(), 0..3);
    let key = any::<[u8; 32]>().prop_map(Key);
    let layer = prop_oneof![Just(Layer::Wire), Just(Layer::Logical)];
    (key, layer, rules, request(), proptest::collection::vec(take(), 1..4))
        .prop_map(|(key, layer, rules, request, takes)| Tape { key, layer, rules, request, takes })
}

fn request() -> impl Strategy<Value = Request> {
    (text(), text(), version(), message(), headers()).prop_map(|(method, url, version, (headers, body), trailers)| {
        Request { method, url, version, headers, body, trailers }
    })
}

fn take() -> impl Strategy<Value = Take> {
    let outcome = prop_oneof![4 => answer().prop_map(Outcome::Answer), 1 => conversation().prop_map(Outcome::Answer), 1 => fault().prop_map(Outcome::Fault)];
    let at = (0..253_402_300_800u64).prop_map(|seconds| UNIX_EPOCH + Duration::from_secs(seconds));
    let origin = prop_oneof![Just(Origin::Live), Just(Origin::Import), Just(Origin::Simulated), Just(Origin::Docs)];
    let notes = proptest::collection::vec(text(), 0..3);
    (outcome, at, any::<u64>(), origin, notes, any::<bool>()).prop_map(|(outcome, at, elapsed, from, notes, timed)| {
        let frames = match &outcome {
            outcome @ Outcome::Answer(_) if timed => {
                (0..proof::timed(outcome)).map(|i| Duration::from_millis(elapsed % 1000 * i as u64)).collect()
            }
            _ => Vec::new(),
        };
        Take { outcome, recorded: Recorded { at, elapsed: Duration::from_millis(elapsed), frames, from, notes } }
    })
}

fn answer() -> impl Strategy<Value = Answer> {
    let cut =
        prop_oneof![3 => Just(None), 1 => Just(Some(Cut::Caller)), 1 => fault().prop_map(|f| Some(Cut::Fault(f)))];
    let optional = || proptest::option::of(text());
    (100..1000u16, optional(), version(), optional(), message(), headers(), cut, 0..5u64).prop_map(
        |(status, reason, version, url, (headers, body), trailers, cut, pieces)| {
            let mut frames = Vec::new();
            let mut left = body.len();
            for _ in 1..pieces {
                frames.push(left / 2);
                left -= left / 2;
            }
            if pieces > 0 {
                frames.push(left);
            }
            let transcript = None;
            Answer { status, reason, version, url, headers, body, frames, trailers, transcript, cut }
        },
    )
}

/// An answer that is a conversation.
fn conversation() -> impl Strategy<Value = Answer> {
    let close =
        (side(), proptest::option::of(any::<u16>()), text()).prop_map(|(by, code, reason)| Close { by, code, reason });
    (answer(), proptest::collection::vec(said(), 0..6), proptest::option::of(close)).prop_map(
        |(answer, messages, close)| Answer {
            body: Body::Absent,
            frames: Vec::new(),
            trailers: Headers::new(),
            transcript: Some(Box::new(Transcript { messages, close })),
            ..answer
        },
    )
}

fn said() -> impl Strategy<Value = Message> {
    let data = prop_oneof![
        4 => text().prop_map(|text| (MessageKind::Text, text.into_bytes())),
        3 => json(3).prop_map(|json| (MessageKind::Text, json.into_bytes())),
        1 => json(3).prop_map(|json| (MessageKind::Binary, json.into_bytes())),
        3 => bytes().prop_map(|bytes| (MessageKind::Binary, bytes)),
        1 => (1000..70_000usize).prop_map(|len| (MessageKind::Text, vec![b'x'; len])),
    ];
    (side(), data).prop_map(|(by, (kind, data))| Message { by, kind, data: data.into() })
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Client), Just(Side::Server)]
}

fn fault() -> impl Strategy<Value = Fault> {
    let kinds: Vec<_> = <FaultKind as format::Words>::WORDS.iter().map(|(kind, _)| *kind).collect();
    (proptest::sample::select(kinds), text()).prop_map(|(kind, message)| Fault { kind, message })
}

fn version() -> impl Strategy<Value = Version> {
    let versions: Vec<_> = <Version as format::Words>::WORDS.iter().map(|(version, _)| *version).collect();
    proptest::sample::select(versions)
}

/// Headers and a body, with types and codings that may or may not fit it.
fn message() -> impl Strategy<Value = (Headers, Body)> {
    let media = proptest::sample::select(vec![
        "",
        "application/json",
        "text/plain",
        "image/png",
        "application/x-www-form-urlencoded",
    ]);
    let coding =
        proptest::sample::select(vec!["", "", "gzip", "deflate", "br", "zstd", "gzip, br", "identity", "unknown"]);
    (headers(), media, coding, proptest::option::of(bytes()), any::<bool>()).prop_map(
        |(mut headers, media, coding, body, coded)| {
            for (name, value) in [("content-type", media), ("Content-Encoding", coding)] {
                if !value.is_empty() {
                    headers.push(name, value);
                }
            }
            let body = body.map(|bytes| if coded { encode(coding, bytes) } else { bytes });
            (headers, body.map_or(Body::Absent, |bytes| Body::Bytes(bytes.into())))
        },
    )
}

fn encode(coding: &str, bytes: Vec<u8>) -> Vec<u8> {
    let codings = crate::codec::coding::listed([coding]).unwrap_or_default();
    crate::codec::coding::encode(&codings, &bytes).unwrap_or(bytes)
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        2 => any::<Vec<u8>>(),
        3 => text().prop_map(String::into_bytes),
        4 => (json(4), any::<bool>()).prop_map(|(json, newline)| [json.as_bytes(), if newline { b"\n" } else { b"" }].concat()),
        1 => (any::<u8>(), 1000..70_000usize).prop_map(|(byte, len)| vec![byte; len]),
        1 => proptest::collection::vec(text(), 0..300).prop_map(|texts| texts.join("\n").into_bytes()),
    ]
}

/// A JSON document in some encoder's style.
fn json(depth: u32) -> impl Strategy<Value = String> {
    let number = "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,5})?([eE][+-]?[0-9]{1,3})?";
    let word = proptest::sample::select(vec!["null".to_owned(), "true".to_owned(), "false".to_owned()]);
    let string = text().prop_map(|text| quoted(&text));
    let separators = proptest::sample::select(vec![(",", ":"), (", ", ": "), (",\n  ", ": ")]);
    (
        separators,
        prop_oneof![word, number, string].prop_recursive(depth, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join("\u{1}"))),
                proptest::collection::vec((text(), inner), 0..4).prop_map(|members| {
                    let members: Vec<_> =
                        members.iter().map(|(name, value)| format!("{}\u{2}{value}", quoted(name))).collect();
                    format!("{{{}}}", members.join("\u{1}"))
                }),
            ]
        }),
    )
        .prop_map(|((comma, colon), json)| json.replace('\u{1}', comma).replace('\u{2}', colon))
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Names and values, some of them twice, some of them no header that HTTP knows.
fn headers() -> impl Strategy<Value = Headers> {
    let name = prop_oneof![
        3 => proptest::sample::select(vec!["via", "Via", "set-cookie", "x-a"]).prop_map(str::to_owned),
        1 => text(),
    ];
    let value = prop_oneof![3 => text().prop_map(String::into_bytes), 1 => any::<Vec<u8>>()];
    proptest::collection::vec((name, value), 0..5).prop_map(|fields| fields.into_iter().collect())
}

fn text() -> impl Strategy<Value = String> {
    let pieces = proptest::sample::select(vec![
        "a", "b c", "word", "\n", "\n\n", "\r", "\r\n", "\t", " ", "\u{2028}", "\u{85}", "\u{feff}", "\0", "é", "😀",
        "#", ": ", ":", "- ", "'", "\"", "\\", "{", "}", "[", "]", ",", "|", ">", "&", "*", "!", "%", "---", "...",
        "null", "1", "1.0", "yes",
    ]);
    prop_oneof![
        3 => "[a-z]{1,8}",
        3 => proptest::collection::vec(pieces, 0..12).prop_map(|pieces| pieces.concat()),
        1 => any::<String>(),
    ]
}
