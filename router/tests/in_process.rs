//! A router in a program of one's own, with a client of one's own.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;

use bytes::Bytes;
use destination_router::client::{Body, BoxError, Client};
use destination_router::control::config::{self, Loaded};
use destination_router::control::running::Running;
use destination_router::control::{Options, Server, StartError};
use destination_router::log::LogError;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tower::util::BoxCloneSyncService;

const HOOK: &str = "
listen: 127.0.0.1:0
admin: {listen: 127.0.0.1:0}
sources: {shop: {write_keys: [fake-key], destinations: [hook]}}
destinations:
  hook: {type: webhook, actions: [{action: send, when: type = \"track\", mapping: {url: \"https://hook.test/in\"}}]}
";

fn loaded(folder: &Path, yaml: &str) -> Loaded {
    let file = folder.join("router.yaml");
    std::fs::write(&file, yaml).unwrap();
    config::load(&file, &[], &|_| None).unwrap()
}

/// Answers 200 to everything, and passes on where it was asked.
fn partner() -> (Client, mpsc::UnboundedReceiver<String>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let client = BoxCloneSyncService::new(tower::service_fn(move |request: Request<Full<Bytes>>| {
        sender.send(request.uri().to_string()).unwrap();
        async { Ok::<_, BoxError>(Response::new(Body::new(Full::default().map_err(|never| match never {})))) }
    }));
    (client, receiver)
}

/// Sends an event, and gives the status of the answer.
async fn track(server: &Server, id: &str) -> u16 {
    let body = format!(r#"{{"writeKey":"fake-key","userId":"u1","event":"Paid","messageId":"{id}"}}"#);
    let length = body.len();
    let head =
        format!("POST /v1/track HTTP/1.1\r\nhost: here\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
    let mut stream = TcpStream::connect(server.listen()).await.unwrap();
    stream.write_all((head + &body).as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn events_reach_the_client_that_was_given() {
    let folder = tempfile::tempdir().unwrap();
    let (client, mut asked) = partner();
    let options = Options { client: Some(client), ..Options::default() };
    let server = Server::start(loaded(folder.path(), HOOK), options).await.unwrap();

    assert_eq!(track(&server, "m-1").await, 200);

    assert_eq!(asked.recv().await.as_deref(), Some("https://hook.test/in"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_leaves_the_folder_and_the_ports_to_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(loaded(folder.path(), HOOK), Options::default()).await.unwrap();
    let (listen, data) = (server.listen(), folder.path().join("data"));
    assert_eq!(Running::read(&data).unwrap().admin, server.admin());

    server.stop().await;

    assert_eq!(Running::read(&data), None);
    assert!(TcpStream::connect(listen).await.is_err(), "nobody listens");
    let next = Server::start(loaded(folder.path(), HOOK), Options::default()).await.unwrap();
    assert_eq!(Running::read(&data).unwrap().listen, next.listen());
    next.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_router_on_the_folder_or_the_port_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(loaded(folder.path(), HOOK), Options::default()).await.unwrap();

    let same_folder = Server::start(loaded(folder.path(), HOOK), Options::default()).await;
    let elsewhere = tempfile::tempdir().unwrap();
    let yaml = HOOK.replacen("127.0.0.1:0", &server.listen().to_string(), 1);
    let same_port = Server::start(loaded(elsewhere.path(), &yaml), Options::default()).await;

    assert!(matches!(same_folder, Err(StartError::Log(LogError::InUse { .. }))), "{same_folder:?}");
    assert!(matches!(same_port, Err(StartError::Listen { key: "listen", .. })), "{same_port:?}");
    assert!(!elsewhere.path().join("data").exists(), "nothing is made for a router that does not start");
    server.stop().await;
}
