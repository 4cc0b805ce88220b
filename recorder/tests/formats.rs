//! Every reader on small files of our own: what it finds, what it leaves out and why, and what hostile files come to.
#![cfg(feature = "formats")]

use std::fs;
use std::path::Path;

use traffic_recorder::formats::{Format, FormatError, Found, Source};
use traffic_recorder::tape::{Body, Close, FaultKind, MessageKind, Outcome, Side};

fn read(name: &str, bytes: &[u8]) -> Found {
    let source = Source { path: Path::new(name), bytes, base: None };
    let format = Format::detect(source).unwrap_or_else(|error| panic!("{name}: {error}"));
    format.read(source).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// `METHOD URL [request body] -> STATUS [body]` of each exchange.
fn found(name: &str, text: &str) -> Vec<String> {
    let found = read(name, text.as_bytes());
    assert!(found.skipped.is_empty(), "{name}: {:?}", found.skipped);
    lines(&found)
}

fn lines(found: &Found) -> Vec<String> {
    let shown = |body: &Body| match body {
        Body::Absent => "-".to_owned(),
        body => String::from_utf8_lossy(body.bytes().map_or(b"file", |bytes| bytes)).into_owned(),
    };
    let line = |exchange: &traffic_recorder::formats::Exchange| {
        let request = &exchange.request;
        let answer = match &exchange.take.outcome {
            Outcome::Answer(answer) => format!("{} {}", answer.status, shown(&answer.body)),
            Outcome::Fault(fault) => format!("{:?}", fault.kind),
        };
        format!("{} {} {} -> {answer}", request.method, request.url, shown(&request.body))
    };
    found.exchanges.iter().map(line).collect()
}

#[test]
fn vcr_and_its_relatives_are_read_in_all_their_dialects() {
    for (name, text) in [
        ("ruby.yml", "---\nhttp_interactions:\n- request:\n    method: post\n    uri: http://shop.test/a\n    body:\n      encoding: UTF-8\n      string: hi\n    headers:\n      Accept:\n      - '*/*'\n  response:\n    status:\n      code: 200\n      message: OK\n    headers: {}\n    body:\n      encoding: ASCII-8BIT\n      base64_string: |\n        cG9u\n        Zw==\n    http_version: '1.1'\n  recorded_at: Mon, 21 Apr 2014 23:13:40 GMT\nrecorded_with: VCR 6.2.0\n"),
        ("ruby-binary.yml", "http_interactions:\n- request: {method: post, uri: 'http://shop.test/a', body: {string: hi}}\n  response:\n    status: {code: 200}\n    body:\n      string: !binary |-\n        cG9uZw==\n"),
        ("vcrpy.yaml", "interactions:\n- request:\n    body: !!python/object/new:_io.BytesIO\n      state: !!python/tuple\n      - !!binary |\n        aGk=\n      - 0\n      - null\n    headers: {Accept: ['*/*']}\n    method: POST\n    uri: http://shop.test/a\n  response:\n    body: {string: !!python/unicode 'pong'}\n    headers: {}\n    status: {code: 200, message: OK}\nversion: 1\n"),
        ("pytest-recording.yaml", "interactions:\n- request: {method: POST, uri: 'http://shop.test/a', body: hi, headers: {}}\n  response: {status: {code: 200, message: OK}, headers: {}, body: {string: pong}}\nversion: 1\n"),
        ("go-v1.yaml", "version: 1\ninteractions:\n- request:\n    body: hi\n    form: {}\n    headers: {}\n    url: http://shop.test/a\n    method: POST\n  response:\n    body: pong\n    headers: {}\n    status: 200 OK\n    code: 200\n    duration: \"\"\n"),
        ("go-v3.yaml", "---\nversion: 2\ninteractions:\n- id: 0\n  request:\n    proto: HTTP/1.1\n    content_length: 2\n    transfer_encoding: []\n    trailer: {}\n    host: shop.test\n    body: hi\n    form: {}\n    headers: {}\n    url: http://shop.test/a\n    method: POST\n  response:\n    proto: HTTP/2.0\n    content_length: -1\n    uncompressed: true\n    body: pong\n    headers: {}\n    status: 200 OK\n    code: 200\n    duration: 460.6ms\n"),
        ("go-v4.json", "{\"version\": 2, \"interactions\": [{\"id\": 0, \"request\": {\"body\": \"hi\", \"url\": \"http://shop.test/a\", \"method\": \"POST\"}, \"response\": {\"body\": \"pong\", \"status\": \"200 OK\", \"code\": 200, \"duration\": 460600000}}]}"),
        ("betamax.json", "{\"http_interactions\": [{\"request\": {\"body\": {\"encoding\": \"utf-8\", \"string\": \"hi\"}, \"headers\": {\"Accept\": [\"*/*\"]}, \"method\": \"POST\", \"uri\": \"http://shop.test/a\"}, \"response\": {\"body\": {\"encoding\": null, \"base64_string\": \"cG9uZw==\"}, \"headers\": {}, \"status\": {\"code\": 200, \"message\": \"OK\"}, \"url\": \"http://shop.test/a\"}, \"recorded_at\": \"2014-04-21T23:13:40\"}], \"recorded_with\": \"betamax/0.5\"}"),
        ("reqwest.vcr.json", "{\"http_interactions\":[{\"response\":{\"body\":{\"encoding\":null,\"string\":\"pong\"},\"http_version\":\"1.1\",\"status\":{\"code\":200,\"message\":\"OK\"},\"headers\":{}},\"request\":{\"uri\":\"http://shop.test/a\",\"body\":\"hi\",\"method\":\"post\",\"headers\":{}},\"recorded_at\":\"Thu, 15 Jun 2023 10:00:00 +0000\"}],\"recorded_with\":\"rVCR 0.1\"}"),
        ("php.yml", "-\n    request:\n        method: POST\n        url: 'http://shop.test/a'\n        headers:\n            Host: shop.test\n        body: hi\n    response:\n        status:\n            http_version: '1.1'\n            code: '200'\n            message: OK\n        headers: []\n        body: pong\n"),
        ("r.yml", "http_interactions:\n- request:\n    method: post\n    uri: http://shop.test/a\n    body:\n      encoding: ''\n      string: hi\n    headers: {}\n  response:\n    status:\n      status_code: 200\n      message: OK\n    headers: {}\n    body:\n      encoding: ''\n      base64: yes\n      string: cG9uZw==\n  recorded_at: 2018-04-10 19:28:53 GMT\n  recorded_with: vcr/0.1.0, webmockr/0.2.4\n".replace("base64: yes", "base64: true").leak()),
        ("okreplay.yaml", "!tape\nname: a\ninteractions:\n- recorded: 2011-08-23T20:24:33.000Z\n  request: {method: POST, uri: 'http://shop.test/a', headers: {}, body: hi}\n  response: {status: 200, headers: {}, body: !!binary cG9uZw==}\n"),
        ("exvcr.json", "[{\"request\": {\"body\": \"hi\", \"headers\": [], \"method\": \"post\", \"options\": [], \"request_body\": \"\", \"url\": \"http://shop.test/a\"}, \"response\": {\"binary\": true, \"body\": \"g20AAAAEcG9uZw==\", \"headers\": {}, \"status_code\": [\"HTTP/1.1\", 200, \"OK\"], \"type\": \"ok\"}}]"),
        ("proxay.yml", "http_interactions:\n- request: {method: POST, host: shop.test, protocol: http, path: /a, body: {encoding: utf8, data: hi}}\n  response: {status: {code: 200}, body: {encoding: base64, data: cG9uZw==}}\n"),
        ("cassetter.yaml", "version: 1\ninteractions:\n- request: {method: POST, uri: 'http://shop.test/a', headers: {}, body: {type: text, content: hi}}\n  response: {status: 200, headers: {}, body: {type: binary, content: 706f6e67}}\n  recorded_at: '2026-01-01T00:00:00Z'\n"),
        ("cassetter.toml", "version = 1\n\n[[interactions]]\n[interactions.request]\nmethod = \"POST\"\nuri = \"http://shop.test/a\"\nbody_type = \"text\"\nbody_content = \"hi\"\n[interactions.request.headers]\n[interactions.response]\nstatus = 200\nbody_type = \"binary\"\nbody_content = \"706f6e67\"\n"),
    ] {
        assert_eq!(found(name, text), ["POST http://shop.test/a hi -> 200 pong"], "{name}");
        let crlf = text.replace('\n', "\r\n");
        assert_eq!(found(name, &format!("\u{feff}{crlf}")), ["POST http://shop.test/a hi -> 200 pong"], "{name} with a mark and CRLF");
    }
}

#[test]
fn old_and_odd_forms_of_vcr_are_read() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("body.txt"), "pong").unwrap();
    for text in [
        "---\n- !ruby/struct:VCR::HTTPInteraction\n  request: !ruby/struct:VCR::Request\n    method: :post\n    uri: http://shop.test/a\n    body: hi\n    headers:\n  response: !ruby/struct:VCR::Response\n    status: !ruby/struct:VCR::ResponseStatus\n      code: 200\n      message: OK\n    headers:\n      a:\n      - b\n    body: !str\n      str: pong\n      '@x': 1\n    http_version: '1.1'\n",
        "!tape\nname: a\ninteractions:\n- request: {method: POST, uri: 'http://shop.test/a', body: hi}\n  response: {status: 200, body: !file body.txt}\n",
        "interactions:\n- request: {method: POST, uri: 'http://shop.test/a', body: hi, headers: null}\n  response: {status: '200', status: \"200 OK\", headers: [], body: {string: no, string: pong, encoding: null}}\n",
    ] {
        let path = folder.path().join("a.yaml");
        let found = read(path.to_str().unwrap(), text.as_bytes());
        assert_eq!(lines(&found), ["POST http://shop.test/a hi -> 200 pong"], "{text} {:?}", found.skipped);
    }
    let erb = "http_interactions:\n<% 3.times do %>\n- request: {method: get}\n<% end %>\n";
    let error = Format::Vcr.read(Source { path: Path::new("a.yml"), bytes: erb.as_bytes(), base: None }).unwrap_err();
    assert!(error.to_string().contains("ERB"), "{error}");
}

