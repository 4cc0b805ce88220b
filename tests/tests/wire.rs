//! What the wire and the runtime do to a recorder: R73 to R86, R92.

use std::sync::Arc;

use recorder_tests::adapters::{Ask, Failure, Opened, Options, Piece};
use recorder_tests::origin::{Gate, RefusedPort, Reply, pattern};
use recorder_tests::{Bench, Run, over_all_adapters};
use traffic_recorder::Mode;
use traffic_recorder::tape::{Fault, FaultKind, Layer, Outcome, Tape};

over_all_adapters!(
    r73_the_first_bytes_are_there_when_they_arrive,
    r74_an_answer_dropped_in_the_middle_is_kept_as_cut,
    r74_an_answer_dropped_in_the_middle_is_read_on_where_it_is_told_to,
    r75_a_request_dropped_before_its_answer_leaves_the_others_in_order,
    r76_a_body_that_fails_is_never_a_short_success,
    r77_the_final_answer_is_the_one_on_tape,
    r77_expect_100_continue_does_not_wait_while_replaying,
    r78_header_values_that_are_no_utf8_are_kept,
    r79_after_redirects_the_url_is_the_final_one,
    r80_a_body_beyond_memory_lies_in_a_file_and_comes_back,
    r80_a_large_request_body_is_told_from_another,
    r81_a_tape_says_at_which_layer_it_was_recorded,
    r81_a_tape_is_not_replayed_at_the_wrong_layer,
    r85_several_runtimes_share_one_session,
    r85_a_request_that_hangs_keeps_no_other_waiting,
    r92_a_refused_connection_says_so_again,
    r92_a_failed_connection_answers_the_clients_predicates,
    r92_a_timeout_answers_the_clients_predicate,
);

async fn open(run: &Run, path: &str) -> Opened {
    run.client.open(Ask::get(run.url(path))).await.expect("an answer")
}

/// The bytes of the next piece of a body.
async fn piece(opened: &mut Opened) -> bytes::Bytes {
    match opened.next().await {
        Some(Ok(Piece::Data(bytes))) => bytes,
        other => panic!("no piece: {other:?}"),
    }
}

/// One piece, and more when the gate is open.
fn gated(bench: &Bench) -> Gate {
    let gate = Gate::closed();
    let reply = Reply::new(200).header("content-type", "text/event-stream").chunked();
    bench.origin.answer("/gated", reply.piece("data: one\n\n").wait(&gate).piece("data: two\n\n"));
    gate
}

async fn r73_the_first_bytes_are_there_when_they_arrive(bench: Bench) {
    let gate = gated(&bench);
    let run = bench.record();
    let mut opened = open(&run, "/gated").await;
    // The rest has not been sent yet.
    assert_eq!(piece(&mut opened).await, "data: one\n\n");
    gate.open();
    assert_eq!(piece(&mut opened).await, "data: two\n\n");
    opened.whole().await;
    run.done();
    assert!(!bench.tape().contains("cut:"), "{}", bench.tape());
}

async fn r74_an_answer_dropped_in_the_middle_is_kept_as_cut(bench: Bench) {
    let _gate = gated(&bench);
    let program = async |run: &Run| {
        let mut opened = open(run, "/gated").await;
        piece(&mut opened).await
    };
    let (live, replayed) = bench.twice(program).await;
    assert_eq!(live, replayed);
    let tape = bench.tape();
    assert!(tape.contains("cut: caller") && tape.contains("data: one") && !tape.contains("data: two"), "{tape}");
    // A program that reads further than the one that was recorded is told so.
    let run = bench.replay();
    let answer = run.get("/gated").await;
    assert_eq!(answer.text(), "data: one\n\n");
    assert!(answer.cut.is_some());
    run.done();
}

