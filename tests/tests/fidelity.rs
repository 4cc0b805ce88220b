//! What was recorded is what is replayed, to the byte: R32 to R44.

use std::time::Duration;

use bytes::Bytes;
use recorder_tests::adapters::{Answer, Ask, Failure, Options, Piece};
use recorder_tests::origin::{Gate, Reply, decode, encode};
use recorder_tests::{Bench, Run, over_all_adapters};
use traffic_recorder::tape::FaultKind;
use traffic_recorder::{Mode, Repeat, Timing, UnusedRule};

over_all_adapters!(
    r32_any_bytes_survive_in_answers,
    r32_any_bytes_survive_in_requests,
    r33_coded_bodies_are_readable_on_tape_and_decodable_by_the_client,
    r33_stacked_codings_are_undone_and_done_again,
    r33_an_unknown_coding_is_kept_as_it_is,
    r34_a_coding_that_is_claimed_and_not_there_does_no_harm,
    r34_a_head_answer_keeps_the_length_and_coding_of_what_it_has_no_body_of,
    r35_repeated_headers_keep_their_count_and_order,
    r35_names_of_headers_keep_their_casing,
    r36_numbers_and_duplicate_keys_keep_their_spelling,
    r37_a_signed_body_is_the_same_bytes_though_the_tape_is_pretty,
    r38_answers_without_a_body_get_none,
    r38_an_empty_body_is_not_an_absent_one,
    r38_the_reason_survives,
    r38_the_version_survives,
    r38_trailers_survive,
    r38_interim_answers_are_no_answers,
    r39_every_hop_of_a_redirect_is_an_exchange,
    r40_chunk_boundaries_survive,
    r40_events_are_read_before_the_next_is_due,
    r40_recorded_pauses_are_waited_for_on_request,
    r41_a_timeout_is_replayed_as_one,
    r41_a_reset_is_replayed_as_one,
    r41_a_connection_that_closes_without_an_answer_is_replayed,
    r41_what_is_not_http_is_replayed_as_that,
    r41_a_truncated_body_breaks_off_at_the_same_byte,
    r41_a_truncated_chunked_body_breaks_off_at_the_same_byte,
    r41_a_body_that_is_reset_breaks_off_again,
    r42_a_deadline_shorter_than_the_recorded_latency_runs_out,
    r42_the_clients_own_time_limit_holds_while_replaying,
    r43_what_the_client_does_to_an_answer_stays_with_the_client,
    r44_an_answer_that_took_an_hour_is_there_at_once,
    r44_retry_after_can_be_zeroed,
);

/// Bodies that text formats, line readers and editors like to change.
fn awkward() -> Vec<Bytes> {
    let all: Vec<u8> = (0..=255).collect();
    let texts: [&'static [u8]; 32] = [
        b"\xff\xfe not text",
        b"\xc3\x28",
        b"one\rtwo",
        b"one\r\ntwo\r\n",
        b"nul \0 nul",
        b"\xef\xbb\xbfwith a mark",
        b"ends\n",
        b"ends\n\n\n",
        b"\n",
        b"\n\nstarts",
        b" ",
        b"  leading",
        b"trailing  \n  x  ",
        b"\ttab",
        "line \u{2028} paragraph \u{2029} next \u{85}".as_bytes(),
        "\u{1f600} e\u{301} \u{feff} \u{fffe}".as_bytes(),
        b"---\na: 1\n...\n",
        b"null",
        b"true",
        b"12",
        b"~",
        b"{{no: placeholder}}",
        b"# no comment",
        b"a: b: c",
        b"- x\n- y",
        b"\"quoted\" 'twice' \\ back",
        b"%20%zz",
        b"\x1b[31mred\x7f",
        b"{\"a\":\"\\ud800\"}",
        b"{ \"pretty\" :\n\t[ 1 , 2 ]\n}\n",
        b"[1,2",
        b"!tag &anchor *alias <<",
    ];
    let mut bodies = vec![Bytes::from(all)];
    bodies.extend(texts.map(Bytes::from_static));
    bodies
}

const MEDIA: [&str; 3] = ["text/plain", "application/json", "application/octet-stream"];