#[test]
fn archives_are_read_with_bodies_in_every_place_they_may_be() {
    let entry = |request: &str, response: &str| {
        format!(
            "{{\"request\": {{\"method\": \"POST\", \"url\": \"http://shop.test/a\", \"headers\": []{request}}}, \"response\": {{{response}}}}}"
        )
    };
    let text = format!("{{\"log\": {{\"version\": \"1.2\", \"creator\": {{\"name\": \"x\", \"version\": \"1\"}}, \"entries\": [{}]}}}}", [
        entry(", \"postData\": {\"mimeType\": \"\", \"text\": \"hi\"}", "\"status\": 200, \"headers\": [], \"content\": {\"size\": 4, \"text\": \"cG9uZw==\", \"encoding\": \"base64\"}"),
        entry(", \"postData\": {\"mimeType\": \"\", \"params\": [{\"name\": \"a\", \"value\": \"1\"}, {\"name\": \"b\", \"value\": \"2\"}]}", "\"status\": 200, \"headers\": [], \"content\": {\"text\": \"<html>\", \"encoding\": \"base64\"}"),
        entry("", "\"status\": 200, \"headers\": [{\"name\": \"content-encoding\", \"value\": \"x\"}], \"content\": {\"text\": \"[\\\"706f\\\",\\\"6e67\\\"]\"}"),
        entry("", "\"status\": 200, \"headers\": [], \"content\": {\"text\": \"[\\\"GET\\\",\\\"POST\\\"]\"}"),
        entry("", "\"status\": 0, \"headers\": [], \"content\": {}, \"_error\": \"net::ERR_CONNECTION_REFUSED\""),
    ].join(", "));
    assert_eq!(
        found("a.har", &text),
        [
            "POST http://shop.test/a hi -> 200 pong",
            "POST http://shop.test/a a=1&b=2 -> 200 <html>",
            "POST http://shop.test/a - -> 200 pong",
            "POST http://shop.test/a - -> 200 [\"GET\",\"POST\"]",
            "POST http://shop.test/a - -> Refused",
        ]
    );
}

