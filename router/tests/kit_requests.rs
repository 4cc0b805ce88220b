//! From events to requests: URLs, headers, bodies, batches and chains.

mod kit;

use destination_router::client::AllowInternal;
use destination_router::client::Failure;
use destination_router::destination::{Blame, Judged, Target, Verdict};
use kit::{EXAMPLE, answer, env, instance, next, one_action, plan, request, request_of};
use serde_json::{Value, json};

fn track(id: u64) -> Value {
    json!({
        "type": "track", "event": "Paid", "userId": format!("u{id}"), "messageId": format!("m{id}"),
        "timestamp": "2026-01-02T03:04:05.678Z", "properties": { "n": id },
    })
}

fn example() -> destination_router::destination::Instance {
    instance(EXAMPLE, &json!({ "settings": { "apiKey": "fake-key" } }))
}

#[test]
fn a_request_has_its_url_headers_credentials_and_body() {
    let planned = plan(&example(), &[track(1)]);
    let expected = json!({
        "method": "POST", "url": "https://us.partner.example/v1/events?strict=1",
        "headers": { "x-sdk": "router", "content-type": "application/json", "authorization": "Bearer fake-key" },
        "body": { "region": "us", "events": [{ "event": "Paid", "properties": { "n": 1, "time": 1_767_323_045_678_i64, "id": "m1", "user": "u1" } }] },
    });
    assert_eq!(request(&planned.calls[0]), expected);
    assert_eq!(planned.calls[0].events, [0]);
}

#[test]
fn values_in_urls_are_encoded_and_must_be_there() {
    let event =
        json!({ "id": "a/b?c=d&ü", "n": 7, "dots": "..", "object": {}, "url": "https://other.example/x?y=z#f" });
    let url = |line: &str| match request_of(&format!("request: {line}"), &event) {
        Ok(made) => made["url"].as_str().unwrap_or_default().to_owned(),
        Err(refused) => refused,
    };
    assert_eq!(url("GET /people/{{$.id}}?n={{n}}"), "https://partner.example/v1/people/a%2Fb%3Fc%3Dd%26%C3%BC?n=7");
    assert_eq!(url("\"GET {{{$.url}}}\""), "https://other.example/x?y=z");
    assert_eq!(
        url("\"GET {{{$.id}}}\""),
        "what was made is no URL: it begins with \"nothing known\" and has 9 characters"
    );
    assert_eq!(url("GET /people/{{$.gone}}"), "$.gone is missing, and the URL needs it");
    assert_eq!(url("GET /people/{{dots}}"), "dots is \"..\", which would lead the URL elsewhere");
    assert_eq!(url("GET /people/{{object}}"), "object stands in the URL and must be a text or a number");
    assert_eq!(url("GET /people/{{id | sha256}}").len(), 98);
}

#[test]
fn a_query_leaves_out_what_is_absent_and_repeats_lists() {
    let action = "request: GET /x?fixed=1\nquery: {a: $.a, gone: $.gone, none: $.none, list: $.list, on: true}";
    let made = request_of(action, &json!({ "a": "x y&z", "none": null, "list": [1, "b"] }));
    assert_eq!(made.unwrap()["url"], "https://partner.example/v1/x?fixed=1&a=x%20y%26z&list=1&list=b&on=true");
    let refused = request_of(action, &json!({ "a": {} }));
    assert_eq!(
        refused.unwrap_err(),
        "the query's a must be a text or a number, or a list of them: `as: json` makes a text of it"
    );
}

#[test]
fn forms_and_texts_have_their_media_types() {
    let form = request_of(
        "request: POST /f\nform: {a: $.a, gone: $.gone, list: $.list}",
        &json!({ "a": "x y+(~)", "list": [1, 2] }),
    );
    let form = form.unwrap();
    assert_eq!(form["body"], "a=x+y%2B%28%7E%29&list=1&list=2");
    assert_eq!(form["headers"]["content-type"], "application/x-www-form-urlencoded");
    let text = request_of(
        "request: POST /t\nheaders: {content-type: text/csv}\ntext: \"{{a}},{{b}}\"",
        &json!({ "a": 1, "b": 2 }),
    )
    .unwrap();
    assert_eq!((&text["body"], &text["headers"]["content-type"]), (&json!("1,2"), &json!("text/csv")));
    let none = request_of("request: DELETE /x", &json!({})).unwrap();
    assert_eq!((&none["body"], &none["headers"]), (&json!(""), &json!({})));
}

