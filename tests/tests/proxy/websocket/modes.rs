//! What `RECORD` means for a conversation.

use super::*;

#[tokio::test]
async fn off_lets_everything_through_as_it_is() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let service = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let asked = head(&mut stream).await.to_lowercase();
        let answer = "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
                      sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nsec-websocket-extensions: permessage-deflate\r\n\r\n";
        stream.write_all(answer.as_bytes()).await.unwrap();
        // Nobody looks: these are no frames.
        let mut four = [0; 4];
        stream.read_exact(&mut four).await.unwrap();
        stream.write_all(&four).await.unwrap();
        asked
    });
    let dir = tempfile::tempdir().unwrap();
    let tapes = Recorder::at(dir.path().join("tapes/test")).mode(Mode::Off).open().unwrap();
    let proxy = tapes.proxy();
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    let handshake = format!(
        "GET http://127.0.0.1:{port}/ HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-extensions: permessage-deflate\r\n\r\n"
    );
    stream.write_all(handshake.as_bytes()).await.unwrap();
    let answer = head(&mut stream).await;
    assert!(answer.contains("sec-websocket-extensions: permessage-deflate"), "{answer}");
    stream.write_all(b"\xff\0\xff\0").await.unwrap();
    let mut back = [0; 4];
    stream.read_exact(&mut back).await.unwrap();
    assert_eq!(&back, b"\xff\0\xff\0");
    assert!(service.await.unwrap().contains("sec-websocket-extensions: permessage-deflate"));
    tapes.finish().unwrap();
}

/// Answers with a number that goes up, in this form.
async fn counting(form: fn(usize) -> String) -> Stage {
    let count = Arc::new(AtomicUsize::new(0));
    Stage::new(move |mut socket: Served| -> Serving {
        let count = Arc::clone(&count);
        Box::pin(async move {
            while let Some(Ok(message)) = socket.next().await {
                if message.is_text() {
                    let n = count.fetch_add(1, Ordering::SeqCst);
                    socket.send(text(&form(n))).await.unwrap();
                }
            }
        })
    })
    .await
}

async fn talk(
    stage: &Stage,
    mode: Mode,
    path: &str,
) -> (String, Result<traffic_recorder::Report, traffic_recorder::Error>) {
    let tapes = stage.tapes(mode);
    let proxy = tapes.proxy();
    let mut socket = stage.open(&proxy, path).await;
    socket.send(text("next")).await.unwrap();
    let heard = next(&mut socket).await;
    leave(socket).await;
    settle().await;
    (heard, tapes.finish())
}

#[tokio::test]
async fn missing_adds_a_conversation_and_replays_those_that_are_there() {
    let stage = counting(|n| format!("number {n}")).await;
    let (heard, report) = talk(&stage, Mode::Missing, "/talk").await;
    assert_eq!((heard.as_str(), report.unwrap().written.len()), ("number 0", 1));
    let (heard, report) = talk(&stage, Mode::Missing, "/talk").await;
    assert_eq!((heard.as_str(), report.unwrap().replayed), ("number 0", 1));
    assert_eq!(stage.hits(), 1);
    let (heard, _) = talk(&stage, Mode::Missing, "/other").await;
    assert_eq!((heard.as_str(), stage.hits()), ("number 1", 2));
}

