//! A match rule that is code: recorded under it, found again under it, and an error that says so without it.

use traffic_recorder::client::{BoxError, Boxed, Payload, exchange_blocking};
use traffic_recorder::session::Head;
use traffic_recorder::tape::Layer;
use traffic_recorder::{Mode, Recorder, Tapes};

#[test]
fn a_rule_that_is_code_decides_what_is_the_same() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let recorder = |mode| Recorder::at(folder.path().join("greeting")).mode(mode);
    let lower = |recorder: Recorder| recorder.custom_rule("case of paths", |r| r.url = r.url.to_lowercase()).start();

    let tapes = lower(recorder(Mode::Record));
    assert_eq!(ask(&tapes, "https://api.example.com/Greeting").expect("it is asked"), "hello");
    tapes.finish().expect("it is saved");

    let tapes = lower(recorder(Mode::Replay));
    assert_eq!(ask(&tapes, "https://api.example.com/GREETING").expect("the tape answers"), "hello");
    tapes.finish().expect("all was asked for");

    let tapes = recorder(Mode::Replay).start();
    let error = ask(&tapes, "https://api.example.com/GREETING").expect_err("without the rule they differ");
    assert!(error.to_string().contains("/greeting"), "{error}");
    assert!(tapes.finish().is_err());
}

fn ask(tapes: &Tapes, url: &str) -> Result<String, BoxError> {
    let headers = http::HeaderMap::new();
    let head = Head::with_url("GET", url, http::Version::HTTP_11, &headers);
    let send = |_| Ok(http::Response::new(&b"hello"[..]));
    let nothing = Payload::<std::io::Empty>::Absent;
    let answer = exchange_blocking(tapes.session(), Layer::Wire, head, nothing, &Boxed, send)?;
    Ok(std::io::read_to_string(answer.into_body())?)
}
