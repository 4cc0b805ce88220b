//! What a mode allows, and what is never done: R01 to R11. What the environment decides is in `environment.rs`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::panic::{AssertUnwindSafe, catch_unwind};

use recorder_tests::adapters::Ask;
use recorder_tests::origin::Reply;
use recorder_tests::{Bench, over_all_adapters};
use traffic_recorder::{Mode, OnPanic};

over_all_adapters!(
    r01_without_a_tape_nothing_is_sent_and_the_tape_is_named,
    r01_a_name_that_does_not_resolve_is_not_asked_for,
    r05_recording_again_keeps_what_this_run_made_alone,
    r05_bodies_beside_the_tapes_go_with_the_last_that_needs_them,
    r06_missing_keeps_the_large_body_of_an_answer_before,
    r06_missing_adds_a_tape_and_touches_no_other,
    r06_missing_adds_an_answer_to_a_tape_behind_the_others,
    r06_missing_writes_nothing_where_nothing_is_missing,
    r07_a_panicking_test_leaves_the_old_tape_intact,
    r07_a_panicking_test_saves_where_it_is_told_to,
    r08_a_swallowed_miss_fails_the_test_with_the_first,
    r08_dropping_the_tapes_is_enough_to_hear_of_a_miss,
    r09_a_miss_is_neither_an_answer_nor_worth_a_retry,
    r10_unsafe_methods_are_refused_before_they_are_sent,
    r10_hosts_off_the_list_are_refused_before_they_are_asked,
    r10_a_redirect_to_a_host_off_the_list_is_not_followed,
    r11_what_passes_through_is_live_and_leaves_no_tape,
    off_is_live_and_leaves_no_tape,
);

async fn r01_without_a_tape_nothing_is_sent_and_the_tape_is_named(bench: Bench) {
    let run = bench.replay();
    run.fails("/orders/7").await;
    let error = run.fault();
    let miss = error.miss().expect("a miss");
    assert!(miss.wanted.starts_with(bench.folder()), "{}", miss.wanted.display());
    let name = miss.wanted.file_name().unwrap().to_string_lossy().into_owned();
    assert!(name.starts_with("get-127.0.0.1-orders-7-") && name.ends_with(".yaml"), "{name}");
    assert!(error.to_string().contains(&name), "{error}");
    assert_eq!((bench.origin.connections(), bench.origin.hits()), (0, 0));
    assert!(!bench.folder().exists(), "a replay writes nothing");
}

async fn r01_a_name_that_does_not_resolve_is_not_asked_for(bench: Bench) {
    let run = bench.replay();
    run.send(Ask::get("http://no-such-host.invalid/")).await.expect_err("a miss");
    assert_eq!(run.fault().code(), "miss");
}

async fn r05_recording_again_keeps_what_this_run_made_alone(bench: Bench) {
    let other = bench.run(bench.case("other", Mode::Record));
    other.get("/ok").await;
    other.done();
    let run = bench.record();
    run.get("/status/200").await;
    run.get("/status/201").await;
    assert_eq!(run.done().written.len(), 2);
    std::fs::write(bench.folder().join("README.md"), "not a tape").unwrap();

    let run = bench.record();
    run.get("/status/201").await;
    run.done();
    let names = bench.tapes();
    assert!(names.len() == 1 && names[0].contains("status-201"), "{names:?}");
    assert!(bench.folder().join("README.md").exists());
    let other = bench.run(bench.case("other", Mode::Replay));
    other.get("/ok").await;
    other.done();
}

fn bodies(bench: &Bench) -> usize {
    bench.files().iter().filter(|(name, _)| !name.ends_with(".yaml")).count()
}

async fn r05_bodies_beside_the_tapes_go_with_the_last_that_needs_them(bench: Bench) {
    bench.origin.answer("/one", Reply::new(200).pattern(100_000));
    bench.origin.answer("/two", Reply::new(200).pattern(100_000));
    let run = bench.record();
    run.get("/one").await;
    run.get("/two").await;
    run.done();
    assert_eq!((bench.tapes().len(), bodies(&bench)), (2, 1), "one file for the same bytes");
    bench.origin.answer("/one", Reply::text("small now"));
    for (paths, left) in [(&["/one", "/two"][..], 1), (&["/one"], 0)] {
        let run = bench.record();
        for path in paths {
            run.get(path).await;
        }
        run.done();
        assert_eq!((bench.tapes().len(), bodies(&bench)), (paths.len(), left));
    }
}

