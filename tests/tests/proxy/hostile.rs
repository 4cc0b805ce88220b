//! The engine as a target.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use recorder_tests::origin::{Reply, pattern};
use recorder_tests::secure::Secure;
use reqwest_0_13 as reqwest;
use traffic_recorder::{Mode, Recorder};

use crate::{Stage, curl, say};

#[test]
fn oversized_heads_are_refused_and_cost_no_memory() {
    let stage = Stage::new();
    let tapes = stage.tapes(Mode::Record);
    let proxy = stage.proxy(&tapes);
    let start = format!("GET {} HTTP/1.1\r\nhost: x\r\n", stage.origin.url("/ok"));
    let long = format!("{start}x-long: {}\r\n\r\n", "a".repeat(1 << 20));
    let many = format!("{start}{}\r\n", "x-many: 1\r\n".repeat(5000));
    for request in [long, many] {
        let mut stream = TcpStream::connect(proxy.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        // It hangs up on who goes on.
        let _ = stream.write_all(request.as_bytes());
        let mut answer = [0; 64];
        let n = stream.read(&mut answer).unwrap_or(0);
        let answer = String::from_utf8_lossy(&answer[..n]);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    }
    let answer = say(&proxy, format!("{start}connection: close\r\n\r\n").as_bytes());
    assert!(answer.ends_with("ok"), "others are served: {answer}");
    assert_eq!(stage.origin.hits(), 1);
    tapes.finish().unwrap();
}

#[test]
fn a_client_that_takes_its_time_over_a_head_is_not_waited_for() {
    let stage = Stage::new();
    let tapes = stage.tapes(Mode::Replay);
    let proxy = tapes.proxy_builder().head_limit(Duration::from_millis(300)).start().unwrap();
    let connect = "CONNECT a.example:443 HTTP/1.1\r\nhost: a.example:443\r\n\r\n";
    for opening in ["GET http://a.example/ HTTP/1.1\r\nx-slow: ", connect] {
        let mut stream = TcpStream::connect(proxy.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream.write_all(opening.as_bytes()).unwrap();
        let started = Instant::now();
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        assert!(started.elapsed() < Duration::from_secs(5), "{opening:?} was waited for");
    }
    tapes.finish().unwrap();
}

#[test]
fn a_tunnel_to_a_host_off_the_list_reaches_nobody() {
    let stage = Stage::new();
    std::fs::create_dir_all(stage.folder().parent().unwrap()).unwrap();
    let config = stage.folder().parent().unwrap().join("recorder.yaml");
    std::fs::write(config, "record: {hosts: [\"*.sandbox.example.com\"]}\n").unwrap();
    let tapes = stage.tapes(Mode::Record);
    let proxy = stage.proxy(&tapes);
    let client = proxy.reqwest_blocking_client_builder(reqwest::blocking::Client::builder()).build().unwrap();
    let answer = client.get(stage.secure.url("/ok")).send().unwrap();
    assert_eq!((answer.status().as_u16(), &answer.headers()["x-tapes-error"]), (470, &"guard".parse().unwrap()));
    assert!(answer.text().unwrap().contains("GET localhost was not sent"));
    assert_eq!((stage.origin.connections(), stage.origin.hits()), (0, 0));
    assert_eq!(tapes.finish().unwrap_err().code(), "guard");
}

/// Forms that two readers of a message may read differently: each is refused, or sent on as what the engine read.
#[test]
fn what_can_be_read_as_two_requests_is_never_sent_on_as_such() {
    let stage = Stage::new();
    let url = stage.origin.url("/seen");
    let smuggled = "GET /smuggled HTTP/1.1\r\nhost: x\r\n\r\n";
    let post = |fields: &str, body: &str| format!("POST {url} HTTP/1.1\r\nhost: x\r\n{fields}\r\n\r\n{body}");
    let both = post("content-length: 4\r\ntransfer-encoding: chunked", &format!("0\r\n\r\n{smuggled}"));
    let refused = [
        ("two lengths", post("content-length: 3\r\ncontent-length: 5", "hello")),
        ("a list of lengths", post("content-length: 3, 5", "hello")),
        ("a length with a sign", post("content-length: +5", "hello")),
        ("an odd coding", post("transfer-encoding: xchunked", &format!("0\r\n\r\n{smuggled}"))),
        ("chunked is not last", post("transfer-encoding: chunked, identity", &format!("0\r\n\r\n{smuggled}"))),
        ("a space before the colon", post("content-length : 5", "hello")),
        ("a folded line", post("x-a: 1\r\n folded: 2\r\ncontent-length: 5", "hello")),
        ("a NUL in a value", post("x-a: 1\0\r\ncontent-length: 5", "hello")),
        ("a lone CR in a value", post("x-a: 1\rcontent-length: 0\r\ncontent-length: 5", "hello")),
        ("a chunk size that wraps", post("transfer-encoding: chunked", "10000000000000005\r\nhello\r\n0\r\n\r\n")),
        ("a space in the target", format!("GET {url} /x HTTP/1.1\r\nhost: x\r\n\r\n")),
    ];
    for (what, request) in &refused {
        let tapes = stage.tapes(Mode::Record);
        let answer = say(&stage.proxy(&tapes), request.as_bytes());
        let statuses: Vec<&str> = answer.split("HTTP/1.1 ").skip(1).map(|rest| &rest[..3]).collect();
        // What is wrong with a body shows while it is sent on: the client is hung up on.
        assert!(statuses == ["400"] || (*what == "a chunk size that wraps" && answer.is_empty()), "{what}: {answer}");
        drop(tapes.finish());
    }
    assert_eq!(stage.origin.hits(), 0, "{:?}", stage.origin.received());
    // A length beside chunks: the chunks count (RFC 9112 §6.3), one framing alone goes on, and what follows is not answered.
    let tapes = stage.tapes(Mode::Record);
    let before = stage.origin.hits();
    say(&stage.proxy(&tapes), both.as_bytes());
    drop(tapes.finish());
    for request in &stage.origin.received()[before..] {
        assert!(
            request.header("content-length").is_none() || request.header("transfer-encoding").is_none(),
            "{request:?}"
        );
    }
    // Lines may end with LF alone (RFC 9112 §2.2); what goes on ends with CRLF, as hyper writes it.
    let bare = format!("GET {} HTTP/1.1\nhost: x\nconnection: close\n\n", stage.origin.url("/ok/bare"));
    let tapes = stage.tapes(Mode::Record);
    let answer = say(&stage.proxy(&tapes), bare.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 200") || answer.starts_with("HTTP/1.1 400"), "{answer}");
    drop(tapes.finish());
    assert!(stage.origin.received().iter().all(|request| !request.target.contains("smuggled")));
}

#[test]
fn odd_targets_are_refused_with_a_reason() {
    let stage = Stage::new();
    let tapes = stage.tapes(Mode::Record);
    let proxy = stage.proxy(&tapes);
    for (line, says) in [
        ("GET http://ann:not-real@a.example/ HTTP/1.1", "credentials"),
        ("GET ftp://a.example/ HTTP/1.1", "neither http nor https"),
        ("CONNECT a.example HTTP/1.1", "host:port"),
        ("CONNECT ann:not-real@a.example:443 HTTP/1.1", "credentials"),
        ("GET / HTTP/1.1", "this is the recorder itself"),
    ] {
        let answer = say(&proxy, format!("{line}\r\nhost: a.example\r\nconnection: close\r\n\r\n").as_bytes());
        assert!(answer.starts_with("HTTP/1.1 4") && answer.contains(says), "{line}: {answer}");
    }
    tapes.finish().unwrap();
}

#[test]
fn r41_a_certificate_that_does_not_verify_is_a_tls_fault_on_the_tape() {
    let stage = Stage::new();
    // The authority is known, the name is another.
    let elsewhere = Secure::before(&stage.origin, "elsewhere.example");
    for (trusted, service) in [(None, &stage.secure), (Some(elsewhere.pem()), &elsewhere)] {
        let folder = stage.dir.path().join("tapes").join(if trusted.is_some() { "name" } else { "authority" });
        let failure = |mode| {
            let tapes = Recorder::at(&folder).mode(mode).open().unwrap();
            let proxy = tapes.proxy_builder();
            let proxy = if let Some(pem) = trusted { proxy.trust_pem(pem).unwrap() } else { proxy };
            let proxy = proxy.start().unwrap();
            let client = proxy.reqwest_blocking_client_builder(reqwest::blocking::Client::builder()).build().unwrap();
            let error = client.get(service.url("/ok")).send().unwrap_err();
            drop((client, proxy));
            tapes.finish().unwrap();
            (error.is_connect(), error.is_timeout(), error.is_request())
        };
        assert_eq!(failure(Mode::Record), failure(Mode::Replay));
        let tape = std::fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
        let tape = std::fs::read_to_string(tape).unwrap();
        assert!(tape.contains("kind: tls") && tape.contains("certificate"), "{tape}");
    }
    assert_eq!(stage.origin.hits(), 0, "nothing was said to whom nobody knows");
}

/// The body of the memory test, in MiB; a build without optimisation gets a smaller one, still far larger than what may be held.
const LARGE: u64 = if cfg!(debug_assertions) { 60 } else { 2048 };

#[test]
fn r80_a_body_of_gigabytes_passes_in_constant_memory() {
    let this = std::env::current_exe().unwrap();
    let test = ["hostile::alone_a_large_body_passes", "--exact", "--ignored", "--nocapture"];
    let output = std::process::Command::new(this).args(test).output().unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[test]
#[ignore = "in a process of its own: r80_a_body_of_gigabytes_passes_in_constant_memory"]
fn alone_a_large_body_passes() {
    let stage = Stage::new();
    let size = LARGE << 20;
    stage.origin.answer("/large", Reply::new(200).header("content-type", "application/octet-stream").pattern(size));
    let mut peaks = Vec::new();
    for mode in [Mode::Record, Mode::Replay] {
        let tapes = stage.tapes(mode);
        let proxy = stage.proxy(&tapes);
        let client =
            proxy.reqwest_blocking_client_builder(reqwest::blocking::Client::builder().timeout(None)).build().unwrap();
        let mut answer = client.get(stage.origin.url("/large")).send().unwrap();
        let (mut buffer, mut read) = (vec![0; 1 << 20], 0_u64);
        loop {
            let n = answer.read(&mut buffer).unwrap();
            if n == 0 {
                break;
            }
            if read % (16 << 20) == 0 {
                assert!(buffer[..n.min(64)] == pattern(read, n.min(64))[..], "other bytes at {read}");
            }
            read += n as u64;
        }
        assert_eq!(read, size);
        drop((answer, client, proxy));
        tapes.finish().unwrap();
        peaks.push(peak());
    }
    println!("{LARGE} MiB passed, at most {peaks:?} MiB were held");
    assert!(peaks.iter().all(|peak| *peak < 60 + LARGE / 8), "{peaks:?}");
}

/// The most memory this process has had, in MiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) / 1024
}

#[test]
fn a_loop_through_the_engine_ends() {
    let stage = Stage::new();
    let tapes = stage.tapes(Mode::Record);
    let proxy = stage.proxy(&tapes);
    let Some((_, text)) = curl(&["--noproxy", "", "--proxy", proxy.url(), &format!("{}/x", proxy.url())]) else {
        return;
    };
    assert!(text.contains("this is the recorder itself"), "{text}");
    tapes.finish().unwrap();
}

#[cfg(unix)]
#[test]
fn a_unix_socket_is_its_users_alone_and_one_that_was_left_behind_is_replaced() {
    use std::os::unix::fs::PermissionsExt as _;
    let stage = Stage::new();
    let tapes = stage.tapes(Mode::Off);
    let path = stage.dir.path().join("engine.sock");
    // A process that was killed leaves it so.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let proxy = tapes.proxy_builder().unix_socket(&path).start().unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);

    let second = tapes.proxy_builder().unix_socket(&path).start().unwrap_err().to_string();
    assert!(second.contains("engine.sock") && path.exists(), "one that is listened at is not taken: {second}");
    drop(proxy);
    assert!(!path.exists());

    std::fs::write(&path, "somebody's").unwrap();
    tapes.proxy_builder().unix_socket(&path).start().unwrap_err();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "somebody's");
    tapes.finish().unwrap();
}

#[test]
fn an_engine_that_goes_while_clients_are_there_leaves_nobody_hanging() {
    let stage = Stage::new();
    let gate = recorder_tests::origin::Gate::closed();
    stage.origin.answer("/slow", recorder_tests::origin::Reply::text("late").held_by(&gate));
    let tapes = stage.tapes(Mode::Record);
    let proxy = stage.proxy(&tapes);
    let (address, url) = (proxy.address(), stage.origin.url("/slow"));
    let idle = TcpStream::connect(address).unwrap();
    let asking = std::thread::spawn(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "GET {url} HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
        let mut said = String::new();
        stream.read_to_string(&mut said).map(|_| said)
    });
    while stage.origin.hits() == 0 {
        std::thread::yield_now();
    }
    drop(proxy);
    let said = asking.join().unwrap();
    assert!(said.as_ref().is_err() || said.as_ref().is_ok_and(String::is_empty), "the connection ends: {said:?}");
    drop(idle);
    gate.open();
    tapes.finish().unwrap();
}
