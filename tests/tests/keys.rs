//! Which requests are the same, as far as a client can show it: R12 to R24. The key has tests of its own beside its source.

use bytes::Bytes;
use recorder_tests::adapters::Ask;
use recorder_tests::origin::{Origin, Reply, pattern};
use recorder_tests::{Bench, over_all_adapters};
use traffic_recorder::key::{Rules, canonical};
use traffic_recorder::tape::Tape;
use traffic_recorder::{Mode, UnusedRule};

over_all_adapters!(
    r12_the_order_of_a_query_counts_within_a_name_alone,
    r13_json_matches_by_meaning_and_numbers_by_spelling,
    r14_malformed_json_is_compared_byte_by_byte,
    r15_forms_match_by_their_pairs,
    r16_multipart_matches_without_its_boundary,
    r17_another_body_is_another_request,
    r18_the_port_of_a_local_listener_is_not_in_the_key,
    r18_another_host_or_scheme_is_another_request_unless_a_rule_says_so,
    r19_headers_that_ask_for_something_else_count_and_others_do_not,
    r20_absent_empty_and_null_bodies_are_three_things,
    r21_equivalent_escapes_match_and_go_out_as_they_were_written,
    r22_graphql_is_told_apart_by_operation_and_variables,
    r23_a_rule_holds_in_every_mode_and_stands_in_the_tape,
    r24_a_streaming_body_is_read_once_and_arrives_whole,
    r24_a_streaming_body_arrives_whole_where_the_tape_is_asked_first,
    r24_a_body_too_large_for_memory_arrives_whole_and_matches,
    r60_a_key_can_be_computed_again_from_the_tape_alone,
);

/// Whether a tape of `recorded` answers `sent`.
async fn matches(bench: &Bench, recorded: Ask, sent: Ask) -> bool {
    matches_by(bench, &[], recorded, sent).await
}

async fn matches_by(bench: &Bench, rules: &[&str], recorded: Ask, sent: Ask) -> bool {
    let case = format!("case-{}", bench.origin.hits());
    let with_rules = |mode| rules.iter().fold(bench.case(&case, mode), |recorder, rule| recorder.rule(*rule));
    let run = bench.run(with_rules(Mode::Record));
    run.must(recorded).await;
    run.done();
    let hits = bench.origin.hits();
    let run = bench.run(with_rules(Mode::Replay).unused(UnusedRule::Allow));
    let answered = run.send(sent).await.is_ok();
    assert_eq!(bench.origin.hits(), hits, "a replay sends nothing");
    match run.finish() {
        Ok(report) => assert_eq!((answered, report.replayed), (true, 1)),
        Err(error) => assert_eq!((answered, error.code()), (false, "miss"), "{error}"),
    }
    answered
}

async fn both_ways(bench: &Bench, one: Ask, other: Ask) -> bool {
    let there = matches(bench, one.clone(), other.clone()).await;
    assert_eq!(there, matches(bench, other, one).await, "a match is a match from both sides");
    there
}

fn post(bench: &Bench, media: &str, body: &str) -> Ask {
    Ask::new("POST", bench.origin.url("/echo")).header("content-type", media).body(body.to_owned())
}

async fn r12_the_order_of_a_query_counts_within_a_name_alone(bench: Bench) {
    let get = |query: &str| Ask::get(bench.origin.url(&format!("/ok?{query}")));
    assert!(both_ways(&bench, get("a=1&b=2"), get("b=2&a=1")).await);
    assert!(!both_ways(&bench, get("a=1&a=2"), get("a=2&a=1")).await);
    assert!(!both_ways(&bench, get("a=1"), get("a=1&b=")).await);
}