async fn r06_missing_keeps_the_large_body_of_an_answer_before(bench: Bench) {
    bench.origin.on("/large", |request| Reply::new(200).pattern(100_000 + request.nth as u64));
    let run = bench.record();
    let first = run.get("/large").await;
    run.done();
    let run = bench.run(bench.recorder(Mode::Missing));
    assert!(run.get("/large").await.body() == first.body());
    let second = run.get("/large").await;
    run.done();
    assert_eq!((bench.tapes().len(), bodies(&bench)), (1, 2));
    let run = bench.replay();
    assert!(run.get("/large").await.body() == first.body());
    assert!(run.get("/large").await.body() == second.body());
    run.done();
}

async fn r06_missing_adds_a_tape_and_touches_no_other(bench: Bench) {
    let run = bench.record();
    let first = run.get("/count").await;
    run.done();
    let before = bench.files();

    let run = bench.run(bench.recorder(Mode::Missing));
    assert_eq!(run.get("/count").await.body(), first.body(), "from the tape");
    run.get("/ok").await;
    let report = run.done();
    assert_eq!((report.replayed, report.live, report.written.len()), (1, 1, 1));
    let mut after = bench.files();
    after.retain(|(name, _)| *name != report.written[0]);
    assert_eq!(after, before);

    let run = bench.replay();
    assert_eq!(run.get("/count").await.body(), first.body());
    run.get("/ok").await;
    run.done();
    assert_eq!(bench.origin.hits(), 2);
}

