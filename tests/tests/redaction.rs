//! No secret reaches the disk, and replaying works all the same: R45 to R53, R87, R88. All secrets here are fake.

use recorder_tests::adapters::{Answer, Ask};
use recorder_tests::origin::{Gate, Reply, decode, encode};
use recorder_tests::{Bench, Run, over_all_adapters};
use traffic_recorder::{ErrorKind, Mode, Reveal};

over_all_adapters!(
    r45_credentials_never_reach_the_disk,
    r46_a_known_secret_is_found_in_every_encoding,
    r46_a_secret_of_the_configuration_is_hidden_without_a_word_in_code,
    r47_a_token_that_was_granted_is_sent_on_and_matches,
    r47_one_value_has_one_placeholder_and_two_have_two,
    r48_recording_shows_real_values_and_replaying_placeholders,
    r48_replaying_shows_values_on_request,
    r48_a_dummy_has_the_shape_that_the_client_parses,
    r49_lengths_are_corrected_where_a_value_was_replaced,
    r49_a_digest_that_no_longer_fits_is_flagged,
    r50_a_miss_shows_no_secret,
    r50_exchanges_show_no_secret,
    r51_a_token_that_is_left_keeps_the_tape_from_being_written,
    r51_what_is_no_secret_passes_by_a_rule,
    r52_a_wrong_rule_is_refused_before_the_first_request,
    r52_a_wrong_rule_of_the_configuration_is_refused_with_its_line,
    r53_a_rule_that_never_matched_is_named,
    r87_debug_output_shows_no_secret,
    r88_a_secret_split_over_two_chunks_is_masked,
);

/// No file below the folder of the tapes holds any of these.
#[track_caller]
fn assert_nowhere(bench: &Bench, needles: &[&str]) {
    let files = bench.files();
    assert!(!files.is_empty(), "nothing was written");
    for (name, bytes) in &files {
        for needle in needles {
            let found = bytes.windows(needle.len()).any(|window| window == needle.as_bytes());
            assert!(!found, "{needle} is in {name}:\n{}", String::from_utf8_lossy(bytes));
        }
    }
}

async fn r45_credentials_never_reach_the_disk(bench: Bench) {
    let granted = r#"{"access_token":"fake-granted-1","user":{"password":"fake-pass-2","name":"ann"}}"#;
    bench.origin.on("/login", move |_| {
        Reply::json(granted)
            .header("set-cookie", "sid=fake-cookie-3; Path=/; HttpOnly")
            .header("x-auth-token", "fake-xauth-4")
    });
    let program = async |run: &Run| {
        let url = run.url("/login?token=fake-query-5&page=2");
        let ask = Ask::new("POST", url)
            .header("authorization", "Bearer fake-bearer-6")
            .header("cookie", "sid=fake-sent-7; theme=dark")
            .header("x-api-key", "fake-apikey-8")
            .header("content-type", "application/x-www-form-urlencoded")
            .body("user=ann&password=fake-form-9");
        let form = run.must(ask).await;
        let json = run.post("/login", r#"{"user":"ann","client_secret":"fake-json-10"}"#).await;
        (form.status, json.status)
    };
    assert_eq!(bench.twice(program).await, ((200, 200), (200, 200)));
    assert_nowhere(
        &bench,
        &[
            "fake-granted-1",
            "fake-pass-2",
            "fake-cookie-3",
            "fake-xauth-4",
            "fake-query-5",
            "fake-bearer-6",
            "fake-sent-7",
            "fake-apikey-8",
            "fake-form-9",
            "fake-json-10",
        ],
    );
    let all = everything(&bench);
    for kept in ["user=ann", "page=2", "Bearer {{secret:", "name: ann"] {
        assert!(all.contains(kept), "{kept} is not hidden:\n{all}");
    }
}

/// All files as one text.
fn everything(bench: &Bench) -> String {
    bench.files().iter().map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned()).collect()
}

/// A value that looks different in every encoding.
const SECRET: &str = "fake/s3cret+\"quoted\" & long=1";