#[test]
fn the_other_formats_are_read() {
    let flow = |text: &str, tag: char| format!("{}:{text}{tag}", text.len());
    let pairs = |pairs: &[(&str, String)]| {
        flow(&pairs.iter().map(|(name, value)| flow(name, ';') + value).collect::<String>(), '}')
    };
    let bytes = |text: &str| flow(text, ',');
    let request = pairs(&[
        ("method", bytes("POST")),
        ("scheme", bytes("http")),
        ("host", flow("shop.test", ';')),
        ("port", flow("80", '#')),
        ("path", bytes("/a")),
        ("headers", flow("", ']')),
        ("content", bytes("hi")),
        ("http_version", bytes("HTTP/1.1")),
    ]);
    let response = pairs(&[("status_code", flow("200", '#')), ("headers", flow("", ']')), ("content", bytes("pong"))]);
    let mitm = pairs(&[("type", flow("http", ';')), ("request", request), ("response", response)]);
    for (name, text, expected) in [
        (
            "nock.json",
            "[{\"scope\": \"http://shop.test:80\", \"method\": \"POST\", \"path\": \"/a\", \"body\": \"hi\", \"status\": 200, \"response\": \"pong\", \"rawHeaders\": [\"A\", \"b\"]}]",
            "POST http://shop.test:80/a hi -> 200 pong",
        ),
        (
            "talkback.json5",
            "{\n  meta: {createdAt: '2026-01-01T00:00:00Z', host: 'http://shop.test', reqHumanReadable: true, resHumanReadable: true},\n  req: {url: '/a', method: 'POST', headers: {}, body: 'hi'},\n  res: {status: 200, headers: {}, body: 'pong'},\n}",
            "POST http://shop.test/a hi -> 200 pong",
        ),
        (
            "yakbak.js",
            "var path = require(\"path\");\n\n/**\n * POST /a\n *\n * host: shop.test\n */\n\nmodule.exports = function (req, res) {\n  res.statusCode = 200;\n\n  res.setHeader(\"a\", \"b\");\n\n  res.write(new Buffer(\"cG8=\", \"base64\"));\n  res.write(new Buffer(\"bmc=\", \"base64\"));\n  res.end();\n\n  return __filename;\n};\n",
            "POST http://shop.test/a - -> 200 pong",
        ),
        (
            "mapping.json",
            "{\"request\": {\"method\": \"POST\", \"urlPath\": \"/a\", \"host\": {\"equalTo\": \"shop.test\"}, \"queryParameters\": {\"q\": {\"equalTo\": \"1 2\"}}, \"bodyPatterns\": [{\"equalTo\": \"hi\"}]}, \"response\": {\"status\": 200, \"base64Body\": \"cG9uZw==\"}}",
            "POST http://shop.test/a?q=1%202 hi -> 200 pong",
        ),
        (
            "hoverfly.json",
            "{\"data\": {\"pairs\": [{\"request\": {\"method\": [{\"matcher\": \"exact\", \"value\": \"POST\"}], \"destination\": [{\"matcher\": \"exact\", \"value\": \"shop.test\"}], \"scheme\": [{\"matcher\": \"exact\", \"value\": \"http\"}], \"path\": [{\"matcher\": \"exact\", \"value\": \"/a\"}], \"body\": [{\"matcher\": \"exact\", \"value\": \"hi\"}]}, \"response\": {\"status\": 200, \"body\": \"cG9uZw==\", \"encodedBody\": true}}]}, \"meta\": {\"schemaVersion\": \"v5\"}}",
            "POST http://shop.test/a hi -> 200 pong",
        ),
        ("flows.mitm", &mitm, "POST http://shop.test:80/a hi -> 200 pong"),
        (
            "azure.json",
            "{\"Entries\": [{\"RequestUri\": \"http://shop.test/a\", \"RequestMethod\": \"POST\", \"RequestHeaders\": {\"Content-Type\": \"text/plain\"}, \"RequestBody\": \"hi\", \"StatusCode\": 200, \"ResponseHeaders\": {}, \"ResponseBody\": \"cG9uZw==\"}], \"Variables\": {}}",
            "POST http://shop.test/a hi -> 200 pong",
        ),
        (
            "smithy.json",
            "{\"events\": [{\"connection_id\": 0, \"action\": {\"Request\": {\"request\": {\"uri\": \"http://shop.test/a\", \"headers\": {}, \"method\": \"POST\"}}}}, {\"connection_id\": 0, \"action\": {\"Data\": {\"data\": {\"Utf8\": \"hi\"}, \"direction\": \"Request\"}}}, {\"connection_id\": 0, \"action\": {\"Response\": {\"response\": {\"Ok\": {\"status\": 200, \"version\": \"HTTP/1.1\", \"headers\": {}}}}}}, {\"connection_id\": 0, \"action\": {\"Data\": {\"data\": {\"Base64\": \"cG9uZw==\"}, \"direction\": \"Response\"}}}], \"docs\": \"x\", \"version\": \"V0\"}",
            "POST http://shop.test/a hi -> 200 pong",
        ),
        (
            "test-server.json",
            "{\"recordID\": \"x\", \"interactions\": [{\"request\": {\"method\": \"POST\", \"url\": \"/a\", \"headers\": {}, \"bodySegments\": [\"hi\"], \"serverAddress\": \"shop.test\", \"port\": 443, \"protocol\": \"https\"}, \"response\": {\"statusCode\": 200, \"headers\": {}, \"bodySegments\": [{\"a\": 1}]}}]}",
            "POST https://shop.test:443/a hi -> 200 {\"a\":1}",
        ),
        (
            "x.replay",
            "{\"Initial\": null, \"Version\": \"0.2\", \"Converter\": {}, \"Entries\": [{\"ID\": \"1\", \"Request\": {\"Method\": \"POST\", \"URL\": \"http://shop.test/a\", \"Header\": {}, \"MediaType\": \"\", \"BodyParts\": [\"aGk=\"]}, \"Response\": {\"StatusCode\": 200, \"Proto\": \"HTTP/2.0\", \"Header\": {}, \"Body\": \"cG9uZw==\"}}]}",
            "POST http://shop.test/a hi -> 200 pong",
        ),
        (
            "keploy.yaml",
            "version: api.keploy.io/v1beta1\nkind: Http\nname: test-1\nspec:\n  req: {method: POST, proto_major: 1, url: 'http://shop.test/a', header: {}, body: hi}\n  resp: {status_code: 200, header: {}, body: pong}\n",
            "POST http://shop.test/a hi -> 200 pong",
        ),
        (
            "shop.test/1",
            "POST /a\naccept: \"*/*\"\nbody: hi\\n\n\nHTTP/1.1 200 OK\nA: b\n\npong",
            "POST http://shop.test/a hi\n -> 200 pong",
        ),
        (
            "mock.yaml",
            "when:\n  method: POST\n  host: shop.test\n  path: /a\n  query_param:\n  - name: q\n    value: x\n  json_body: {a: 1}\nthen:\n  status: 200\n  header:\n  - name: A\n    value: b\n  body_base64: cG9uZw==\n",
            "POST http://shop.test/a?q=x {\"a\":1} -> 200 pong",
        ),
    ] {
        assert_eq!(found(name, text), [expected], "{name}");
    }
}