async fn r74_an_answer_dropped_in_the_middle_is_read_on_where_it_is_told_to(bench: Bench) {
    let gate = gated(&bench);
    let run = bench.run(bench.recorder(Mode::Record).drain(1 << 20));
    let mut opened = open(&run, "/gated").await;
    piece(&mut opened).await;
    gate.open();
    drop(opened);
    // A client that has a task for its connection drops the answer a little later.
    while !run.tapes.exchanges()[0].answered_text().is_some_and(|text| text.contains("two")) {
        tokio::task::yield_now().await;
    }
    run.tapes.settle().await;
    run.done();
    let run = bench.replay();
    assert_eq!(run.get("/gated").await.text(), "data: one\n\ndata: two\n\n");
    run.done();
}

async fn r75_a_request_dropped_before_its_answer_leaves_the_others_in_order(bench: Bench) {
    let gates: Vec<Gate> = (0..3).map(|_| Gate::closed()).collect();
    let held = gates.clone();
    bench
        .origin
        .on("/held", move |request| Reply::text(format!("answer {}", request.nth)).held_by(&held[request.nth - 1]));
    let run = bench.record();
    let mut asked = Vec::new();
    for nth in 1..=3 {
        let (client, url) = (Arc::clone(&run.client), run.url("/held"));
        asked.push(tokio::spawn(async move { client.send(Ask::get(url)).await.map(|answer| answer.text()) }));
        bench.origin.arrived(nth).await;
    }
    asked[1].abort();
    assert!((&mut asked[1]).await.expect_err("given up").is_cancelled());
    gates[2].open();
    let third = (&mut asked[2]).await.expect("no panic").expect("an answer");
    gates[0].open();
    let first = (&mut asked[0]).await.expect("no panic").expect("an answer");
    assert_eq!((&*first, &*third), ("answer 1", "answer 3"));
    run.done();
    let run = bench.replay();
    assert_eq!((&*run.get("/held").await.text(), &*run.get("/held").await.text()), ("answer 1", "answer 3"));
    run.done();
}

async fn r76_a_body_that_fails_is_never_a_short_success(bench: Bench) {
    const SIZE: usize = 200_000;
    for path in ["/long", "/chunked"] {
        let gate = Gate::closed();
        let reply = Reply::new(200).header("content-type", "application/octet-stream").pattern(SIZE as u64).wait(&gate);
        let reply = if path == "/long" { reply.announcing(300_000) } else { reply.chunked() };
        bench.origin.answer(path, reply.then_closed());
        let run = bench.record();
        let mut opened = open(&run, path).await;
        let mut body = Vec::new();
        while body.len() < SIZE {
            body.extend_from_slice(&piece(&mut opened).await);
        }
        // The connection breaks only when everything before that was read: nothing is overtaken.
        gate.open();
        assert!(opened.whole().await.cut.is_some());
        run.done();
        let run = bench.replay();
        let answer = run.get(path).await;
        assert!(answer.cut.is_some(), "{path}: a short success");
        assert!(answer.body() == body && body == pattern(0, SIZE), "{path}: {} bytes", answer.body().len());
        run.done();
    }
}

async fn r77_the_final_answer_is_the_one_on_tape(bench: Bench) {
    let reply = Reply::text("final").interim(102, "x-step", "1").interim(103, "link", "</a.css>; rel=preload");
    bench.origin.answer("/slow", reply);
    let (live, replayed) = bench.twice(async |run: &Run| run.get("/slow").await).await;
    replayed.assert_same(&live);
    assert_eq!((replayed.status, replayed.header("link")), (200, None));
}

async fn r77_expect_100_continue_does_not_wait_while_replaying(bench: Bench) {
    let program = async |run: &Run| {
        let ask =
            Ask::new("POST", run.url("/echo")).header("expect", "100-continue").header("content-type", "text/plain");
        run.must(ask.body("the body after all")).await
    };
    let (live, replayed) = bench.twice(program).await;
    replayed.assert_same(&live);
    assert_eq!(replayed.text(), "the body after all");
}

