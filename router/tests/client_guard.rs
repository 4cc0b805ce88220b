//! Requests that are aimed inside, and those that are sent elsewhere; TLS.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use axum::Router;
use axum::extract::Request as Asked;
use bytes::Bytes;
use destination_router::client::{AllowInternal, Answer, Client, Failure, Options, SendTo, exchange, open};
use http::{Request, Uri};
use tokio::net::TcpListener;

/// A server on loopback that answers with what it was asked.
async fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let answer = |request: Asked| async move {
        let host = request.headers()["host"].to_str().unwrap().to_owned();
        format!("{} {} {host}", request.method(), request.uri())
    };
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    at
}

fn client() -> Client {
    open(&Options::default()).unwrap()
}

async fn ask(client: &Client, request: Request<Bytes>) -> Result<Answer, Failure> {
    exchange(client, request, Duration::from_secs(20), 100_000).await
}

fn get(url: &str) -> Request<Bytes> {
    Request::get(url).body(Bytes::new()).unwrap()
}

#[tokio::test]
async fn internal_addresses_are_refused_in_every_spelling() {
    let port = echo().await.port();
    for host in
        ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "127.1", "2130706433", "0x7f000001"]
    {
        let failure = ask(&client(), get(&format!("http://{host}:{port}/"))).await.unwrap_err();
        // What the resolver of this machine does not take for an address does not resolve.
        let numeric = host.parse::<f64>().is_ok() || host.starts_with("0x");
        let unknown = numeric && matches!(failure, Failure::Connect(_));
        assert!(matches!(&failure, Failure::Internal(named) if named == host) || unknown, "{host}: {failure}");
    }
    let metadata = ask(&client(), get("http://169.254.169.254/latest/meta-data")).await.unwrap_err();
    assert_eq!(
        metadata.to_string(),
        "169.254.169.254 is an internal address: set `allow_internal: true` on this destination if that is meant"
    );
}

#[tokio::test]
async fn a_request_that_may_goes_inside_and_opens_no_way_for_others() {
    let (at, client) = (echo().await, client());
    for url in [format!("http://{at}/a"), format!("http://localhost:{}/a", at.port())] {
        let mut request = get(&url);
        request.extensions_mut().insert(AllowInternal);
        assert_eq!(ask(&client, request).await.unwrap().status, 200);
        // The connection is still open.
        assert!(matches!(ask(&client, get(&url)).await, Err(Failure::Internal(_))));
    }
}

#[tokio::test]
async fn a_request_for_a_partner_reaches_the_stand_in() {
    let at = echo().await;
    let to = SendTo::origin(&format!("http://{at}").parse::<Uri>().unwrap()).unwrap();
    let mut request = get("https://api.partner.example/import?strict=1");
    request.extensions_mut().insert(to.clone());
    let answer = ask(&client(), request).await.unwrap();
    assert_eq!(&answer.body[..], b"GET /import?strict=1 api.partner.example");
    let mut request = get("http://10.0.0.1/hook");
    request.extensions_mut().insert(to);
    let refused = ask(&client(), request).await;
    assert!(
        matches!(refused, Err(Failure::Internal(_))),
        "a stand-in shows what the partner's address would have done"
    );
}

#[test]
fn a_file_without_certificates_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.pem");
    let certificates = Some(path.clone());
    let options = Options { certificates, ..Options::default() };
    let absent = open(&options).unwrap_err().to_string();
    assert!(absent.contains("ca.pem") && absent.contains("give a PEM file"), "{absent}");
    std::fs::write(&path, "no certificate").unwrap();
    assert!(open(&options).unwrap_err().to_string().contains("there is none in it"));
    std::fs::write(&path, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    assert!(open(&options).is_err());
}

#[tokio::test]
async fn what_speaks_no_tls_is_no_connection() {
    let at = echo().await;
    let mut request = get(&format!("https://{at}/"));
    request.extensions_mut().insert(AllowInternal);
    let failure = ask(&client(), request).await.unwrap_err();
    assert!(matches!(failure, Failure::Connect(_)), "{failure}");
}

/// OpenSSL's test server; it ends with the test.
struct TlsServer(Child);

impl Drop for TlsServer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn openssl(folder: &Path, arguments: &str) -> Command {
    let mut command = Command::new("openssl");
    command.args(arguments.split_whitespace()).current_dir(folder);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

#[tokio::test]
async fn certificates_are_verified_and_an_authority_of_one_s_own_can_be_added() {
    let folder = tempfile::tempdir().unwrap();
    let make = "req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=localhost \
                -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE";
    match openssl(folder.path(), make).status() {
        Ok(status) => assert!(status.success(), "openssl made no certificate"),
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "openssl is missing: {error}");
            eprintln!("skipped: openssl is missing: {error}");
            return;
        }
    }
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let serve = format!("s_server -accept 127.0.0.1:{port} -cert cert.pem -key key.pem -www -quiet");
    let _server = TlsServer(openssl(folder.path(), &serve).spawn().unwrap());
    while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let asked = |host: &str| {
        let mut request = get(&format!("https://{host}:{port}/"));
        request.extensions_mut().insert(AllowInternal);
        request
    };
    let failure = ask(&client(), asked("localhost")).await.unwrap_err();
    assert!(matches!(&failure, Failure::Connect(text) if text.contains("certificate")), "{failure}");
    let trusting = open(&Options { certificates: Some(folder.path().join("cert.pem")), ..Options::default() }).unwrap();
    assert_eq!(ask(&trusting, asked("localhost")).await.unwrap().status, 200);
    let failure = ask(&trusting, asked("127.0.0.1")).await.unwrap_err();
    assert!(matches!(failure, Failure::Connect(_)), "a certificate for another name: {failure}");
}