#[test]
fn a_broken_interaction_does_not_take_its_neighbours_along() {
    let good = "{request: {method: GET, uri: 'http://shop.test/a'}, response: {status: 200, body: pong}}";
    let yaml = format!(
        "interactions:\n- {good}\n- {{request: [}}\n- {{request: null}}\n- {{request: {{method: GET, uri: x}}, response: {{status: 9999}}}}\n- {good}\n"
    );
    let json = "{\"interactions\": [{\"request\": {\"method\": \"GET\", \"uri\": \"http://shop.test/a\"}, \"response\": {\"status\": 200, \"body\": \"pong\"}}, {\"request\": {\"method\": \"G";
    let keploy = "kind: Http\nversion: api.keploy.io/v1beta1\nspec: {req: {method: GET, url: 'http://shop.test/a'}, resp: {status_code: 200, body: pong}}\n---\nkind: [\n---\nkind: Mongo\nspec: {}\n";
    for (name, text, exchanges, skipped) in
        [("a.yaml", yaml.as_str(), 2, 4), ("a.json", json, 1, 1), ("k.yaml", keploy, 1, 2)]
    {
        let found = read(name, text.as_bytes());
        assert_eq!((found.exchanges.len(), found.skipped.len()), (exchanges, skipped), "{name}: {:?}", found.skipped);
        assert!(lines(&found).iter().all(|line| line == "GET http://shop.test/a - -> 200 pong"), "{name}");
    }
}