#[test]
fn headers_may_come_from_an_object_but_not_those_of_http_itself() {
    let action = "request: POST /x\nheaders: {...: $.headers, x-own: 1}\njson: {}";
    let made =
        request_of(action, &json!({ "headers": { "X-A": "b", "x-n": 2, "x-none": null, "x-own": "theirs" } })).unwrap();
    assert_eq!(made["headers"], json!({ "x-a": "b", "x-n": "2", "x-own": "1", "content-type": "application/json" }));
    for (name, value) in [("host", "evil.example"), ("Content-Length", "0"), ("a b", "c")] {
        let refused = request_of(action, &json!({ "headers": { name: value } })).unwrap_err();
        assert!(refused.contains("is no header that can be set"), "{refused}");
    }
    let refused = request_of(action, &json!({ "headers": { "x-a": "b\r\nx-evil: 1" } })).unwrap_err();
    assert_eq!(refused, "the header x-a would hold a character that no header can hold");
}

#[test]
fn an_event_without_what_it_needs_is_refused_and_the_others_go_on() {
    let nameless = json!({ "type": "track", "userId": "u", "timestamp": "2026-01-02T03:04:05Z" });
    let timeless = json!({ "type": "track", "event": "e", "userId": "u", "timestamp": "soon" });
    let nobody = json!({ "type": "track", "event": "e", "timestamp": "2026-01-02T03:04:05Z" });
    let planned = plan(&example(), &[nameless, track(1), timeless, nobody]);
    let refused: Vec<(usize, &str)> = planned.refused.iter().map(|(place, why)| (*place, why.as_str())).collect();
    assert_eq!(
        refused,
        [(0, "name is missing"), (2, "time must be a time and is \"soon\""), (3, "a user id is needed")]
    );
    assert_eq!(planned.calls.len(), 1);
    assert_eq!(planned.calls[0].events, [1]);
}

#[test]
fn a_batch_is_split_by_events_and_by_bytes() {
    let events: Vec<Value> = (0..7).map(track).collect();
    let planned = plan(&example(), &events);
    let sizes: Vec<&[usize]> = planned.calls.iter().map(|call| call.events.as_slice()).collect();
    assert_eq!(sizes, [&[0, 1, 2][..], &[3, 4, 5], &[6]]);
    let config =
        json!({ "settings": { "apiKey": "fake-key" }, "limits": { "batch": { "events": 100, "bytes": 300 } } });
    let planned = plan(&instance(EXAMPLE, &config), &events);
    assert!(planned.calls.len() > 2, "{}", planned.calls.len());
    assert!(planned.calls.iter().all(|call| call.request.body().len() <= 300));
    assert_eq!(planned.calls.iter().flat_map(|call| call.events.clone()).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, 6]);
    let mut large = track(1);
    large["properties"]["text"] = "x".repeat(400).into();
    let planned = plan(&instance(EXAMPLE, &config), &[large]);
    assert!(planned.refused[0].1.contains("and the most is 300"), "{:?}", planned.refused);
}

#[test]
fn events_of_a_batch_that_go_elsewhere_or_in_another_wrapping_are_requests_apart() {
    let action = "request: POST /{{$.to}}\nheaders: {x-a: $.a}\neach: $.n\nwrap: {client: $.client, all: $batch}";
    let event = |to: &str, a: u64, client: &str, n: u64| json!({ "to": to, "a": a, "client": client, "n": n });
    let events = [
        event("x", 1, "c", 0),
        event("y", 1, "c", 1),
        event("x", 1, "c", 2),
        event("x", 2, "c", 3),
        event("x", 1, "d", 4),
    ];
    let planned = plan(&instance(&one_action(action), &Value::Null), &events);
    let made: Vec<(Vec<usize>, Value)> =
        planned.calls.iter().map(|call| (call.events.clone(), request(call)["body"].clone())).collect();
    let expected = [
        (vec![0, 2], json!({ "client": "c", "all": [0, 2] })),
        (vec![1], json!({ "client": "c", "all": [1] })),
        (vec![3], json!({ "client": "c", "all": [3] })),
        (vec![4], json!({ "client": "d", "all": [4] })),
    ];
    assert_eq!(made, expected);
}

