//! actix's client, which knows no proxy: the engine stands for the service.

use recorder_tests::origin::{Origin, Reply};
use traffic_recorder::proxy::ERROR_FIELD;
use traffic_recorder::{Mode, Recorder, Tapes};

/// What a program does with awc: a status, the code of a refusal, a body.
fn ask(tapes: &Tapes, origin: &Origin, order: &'static str) -> Result<(u16, Option<String>, Vec<u8>), String> {
    let engine = tapes.proxy_builder().upstream(origin.url("")).start().expect("an engine");
    actix_rt::System::new().block_on(async {
        let request = awc::Client::default().post(format!("{}/orders", engine.url()));
        let mut answer = request.send_body(order).await.map_err(|error| error.to_string())?;
        let refusal = answer.headers().get(ERROR_FIELD).and_then(|code| code.to_str().ok()).map(str::to_owned);
        let body = answer.body().await.map_err(|error| error.to_string())?;
        Ok((answer.status().as_u16(), refusal, body.to_vec()))
    })
}

#[test]
fn r91_awc_is_recorded_and_replayed_in_front_of_a_service() {
    let folder = tempfile::tempdir().unwrap();
    let open = |mode| Recorder::at(folder.path().join("orders")).mode(mode).open().unwrap();
    let origin = Origin::start();
    origin.on("/orders", |request| Reply::json(format!("{{\"got\":\"{}\"}}", request.text())));

    let tapes = open(Mode::Record);
    let live = ask(&tapes, &origin, "pens").unwrap();
    assert_eq!((live.0, live.2.as_slice()), (200, &b"{\"got\":\"pens\"}"[..]));
    assert_eq!(tapes.finish().unwrap().written.len(), 1);

    let tapes = open(Mode::Replay);
    assert_eq!(ask(&tapes, &origin, "pens").unwrap(), live);
    assert_eq!((tapes.finish().unwrap().replayed, origin.hits()), (1, 1));

    let tapes = open(Mode::Replay);
    let (status, refusal, text) = ask(&tapes, &origin, "ink").unwrap();
    assert_eq!((status, refusal.as_deref()), (470, Some("miss")), "{}", String::from_utf8_lossy(&text));
    assert_eq!(tapes.finish().unwrap_err().code(), "miss");
}

#[test]
fn r41_awc_sees_a_connection_that_was_reset_reset_again() {
    let folder = tempfile::tempdir().unwrap();
    let open = |mode| Recorder::at(folder.path().join("orders")).mode(mode).open().unwrap();
    let origin = Origin::start();
    origin.answer("/orders", Reply::reset());
    let tapes = open(Mode::Record);
    let live = ask(&tapes, &origin, "pens").unwrap_err();
    tapes.finish().unwrap();
    let tapes = open(Mode::Replay);
    assert_eq!(ask(&tapes, &origin, "pens").unwrap_err(), live);
    tapes.finish().unwrap();
}
