//! check and serve: a service on this machine, and tapes that play one.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Stdio};

use crate::support::{Place, answered, posted, refused, request, shop};

/// A service that gives each path its answer, `(status, media, body)`, until the test is over.
pub(crate) fn service(answers: &'static [(&'static str, u16, &'static str, &'static str)]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let head: Vec<String> = lines.by_ref().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
            let path = head.first().and_then(|line| line.split(' ').nth(1)).unwrap_or_default().to_owned();
            let secret = head.iter().any(|line| line.eq_ignore_ascii_case("authorization: Bearer fake-live-token"));
            let found = answers.iter().find(|(known, ..)| *known == path);
            let (status, media, body) = match found {
                Some((_, _, _, "needs the token")) if !secret => (401, "text/plain", "no"),
                Some((_, status, media, body)) => (*status, *media, *body),
                None => (404, "text/plain", "nothing"),
            };
            let _ = write!(
                stream,
                "HTTP/1.1 {status} X\r\ncontent-type: {media}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
        }
    });
    address
}

const JSON: &str = "application/json";

#[test]
fn r72_check_says_what_was_added_removed_and_changed() {
    let live = service(&[
        ("/same", 200, JSON, r#"{"id":2,"at":"later"}"#),
        ("/fields", 200, JSON, r#"{"id":"2","new":null,"list":[{"a":1}]}"#),
        ("/status", 503, "text/plain", "down"),
        ("/stream", 200, "text/event-stream", "event: delta\ndata: {\"text\":1}\n\nevent: more\ndata: x\n\n"),
    ]);
    let place = Place::new();
    let get = |path: &str| request("GET", &format!("{live}{path}"));
    let files = place.tapes(
        "t",
        vec![
            (get("/same"), answered(200, JSON, r#"{"id":1,"at":"now"}"#)),
            (get("/fields"), answered(200, JSON, r#"{"id":1,"gone":true,"list":[{"a":2},{"a":3}]}"#)),
            (get("/status"), answered(200, "text/plain", "up")),
            (get("/stream"), answered(200, "text/event-stream", "event: delta\ndata: {\"text\":\"a\"}\n\n")),
            (posted(&format!("{live}/same"), "{}"), answered(200, JSON, "{}")),
        ],
    );
    let before: Vec<_> = files.iter().map(|file| std::fs::read(file).unwrap()).collect();

    let checked = place.run(["check", "--json"]).json(1);
    let mut changes: Vec<String> = checked["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| format!("{} {}", c["kind"].as_str().unwrap(), c["place"].as_str().unwrap()))
        .collect();
    changes.sort();
    assert_eq!(
        changes,
        [
            "added body $.new",
            "added body event more",
            "changed body $.id",
            "changed body event delta $.text",
            "changed status",
            "removed body $.gone",
        ]
    );
    assert_eq!((checked["asked"].as_u64(), checked["left_out"].as_array().map(Vec::len)), (Some(4), Some(1)));
    let out = place.run(["check"]).with_code(1);
    assert!(out.contains("POST may change the service: --methods POST sends it"), "{out}");
    assert!(out.contains("  changed status: was 200, is 503") && out.contains("  added   body $.new: null"), "{out}");
    let after: Vec<_> = files.iter().map(|file| std::fs::read(file).unwrap()).collect();
    assert_eq!(before, after);
}

#[test]
fn check_sends_secrets_from_the_environment_and_leaves_out_what_has_none() {
    let live = service(&[("/me", 200, "text/plain", "needs the token")]);
    let place = Place::new();
    let mut me = request("GET", &format!("{live}/me"));
    me.headers.push("authorization", "Bearer {{secret:SHOP_TOKEN}}");
    place.tapes("t", vec![(me, answered(200, "text/plain", "needs the token"))]);

    let out = place.run(["check"]).with_code(0);
    assert!(out.contains("{{secret:SHOP_TOKEN}} has no value here") && out.contains("0 requests sent"), "{out}");
    let mut with = place.command();
    with.args(["check", "--secret", "SHOP_TOKEN=MY_TOKEN"]).env("MY_TOKEN", "fake-live-token");
    let out = place.ran(&with.output().unwrap()).with_code(0);
    assert!(out.contains("1 request sent, 0 changes found"), "{out}");
    let mut with = place.command();
    with.arg("check").env("SHOP_TOKEN", "fake-live-token");
    assert_eq!(place.ran(&with.output().unwrap()).with_code(0), out);
}

#[test]
fn check_asks_another_host_if_told_and_takes_a_refused_connection_for_an_answer() {
    let live = service(&[("/orders?page=1", 200, JSON, r#"{"orders":[{"id":7}],"next":null}"#)]);
    let place = shop();
    std::fs::remove_dir_all(place.path().join("tapes/down")).unwrap();
    let out = place.run(["check", "--to", &live]).with_code(1);
    // The first take has an empty list, the second one has not.
    assert!(out.contains("added   body $.orders[*].id: number") && out.contains("2 requests sent, 2 changes"), "{out}");

    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let place = Place::new();
    place.tapes("t", vec![(request("GET", &format!("http://{nobody}/")), refused())]);
    place.run(["check"]).with_code(0);
    let ran = place.run(["check", "--to", "staging"]);
    assert!(ran.code == 2 && ran.err.contains("scheme, host and port alone"), "{}", ran.err);
}

/// `tapes serve`, until the test is over.
struct Served {
    child: Child,
    address: String,
    log: BufReader<std::process::ChildStdout>,
}

impl Served {
    fn new(place: &Place, args: &[&str]) -> Self {
        let mut command = place.command();
        command.args(["serve", "--port", "0", "--json"]).args(args).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut log = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        log.read_line(&mut line).unwrap();
        let first: serde_json::Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("no address: {line}"));
        let address = first["address"].as_str().unwrap().trim_start_matches("http://").to_owned();
        Self { child, address, log }
    }

    /// The raw answer to a request, empty where the connection was closed.
    fn ask(&self, head: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "{head}\r\nconnection: close\r\n").unwrap();
        if body.is_empty() {
            write!(stream, "\r\n").unwrap();
        } else {
            write!(stream, "content-length: {}\r\n\r\n{body}", body.len()).unwrap();
        }
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        unchunked(String::from_utf8(answer).unwrap())
    }

    fn get(&self, target: &str) -> String {
        self.ask(&format!("GET {target} HTTP/1.1\r\nhost: {}", self.address), "")
    }

    fn logged(&mut self) -> serde_json::Value {
        let mut line = String::new();
        self.log.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }
}

/// An answer without its chunks, as far as they came.
fn unchunked(answer: String) -> String {
    let Some((head, mut rest)) = answer.split_once("\r\n\r\n").filter(|(head, _)| head.contains("chunked")) else {
        return answer;
    };
    let mut out = format!("{head}\r\n\r\n");
    while let Some((size, data)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap().min(data.len());
        out.push_str(&data[..size]);
        rest = data[size..].trim_start_matches("\r\n");
    }
    out
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn serve_answers_from_tapes_take_after_take() {
    let place = shop();
    let mut served = Served::new(&place, &["tapes/orders"]);
    let first = served.get("/orders?page=1");
    assert!(first.starts_with("HTTP/1.1 200 OK") && first.ends_with(r#"{"orders":[],"next":null}"#), "{first}");
    for _ in 0..2 {
        assert!(served.get("/orders?page=1").ends_with(r#"{"orders":[{"id":1}],"next":null}"#));
    }
    let head = "POST /orders HTTP/1.1\r\nhost: x\r\ncontent-type: application/json";
    let order = served.ask(head, r#"{"total":9.50, "id":1}"#);
    assert!(order.starts_with("HTTP/1.1 201") && order.ends_with(r#"{"id":1,"state":"new"}"#), "{order}");
    let miss = served.get("/orders?page=9");
    assert!(miss.starts_with("HTTP/1.1 404") && miss.contains("would match with: ignore query page"), "{miss}");
    let logged = served.logged();
    assert_eq!(
        (logged["url"].as_str(), logged["status"].as_u64()),
        (Some("https://shop.test/orders?page=1"), Some(200))
    );
}

#[test]
fn serve_takes_several_services_as_a_proxy_does_and_closes_where_a_fault_was_recorded() {
    let place = shop();
    let served = Served::new(&place, &["--repeat", "never"]);
    assert!(served.get("https://shop.test/orders?page=1").starts_with("HTTP/1.1 200"));
    assert_eq!(served.get("https://down.test/"), "");
}

#[test]
fn serve_adds_faults_and_delays_by_rule() {
    let place = shop();
    let rules = [
        "tapes/orders",
        "--rule",
        "status 503 on shop.test/orders",
        "--rule",
        "delay 120ms",
        "--rule",
        "cut 5 on shop.test/none",
    ];
    let served = Served::new(&place, &rules);
    let start = std::time::Instant::now();
    assert!(served.get("/orders?page=1").starts_with("HTTP/1.1 503"));
    assert!(start.elapsed().as_millis() >= 120);
    let served = Served::new(&place, &["tapes/orders", "--rule", "cut 5"]);
    let cut = served.get("/orders?page=1");
    assert!(cut.contains("{\"ord") && !cut.contains("orders"), "{cut}");
    let served = Served::new(&place, &["tapes/orders", "--rule", "reset"]);
    assert_eq!(served.get("/orders?page=1"), "");
    let ran = place.run(["serve", "--rule", "explode"]);
    assert!(ran.code == 2 && ran.err.contains("A rule is"), "{}", ran.err);
}