async fn r13_json_matches_by_meaning_and_numbers_by_spelling(bench: Bench) {
    let json = |body: &str| post(&bench, "application/json", body);
    assert!(both_ways(&bench, json(r#"{"a":1,"b":"é"}"#), json("{ \"b\": \"\\u00e9\",\n \"a\": 1 }")).await);
    assert!(!both_ways(&bench, json("[1]"), json("[1.0]")).await);
    assert!(!both_ways(&bench, json("[9007199254740993]"), json("[9007199254740992]")).await);
    assert!(!both_ways(&bench, json("[1,2]"), json("[2,1]")).await);
}

async fn r14_malformed_json_is_compared_byte_by_byte(bench: Bench) {
    let json = |body: &str| post(&bench, "application/json", body);
    assert!(matches(&bench, json("{\"a\":"), json("{\"a\":")).await);
    assert!(!both_ways(&bench, json("{\"a\":"), json("{ \"a\":")).await);
}

async fn r15_forms_match_by_their_pairs(bench: Bench) {
    let form = |body: &str| post(&bench, "application/x-www-form-urlencoded", body);
    assert!(both_ways(&bench, form("name=a+b&city=x"), form("city=x&name=a%20b")).await);
    assert!(!both_ways(&bench, form("name=a&name=b"), form("name=b&name=a")).await);
}

async fn r16_multipart_matches_without_its_boundary(bench: Bench) {
    let parts = |boundary: &str, name: &str, text: &str| {
        let body = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n--{boundary}--\r\n"
        );
        post(&bench, &format!("multipart/form-data; boundary={boundary}"), &body)
    };
    assert!(both_ways(&bench, parts("aaa", "file", "text"), parts("zzz", "file", "text")).await);
    assert!(!both_ways(&bench, parts("aaa", "file", "text"), parts("aaa", "file", "other")).await);
    assert!(!both_ways(&bench, parts("aaa", "file", "text"), parts("aaa", "other", "text")).await);
}

async fn r17_another_body_is_another_request(bench: Bench) {
    for media in ["application/json", "text/plain", "application/octet-stream"] {
        assert!(!both_ways(&bench, post(&bench, media, "1"), post(&bench, media, "2")).await, "{media}");
    }
}

async fn r18_the_port_of_a_local_listener_is_not_in_the_key(bench: Bench) {
    let elsewhere = Origin::start();
    assert_ne!(elsewhere.port(), bench.origin.port());
    let here = Ask::get(bench.origin.url("/ok"));
    assert!(matches(&bench, here, Ask::get(elsewhere.url("/ok"))).await);
    assert_eq!(elsewhere.hits(), 0);
}

async fn r18_another_host_or_scheme_is_another_request_unless_a_rule_says_so(bench: Bench) {
    let here = || Ask::get(bench.origin.url("/ok"));
    let there = Ask::get("http://api.example.com/ok");
    assert!(!matches(&bench, here(), there.clone()).await);
    assert!(!matches(&bench, here(), Ask::get("https://127.0.0.1/ok")).await);
    assert!(matches_by(&bench, &["same host 127.0.0.1 api.example.com"], here(), there).await);
}

async fn r19_headers_that_ask_for_something_else_count_and_others_do_not(bench: Bench) {
    let get = |name: &str, value: &str| Ask::get(bench.origin.url("/ok")).header(name, value);
    for name in ["user-agent", "date", "traceparent", "x-request-id", "accept-encoding", "x-anything"] {
        assert!(matches(&bench, get(name, "one"), get(name, "two")).await, "{name}");
    }
    for name in ["accept", "x-api-version", "stripe-version", "range", "if-none-match"] {
        assert!(!matches(&bench, get(name, "one"), get(name, "two")).await, "{name}");
    }
}

async fn r20_absent_empty_and_null_bodies_are_three_things(bench: Bench) {
    bench.origin.on("/seen", |request| Reply::text(format!("{:?} {}", request.body, request.nth)));
    let ask = || Ask::new("DELETE", bench.origin.url("/seen")).header("content-type", "application/json");
    let three = [ask(), ask().empty(), ask().body("null")];
    let run = bench.record();
    let mut live = Vec::new();
    for ask in &three {
        live.push(run.must(ask.clone()).await.text());
    }
    run.done();
    assert_eq!(bench.tapes().len(), 3);
    let run = bench.replay();
    for (ask, live) in three.into_iter().zip(live).rev() {
        assert_eq!(run.must(ask).await.text(), live);
    }
    run.done();
}

async fn r21_equivalent_escapes_match_and_go_out_as_they_were_written(bench: Bench) {
    let get = |target: &str| Ask::get(bench.origin.url(target));
    bench.origin.answer("/a%7Eb", Reply::text("a~b"));
    assert!(matches(&bench, get("/a%7Eb?q=%7e"), get("/a~b?q=~")).await);
    assert_eq!(bench.origin.received()[0].target, "/a%7Eb?q=%7e");
    assert!(!both_ways(&bench, get("/a%2Fb"), get("/a/b")).await);
}

async fn r22_graphql_is_told_apart_by_operation_and_variables(bench: Bench) {
    let ask = |operation: &str, query: &str, variables: &str| {
        let body = format!(r#"{{"operationName":"{operation}","query":"{query}","variables":{variables}}}"#);
        Ask::post_json(bench.origin.url("/graphql"), body)
    };
    let order = ask("Order", "query Order($id: ID!) { order(id: $id) { total } }", r#"{"id":1}"#);
    let spaced = ask("Order", r"query Order($id: ID!) {\n  order(id: $id) {\n    total\n  }\n}", r#"{"id":1}"#);
    assert!(both_ways(&bench, order.clone(), spaced).await);
    let other = ask("Order", "query Order($id: ID!) { order(id: $id) { total } }", r#"{"id":2}"#);
    assert!(!both_ways(&bench, order.clone(), other).await);

    let run = bench.record();
    run.must(order).await;
    run.done();
    let run = bench.replay();
    let user = ask("User", "query User { me { name } }", "{}");
    run.send(user).await.expect_err("a miss");
    let text = run.fault().to_string();
    let named = |side: &str, name: &str| text.lines().any(|line| line.contains(side) && line.contains(name));
    assert!(named("recorded:", "Order") && named("sent:", "User"), "{text}");
}

async fn r23_a_rule_holds_in_every_mode_and_stands_in_the_tape(bench: Bench) {
    let ask = |at: u32| Ask::post_json(bench.origin.url("/echo"), format!(r#"{{"event":"x","timestamp":{at}}}"#));
    assert!(!matches(&bench, ask(1), ask(2)).await);
    assert!(matches_by(&bench, &["ignore json $.timestamp"], ask(1), ask(2)).await);

    let rule = "ignore json $.timestamp";
    let run = bench.run(bench.recorder(Mode::Record).rule(rule));
    run.must(ask(1)).await;
    run.done();
    assert!(bench.tape().contains(rule), "{}", bench.tape());
    let run = bench.run(bench.recorder(Mode::Missing).rule(rule));
    run.must(ask(2)).await;
    assert_eq!(run.done().live, 0);
}

async fn r24_a_streaming_body_is_read_once_and_arrives_whole(bench: Bench) {
    let ask = || Ask::new("POST", bench.origin.url("/echo")).header("content-type", "text/plain");
    let run = bench.record();
    let live = run.must(ask().stream(["one,", "two,", "three"])).await;
    run.done();
    assert_eq!(bench.origin.received()[0].text(), "one,two,three");
    assert_eq!(live.text(), "one,two,three");
    let run = bench.replay();
    assert_eq!(run.must(ask().stream(["one,two,", "three"])).await.text(), "one,two,three", "however it is cut");
    run.done();
}

async fn r24_a_streaming_body_arrives_whole_where_the_tape_is_asked_first(bench: Bench) {
    let ask = Ask::new("PUT", bench.origin.url("/echo")).header("content-type", "text/plain");
    let run = bench.run(bench.recorder(Mode::Missing));
    run.must(ask.clone().stream(["one,", "two,", "three"])).await;
    run.done();
    assert_eq!(bench.origin.received()[0].text(), "one,two,three");
    let run = bench.replay();
    run.must(ask.stream(["one,two,three"])).await;
    run.done();
}

async fn r24_a_body_too_large_for_memory_arrives_whole_and_matches(bench: Bench) {
    let bytes = pattern(0, 1 << 20).repeat(9);
    let ask = |last: &'static [u8]| {
        let chunks = bytes.chunks(1 << 20).map(Bytes::copy_from_slice).chain([Bytes::from_static(last)]);
        Ask::new("POST", bench.origin.url("/seen")).stream(chunks)
    };
    let run = bench.run(bench.recorder(Mode::Missing));
    run.must(ask(b"end")).await;
    run.done();
    let received = bench.origin.received().pop().and_then(|request| request.body).expect("a body");
    assert!(received[..bytes.len()] == bytes && received.ends_with(b"end"));
    let run = bench.replay();
    run.must(ask(b"end")).await;
    run.send(ask(b"END")).await.expect_err("another body");
    assert_eq!(run.fault().code(), "miss");
}

async fn r60_a_key_can_be_computed_again_from_the_tape_alone(bench: Bench) {
    let run = bench.run(bench.recorder(Mode::Record).rule("ignore json $.timestamp").rule("ignore query page"));
    run.get("/ok?page=7&api_key=fake-key-123").await;
    let login = Ask::post_json(run.url("/echo"), r#"{"user":"u-1","password":"fake-password-1","timestamp":5}"#);
    run.must(login.header("authorization", "Bearer fake-token-1")).await;
    run.must(Ask::new("PUT", run.url("/echo")).header("content-type", "text/plain").body(vec![b'x'; 100_000])).await;
    run.done();
    for name in bench.tapes() {
        let tape = Tape::read(&bench.folder().join(&name)).expect("a tape").expect("is there");
        let rules = Rules::parse(tape.rules.iter().map(String::as_str)).expect("its rules");
        assert_eq!(canonical(&tape.request, &rules).key(), tape.key, "{name}");
        assert!(name.contains(&tape.key.short()));
    }
    assert_eq!(bench.tapes().len(), 3);
}