/// That value as it may hide in a file: plain, percent-encoded twice over, in JSON, base64 at its three offsets.
fn disguises() -> Vec<String> {
    let percent = |text: &str, keep: fn(u8) -> bool| -> String {
        let byte = |b: u8| if keep(b) { char::from(b).to_string() } else { format!("%{b:02X}") };
        text.bytes().map(byte).collect()
    };
    let unreserved = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    let once = percent(SECRET, unreserved);
    let mut all = vec![
        SECRET.to_owned(),
        percent(&once, unreserved),
        once.replace("%20", "+"),
        once.to_ascii_lowercase(),
        once,
        SECRET.replace('"', "\\\""),
        SECRET.replace('"', "\\\"").replace('/', "\\/"),
    ];
    for lead in 0..3 {
        let coded = base64(&[&b"xyz"[..lead], SECRET.as_bytes()].concat());
        // The groups that hold nothing but the secret.
        all.push(coded[4 * usize::from(lead > 0)..coded.len() - 4].to_owned());
    }
    all
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for group in bytes.chunks(3) {
        let word = (0..3).fold(0_u32, |word, i| word << 8 | u32::from(group.get(i).copied().unwrap_or(0)));
        for i in 0..4 {
            let digit = char::from(DIGITS[(word >> (18 - 6 * i)) as usize & 63]);
            out.push(if i <= group.len() { digit } else { '=' });
        }
    }
    out
}