async fn r32_any_bytes_survive_in_answers(bench: Bench) {
    for (number, body) in awkward().into_iter().enumerate() {
        for (kind, media) in MEDIA.into_iter().enumerate() {
            let reply = Reply::new(200).header("content-type", media).body(body.clone());
            bench.origin.answer(&format!("/bytes/{number}/{kind}"), reply);
        }
    }
    let bodies = awkward().len();
    let (live, replayed) = bench
        .twice(async |run: &Run| {
            let mut got = Vec::new();
            for number in 0..bodies {
                for kind in 0..MEDIA.len() {
                    got.push(run.get(&format!("/bytes/{number}/{kind}")).await);
                }
            }
            got
        })
        .await;
    for ((live, replayed), body) in live.iter().zip(&replayed).zip(awkward().iter().flat_map(|body| [body; 3])) {
        assert_eq!(live.body(), body);
        replayed.assert_same(live);
    }
}

async fn r32_any_bytes_survive_in_requests(bench: Bench) {
    let (live, replayed) = bench
        .twice(async |run: &Run| {
            let mut got = Vec::new();
            for (number, body) in awkward().into_iter().enumerate() {
                for media in MEDIA {
                    let ask = Ask::new("POST", run.url(&format!("/echo/{number}"))).header("content-type", media);
                    got.push(run.must(ask.body(body.clone())).await);
                }
            }
            got
        })
        .await;
    let sent = bench.origin.received();
    for (((live, replayed), sent), body) in
        live.iter().zip(&replayed).zip(&sent).zip(awkward().iter().flat_map(|body| [body; 3]))
    {
        assert_eq!(sent.body.as_ref(), Some(body), "the service gets what was sent");
        assert_eq!(live.body(), body);
        replayed.assert_same(live);
    }
}

const PLAIN: &[u8] = br#"{"coded":true,"text":"readable on the tape"}"#;

async fn r33_coded_bodies_are_readable_on_tape_and_decodable_by_the_client(bench: Bench) {
    for coding in ["gzip", "deflate", "br", "zstd"] {
        let path = format!("/{coding}-coded");
        let reply = Reply::new(200).header("content-type", "application/json").coded(coding, PLAIN);
        bench.origin.answer(&path, reply);
    }
    for coding in ["gzip", "deflate", "br", "zstd"] {
        let (live, replayed) = bench.twice(async |run: &Run| run.get(&format!("/{coding}-coded")).await).await;
        let tape = bench.tape();
        assert!(tape.contains("text: readable on the tape"), "{coding}: {tape}");
        for answer in [&live, &replayed] {
            let length = answer.header("content-length").map(str::to_owned);
            assert_eq!(length, Some(answer.body().len().to_string()), "{coding}");
            assert_eq!(answer.header("content-encoding"), Some(coding));
            assert_eq!(decode(coding, &answer.body()), PLAIN, "{coding}");
        }
    }
}

async fn r33_stacked_codings_are_undone_and_done_again(bench: Bench) {
    let coded = encode("br", &encode("gzip", PLAIN));
    let reply = Reply::new(200).header("content-type", "application/json").header("content-encoding", "gzip, br");
    bench.origin.answer("/stacked", reply.body(coded));
    let (live, replayed) = bench.twice(async |run: &Run| run.get("/stacked").await).await;
    assert!(bench.tape().contains("text: readable on the tape"), "{}", bench.tape());
    for answer in [&live, &replayed] {
        assert_eq!(answer.header("content-encoding"), Some("gzip, br"));
        assert_eq!(decode("gzip", &decode("br", &answer.body())), PLAIN);
    }
}

async fn r33_an_unknown_coding_is_kept_as_it_is(bench: Bench) {
    let reply = Reply::new(200).header("content-type", "application/json").header("content-encoding", "x-fake-coding");
    bench.origin.answer("/unknown", reply.body(&b"\x00\x01 coded by nobody knows what \xff"[..]));
    let (live, replayed) = bench.twice(async |run: &Run| run.get("/unknown").await).await;
    replayed.assert_same(&live);
    assert_eq!(replayed.body(), &b"\x00\x01 coded by nobody knows what \xff"[..]);
}

async fn r34_a_coding_that_is_claimed_and_not_there_does_no_harm(bench: Bench) {
    for coding in ["gzip", "deflate", "br", "zstd"] {
        let claimed = Reply::new(200).header("content-type", "application/json").header("content-encoding", coding);
        bench.origin.answer(&format!("/{coding}/plain"), claimed.clone().body(PLAIN));
        bench.origin.answer(&format!("/{coding}/empty"), claimed.clone());
        bench.origin.answer(&format!("/{coding}/half"), claimed.body(encode(coding, PLAIN)[..12].to_vec()));
    }
    let (live, replayed) = bench
        .twice(async |run: &Run| {
            let mut got = Vec::new();
            for coding in ["gzip", "deflate", "br", "zstd"] {
                for kind in ["plain", "empty", "half"] {
                    let answer = run.get(&format!("/{coding}/{kind}")).await;
                    assert_eq!(answer.header("content-encoding"), Some(coding));
                    got.push(answer);
                }
            }
            got
        })
        .await;
    for (live, replayed) in live.iter().zip(&replayed) {
        replayed.assert_same(live);
    }
}

