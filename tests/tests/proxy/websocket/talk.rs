//! What is said.

use super::*;

/// Repeats everything, JSON with a number.
async fn echo(mut socket: Served) {
    let mut count = 0;
    while let Some(Ok(message)) = socket.next().await {
        count += 1;
        let answer = match message {
            Message::Text(said) if said.starts_with('{') => text(&format!(r#"{{"nr":{count},"said":{said}}}"#)),
            Message::Text(_) | Message::Binary(_) => message,
            _ => continue,
        };
        socket.send(answer).await.unwrap();
    }
}

#[tokio::test]
async fn a_conversation_is_recorded_and_replayed_offline() {
    let stage = Stage::new(|socket| Box::pin(echo(socket))).await;
    let heard = stage
        .twice(|mut socket| async move {
            let mut heard = Vec::new();
            let binary = Message::binary(vec![0, 1, 254, 255]);
            for said in [text(r#"{"op":"hello","id":1}"#), text("two\nlines"), binary, text("")] {
                socket.send(said).await.unwrap();
                heard.push(next(&mut socket).await);
            }
            heard.extend(leave(socket).await);
            heard
        })
        .await;
    assert_eq!(
        heard,
        [r#"{"nr":1,"said":{"op":"hello","id":1}}"#, "two\nlines", r#"b"\0\x01\xfe\xff""#, "", "close 1000 done"]
    );
    let tape = stage.only_tape();
    assert!(tape.starts_with("tape: 2\n"), "{tape}");
    let said = "  messages:
  - sent: {json: {op: hello, id: 1}}
  - received: {json: {nr: 1, said: {op: hello, id: 1}}}
  - sent:
      text: |-
        two
        lines
  - received:
      text: |-
        two
        lines
  - sent: {base64: AAH+/w==}
  - received: {base64: AAH+/w==}
  - sent: {text: \"\"}
  - received: {text: \"\"}
  close: {by: client, code: 1000, reason: done}
  recorded: {at: ";
    assert!(tape.contains(said), "{tape}");
    for field in ["sec-websocket-key", "sec-websocket-accept"] {
        assert!(!tape.contains(field), "what is new each time is not kept: {tape}");
    }
}

#[tokio::test]
async fn every_way_to_the_engine_leads_to_the_same_tape() {
    let stage = Stage::new(|socket| Box::pin(echo(socket))).await;
    let service = format!("127.0.0.1:{}", stage.port);
    for mode in [Mode::Record, Mode::Replay] {
        let tapes = stage.tapes(mode);
        let proxy = tapes.proxy();
        let front = tapes.proxy_builder().upstream(format!("http://{service}")).start().unwrap();
        let reverse = TcpStream::connect(front.address()).await.unwrap();
        let reverse = client_async(format!("ws://{service}/talk"), Box::new(reverse) as Box<dyn Io>).await.unwrap().0;
        let mut ways = vec![stage.open(&proxy, "/talk").await, reverse];
        for scheme in ["ws", "http"] {
            let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
            let handshake = format!(
                "GET {scheme}://{service}/talk HTTP/1.1\r\nhost: {service}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
                 sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            );
            stream.write_all(handshake.as_bytes()).await.unwrap();
            let head = head(&mut stream).await;
            assert!(head.starts_with("HTTP/1.1 101"), "{head}");
            assert!(head.contains("sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "of this very key: {head}");
            let stream = Box::new(stream) as Box<dyn Io>;
            ways.push(WebSocketStream::from_raw_socket(stream, Role::Client, None).await);
        }
        for (n, mut socket) in ways.into_iter().enumerate() {
            // Which of the takes a connection gets is told by the order in which they began.
            socket.send(text(&format!("way {n}"))).await.unwrap();
            assert_eq!(next(&mut socket).await, format!("way {n}"));
            leave(socket).await;
        }
        settle().await;
        tapes.finish().unwrap();
    }
    assert_eq!(stage.hits(), 4);
    assert_eq!(stage.only_tape().matches("status: 101").count(), 4);
}

#[tokio::test]
async fn over_tls_the_engine_is_in_between_on_both_sides() {
    let stage = Stage::new(|socket| Box::pin(echo(socket))).await;
    let secure = Secure::before_port(stage.port, "localhost");
    let host = secure.url("").trim_start_matches("https://").to_owned();
    for mode in [Mode::Record, Mode::Replay] {
        let tapes = stage.tapes(mode);
        let proxy = tapes.proxy_builder().trust_pem(secure.pem()).unwrap().start().unwrap();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(rustls::pki_types::CertificateDer::from(proxy.ca_der().to_vec())).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config =
            rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_root_certificates(roots).with_no_client_auth();
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        let stream = connector.connect("localhost".try_into().unwrap(), tunnel(&proxy, &host).await).await.unwrap();
        let (mut socket, _) =
            client_async(format!("wss://{host}/talk"), Box::new(stream) as Box<dyn Io>).await.unwrap();
        socket.send(text("hidden")).await.unwrap();
        assert_eq!(next(&mut socket).await, "hidden");
        leave(socket).await;
        settle().await;
        tapes.finish().unwrap();
    }
    assert_eq!(stage.hits(), 1);
    assert!(stage.only_tape().contains(&format!("url: https://{host}/talk")), "{}", stage.only_tape());
}

#[tokio::test]
async fn a_service_that_speaks_first_does_so_again() {
    let stage = Stage::new(service!(|socket| {
        socket.send(text("welcome")).await.unwrap();
        socket.send(text("your turn")).await.unwrap();
        echo(socket).await;
    }))
    .await;
    let heard = stage
        .twice(|mut socket| async move {
            let mut heard = vec![next(&mut socket).await, next(&mut socket).await];
            socket.send(text("thanks")).await.unwrap();
            heard.push(next(&mut socket).await);
            leave(socket).await;
            heard
        })
        .await;
    assert_eq!(heard, ["welcome", "your turn", "thanks"]);
}

#[tokio::test]
async fn what_came_after_a_message_comes_after_that_message_again() {
    let stage = Stage::new(service!(|socket| {
        socket.send(text("a")).await.unwrap();
        for answers in [&["b", "c"][..], &[], &["d"]] {
            socket.next().await.unwrap().unwrap();
            for answer in answers {
                socket.send(text(answer)).await.unwrap();
            }
        }
        socket.next().await;
    }))
    .await;
    let heard = stage
        .twice(|mut socket| async move {
            let mut heard = Vec::new();
            for (say, answers) in [(None, 1), (Some("1"), 2), (Some("2"), 0), (Some("3"), 1)] {
                if let Some(say) = say {
                    socket.send(text(say)).await.unwrap();
                }
                for _ in 0..answers {
                    heard.push(next(&mut socket).await);
                }
                let early = tokio::time::timeout(Duration::from_millis(50), socket.next()).await;
                assert!(early.is_err(), "nothing comes before its turn: {early:?}");
            }
            leave(socket).await;
            heard
        })
        .await;
    assert_eq!(heard, ["a", "b", "c", "d"]);
    let order: Vec<_> =
        stage.only_tape().lines().filter_map(|line| Some(line.split_once("text: ")?.1.to_owned())).collect();
    assert_eq!(order, ["a}", "\"1\"}", "b}", "c}", "\"2\"}", "\"3\"}", "d}"]);
}

#[tokio::test]
async fn a_message_in_pieces_is_one_message_and_pings_are_answered() {
    use tokio_tungstenite::tungstenite::protocol::frame::Frame;
    use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
    let stage = Stage::new(service!(|socket| {
        let piece = |data: &str, code, last| Message::Frame(Frame::message(data.to_owned(), OpCode::Data(code), last));
        socket.send(piece("one ", Data::Text, false)).await.unwrap();
        socket.send(Message::Ping("are you there?".into())).await.unwrap();
        socket.send(piece("mess", Data::Continue, false)).await.unwrap();
        socket.send(piece("age", Data::Continue, true)).await.unwrap();
        while let Some(Ok(_)) = socket.next().await {}
    }))
    .await;
    let heard = stage
        .twice(|mut socket| async move {
            let heard = next(&mut socket).await;
            socket.send(Message::Ping("and you?".into())).await.unwrap();
            let pong = loop {
                if let Message::Pong(data) = socket.next().await.unwrap().unwrap() {
                    break data;
                }
            };
            leave(socket).await;
            (heard, pong)
        })
        .await;
    assert_eq!(heard, ("one message".to_owned(), "and you?".into()));
    let tape = stage.only_tape();
    assert!(tape.contains("messages:\n  - received: {text: one message}\n  close:"), "{tape}");
}

#[tokio::test]
async fn large_messages_pass_both_ways_at_once_and_lie_beside_the_tape() {
    let stage = Stage::new(service!(|socket| {
        for _ in 0..4 {
            socket.send(Message::binary(vec![7; 1 << 20])).await.unwrap();
        }
        echo(socket).await;
    }))
    .await;
    let heard = stage
        .twice(|mut socket| async move {
            // It speaks to its end before it listens.
            for _ in 0..4 {
                socket.send(Message::binary(vec![8; 1 << 20])).await.unwrap();
            }
            let mut sizes = Vec::new();
            for _ in 0..8 {
                sizes.push(socket.next().await.unwrap().unwrap().len());
            }
            socket.close(None).await.unwrap();
            sizes
        })
        .await;
    assert_eq!(heard, [1 << 20; 8]);
    let files = std::fs::read_dir(stage.folder()).unwrap().count();
    assert_eq!(files, 3, "the tape and one file for all messages of the same bytes");
}

#[tokio::test]
async fn the_protocol_is_part_of_the_question() {
    let stage = Stage::new(|socket| Box::pin(echo(socket))).await;
    let open = async |proxy: &Proxy, protocols: &str| {
        let url = format!("ws://127.0.0.1:{}/talk", stage.port);
        let mut request = url.into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", protocols.parse().unwrap());
        let stream = tunnel(proxy, &format!("127.0.0.1:{}", stage.port)).await;
        client_async(request, stream).await
    };
    for mode in [Mode::Record, Mode::Replay] {
        let tapes = stage.tapes(mode);
        let proxy = tapes.proxy();
        for (protocols, chosen) in [("chat.v1, chat.v2", "chat.v2"), ("graphql-ws", "graphql-ws")] {
            let (socket, response) = open(&proxy, protocols).await.unwrap();
            assert_eq!(response.headers()["sec-websocket-protocol"], chosen);
            leave(socket).await;
        }
        settle().await;
        tapes.finish().unwrap();
    }
    assert_eq!((stage.hits(), std::fs::read_dir(stage.folder()).unwrap().count()), (2, 2));
    let tapes = stage.recorder(Mode::Replay).unused(traffic_recorder::UnusedRule::Allow).open().unwrap();
    let refused = open(&tapes.proxy(), "other").await.unwrap_err();
    assert!(matches!(&refused, Error::Http(answer) if answer.status() == 470), "{refused}");
    let miss = tapes.finish().unwrap_err().to_string();
    assert!(miss.contains("header sec-websocket-protocol") && miss.contains("sent:     other"), "{miss}");
}
