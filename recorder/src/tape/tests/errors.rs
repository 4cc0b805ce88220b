//! R56: every fault of a file is an error that says where it is and how to mend it. R57: a hostile file is no more than that.

use super::*;

const GOOD: &str = "tape: 1
key: 9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c
request:
  method: GET
  url: https://api.example.test/
takes:
- status: 200
  headers:
    content-type: text/plain
  body:
    text: abc
  recorded: {at: 2026-11-21T10:00:00Z, elapsed: 182ms, from: live}
";

/// The error for [`GOOD`] with one piece replaced, behind the file's name.
#[track_caller]
fn error(piece: &str, by: &str) -> String {
    assert!(GOOD.contains(piece), "{piece}");
    let error = Tape::parse(&GOOD.replace(piece, by), Path::new("nowhere/t.yaml")).expect_err("no tape").to_string();
    error.strip_prefix("nowhere/t.yaml:").unwrap_or(&error).to_owned()
}

#[test]
fn the_tape_itself_is_good() {
    let tape = Tape::parse(GOOD, Path::new("t.yaml")).unwrap();
    assert_eq!(tape.render().unwrap().yaml, GOOD);
}

#[test]
fn r56_another_version_says_what_to_do() {
    assert_eq!(
        error("tape: 1", "tape: 3"),
        "1:7: this file is of version 3, this build reads 1 and 2: update traffic-recorder"
    );
    assert_eq!(
        error("tape: 1", "tape: 3\nfuture: field"),
        "1:7: this file is of version 3, this build reads 1 and 2: update traffic-recorder"
    );
    assert_eq!(error("tape: 1", "tape: '1'"), "1:7: `tape` is a single value, but has to be the number of a version");
    assert!(error("tape: 1\n", "").contains("`tape` is missing in the file, so it is not a tape"));
}

#[test]
fn r56_fields_missing_unknown_or_twice() {
    let missing = "7:3: `recorded` is missing in a take: add it or record again";
    assert_eq!(error("  recorded: {at: 2026-11-21T10:00:00Z, elapsed: 182ms, from: live}\n", ""), missing);
    assert!(error("  method: GET\n", "").starts_with("4:3: `method` is missing in a request"));
    assert_eq!(
        error("  method: GET", "  methud: GET"),
        "4:3: `methud` is not a field of a request: remove it (known are method, url, version, headers, body, trailers)"
    );
    assert_eq!(
        error("  method: GET", "  method: GET\n  method: PUT"),
        "5:3: `method` stands here twice: keep one of them"
    );
    assert!(
        error("- status: 200", "- status: 200\n  fault: {kind: reset, message: x}")
            .contains("not a field of a take with")
    );
}

#[test]
fn r56_values_of_another_type_or_without_meaning() {
    for (piece, by, says) in [
        ("status: 200", "status: 99", "7:11: `status` is wrong: a status is a number from 100 to 999"),
        ("status: 200", "status: 70000", "7:11: `status` is wrong: a status is a number from 100 to 999"),
        ("status: 200", "status: ok", "7:11: `status` is a single value, but has to be a whole number"),
        ("status: 200", "status: 0xc8", "7:11: `status` is a single value, but has to be a whole number"),
        ("method: GET", "method:", "4:9: `method` is wrong: nothing stands here: write \"\" for an empty text"),
        ("method: GET", "method: [GET]", "4:11: `method` is a list, but has to be a text"),
        ("tape: 1", "tape: 1\nlayer: middle", "2:8: `layer` is wrong: `middle` is none of wire, logical"),
        ("url: h", "version: HTTP/4\n  url: h", "`HTTP/4` is none of HTTP/0.9, HTTP/1.0, HTTP/1.1, HTTP/2, HTTP/3"),
        ("9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9", "9C", "2:6: `key` is wrong: it has to be 64 lower-case hex digits"),
        ("at: 2026-11-21T10:00:00Z", "at: 2026-11-21", "`at` is wrong: write it as 2026-11-21T10:00:00Z"),
        ("elapsed: 182ms", "elapsed: 182", "`elapsed` is wrong: write it as 182ms, 30s or 1.5s"),
        ("from: live", "from: dream", "`dream` is none of live, import, simulated, docs"),
        ("content-type: text/plain", "content-type: []", "a header in a list has at least one value"),
        ("    content-type: text/plain", "  - {a: b, c: d}", "in a list of headers each item is one `name: value`"),
        (
            "  recorded",
            "  frames: [1, 1]\n  recorded",
            "12:11: `frames` is wrong: the frames sum up to 2 bytes, but the body has 3",
        ),
        ("  recorded", "  frames: [18446744073709551615, 4]\n  recorded", "sum up to more than 64 bits"),
        ("elapsed:", "frames: [1], elapsed:", "there are 1 times for 0 frames"),
        ("  recorded", "  cut: program\n  recorded", "has to be `caller` or a map of `kind` and `message`"),
        ("  recorded", "  cut: {kind: bored, message: x}\n  recorded", "`bored` is none of dns, refused, connect,"),
    ] {
        let error = error(piece, by);
        assert!(error.contains(says), "{by}: {error}");
    }
    let takes = &GOOD[GOOD.find("takes:").unwrap()..];
    assert!(error(takes, "takes: []\n").contains("6:8: `takes` is wrong: a tape has at least one take"));
}

