//! What the stand-in says of itself, under paths that begin with `/_` on any host:
//!
//! | request | answer |
//! |---|---|
//! | `GET /_count` | for each partner: its hosts, requests, events, duplicates |
//! | `GET /_received?partner=mixpanel` | what it took, the oldest first: `limit=` of them, `keys=1` for their keys alone |
//! | `POST /_reset` | everything is forgotten, scenarios too |
//! | `POST /_scenario` | `{"partner": "mixpanel", "script": ["429 retry-after 2", "timeout"], "then": "normal"}`; a script may be one text |

use http::Method;
use serde_json::{Map, Value, json};

use crate::{Answer, Request, Scenario, StandIn};

pub(crate) fn answer(stand_in: &StandIn, request: &Request) -> Answer {
    match (&request.method, request.path.as_str()) {
        (&Method::GET, "/_count") => count(stand_in),
        (&Method::GET, "/_received") => received(stand_in, request),
        (&Method::POST, "/_reset") => {
            stand_in.reset();
            Answer::empty(204)
        }
        (&Method::POST, "/_scenario") => match scenario(stand_in, request) {
            Ok(()) => Answer::empty(204),
            Err(why) => Answer::text(400, why + "\n"),
        },
        _ => Answer::text(404, "there are GET /_count, GET /_received, POST /_reset and POST /_scenario\n"),
    }
}

fn count(stand_in: &StandIn) -> Answer {
    let line = |(name, hosts): (&str, &[&str])| {
        let count = stand_in.count(name);
        let (requests, events, duplicates) = (count.requests, count.events, count.duplicates);
        let line = json!({"hosts": hosts, "requests": requests, "events": events, "duplicates": duplicates});
        (name.to_owned(), line)
    };
    Answer::json(200, &Value::Object(stand_in.partners().map(line).collect::<Map<_, _>>()))
}

fn received(stand_in: &StandIn, request: &Request) -> Answer {
    let name = request.query("partner").unwrap_or_default();
    let Some(ledger) = stand_in.find(name) else { return Answer::text(404, unknown(stand_in, name)) };
    let count = ledger.count();
    let limit = request.query("limit").and_then(|limit| limit.parse().ok()).unwrap_or(usize::MAX);
    let keys = request.query("keys").is_some();
    let shown = ledger.received().into_iter().take(limit).map(|received| match keys {
        true => json!(received.key),
        false => json!({"key": received.key, "event": received.event}),
    });
    let shown: Vec<Value> = shown.collect();
    let body = json!({"partner": name, "events": count.events, "duplicates": count.duplicates, "received": shown});
    Answer::json(200, &body)
}

fn scenario(stand_in: &StandIn, request: &Request) -> Result<(), String> {
    let wish = request.json()?;
    let name = wish.get("partner").and_then(Value::as_str).ok_or("`partner` is missing")?;
    let ledger = stand_in.find(name).ok_or_else(|| unknown(stand_in, name))?;
    let parse = |text: &Value| -> Result<Scenario, String> {
        let text = text.as_str().ok_or_else(|| format!("`{text}` is no text"))?;
        text.parse().map_err(|unknown: crate::UnknownScenario| unknown.to_string())
    };
    let script = match wish.get("script") {
        None => Vec::new(),
        Some(Value::Array(texts)) => texts.iter().map(parse).collect::<Result<_, _>>()?,
        Some(text) => vec![parse(text)?],
    };
    ledger.play(script, wish.get("then").map(parse).transpose()?.unwrap_or_default());
    Ok(())
}

fn unknown(stand_in: &StandIn, name: &str) -> String {
    let names: Vec<_> = stand_in.partners().map(|(name, _)| name).collect();
    format!("nobody plays `{name}`; there are {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use super::*;

    async fn ask(stand_in: &StandIn, method: &str, uri: &str, body: &str) -> (u16, String) {
        let request = http::Request::builder().method(method).uri(uri).body(body.to_owned()).expect("a request");
        let response = stand_in.clone().oneshot(request).await.expect("an answer");
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.expect("a body").to_bytes();
        (status, String::from_utf8_lossy(&body).into_owned())
    }

    #[tokio::test]
    async fn a_scenario_set_over_http_holds() {
        let stand_in = StandIn::new();
        let wish = r#"{"partner": "mixpanel", "script": "503", "then": "429 retry-after 7"}"#;
        assert_eq!(ask(&stand_in, "POST", "/_scenario", wish).await.0, 204);
        for status in [503, 429, 429] {
            assert_eq!(ask(&stand_in, "POST", "https://api.mixpanel.com/import", "[]").await.0, status);
        }
        assert_eq!(ask(&stand_in, "POST", "/_reset", "").await.0, 204);
        assert_eq!(ask(&stand_in, "POST", "https://api.mixpanel.com/import", "[]").await.0, 401);
        let (status, count) = ask(&stand_in, "GET", "/_count", "").await;
        assert_eq!(
            (status, serde_json::from_str::<Value>(&count).expect("JSON")["mixpanel"]["requests"].as_u64()),
            (200, Some(1))
        );
    }

    #[tokio::test]
    async fn a_wish_that_is_wrong_is_explained() {
        let stand_in = StandIn::new();
        for (wish, says) in [
            (r#"{"script": "503"}"#, "`partner` is missing"),
            (r#"{"partner": "mixpannel"}"#, "there are "),
            (r#"{"partner": "mixpanel", "script": ["sometimes"]}"#, "no scenario"),
            ("{", "EOF"),
        ] {
            let (status, text) = ask(&stand_in, "POST", "/_scenario", wish).await;
            assert_eq!(status, 400);
            assert!(text.contains(says), "{text}");
        }
        assert_eq!(ask(&stand_in, "GET", "/_received?partner=nobody", "").await.0, 404);
    }
}
