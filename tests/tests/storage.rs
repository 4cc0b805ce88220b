//! What lies on disk, over every adapter: R56 to R64. What needs processes of its own is in `processes.rs`, what needs a crate
//! of its own in `environment.rs`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;

use recorder_tests::adapters::Ask;
use recorder_tests::origin::{Gate, Origin, Reply};
use recorder_tests::{Bench, over_all_adapters};
use traffic_recorder::{Mode, UnusedRule, recorder};

over_all_adapters!(
    r55_two_recorders_of_one_process_do_not_share_a_folder,
    r56_a_tape_that_cannot_be_read_is_an_error_for_the_program,
    r56_a_tape_that_cannot_be_read_is_never_overwritten,
    r56_a_tape_with_the_key_of_another_request_is_never_overwritten,
    r57_hostile_tapes_are_errors,
    r58_files_of_any_request_have_names_that_every_system_takes,
    r59_bodies_beside_a_tape_survive_a_checkout_with_crlf,
    r59_tapes_checked_out_with_crlf_still_match,
    r61_recording_an_unchanged_service_again_changes_no_byte,
    r61_an_event_stream_that_the_network_cut_otherwise_is_the_same,
    r61_a_change_of_one_answer_changes_one_tape,
    r62_answers_that_nobody_asked_for_fail_the_test,
    r62_unused_answers_are_a_warning_or_nothing_by_choice,
    r63_a_test_that_fails_already_is_not_masked_by_unused_answers,
    r64_a_request_after_the_end_names_its_test,
    r64_a_request_after_the_end_sends_and_changes_nothing,
    r64_a_request_without_an_answer_at_the_end_is_told_of,
    a_folder_that_cannot_be_written_is_an_error,
);

async fn record_json(bench: &Bench) -> PathBuf {
    let run = bench.record();
    run.get("/json").await;
    run.done();
    bench.folder().join(&bench.tapes()[0])
}

async fn r55_two_recorders_of_one_process_do_not_share_a_folder(bench: Bench) {
    let run = bench.record();
    let error = bench.recorder(Mode::Record).open().expect_err("refused");
    assert_eq!(error.code(), "in-use", "{error}");
    run.get("/ok").await;
    run.done();
    bench.record().done();
}

/// A good tape made bad, and what the error says.
fn broken(good: &str) -> Vec<(&'static str, Option<Vec<u8>>, &'static str)> {
    let half = good.len() / 2;
    vec![
        ("truncated", Some(good.as_bytes()[..half].to_vec()), ".yaml:"),
        ("of another version", Some(good.replace("tape: 1\n", "tape: 99\n").into_bytes()), "99"),
        ("with an unknown field", Some(format!("{good}surprise: 1\n").into_bytes()), "surprise"),
        ("not text", Some(b"tape: 1\nkey: \xff\xfe\n".to_vec()), ".yaml"),
        ("empty", Some(Vec::new()), ".yaml"),
        ("a folder", None, ".yaml"),
    ]
}

fn damage(tape: &PathBuf, bytes: Option<&[u8]>) {
    if tape.is_dir() {
        fs::remove_dir(tape).unwrap();
    }
    match bytes {
        Some(bytes) => fs::write(tape, bytes).unwrap(),
        None => {
            fs::remove_file(tape).unwrap();
            fs::create_dir(tape).unwrap();
        }
    }
}

async fn r56_a_tape_that_cannot_be_read_is_an_error_for_the_program(bench: Bench) {
    let tape = record_json(&bench).await;
    for (what, bytes, says) in broken(&fs::read_to_string(&tape).unwrap()) {
        damage(&tape, bytes.as_deref());
        let run = bench.replay();
        let failure = run.fails("/json").await;
        assert_eq!(failure.code(), "tape", "{what}: {failure}");
        assert!(failure.text.contains(says), "{what}: {failure}");
        assert_eq!(run.fault().code(), "tape", "{what}");
    }
}

