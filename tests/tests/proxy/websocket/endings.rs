//! How a conversation ends.

use super::*;

#[tokio::test]
async fn a_service_that_closes_does_so_with_its_code_and_reason() {
    let stage = Stage::new(service!(|socket| {
        socket.next().await;
        socket.send(text("last words")).await.unwrap();
        socket.close(Some(CloseFrame { code: 4001.into(), reason: "token expired".into() })).await.unwrap();
        while let Some(Ok(_)) = socket.next().await {}
    }))
    .await;
    let heard = stage
        .twice(|mut socket| async move {
            socket.send(text("hello")).await.unwrap();
            [next(&mut socket).await, next(&mut socket).await, next(&mut socket).await]
        })
        .await;
    assert_eq!(heard, ["last words", "close 4001 token expired", "end"]);
    assert!(
        stage.only_tape().contains("close: {by: server, code: 4001, reason: token expired}"),
        "{}",
        stage.only_tape()
    );
}

#[tokio::test]
async fn a_service_that_hangs_up_behind_its_close_frame_is_heard_to_the_end() {
    let stage = Stage::new(service!(|socket| {
        socket.next().await;
        socket.close(Some(CloseFrame { code: 1001.into(), reason: "going away".into() })).await.unwrap();
    }))
    .await;
    let heard = stage
        .twice(|mut socket| async move {
            socket.send(text("hello")).await.unwrap();
            // What the engine no longer reads must not cost the client what it has not read yet.
            socket.send(Message::binary(vec![0; 300_000])).await.unwrap();
            settle().await;
            (next(&mut socket).await, next(&mut socket).await)
        })
        .await;
    assert_eq!(heard, ("close 1001 going away".to_owned(), "end".to_owned()));
}

#[tokio::test]
async fn a_service_that_is_gone_without_a_word_is_gone_again() {
    for reset in [false, true] {
        let stage = Stage::new(move |mut socket: Served| -> Serving {
            Box::pin(async move {
                socket.send(text("hello")).await.unwrap();
                socket.next().await.unwrap().unwrap();
                if reset {
                    socket.get_ref().set_zero_linger().unwrap();
                }
            })
        })
        .await;
        let heard = stage
            .twice(|mut socket| async move {
                let hello = next(&mut socket).await;
                socket.send(text("go")).await.unwrap();
                (hello, next(&mut socket).await)
            })
            .await;
        let kind = if reset { "reset" } else { "closed" };
        assert!(heard.1.starts_with("broken"), "{kind}: {heard:?}");
        let tape = stage.only_tape();
        assert!(tape.contains(&format!("cut: {{kind: {kind}, message: ")) && !tape.contains("close:"), "{tape}");
    }
}

#[tokio::test]
async fn a_program_that_leaves_without_a_word_may_do_so_again() {
    let stage = Stage::new(service!(|socket| {
        socket.send(text("hello")).await.unwrap();
        while let Some(Ok(_)) = socket.next().await {}
    }))
    .await;
    stage.twice(|mut socket| async move { next(&mut socket).await }).await;
    assert!(stage.only_tape().contains("- received: {text: hello}\n  cut: caller"), "{}", stage.only_tape());
}

#[tokio::test]
async fn a_program_that_stops_early_leaves_the_rest_unused() {
    let stage = Stage::new(service!(|socket| {
        while let Some(Ok(message)) = socket.next().await {
            if message.is_text() {
                socket.send(message).await.unwrap();
            }
        }
    }))
    .await;
    let say = async |mut socket: Socket, messages: &[&str]| {
        for message in messages {
            socket.send(text(message)).await.unwrap();
            assert_eq!(next(&mut socket).await, *message);
        }
        socket
    };
    let tapes = stage.tapes(Mode::Record);
    leave(say(stage.open(&tapes.proxy_builder().start().unwrap(), "/talk").await, &["1", "2", "3"]).await).await;
    settle().await;
    tapes.finish().unwrap();
    for politely in [true, false] {
        let tapes = stage.tapes(Mode::Replay);
        let proxy = tapes.proxy();
        let socket = say(stage.open(&proxy, "/talk").await, &["1"]).await;
        if politely {
            assert_eq!(leave(socket).await, ["close 1000 done"]);
        }
        tapes.finish().unwrap();
    }
}

#[tokio::test]
async fn a_message_that_no_tape_holds_ends_the_recording_in_words() {
    for by_service in [true, false] {
        let stage = Stage::new(service!(|socket| {
            while let Some(Ok(message)) = socket.next().await {
                if message.is_text() {
                    socket.send(Message::binary(vec![0; (1 << 20) + 1])).await.unwrap();
                }
            }
        }))
        .await;
        let tapes = stage.tapes(Mode::Record);
        let proxy = tapes.proxy();
        let mut socket = stage.open(&proxy, "/talk").await;
        let said = if by_service { text("send it") } else { Message::binary(vec![0; (1 << 20) + 1]) };
        // The engine may have closed by the time that all of it is sent.
        let _ = socket.send(said).await;
        let heard = next(&mut socket).await;
        assert!(heard.starts_with("close 1009 traffic-recorder: no tape holds this"), "{heard}");
        let error = tapes.finish().unwrap_err();
        assert_eq!(error.code(), "conversation");
        let (error, who) = (error.to_string(), if by_service { "the service" } else { "the program" });
        assert!(error.contains(&format!("{who} sent a message of more than 1048576 bytes")), "{error}");
        assert!(error.contains("/talk") && error.contains("pass_through"), "{error}");
        assert!(!stage.folder().exists(), "nothing is saved");
    }
}