async fn r34_a_head_answer_keeps_the_length_and_coding_of_what_it_has_no_body_of(bench: Bench) {
    let reply = Reply::new(200).header("content-type", "application/json").header("content-encoding", "gzip");
    bench.origin.answer("/head", reply.announcing(12_345));
    let (live, replayed) = bench.twice(async |run: &Run| run.must(Ask::new("HEAD", run.url("/head"))).await).await;
    replayed.assert_same(&live);
    assert_eq!(replayed.header("content-length"), Some("12345"));
    assert_eq!(replayed.header("content-encoding"), Some("gzip"));
    assert!(replayed.body().is_empty() && replayed.cut.is_none());
    assert!(!bench.tape().contains("body:"), "{}", bench.tape());
}

async fn r35_repeated_headers_keep_their_count_and_order(bench: Bench) {
    let (live, replayed) = bench.twice(async |run: &Run| run.get("/repeated").await).await;
    for answer in [&live, &replayed] {
        assert_eq!(answer.all("via"), [&b"1.1 first"[..], b"1.1 second"]);
        let cookies = answer.all("set-cookie");
        // Their values are credentials, which a tape does not have.
        assert!(cookies.len() == 2 && cookies[0].starts_with(b"a=") && cookies[1].starts_with(b"b="), "{cookies:?}");
    }
    let names = |answer: &Answer| answer.headers.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&live), names(&replayed));
}

async fn r35_names_of_headers_keep_their_casing(bench: Bench) {
    bench.twice(async |run: &Run| run.get("/repeated").await).await;
    let tape = bench.tape();
    assert!(tape.contains("X-One:"), "{tape}");
}

async fn r36_numbers_and_duplicate_keys_keep_their_spelling(bench: Bench) {
    let (live, replayed) = bench.twice(async |run: &Run| run.get("/json").await).await;
    replayed.assert_same(&live);
    assert_eq!(replayed.text(), r#"{"id":9007199254740993,"b":1.0,"a":1,"a":2}"#);
}

async fn r37_a_signed_body_is_the_same_bytes_though_the_tape_is_pretty(bench: Bench) {
    // The signature is over these bytes, spaces and all.
    let signed = "{\n  \"amount\": 1e2,\n  \"items\": [ \"a\",\"b\" ]\n}\n";
    let signature = fnv(signed.as_bytes());
    let reply = Reply::json(signed).header("x-signature", &signature);
    bench.origin.answer("/signed", reply);
    let (_, replayed) = bench.twice(async |run: &Run| run.get("/signed").await).await;
    assert_eq!(replayed.header("x-signature"), Some(&*signature));
    assert_eq!(fnv(&replayed.body()), signature);
    assert!(!bench.tape().contains("base64"), "{}", bench.tape());
}

/// A checksum that no library has to bring.
fn fnv(bytes: &[u8]) -> String {
    let hash =
        bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, &b| (hash ^ u64::from(b)).wrapping_mul(0x100_0000_01b3));
    format!("fnv={hash:016x}")
}

async fn r38_answers_without_a_body_get_none(bench: Bench) {
    let (live, replayed) = bench
        .twice(async |run: &Run| {
            let head = run.must(Ask::new("HEAD", run.url("/ok"))).await;
            [run.get("/no-content").await, run.get("/not-modified").await, head]
        })
        .await;
    for (live, replayed) in live.iter().zip(&replayed) {
        replayed.assert_same(live);
        assert!(replayed.body().is_empty());
    }
    assert_eq!(replayed.each_ref().map(|answer| answer.status), [204, 304, 200]);
    assert_eq!(replayed[1].header("etag"), Some("\"v1\""));
    for name in bench.tapes() {
        let tape = std::fs::read_to_string(bench.folder().join(name)).expect("a tape");
        assert!(!tape.contains("body:"), "{tape}");
    }
}