#[tokio::test]
async fn check_compares_the_shapes_of_what_is_received() {
    let stage = counting(|n| format!(r#"{{"n":{n}}}"#)).await;
    talk(&stage, Mode::Record, "/talk").await.1.unwrap();
    talk(&stage, Mode::Check, "/talk").await.1.expect("another number is no change");
    let stage = counting(|n| if n == 0 { r#"{"n":0}"#.to_owned() } else { r#"{"n":"one"}"#.to_owned() }).await;
    talk(&stage, Mode::Record, "/talk").await.1.unwrap();
    let drift = talk(&stage, Mode::Check, "/talk").await.1.unwrap_err();
    assert_eq!(drift.code(), "drift");
    assert!(drift.to_string().contains("message $.n: recorded number, live string"), "{drift}");
}

#[tokio::test]
async fn r61_recording_the_same_conversation_again_leaves_no_diff() {
    let stage = counting(|_| "same".to_owned()).await;
    talk(&stage, Mode::Record, "/talk").await.1.unwrap();
    let before = stage.only_tape();
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let (_, report) = talk(&stage, Mode::Record, "/talk").await;
    assert_eq!(report.unwrap().unchanged, 1);
    assert_eq!(stage.only_tape(), before);
}

#[tokio::test]
async fn recorded_times_are_replayed_where_a_test_wants_them() {
    let stage = Stage::new(service!(|socket| {
        socket.send(text("at once")).await.unwrap();
        tokio::time::sleep(Duration::from_millis(150)).await;
        socket.send(text("later")).await.unwrap();
        while let Some(Ok(_)) = socket.next().await {}
    }))
    .await;
    let listen = async |recorder: Recorder| {
        let tapes = recorder.open().unwrap();
        let proxy = tapes.proxy();
        let mut socket = stage.open(&proxy, "/talk").await;
        next(&mut socket).await;
        let start = std::time::Instant::now();
        assert_eq!(next(&mut socket).await, "later");
        let waited = start.elapsed();
        leave(socket).await;
        settle().await;
        tapes.finish().unwrap();
        waited
    };
    listen(stage.recorder(Mode::Record)).await;
    let timing = traffic_recorder::Timing::Scaled(1.0);
    assert!(listen(stage.recorder(Mode::Replay).timing(timing)).await > Duration::from_millis(100));
    assert!(listen(stage.recorder(Mode::Replay)).await < Duration::from_millis(100));
}

#[tokio::test]
async fn a_plain_request_for_the_same_url_is_another_question() {
    let stage = Stage::new(service!(|socket| { drop(socket.next().await) })).await;
    let tapes = stage.tapes(Mode::Record);
    leave(stage.open(&tapes.proxy(), "/talk").await).await;
    settle().await;
    tapes.finish().unwrap();
    let tapes = stage.tapes(Mode::Replay);
    let proxy = tapes.proxy();
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    let get = format!("GET http://127.0.0.1:{}/talk HTTP/1.1\r\nhost: x\r\n\r\n", stage.port);
    stream.write_all(get.as_bytes()).await.unwrap();
    assert!(head(&mut stream).await.starts_with("HTTP/1.1 470"));
    let miss = tapes.finish().unwrap_err().to_string();
    assert!(miss.contains("header upgrade\n      recorded: websocket"), "{miss}");
}

#[tokio::test]
async fn a_tape_that_does_not_say_what_followed_is_refused_in_words() {
    use traffic_recorder::tape::{Outcome, Tape};
    let stage = counting(|n| format!("number {n}")).await;
    talk(&stage, Mode::Record, "/talk").await.1.unwrap();
    // As another seam, or another tool, would have it.
    let file = std::fs::read_dir(stage.folder()).unwrap().next().unwrap().unwrap().path();
    let mut tape = Tape::read(&file).unwrap().unwrap();
    let Outcome::Answer(answer) = &mut tape.takes[0].outcome else { panic!("an answer") };
    answer.transcript = None;
    tape.takes[0].recorded.frames.clear();
    std::fs::write(&file, tape.render().unwrap().yaml).unwrap();
    let tapes = stage.tapes(Mode::Replay);
    let proxy = tapes.proxy();
    let stream = tunnel(&proxy, &format!("127.0.0.1:{}", stage.port)).await;
    let refused = client_async(format!("ws://127.0.0.1:{}/talk", stage.port), stream).await.unwrap_err();
    assert!(
        matches!(&refused, Error::Http(answer) if answer.headers()["x-tapes-error"] == "conversation"),
        "{refused}"
    );
    let error = tapes.finish().unwrap_err();
    assert!(error.code() == "conversation" && error.to_string().contains("RECORD=1"), "{error}");
}

#[tokio::test]
async fn what_was_said_can_be_asked_for_in_the_test() {
    let stage = counting(|n| format!("number {n}")).await;
    for mode in [Mode::Record, Mode::Replay] {
        let tapes = stage.tapes(mode);
        let proxy = tapes.proxy();
        let mut socket = stage.open(&proxy, "/talk").await;
        socket.send(text("next")).await.unwrap();
        next(&mut socket).await;
        let shown = tapes.exchanges()[0].to_string();
        assert!(shown.contains("< 101\n") && shown.ends_with("> next\n< number 0\n"), "{shown}");
        leave(socket).await;
        settle().await;
        tapes.finish().unwrap();
    }
}