/// A service that reads the head of a request and says this, whatever was asked.
async fn answering(answer: &'static str) -> Stage {
    let stage = Stage::new(service!(|socket| { drop(socket.next().await) })).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            head(&mut stream).await;
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    Stage { port, ..stage }
}

#[tokio::test]
async fn a_service_that_says_no_is_taped_like_any_answer() {
    let stage =
        answering("HTTP/1.1 403 Forbidden\r\ncontent-type: text/plain\r\ncontent-length: 12\r\n\r\nnot for you!").await;
    let port = stage.port;
    for mode in [Mode::Record, Mode::Replay] {
        let tapes = stage.tapes(mode);
        let proxy = tapes.proxy();
        let stream = tunnel(&proxy, &format!("127.0.0.1:{port}")).await;
        let refused = client_async(format!("ws://127.0.0.1:{port}/talk"), stream).await.unwrap_err();
        let Error::Http(answer) = refused else { panic!("an answer: {refused}") };
        assert_eq!((answer.status().as_u16(), answer.body().as_deref()), (403, Some(&b"not for you!"[..])));
        tapes.finish().unwrap();
    }
    assert!(stage.only_tape().starts_with("tape: 1\n"), "{}", stage.only_tape());
}

#[tokio::test]
async fn a_service_that_does_not_prove_to_speak_websocket_is_a_protocol_error_each_time() {
    let stage = answering("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: x\r\n\r\n").await;
    let port = stage.port;
    for mode in [Mode::Record, Mode::Replay] {
        let tapes = stage.tapes(mode);
        let proxy = tapes.proxy();
        let stream = tunnel(&proxy, &format!("127.0.0.1:{port}")).await;
        assert!(client_async(format!("ws://127.0.0.1:{port}/talk"), stream).await.is_err());
        tapes.finish().unwrap();
    }
    assert!(stage.only_tape().contains("fault: {kind: protocol, message: "), "{}", stage.only_tape());
}

/// A handshake by hand, so that anything may be said after it.
async fn by_hand(stage: &Stage, proxy: &Proxy) -> TcpStream {
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    let handshake = format!(
        "GET http://127.0.0.1:{}/talk HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        stage.port
    );
    stream.write_all(handshake.as_bytes()).await.unwrap();
    let head = head(&mut stream).await;
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    stream
}

#[tokio::test]
async fn a_program_that_breaks_the_protocol_is_told_so_each_time() {
    let stage = Stage::new(service!(|socket| { while let Some(Ok(_)) = socket.next().await {} })).await;
    for mode in [Mode::Record, Mode::Replay] {
        let tapes = stage.tapes(mode);
        let proxy = tapes.proxy();
        let mut stream = by_hand(&stage, &proxy).await;
        // A text without a mask.
        stream.write_all(b"\x81\x01a").await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        assert_eq!(&answer[..1], b"\x88", "a close frame");
        assert_eq!(&answer[2..4], 1002u16.to_be_bytes());
        assert!(String::from_utf8_lossy(&answer[4..]).contains("a frame without a mask"), "{answer:?}");
        tapes.finish().unwrap();
    }
    assert!(stage.only_tape().contains("messages: []\n  cut: caller"), "{}", stage.only_tape());
}

#[tokio::test]
async fn a_service_that_breaks_the_protocol_is_a_conversation_that_broke_off() {
    let stage = Stage::new(service!(|socket| {
        socket.send(text("so far so good")).await.unwrap();
        socket.get_mut().write_all(b"\xff\xff\xff").await.unwrap();
        while let Some(Ok(_)) = socket.next().await {}
    }))
    .await;
    let heard = stage.twice(|mut socket| async move { (next(&mut socket).await, next(&mut socket).await) }).await;
    assert!(heard.0 == "so far so good" && heard.1.starts_with("broken"), "{heard:?}");
    let tape = stage.only_tape();
    assert!(tape.contains("cut: {kind: protocol, message: the service sent a frame"), "{tape}");
}

#[tokio::test]
async fn a_conversation_of_too_many_bytes_ends_the_recording_in_words() {
    let stage = Stage::new(service!(|socket| {
        for _ in 0..17 {
            socket.send(Message::binary(vec![0; 1 << 20])).await.unwrap();
        }
        while let Some(Ok(_)) = socket.next().await {}
    }))
    .await;
    let tapes = stage.tapes(Mode::Record);
    let proxy = tapes.proxy();
    let mut socket = stage.open(&proxy, "/talk").await;
    for _ in 0..16 {
        assert!(socket.next().await.unwrap().unwrap().is_binary());
    }
    assert!(next(&mut socket).await.starts_with("close 1009"));
    let error = tapes.finish().unwrap_err();
    assert!(error.code() == "conversation" && error.to_string().contains("16777216 bytes together"), "{error}");
}