async fn r56_a_tape_that_cannot_be_read_is_never_overwritten(bench: Bench) {
    let tape = record_json(&bench).await;
    for (what, bytes, says) in broken(&fs::read_to_string(&tape).unwrap()) {
        damage(&tape, bytes.as_deref());
        let hits = bench.origin.hits();
        let run = bench.run(bench.recorder(Mode::Missing));
        run.fails("/json").await;
        let error = run.fault();
        assert!(error.code() == "tape" && error.to_string().contains(says), "{what}: {error}");
        assert_eq!(bench.origin.hits(), hits, "it is not taken for missing");

        for path in ["/json", "/ok"] {
            let run = bench.record();
            run.get(path).await;
            let error = run.fault();
            assert!(error.code() == "tape" && error.to_string().contains(says), "{what}, {path}: {error}");
        }
        match &bytes {
            Some(bytes) => assert_eq!(&fs::read(&tape).unwrap(), bytes, "{what}"),
            None => assert!(tape.is_dir(), "{what}"),
        }
        assert_eq!(fs::read_dir(bench.folder()).unwrap().count(), 1, "{what}: nothing was added");
    }
}

async fn r56_a_tape_with_the_key_of_another_request_is_never_overwritten(bench: Bench) {
    let tape = record_json(&bench).await;
    let good = fs::read_to_string(&tape).unwrap();
    let at = good.find("key: ").expect("a key") + 5;
    // The name still says the same: somebody edited the request, or the key.
    let edited = format!("{}{}{}", &good[..at + 12], "0".repeat(52), &good[at + 64..]);
    fs::write(&tape, &edited).unwrap();
    for mode in [Mode::Replay, Mode::Missing, Mode::Record] {
        let run = bench.run(bench.recorder(mode));
        let _ = run.send(Ask::get(run.url("/json"))).await;
        let error = run.fault();
        assert!(error.to_string().contains(&*tape.to_string_lossy()), "{mode}: {error}");
        assert_eq!(fs::read_to_string(&tape).unwrap(), edited, "{mode}");
    }
}

async fn r57_hostile_tapes_are_errors(bench: Bench) {
    let tape = record_json(&bench).await;
    let good = fs::read_to_string(&tape).unwrap();
    let (head, _) = good.split_once("takes:").expect("takes");
    let recorded = "  recorded: {at: 2026-11-21T10:00:00Z, elapsed: 1ms, from: live}\n";
    let take = |body: &str| format!("{head}takes:\n- status: 200\n  body: {body}\n{recorded}");
    let bomb: String = (1..40).map(|n| format!("  x-{n}: &a{n} [*a{0}, *a{0}, *a{0}]\n", n - 1)).collect();
    let digest = "0".repeat(64);
    fs::write(bench.folder().join("0000000000000000.bin"), "small").unwrap();
    for (what, text) in [
        ("a tag", take("!!python/object/apply:os.system [\"echo fake\"]")),
        ("an alias bomb", format!("{head}takes:\n- status: 200\n  headers:\n  x-0: &a0 [x]\n{bomb}{recorded}")),
        ("a way out", take(&format!("{{file: ../../../etc/hostname, bytes: 5, sha256: {digest}}}"))),
        ("an absolute path", take(&format!("{{file: /etc/hostname, bytes: 5, sha256: {digest}}}"))),
        ("a length", take(&format!("{{file: 0000000000000000.bin, bytes: 10737418240, sha256: {digest}}}"))),
        ("a digest", take(&format!("{{file: 0000000000000000.bin, bytes: 5, sha256: {digest}}}"))),
    ] {
        fs::write(&tape, &text).unwrap();
        let run = bench.replay();
        run.fails("/json").await;
        let error = run.fault();
        assert_eq!(error.code(), "tape", "{what}: {error}");
        assert!(error.to_string().contains(".yaml:"), "{what}: {error}");
        assert_eq!(fs::read_to_string(&tape).unwrap(), text);
    }
}

