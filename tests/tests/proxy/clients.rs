//! Who can use the engine, and that nothing of it is global: R91.

use std::process::Command;

use recorder_tests::origin::Reply;
use reqwest_0_13 as reqwest;
use traffic_recorder::Mode;

use crate::{Stage, curl};

#[tokio::test]
async fn r91_a_plain_reqwest_client_is_served_over_tls_of_the_run() {
    let stage = Stage::new();
    for mode in [Mode::Record, Mode::Replay] {
        let tapes = stage.tapes(mode);
        let client = {
            let proxy = stage.proxy(&tapes);
            // The guard may go: the client keeps the engine.
            proxy.reqwest_client_builder(reqwest::Client::builder()).build().unwrap()
        };
        let answer = client.get(stage.secure.url("/json")).send().await.unwrap();
        assert_eq!(answer.text().await.unwrap(), r#"{"id":9007199254740993,"b":1.0,"a":1,"a":2}"#);
        tapes.finish().unwrap();
    }
    assert_eq!(stage.origin.hits(), 1);
    assert!(stage.only_tape().contains("url: https://localhost"), "{}", stage.only_tape());
}

#[test]
fn r91_a_blocking_client_is_served_without_a_runtime() {
    let stage = Stage::new();
    let body = stage.twice(|proxy| {
        let client = proxy.reqwest_blocking_client_builder(reqwest::blocking::Client::builder()).build().unwrap();
        let plain = client.get(stage.origin.url("/ok")).send().unwrap().text().unwrap();
        (plain, client.get(stage.secure.url("/ok")).send().unwrap().text().unwrap())
    });
    assert_eq!(body, ("ok".to_owned(), "ok".to_owned()));
}

#[test]
fn r91_curl_is_served_as_a_program_of_its_own() {
    let stage = Stage::new();
    if curl(&["--version"]).is_none() {
        return;
    }
    let version = stage.twice(|proxy| {
        let ca = proxy.ca_file().unwrap();
        let ca = ca.to_str().unwrap();
        let get = |url: &str, more: &[&str]| {
            let args = [&["--noproxy", "", "--proxy", proxy.url(), "--cacert", ca], more, &[url]].concat();
            curl(&args).unwrap()
        };
        assert_eq!(get(&stage.origin.url("/ok"), &[]), (0, "ok".to_owned()));
        // Without TLS in a tunnel, as some clients do.
        assert_eq!(get(&stage.origin.url("/ok/tunnel"), &["--proxytunnel"]), (0, "ok".to_owned()));
        assert_eq!(get(&stage.secure.url("/ok"), &["--http1.1"]), (0, "ok".to_owned()));
        let two = get(&stage.secure.url("/ok/two"), &["--http2", "--write-out", " %{http_version}"]);
        let strangers = curl(&["--noproxy", "", "--proxy", proxy.url(), &stage.secure.url("/ok")]).unwrap();
        assert_eq!(strangers.0, 60, "who does not trust this run is not served: {}", strangers.1);
        two
    });
    assert_eq!(version, (0, "ok 2".to_owned()));
}

#[test]
fn r91_nothing_about_the_engine_is_global_to_the_process() {
    let stage = Stage::new();
    let before: Vec<_> = std::env::vars_os().collect();
    let (one, other) = (stage.tapes(Mode::Off), stage.tapes(Mode::Replay));
    let (mine, theirs) = (stage.proxy(&one), stage.proxy(&other));
    assert_ne!(mine.ca_pem(), theirs.ca_pem(), "each has an authority of its own");
    assert_ne!(mine.url(), theirs.url());
    let file = mine.ca_file().unwrap();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), mine.ca_pem());
    let client = mine.reqwest_blocking_client_builder(reqwest::blocking::Client::builder()).build().unwrap();
    assert_eq!(client.get(stage.secure.url("/ok")).send().unwrap().text().unwrap(), "ok");
    // A client of another engine does not trust this one.
    let stranger = theirs.reqwest_blocking_client_builder(reqwest::blocking::Client::builder());
    let stranger = stranger.proxy(reqwest::Proxy::all(mine.url()).unwrap()).build().unwrap();
    drop(stranger);
    assert_eq!(std::env::vars_os().collect::<Vec<_>>(), before);
    assert!(rustls::crypto::CryptoProvider::get_default().is_none(), "no provider was installed");
    let address = mine.address();
    drop((client, mine));
    assert!(!file.exists() && std::net::TcpStream::connect(address).is_err(), "it ends with its guard");
    one.finish().unwrap();
    other.finish().unwrap();
}