async fn r78_header_values_that_are_no_utf8_are_kept(bench: Bench) {
    let program = async |run: &Run| run.must(Ask::get(run.url("/latin1")).header("x-sent", b"na\xefve")).await;
    let (live, replayed) = bench.twice(program).await;
    replayed.assert_same(&live);
    assert_eq!(replayed.all("x-name"), [b"caf\xe9"]);
    assert_eq!(bench.origin.received()[0].headers.iter().find(|(n, _)| n == "x-sent").expect("sent").1, b"na\xefve");
    let tape = Tape::read(&bench.folder().join(&bench.tapes()[0])).expect("a tape").expect("a file");
    assert_eq!(tape.request.headers.first("x-sent").map(|value| &value[..]), Some(&b"na\xefve"[..]));
}

async fn r79_after_redirects_the_url_is_the_final_one(bench: Bench) {
    let (live, replayed) = bench.twice(async |run: &Run| run.get("/redirect/2").await).await;
    // The port is that of the recording: an answer is what it was.
    replayed.assert_same(&live);
    assert_eq!((replayed.url, &*replayed.frames.concat()), (Some(bench.origin.url("/redirect/0")), &b"arrived"[..]));
}

async fn r80_a_body_beyond_memory_lies_in_a_file_and_comes_back(bench: Bench) {
    bench.configure("body_limit: 256KiB\n");
    let size = 2_500_000;
    let path = format!("/big/{size}");
    let (live, replayed) = bench.twice(async |run: &Run| run.get(&path).await).await;
    assert!(live.body() == pattern(0, size), "the client gets what was sent");
    replayed.assert_same(&live);
    let files = bench.files();
    assert!(files.iter().any(|(name, bytes)| !name.ends_with(".yaml") && bytes.len() == size), "{:?}", bench.tapes());
    assert!(bench.tape().len() < 4096);
}

async fn r80_a_large_request_body_is_told_from_another(bench: Bench) {
    let body = |last: u8| {
        let mut bytes = pattern(0, 3_000_000);
        bytes.push(last);
        bytes.chunks(100_000).map(<[u8]>::to_vec).collect::<Vec<_>>()
    };
    let ask = |run: &Run, last| Ask::new("PUT", run.url("/seen")).stream(body(last));
    bench.twice(async |run: &Run| run.must(ask(run, 1)).await.status).await;
    assert_eq!(bench.origin.received()[0].body.as_ref().expect("a body").len(), 3_000_001);
    let run = bench.replay();
    assert!(run.send(ask(&run, 2)).await.is_err());
    assert_eq!(run.fault().code(), "miss");
}

async fn r81_a_tape_says_at_which_layer_it_was_recorded(bench: Bench) {
    bench.twice(async |run: &Run| run.get("/ok").await.status).await;
    let logical = bench.adapter.layer() == Layer::Logical;
    assert_eq!(bench.tape().contains("layer: logical"), logical, "{}", bench.tape());
    // A tape without redirects or codings is the same at both.
    bench.edit(|tape| tape.layer = if logical { Layer::Wire } else { Layer::Logical });
    let run = bench.replay();
    assert_eq!(run.get("/ok").await.text(), "ok");
    run.done();
}

async fn r81_a_tape_is_not_replayed_at_the_wrong_layer(bench: Bench) {
    bench.twice(async |run: &Run| run.get("/gzip").await.status).await;
    let other = if bench.adapter.layer() == Layer::Logical { Layer::Wire } else { Layer::Logical };
    bench.edit(|tape| tape.layer = other);
    let run = bench.replay();
    assert!(run.send(Ask::get(run.url("/gzip"))).await.is_err());
    let error = run.fault();
    assert!(error.code() == "layer" && error.to_string().contains("RECORD=1"), "{error}");
}