async fn r38_an_empty_body_is_not_an_absent_one(bench: Bench) {
    let (live, replayed) = bench.twice(async |run: &Run| run.get("/empty").await).await;
    replayed.assert_same(&live);
    assert_eq!(replayed.header("content-length"), Some("0"));
    assert!(bench.tape().contains("body:"), "{}", bench.tape());
}

async fn r38_the_reason_survives(bench: Bench) {
    let (live, replayed) = bench.twice(async |run: &Run| run.get("/reason").await).await;
    assert!(bench.tape().contains("reason: Fine by me"), "{}", bench.tape());
    replayed.assert_same(&live);
    assert_eq!(replayed.reason.as_deref(), Some("Fine by me"));
}

async fn r38_the_version_survives(bench: Bench) {
    bench.origin.answer("/old", Reply::raw("HTTP/1.0 200 OK\r\ncontent-length: 3\r\n\r\nold"));
    let path = if bench.adapter.is_http2() { "/ok" } else { "/old" };
    let (live, replayed) = bench.twice(async |run: &Run| run.get(path).await).await;
    replayed.assert_same(&live);
    let version = if bench.adapter.is_http2() { "HTTP/2" } else { "HTTP/1.0" };
    assert!(bench.tape().contains(&format!("version: {version}\n")), "{}", bench.tape());
}

async fn r38_trailers_survive(bench: Bench) {
    let ask = async |run: &Run| run.must(Ask::get(run.url("/trailers")).header("te", "trailers")).await;
    let (live, replayed) = bench.twice(ask).await;
    replayed.assert_same(&live);
    let field = |name: &str| replayed.trailers.iter().find(|(n, _)| n == name).map(|(_, value)| value.clone());
    assert_eq!(field("grpc-status"), Some(b"0".to_vec()));
    assert_eq!(field("grpc-message"), Some(b"fine".to_vec()));
    assert_eq!(replayed.text(), "message");
}

async fn r38_interim_answers_are_no_answers(bench: Bench) {
    let (live, replayed) = bench.twice(async |run: &Run| run.get("/interim").await).await;
    replayed.assert_same(&live);
    assert_eq!((replayed.status, &*replayed.text()), (200, "final"));
    assert!(!bench.tape().contains("status: 103"), "{}", bench.tape());
}

async fn r39_every_hop_of_a_redirect_is_an_exchange(bench: Bench) {
    let (live, replayed) = bench
        .twice(async |run: &Run| {
            let mut seen = Vec::new();
            let mut path = "/redirect/3".to_owned();
            loop {
                let answer = run.get(&path).await;
                let next = answer.header("location").map(str::to_owned);
                seen.push((answer.status, answer.text()));
                let Some(next) = next else { break };
                path = next;
            }
            let told = run.tapes.exchanges().iter().map(|e| (e.request.url.clone(), e.status())).collect::<Vec<_>>();
            (seen, told)
        })
        .await;
    assert_eq!(live.0, replayed.0);
    let hops = |told: &[(String, Option<u16>)]| {
        told.iter()
            .map(|(url, status)| format!("{} {}", url.rsplit('/').next().unwrap_or_default(), status.unwrap_or(0)))
            .collect::<Vec<_>>()
    };
    for told in [&live.1, &replayed.1] {
        assert_eq!(hops(told), ["3 302", "2 302", "1 302", "0 200"]);
    }
    assert_eq!(bench.tapes().len(), 4);
}

/// Reads a stream of three pieces, each sent when the one before it was read.
async fn pieces(run: &Run, path: &str, gates: &[Gate; 2]) -> Vec<Bytes> {
    let mut opened = run.client.open(Ask::get(run.url(path))).await.expect("an answer");
    let mut pieces = Vec::new();
    while let Some(piece) = opened.next().await {
        let Piece::Data(bytes) = piece.expect("a piece") else { continue };
        if let Some(gate) = gates.get(pieces.len()) {
            gate.open();
        }
        pieces.extend(Some(bytes).filter(|bytes| !bytes.is_empty()));
    }
    pieces
}

const EVENTS: [&str; 3] = ["data: one\n\n", "data: two\n\n", "data: three\n\n"];

/// Records a stream piece by piece.
async fn record_events(bench: &Bench, media: &str) {
    let gates = [Gate::closed(), Gate::closed()];
    let reply = Reply::new(200).header("content-type", media).chunked();
    let reply = reply.piece(EVENTS[0]).wait(&gates[0]).piece(EVENTS[1]).wait(&gates[1]).piece(EVENTS[2]);
    bench.origin.answer("/events", reply);
    let run = bench.record();
    assert_eq!(pieces(&run, "/events", &gates).await, EVENTS);
    run.done();
}

