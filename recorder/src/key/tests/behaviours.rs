//! Which requests are the same and which are not.

use std::path::PathBuf;

use super::*;
use crate::tape::BodyFile;

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

#[test]
fn r12_query_order_does_not_count_but_the_order_of_repeats_does() {
    same(&get("https://h/?a=1&b=2"), &get("https://h/?b=2&a=1"));
    apart(&get("https://h/?a=1&a=2"), &get("https://h/?a=2&a=1"));
    apart(&get("https://h/?a"), &get("https://h/?a="));
    apart(&get("https://h/?"), &get("https://h/"));
}

#[test]
fn r13_json_counts_by_meaning_and_numbers_by_spelling() {
    same(&post(JSON, r#"{"b":"é/","a":[1, 2]}"#), &post(JSON, " {\n\"a\" : [1,2], \"b\":\"\\u00e9\\/\"}\n"));
    apart(&post(JSON, "[1]"), &post(JSON, "[1.0]"));
    apart(&post(JSON, "9007199254740993"), &post(JSON, "9007199254740992"));
    apart(&post(JSON, "[1,2]"), &post(JSON, "[2,1]"));
    apart(&post(JSON, r#"{"a":1,"a":2}"#), &post(JSON, r#"{"a":2,"a":1}"#));
    same(&post("application/problem+json", "{ }"), &post("application/problem+json", "{}"));
}

#[test]
fn r13_an_object_without_a_content_type_is_json_too() {
    let untyped = |body| request("POST", "https://h/", &[], body);
    same(&untyped("{\"a\":1, \"b\":2}"), &untyped("{\"b\":2,\"a\":1}"));
    apart(&untyped(" 1"), &untyped("1"));
}

#[test]
fn r14_json_that_is_none_is_compared_as_bytes() {
    same(&post(JSON, "{\"a\":"), &post(JSON, "{\"a\":"));
    apart(&post(JSON, "{\"a\":"), &post(JSON, "{ \"a\":"));
    apart(&post(JSON, b"\"\xff\"".to_vec()), &post(JSON, b"\"\xfe\"".to_vec()));
    apart(&post(JSON, "[".repeat(100_000)), &post(JSON, "[".repeat(100_001)));
}

#[test]
fn r15_form_fields_count_decoded_and_in_any_order() {
    same(&post(FORM, "a=1&b=x+y"), &post(FORM, "b=x%20y&a=1"));
    same(&post(FORM, "a=%7e"), &post(FORM, "a=~"));
    apart(&post(FORM, "a=1&a=2"), &post(FORM, "a=2&a=1"));
    apart(&post(FORM, "a=1%26b=2"), &post(FORM, "a=1&b=2"));
    apart(&post(FORM, "a%3D=1"), &post(FORM, "a==1"));
    apart(&post(FORM, "a=%2B"), &post(FORM, "a=+"));
}

fn multipart(boundary: &str, inner: &str, value: &str) -> Request {
    let body = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n{value}\r\n\
         --{boundary}\r\ncontent-type: multipart/mixed; boundary={inner}\r\n\r\n\
         --{inner}\r\nContent-Type: application/json\r\n\r\n{{\"x\": 1}}\r\n--{inner}--\r\n--{boundary}--\r\n"
    );
    post(&format!("multipart/form-data; boundary={boundary}"), body)
}

#[test]
fn r16_multipart_boundaries_do_not_count_nested_ones_neither() {
    same(&multipart("b1", "n1", "v"), &multipart("b2", "n2", "v"));
    apart(&multipart("b1", "n1", "v"), &multipart("b1", "n1", "w"));
}

#[test]
fn r16_a_part_differs_by_header_name_or_bytes() {
    let part = |head: &str, body: &str| {
        post("multipart/form-data; boundary=b", format!("--b\r\n{head}\r\n\r\n{body}\r\n--b--\r\n"))
    };
    let plain = part("Content-Disposition: form-data; name=a", "1");
    same(&plain, &part("content-disposition:form-data; name=a ", "1"));
    apart(&plain, &part("Content-Disposition: form-data; name=b", "1"));
    apart(&plain, &part("Content-Disposition: form-data; name=a\r\nX: y", "1"));
    apart(&plain, &part("Content-Disposition: form-data; name=a", "2"));
    apart(&plain, &part("Content-Disposition: form-data; name=a", "{\"a\":1}"));
    apart(&part("x: y", "{\"a\":1}"), &part("x: y", "{\"a\": 1}"));
    same(&part("content-type: text/json", "{\"a\":1}"), &part("content-type: text/json", "{\"a\": 1}"));
}

#[test]
fn r16_multipart_without_an_end_is_compared_as_bytes() {
    let cut = |b: &str| post(&format!("multipart/form-data; boundary={b}"), format!("--{b}\r\n\r\nx\r\n"));
    same(&cut("b"), &cut("b"));
    apart(&cut("b"), &cut("c"));
}

#[test]
fn r17_another_body_is_another_request() {
    for (content_type, a, b) in
        [(JSON, "{}", "[]"), (FORM, "a=1", "a=2"), ("text/plain", "a", "b"), ("x/y", "a\0", "b\0")]
    {
        apart(&post(content_type, a), &post(content_type, b));
    }
    let long = |end: char| post("text/plain", "x".repeat(10_000) + &end.to_string());
    apart(&long('a'), &long('b'));
}

#[test]
fn r18_host_scheme_and_port_count_but_a_local_port_does_not() {
    apart(&get("https://a.example.com/"), &get("https://b.example.com/"));
    apart(&get("https://a.example.com/"), &get("http://a.example.com/"));
    apart(&get("https://a.example.com/"), &get("https://a.example.com:8443/"));
    same(&get("https://a.example.com/"), &get("HTTPS://A.example.com:443"));
    for host in ["localhost", "api.localhost", "127.0.0.1", "127.8.8.8", "[::1]", "LOCALHOST"] {
        same(&get(&format!("http://{host}:41234/x")), &get(&format!("http://{host}:5/x")));
    }
    apart(&get("http://127.0.0.1:1/"), &get("http://localhost:1/"));
}

#[test]
fn r18_a_host_is_another_only_where_a_rule_says_so() {
    let (live, local) = (get("https://api.example.com/v1"), get("http://localhost:4010/v1"));
    let rule = ["same host https://api.example.com http://localhost"];
    assert_eq!(key_under(&rule, &live), key_under(&rule, &local));
    assert_eq!(key_under(&rule, &live), key(&live));
    let ports = ["same host h:1 other:2"];
    assert_eq!(key_under(&ports, &get("http://h:1/")), key_under(&ports, &get("http://other:2/")));
    assert_ne!(key_under(&ports, &get("http://h:1/")), key_under(&ports, &get("http://other:3/")));
}

#[test]
fn r19_headers_that_say_who_and_how_do_not_count() {
    let bare = get("https://h/");
    for (name, value) in [
        ("User-Agent", "x/1"),
        ("date", "Sat, 21 Nov 2026 10:00:00 GMT"),
        ("traceparent", "00-0-0-00"),
        ("content-length", "7"),
        ("accept-encoding", "br"),
        ("authorization", "Basic {{secret:x}}"),
        ("accept", "*/*"),
        ("x-stainless-package-version", "1.2.3"),
        ("x-app-version", "9"),
    ] {
        same(&bare, &request("GET", "https://h/", &[(name, value)], None));
    }
}

#[test]
fn r19_headers_that_change_the_question_count() {
    let bare = get("https://h/");
    for name in [
        "Accept",
        "content-type",
        "Range",
        "if-none-match",
        "If-Modified-Since",
        "api-version",
        "X-Api-Version",
        "accept-version",
        "stripe-version",
        "notion-version",
        "anthropic-version",
        "x-github-api-version",
        "x-amz-target",
        "SOAPAction",
    ] {
        let with = |value| request("GET", "https://h/", &[(name, value)], None);
        apart(&bare, &with("a/b"));
        apart(&with("a/b"), &with("a/c"));
        same(&with("a/b"), &request("GET", "https://h/", &[(&name.to_uppercase(), " a/b ")], None));
    }
    let accept =
        |values: [&'static str; 2]| request("GET", "https://h/", &[("accept", values[0]), ("Accept", values[1])], None);
    apart(&accept(["a/b", "c/d"]), &accept(["c/d", "a/b"]));
}

#[test]
fn r20_absent_empty_and_null_are_three() {
    let typed = |body| request("POST", "https://h/", &[("content-type", JSON)], body);
    let all = [None, Some(""), Some("null")].map(|body| plain(&typed(body)).text());
    assert!(
        all[0].ends_with("\n\nabsent\n") && all[1].ends_with("\n\nempty\n") && all[2].ends_with("\n\njson\nnull\n")
    );
}

#[test]
fn r21_equivalent_escapes_match_and_reserved_ones_do_not() {
    same(&get("https://h/%7Ea?%7e=%41"), &get("https://h/~a?~=A"));
    same(&get("https://h/a%2fb"), &get("https://h/a%2Fb"));
    apart(&get("https://h/a%2Fb"), &get("https://h/a/b"));
    apart(&get("https://h/?a=%26"), &get("https://h/?a=&"));
    same(&get("https://h/a#top"), &get("https://h/a"));
    let raw = get("https://h/%7Ea");
    let before = raw.clone();
    let _ = plain(&raw);
    assert_eq!(raw, before, "the request itself is never rewritten");
}

#[test]
fn r22_graphql_is_told_apart_by_operation_document_and_variables() {
    let call = |name: &str, query: &str, variables: &str| {
        post(JSON, format!(r#"{{"operationName":"{name}","query":"{query}","variables":{variables}}}"#))
    };
    let one = call("A", "query A($x: Int) { a(x: $x), b }", r#"{"x":1,"y":2}"#);
    same(&one, &call("A", r"query A($x:Int){\n  a(x: $x)  # why\n b\n}", r#"{"y":2, "x":1}"#));
    apart(&one, &call("B", "query A($x: Int) { a(x: $x), b }", r#"{"x":1,"y":2}"#));
    apart(&one, &call("A", "query A($x: Int) { a(x: $x), c }", r#"{"x":1,"y":2}"#));
    apart(&one, &call("A", "query A($x: Int) { a(x: $x), b }", r#"{"x":2,"y":2}"#));
    apart(&call("A", r#"{ a(s: \"x y\") }"#, "{}"), &call("A", r#"{ a(s: \"x  y\") }"#, "{}"));
    same(&post("application/graphql", "{ a, b }"), &post("application/graphql", "{a b}"));
    same(&post(JSON, r#"[{"query":"{ a }"}]"#), &post(JSON, r#"[{"query":"{a}"}]"#));
    apart(&post(JSON, r#"[{"query":"{ a }"}]"#), &post(JSON, r#"{"query":"{a}"}"#));
    apart(&post(JSON, r#"{"query":"shoes,  red"}"#), &post(JSON, r#"{"query":"shoes red"}"#));
    apart(&post(JSON, r#"{"query":"{a}","id":1}"#), &post(JSON, r#"{"query":"{a}","id":2}"#));
}

#[test]
fn r24_a_body_in_a_file_counts_by_length_and_digest() {
    let file = |path: &str, len, byte| {
        with_body("PUT", "https://h/", &[], Body::File(BodyFile { path: PathBuf::from(path), len, sha256: [byte; 32] }))
    };
    same(&file("a", 9, 1), &file("b", 9, 1));
    apart(&file("a", 9, 1), &file("a", 9, 2));
    let bytes = vec![b'{'; super::super::LARGEST_READ + 1];
    let sha256 = hmac_sha256::Hash::hash(&bytes);
    let spilled =
        with_body("PUT", "https://h/", &[], Body::File(BodyFile { path: "x".into(), len: bytes.len() as u64, sha256 }));
    same(&spilled, &with_body("PUT", "https://h/", &[], Body::Bytes(bytes.into())));
}

#[test]
fn http_version_and_trailers_do_not_count() {
    let one = get("https://h/");
    let mut other = one.clone();
    other.version = Version::Http2;
    other.trailers.push("grpc-status", "0");
    same(&one, &other);
}

#[test]
fn debug_output_shows_neither_headers_nor_bodies() {
    let canonical = plain(&request("POST", "https://h/p?q=hush1", &[("accept", "hush2")], "hush3"));
    let shown = format!("{canonical:?}");
    assert!(shown.contains("/p") && !shown.contains("hush"), "{shown}");
}

#[test]
fn a_websocket_handshake_is_another_question_than_the_request_without_it() {
    let handshake = |upgrade, more: &[(&str, &str)]| {
        let headers = [&[("Connection", "Upgrade"), ("Upgrade", upgrade)], more].concat();
        request("GET", "https://h/", &headers, None)
    };
    same(&handshake("websocket", &[]), &handshake(" WebSocket", &[("Sec-WebSocket-Version", "13")]));
    same(
        &handshake("websocket", &[("sec-websocket-key", "a")]),
        &handshake("websocket", &[("sec-websocket-key", "b")]),
    );
    same(&handshake("websocket", &[]), &handshake("websocket", &[("sec-websocket-extensions", "permessage-deflate")]));
    apart(&handshake("websocket", &[]), &get("https://h/"));
    let protocol = |protocol| handshake("websocket", &[("Sec-WebSocket-Protocol", protocol)]);
    apart(&protocol("chat.v1"), &protocol("chat.v2"));
    apart(&protocol("chat.v1"), &handshake("websocket", &[]));
    same(&handshake("h2c", &[]), &get("https://h/"));
}
