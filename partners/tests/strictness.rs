//! Each partner asked as it should not be: the status and the words that it documents.

use http_body_util::BodyExt;
use partners::{Scenario, StandIn};
use serde_json::{Value, json};
use tower::ServiceExt;

const NOW: i64 = 1_767_323_046_000;

struct Asked {
    status: u16,
    body: String,
    retry_after: Option<String>,
}

async fn ask(stand_in: &StandIn, method: &str, url: &str, headers: &[(&str, &str)], body: impl Into<String>) -> Asked {
    let mut request = http::Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(body.into()).expect("a request");
    let response = stand_in.clone().oneshot(request).await.expect("an answer");
    let (parts, body) = response.into_parts();
    let body = body.collect().await.expect("a body").to_bytes();
    let retry_after =
        parts.headers.get("retry-after").map(|after| String::from_utf8_lossy(after.as_bytes()).into_owned());
    Asked { status: parts.status.as_u16(), body: String::from_utf8_lossy(&body).into_owned(), retry_after }
}

const JSON: (&str, &str) = ("content-type", "application/json");
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
/// `fake-token:`
const TOKEN: (&str, &str) = ("authorization", "Basic ZmFrZS10b2tlbjo=");

#[tokio::test]
async fn what_is_wrong_is_refused_in_the_partners_words() {
    let stand_in = StandIn::new().at(NOW);
    let large = "a".repeat(11 << 20);
    let mixpanel = "https://api.mixpanel.com";
    let amplitude = "https://api2.amplitude.com";
    let posthog = "https://us.i.posthog.com";
    let slack = "https://hooks.slack.com/services";
    let amplitude_event = json!({"event_type": "a", "user_id": "user-1"});
    let batch = |events: Value| json!({"api_key": "fake", "events": events}).to_string();
    for (url, headers, body, status, words) in [
        (format!("{mixpanel}/import?strict=1"), vec![JSON], "[]".to_owned(), 401, "Invalid credentials"),
        (format!("{mixpanel}/import?strict=1"), vec![JSON, TOKEN], "{".to_owned(), 400, "unable to parse"),
        (format!("{mixpanel}/import?strict=1"), vec![JSON, TOKEN], large.clone(), 413, "max limit"),
        (
            format!("{mixpanel}/import?strict=1"),
            vec![JSON, TOKEN],
            json!([{"event": "a"}]).to_string(),
            400,
            "failed_records",
        ),
        (
            format!("{mixpanel}/import"),
            vec![JSON, TOKEN],
            json!([{"event": "a"}]).to_string(),
            200,
            "num_records_imported\":0",
        ),
        (format!("{mixpanel}/track"), vec![FORM], "data=%7B%7D".to_owned(), 200, "0"),
        (format!("{mixpanel}/track?verbose=1"), vec![FORM], "data=%7B%7D".to_owned(), 200, "missing event name"),
        (format!("{mixpanel}/nowhere"), vec![], String::new(), 404, "not found"),
        (format!("{amplitude}/2/httpapi"), vec![JSON], "{}".to_owned(), 400, "\"missing_field\":\"api_key\""),
        (format!("{amplitude}/2/httpapi"), vec![JSON], batch(json!([])), 400, "\"missing_field\":\"events\""),
        (
            format!("{amplitude}/2/httpapi"),
            vec![JSON],
            batch(json!([{"user_id": "user-1"}])),
            400,
            "\"event_type\":[0]",
        ),
        (format!("{amplitude}/2/httpapi"), vec![JSON], large.clone(), 413, "too large"),
        (
            format!("{amplitude}/2/httpapi"),
            vec![JSON],
            batch(json!(vec![amplitude_event; 31])),
            429,
            "throttled_users\":{\"user-1\":31",
        ),
        (
            format!("{amplitude}/identify"),
            vec![FORM],
            "api_key=fake&identification=%5B%7B%7D%5D".to_owned(),
            400,
            "missing_user_id",
        ),
        (format!("{posthog}/batch/"), vec![JSON], json!({"batch": []}).to_string(), 401, "invalid_api_key"),
        (
            format!("{posthog}/batch/"),
            vec![JSON],
            json!({"api_key": "fake", "batch": [{}]}).to_string(),
            400,
            "event name",
        ),
        (format!("{posthog}/batch/"), vec![JSON], large.repeat(2), 413, "20 MB"),
        (format!("{slack}/T0/B0/fake"), vec![JSON], "hello".to_owned(), 400, "invalid_payload"),
        (format!("{slack}/X0/B0/fake"), vec![JSON], "{}".to_owned(), 404, "no_team"),
        (format!("{slack}/T0/B0/revoked"), vec![JSON], "{}".to_owned(), 403, "invalid_token"),
        ("https://webhook.test/".to_owned(), vec![JSON], "{".to_owned(), 400, "EOF"),
        ("https://webhook.test/".to_owned(), vec![], "{}".to_owned(), 415, "application/json"),
        ("https://signed.webhook.test/".to_owned(), vec![JSON], "{}".to_owned(), 401, "signature"),
    ] {
        let asked = ask(&stand_in, "POST", &url, &headers, body).await;
        assert_eq!(asked.status, status, "{url}: {}", asked.body);
        assert!(asked.body.contains(words), "{url}: {} has no {words}", asked.body);
    }
    for (name, _) in stand_in.partners() {
        assert_eq!(stand_in.count(name).events, 0, "{name} took something");
    }
}

