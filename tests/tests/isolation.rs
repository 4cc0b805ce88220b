//! Tests beside each other, and what a test is told: R65 to R72.

use std::fs;

use recorder_tests::adapters::{ALL, Ask, Options};
use recorder_tests::origin::{Origin, Reply};
use recorder_tests::{Bench, over_all_adapters};
use traffic_recorder::{Mode, Recorder};

over_all_adapters!(
    r65_tests_in_parallel_threads_keep_apart,
    r65_a_spawned_task_records_where_its_client_belongs,
    r66_forty_requests_on_eight_threads_are_forty_takes,
    r67_a_tape_of_any_client_serves_this_one,
    r68_a_miss_ranks_tapes_and_shows_the_difference_the_right_way_round,
    r68_a_miss_says_which_tapes_were_asked_for_already,
    r68_the_rule_that_a_miss_prints_makes_it_match,
    r71_an_old_tape_warns_or_fails_by_choice,
    r72_a_check_finds_a_change_of_shape_and_touches_nothing,
    r72_a_check_takes_other_values_for_the_same_shape,
    r72_a_check_names_a_request_that_is_not_on_the_tapes,
);

/// Runs something in a thread with a runtime of its own.
fn in_thread<'scope>(
    scope: &'scope std::thread::Scope<'scope, '_>,
    work: impl AsyncFnOnce() + Send + 'scope,
) -> std::thread::ScopedJoinHandle<'scope, ()> {
    scope.spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(work());
        runtime.shutdown_background();
    })
}

async fn r65_tests_in_parallel_threads_keep_apart(bench: Bench) {
    let bench = &bench;
    for mode in [Mode::Record, Mode::Replay] {
        std::thread::scope(|scope| {
            for test in 0..4 {
                in_thread(scope, async move || {
                    let run = bench.run(bench.case(&format!("test-{test}"), mode));
                    for n in 0..5 {
                        // The same requests in every test, and one of its own.
                        run.get(&format!("/status/20{n}")).await;
                    }
                    run.get(&format!("/own/{test}")).await;
                    let report = run.done();
                    assert_eq!(report.live + report.replayed, 6);
                    assert_eq!(report.written.len(), if mode == Mode::Record { 6 } else { 0 });
                });
            }
        });
    }
    assert_eq!(bench.origin.hits(), 24);
}

async fn r65_a_spawned_task_records_where_its_client_belongs(bench: Bench) {
    let one = bench.run(bench.case("one", Mode::Record));
    let other = bench.run(bench.case("other", Mode::Record));
    let (first, second) = (tokio::spawn(one.get("/ok")), tokio::spawn(other.get("/json")));
    first.await.expect("no panic");
    second.await.expect("no panic");
    let (one, other) = (one.done().written, other.done().written);
    assert!(one.len() == 1 && one[0].contains("-ok-"), "{one:?}");
    assert!(other.len() == 1 && other[0].contains("-json-"), "{other:?}");
}

async fn r66_forty_requests_on_eight_threads_are_forty_takes(bench: Bench) {
    for mode in [Mode::Record, Mode::Replay] {
        let tapes = bench.recorder(mode).open().expect("tapes");
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let (bench, tapes) = (&bench, &tapes);
                in_thread(scope, async move || {
                    // A client's connections belong to one runtime; the tapes do not.
                    let client = bench.adapter.client(tapes, &Options::default());
                    for n in 0..5 {
                        let path = if n % 2 == 0 { "/count".to_owned() } else { format!("/item/{thread}/{n}") };
                        client.send(Ask::get(bench.origin.url(&path))).await.expect("an answer");
                    }
                });
            }
        });
        assert_eq!(tapes.exchanges().len(), 40);
        let report = tapes.finish().expect("all is well");
        assert_eq!(report.live + report.replayed, 40);
    }
    assert_eq!(bench.origin.hits(), 40);
    let takes =
        |name: &String| fs::read_to_string(bench.folder().join(name)).expect("a tape").matches("\n- status:").count();
    assert_eq!(bench.tapes().iter().map(takes).sum::<usize>(), 40);
}

