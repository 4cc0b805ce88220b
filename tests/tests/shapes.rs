//! Shapes of traffic that are more than a request and an answer: GraphQL (R22), multipart (R16), event streams (R40), gRPC (R89).

use bytes::Bytes;
use recorder_tests::adapters::{Answer, Ask, Piece};
use recorder_tests::origin::{Gate, Reply};
use recorder_tests::{Bench, Run, over_all_adapters};

over_all_adapters!(
    r22_graphql_operations_at_one_url_are_told_apart,
    r22_the_diff_of_a_miss_names_the_operation,
    r16_multipart_forms_match_whatever_their_boundary,
    r16_another_part_is_another_request,
    r40_an_event_stream_reads_on_where_the_client_reconnects,
    r89_a_unary_call_keeps_message_and_trailers,
    r89_a_streaming_call_keeps_its_messages,
    r89_a_trailers_only_answer_keeps_its_status,
);

/// A GraphQL request.
fn graphql(run: &Run, query: &str, variables: &str) -> Ask {
    let name = query.split([' ', '(']).nth(1).unwrap_or_default();
    let body =
        format!(r#"{{"operationName":"{name}","query":"{}","variables":{variables}}}"#, query.replace('\n', "\\n"));
    Ask::post_json(run.url("/graphql"), body)
}

const USER: &str = "query User($id: ID!) { user(id: $id) { name } }";
const ORDERS: &str = "query Orders($id: ID!) { orders(user: $id) { total } }";

async fn r22_graphql_operations_at_one_url_are_told_apart(bench: Bench) {
    bench.origin.on("/graphql", |request| {
        let operation = if request.text().contains("Orders") { "orders" } else { "user" };
        Reply::json(format!(r#"{{"data":"{operation} {}"}}"#, request.nth))
    });
    let run = bench.record();
    for (query, id) in [(USER, 1), (ORDERS, 1), (USER, 2)] {
        run.must(graphql(&run, query, &format!(r#"{{"id":{id}}}"#))).await;
    }
    run.done();
    assert_eq!(bench.tapes().len(), 3);
    let run = bench.replay();
    // In another order, and laid out differently: what is asked for is the same.
    let spread = "query User($id: ID!) {\n  user(id: $id) {\n    name\n  }\n}";
    let mut told = Vec::new();
    for (query, id) in [(spread, 2), (ORDERS, 1), (USER, 1)] {
        told.push(run.must(graphql(&run, query, &format!(r#"{{ "id": {id} }}"#))).await.text());
    }
    assert_eq!(told, [r#"{"data":"user 3"}"#, r#"{"data":"orders 2"}"#, r#"{"data":"user 1"}"#]);
    run.done();
}

async fn r22_the_diff_of_a_miss_names_the_operation(bench: Bench) {
    bench.origin.answer("/graphql", Reply::json(r#"{"data":null}"#));
    let run = bench.record();
    run.must(graphql(&run, USER, r#"{"id":1}"#)).await;
    run.done();
    let run = bench.replay();
    assert!(run.send(graphql(&run, ORDERS, r#"{"id":1}"#)).await.is_err());
    let text = run.fault().to_string();
    assert!(text.contains("User") && text.contains("Orders") && text.contains("operation"), "{text}");
}

/// A form with a field and a file, as a client with this boundary sends it.
fn form(run: &Run, boundary: &str, note: &str) -> Ask {
    let inner = format!("in-{boundary}");
    let body = format!(
        "--{boundary}\r\ncontent-disposition: form-data; name=\"note\"\r\n\r\n{note}\r\n\
         --{boundary}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\n\
         content-type: application/octet-stream\r\n\r\n\u{0}\r\n\u{1} bytes\r\n\
         --{boundary}\r\ncontent-disposition: form-data; name=\"both\"\r\n\
         content-type: multipart/mixed; boundary={inner}\r\n\r\n--{inner}\r\n\r\nnested\r\n--{inner}--\r\n\r\n\
         --{boundary}--\r\n"
    );
    let media = format!("multipart/form-data; boundary={boundary}");
    Ask::new("POST", run.url("/upload")).header("content-type", media).body(body)
}

async fn r16_multipart_forms_match_whatever_their_boundary(bench: Bench) {
    bench.origin.answer("/upload", Reply::json(r#"{"stored":true}"#));
    let run = bench.record();
    let live = run.must(form(&run, "----first9b1c", "hello")).await;
    run.done();
    let run = bench.replay();
    run.must(form(&run, "----second7d0f33", "hello")).await.assert_same(&live);
    run.done();
}

async fn r16_another_part_is_another_request(bench: Bench) {
    bench.origin.answer("/upload", Reply::json(r#"{"stored":true}"#));
    let run = bench.record();
    run.must(form(&run, "----first9b1c", "hello")).await;
    run.done();
    let run = bench.replay();
    assert!(run.send(form(&run, "----first9b1c", "goodbye")).await.is_err());
    let text = run.fault().to_string();
    assert!(text.contains("note") && text.contains("hello") && text.contains("goodbye"), "{text}");
}

/// Reads events until the stream ends; the gates open as they are read.
async fn events(run: &Run, ask: Ask, gates: &[Gate]) -> Vec<Bytes> {
    let mut opened = run.client.open(ask).await.expect("an answer");
    let mut events = Vec::new();
    while let Some(piece) = opened.next().await {
        let Piece::Data(bytes) = piece.expect("an event") else { continue };
        if let Some(gate) = gates.get(events.len()) {
            gate.open();
        }
        events.extend(Some(bytes).filter(|bytes| !bytes.is_empty()));
    }
    events
}

async fn r40_an_event_stream_reads_on_where_the_client_reconnects(bench: Bench) {
    let gates = [Gate::closed()];
    let held = gates[0].clone();
    bench.origin.on("/events", move |request| {
        let reply = Reply::new(200).header("content-type", "text/event-stream").chunked();
        match request.header("last-event-id") {
            None => reply.piece("id: 1\ndata: one\n\n").wait(&held).piece("id: 2\ndata: two\n\n"),
            Some(id) => reply.piece(format!("id: 3\ndata: after {id}\n\n")),
        }
    });
    let program = async |run: &Run| {
        let first = events(run, Ask::get(run.url("/events")), &gates).await;
        let again = Ask::get(run.url("/events")).header("last-event-id", "2");
        (first, events(run, again, &[]).await)
    };
    let (live, replayed) = bench.twice(program).await;
    assert_eq!(live.0, ["id: 1\ndata: one\n\n", "id: 2\ndata: two\n\n"]);
    assert_eq!(live.1, ["id: 3\ndata: after 2\n\n"]);
    assert_eq!(replayed, live);
}

/// A message in gRPC's frame: not compressed, its length, its bytes.
fn message(bytes: &[u8]) -> Vec<u8> {
    [&[0][..], &(bytes.len() as u32).to_be_bytes(), bytes].concat()
}

fn call(run: &Run, method: &str, messages: &[&[u8]]) -> Ask {
    let ask = Ask::new("POST", run.url(&format!("/shop.v1.Orders/{method}")));
    let ask = ask.header("content-type", "application/grpc+proto").header("te", "trailers");
    ask.stream(messages.iter().map(|bytes| message(bytes)))
}

fn trailer(answer: &Answer, name: &str) -> Option<String> {
    let found = answer.trailers.iter().find(|(n, _)| n == name);
    found.map(|(_, value)| String::from_utf8_lossy(value).into_owned())
}

/// HTTP/1.1 has to announce trailers, gRPC's own HTTP/2 has not.
fn grpc(bench: &Bench) -> Reply {
    let reply = Reply::new(200).header("content-type", "application/grpc+proto").chunked();
    if bench.adapter.is_http2() { reply } else { reply.header("trailer", "grpc-status, grpc-message, detail-bin") }
}

async fn r89_a_unary_call_keeps_message_and_trailers(bench: Bench) {
    let reply =
        grpc(&bench).piece(message(b"\x08\x96\x01")).trailer("grpc-status", "0").trailer("detail-bin", "AAEC/w");
    bench.origin.answer("/shop.v1.Orders/Get", reply);
    let (live, replayed) = bench.twice(async |run: &Run| run.must(call(run, "Get", &[b"\x08\x01"])).await).await;
    replayed.assert_same(&live);
    assert_eq!(replayed.body(), message(b"\x08\x96\x01"));
    assert_eq!(trailer(&replayed, "grpc-status").as_deref(), Some("0"));
    assert_eq!(trailer(&replayed, "detail-bin").as_deref(), Some("AAEC/w"));
    // Another message is another call.
    let run = bench.replay();
    assert!(run.send(call(&run, "Get", &[b"\x08\x02"])).await.is_err());
    assert_eq!(run.fault().code(), "miss");
}

async fn r89_a_streaming_call_keeps_its_messages(bench: Bench) {
    let gates = [Gate::closed(), Gate::closed()];
    let reply = grpc(&bench).piece(message(b"one")).wait(&gates[0]).piece(message(b"two")).wait(&gates[1]);
    bench.origin.answer(
        "/shop.v1.Orders/Watch",
        reply.piece(message(b"")).trailer("grpc-status", "8").trailer("grpc-message", "enough"),
    );
    let program = async |run: &Run| {
        let mut opened = run.client.open(call(run, "Watch", &[b"from", b"to"])).await.expect("an answer");
        let (mut messages, mut status) = (Vec::new(), None);
        while let Some(piece) = opened.next().await {
            match piece.expect("a piece") {
                Piece::Data(bytes) if bytes.is_empty() => {}
                Piece::Data(bytes) => {
                    if let Some(gate) = gates.get(messages.len()) {
                        gate.open();
                    }
                    messages.push(bytes);
                }
                Piece::Trailers(trailers) => status = Some(trailers),
            }
        }
        (messages, status)
    };
    let (live, replayed) = bench.twice(program).await;
    assert_eq!(live.0, [message(b"one"), message(b"two"), message(b"")]);
    assert_eq!(replayed, live);
    let status = replayed.1.expect("trailers");
    assert!(status.contains(&("grpc-status".to_owned(), b"8".to_vec())), "{status:?}");
    assert_eq!(bench.origin.received()[0].body.as_deref(), Some(&[message(b"from"), message(b"to")].concat()[..]));
}

async fn r89_a_trailers_only_answer_keeps_its_status(bench: Bench) {
    let reply = Reply::new(200).header("content-type", "application/grpc+proto").header("grpc-status", "5");
    let reply = reply.header("grpc-message", "no%20such%20order");
    // HTTP/1.1 has to say that there is no body.
    let reply = if bench.adapter.is_http2() { reply.bodiless() } else { reply };
    bench.origin.answer("/shop.v1.Orders/Get", reply);
    let (live, replayed) = bench.twice(async |run: &Run| run.must(call(run, "Get", &[b"\x08\x09"])).await).await;
    replayed.assert_same(&live);
    assert_eq!(replayed.header("grpc-status"), Some("5"));
    assert!(replayed.body().is_empty() && replayed.trailers.is_empty());
}