#[test]
fn what_is_no_recording_is_called_what_it_is() {
    for (name, bytes, what) in [
        ("__files/a.json", &b"{}"[..], "body"),
        ("a.zip", b"PK\x03\x04", "zip"),
        ("a.har.gz", b"\x1f\x8b", "gzip"),
        ("a.replay", b"RPCReplay\0", "gRPC"),
        ("a.json", b"[]", "nothing"),
        ("a.yaml", b"", "empty"),
        ("a.txt", b"hello world", "data"),
    ] {
        let error = Format::detect(Source { path: Path::new(name), bytes, base: None }).unwrap_err();
        assert!(
            matches!(&error, FormatError::NotARecording { .. }) && error.to_string().contains(what),
            "{name}: {error}"
        );
    }
    let error =
        Format::detect(Source { path: Path::new("a.yaml"), bytes: b"a request: is here\n", base: None }).unwrap_err();
    assert!(error.to_string().contains("--format"), "{error}");
}

#[test]
fn a_body_in_a_file_is_read_from_the_folder_of_the_recording_and_from_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("in");
    fs::create_dir_all(inside.join("mappings")).unwrap();
    fs::create_dir_all(inside.join("__files")).unwrap();
    fs::write(inside.join("__files/a.txt"), "pong").unwrap();
    fs::write(inside.join("a.txt"), "pong").unwrap();
    fs::write(folder.path().join("secret.txt"), "not yours").unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(folder.path().join("secret.txt"), inside.join("link.txt")).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(folder.path().join("secret.txt"), inside.join("__files/link.txt")).unwrap();
    let outside = folder.path().join("secret.txt").display().to_string();
    for (name, may) in [
        ("a.txt", true),
        ("../secret.txt", false),
        ("../../secret.txt", false),
        (outside.as_str(), false),
        ("link.txt", false),
    ] {
        let mapping = format!(
            "{{\"request\": {{\"method\": \"GET\", \"url\": \"/\"}}, \"response\": {{\"status\": 200, \"bodyFileName\": \"{name}\"}}}}"
        );
        let har = format!(
            "{{\"log\": {{\"entries\": [{{\"request\": {{\"method\": \"GET\", \"url\": \"http://shop.test/\"}}, \"response\": {{\"status\": 200, \"content\": {{\"_file\": \"{name}\"}}}}}}]}}}}"
        );
        for (file, text) in [("mappings/a.json", mapping), ("a.har", har)] {
            let path = inside.join(file);
            let found = read(path.to_str().unwrap(), text.as_bytes());
            if may {
                assert!(lines(&found)[0].ends_with("200 pong"), "{file} {name}: {:?}", found.skipped);
            } else {
                assert_eq!(found.exchanges.len(), 0, "{file} {name}");
                assert!(
                    found.skipped[0].reason.contains("outside") || found.skipped[0].reason.contains("body is in"),
                    "{:?}",
                    found.skipped
                );
            }
        }
    }
}

