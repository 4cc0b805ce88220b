//! Worlds that hold still: clock, random numbers and named values of the recording (R69), answers that repeat what was asked (R70), and
//! faults by rule.

use std::panic::{AssertUnwindSafe, catch_unwind};

use recorder_tests::adapters::{Ask, Failure};
use recorder_tests::origin::Reply;
use recorder_tests::{Bench, Run, over_all_adapters};
use traffic_recorder::policy::WorldRule;
use traffic_recorder::tape::FaultKind;
use traffic_recorder::{Mode, Tapes};

over_all_adapters!(
    r69_ids_time_and_values_are_those_of_the_recording,
    r69_recording_again_makes_them_anew_or_keeps_them,
    r69_what_made_no_difference_leaves_the_file_as_it_is,
    r69_what_the_recording_did_not_ask_for_is_an_error,
    r69_missing_adds_to_what_there_is,
    r69_a_secret_among_the_values_is_hidden_or_refused,
    r70_the_answer_repeats_the_id_of_this_request,
    r70_a_coded_answer_repeats_it_too,
    r42_an_answer_is_late_by_rule,
    r28_a_fault_by_rule_leaves_the_answer_for_the_retry,
    r92_a_fault_by_rule_is_one_to_the_client,
);

/// What a test sends that makes ids and tells the time.
fn order(run: &Run) -> String {
    let mut rng = run.tapes.rng();
    let at = run.tapes.now().duration_since(std::time::UNIX_EPOCH).expect("a time after 1970").as_secs();
    let number: u32 = run.tapes.var("number", std::process::id);
    format!(r#"{{"id":"{}","dice":{},"at":{at},"number":{number}}}"#, rng.uuid(), rng.below(6))
}

fn world(bench: &Bench) -> Option<String> {
    std::fs::read_to_string(bench.folder().join("world.yaml")).ok()
}

/// What a test is told that asks for something which nobody recorded.
fn told<T>(ask: impl FnOnce() -> T) -> String {
    let panic = catch_unwind(AssertUnwindSafe(ask)).err().expect("a panic");
    panic.downcast_ref::<String>().cloned().unwrap_or_default()
}

async fn r69_ids_time_and_values_are_those_of_the_recording(bench: Bench) {
    bench.origin.answer("/orders", Reply::json(r#"{"ok":true}"#));
    let program = async |run: &Run| {
        let (first, second) = (order(run), order(run));
        let named = run.tapes.world().rng_of("other").next_u64();
        assert_ne!(first, second, "two ids of one test differ");
        run.post("/orders", &first).await;
        run.post("/orders", &second).await;
        (first, second, named)
    };
    let (live, replayed) = bench.twice(program).await;
    assert_eq!(live, replayed);
    assert!(world(&bench).expect("a world").starts_with("world: 1\nnow: 20"), "{:?}", world(&bench));
}

async fn r69_recording_again_makes_them_anew_or_keeps_them(bench: Bench) {
    bench.origin.answer("/orders", Reply::json("{}"));
    let record = async |rule| {
        let run = bench.run(bench.recorder(Mode::Record).world(rule));
        let sent = order(&run);
        run.post("/orders", &sent).await;
        run.done();
        sent
    };
    let first = record(WorldRule::New).await;
    let files = bench.files();
    assert_eq!(record(WorldRule::Keep).await, first);
    assert_eq!(bench.files(), files, "nothing to see in a diff");
    assert_ne!(record(WorldRule::New).await, first);
    let run = bench.record();
    run.post("/orders", "{}").await;
    run.done();
    assert_eq!(world(&bench), None, "nobody asked any more");
}

async fn r69_what_made_no_difference_leaves_the_file_as_it_is(bench: Bench) {
    bench.origin.answer("/ok", Reply::json("{}"));
    let program = async |run: &Run| {
        let _ = (run.tapes.now(), run.tapes.rng().next_u64());
        run.get("/ok").await;
    };
    bench.twice(program).await;
    let files = bench.files();
    bench.twice(program).await;
    assert_eq!(bench.files(), files);
}

async fn r69_what_the_recording_did_not_ask_for_is_an_error(bench: Bench) {
    bench.origin.answer("/ok", Reply::json("{}"));
    let run = bench.record();
    run.get("/ok").await;
    run.done();
    let run = bench.replay();
    run.get("/ok").await;
    let now = told(|| run.tapes.now());
    assert!(now.contains("world.yaml has no `now`") && now.contains("RECORD=1"), "{now}");
    let var = told(|| run.tapes.var("id", || 1));
    assert!(var.contains("no `vars.id`"), "{var}");
    let fault = run.fault();
    assert_eq!((fault.code(), fault.to_string()), ("world", now), "a test that swallowed it fails for it");
}

async fn r69_missing_adds_to_what_there_is(bench: Bench) {
    bench.origin.answer("/ok", Reply::json("{}"));
    let run = bench.record();
    let (now, id) = (run.tapes.now(), run.tapes.var("id", || "a".to_owned()));
    run.get("/ok").await;
    run.done();
    let run = bench.run(bench.recorder(Mode::Missing));
    assert_eq!((run.tapes.now(), run.tapes.var("id", || "b".to_owned())), (now, id));
    let drawn = run.tapes.rng().next_u64();
    run.get("/ok").await;
    run.done();
    let run = bench.replay();
    assert_eq!((run.tapes.now(), run.tapes.rng().next_u64()), (now, drawn));
    run.get("/ok").await;
    run.done();
}

async fn r69_a_secret_among_the_values_is_hidden_or_refused(bench: Bench) {
    let run = bench.record();
    run.tapes.register_secret("KEY", "fake-secret-value-1").expect("registered");
    let given = run.tapes.var("signed", || "for fake-secret-value-1 only".to_owned());
    assert_eq!(given, "for fake-secret-value-1 only");
    run.done();
    let text = world(&bench).expect("a world");
    assert!(text.contains("for {{secret:KEY}} only") && !text.contains("fake-secret"), "{text}");

    let run = bench.record();
    let _ = run.tapes.var("token", || "ghp_FAKEfakeFAKEfakeFAKEfakeFAKEfake1234".to_owned());
    let fault = run.fault();
    assert!(fault.code() == "leak" && fault.to_string().contains("world.vars.token"), "{fault}");
    assert_eq!(world(&bench), Some(text), "what was there stays");
}

/// Asks for an order of this id and gives what came back.
async fn echoed(run: &Run, id: &str) -> String {
    run.post("/orders", &format!(r#"{{"id":"{id}","qty":1}}"#)).await.text()
}

const ECHO: &str = "json $.id to json $.order.id on */orders";

async fn r70_the_answer_repeats_the_id_of_this_request(bench: Bench) {
    bench.origin.on("/orders", |request| {
        let id = request.text().split('"').nth(3).unwrap_or_default().to_owned();
        Reply::json(format!(r#"{{"order": {{"id": "{id}"}}, "at": {}}}"#, request.nth))
    });
    let run = bench.run(bench.recorder(Mode::Record).echo(ECHO));
    assert_eq!(echoed(&run, "a-1").await, r#"{"order": {"id": "a-1"}, "at": 1}"#);
    run.done();
    assert!(bench.tape().contains("rules: [ignore json $.id on */orders]"), "{}", bench.tape());
    let run = bench.run(bench.recorder(Mode::Replay).echo(ECHO));
    assert_eq!(echoed(&run, "b\\u00fc-22").await, r#"{"order": {"id": "b\u00fc-22"}, "at": 1}"#);
    assert_eq!(run.done().warnings, [""; 0]);
    let run = bench.run(bench.recorder(Mode::Replay).echo(ECHO).echo("query none to json $.order"));
    echoed(&run, "c").await;
    let warnings = run.done().warnings;
    assert!(warnings.len() == 1 && warnings[0].contains("query none"), "{warnings:?}");
}

async fn r70_a_coded_answer_repeats_it_too(bench: Bench) {
    bench.origin.answer("/orders", Reply::json("").coded("gzip", br#"{"order":{"id":"x"}}"#));
    let run = bench.run(bench.recorder(Mode::Record).echo(ECHO));
    echoed(&run, "a-1").await;
    run.done();
    let run = bench.run(bench.recorder(Mode::Replay).echo(ECHO));
    assert_eq!(echoed(&run, "b-2").await, r#"{"order":{"id":"b-2"}}"#);
    run.done();
}

async fn r42_an_answer_is_late_by_rule(bench: Bench) {
    bench.origin.answer("/ok", Reply::json("{}"));
    let run = bench.record();
    run.get("/ok").await;
    run.done();
    let run = bench.run(bench.recorder(Mode::Replay).fault("delay 80ms on */ok"));
    let start = std::time::Instant::now();
    assert_eq!(run.get("/ok").await.status, 200);
    assert!(start.elapsed().as_millis() >= 80);
    assert_eq!(run.done().injected, [""; 0]);
}

async fn r28_a_fault_by_rule_leaves_the_answer_for_the_retry(bench: Bench) {
    bench.origin.answer("/ok", Reply::json(r#"{"ok":true}"#));
    let run = bench.run(bench.recorder(Mode::Record).fault("status 503"));
    assert_eq!(run.get("/ok").await.status, 200, "recording takes no notice");
    run.done();
    let files = bench.files();
    let run = bench.run(bench.recorder(Mode::Replay).fault("first 2 status 503"));
    let mut seen = Vec::new();
    for _ in 0..3 {
        let answer = run.get("/ok").await;
        seen.push((answer.status, answer.text().contains("by rule")));
    }
    assert_eq!(seen, [(503, true), (503, true), (200, false)]);
    let injected = run.done().injected;
    assert!(injected.len() == 2 && injected[0].ends_with("/ok: first 2 status 503"), "{injected:?}");
    let run = bench.run(bench.recorder(Mode::Replay).fault("status 500"));
    assert_eq!(run.get("/ok").await.status, 500);
    run.done();
    assert_eq!(bench.files(), files);
}

async fn r92_a_fault_by_rule_is_one_to_the_client(bench: Bench) {
    bench.origin.answer("/ok", Reply::json(r#"{"ok":true}"#));
    let run = bench.record();
    run.get("/ok").await;
    run.done();
    let run = bench.run(bench.recorder(Mode::Replay).fault("reset"));
    let failure: Failure = run.fails("/ok").await;
    assert!(failure.refusal.is_none() && !failure.is_timeout, "{failure:?}");
    assert_ne!(failure.kind, Some(FaultKind::Timeout), "{failure:?}");
    run.done();
    let run = bench.run(bench.recorder(Mode::Replay).fault("cut 4"));
    let failed = match run.client.open(Ask::get(run.url("/ok"))).await {
        Ok(opened) => opened.whole().await.cut.is_some(),
        Err(_) => true,
    };
    assert!(failed, "the body breaks off");
    run.done();
}

#[test]
fn r69_a_world_is_the_same_on_every_thread() {
    let dir = tempfile::tempdir().unwrap();
    let open = |mode| traffic_recorder::Recorder::at(dir.path().join("t")).mode(mode).open().unwrap();
    let draw = |tapes: &Tapes| {
        let world = tapes.world();
        let threads: Vec<_> = (0..4)
            .map(|n| {
                let world = world.clone();
                std::thread::spawn(move || (world.rng_of(&format!("thread {n}")).next_u64(), world.now()))
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    };
    let tapes = open(Mode::Record);
    let recorded = draw(&tapes);
    tapes.finish().unwrap();
    let tapes = open(Mode::Replay);
    assert_eq!(draw(&tapes), recorded);
    tapes.finish().unwrap();
}