async fn r40_chunk_boundaries_survive(bench: Bench) {
    for media in ["text/event-stream", "text/plain"] {
        record_events(&bench, media).await;
        let run = bench.replay();
        assert_eq!(run.get("/events").await.frames, EVENTS, "{media}");
        run.done();
    }
}

/// What is due in an hour.
const HOUR: Duration = Duration::from_secs(3600);

async fn r40_events_are_read_before_the_next_is_due(bench: Bench) {
    record_events(&bench, "text/event-stream").await;
    bench.edit(|tape| tape.takes[0].recorded.frames = vec![Duration::ZERO, Duration::ZERO, HOUR]);
    let run = bench.run(bench.recorder(Mode::Replay).timing(Timing::Scaled(1.0)));
    let mut opened = run.client.open(Ask::get(run.url("/events"))).await.expect("an answer");
    for event in &EVENTS[..2] {
        let Some(Ok(Piece::Data(bytes))) = opened.next().await else { panic!("an event") };
        assert_eq!(bytes, event);
    }
    drop(opened);
    run.done();
}

async fn r40_recorded_pauses_are_waited_for_on_request(bench: Bench) {
    record_events(&bench, "text/event-stream").await;
    let pause = Duration::from_millis(30);
    bench.edit(|tape| {
        tape.takes[0].recorded.elapsed = pause;
        tape.takes[0].recorded.frames = vec![Duration::ZERO, 2 * pause, 4 * pause];
    });
    let run = bench.run(bench.recorder(Mode::Replay).timing(Timing::Scaled(0.5)));
    let started = std::time::Instant::now();
    let answer = run.get("/events").await;
    assert!(started.elapsed() >= pause * 5 / 2, "{:?}", started.elapsed());
    assert_eq!(answer.frames, EVENTS);
    run.done();
}

/// The failure of a request, live and from the tape.
async fn failures(bench: &Bench, path: &str, options: &Options) -> (Failure, Failure) {
    let run = bench.run_with(bench.recorder(Mode::Record), options);
    let live = run.fails(path).await;
    run.done();
    let run = bench.run_with(bench.recorder(Mode::Replay), options);
    let replayed = run.fails(path).await;
    run.done();
    assert!(replayed.refusal.is_none(), "{replayed}");
    (live, replayed)
}

/// Told apart by nothing that a program can ask a client's error.
#[track_caller]
fn assert_alike(live: &Failure, replayed: &Failure, kind: FaultKind) {
    let traits = |failure: &Failure| (failure.kind, failure.is_connect, failure.is_timeout);
    assert_eq!(traits(live), traits(replayed), "{live:?}\n{replayed:?}");
    assert_eq!(live.kind, Some(kind), "{live:?}");
}

async fn r41_a_timeout_is_replayed_as_one(bench: Bench) {
    let options = Options { timeout: Some(Duration::from_millis(50)) };
    let (live, replayed) = failures(&bench, "/hang", &options).await;
    assert!(live.is_timeout && replayed.is_timeout, "{live:?}\n{replayed:?}");
    assert_alike(&live, &replayed, FaultKind::Timeout);
    assert!(bench.tape().contains("kind: timeout"), "{}", bench.tape());
}

async fn r41_a_reset_is_replayed_as_one(bench: Bench) {
    let (live, replayed) = failures(&bench, "/reset", &Options::default()).await;
    assert_alike(&live, &replayed, FaultKind::Reset);
    assert_eq!(live.io, replayed.io);
    assert!(bench.tape().contains("kind: reset"), "{}", bench.tape());
}

async fn r41_a_connection_that_closes_without_an_answer_is_replayed(bench: Bench) {
    let (live, replayed) = failures(&bench, "/close", &Options::default()).await;
    assert_alike(&live, &replayed, FaultKind::Closed);
    assert!(bench.tape().contains("kind: closed"), "{}", bench.tape());
}

async fn r41_what_is_not_http_is_replayed_as_that(bench: Bench) {
    let (live, replayed) = failures(&bench, "/garbage", &Options::default()).await;
    assert_alike(&live, &replayed, FaultKind::Protocol);
    assert!(bench.tape().contains("kind: protocol"), "{}", bench.tape());
}

