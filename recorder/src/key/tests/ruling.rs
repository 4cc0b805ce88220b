//! What rules do, and that the tape needs only those that did something.

use super::*;
use crate::key::{Rule, RuleError};

#[track_caller]
fn same_under(lines: &[&str], a: &Request, b: &Request) {
    let rules = rules(lines);
    let (a, b) = (canonical(a, &rules), canonical(b, &rules));
    assert_eq!(a.text(), b.text());
}

#[track_caller]
fn apart_under(lines: &[&str], a: &Request, b: &Request) {
    assert_ne!(key_under(lines, a), key_under(lines, b));
}

fn json(body: &'static str) -> Request {
    post("application/json", body)
}

#[test]
fn parameters_can_be_ignored() {
    let (a, b) = (get("https://h/?a=1&utm_source=x&q%20r=2"), get("https://h/?a=1"));
    same_under(&["ignore query utm_*", "ignore query q%20r"], &a, &b);
    apart_under(&["ignore query utm_*"], &a, &b);
}

#[test]
fn headers_can_be_ignored_or_made_to_count() {
    let with = |name: &str, value: &str| request("GET", "https://h/", &[(name, value)], None);
    same_under(&["ignore header if-*"], &with("If-Match", "1"), &with("if-range", "2"));
    apart_under(&["match header X-Tenant"], &with("x-tenant", "1"), &with("x-tenant", "2"));
    same_under(&["match header x-*", "ignore header x-tenant"], &with("x-tenant", "1"), &with("x-tenant", "2"));
}

#[test]
fn form_fields_and_parts_can_be_ignored() {
    let form = |body: &'static str| post("application/x-www-form-urlencoded", body);
    same_under(&["ignore form ts"], &form("a=1&ts=5"), &form("ts=6&a=1"));
    let part = |value: &str| {
        let body = format!("--b\r\ncontent-disposition: form-data; name=\"ts\"\r\n\r\n{value}\r\n--b--");
        post("multipart/form-data; boundary=b", body)
    };
    same_under(&["ignore form ts"], &part("1"), &part("2"));
    apart_under(&["ignore form tz"], &part("1"), &part("2"));
}

#[test]
fn json_values_can_be_ignored() {
    let (a, b) = (json(r#"{"t":1,"x":[{"id":1,"v":2}],"d":{"t":3}}"#), json(r#"{"x":[{"id":9,"v":2}],"d":{"t":4}}"#));
    same_under(&["ignore json $..t", "ignore json $.x[*].id"], &a, &b);
    apart_under(&["ignore json $.t", "ignore json $.x[*].id"], &a, &b);
    same_under(&["ignore json $[0]", "ignore json $[1]"], &json("[1,2,3]"), &json("[4,5,3]"));
    let call = |ts: u8| post("application/json", format!(r#"{{"query":"{{a}}","variables":{{"ts":{ts}}}}}"#));
    same_under(&["ignore json $.variables.ts"], &call(1), &call(2));
}

#[test]
fn a_body_can_be_ignored() {
    same_under(&["ignore body"], &json("1"), &json("2"));
    let none = request("POST", "https://api.example.com/", &[("content-type", "application/json")], None);
    same_under(&["ignore body"], &json("1"), &none);
}

#[test]
fn paths_and_ports_can_be_made_the_same() {
    same_under(
        &["same path /v1/users/*/orders"],
        &get("https://h/v1/users/1/orders"),
        &get("https://h/v1/users/2/orders"),
    );
    apart_under(&["same path /v1/users/*/orders"], &get("https://h/v1/users/1/x"), &get("https://h/v1/users/2/x"));
    same_under(&["same path /files/**"], &get("https://h/files/a/b"), &get("https://h/files/c"));
    same_under(&["any port"], &get("https://h:1/"), &get("https://h/"));
}

#[test]
fn a_rule_can_be_bound_to_a_host_and_a_path() {
    let rule = ["ignore query page on *.example.com/v1/**"];
    same_under(&rule, &get("https://a.example.com/v1/x?page=1"), &get("https://a.example.com/v1/x?page=2"));
    apart_under(&rule, &get("https://a.example.com/v2/x?page=1"), &get("https://a.example.com/v2/x?page=2"));
    apart_under(&rule, &get("https://example.org/v1/x?page=1"), &get("https://example.org/v1/x?page=2"));
    let lines = ["same host api.example.com stage.test", "ignore query t on api.example.com"];
    same_under(&lines, &get("https://api.example.com/?t=1"), &get("https://stage.test/?t=2"));
}

#[test]
fn r23_a_rule_that_is_code_applies_and_is_named() {
    let mut own = Rules::default();
    own.push(Rule::custom("no  dates", |request| request.headers.retain(|name, _| name != "if-modified-since")));
    let with = |value: &str| request("GET", "https://h/", &[("if-modified-since", value)], None);
    assert_eq!(canonical(&with("a"), &own).key(), canonical(&with("b"), &own).key());
    assert_eq!(canonical(&with("a"), &own).applied(), ["custom no dates"]);
    assert!(canonical(&get("https://h/"), &own).applied().is_empty());
}

#[test]
fn r60_the_rules_named_in_a_tape_give_the_key_again() {
    let mut own =
        rules(&["ignore query t", "ignore query u", "match header x-a", "any port", "ignore json $.t on other"]);
    own.push(Rule::custom("mine", |request| request.method = "GET".to_owned()));
    let sent = request("PURGE", "http://h:81/?t=1", &[("x-a", "1")], "{\"t\":1}");
    let first = canonical(&sent, &own);
    assert_eq!(first.applied(), ["any port", "custom mine", "ignore query t", "match header x-a"]);
    let again = own.named(first.applied()).expect("all known");
    assert_eq!(canonical(&sent, &again), first);
    let unknown = Rules::default().named(first.applied()).map(|_| ());
    assert_eq!(unknown, Err(RuleError::Custom { rule: "custom mine".to_owned() }));
}

#[test]
fn the_order_in_which_rules_are_given_does_not_count() {
    let lines = ["same path /a/*", "same path /*/*", "same host x y", "same host y z", "any port"];
    let sent = get("http://z/a/1");
    let reversed: Vec<_> = lines.iter().rev().copied().collect();
    assert_eq!(canonical(&sent, &rules(&lines)), canonical(&sent, &rules(&reversed)));
}