async fn r67_a_tape_of_any_client_serves_this_one(bench: Bench) {
    for recorder in ALL {
        let case = format!("by-{}", recorder.name());
        let ask = || Ask::post_json(bench.origin.url("/echo"), r#"{"by":"any"}"#);
        let tapes = bench.case(&case, Mode::Record).open().expect("tapes");
        recorder.client(&tapes, &Options::default()).send(ask()).await.expect("an answer");
        tapes.finish().expect("saved");
        let run = bench.run(bench.case(&case, Mode::Replay));
        assert_eq!(run.must(ask()).await.text(), r#"{"by":"any"}"#, "recorded by {}", recorder.name());
        run.done();
    }
    assert_eq!(bench.origin.hits(), ALL.len());
}

#[tokio::test]
async fn r67_several_clients_share_one_tape() {
    let folder = tempfile::tempdir().expect("a folder");
    let origin = Origin::start();
    for mode in [Mode::Record, Mode::Replay] {
        let tapes = Recorder::at(folder.path().join("test")).mode(mode).open().expect("tapes");
        for adapter in ALL {
            let client = adapter.client(&tapes, &Options::default());
            client.send(Ask::get(origin.url("/count"))).await.expect("an answer");
            client.send(Ask::get(origin.url(&format!("/by/{}", adapter.name())))).await.expect("an answer");
        }
        let report = tapes.finish().expect("all is well");
        assert_eq!(report.live + report.replayed, 2 * ALL.len());
    }
    assert_eq!(origin.hits(), 2 * ALL.len());
}

async fn r68_a_miss_ranks_tapes_and_shows_the_difference_the_right_way_round(bench: Bench) {
    let run = bench.record();
    run.get("/orders").await;
    run.get("/users/7").await;
    run.post("/users", r#"{"name":"a","plan":"free"}"#).await;
    run.post("/orders", r#"{"item":"book","amount":1}"#).await;
    run.done();
    let run = bench.replay();
    run.send(Ask::post_json(run.url("/orders"), r#"{"item":"book","amount":2}"#)).await.expect_err("a miss");
    let error = run.fault();
    let miss = error.miss().expect("a miss");
    assert!(miss.candidates[0].file.starts_with("post-127.0.0.1-orders-"), "{error}");
    assert_eq!(miss.tapes, 4);
    let difference = &miss.candidates[0].differences[0];
    assert!(difference.place.contains("$.amount"), "{difference:?}");
    assert_eq!((difference.recorded.as_deref(), difference.sent.as_deref()), (Some("1"), Some("2")));
    let text = error.to_string();
    let (recorded, sent) = (text.find("recorded: 1").expect("the tape's"), text.find("sent:     2").expect("ours"));
    assert!(recorded < sent, "{text}");
    assert!(text.contains("To record it: RECORD=missing cargo test"), "{text}");
    assert!(text.contains("isolation.rs:") || text.contains("bench.rs:"), "where the recorder was opened: {text}");
}

async fn r68_a_miss_says_which_tapes_were_asked_for_already(bench: Bench) {
    let run = bench.record();
    run.get("/orders?page=1").await;
    run.get("/orders?page=2").await;
    run.done();
    let run = bench.replay();
    run.get("/orders?page=1").await;
    run.fails("/orders?page=3").await;
    let error = run.fault();
    let miss = error.miss().expect("a miss");
    let seen: Vec<_> = miss.candidates.iter().map(|candidate| candidate.seen).collect();
    assert!(seen.len() == 2 && seen.contains(&true) && seen.contains(&false), "{error}");
    let text = error.to_string();
    assert!(text.contains("(asked for already)") && text.contains("(not asked for yet)"), "{text}");
}

async fn r68_the_rule_that_a_miss_prints_makes_it_match(bench: Bench) {
    let sent = |page: u32, at: u32| {
        let url = bench.origin.url(&format!("/search?page={page}"));
        Ask::post_json(url, format!(r#"{{"q":"x","at":{at}}}"#))
    };
    let run = bench.record();
    run.must(sent(1, 1)).await;
    run.done();
    let run = bench.replay();
    run.send(sent(2, 2)).await.expect_err("a miss");
    let error = run.fault();
    let differences = error.miss().expect("a miss").candidates[0].differences.clone();
    let rules: Vec<_> = differences.into_iter().map(|difference| difference.rule.expect("a rule")).collect();
    assert_eq!(rules.len(), 2, "{error}");
    let with_rules = |mode| rules.iter().fold(bench.recorder(mode), |recorder, rule| recorder.rule(rule.as_str()));
    // The tape that was recorded without the rule answers, and says that it should be recorded once more.
    let run = bench.run(with_rules(Mode::Replay));
    run.must(sent(2, 2)).await;
    let warnings = run.done().warnings;
    assert!(warnings.len() == 1 && warnings[0].contains("before today's match rules"), "{warnings:?}");
    let run = bench.run(with_rules(Mode::Record));
    run.must(sent(1, 1)).await;
    run.done();
    let run = bench.run(with_rules(Mode::Replay));
    run.must(sent(2, 2)).await;
    assert_eq!(run.done().warnings, Vec::<String>::new());
}

async fn r71_an_old_tape_warns_or_fails_by_choice(bench: Bench) {
    let run = bench.record();
    run.get("/ok").await;
    run.done();
    let file = bench.folder().join(&bench.tapes()[0]);
    let text = fs::read_to_string(&file).expect("a tape");
    let at = text.find("at: 20").expect("a time") + 4;
    fs::write(&file, format!("{}2020{}", &text[..at], &text[at + 4..])).expect("an old tape");
    let before = bench.files();

    bench.configure("max_age: 90d");
    let run = bench.replay();
    run.get("/ok").await;
    let warnings = run.done().warnings;
    assert!(warnings.iter().any(|warning| warning.contains("was recorded on 2020-")), "{warnings:?}");

    bench.configure("max_age: 90d\non_expiry: fail");
    let run = bench.replay();
    run.fails("/ok").await;
    let error = run.fault();
    assert!(error.code() == "expired" && error.to_string().contains("RECORD=1"), "{error}");

    bench.configure("max_age: 90d\non_expiry: rerecord");
    let run = bench.replay();
    run.get("/ok").await;
    run.done();
    assert_eq!(bench.files(), before, "a mode set in code is meant");
    assert_eq!(bench.origin.hits(), 1);
}

async fn r72_a_check_finds_a_change_of_shape_and_touches_nothing(bench: Bench) {
    bench.origin.answer("/users", Reply::json(r#"{"id":1,"name":"a","tags":["x"]}"#));
    bench.origin.answer("/orders", Reply::json("[]"));
    let run = bench.record();
    run.get("/users").await;
    run.get("/orders").await;
    run.done();
    let before = bench.files();
    bench.origin.answer("/users", Reply::json(r#"{"id":"1","tags":["x"],"new":null}"#));
    bench.origin.answer("/orders", Reply::new(500).header("content-type", "application/json").body("[]"));
    let run = bench.run(bench.recorder(Mode::Check));
    assert!(run.get("/users").await.text().contains("new"), "the program gets the live answer");
    run.get("/orders").await;
    let error = run.fault();
    assert_eq!(error.code(), "drift");
    let text = error.to_string();
    for part in [
        "body $.id: recorded number, live string",
        "body $.name: recorded string, live (nothing)",
        "body $.new: recorded (nothing), live null",
        "status: recorded 200, live 500",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("$.tags"), "{text}");
    assert_eq!(bench.files(), before);
}

async fn r72_a_check_takes_other_values_for_the_same_shape(bench: Bench) {
    bench.origin.on("/users", |request| Reply::json(format!(r#"[{{"id":{},"name":"n{0}"}}]"#, request.nth)));
    let run = bench.record();
    run.get("/users").await;
    run.done();
    let before = bench.files();
    let run = bench.run(bench.recorder(Mode::Check));
    run.get("/users").await;
    assert_eq!(run.done().live, 1);
    assert_eq!(bench.files(), before);
}

async fn r72_a_check_names_a_request_that_is_not_on_the_tapes(bench: Bench) {
    let run = bench.run(bench.recorder(Mode::Check));
    run.get("/new").await;
    let error = run.fault();
    assert!(error.code() == "drift" && error.to_string().contains("not on the tapes"), "{error}");
    assert!(!bench.folder().exists());
}
