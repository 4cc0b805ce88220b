//! A program that says something else than what was recorded.

use super::*;

async fn recorded(messages: &[&str]) -> Stage {
    let stage = Stage::new(service!(|socket| {
        while let Some(Ok(message)) = socket.next().await {
            if message.is_text() {
                socket.send(text("ok")).await.unwrap();
            }
        }
    }))
    .await;
    let tapes = stage.tapes(Mode::Record);
    let proxy = tapes.proxy();
    let mut socket = stage.open(&proxy, "/talk").await;
    for message in messages {
        socket.send(text(message)).await.unwrap();
        assert_eq!(next(&mut socket).await, "ok");
    }
    leave(socket).await;
    settle().await;
    tapes.finish().unwrap();
    stage
}

/// What the program hears after each of its messages, and what its test fails with.
async fn replayed(stage: &Stage, recorder: Recorder, messages: &[Message]) -> (Vec<String>, String) {
    let tapes = recorder.open().unwrap();
    let proxy = tapes.proxy();
    let mut socket = stage.open(&proxy, "/talk").await;
    let mut heard = Vec::new();
    for message in messages {
        socket.send(message.clone()).await.unwrap();
        heard.push(next(&mut socket).await);
    }
    let result = tapes.finish();
    (heard, result.err().map(|error| format!("[{}] {error}", error.code())).unwrap_or_default())
}

#[tokio::test]
async fn a_message_that_differs_fails_the_test_and_closes_with_1008() {
    let stage = recorded(&[r#"{"op":"login"}"#, r#"{"op":"buy","amount":1,"tags":["a"]}"#]).await;
    let (heard, error) = replayed(
        &stage,
        stage.recorder(Mode::Replay),
        &[text(r#"{"op":"login"}"#), text(r#"{"op":"buy","amount":2,"tags":["a"]}"#)],
    )
    .await;
    assert_eq!(heard[0], "ok");
    assert!(heard[1].starts_with("close 1008 traffic-recorder: message 2 is not on the tape"), "{heard:?}");
    assert!(error.starts_with("[miss] message 2 of 2 to http://127.0.0.1:"), "{error}");
    assert!(error.contains("message $.amount\n      recorded: 1\n      sent:     2\n"), "{error}");
    assert!(error.contains("would match with: ignore json $.amount") && error.contains("RECORD=1"), "{error}");
    assert!(!error.contains("$.op") && error.contains("get-127-0-0-1-talk") || error.contains(".yaml"), "{error}");
}

#[tokio::test]
async fn json_is_compared_as_json_and_by_the_rules_of_the_test() {
    let stage = recorded(&[r#"{"op":"buy","amount":1}"#]).await;
    let other = [text(r#"{ "amount": 1, "op": "buy" }"#)];
    let (heard, error) = replayed(&stage, stage.recorder(Mode::Replay), &other).await;
    assert_eq!((heard, error), (vec!["ok".to_owned()], String::new()), "the same by the canonical form");
    let ignoring = stage.recorder(Mode::Replay).rule("ignore json $.amount");
    let (heard, error) = replayed(&stage, ignoring, &[text(r#"{"op":"buy","amount":7}"#)]).await;
    assert_eq!((heard, error), (vec!["ok".to_owned()], String::new()));
}

#[tokio::test]
async fn one_message_more_than_recorded_is_a_miss() {
    let stage = recorded(&["one"]).await;
    let (heard, error) = replayed(&stage, stage.recorder(Mode::Replay), &[text("one"), text("two")]).await;
    assert!(heard[1].starts_with("close 1008"), "{heard:?}");
    assert!(
        error.contains("message 2 to http://") && error.contains("one more than the 1 that were recorded"),
        "{error}"
    );
    assert!(error.contains("recorded: (nothing)\n      sent:     ") && error.contains("two"), "{error}");
}

#[tokio::test]
async fn the_same_bytes_as_another_type_are_another_message() {
    let stage = recorded(&["one"]).await;
    let (heard, error) = replayed(&stage, stage.recorder(Mode::Replay), &[Message::binary("one")]).await;
    assert!(heard[0].starts_with("close 1008"), "{heard:?}");
    assert!(error.contains("recorded: text\n      sent:     binary"), "{error}");
}

#[tokio::test]
async fn a_second_conversation_is_a_second_take() {
    let stage = recorded(&["one"]).await;
    let tapes = stage.tapes(Mode::Replay);
    let proxy = tapes.proxy();
    drop(stage.open(&proxy, "/talk").await);
    let stream = tunnel(&proxy, &format!("127.0.0.1:{}", stage.port)).await;
    let refused = client_async(format!("ws://127.0.0.1:{}/talk", stage.port), stream).await.unwrap_err();
    assert!(matches!(&refused, Error::Http(answer) if answer.status() == 470), "{refused}");
    assert!(tapes.finish().unwrap_err().to_string().contains("recorded 1 answer"));
}