#[test]
fn bombs_are_refused_before_they_go_off() {
    let deflated = much();
    let zlib = [&b"\x78\x9c"[..], &deflated].concat();
    let gzip = [&b"\x1f\x8b\x08\0\0\0\0\0\0\xff"[..], &deflated].concat();
    let error = Format::Har.read(Source { path: Path::new("a.zhar"), bytes: &zlib, base: None }).unwrap_err();
    assert!(error.to_string().contains("unpacked"), "{error}");
    let packed = base64(&gzip);
    let r = format!(
        "http_interactions:\n- request: {{method: get, uri: 'http://shop.test/'}}\n  response: {{status: {{status_code: 200}}, body: {{raw_gzip: '{packed}'}}}}\n"
    );
    let found = read("r.yml", r.as_bytes());
    assert!(found.exchanges.is_empty() && found.skipped[0].reason.contains("unpacked"), "{:?}", found.skipped);

    for (name, text) in [
        ("deep.json", format!("{{\"interactions\": {}", "[".repeat(1_000_000))),
        ("deep.yaml", format!("interactions: {}", "[".repeat(1_000_000))),
        ("deep.toml", format!("[[interactions]]\na = {}", "[".repeat(1_000_000))),
    ] {
        let error = Format::Vcr.read(Source { path: Path::new(name), bytes: text.as_bytes(), base: None }).unwrap_err();
        assert!(error.to_string().contains("deep") || error.to_string().contains("nest"), "{name}: {error}");
    }
    let deep = "1:".repeat(10) + &"9999:".repeat(1000);
    assert!(Format::Mitmproxy.read(Source { path: Path::new("a"), bytes: deep.as_bytes(), base: None }).is_err());
}