#[test]
fn a_wrapping_may_look_at_the_whole_list_and_headers_at_its_size() {
    let action = "request: POST /x\nheaders: {x-count: {$size: $batch}}\neach: $.n\nwrap: {last: {$: $batch, as: last}, count: {$size: $batch}, all: $batch}";
    let planned = plan(&instance(&one_action(action), &Value::Null), &[json!({ "n": 1 }), json!({ "n": 2 })]);
    let made = request(&planned.calls[0]);
    assert_eq!(made["body"], json!({ "last": 2, "count": 2, "all": [1, 2] }));
    assert_eq!(made["headers"]["x-count"], "2");
}

#[test]
fn an_event_may_be_several_items_and_is_named_once() {
    let action = "request: POST /x\neach: {$concat: [$.id, {$each: $.items, do: $.id}]}";
    let events = [json!({ "id": "a", "items": [{ "id": 1 }, { "id": 2 }] }), json!({ "id": "b" })];
    let instance = instance(&one_action(action), &Value::Null);
    let mut planned = plan(&instance, &events);
    let call = planned.calls.remove(0);
    assert_eq!((request(&call)["body"].clone(), call.events.clone()), (json!(["a", 1, 2, "b"]), vec![0, 1]));
    assert_eq!(
        plan(&instance, &[json!({ "other": 1 })]).refused,
        [(0, "there is nothing to send of this event".to_owned())]
    );
}

#[test]
fn what_an_event_holds_cannot_break_out_of_the_list() {
    let action = "request: POST /x\neach: {text: $.text}\nwrap: {first: $.text, list: $batch, again: {all: $batch}}";
    for text in ["\"}]", "\u{1}0\u{1}", "\\u0001", "]"] {
        let planned = plan(&instance(&one_action(action), &Value::Null), &[json!({ "text": text })]);
        assert_eq!(
            request(&planned.calls[0])["body"],
            json!({ "first": text, "list": [{ "text": text }], "again": { "all": [{ "text": text }] } }),
            "{text:?}"
        );
    }
}

#[test]
fn one_event_alone_may_be_sent_elsewhere() {
    let action = "request: POST /batch\neach: {n: $.n}\nalone: POST /single";
    let instance = instance(&one_action(action), &Value::Null);
    let alone = plan(&instance, &[json!({ "n": 1 })]);
    assert_eq!(request(&alone.calls[0])["url"], "https://partner.example/v1/single");
    assert_eq!(request(&alone.calls[0])["body"], json!({ "n": 1 }));
    let two = plan(&instance, &[json!({ "n": 1 }), json!({ "n": 2 })]);
    assert_eq!(request(&two.calls[0])["body"], json!([{ "n": 1 }, { "n": 2 }]));
}

