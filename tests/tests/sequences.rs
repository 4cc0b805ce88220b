//! Repeats, their order, and requests at the same time: R25 to R31.

use std::sync::Arc;

use recorder_tests::adapters::{Answer, Ask, Opened, Piece};
use recorder_tests::origin::{Gate, Reply};
use recorder_tests::{Bench, Run, over_all_adapters};
use traffic_recorder::{Mode, Repeat};

over_all_adapters!(
    r25_the_same_request_gets_its_answers_in_their_order,
    r26_one_request_too_many_is_told_that_all_are_consumed,
    r26_the_last_answer_repeats_where_it_is_told_to,
    r26_the_answers_cycle_where_they_are_told_to,
    r26_cycling_hides_no_answer_that_nobody_asked_for,
    r27_repeating_one_place_leaves_the_others_strict,
    r28_an_answer_dropped_in_the_middle_is_there_for_the_retry,
    r28_an_answer_dropped_and_not_asked_for_again_was_asked_for,
    r29_distinct_requests_at_once_get_their_own_answers,
    r30_identical_requests_at_once_are_kept_in_the_order_of_their_start,
    r31_two_recordings_with_other_delays_are_the_same_bytes,
);

async fn r25_the_same_request_gets_its_answers_in_their_order(bench: Bench) {
    bench.origin.on("/cart", |request| match (request.method.as_str(), request.nth) {
        ("POST", _) => Reply::new(201),
        (_, 1) => Reply::json("[]"),
        _ => Reply::json("[\"book\"]"),
    });
    let program = async |run: Run| {
        let before = run.get("/cart").await;
        let added = run.post("/cart", "\"book\"").await;
        let after = run.get("/cart").await;
        run.done();
        (before.text(), added.status, after.text())
    };
    let live = program(bench.record()).await;
    assert_eq!(live, ("[]".to_owned(), 201, "[\"book\"]".to_owned()));
    assert_eq!(program(bench.replay()).await, live);
    assert_eq!((bench.tapes().len(), bench.origin.hits()), (2, 3));
}

/// Records the answers 1, 2, 3 to one request.
async fn three(bench: &Bench) {
    let run = bench.record();
    for _ in 0..3 {
        run.get("/count").await;
    }
    run.done();
}

/// What so many requests are answered with; `miss` for one that is not.
async fn numbers(run: &Run, path: &str, requests: usize) -> Vec<String> {
    let mut numbers = Vec::new();
    for _ in 0..requests {
        numbers.push(match run.send(Ask::get(run.url(path))).await {
            Ok(answer) => answer.text().trim_matches(|c: char| !c.is_ascii_digit()).to_owned(),
            Err(failure) => failure.code().to_owned(),
        });
    }
    numbers
}

async fn r26_one_request_too_many_is_told_that_all_are_consumed(bench: Bench) {
    three(&bench).await;
    let run = bench.replay();
    assert_eq!(numbers(&run, "/count", 3).await, ["1", "2", "3"]);
    run.fails("/count").await;
    let text = run.fault().to_string();
    assert!(text.contains("recorded 3 answers to GET") && text.contains("all were consumed"), "{text}");
    assert!(text.contains("Repeat::Last") && !text.contains("no tape answers"), "{text}");
}

async fn r26_the_last_answer_repeats_where_it_is_told_to(bench: Bench) {
    three(&bench).await;
    let run = bench.run(bench.recorder(Mode::Replay).repeat(Repeat::Last));
    assert_eq!(numbers(&run, "/count", 5).await, ["1", "2", "3", "3", "3"]);
    run.done();
}

async fn r26_the_answers_cycle_where_they_are_told_to(bench: Bench) {
    three(&bench).await;
    let run = bench.run(bench.recorder(Mode::Replay).repeat(Repeat::Cycle));
    assert_eq!(numbers(&run, "/count", 5).await, ["1", "2", "3", "1", "2"]);
    run.done();
}

async fn r26_cycling_hides_no_answer_that_nobody_asked_for(bench: Bench) {
    three(&bench).await;
    let run = bench.run(bench.recorder(Mode::Replay).repeat(Repeat::Cycle));
    assert_eq!(numbers(&run, "/count", 2).await, ["1", "2"]);
    let error = run.fault();
    assert!(error.code() == "unused" && error.to_string().contains("(take 3 of 3)"), "{error}");
}

async fn r27_repeating_one_place_leaves_the_others_strict(bench: Bench) {
    let run = bench.record();
    run.get("/count").await;
    run.get("/ok").await;
    run.done();
    let run = bench.run(bench.recorder(Mode::Replay).repeat_on("127.0.0.1/count", Repeat::Last));
    assert_eq!(numbers(&run, "/count", 3).await, ["1", "1", "1"]);
    run.get("/ok").await;
    run.fails("/ok").await;
    let text = run.fault().to_string();
    assert!(text.contains("recorded 1 answer to GET") && text.contains("/ok"), "{text}");
}