async fn r06_missing_adds_an_answer_to_a_tape_behind_the_others(bench: Bench) {
    let run = bench.record();
    run.get("/count").await;
    run.done();
    let before = bench.tape();

    let run = bench.run(bench.recorder(Mode::Missing));
    assert_eq!(run.get("/count").await.text(), r#"{"n":1}"#);
    assert_eq!(run.get("/count").await.text(), r#"{"n":2}"#);
    run.done();
    let after = bench.tape();
    assert!(after.len() > before.len() && after.starts_with(&before), "{before}\n---\n{after}");

    let run = bench.replay();
    for n in 1..=2 {
        assert_eq!(run.get("/count").await.text(), format!(r#"{{"n":{n}}}"#));
    }
    run.done();
}

async fn r06_missing_writes_nothing_where_nothing_is_missing(bench: Bench) {
    let run = bench.record();
    run.get("/json").await;
    run.done();
    let before = bench.files();
    let run = bench.run(bench.recorder(Mode::Missing));
    run.get("/json").await;
    assert_eq!(run.done().written, Vec::<String>::new());
    assert_eq!(bench.files(), before);
    assert_eq!(bench.origin.hits(), 1);
}

async fn r07_a_panicking_test_leaves_the_old_tape_intact(bench: Bench) {
    let run = bench.record();
    run.get("/count").await;
    run.done();
    let before = bench.files();

    let run = bench.record();
    run.get("/count").await;
    run.get("/ok").await;
    let panic = catch_unwind(AssertUnwindSafe(move || {
        let _run = run;
        panic!("the assertion of the test");
    }));
    assert_eq!(panic.unwrap_err().downcast_ref::<&str>(), Some(&"the assertion of the test"));
    assert_eq!(bench.files(), before);
}

async fn r07_a_panicking_test_saves_where_it_is_told_to(bench: Bench) {
    let run = bench.run(bench.recorder(Mode::Record).on_panic(OnPanic::Save));
    run.get("/ok").await;
    let panic = catch_unwind(AssertUnwindSafe(move || {
        let _run = run;
        panic!("the assertion of the test");
    }));
    assert!(panic.is_err());
    let run = bench.replay();
    assert_eq!(run.get("/ok").await.text(), "ok");
    run.done();
}

async fn r08_a_swallowed_miss_fails_the_test_with_the_first(bench: Bench) {
    let run = bench.record();
    run.get("/ok").await;
    run.done();
    let run = bench.replay();
    for _ in 0..3 {
        run.fails("/first").await;
    }
    run.fails("/second").await;
    assert_eq!(run.get("/ok").await.text(), "ok", "the rest still works");
    let error = run.fault();
    assert!(error.miss().is_some_and(|miss| miss.url.ends_with("/first")), "{error}");
    assert_eq!(bench.origin.hits(), 1);
}

async fn r08_dropping_the_tapes_is_enough_to_hear_of_a_miss(bench: Bench) {
    let run = bench.replay();
    let _ = run.send(Ask::get(run.url("/first"))).await;
    let panic = catch_unwind(AssertUnwindSafe(move || drop(run))).expect_err("a panic");
    let text = panic.downcast_ref::<String>().expect("a text");
    assert!(text.contains("no tape answers GET") && text.contains("/first"), "{text}");
    assert!(text.contains("The recorder was opened at"), "{text}");
}

async fn r09_a_miss_is_neither_an_answer_nor_worth_a_retry(bench: Bench) {
    let run = bench.replay();
    let failure = run.fails("/ok").await;
    assert_eq!(failure.code(), "miss");
    assert!(!failure.is_connect && !failure.is_timeout, "what retry policies look at: {failure}");
    assert!(failure.io.is_none_or(|kind| kind == std::io::ErrorKind::Other), "{:?}", failure.io);
    assert!(failure.text.contains("no tape answers GET"), "{failure}");
    let error = run.fault();
    assert_eq!(error.to_string(), failure.refusal.unwrap().to_string());
}

async fn r10_unsafe_methods_are_refused_before_they_are_sent(bench: Bench) {
    bench.configure("record: {methods: [POST]}");
    for mode in [Mode::Record, Mode::Missing, Mode::Check] {
        let run = bench.run(bench.case(&mode.to_string(), mode));
        let failure = run.send(Ask::new("DELETE", run.url("/orders/7"))).await;
        failure.expect_err("refused");
        let error = run.fault();
        assert_eq!(error.code(), "guard", "{mode}: {error}");
        assert!(error.to_string().contains("DELETE 127.0.0.1 was not sent"), "{error}");
    }
    assert_eq!(bench.origin.hits(), 0);
    let run = bench.record();
    run.get("/ok").await;
    run.post("/echo", "{}").await;
    run.done();
    assert_eq!(bench.origin.hits(), 2);
}

async fn r10_hosts_off_the_list_are_refused_before_they_are_asked(bench: Bench) {
    bench.configure("record: {hosts: [\"*.sandbox.example.com\"]}");
    let run = bench.record();
    run.fails("/ok").await;
    assert_eq!(run.fault().code(), "guard");
    assert_eq!(bench.origin.hits(), 0);
}

async fn r10_a_redirect_to_a_host_off_the_list_is_not_followed(bench: Bench) {
    bench.configure("record: {hosts: [127.0.0.1]}");
    let elsewhere = format!("http://localhost:{}/ok", bench.origin.port());
    bench.origin.answer("/away", Reply::redirect(&elsewhere));
    let run = bench.record();
    let answer = run.send(Ask::get(run.url("/away"))).await;
    if answer.is_ok_and(|answer| answer.status == 302) {
        // This client leaves redirects to its program.
        run.send(Ask::get(elsewhere)).await.expect_err("refused");
    }
    assert_eq!(bench.origin.hits(), 1);
    assert_eq!(run.fault().code(), "guard");
}

async fn r11_what_passes_through_is_live_and_leaves_no_tape(bench: Bench) {
    bench.configure("pass_through:\n- {url: \"127.0.0.1/count\"}\n- {url: \"127.0.0.1/seen\", in_replay: true}\n");
    let run = bench.record();
    run.get("/ok").await;
    run.get("/count").await;
    run.must(Ask::new("POST", run.url("/seen")).body("three")).await;
    run.done();
    assert_eq!(bench.tapes().len(), 1);
    assert_eq!(bench.origin.hits(), 3);

    let run = bench.replay();
    run.get("/ok").await;
    let live = run.must(Ask::new("POST", run.url("/seen")).body("seven").header("x-a", "b")).await;
    assert!(live.text().starts_with("POST /seen body 5 bytes"), "{}", live.text());
    run.done();
    assert_eq!(bench.origin.hits(), 4);

    let run = bench.replay();
    run.get("/ok").await;
    run.fails("/count").await;
    assert_eq!(run.fault().code(), "miss", "not in replay, unless the rule says so");
    assert_eq!(bench.origin.hits(), 4);
}

async fn off_is_live_and_leaves_no_tape(bench: Bench) {
    bench.origin.answer("/ok", Reply::text("live"));
    let run = bench.run(bench.recorder(Mode::Off));
    assert_eq!(run.get("/ok").await.text(), "live");
    run.done();
    assert!(!bench.folder().exists());
}

/// What the list of `connector_http2` says of R09: the words are there.
#[tokio::test]
async fn a_refusal_reaches_an_http2_client_in_words() {
    let bench = Bench::new(&recorder_tests::adapters::CONNECTOR_HTTP2);
    let run = bench.replay();
    let failure = run.fails("/ok").await;
    assert!(failure.text.contains("no tape answers GET"), "{failure}");
    assert_eq!(run.fault().code(), "miss");
}