async fn r46_a_known_secret_is_found_in_every_encoding(bench: Bench) {
    let json = format!(r#"{{"note":"before {} after"}}"#, SECRET.replace('"', "\\\""));
    for coding in ["gzip", "br", "zstd", "deflate"] {
        let reply = Reply::new(200).header("content-type", "application/json").coded(coding, json.as_bytes());
        bench.origin.answer(&format!("/in-{coding}"), reply);
    }
    let url_coded = "fake%2Fs3cret%2B%22quoted%22%20%26%20long%3D1";
    bench.origin.answer("/moved", Reply::new(201).header("location", format!("/next?code={url_coded}")).body("made"));
    bench.origin.answer("/text", Reply::text(format!("it is {SECRET}, you know")));
    bench.origin.answer("/base64", Reply::text(format!("coded {}.", base64(format!("ann:{SECRET}").as_bytes()))));
    let part =
        format!("--b0undary\r\ncontent-disposition: form-data; name=\"note\"\r\n\r\n{SECRET}\r\n--b0undary--\r\n");
    let program = async |run: &Run| {
        let mut answers = Vec::new();
        for path in ["/in-gzip", "/in-br", "/in-zstd", "/in-deflate", "/moved", "/text", "/base64"] {
            answers.push(run.get(path).await);
        }
        answers.push(run.get(&format!("/ok?note={url_coded}")).await);
        let basic = format!("Basic {}", base64(format!("ann:{SECRET}").as_bytes()));
        answers.push(run.must(Ask::get(run.url("/ok")).header("authorization", basic)).await);
        answers.push(run.post("/echo", &json).await);
        let multipart =
            Ask::new("POST", run.url("/ok")).header("content-type", "multipart/form-data; boundary=b0undary");
        answers.push(run.must(multipart.body(part.clone())).await);
        let coded = Ask::new("POST", run.url("/ok"))
            .header("content-type", "application/json")
            .header("content-encoding", "gzip");
        answers.push(run.must(coded.body(encode("gzip", json.as_bytes()))).await);
        answers.iter().map(|answer| answer.status).collect::<Vec<_>>()
    };
    let run = bench.run(bench.recorder(Mode::Record).secret("note", SECRET));
    let live = program(&run).await;
    run.done();
    let disguises = disguises();
    let needles: Vec<&str> = disguises.iter().map(String::as_str).collect();
    assert_nowhere(&bench, &needles);
    // Nor in what a file holds encoded.
    for name in bench.tapes() {
        let tape = traffic_recorder::tape::Tape::read(&bench.folder().join(name)).expect("a tape").expect("a file");
        let mut bodies = vec![tape.request.body.clone()];
        let mut codings = vec![tape.request.headers.text("content-encoding").map(str::to_owned)];
        if let traffic_recorder::tape::Outcome::Answer(answer) = &tape.takes[0].outcome {
            bodies.push(answer.body.clone());
            codings.push(answer.headers.text("content-encoding").map(str::to_owned));
        }
        for (body, coding) in bodies.iter().zip(codings) {
            let Some(bytes) = body.bytes().filter(|bytes| !bytes.is_empty()) else { continue };
            let plain = coding.map_or_else(|| bytes.to_vec(), |coding| decode(&coding, bytes));
            let text = String::from_utf8_lossy(&plain);
            assert!(needles.iter().all(|needle| !text.contains(needle)), "{text}");
        }
    }
    let run = bench.run(bench.recorder(Mode::Replay).secret("note", SECRET));
    assert_eq!(program(&run).await, live);
    run.done();
}

async fn r46_a_secret_of_the_configuration_is_hidden_without_a_word_in_code(bench: Bench) {
    // A variable that the process has, whichever it is run by.
    bench.configure("secrets: [PATH]\n");
    let value = std::env::var("PATH").expect("every process has one");
    bench.origin.answer("/text", Reply::text(format!("built in {value}.")));
    let (live, replayed) = bench.twice(async |run: &Run| run.get("/text").await.text()).await;
    assert!(live.contains(&value) && replayed == "built in {{secret:PATH}}.", "{replayed}");
    assert_nowhere(&bench, &[&value]);
}

/// Logs in, uses the token it got, in a header, a query and a body.
async fn session(run: &Run) -> Vec<Answer> {
    let granted = run.post("/token", r#"{"user":"ann"}"#).await;
    let text = granted.text();
    let token = text.split('"').nth(3).expect("a token").to_owned();
    let with = Ask::get(run.url("/count")).header("authorization", format!("Bearer {token}"));
    let in_query = run.url(&format!("/ok?next={}", token.replace('{', "%7B").replace('}', "%7D")));
    let in_body = format!(r#"{{"proof":"{token}"}}"#);
    vec![granted, run.must(with).await, run.must(Ask::get(in_query)).await, run.post("/echo", &in_body).await]
}

async fn r47_a_token_that_was_granted_is_sent_on_and_matches(bench: Bench) {
    bench.origin.answer("/token", Reply::json(r#"{"access_token":"fake-granted-token-11"}"#));
    let (live, replayed) = bench.twice(session).await;
    assert_eq!(
        live.iter().map(|a| a.status).collect::<Vec<_>>(),
        replayed.iter().map(|a| a.status).collect::<Vec<_>>()
    );
    assert_nowhere(&bench, &["fake-granted-token-11"]);
    let name = "{{secret:access_token-1}}";
    assert_eq!(replayed[0].text(), format!(r#"{{"access_token":"{name}"}}"#));
    assert!(everything(&bench).contains(&format!("Bearer {name}")), "{}", everything(&bench));
}

async fn r47_one_value_has_one_placeholder_and_two_have_two(bench: Bench) {
    let program = async |run: &Run| {
        for key in ["fake-key-one", "fake-key-two", "fake-key-one"] {
            run.must(Ask::get(run.url(&format!("/ok/{key}"))).header("x-api-key", key)).await;
        }
    };
    let run = bench.record();
    program(&run).await;
    let told: Vec<_> =
        run.tapes.exchanges().iter().map(|e| e.request.headers.text("x-api-key").map(str::to_owned)).collect();
    run.done();
    assert_eq!(told[0], told[2]);
    assert_ne!(told[0], told[1]);
    assert_nowhere(&bench, &["fake-key-one", "fake-key-two"]);
    let run = bench.replay();
    program(&run).await;
    run.done();
}

async fn r48_recording_shows_real_values_and_replaying_placeholders(bench: Bench) {
    bench.origin.answer("/me", Reply::json(r#"{"api_key":"fake-own-key-12"}"#));
    let (live, replayed) = bench.twice(async |run: &Run| run.get("/me").await.text()).await;
    assert_eq!(live, r#"{"api_key":"fake-own-key-12"}"#);
    assert_eq!(replayed, r#"{"api_key":"{{secret:api_key-1}}"}"#);
}

async fn r48_replaying_shows_values_on_request(bench: Bench) {
    let own = "fake-own-key-13-of-some-length";
    bench.origin.on("/me", move |_| Reply::json(format!(r#"{{"mine":"{own}"}}"#)));
    let ask = async |run: &Run| run.get("/me").await;
    let run = bench.run(bench.recorder(Mode::Record).secret("own", own));
    let live = ask(&run).await;
    run.done();
    assert_nowhere(&bench, &[own]);
    let run = bench.run(bench.recorder(Mode::Replay).secret("own", own).reveal(Reveal::Value));
    let replayed = ask(&run).await;
    run.done();
    replayed.assert_same(&live);
}

async fn r48_a_dummy_has_the_shape_that_the_client_parses(bench: Bench) {
    bench.origin.answer("/token", Reply::json(r#"{"access_token":"fake-14-token","expires_in":86399}"#));
    let recorder = |mode| bench.recorder(mode).redact("dummy json $.access_token as aaaa.bbbb.cccc");
    let run = bench.run(recorder(Mode::Record));
    run.get("/token").await;
    run.done();
    let run = bench.run(recorder(Mode::Replay));
    assert_eq!(run.get("/token").await.text(), r#"{"access_token":"aaaa.bbbb.cccc","expires_in":86399}"#);
    run.done();
    assert_nowhere(&bench, &["fake-14-token"]);
}

async fn r49_lengths_are_corrected_where_a_value_was_replaced(bench: Bench) {
    let json = br#"{"password":"fake-15-a-password-longer-than-any-placeholder-would-ever-be","n":1}"#;
    bench.origin.answer("/plain", Reply::json(&json[..]));
    bench.origin.answer("/coded", Reply::new(200).header("content-type", "application/json").coded("gzip", json));
    for path in ["/plain", "/coded"] {
        let (live, replayed) = bench.twice(async |run: &Run| run.get(path).await).await;
        for answer in [&live, &replayed] {
            let length = answer.header("content-length").map(str::to_owned);
            assert_eq!(length, Some(answer.body().len().to_string()), "{path}");
            assert!(answer.cut.is_none(), "{:?}", answer.cut);
        }
        assert_nowhere(&bench, &["fake-15"]);
    }
}

async fn r49_a_digest_that_no_longer_fits_is_flagged(bench: Bench) {
    let reply = Reply::json(r#"{"password":"fake-16-password"}"#).header("content-md5", "ZmFrZS1kaWdlc3QtMTY=");
    bench.origin.answer("/signed", reply);
    bench.twice(async |run: &Run| run.get("/signed").await.status).await;
    let tape = bench.tape();
    assert!(tape.contains("notes:") && tape.contains("content-md5"), "{tape}");
    assert_nowhere(&bench, &["fake-16"]);
}

async fn r50_a_miss_shows_no_secret(bench: Bench) {
    bench.twice(async |run: &Run| run.post("/ok", r#"{"password":"fake-17-old","n":1}"#).await.status).await;
    let run = bench.replay();
    let url = run.url("/ok?token=fake-18-query");
    let ask =
        Ask::post_json(url, r#"{"password":"fake-19-new","n":2}"#).header("authorization", "Bearer fake-20-bearer");
    let failure = run.send(ask).await.expect_err("a miss");
    let error = run.fault();
    for text in [failure.text, error.to_string(), format!("{error:?}")] {
        assert!(!text.contains("fake-"), "{text}");
    }
    assert_eq!(error.code(), "miss");
}

async fn r50_exchanges_show_no_secret(bench: Bench) {
    let program = async |run: &Run| {
        let url = run.url("/ok?api_key=fake-21-query");
        run.must(Ask::get(url).header("authorization", "Bearer fake-22-bearer")).await;
        let exchanges = run.tapes.exchanges();
        format!("{}{exchanges:?}", exchanges[0])
    };
    let (live, replayed) = bench.twice(program).await;
    for text in [live, replayed] {
        assert!(text.contains("{{secret:") && !text.contains("fake-2"), "{text}");
    }
}

/// The shape of a token of GitHub, put together here so that no scanner takes this file for a leak.
fn token() -> String {
    ["ghp", "_", "FakeFakeFakeFakeFakeFakeFakeFakeFake"].concat()
}

async fn r51_a_token_that_is_left_keeps_the_tape_from_being_written(bench: Bench) {
    bench.origin.answer("/ci", Reply::json(format!(r#"{{"jobs":[{{"log":"using {} now"}}]}}"#, token())));
    let run = bench.record();
    run.get("/ci").await;
    let error = run.fault();
    assert!(matches!(error.kind(), ErrorKind::Leak(_)), "{error}");
    let text = error.to_string();
    assert!(text.contains("$.jobs[0].log") && text.contains("github-token"), "{text}");
    assert!(!text.contains(&token()), "{text}");
    assert!(bench.files().is_empty(), "{:?}", bench.tapes());
}

async fn r51_what_is_no_secret_passes_by_a_rule(bench: Bench) {
    bench.configure("allow:\n- pattern github-token\n");
    bench.origin.answer("/ci", Reply::json(format!(r#"{{"example":"{}"}}"#, token())));
    let (live, replayed) = bench.twice(async |run: &Run| run.get("/ci").await).await;
    replayed.assert_same(&live);
}

async fn r52_a_wrong_rule_is_refused_before_the_first_request(bench: Bench) {
    for rule in ["hide json $..[", "hide nothing x", "mask header x", "dummy json $.a", ""] {
        let error = bench.recorder(Mode::Replay).redact(rule).open().expect_err("refused");
        assert!(error.code() == "rule" && error.to_string().contains("is no rule"), "{error}");
    }
}

async fn r52_a_wrong_rule_of_the_configuration_is_refused_with_its_line(bench: Bench) {
    bench.configure("match: []\nredact:\n- hide json $.ok\n- hide jsno $.user\n");
    let error = bench.recorder(Mode::Replay).open().expect_err("refused");
    let text = error.to_string();
    assert!(error.code() == "config" && text.contains("recorder.yaml:4") && text.contains("jsno"), "{text}");
}

async fn r53_a_rule_that_never_matched_is_named(bench: Bench) {
    bench.origin.answer("/user", Reply::json(r#"{"email":"fake-23@example.com"}"#));
    let recorder = |mode| bench.recorder(mode).redact("hide json $.email").redact("hide json $.emial");
    for mode in [Mode::Record, Mode::Replay] {
        let run = bench.run(recorder(mode));
        run.get("/user").await;
        let report = run.done();
        assert_eq!(report.warnings.len(), 1, "{mode}: {:?}", report.warnings);
        assert!(report.warnings[0].contains("`hide json $.emial`"), "{:?}", report.warnings);
    }
    assert_nowhere(&bench, &["fake-23"]);
}

async fn r87_debug_output_shows_no_secret(bench: Bench) {
    bench
        .origin
        .answer("/user", Reply::json(r#"{"password":"fake-24-password"}"#).header("set-cookie", "sid=fake-25-cookie"));
    let recorder = |mode| bench.recorder(mode).secret("known", "fake-26-registered");
    for mode in [Mode::Record, Mode::Replay] {
        let recorder = recorder(mode);
        let mut shown = vec![format!("{recorder:?}")];
        let run = bench.run(recorder);
        let ask = Ask::get(run.url("/user?token=fake-27-query")).header("authorization", "Bearer fake-28-bearer");
        run.must(ask).await;
        let (tapes, session) = (&run.tapes, run.tapes.session());
        shown.push(format!("{tapes:?} {session:?} {:?} {:?}", tapes.exchanges(), tapes.layer()));
        shown.push(format!("{:?}", tapes.ureq_middleware()));
        shown.push(format!("{:?}", run.done()));
        let text = shown.concat();
        assert!(!text.contains("fake-"), "{mode}: {text}");
    }
}

async fn r88_a_secret_split_over_two_chunks_is_masked(bench: Bench) {
    let gate = Gate::closed();
    let reply = Reply::new(200).header("content-type", "text/event-stream").chunked();
    let reply =
        reply.piece("data: the key is fake-29-se").wait(&gate).piece("cret-in-halves, yes\n\n").piece("data: bye\n\n");
    bench.origin.answer("/events", reply);
    let run = bench.run(bench.recorder(Mode::Record).secret("key", "fake-29-secret-in-halves"));
    let mut opened = run.client.open(Ask::get(run.url("/events"))).await.expect("an answer");
    opened.next().await.expect("a piece").expect("the first half");
    gate.open();
    opened.whole().await;
    run.done();
    assert_nowhere(&bench, &["fake-29", "cret-in-halves"]);
    let run = bench.run(bench.recorder(Mode::Replay));
    assert_eq!(run.get("/events").await.text(), "data: the key is {{secret:key}}, yes\n\ndata: bye\n\n");
    run.done();
}