/// Records an answer of two events; gives the first of them while replaying, the rest yet to come.
async fn first_of_two(bench: &Bench) -> (Run, Opened) {
    let gate = Gate::closed();
    let feed = Reply::new(200).header("content-type", "text/event-stream").chunked();
    bench.origin.answer("/feed", feed.piece("data: one\n\n").wait(&gate).piece("data: two\n\n"));
    let run = bench.record();
    let mut opened = run.client.open(Ask::get(run.url("/feed"))).await.expect("an answer");
    assert!(matches!(opened.next().await, Some(Ok(Piece::Data(data))) if data == "data: one\n\n"));
    gate.open();
    assert_eq!(opened.whole().await.text(), "data: two\n\n");
    run.done();

    let run = bench.replay();
    let mut opened = run.client.open(Ask::get(run.url("/feed"))).await.expect("an answer");
    assert!(matches!(opened.next().await, Some(Ok(Piece::Data(data))) if data == "data: one\n\n"));
    (run, opened)
}

async fn r28_an_answer_dropped_in_the_middle_is_there_for_the_retry(bench: Bench) {
    let (run, opened) = first_of_two(&bench).await;
    drop(opened);
    assert_eq!(run.get("/feed").await.text(), "data: one\n\ndata: two\n\n");
    run.fails("/feed").await;
    assert_eq!(run.fault().code(), "miss", "delivered once");
}

async fn r28_an_answer_dropped_and_not_asked_for_again_was_asked_for(bench: Bench) {
    let (run, opened) = first_of_two(&bench).await;
    drop(opened);
    run.done();
}

async fn r29_distinct_requests_at_once_get_their_own_answers(bench: Bench) {
    const REQUESTS: usize = 24;
    bench.origin.on("/item", |request| Reply::text(request.target.clone()));
    let run = bench.record();
    for n in 0..REQUESTS {
        run.get(&format!("/item?n={n}")).await;
    }
    run.done();
    let run = Arc::new(bench.replay());
    let tasks: Vec<_> = (0..REQUESTS).rev().map(|n| tokio::spawn(run.get(&format!("/item?n={n}")))).collect();
    for (task, n) in tasks.into_iter().zip((0..REQUESTS).rev()) {
        assert_eq!(task.await.expect("no panic").text(), format!("/item?n={n}"));
    }
    assert_eq!(Arc::into_inner(run).expect("no task is left").done().replayed, REQUESTS);
}

/// Starts requests one after the other, so that all are under way at once; the origin answers in the order given.
async fn overlapping(bench: &Bench, run: &Run, asks: Vec<Ask>, order: impl Iterator<Item = usize>) -> Vec<Answer> {
    let gates: Vec<_> = asks.iter().map(|_| Gate::closed()).collect();
    let (held, already) = (gates.clone(), bench.origin.hits());
    bench.origin.on("/token", move |request| {
        let n = request.nth - already;
        let token = format!("fake-token-{n}");
        Reply::json(format!(r#"{{"n":{n},"from":"{}","access_token":"{token}"}}"#, request.target))
            .held_by(&held[n - 1])
    });
    let mut tasks = Vec::new();
    for ask in asks {
        tasks.push(Some(tokio::spawn(run.must(ask))));
        bench.origin.arrived(already + tasks.len()).await;
    }
    let mut answers: Vec<_> = tasks.iter().map(|_| Answer::default()).collect();
    for n in order {
        gates[n].open();
        answers[n] = tasks[n].take().expect("each once").await.expect("no panic");
    }
    answers
}

async fn r30_identical_requests_at_once_are_kept_in_the_order_of_their_start(bench: Bench) {
    const REQUESTS: usize = 6;
    let run = bench.record();
    let asks = vec![Ask::get(run.url("/token")); REQUESTS];
    let answers = overlapping(&bench, &run, asks, (0..REQUESTS).rev()).await;
    assert!(answers[0].text().contains("\"n\":1"), "started first, answered last");
    run.done();
    assert_eq!(bench.tape().matches("status: 200").count(), REQUESTS);

    let run = bench.replay();
    for n in 1..=REQUESTS {
        let answer = run.get("/token").await.text();
        assert!(answer.contains(&format!("\"n\":{n},")), "{n}: {answer}");
    }
    run.done();
    assert_eq!(bench.origin.hits(), REQUESTS);
}

async fn r31_two_recordings_with_other_delays_are_the_same_bytes(bench: Bench) {
    const REQUESTS: usize = 6;
    let asks = |run: &Run| (0..REQUESTS).map(|n| Ask::get(run.url(&format!("/token?n={}", n % 4)))).collect();
    let run = bench.record();
    overlapping(&bench, &run, asks(&run), 0..REQUESTS).await;
    run.done();
    let first = bench.files();
    let run = bench.record();
    overlapping(&bench, &run, asks(&run), (0..REQUESTS).rev()).await;
    let report = run.done();
    assert_eq!(bench.files(), first);
    assert_eq!((report.written.len(), report.unchanged), (0, 4));
    let text = String::from_utf8_lossy(&first.iter().map(|(_, bytes)| bytes.clone()).collect::<Vec<_>>().concat())
        .into_owned();
    assert!(!text.contains("fake-token") && text.contains("{{secret:"), "{text}");
}