/// The same tapes, asked from three threads that each have a runtime and a client of their own.
fn from_three_runtimes(bench: &Bench, mode: Mode) -> Vec<String> {
    let tapes = bench.recorder(mode).open().expect("tapes");
    let ask = &|number: usize| {
        let mut builder = match number {
            0 => tokio::runtime::Builder::new_multi_thread(),
            _ => tokio::runtime::Builder::new_current_thread(),
        };
        builder.worker_threads(1).enable_all().build().expect("a runtime").block_on(async {
            let client = bench.adapter.client(&tapes, &Options::default());
            let answer = client.send(Ask::get(bench.origin.url(&format!("/ok/{number}")))).await;
            answer.expect("an answer").text()
        })
    };
    let texts = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..3).map(|number| scope.spawn(move || ask(number))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    tapes.finish().expect("a good end");
    texts
}

async fn r85_several_runtimes_share_one_session(bench: Bench) {
    assert_eq!(from_three_runtimes(&bench, Mode::Record), ["ok", "ok", "ok"]);
    assert_eq!(from_three_runtimes(&bench, Mode::Replay), ["ok", "ok", "ok"]);
    assert_eq!(bench.origin.hits(), 3);
}

async fn r85_a_request_that_hangs_keeps_no_other_waiting(bench: Bench) {
    let gate = Gate::closed();
    bench.origin.answer("/held", Reply::text("at last").held_by(&gate));
    let run = bench.record();
    let held = tokio::spawn(run.get("/held"));
    bench.origin.arrived(1).await;
    assert_eq!(run.get("/ok").await.text(), "ok");
    assert_eq!(run.tapes.exchanges().len(), 2);
    gate.open();
    assert_eq!(held.await.expect("no panic").text(), "at last");
    run.done();
}

/// The failure of a request to `base`, live and from the tape.
async fn failures(bench: &Bench, url: &str) -> (Failure, Failure) {
    let run = bench.record();
    let live = run.send(Ask::get(url)).await.expect_err("nobody listens");
    run.done();
    let run = bench.replay();
    let replayed = run.send(Ask::get(url)).await.expect_err("a failure");
    run.done();
    (live, replayed)
}

async fn r92_a_refused_connection_says_so_again(bench: Bench) {
    let port = RefusedPort::take();
    let (live, replayed) = failures(&bench, &port.url("/")).await;
    let told = |failure: &Failure| (failure.kind, failure.io, failure.is_connect, failure.is_timeout);
    assert_eq!(told(&live), told(&replayed), "{live:?}\n{replayed:?}");
    assert!(bench.tape().contains("kind: refused"), "{}", bench.tape());
    assert!(live.is_connect && replayed.is_connect, "{live:?}\n{replayed:?}");
}

/// The failure that a client shows of a tape with this fault.
async fn fault(bench: &Bench, kind: FaultKind) -> Failure {
    bench.edit(|tape| {
        tape.takes[0].outcome = Outcome::Fault(Fault { kind, message: "failed on purpose".to_owned() });
    });
    let run = bench.replay();
    let failure = run.fails("/ok").await;
    run.done();
    assert!(failure.refusal.is_none(), "{failure:?}");
    failure
}

async fn r92_a_failed_connection_answers_the_clients_predicates(bench: Bench) {
    bench.twice(async |run: &Run| run.get("/ok").await.status).await;
    for kind in [FaultKind::Dns, FaultKind::Refused, FaultKind::Connect, FaultKind::ConnectTimeout] {
        let failure = fault(&bench, kind).await;
        let timeout = kind == FaultKind::ConnectTimeout;
        assert_eq!((failure.is_connect, failure.is_timeout), (true, timeout), "{kind:?}: {failure:?}");
    }
}

async fn r92_a_timeout_answers_the_clients_predicate(bench: Bench) {
    bench.twice(async |run: &Run| run.get("/ok").await.status).await;
    let failure = fault(&bench, FaultKind::Timeout).await;
    assert!(failure.is_timeout && !failure.is_connect, "{failure:?}");
}
