//! What must not stand in a tape.

use super::*;

/// Grants a token and wants it back.
async fn doorman(mut socket: Served) {
    while let Some(Ok(message)) = socket.next().await {
        let Message::Text(said) = message else { continue };
        let granted = r#"{"access_token":"fake-granted-5f3a9c","for":"you"}"#;
        let answer = match said.as_str() {
            said if said.contains("login") => granted.to_owned(),
            said => format!("heard {said}"),
        };
        socket.send(text(&answer)).await.unwrap();
    }
}

#[tokio::test]
async fn secrets_are_replaced_in_messages_of_both_sides_and_match_again() {
    let stage = Stage::new(|socket| Box::pin(doorman(socket))).await;
    for (mode, password) in [(Mode::Record, "fake-hunter-2"), (Mode::Replay, "{{secret:password-1}}")] {
        let tapes = stage.tapes(mode);
        let proxy = tapes.proxy();
        let mut socket = stage.open(&proxy, "/talk").await;
        // Whoever replays has no password: what stands in its place matches, too.
        socket.send(text(&format!(r#"{{"op":"login","password":"{password}"}}"#))).await.unwrap();
        let granted = next(&mut socket).await;
        let token = granted.split('"').nth(3).unwrap().to_owned();
        socket.send(text(&format!("show me what {token} may see"))).await.unwrap();
        assert_eq!(next(&mut socket).await, format!("heard show me what {token} may see"));
        leave(socket).await;
        settle().await;
        tapes.finish().unwrap();
    }
    let tape = stage.only_tape();
    assert!(!tape.contains("fake-"), "{tape}");
    assert!(tape.contains(r#"sent: {json: {op: login, password: "{{secret:password-1}}"}}"#), "{tape}");
    assert!(tape.contains(r#"received: {json: {access_token: "{{secret:access_token-1}}", for: you}}"#), "{tape}");
    assert!(tape.contains(r#"sent: {text: "show me what {{secret:access_token-1}} may see"}"#), "{tape}");
}

#[tokio::test]
async fn another_password_has_the_same_placeholder_while_replaying() {
    let stage = Stage::new(|socket| Box::pin(doorman(socket))).await;
    for (mode, password) in [(Mode::Record, "fake-hunter-2"), (Mode::Replay, "fake-other-3")] {
        let tapes = stage.tapes(mode);
        let proxy = tapes.proxy();
        let mut socket = stage.open(&proxy, "/talk").await;
        socket.send(text(&format!(r#"{{"op":"login","password":"{password}"}}"#))).await.unwrap();
        assert!(next(&mut socket).await.contains("access_token"));
        leave(socket).await;
        settle().await;
        tapes.finish().unwrap();
    }
}

#[tokio::test]
async fn a_registered_value_is_found_and_given_back_where_the_session_reveals() {
    use traffic_recorder::Reveal;
    let stage = Stage::new(|socket| Box::pin(doorman(socket))).await;
    for mode in [Mode::Record, Mode::Replay] {
        let tapes = stage.recorder(mode).reveal(Reveal::Value).open().unwrap();
        tapes.register_secret("KEY", "fake-registered-7").unwrap();
        let proxy = tapes.proxy();
        let mut socket = stage.open(&proxy, "/talk").await;
        socket.send(text("my key is fake-registered-7")).await.unwrap();
        assert_eq!(next(&mut socket).await, "heard my key is fake-registered-7");
        leave(socket).await;
        settle().await;
        tapes.finish().unwrap();
    }
    let tape = stage.only_tape();
    assert!(tape.contains(r#"received: {text: "heard my key is {{secret:KEY}}"}"#), "{tape}");
}

#[tokio::test]
async fn the_gate_stops_at_a_message_and_names_it() {
    let stage = Stage::new(|socket| Box::pin(doorman(socket))).await;
    let tapes = stage.tapes(Mode::Record);
    let proxy = tapes.proxy();
    let mut socket = stage.open(&proxy, "/talk").await;
    socket.send(text("hello")).await.unwrap();
    next(&mut socket).await;
    let token = format!("ghp_{}", "fake0".repeat(8)).chars().take(40).collect::<String>();
    socket.send(text(&format!("by the way, {token}"))).await.unwrap();
    next(&mut socket).await;
    leave(socket).await;
    settle().await;
    let error = tapes.finish().unwrap_err();
    assert_eq!(error.code(), "leak");
    assert!(error.to_string().contains("takes[0].messages[2].body") && !error.to_string().contains(&token), "{error}");
    assert!(!stage.folder().exists(), "nothing is saved");
}