#[test]
fn a_service_is_played_in_front_of_clients_that_know_no_proxy() {
    let stage = Stage::new();
    stage.origin.on("/v1/ok", |request| Reply::text(format!("host {}", request.header("host").unwrap_or_default())));
    if curl(&["--version"]).is_none() {
        return;
    }
    for mode in [Mode::Record, Mode::Replay] {
        let tapes = stage.tapes(mode);
        let service = stage.secure.url("/v1/");
        let socket = stage.dir.path().join("engine.sock");
        let proxy = tapes.proxy_builder().trust_pem(stage.secure.pem()).unwrap().upstream(&service);
        let proxy = proxy.unix_socket(&socket).start().unwrap();
        let host = service.trim_start_matches("https://").trim_end_matches("/v1/");
        let expected = (0, format!("host {host}"));
        let url = format!("{}/ok?by=one", proxy.url());
        assert_eq!(curl(&["--noproxy", "*", &url]).unwrap(), expected);
        let two = ["--noproxy", "*", "--http2-prior-knowledge", "--write-out", " %{http_version}"];
        let answer = curl(&[&two[..], &[&format!("{}/ok?by=two", proxy.url())]].concat()).unwrap();
        assert!(answer.1.ends_with(" 2"), "{answer:?}");
        let by_socket =
            ["--noproxy", "*", "--unix-socket", socket.to_str().unwrap(), "http://any.example/ok?by=socket"];
        assert_eq!(curl(&by_socket).unwrap(), expected);
        drop(proxy);
        assert!(!socket.exists(), "the socket goes with the guard");
        tapes.finish().unwrap();
    }
    assert_eq!(stage.origin.hits(), 3);
}

#[test]
fn a_request_to_the_engine_itself_says_what_it_is() {
    let stage = Stage::new();
    let tapes = stage.tapes(Mode::Replay);
    let proxy = tapes.proxy();
    let (_, text) = match curl(&["--noproxy", "*", &format!("{}/", proxy.url())]) {
        Some(answer) => answer,
        None => return,
    };
    assert!(text.contains("this is the recorder itself") && text.contains("curl -x"), "{text}");
    let (_, pem) = curl(&["--noproxy", "", "--proxy", proxy.url(), "http://tapes.control/ca.pem"]).unwrap();
    assert_eq!(pem, proxy.ca_pem());
    tapes.finish().unwrap();
}

/// OpenSSL's strict checks, which Python turns on.
#[test]
fn the_certificates_pass_the_strict_checks_of_openssl() {
    let stage = Stage::new();
    let tapes = stage.tapes(Mode::Off);
    let proxy = stage.proxy(&tapes);
    let ca = proxy.ca_file().unwrap();
    let port = stage.secure.url("").trim_start_matches("https://localhost:").to_owned();
    let connect = format!("localhost:{port}");
    let mut openssl = Command::new("openssl");
    openssl.args(["s_client", "-proxy", &proxy.address().to_string(), "-connect", &connect, "-x509_strict"]);
    openssl.args(["-verify_return_error", "-verify_hostname", "localhost", "-CAfile"]).arg(&ca);
    let Ok(output) = openssl.stdin(std::process::Stdio::null()).output() else {
        assert!(std::env::var_os("CI").is_none(), "there is no openssl");
        println!("skipped: there is no openssl");
        return;
    };
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(text.contains("Verify return code: 0 (ok)"), "{text}");
    tapes.finish().unwrap();
}
