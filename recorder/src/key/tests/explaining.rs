//! What a miss can say.

use super::*;
use crate::key::{differences, distance};

fn told(recorded: &Request, sent: &Request) -> Vec<String> {
    let show = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
    let found = differences(&plain(recorded), &plain(sent)).into_iter();
    found.map(|d| format!("{}: {} / {} [{}]", d.place, show(d.recorded), show(d.sent), show(d.rule))).collect()
}

#[test]
fn r68_method_and_path_come_first_then_query_headers_and_body() {
    let recorded =
        request("POST", "https://h/users/1?a=1&b=2", &[("accept", "a/b")], r#"{"user":{"name":"Ann"},"n":[1,2]}"#);
    let sent = request("PUT", "https://h/users/22?b=3", &[], r#"{"user":{"name":"Bob"},"n":[1],"x y":null}"#);
    assert_eq!(
        told(&recorded, &sent),
        [
            "method: POST / PUT [-]",
            "path: /users/1 / /users/22 [same path /users/*]",
            "query a: 1 / - [ignore query a]",
            "query b: 2 / 3 [ignore query b]",
            "header accept: a/b / - [ignore header accept]",
            "body $.n[1]: 2 / - [ignore json $.n[1]]",
            "body $.user.name: \"Ann\" / \"Bob\" [ignore json $.user.name]",
            "body $[\"x y\"]: - / null [ignore json $[\"x y\"]]",
        ]
    );
}

#[test]
fn r68_hosts_schemes_and_ports_name_the_rule_that_joins_them() {
    assert_eq!(
        told(&get("https://h/"), &get("https://g:8443/")),
        ["host: h / g [same host h g:8443]", "port: - / 8443 [same host h g:8443]"]
    );
    assert_eq!(
        told(&get("https://h/"), &get("http://localhost:1234/")),
        [
            "scheme: https / http [same host https://h http://localhost]",
            "host: h / localhost [same host https://h http://localhost]"
        ]
    );
    assert_eq!(told(&get("https://h/"), &get("https://h:1/")), ["port: - / 1 [any port on h]"]);
    assert_eq!(told(&get("https://h/users"), &get("https://h/orders")), ["path: /users / /orders [-]"]);
}

#[test]
fn r68_forms_parts_and_kinds_are_named() {
    let form = |body: &'static str| post("application/x-www-form-urlencoded", body);
    assert_eq!(
        told(&form("a=1&b=2"), &form("a=3&c")),
        [
            "body form a: 1 / 3 [ignore form a]",
            "body form b: 2 / - [ignore form b]",
            "body form c: - / (a name without a value) [ignore form c]"
        ]
    );
    let part = |value: &str| {
        let head = "content-disposition: form-data; name=meta\r\ncontent-type: application/json";
        post("multipart/form-data; boundary=b", format!("--b\r\n{head}\r\n\r\n{value}\r\n--b--"))
    };
    assert_eq!(told(&part("{\"x\":1}"), &part("{\"x\":2}")), ["body part meta $.x: 1 / 2 [ignore json $.x]"]);
    assert_eq!(told(&part("1"), &part("")), ["body part meta: JSON of 1 bytes / empty [ignore form meta]"]);
    assert_eq!(told(&post("x/y", "a"), &post("x/y", "b")), ["body: a / b [ignore body]"]);
}

#[test]
fn r22_the_difference_names_the_operation() {
    let call = |name: &str, x: u8| {
        post("application/json", format!(r#"{{"query":"query {name} {{ a }}","variables":{{"x":{x}}}}}"#))
    };
    assert_eq!(
        told(&call("GetUser", 1), &call("GetOrder", 2)),
        [
            "body operation: GetUser / GetOrder [-]",
            "body query: query GetUser{a} / query GetOrder{a} [-]",
            "body $.variables.x: 1 / 2 [ignore json $.variables.x]"
        ]
    );
}

#[test]
fn r68_long_values_are_shortened_around_the_difference() {
    let long = |end: &str| post("text/plain", "x".repeat(500) + end + &"y".repeat(500));
    let found = differences(&plain(&long("1")), &plain(&long("2")));
    let shown = found[0].sent.as_deref().unwrap_or_default();
    assert!(
        shown.chars().count() < 80 && shown.contains("x2y") && shown.starts_with('…') && shown.ends_with('…'),
        "{shown}"
    );
    assert!(!format!("{found:?}").contains("x2y"), "debug output shows no values");
}

#[test]
fn r68_candidates_are_ranked_by_place_then_query_then_headers_then_body() {
    let sent = plain(&request("POST", "https://h/a/b?x=1", &[("accept", "a/b")], "{\"a\":1,\"b\":2}"));
    let candidates = [
        request("POST", "https://h/a/b?x=1", &[("accept", "a/b")], "{\"a\":1,\"b\":2}"),
        request("POST", "https://h/a/b?x=1", &[("accept", "a/b")], "{\"a\":1,\"b\":3}"),
        request("POST", "https://h/a/b?x=1", &[("accept", "a/b")], "{\"a\":0,\"b\":3}"),
        request("POST", "https://h/a/b?x=1", &[("accept", "a/b")], None),
        request("POST", "https://h/a/b?x=1", &[], "{\"a\":1,\"b\":2}"),
        request("POST", "https://h/a/b?x=2", &[("accept", "a/b")], "{\"a\":1,\"b\":2}"),
        request("POST", "https://g/a/b?x=1", &[("accept", "a/b")], "{\"a\":1,\"b\":2}"),
        request("POST", "https://h/a/c?x=1", &[("accept", "a/b")], "{\"a\":1,\"b\":2}"),
        request("GET", "https://h/a/b?x=1", &[("accept", "a/b")], "{\"a\":1,\"b\":2}"),
    ];
    let distances: Vec<_> = candidates.iter().map(|c| distance(&plain(c), &sent)).collect();
    assert_eq!(distances[0], 0);
    assert!(distances.is_sorted_by(|a, b| a < b), "{distances:?}");
}