#[test]
fn r56_bodies_in_no_form_or_in_several() {
    for (by, says) in [
        (
            "text: abc\n    base64: YWJj",
            "11:5: a body has exactly one of `json`, `text`, `base64`, `file`; here are `text` and",
        ),
        ("coding: gzip", "here are none"),
        ("base64: YWJ", "11:13: `base64` is wrong: not base64: "),
        ("json: yes", "11:11: `yes` is read differently by different YAML readers: put it in quotes"),
        ("text: abc\n    style: [newline]", "`style` is wrong: it goes with `json`, not with `text`: remove it"),
        ("json: 1\n    style: [pretty]", "`pretty` is none of spaced, indent-0 to indent-8"),
        ("text: abc\n    coding: lzma", "`lzma` is none of gzip, deflate, deflate-raw, br, zstd"),
        ("text: abc\n    wire: YWJj", "it goes with `coding`: remove it or add that"),
        ("xml: <a/>", "`xml` is not a field of a body"),
    ] {
        let error = error("text: abc", by).replace("\n", " ");
        assert!(error.contains(says), "{by}: {error}");
    }
    // the place of a map is that of its first key
    assert!(error("body:\n    text: abc", "body: [abc]").contains("has to be a map with the body's form, or `empty`"));
}

#[cfg(not(feature = "codings"))]
#[test]
fn without_the_feature_a_coded_body_says_which_one_it_needs() {
    let error = error("text: abc", "text: abc\n    coding: gzip");
    assert!(error.contains("content codings need the feature `codings` of traffic-recorder"), "{error}");
}

#[test]
fn r56_a_file_cut_short_or_in_conflict_is_not_yaml() {
    let conflict = error("tape: 1\n", "<<<<<<< HEAD\ntape: 1\n=======\ntape: 1\n>>>>>>> other\n");
    assert!(conflict.contains("not YAML") || conflict.contains("not a tape"), "{conflict}");
    for at in 1..GOOD.len() - 2 {
        assert!(Tape::parse(&GOOD[..at], Path::new("t.yaml")).is_err(), "{at}");
    }
}

