//! Tables as files have them, and answers as partners give them.

use std::time::Duration;

use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Context, Outcome, Probe, Table, View};
use crate::client::{Answer, Failure};
use crate::destination::document::Document;
use crate::destination::mistake::Mistake;
use crate::destination::verdict::{Blame, Verdict};
use crate::path::{Found, Path};

/// The least language of values: a text that begins with `$.` (or is `$`) is a path, all else is itself.
fn simple_value(value: &Value, pointer: &str) -> Result<Box<dyn Probe>, Mistake> {
    let path = value.as_str().filter(|text| *text == "$" || text.starts_with("$."));
    let Some(text) = path else {
        let value = value.clone();
        return Ok(Box::new(move |_: &View<'_>| Some(value.clone())));
    };
    let path = Path::parse(text.strip_prefix('$').unwrap_or_default()).ok_or_else(|| {
        Mistake::new(pointer, format!("{text:?} holds no name: a path is $.error.message, or $ for the whole answer"))
    })?;
    Ok(Box::new(move |view: &View<'_>| match path.get(Some(view.root)) {
        Found::Nothing => None,
        Found::Part(value) => Some(value.clone()),
        Found::Made(value) => Some(value),
    }))
}

fn table(text: &str) -> Table {
    let document = Document::parse("f.yaml", text.as_bytes()).unwrap();
    Table::compile(&document.value, "", &mut simple_value).unwrap_or_else(|mistakes| panic!("{mistakes:?}"))
}

fn mistakes(text: &str) -> String {
    let document = Document::parse("f.yaml", text.as_bytes()).unwrap();
    let mistakes = Table::compile(&document.value, "", &mut simple_value).unwrap_err();
    mistakes.into_iter().map(|mistake| document.report(mistake).to_string()).collect()
}

fn answer(status: u16, headers: &[(&'static str, &str)], body: &Value) -> Answer {
    let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
    let body = match body {
        Value::String(text) => text.clone().into(),
        json => json.to_string().into(),
    };
    Answer { status: StatusCode::from_u16(status).unwrap(), headers, body, elapsed: Duration::ZERO }
}

fn now() -> Timestamp {
    "2026-01-02T03:04:05Z".parse().unwrap()
}

fn judge_batch(text: &str, answer: &Answer, payloads: &[Value]) -> Outcome {
    let context = Context {
        events: payloads.len(),
        payload: &|i| payloads.get(i),
        oauth: false,
        secrets: &["fake-secret"],
        now: now(),
    };
    table(text).judge(Ok(answer), &context)
}

fn judge(text: &str, answer: &Answer) -> Outcome {
    judge_batch(text, answer, &[json!({})])
}

fn fails(text: &str, failure: &Failure) -> Outcome {
    let context = Context { events: 2, payload: &|_| None, oauth: false, secrets: &[], now: now() };
    table(text).judge(Err(failure), &context)
}

fn all_reject(reason: &str) -> Outcome {
    Outcome::All(Verdict::Reject(reason.to_owned()))
}

fn reject(index: usize, reason: &str) -> (usize, Verdict) {
    (index, Verdict::Reject(reason.to_owned()))
}

#[test]
fn the_common_table_speaks_where_the_file_does_not() {
    let kind = |status, oauth| {
        let context = Context { events: 3, payload: &|_| None, oauth, secrets: &[], now: now() };
        let answer = answer(status, &[("location", "https://elsewhere.example/")], &json!(""));
        match Table::default().judge(Ok(&answer), &context) {
            Outcome::All(Verdict::Delivered) => "delivered",
            Outcome::All(Verdict::Reject(_)) => "reject",
            Outcome::All(Verdict::Retry { blame: Blame::Event, .. }) => "retry event",
            Outcome::All(Verdict::Retry { blame: Blame::Instance, .. }) => "retry instance",
            Outcome::All(Verdict::Retry { blame: Blame::Host, .. }) => "retry host",
            Outcome::All(Verdict::Reauthenticate(_)) => "reauthenticate",
            Outcome::All(Verdict::Pause(_)) => "pause",
            Outcome::Split(_) => "split",
            Outcome::Each(_) => "each",
        }
    };
    let expected = [
        ("delivered", vec![200, 201, 202, 204, 207, 299]),
        ("reject", vec![300, 301, 302, 304, 307, 308, 400, 404, 405, 409, 410, 414, 415, 418, 422, 431, 451]),
        ("pause", vec![401, 402, 403]),
        ("retry event", vec![408, 425, 500, 501, 505, 507]),
        ("split", vec![413]),
        ("retry instance", vec![429]),
        ("retry host", vec![502, 503, 504, 520, 522, 529, 530, 598, 599, 999]),
    ];
    for (expected, statuses) in expected {
        for status in statuses {
            assert_eq!(kind(status, false), expected, "{status}");
        }
    }
    assert_eq!(kind(401, true), "reauthenticate");
    assert_eq!(kind(403, true), "pause");
}

#[test]
fn a_redirect_says_where_it_would_have_led() {
    let answer = answer(302, &[("location", "http://10.0.0.1/?k=fake-secret")], &json!(""));
    assert_eq!(
        judge("{}", &answer),
        all_reject("302 Found: redirects to http://10.0.0.1/?k=***, and redirects are not followed")
    );
}

#[test]
fn failures_have_verdicts_too() {
    let verdict = |failure| match fails("{}", &failure) {
        Outcome::All(verdict) => verdict,
        other => panic!("{other:?}"),
    };
    for failure in [Failure::Connect("x".into()), Failure::Timeout(Duration::from_secs(3)), Failure::Broken("x".into())]
    {
        assert!(matches!(verdict(failure), Verdict::Retry { blame: Blame::Host, after: None, .. }));
    }
    assert_eq!(verdict(Failure::TooLarge(9)), Verdict::Reject("the answer has more than 9 bytes".to_owned()));
    assert!(matches!(verdict(Failure::Internal("10.0.0.1".into())), Verdict::Pause(_)));
    let text = "timeout: {retry: event, after: 1m 30s}\ntoo_large: split\nconnect: pause\n";
    let expected = Verdict::Retry {
        blame: Blame::Event,
        after: Some(Duration::from_secs(90)),
        reason: "no answer within 3s".to_owned(),
    };
    assert_eq!(fails(text, &Failure::Timeout(Duration::from_secs(3))), Outcome::All(expected));
    assert_eq!(fails(text, &Failure::TooLarge(9)), Outcome::Split("the answer has more than 9 bytes".to_owned()));
    assert!(matches!(fails(text, &Failure::Connect("x".into())), Outcome::All(Verdict::Pause(_))));
    assert!(matches!(
        fails(text, &Failure::Broken("x".into())),
        Outcome::All(Verdict::Retry { blame: Blame::Host, .. })
    ));
}

#[test]
fn the_file_goes_before_the_common_table_and_a_status_before_its_class() {
    let text = "4xx: pause\n404: delivered\n409 | 410: retry event\n5xx: retry instance\n401: reauthenticate\n";
    assert_eq!(judge(text, &answer(404, &[], &json!("gone"))), Outcome::All(Verdict::Delivered));
    assert_eq!(
        judge(text, &answer(400, &[], &json!("no"))),
        Outcome::All(Verdict::Pause("400 Bad Request: no".into()))
    );
    for status in [409, 410] {
        assert!(matches!(
            judge(text, &answer(status, &[], &json!(""))),
            Outcome::All(Verdict::Retry { blame: Blame::Event, .. })
        ));
    }
    assert!(matches!(
        judge(text, &answer(500, &[], &json!(""))),
        Outcome::All(Verdict::Retry { blame: Blame::Instance, .. })
    ));
    let without_oauth = judge(text, &answer(401, &[], &json!("")));
    assert_eq!(without_oauth, Outcome::All(Verdict::Pause("401 Unauthorized".into())));
}

#[test]
fn the_table_of_an_action_goes_before_that_of_its_destination() {
    let both = table("404: delivered\n").over(table("404: pause\n4xx: retry event\n"));
    let context = Context { events: 1, payload: &|_| None, oauth: false, secrets: &[], now: now() };
    let judge = |status| both.judge(Ok(&answer(status, &[], &json!(""))), &context);
    assert_eq!(judge(404), Outcome::All(Verdict::Delivered));
    assert!(matches!(judge(400), Outcome::All(Verdict::Retry { .. })));
    assert_eq!(judge(200), Outcome::All(Verdict::Delivered));
    assert!(matches!(judge(429), Outcome::All(Verdict::Retry { blame: Blame::Event, .. })));
}

#[test]
fn the_first_verdict_whose_condition_holds_counts() {
    let text = "200:\n- {when: $.error, reject: $.error.text}\n- {when: $.later, retry: instance, after: $.later as ms, reason: busy}\n";
    assert_eq!(judge(text, &answer(200, &[], &json!({}))), Outcome::All(Verdict::Delivered));
    assert_eq!(judge(text, &answer(200, &[], &json!("<html>"))), Outcome::All(Verdict::Delivered));
    assert_eq!(
        judge(text, &answer(200, &[], &json!({"error": {"text": "bad"}, "later": 1}))),
        all_reject("200 OK: bad")
    );
    let expected = Verdict::Retry {
        blame: Blame::Instance,
        after: Some(Duration::from_millis(1500)),
        reason: "200 OK: busy".to_owned(),
    };
    assert_eq!(judge(text, &answer(200, &[], &json!({"later": 1500}))), Outcome::All(expected));
    let own_words = judge(text, &answer(200, &[], &json!({"error": {"message": "fake-secret is wrong"}})));
    assert_eq!(
        own_words,
        all_reject("200 OK: *** is wrong"),
        "without the text that the file names, the answer speaks"
    );
}

#[test]
fn partners_say_in_many_headers_when_to_come_again() {
    let after = |text: &str, headers: &[(&'static str, &str)]| match judge(text, &answer(429, headers, &json!(""))) {
        Outcome::All(Verdict::Retry { after, .. }) => after.map(|after| after.as_millis()),
        other => panic!("{other:?}"),
    };
    let reset = (now().as_second() + 20).to_string();
    let unix = "429: {retry: instance, after: header X-RateLimit-Reset as unix}";
    assert_eq!(after("{}", &[("retry-after", "7")]), Some(7_000));
    assert_eq!(after("{}", &[("retry-after", "Fri, 02 Jan 2026 03:05:05 GMT")]), Some(60_000));
    assert_eq!(after("{}", &[("x-ratelimit-reset", &reset)]), None, "nobody said what that number means");
    assert_eq!(after(unix, &[("x-ratelimit-reset", &reset)]), Some(20_000));
    assert_eq!(after(unix, &[("x-ratelimit-reset", "soon"), ("retry-after", "5")]), Some(5_000));
    assert_eq!(
        after("429: {retry: instance, after: header retry-after-ms as ms}", &[("retry-after-ms", "250")]),
        Some(250)
    );
    assert_eq!(
        after("429: {retry: host, after: header ratelimit-reset as seconds}", &[("ratelimit-reset", "9")]),
        Some(9_000)
    );
    assert_eq!(after("429: {retry: host, after: 2m}", &[]), Some(120_000));
}

#[test]
fn events_of_a_batch_are_named_by_place() {
    let text = "400: {each: $.failed_records, index: $.index, reject: $.message}";
    let body = json!({"failed_records": [{"index": 2, "message": "no token"}, {"index": "0", "message": "bad time"}]});
    let batch = [json!({}), json!({}), json!({})];
    let expected = vec![reject(0, "400 Bad Request: bad time"), reject(2, "400 Bad Request: no token")];
    assert_eq!(judge_batch(text, &answer(400, &[], &body), &batch), Outcome::Each(expected));
    let nobody = json!({"failed_records": [], "error": "all of it"});
    assert_eq!(judge_batch(text, &answer(400, &[], &nobody), &batch), all_reject("400 Bad Request: all of it"));
}

#[test]
fn the_others_of_a_batch_can_be_sent_again() {
    let text = "400:\n- {each: $.missing, index: $.value, reject: $.key, others: retry}\n- {each: $.throttled, index: $, retry: instance}\n- pause\n";
    let body = json!({"missing": {"time": [0, 3], "id": [3]}, "throttled": [1, 3]});
    let again = |blame| Verdict::Retry {
        blame,
        after: Some(Duration::from_secs(9)),
        reason: format!("400 Bad Request: {body}"),
    };
    let expected = vec![
        reject(0, "400 Bad Request: time"),
        (1, again(Blame::Instance)),
        (2, again(Blame::Event)),
        reject(3, "400 Bad Request: time"),
    ];
    let batch = vec![json!({}); 4];
    assert_eq!(judge_batch(text, &answer(400, &[("retry-after", "9")], &body), &batch), Outcome::Each(expected));
    assert!(matches!(judge_batch(text, &answer(400, &[], &json!({})), &batch), Outcome::All(Verdict::Pause(_))));
}

#[test]
fn events_of_a_batch_are_named_by_ids() {
    let text = "207: {each: $.errors, id: $.context.ids, of: $.email, reject: $.message}";
    let body = json!({"errors": [{"message": "invalid", "context": {"ids": ["b@x.test", "c@x.test"]}}]});
    let batch = ["a@x.test", "c@x.test", "b@x.test", "c@x.test"].map(|email| json!({ "email": email }));
    let expected = [1, 2, 3].map(|event| reject(event, "207 Multi-Status: invalid")).to_vec();
    assert_eq!(judge_batch(text, &answer(207, &[], &body), &batch), Outcome::Each(expected));
}

#[test]
fn answers_beside_events_are_read_in_their_order() {
    let text = "200: {each: $.results, if: $.error, reject: $.error}";
    let body = json!({"results": [{"ok": true}, {"error": "bad"}]});
    let batch = [json!({}), json!({})];
    assert_eq!(judge_batch(text, &answer(200, &[], &body), &batch), Outcome::Each(vec![reject(1, "200 OK: bad")]));
}

#[test]
fn a_batch_is_halved_where_an_error_names_no_event() {
    let text = "200: {each: $.errors, index: $.index, reject: $.message}";
    let batch = [json!({}), json!({})];
    for errors in [
        json!([{"message": "bad"}]),
        json!([{"index": 2, "message": "bad"}]),
        json!([{"index": 0}, {"index": -1}]),
        json!("bad"),
    ] {
        let outcome = judge_batch(text, &answer(200, &[], &json!({ "errors": errors })), &batch);
        assert!(matches!(outcome, Outcome::Split(_)), "{errors}: {outcome:?}");
    }
    let alone = judge(text, &answer(200, &[], &json!({"errors": [{"message": "bad"}]})));
    assert_eq!(alone, Outcome::Each(vec![reject(0, "200 OK: bad")]), "of one event it is clear which is meant");
}

#[test]
fn garbage_never_makes_it_panic() {
    let text = "2xx: {each: $.a, index: $.b.c, reject: $.d}\n4xx: {when: '$.[0]', reject: $}\n";
    let deep = "[".repeat(100_000);
    for body in [
        "",
        "null",
        "[]",
        "\u{0}\u{7f}",
        "{\"a\":",
        "{\"a\":{\"b\":1e999}}",
        "{\"a\":[[]]}",
        "{\"a\":[{\"b\":{\"c\":1.5}}]}",
        &deep,
    ] {
        for status in [200, 400] {
            let outcome =
                judge_batch(text, &answer(status, &[("retry-after", "x y")], &json!(body)), &[json!(null), json!(1)]);
            assert!(!format!("{outcome:?}").contains('\u{0}'));
        }
    }
}

#[test]
fn outcomes_name_events_by_their_place_in_the_plan() {
    let outcome = Outcome::Each(vec![reject(0, "a"), reject(2, "b"), reject(9, "c")]);
    let crate::destination::Judged::Each(verdicts) = outcome.judged(&[10, 11, 12]) else { panic!("each") };
    assert_eq!(verdicts, [reject(10, "a"), reject(12, "b")]);
}

#[test]
fn mistakes_in_a_table_are_named_at_their_place() {
    let cases = [
        ("429: {retyr: instance}", "f.yaml:1:7: there is no part of a verdict \"retyr\""),
        ("429: {retyr: instance}", "did you mean \"retry\"?"),
        ("429: retry instanc", "did you mean \"instance\"?"),
        ("429: retri", "did you mean \"retry\"?"),
        ("429: {retry: event, reject: x}", "exactly one thing"),
        ("429: {after: 1s}", "exactly one thing"),
        ("429: 7", "a verdict is a text or a map"),
        ("42: split", "there is no status or failure \"42\""),
        ("timeuot: pause", "did you mean \"timeout\"?"),
        ("timeout: delivered", "nobody knows"),
        ("timeout: {when: $.a, reject: x}", "without an answer"),
        ("429: {retry: event, after: header x as fortnights}", "there is no unit of time \"fortnights\""),
        ("429: {retry: event, after: soon}", "is no time to wait"),
        ("429: {reject: x, after: 1s}", "only a retry has an `after`"),
        ("400: {each: $.a, split: true}", "one event cannot be split"),
        ("400: {index: $.a, reject: x}", "goes with `each`"),
        ("400: {each: $.a, id: $.b, reject: x}", "`of`"),
        ("400: {each: $.a, id: $.b, of: $.c, index: $.d, reject: x}", "not by both"),
        ("400: [reject, pause]", "always holds"),
        ("400, 422: reject\n422: pause", "422 stands in two entries"),
        ("400: {when: '$.[.]', reject: x}", "f.yaml:1:13: \"$.[.]\" holds no name"),
        ("[]", "a verdict table is a map"),
    ];
    for (text, expected) in cases {
        let shown = mistakes(text);
        assert!(shown.contains(expected), "{text}: {shown}");
    }
}
