//! Requests for tokens and their answers, as RFC 6749 has them.

use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};

use super::{Client, Grant, Source, Style};
use crate::client::{Answer, Failure};
use crate::destination::target::TokenSource as _;
use crate::destination::verdict::{Blame, Verdict};

fn source(grant: Grant, style: Style) -> Source {
    let some = |text: &str| Some(text.to_owned());
    let client = Client {
        client_id: some("id:1"),
        client_secret: some("fake secret"),
        refresh_token: some("fake-refresh"),
        scope: some("a b"),
        extra: vec![("audience".to_owned(), "https://x".to_owned())],
    };
    let url = "https://partner.example/oauth/token".parse().unwrap();
    Source::new(grant, style, url, client, (http::header::AUTHORIZATION, "Bearer ".to_owned()))
}

fn body(source: &Source, refresh_token: Option<&str>) -> String {
    String::from_utf8(source.request(refresh_token).body().to_vec()).unwrap()
}

fn answer(status: u16, headers: &[(&'static str, &str)], body: &Value) -> Result<super::super::target::Token, Verdict> {
    let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
    let body = match body {
        Value::String(text) => text.clone().into(),
        json => json.to_string().into(),
    };
    let answer = Answer { status: StatusCode::from_u16(status).unwrap(), headers, body, elapsed: Duration::ZERO };
    source(Grant::RefreshToken, Style::Form).answer(Ok(&answer))
}

#[test]
fn the_client_says_who_it_is_in_three_styles() {
    let form = source(Grant::RefreshToken, Style::Form);
    let fields = "client_id=id%3A1&client_secret=fake+secret&scope=a+b&audience=https%3A%2F%2Fx";
    assert_eq!(body(&form, None), format!("grant_type=refresh_token&refresh_token=fake-refresh&{fields}"));
    assert_eq!(body(&form, Some("later")), format!("grant_type=refresh_token&refresh_token=later&{fields}"));
    assert_eq!(form.request(None).headers()["content-type"], "application/x-www-form-urlencoded");

    let basic = source(Grant::ClientCredentials, Style::Basic);
    assert_eq!(body(&basic, None), "grant_type=client_credentials&scope=a+b&audience=https%3A%2F%2Fx");
    // id%3A1:fake+secret
    assert_eq!(basic.request(None).headers()["authorization"], "Basic aWQlM0ExOmZha2Urc2VjcmV0");

    let json = source(Grant::ClientCredentials, Style::Json);
    let expected = json!({
        "grant_type": "client_credentials", "client_id": "id:1", "client_secret": "fake secret", "scope": "a b", "audience": "https://x",
    });
    assert_eq!(serde_json::from_str::<Value>(&body(&json, None)).unwrap(), expected);
    assert_eq!(json.request(None).headers()["content-type"], "application/json");
}

#[test]
fn a_token_is_read_and_put_into_a_request() {
    let token = answer(
        200,
        &[],
        &json!({"access_token": "AT", "token_type": "bearer", "expires_in": 3600, "refresh_token": "next"}),
    )
    .unwrap();
    assert_eq!((token.access_token.as_str(), token.refresh_token.as_deref()), ("AT", Some("next")));
    assert_eq!(token.expires_in, Some(Duration::from_secs(3600)));
    let token = answer(201, &[], &json!({"access_token": "AT", "expires_in": "60"})).unwrap();
    assert_eq!((token.refresh_token, token.expires_in), (None, Some(Duration::from_secs(60))));
    for odd in [json!(-1), json!("soon"), json!(null), json!("NaN")] {
        assert_eq!(answer(200, &[], &json!({"access_token": "AT", "expires_in": odd})).unwrap().expires_in, None);
    }
    assert!(answer(200, &[], &json!({"access_token": "AT", "expires_in": 1e300})).unwrap().expires_in.is_some());
    let mut request = http::Request::default();
    source(Grant::RefreshToken, Style::Form).authorize(&mut request, "AT");
    assert_eq!(request.headers()["authorization"], "Bearer AT");
    assert!(request.headers()["authorization"].is_sensitive());
}

#[test]
fn a_revoked_grant_pauses_and_says_so() {
    let revoked = answer(400, &[], &json!({"error": "invalid_grant", "error_description": "fake-refresh was revoked"}));
    let said = "no access token: 400 Bad Request: *** was revoked (invalid_grant)";
    assert_eq!(revoked.unwrap_err(), Verdict::Pause(said.to_owned()));
    for (status, error) in
        [(401, "invalid_client"), (400, "unauthorized_client"), (400, "invalid_scope"), (200, "bad_verification_code")]
    {
        assert!(
            matches!(answer(status, &[], &json!({"error": error})), Err(Verdict::Pause(said)) if said.contains(error))
        );
    }
    for status in [302, 400, 401, 403, 404] {
        assert!(matches!(answer(status, &[], &json!("no")), Err(Verdict::Pause(_))), "{status}");
    }
}

#[test]
fn what_may_work_later_is_tried_later() {
    let retry = |result: Result<_, Verdict>| match result {
        Err(Verdict::Retry { blame, after, .. }) => (blame, after.map(|after| after.as_secs())),
        other => panic!("{other:?}"),
    };
    assert_eq!(retry(answer(503, &[("retry-after", "7")], &json!(""))), (Blame::Host, Some(7)));
    assert_eq!(retry(answer(500, &[], &json!("<html>"))), (Blame::Host, None));
    assert_eq!(retry(answer(400, &[], &json!({"error": "temporarily_unavailable"}))), (Blame::Host, None));
    let dates = [("date", "Fri, 02 Jan 2026 03:04:05 GMT"), ("retry-after", "Fri, 02 Jan 2026 03:04:35 GMT")];
    assert_eq!(retry(answer(429, &dates, &json!(""))), (Blame::Instance, Some(30)));
    for garbage in [
        json!(""),
        json!("<html>"),
        json!({"access_token": ""}),
        json!({"access_token": 7}),
        json!({"access_token": "a\nb"}),
    ] {
        assert_eq!(retry(answer(200, &[], &garbage)), (Blame::Instance, None));
    }
    let source = source(Grant::RefreshToken, Style::Form);
    assert_eq!(retry(source.answer(Err(&Failure::Timeout(Duration::from_secs(1))))), (Blame::Host, None));
    assert!(matches!(source.answer(Err(&Failure::Internal("10.0.0.1".into()))), Err(Verdict::Pause(_))));
}

#[test]
fn the_same_grant_has_the_same_key_and_no_key_shows_a_secret() {
    let a = source(Grant::RefreshToken, Style::Form);
    let b = source(Grant::RefreshToken, Style::Form);
    assert_eq!(a.key(), b.key());
    let client = |id: &str, secret: &str| Client {
        client_id: Some(id.to_owned()),
        client_secret: Some(secret.to_owned()),
        refresh_token: None,
        scope: None,
        extra: Vec::new(),
    };
    let key = |client| {
        let header = (http::header::AUTHORIZATION, String::new());
        let url = "https://partner.example/t".parse().unwrap();
        Source::new(Grant::ClientCredentials, Style::Form, url, client, header).key().to_owned()
    };
    assert_ne!(key(client("ab", "c")), key(client("a", "bc")), "fields are kept apart");
    assert!(!a.key().contains("fake") && !format!("{a:?}").contains("fake"));
}