async fn truncated(bench: &Bench, path: &str) -> (Answer, Answer) {
    let (live, replayed) = bench.twice(async |run: &Run| run.get(path).await).await;
    // In HTTP/2 a reset may overtake the bytes before it: how many arrive is then the network's affair.
    if bench.adapter.name() == "connector_http2" {
        assert!("part of ".starts_with(&live.text()), "{}", live.text());
    } else {
        assert_eq!(live.text(), "part of ");
    }
    assert!(live.cut.is_some() && replayed.cut.is_some(), "{:?} {:?}", live.cut, replayed.cut);
    assert!(bench.tape().contains("cut:"), "{}", bench.tape());
    replayed.assert_same(&live);
    (live, replayed)
}

async fn r41_a_truncated_body_breaks_off_at_the_same_byte(bench: Bench) {
    let (live, _) = truncated(&bench, "/cut").await;
    assert_eq!(live.header("content-length"), Some("1000"));
}

async fn r41_a_truncated_chunked_body_breaks_off_at_the_same_byte(bench: Bench) {
    truncated(&bench, "/cut/chunked").await;
}

async fn r41_a_body_that_is_reset_breaks_off_again(bench: Bench) {
    let (live, replayed) = bench.twice(async |run: &Run| run.get("/reset/body").await).await;
    // A reset may overtake the bytes before it: how many arrive is the network's affair, but live and replayed agree.
    replayed.assert_same(&live);
    assert!(live.cut.is_some());
}

/// A tape whose answer took an hour.
async fn slow(bench: &Bench) {
    bench.twice(async |run: &Run| run.get("/ok").await).await;
    bench.edit(|tape| tape.takes[0].recorded.elapsed = HOUR);
}

async fn r42_a_deadline_shorter_than_the_recorded_latency_runs_out(bench: Bench) {
    slow(&bench).await;
    let recorder = bench.recorder(Mode::Replay).timing(Timing::Scaled(1.0)).unused(UnusedRule::Allow);
    let run = bench.run(recorder);
    let asked = run.send(Ask::get(run.url("/ok")));
    assert!(tokio::time::timeout(Duration::from_millis(20), asked).await.is_err(), "answered an hour early");
    run.done();
}

async fn r42_the_clients_own_time_limit_holds_while_replaying(bench: Bench) {
    bench.twice(async |run: &Run| run.get("/ok").await).await;
    bench.edit(|tape| tape.takes[0].recorded.elapsed = Duration::from_secs(1));
    let recorder = bench.recorder(Mode::Replay).timing(Timing::Scaled(1.0)).unused(UnusedRule::Allow);
    let run = bench.run_with(recorder, &Options { timeout: Some(Duration::from_millis(20)) });
    let failure = run.fails("/ok").await;
    assert!(failure.is_timeout && failure.refusal.is_none(), "{failure:?}");
    run.done();
}

async fn r43_what_the_client_does_to_an_answer_stays_with_the_client(bench: Bench) {
    let mutate = |answer: Answer| {
        for frame in answer.frames {
            // Only where nobody else has these bytes can they be written to.
            if let Ok(mut frame) = frame.try_into_mut() {
                frame.fill(b'#');
            }
        }
    };
    let run = bench.record();
    mutate(run.get("/json").await);
    run.done();
    let before = bench.files();
    let run = bench.run(bench.recorder(Mode::Replay).repeat(Repeat::Last));
    mutate(run.get("/json").await);
    let again = run.get("/json").await;
    assert_eq!(again.text(), r#"{"id":9007199254740993,"b":1.0,"a":1,"a":2}"#);
    run.done();
    assert_eq!(bench.files(), before);
}

async fn r44_an_answer_that_took_an_hour_is_there_at_once(bench: Bench) {
    slow(&bench).await;
    let run = bench.replay();
    assert_eq!(run.get("/ok").await.text(), "ok");
    run.done();
}

async fn r44_retry_after_can_be_zeroed(bench: Bench) {
    bench.origin.on("/busy", |request| match request.nth {
        1 => Reply::new(503).header("retry-after", "3600"),
        _ => Reply::text("done"),
    });
    let program = async |run: &Run| {
        let busy = run.get("/busy").await;
        let patience = busy.header("retry-after").map(str::to_owned);
        (patience, run.get("/busy").await.text())
    };
    let run = bench.run(bench.recorder(Mode::Record).redact("dummy header retry-after as 0"));
    assert_eq!(program(&run).await, (Some("3600".to_owned()), "done".to_owned()), "recording shows what is");
    run.done();
    let run = bench.replay();
    assert_eq!(program(&run).await, (Some("0".to_owned()), "done".to_owned()));
    run.done();
}