#[test]
fn tags_of_code_are_data() {
    let text = "interactions:\n- request: !!python/object/apply:os.system {method: GET, uri: 'http://shop.test/'}\n  response: !ruby/object:Kernel {status: 200, body: '<%= `id` %>'}\n";
    assert_eq!(found("a.yaml", text), ["GET http://shop.test/ - -> 200 <%= `id` %>"]);
}

#[test]
fn a_failure_keeps_its_kind() {
    let text = "[{\"request\": {\"method\": \"get\", \"url\": \"http://shop.test/\"}, \"response\": {\"type\": \"error\", \"body\": \"connect_timeout\", \"status_code\": null}}]";
    let found = read("a.json", text.as_bytes());
    let Outcome::Fault(fault) = &found.exchanges[0].take.outcome else { panic!("no fault") };
    assert_eq!(fault.kind, FaultKind::Timeout);
}

/// More than 64 MiB of blanks, as DEFLATE.
fn much() -> Vec<u8> {
    let mut compress = flate2::Compress::new(flate2::Compression::best(), false);
    let mut chunk = Vec::with_capacity(1 << 20);
    // After a full flush the same bytes may follow again.
    compress.compress_vec(&vec![b' '; 4 << 20], &mut chunk, flate2::FlushCompress::Full).expect("as written");
    chunk.repeat(17)
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[test]
fn the_messages_of_a_websocket_are_a_conversation() {
    let har = |messages: &str| {
        format!(
            r#"{{"log": {{"version": "1.2", "entries": [{{"startedDateTime": "2026-01-01T00:00:00.000Z", "time": 10,
            "request": {{"method": "GET", "url": "http://shop.test/a", "headers": []}},
            "response": {{"status": 101, "headers": [], "content": {{"text": ""}}}},
            "_webSocketMessages": [{messages}]}}]}}}}"#
        )
    };
    let archive = har(r#"{"type": "receive", "time": 1767225600.015, "opcode": 1, "data": "hi"},
        {"type": "send", "time": 1767225600.510, "opcode": 2, "data": "AP8="}"#);
    let flow = |text: &str, tag: char| format!("{}:{text}{tag}", text.len());
    let pairs = |pairs: &[(&str, String)]| {
        flow(&pairs.iter().map(|(name, value)| flow(name, ';') + value).collect::<String>(), '}')
    };
    let said = |opcode: &str, client: &str, content: &str, time: &str, held_back: &str| {
        let parts = [flow(opcode, '#'), flow(client, '!'), flow(content, ','), flow(time, '^'), flow(held_back, '!')];
        flow(&parts.concat(), ']')
    };
    let messages = [
        said("1", "false", "hi", "1767225600.015", "false"),
        said("1", "true", "never sent", "1767225600.200", "true"),
        said("2", "true", "\0\u{7f}", "1767225600.510", "false"),
    ];
    let websocket = pairs(&[
        ("messages", flow(&messages.concat(), ']')),
        ("closed_by_client", flow("false", '!')),
        ("close_code", flow("4000", '#')),
        ("close_reason", flow("enough", ';')),
    ]);
    let start = |at: &str| ("timestamp_start", flow(at, '^'));
    let request = pairs(&[
        ("method", flow("GET", ',')),
        ("scheme", flow("http", ',')),
        ("host", flow("shop.test", ';')),
        ("port", flow("80", '#')),
        ("path", flow("/a", ',')),
        ("headers", flow("", ']')),
        start("1767225600.0"),
    ]);
    let response = pairs(&[("status_code", flow("101", '#')), ("headers", flow("", ']')), start("1767225600.010")]);
    let mitm =
        pairs(&[("type", flow("http", ';')), ("request", request), ("response", response), ("websocket", websocket)]);
    for (name, text, bytes, closed) in [("a.har", &archive, [0, 0xff], false), ("flows.mitm", &mitm, [0, 0x7f], true)] {
        let found = read(name, text.as_bytes());
        assert!(
            found.skipped.is_empty() && found.exchanges[0].changes.is_empty(),
            "{name}: {:?}",
            found.exchanges[0].changes
        );
        let take = &found.exchanges[0].take;
        let Outcome::Answer(answer) = &take.outcome else { panic!("an answer") };
        let transcript = answer.transcript.as_ref().expect("a conversation");
        let said: Vec<_> = transcript.messages.iter().map(|said| (said.by, said.kind, said.data.to_vec())).collect();
        let expected =
            [(Side::Server, MessageKind::Text, b"hi".to_vec()), (Side::Client, MessageKind::Binary, bytes.to_vec())];
        assert_eq!(said, expected, "{name}");
        let times: Vec<_> = take.recorded.frames.iter().map(std::time::Duration::as_millis).collect();
        assert_eq!(times, [5, 500], "{name}");
        let close = Close { by: Side::Server, code: Some(4000), reason: "enough".to_owned() };
        assert_eq!(transcript.close, closed.then_some(close), "{name}");
    }
    // What cannot be understood is said, and the handshake stays.
    let odd = read("a.har", har(r#"{"type": "send", "opcode": 7, "data": ""}"#).as_bytes());
    assert!(
        odd.exchanges[0].changes[0].contains("nobody knows the opcode of message 1"),
        "{:?}",
        odd.exchanges[0].changes
    );
}