async fn r58_files_of_any_request_have_names_that_every_system_takes(bench: Bench) {
    let long = format!("/{}", "x".repeat(300));
    let paths = ["/", "/a", "/A", "/a-", "/con", "/%C3%BCber/%E6%B3%A8", "/a/../b?c=*", "/..%2F..%2Fetc", &long];
    let run = bench.record();
    for path in paths {
        run.get(path).await;
    }
    run.done();
    let names = bench.tapes();
    let folded: std::collections::BTreeSet<_> = names.iter().map(|name| name.to_lowercase()).collect();
    assert_eq!((names.len(), folded.len()), (paths.len(), paths.len()), "{names:?}");
    for name in &names {
        assert!(name.len() < 150 && !name.starts_with('.'), "{name}");
        assert!(name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-._".contains(c)), "{name}");
    }
    let run = bench.replay();
    for path in paths {
        run.get(path).await;
    }
    run.done();
}

#[test]
fn r58_tests_of_any_name_have_a_folder_of_their_own() {
    let long = "x".repeat(300);
    let names = [
        "orders/created",
        "Orders/created",
        "orders/Created",
        "orders created",
        "orders-created",
        "orders::created::twice",
        "con",
        "CON",
        "nul.txt",
        "注文/作成",
        "überprüfung",
        "..",
        "../..",
        "a/../b",
        "ends.",
        ".hidden",
        "a*b?",
        "a<b>",
        &long,
    ];
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tapes");
    let mut folders = std::collections::BTreeSet::new();
    for name in names {
        let tapes = recorder!(name).mode(Mode::Replay).open().expect("tapes");
        // Its `Debug` form is the folder.
        let shown = format!("{tapes:?}");
        let folder = PathBuf::from(shown.trim_start_matches("Tapes(").trim_end_matches(')'));
        let below = folder.strip_prefix(&root).expect("below the tapes");
        for part in below.iter().map(|part| part.to_string_lossy().into_owned()) {
            assert!(part.len() <= 100 && !part.starts_with('.') && !part.ends_with('.'), "{name}: {part}");
            assert!(!["con", "nul"].contains(&part.split('.').next().unwrap_or_default()), "{name}: {part}");
        }
        assert!(folders.insert(below.to_string_lossy().to_lowercase()), "{name} shares its folder");
        tapes.finish().expect("nothing happened");
    }
}

async fn r59_tapes_checked_out_with_crlf_still_match(bench: Bench) {
    bench.origin.answer("/text", Reply::text("one\ntwo\r\nthree\n\n"));
    bench.origin.answer("/pretty", Reply::json("{\n  \"a\": [\n    1\n  ]\n}\n"));
    let posted = |run: &recorder_tests::Run| Ask::post_json(run.url("/echo"), "{\n \"b\": \"x\\ny\"\n}");
    let run = bench.record();
    let live = [run.get("/text").await, run.get("/pretty").await, run.must(posted(&run)).await];
    run.done();
    for name in bench.tapes() {
        let file = bench.folder().join(name);
        let text = fs::read_to_string(&file).unwrap();
        assert!(!text.contains('\r'), "{text}");
        fs::write(file, text.replace('\n', "\r\n")).unwrap();
    }
    let run = bench.replay();
    let replayed = [run.get("/text").await, run.get("/pretty").await, run.must(posted(&run)).await];
    run.done();
    for (live, replayed) in live.iter().zip(&replayed) {
        assert_eq!(live.body(), replayed.body());
    }
}

async fn r59_bodies_beside_a_tape_survive_a_checkout_with_crlf(bench: Bench) {
    bench.origin.answer("/text", Reply::text("a line\n".repeat(20_000)));
    bench.origin.answer("/json", Reply::json(format!("[\n{}1\n]\n", "1,\n".repeat(40_000))));
    let run = bench.record();
    let live = [run.get("/text").await, run.get("/json").await];
    run.done();
    let attributes = fs::read_to_string(bench.folder().parent().unwrap().join(".gitattributes"));
    assert!(attributes.is_ok_and(|text| text.contains("* -text")), "Git is told to leave them alone");
    // And where it is not asked, with `core.autocrlf`:
    let files = bench.files();
    assert_eq!(files.len(), 4, "two tapes and two bodies");
    for (name, bytes) in files {
        let text = String::from_utf8(bytes).expect("text");
        fs::write(bench.folder().join(name), text.replace('\n', "\r\n")).unwrap();
    }
    let run = bench.replay();
    for (path, live) in ["/text", "/json"].into_iter().zip(live) {
        assert!(run.get(path).await.body() == live.body(), "{path}");
    }
    run.done();
}

/// Answers as services do: another date, another request id, another session each time.
fn restless(origin: &Origin, from: usize) {
    for path in ["/orders", "/users"] {
        origin.on(path, move |request| {
            let n = from + request.nth;
            let own = format!("http://{}/orders/7", request.header("host").unwrap_or("127.0.0.1"));
            Reply::json(format!(r#"{{"id":7,"self":"{own}"}}"#))
                .header("date", format!("Sun, 22 Nov 2026 10:00:{:02} GMT", n % 60))
                .header("x-request-id", format!("fake-request-{n}"))
                .header("set-cookie", format!("session=fake-session-{n}; Path=/"))
        });
    }
}

async fn r61_recording_an_unchanged_service_again_changes_no_byte(bench: Bench) {
    restless(&bench.origin, 0);
    let run = bench.record();
    run.get("/orders").await;
    run.get("/users").await;
    run.done();
    let before = bench.files();
    // Another port, too.
    let moved = Origin::start();
    restless(&moved, 30);
    let run = bench.run_at(bench.recorder(Mode::Record), &moved);
    run.get("/users").await;
    run.get("/orders").await;
    let report = run.done();
    assert_eq!(report.written, Vec::<String>::new());
    assert_eq!(report.unchanged, 2);
    assert_eq!(bench.files(), before);
}

async fn r61_an_event_stream_that_the_network_cut_otherwise_is_the_same(bench: Bench) {
    let gate = Gate::closed();
    let feed = Reply::new(200).header("content-type", "text/event-stream").chunked();
    let apart = feed.clone().piece("data: one\n\n").wait(&gate).piece("data: two\n\n");
    bench.origin.answer("/feed", apart);
    let run = bench.record();
    let mut opened = run.client.open(Ask::get(run.url("/feed"))).await.expect("an answer");
    opened.next().await.expect("a piece").expect("bytes");
    gate.open();
    opened.whole().await;
    run.done();
    let before = bench.files();
    assert!(bench.tape().contains("frames: [11, 11]"), "{}", bench.tape());

    bench.origin.answer("/feed", feed.piece("data: one\n\ndata: two\n\n"));
    let run = bench.record();
    run.get("/feed").await;
    assert_eq!(run.done().unchanged, 1);
    assert_eq!(bench.files(), before);
}

async fn r61_a_change_of_one_answer_changes_one_tape(bench: Bench) {
    restless(&bench.origin, 0);
    let run = bench.record();
    run.get("/orders").await;
    run.get("/users").await;
    run.done();
    bench.origin.answer("/users", Reply::json(r#"{"id":8}"#));
    let run = bench.record();
    run.get("/orders").await;
    run.get("/users").await;
    let report = run.done();
    assert!(report.written.len() == 1 && report.written[0].contains("users"), "{report:?}");
}

async fn r62_answers_that_nobody_asked_for_fail_the_test(bench: Bench) {
    let run = bench.record();
    run.get("/count").await;
    run.get("/count").await;
    run.get("/ok").await;
    run.done();
    let run = bench.replay();
    run.get("/count").await;
    let error = run.fault();
    assert_eq!(error.code(), "unused");
    let text = error.to_string();
    assert!(text.contains("(take 2 of 2)") && text.contains("get-127.0.0.1-ok-"), "{text}");

    let run = bench.replay();
    run.get("/count").await;
    let panic = catch_unwind(AssertUnwindSafe(move || drop(run))).expect_err("dropping it is enough");
    assert!(panic.downcast_ref::<String>().is_some_and(|text| text.contains("did not ask for every answer")));
}

async fn r62_unused_answers_are_a_warning_or_nothing_by_choice(bench: Bench) {
    let run = bench.record();
    run.get("/ok").await;
    run.done();
    let run = bench.run(bench.recorder(Mode::Replay).unused(UnusedRule::Warn));
    assert!(run.done().warnings.iter().any(|warning| warning.contains("get-127.0.0.1-ok-")));
    let run = bench.run(bench.recorder(Mode::Replay).unused(UnusedRule::Allow));
    assert_eq!(run.done().warnings, Vec::<String>::new());
    bench.configure("unused: warn");
    assert_eq!(bench.replay().done().warnings.len(), 1);
}

async fn r63_a_test_that_fails_already_is_not_masked_by_unused_answers(bench: Bench) {
    let run = bench.record();
    run.get("/ok").await;
    run.done();
    let run = bench.replay();
    let panic = catch_unwind(AssertUnwindSafe(move || {
        let _run = run;
        panic!("the assertion of the test");
    }));
    assert_eq!(panic.unwrap_err().downcast_ref::<&str>(), Some(&"the assertion of the test"));
}

async fn r64_a_request_after_the_end_names_its_test(bench: Bench) {
    for mode in [Mode::Record, Mode::Missing, Mode::Check, Mode::Replay] {
        let run = bench.run(bench.recorder(mode));
        let (client, url) = (Arc::clone(&run.client), run.url("/late"));
        run.done();
        let failure = client.send(Ask::get(url)).await.expect_err("too late");
        assert_eq!(failure.code(), "stopped", "{mode}: {failure}");
        assert!(failure.text.contains("after the recorder of test had finished"), "{failure}");
    }
}

async fn r64_a_request_after_the_end_sends_and_changes_nothing(bench: Bench) {
    let tape = record_json(&bench).await;
    let before = (bench.files(), bench.origin.hits());
    for mode in [Mode::Missing, Mode::Replay] {
        let run = bench.run(bench.recorder(mode).unused(UnusedRule::Allow));
        let (client, url) = (Arc::clone(&run.client), run.url("/json"));
        run.done();
        client.send(Ask::get(url)).await.expect_err("too late");
    }
    assert_eq!((bench.files(), bench.origin.hits()), before);
    assert!(tape.exists());
}

async fn r64_a_request_without_an_answer_at_the_end_is_told_of(bench: Bench) {
    let gate = Gate::closed();
    bench.origin.answer("/slow", Reply::text("late").held_by(&gate));
    for mode in [Mode::Record, Mode::Missing] {
        let arrived = bench.origin.hits();
        let run = bench.run(bench.recorder(mode));
        let task = tokio::spawn(run.get("/slow"));
        bench.origin.arrived(arrived + 1).await;
        let warnings = run.done().warnings;
        assert!(warnings.iter().any(|w| w.contains("/slow had no answer yet when the test ended")), "{warnings:?}");
        assert_eq!(bench.tapes(), Vec::<String>::new());
        task.abort();
    }
    gate.open();
}

async fn a_folder_that_cannot_be_written_is_an_error(bench: Bench) {
    let folder = bench.folder();
    fs::create_dir_all(folder.parent().unwrap()).unwrap();
    fs::write(&folder, "a file stands where the folder should be").unwrap();
    let error = bench.recorder(Mode::Record).open().expect_err("refused");
    assert_eq!(error.code(), "store", "{error}");
    assert!(error.to_string().contains(&*folder.to_string_lossy()), "{error}");
    assert!(folder.is_file());
}