#[tokio::test]
async fn what_is_sent_twice_is_counted_once() {
    let stand_in = StandIn::new().at(NOW);
    let event =
        json!([{"event": "a", "properties": {"time": NOW, "distinct_id": "u", "$insert_id": "i-1"}}]).to_string();
    let upload = json!({"api_key": "fake", "events": [{"event_type": "a", "user_id": "user-1", "insert_id": "i-1"}]})
        .to_string();
    let capture =
        json!({"api_key": "fake", "event": "a", "distinct_id": "u", "uuid": "0f3c5a1e-0000-4000-8000-000000000000"});
    for _ in 0..2 {
        let url = "https://api.mixpanel.com/import?strict=1";
        assert_eq!(ask(&stand_in, "POST", url, &[JSON, TOKEN], event.clone()).await.status, 200);
        let url = "https://api2.amplitude.com/2/httpapi";
        assert_eq!(ask(&stand_in, "POST", url, &[JSON], upload.clone()).await.status, 200);
        let url = "https://us.i.posthog.com/i/v0/e/";
        assert_eq!(ask(&stand_in, "POST", url, &[JSON], capture.to_string()).await.status, 200);
    }
    for partner in ["mixpanel", "amplitude", "posthog"] {
        let count = stand_in.count(partner);
        assert_eq!((count.requests, count.events, count.duplicates), (2, 1, 1), "{partner}");
    }
}

/// Whoever is asked to fail does so in its own words, and says when to come back.
#[tokio::test]
async fn every_partner_fails_as_it_is_told() {
    let stand_in = StandIn::new();
    for (name, hosts) in stand_in.partners() {
        let host = hosts[0].replace('*', "any");
        let scenario = |status, retry_after| Scenario::Status { status, retry_after };
        let script = [
            scenario(400, None),
            scenario(401, None),
            scenario(403, None),
            scenario(429, Some(30)),
            scenario(500, None),
        ];
        stand_in.play(name, script, Scenario::Normal);
        for (status, after) in [(400, None), (401, None), (403, None), (429, Some("30")), (500, None)] {
            let asked = ask(&stand_in, "POST", &format!("https://{host}/anything"), &[], "").await;
            assert_eq!((asked.status, asked.retry_after.as_deref()), (status, after), "{name}");
        }
    }
}

/// For measuring: the same answers to what is right, and counts.
#[tokio::test]
async fn events_are_counted_at_a_glance() {
    let stand_in = StandIn::new().counting();
    let event = json!({"event": "a", "properties": {"time": NOW, "distinct_id": "u", "$insert_id": "i-1"}});
    let body = json!([event, event, event]).to_string();
    let asked = ask(&stand_in, "POST", "https://api.mixpanel.com/import?strict=1", &[], body).await;
    assert_eq!((asked.status, asked.body.as_str()), (200, r#"{"code":200,"num_records_imported":3,"status":"OK"}"#));
    assert_eq!(stand_in.count("mixpanel").events, 3);
    assert_eq!(stand_in.received("mixpanel"), []);
}

#[tokio::test]
async fn it_answers_on_a_port() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("it has one");
    let stand_in = StandIn::new();
    tokio::spawn(stand_in.clone().serve(listener));
    let mut stream = tokio::net::TcpStream::connect(address).await.expect("it listens");
    let request =
        "POST /import?strict=1 HTTP/1.1\r\nhost: api.mixpanel.com\r\ncontent-length: 2\r\nconnection: close\r\n\r\n[]";
    tokio::io::AsyncWriteExt::write_all(&mut stream, request.as_bytes()).await.expect("it reads");
    let mut answer = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut answer).await.expect("it answers");
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    assert!(answer.contains("Invalid credentials"), "{answer}");
    assert_eq!(stand_in.count("mixpanel").requests, 1);
}