#[test]
fn a_chain_goes_on_from_answer_to_answer() {
    let instance = instance(EXAMPLE, &json!({ "settings": { "apiKey": "fake-key" }, "actions": ["identify"] }));
    let event =
        json!({ "type": "identify", "userId": "u 1", "traits": { "email": "a@b.example", "tags": ["x", "y"] } });
    let first = |i: &destination_router::destination::Instance| plan(i, std::slice::from_ref(&event)).calls.remove(0);
    let call = first(&instance);
    assert_eq!(request(&call)["url"], "https://us.partner.example/v1/people/u%201");

    let found = answer(200, r#"{"id": 42}"#);
    let update = next(instance.judge(call, Ok(&found), &env()));
    assert_eq!((update.step, update.events.clone()), (1, vec![0]));
    let made = request(&update);
    assert_eq!((&made["method"], &made["url"]), (&json!("PUT"), &json!("https://us.partner.example/v1/people/42")));
    assert_eq!(made["body"], json!({ "traits": { "email": "a@b.example", "tags": ["x", "y"] } }));
    assert_eq!(made["headers"]["authorization"], "Bearer fake-key");
    // The last step that applies.
    assert!(matches!(instance.judge(update, Ok(&answer(200, "{}")), &env()), Judged::All(Verdict::Delivered)));

    let create = next(instance.judge(first(&instance), Ok(&answer(404, "")), &env()));
    assert_eq!((create.step, request(&create)["body"].clone()), (2, json!("id=u+1&email=a%40b.example&tags=x&tags=y")));
}

#[test]
fn a_chain_ends_where_an_answer_is_a_failure() {
    let instance = instance(EXAMPLE, &json!({ "settings": { "apiKey": "fake-key" }, "actions": ["identify"] }));
    let event = json!({ "type": "identify", "userId": "u", "traits": {} });
    let call = || plan(&instance, std::slice::from_ref(&event)).calls.remove(0);
    assert!(matches!(instance.judge(call(), Ok(&answer(400, "no")), &env()), Judged::All(Verdict::Reject(_))));
    assert!(matches!(instance.judge(call(), Ok(&answer(401, "no")), &env()), Judged::All(Verdict::Pause(_))));
    let judged = instance.judge(call(), Err(&Failure::Timeout(std::time::Duration::from_secs(1))), &env());
    assert!(matches!(judged, Judged::All(Verdict::Retry { blame: Blame::Host, .. })), "{judged:?}");
}

#[test]
fn a_chain_of_which_no_step_applies_is_refused() {
    let action = "steps:\n- {name: one, if: $.gone, request: GET /x}";
    assert_eq!(request_of(action, &json!({})).unwrap_err(), "there is nothing to do for this event: no step applies");
}

#[test]
fn a_step_that_lacks_what_it_needs_rejects_the_event() {
    let action = "steps:\n- {name: one, request: GET /x}\n- {name: two, request: \"PUT /x/{{$one.body.id}}\"}";
    let instance = instance(&one_action(action), &Value::Null);
    let call = plan(&instance, &[json!({})]).calls.remove(0);
    match instance.judge(call, Ok(&answer(200, "{}")), &env()) {
        Judged::All(Verdict::Reject(why)) => assert_eq!(why, "$one.body.id is missing, and the URL needs it"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_call_is_halved_by_planning_each_half() {
    let instance = example();
    let events: Vec<Value> = (0..3).map(track).collect();
    let call = plan(&instance, &events).calls.remove(0);
    let borrowed: Vec<&Value> = events.iter().collect();
    let [left, right] = instance.split(&call, &borrowed, &env()).expect("two halves");
    assert_eq!((left.calls[0].events.as_slice(), right.calls[0].events.as_slice()), (&[0][..], &[1, 2][..]));
    assert!(instance.split(&left.calls[0], &borrowed, &env()).is_none());
}

#[test]
fn the_same_seed_makes_the_same_requests() {
    let action = "request: POST /x\neach: {id: $uuid, at: $now}";
    let instance = instance(&one_action(action), &Value::Null);
    let events = [json!({}), json!({})];
    let (one, two) = (plan(&instance, &events), plan(&instance, &events));
    assert_eq!(one.calls[0].request.body(), two.calls[0].request.body());
    let body = request(&one.calls[0])["body"].clone();
    assert_ne!(body[0]["id"], body[1]["id"]);
}

#[test]
fn requests_can_be_sent_to_another_address() {
    let config = |to: &str| json!({ "settings": { "apiKey": "fake-key" }, "send_to": to, "allow_internal": true });
    let planned = plan(&instance(EXAMPLE, &config("http://127.0.0.1:9000")), &[track(1)]);
    let made = request(&planned.calls[0]);
    assert_eq!(
        (&made["url"], &made["headers"]["host"]),
        (&json!("http://127.0.0.1:9000/v1/events?strict=1"), &json!("us.partner.example"))
    );
    assert_eq!(planned.calls[0].request.extensions().get::<AllowInternal>(), Some(&AllowInternal));
    let planned = plan(&instance(EXAMPLE, &config("http://127.0.0.1:9000/partner/")), &[track(1)]);
    assert_eq!(request(&planned.calls[0])["url"], "http://127.0.0.1:9000/partner/v1/events?strict=1");
}

#[test]
fn what_is_required_is_said_in_the_files_words() {
    let any = "require: {any: [$.a, $.b], else: \"{{name}} has neither a nor b\"}\nrequest: POST /x\njson: $";
    assert_eq!(request_of(any, &json!({ "name": "N", "a": "" })).unwrap_err(), "N has neither a nor b");
    assert!(request_of(any, &json!({ "b": 1 })).is_ok());
    let all = "require:\n- {all: [$.a, $.b], else: both}\n- {$gt: [$.b, 5], else: more}\nrequest: POST /x\njson: $";
    assert_eq!(request_of(all, &json!({ "a": 1 })).unwrap_err(), "both");
    assert_eq!(request_of(all, &json!({ "a": 1, "b": 2 })).unwrap_err(), "more");
    assert!(request_of(all, &json!({ "a": 1, "b": 6 })).is_ok());
}
