//! What seven SDKs of five makers put on the wire is accepted, as they expect it.
//!
//! The requests here are written by hand after theirs. Where `SHARED` names a folder with `sdk-wire/*.jsonl`, captured requests are
//! sent as well: one JSON object a line with `method`, `path`, `headers`, `gzip` and `body`.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod ingest_support;

use std::io::Write;
use std::path::Path;

use axum::body::Body;
use http::Request;
use serde_json::{Value, json};

use ingest_support::{Way, way};

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// Sends one line and checks that each of its events is seen by destinations as it was sent.
async fn accepted(way: &Way, line: &Value) {
    let mut request = Request::builder().method(line["method"].as_str().unwrap()).uri(line["path"].as_str().unwrap());
    for header in line["headers"].as_array().unwrap() {
        let (name, value) = (header[0].as_str().unwrap(), header[1].as_str().unwrap());
        if !name.eq_ignore_ascii_case("content-length") {
            request = request.header(name, value);
        }
    }
    let text = line["body"].to_string();
    let body = if line["gzip"] == true { Body::from(gzip(&text)) } else { Body::from(text) };
    let before = way.shelf.events().len();
    way.send(request.body(body).unwrap()).await.is_success();

    let body = &line["body"];
    let sent = body.get("batch").map_or_else(|| vec![body.clone()], |batch| batch.as_array().unwrap().clone());
    let seen = &way.shelf.events()[before..];
    assert_eq!(seen.len(), sent.len(), "every event is accepted");
    for (sent, seen) in sent.iter().zip(seen) {
        for (name, value) in sent.as_object().unwrap() {
            match name.as_str() {
                "timestamp" | "originalTimestamp" | "sentAt" => assert!(seen[name].is_string(), "{name}"),
                "writeKey" => assert_eq!(seen.get("writeKey"), None),
                _ => assert_eq!(&seen[name], value, "{name}"),
            }
        }
    }
}

fn line(path: &str, headers: Value, zipped: bool, body: Value) -> Value {
    json!({"method": "POST", "path": path, "headers": headers, "gzip": zipped, "body": body})
}

/// Four libraries for Python share one shape; so do four for Node.
fn by_hand() -> Vec<Value> {
    let basic = ["Authorization", "Basic V0s6"];
    let json = ["Content-Type", "application/json"];
    let python = |zipped: bool, extra: Value| {
        let mut body = json!({"batch": [
            {"integrations": {}, "anonymousId": null, "timestamp": "2026-01-01T10:00:00.123+00:00", "type": "identify", "userId": "u",
             "context": {"library": {"name": "analytics-python", "version": "0"}}, "traits": {"age": 7}, "messageId": format!("p{zipped}1")},
            {"integrations": {"All": true}, "anonymousId": null, "timestamp": "2026-01-01T10:00:00.123456+00:00", "type": "alias",
             "userId": "u", "previousId": "v", "context": {}, "messageId": format!("p{zipped}2"), "channel": "server"},
            {"integrations": {}, "anonymousId": null, "category": null, "name": "S", "type": "screen", "userId": "u", "properties": {},
             "context": {}, "messageId": format!("p{zipped}3")},
        ], "sentAt": "2026-01-01T10:00:00.623456+00:00"});
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let coding = if zipped { json!([json, basic, ["Content-Encoding", "gzip"]]) } else { json!([json, basic]) };
        line("/v1/batch", coding, zipped, body)
    };
    let node = |id: &str, outside: Value| {
        let mut body = json!({"batch": [
            {"timestamp": "2026-01-01T10:00:00.123Z", "integrations": {}, "event": "E", "type": "track", "properties": {"u": "☃"},
             "context": {"library": {"name": "node", "version": "0"}}, "anonymousId": "a", "messageId": id,
             "_metadata": {"nodeVersion": "v0", "jsRuntime": "node"}},
        ]});
        body.as_object_mut().unwrap().extend(outside.as_object().unwrap().clone());
        line("/v1/batch", json!([json, basic, ["sec-fetch-mode", "cors"]]), false, body)
    };
    let jitsu = |kind: &str| {
        let body = json!({"type": kind, "userId": "u", "anonymousId": "a", "event": "E", "timestamp": "2026-01-01T10:00:00.123Z",
            "sentAt": "2026-01-01T10:00:00.124Z", "messageId": format!("j{kind}"), "writeKey": "WK:***", "context": {"page": {}}});
        line(&format!("/api/s/{kind}"), json!([json, ["X-Write-Key", "WK:secret-of-a-test"]]), false, body)
    };
    vec![
        python(false, json!({"writeKey": "WK"})),
        python(true, json!({})),
        node("n1", json!({"writeKey": "WK", "sentAt": "2026-01-01T10:00:00.200Z"})),
        node("n2", json!({"timestamp": "2026-01-01T10:00:00.200Z", "sentAt": "2026-01-01T10:00:00.200Z"})),
        node("n3", json!({})),
        jitsu("identify"),
        jitsu("track"),
        jitsu("page"),
    ]
}

#[tokio::test]
async fn requests_written_after_those_of_sdks_are_accepted() {
    let way = way();
    for line in by_hand() {
        accepted(&way, &line).await;
    }
}

#[tokio::test]
async fn captured_requests_of_sdks_are_accepted() {
    let Some(shared) = std::env::var_os("SHARED") else {
        eprintln!("skipped: SHARED is not set, so that no captured requests are at hand");
        return;
    };
    let folder = Path::new(&shared).join("sdk-wire");
    let files: Vec<_> = std::fs::read_dir(&folder)
        .map(|entries| entries.map(|entry| entry.unwrap().path()).collect())
        .unwrap_or_default();
    let files: Vec<_> = files.iter().filter(|path| path.extension().is_some_and(|e| e == "jsonl")).collect();
    if files.is_empty() && std::env::var_os("CI").is_none() {
        eprintln!("skipped: {} has no captured requests", folder.display());
        return;
    }
    assert!(!files.is_empty(), "{} has no captured requests", folder.display());
    for file in files {
        // One for each SDK: their ids may be the same.
        let way = way();
        let text = std::fs::read_to_string(file).unwrap();
        for captured in text.lines() {
            accepted(&way, &serde_json::from_str(captured).unwrap()).await;
        }
        println!("{}: {} events", file.display(), way.shelf.events().len());
    }
}