#[test]
fn r57_body_files_never_lead_elsewhere_and_lengths_allocate_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let parse = |name: &str, bytes: u64, sha256: &str| {
        let body = format!("file: {name}\n    bytes: {bytes}\n    sha256: {sha256}");
        Tape::parse(&GOOD.replace("text: abc", &body), &folder.path().join("t.yaml")).map_err(|error| error.to_string())
    };
    let abc = digest::hex(&digest::sha256(b"abc"));
    for name in ["../secret", "/etc/passwd", "a/b", "\"a\\\\b\"", "C:x", ".hidden"] {
        let error = parse(name, 3, &abc).unwrap_err();
        assert!(error.contains("is not the name of a body file: it has to lie beside the tape"), "{error}");
    }
    assert!(parse("abc.txt", 3, &abc).unwrap_err().contains("the body file abc.txt cannot be read"));
    fs::write(folder.path().join("abc.txt"), "abc").unwrap();
    assert!(parse("abc.txt", 3, &abc).is_ok());
    assert!(parse("abc.txt", 10 << 30, &abc).unwrap_err().contains("it has 3 bytes, not 10737418240"));
    assert!(parse("abc.txt", 2, &abc).unwrap_err().contains("it has 3 bytes, not 2"));
    assert!(parse("abc.txt", 3, &"0".repeat(64)).unwrap_err().contains("its SHA-256 differs"));
    assert!(parse("abc.txt", 3, "abc").unwrap_err().contains("it has to be 64 lower-case hex digits"));
    fs::create_dir(folder.path().join("folder")).unwrap();
    assert!(parse("folder", 3, &abc).unwrap_err().contains("it is not a regular file"));
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(folder.path().join("abc.txt"), folder.path().join("link.txt")).unwrap();
        assert!(parse("link.txt", 3, &abc).unwrap_err().contains("it is not a regular file"));
    }
}

#[test]
fn r57_code_tags_and_alias_bombs_are_refused_where_they_stand() {
    assert_eq!(
        error("text: abc", "text: !!python/object/apply:os.system [id]").split(": ").nth(1),
        Some("tags are not part of a tape")
    );
    let bomb = (1..30)
        .fold("a0: &a0 [x, x]\n".to_owned(), |bomb, i| format!("{bomb}a{i}: &a{i} [*a{0}, *a{0}, *a{0}]\n", i - 1));
    assert!(
        error("tape: 1\n", &bomb).contains("1:9: anchors and aliases are not part of a tape: write the value itself")
    );
}

#[test]
fn r87_debug_output_shows_no_values() {
    let mut tape = tape(&[("authorization", "fake-secret-1")], Body::Bytes("fake-secret-2".into()));
    tape.request.headers.push("cookie", "fake-secret-3");
    let shown = format!("{tape:?}");
    assert!(!shown.contains("fake-secret"), "{shown}");
}

#[test]
fn r56_a_transcript_says_what_is_wrong_with_it() {
    let whole = |messages: &str| GOOD.replace("tape: 1", "tape: 2").replace("  body:\n    text: abc\n", messages);
    let error = |messages: &str| {
        let error = Tape::parse(&whole(messages), Path::new("t.yaml")).expect_err("no tape").to_string();
        error.strip_prefix("t.yaml:").unwrap_or(&error).to_owned()
    };
    assert!(Tape::parse(&whole("  messages: [{sent: {text: a}}]\n"), Path::new("t.yaml")).is_ok());
    for (messages, reason) in [
        ("  messages: {}\n", "10:13: `messages` is a map, but has to be a list"),
        ("  messages: [{said: {text: a}}]\n", "10:15: `said` is not a field of a message"),
        ("  messages: [{sent: {text: a}, received: {text: b}}]\n", "a message is either `sent` or `received`"),
        ("  messages: [{}]\n", "a message is either `sent` or `received`"),
        ("  messages: [{sent: {text: a, coding: gzip}}]\n", "`coding` is not a field of what was said"),
        ("  messages: [{sent: {text: a, type: ping}}]\n", "`type` is wrong: `ping` is none of text, binary"),
        ("  messages: [{sent: {base64: /w==, type: text}}]\n", "message 1 is a text and not UTF-8"),
        ("  messages: []\n  close: {by: nobody}\n", "`by` is wrong: `nobody` is none of client, server"),
        ("  messages: []\n  close: {by: client, code: 65536}\n", "a code has 16 bits"),
        ("  close: {by: client}\n", "it goes with `messages`"),
        ("  messages: []\n  body: empty\n", "after an upgrade there are messages and nothing else"),
        ("  messages: []\n  frames: [1]\n", "frames"),
    ] {
        assert!(error(messages).contains(reason), "{messages}{}", error(messages));
    }
    let old = Tape::parse(&whole("  messages: []\n").replace("tape: 2", "tape: 1"), Path::new("t.yaml"));
    let old = old.expect_err("no tape of version 1").to_string();
    assert!(old.contains("`messages` is not a field of a take: remove it (known are status, reason"), "{old}");
}
