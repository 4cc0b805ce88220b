//! Sections `auth:` as files have them, and what they put into requests.

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};

use super::credentials::push_query;
use super::{Auth, Credentials};
use crate::destination::document::Document;
use crate::destination::mistake::Mistake;

fn compile(text: &str) -> Result<Auth<Value>, Vec<Mistake>> {
    let document = Document::parse("f.yaml", text.as_bytes()).unwrap();
    Auth::compile(&document.value, "/auth", &mut |value, _| Ok(value.clone()))
}

/// Values are names of settings (`$name`) or themselves.
fn credentials(text: &str, settings: &Value) -> Result<Credentials, String> {
    let auth = compile(text).unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
    auth.evaluate(&mut |value: &Value| {
        let text = value.as_str().unwrap_or_default();
        let value = text.strip_prefix('$').map_or(Some(value), |name| settings.get(name));
        Ok(value.and_then(Value::as_str).map(str::to_owned))
    })
}

fn signed(text: &str, settings: &Value, body: &'static str) -> Request<Bytes> {
    let mut request =
        Request::post("https://partner.example/v1/x?a=b").body(Bytes::from_static(body.as_bytes())).unwrap();
    let now = "2026-01-02T03:04:05.678Z".parse().unwrap();
    credentials(text, settings).unwrap().apply(&mut request, now).unwrap();
    request
}

fn header<'r>(request: &'r Request<Bytes>, name: &str) -> &'r str {
    request.headers()[name].to_str().unwrap()
}

#[test]
fn basic_bearer_headers_and_parameters_are_put_into_a_request() {
    let settings = json!({"user": "Aladdin", "password": "open sesame", "key": "fake key&1"});
    let basic = signed("{basic: [$user, $password]}", &settings, "");
    assert_eq!(header(&basic, "authorization"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    let half = signed("{basic: [$user, '']}", &settings, "");
    assert_eq!(header(&half, "authorization"), "Basic QWxhZGRpbjo=");
    assert_eq!(header(&signed("{bearer: $key}", &settings, ""), "authorization"), "Bearer fake key&1");
    let several = signed("{header: {X-Api-Key: $key, x-none: $none}, query: {key: $key, none: $none}}", &settings, "");
    assert_eq!(header(&several, "x-api-key"), "fake key&1");
    assert!(several.headers()["x-api-key"].is_sensitive());
    assert!(!several.headers().contains_key("x-none"));
    assert_eq!(several.uri(), "https://partner.example/v1/x?a=b&key=fake%20key%261");
}

#[test]
fn signatures_are_those_of_the_rfcs() {
    let settings = json!({"key": "Jefe"});
    let body = "what do ya want for nothing?";
    let sha256 = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    let request = signed("{hmac: {key: $key, header: x-signature}}", &settings, body);
    assert_eq!(header(&request, "x-signature"), sha256);
    let request = signed("{hmac: {key: $key, header: x-signature, algorithm: sha1, prefix: sha1=}}", &settings, body);
    assert_eq!(header(&request, "x-signature"), "sha1=effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
    let request =
        signed("{hmac: {key: $key, header: x-signature, algorithm: sha1, encoding: base64}}", &settings, body);
    assert_eq!(header(&request, "x-signature"), "7/zfauXrL6LSdBbV8YTfnCWafHk=");
    let request = signed(
        "{hmac: {key: $key, header: x-signature, over: \"what {{body}}\"}}",
        &settings,
        "do ya want for nothing?",
    );
    assert_eq!(header(&request, "x-signature"), sha256);
}

#[test]
fn a_signature_may_cover_the_time_that_is_sent_with_it() {
    let text = "{hmac: {key: $key, header: x-signature, over: 'v0:{{timestamp}}:{{body}}', timestamp: {header: x-time, as: unix_ms}}}";
    let sent = signed(text, &json!({"key": "fake"}), "{}");
    assert_eq!(header(&sent, "x-time"), "1767323045678");
    let by_hand = signed("{hmac: {key: $key, header: x-signature}}", &json!({"key": "fake"}), "v0:1767323045678:{}");
    assert_eq!(header(&sent, "x-signature"), header(&by_hand, "x-signature"));
    let text = "{hmac: {key: $key, query: sign, over: '{{method}} {{target}}', timestamp: {query: ts}}}";
    let sent = signed(text, &json!({"key": "fake"}), "{}");
    let by_hand = signed("{hmac: {key: $key, query: sign}}", &json!({"key": "fake"}), "POST /v1/x?a=b&ts=1767323045");
    assert_eq!(sent.uri().query().unwrap().replace("ts=1767323045&", ""), by_hand.uri().query().unwrap());
}

#[test]
fn without_a_key_nothing_is_signed() {
    for settings in [json!({}), json!({"key": ""})] {
        assert!(signed("{hmac: {key: $key, header: x-signature}}", &settings, "x").headers().is_empty());
    }
}

#[test]
fn what_cannot_stand_in_a_header_is_refused_without_being_shown() {
    let error = credentials("{bearer: $key}", &json!({"key": "fake-secret\n"})).unwrap_err();
    assert!(error.contains("authorization") && error.contains("line break") && !error.contains("fake"), "{error}");
}

#[test]
fn credentials_know_their_secrets_and_show_none() {
    let settings =
        json!({"key": "fake-1", "user": "fake-2", "password": "fake-3", "secret": "fake-4", "token": "fake-5"});
    let text =
        "{basic: [$user, $password], header: {x-key: $key}, query: {k: $token}, hmac: {key: $secret, header: x-s}}";
    let credentials = credentials(text, &settings).unwrap();
    let secrets: Vec<&str> = credentials.secrets().collect();
    for n in 1..=5 {
        assert!(secrets.contains(&format!("fake-{n}").as_str()), "{n}");
    }
    assert!(secrets.contains(&"ZmFrZS0yOmZha2UtMw=="), "the pair as it is sent is a secret too");
    assert!(!format!("{credentials:?}").contains("fake"));
}

#[test]
fn oauth_is_a_source_of_tokens_or_a_token_that_stands() {
    let settings = json!({"id": "i", "secret": "fake-s", "at": "AT", "rt": "fake-r"});
    let text = "{oauth: {token_url: 'https://p.example/t', client_id: $id, client_secret: $secret, refresh_token: $rt, access_token: $at}}";
    let renewed = credentials(text, &settings).unwrap();
    let source = renewed.source().unwrap();
    assert!(source.request(None).body().starts_with(b"grant_type=refresh_token&refresh_token=fake-r"));
    assert!(renewed.secrets().any(|secret| secret == "fake-r") && !format!("{renewed:?}").contains("fake"));
    let by_itself = credentials(text, &json!({"id": "i", "secret": "fake-s"})).unwrap();
    assert!(by_itself.source().unwrap().request(None).body().starts_with(b"grant_type=client_credentials"));
    let standing = "{oauth: {token_url: 'https://p.example/t', access_token: $at, header: x-token}}";
    assert_eq!(header(&signed(standing, &settings, ""), "x-token"), "AT");
    assert!(credentials(text, &json!({})).unwrap_err().contains("needs a refresh_token"));
    let wrong = "{oauth: {token_url: $at, client_id: $id, client_secret: $secret}}";
    assert!(credentials(wrong, &settings).unwrap_err().contains("token_url is no URL"));
    let grant = "{oauth: {token_url: 'https://p.example/t', grant: client_credentials, client_id: $id}}";
    assert!(credentials(grant, &settings).unwrap_err().contains("client_secret"));
}

#[test]
fn mistakes_are_named_at_their_place() {
    let cases = [
        ("{baerer: x}", "/auth/baerer#", "did you mean \"bearer\"?"),
        ("{basic: $a}", "/auth/basic", "a user and a password"),
        ("{bearer: $a, basic: [a, b]}", "/auth", "leave one of them"),
        ("{header: $a}", "/auth/header", "names and values"),
        ("{header: {'x y': $a}}", "/auth/header/x y", "no name of a header"),
        ("{hmac: {key: $a}}", "/auth/hmac", "needs a header"),
        ("{hmac: {header: x}}", "/auth/hmac", "needs a key"),
        ("{hmac: {key: $a, header: x, algoritm: sha1}}", "/auth/hmac/algoritm#", "did you mean \"algorithm\"?"),
        ("{hmac: {key: $a, header: x, algorithm: sha512}}", "/auth/hmac/algorithm", "known: sha256, sha1"),
        ("{hmac: {key: $a, header: x, over: fixed}}", "/auth/hmac/over", "signs nothing"),
        ("{hmac: {key: $a, header: x, over: '{{bdy}}'}}", "/auth/hmac/over", "cannot be signed"),
        ("{hmac: {key: $a, header: x, over: '{{body'}}", "/auth/hmac/over", "no }}"),
        ("{hmac: {key: $a, header: x, timestamp: {as: unix}}}", "/auth/hmac/timestamp", "needs a header"),
        ("{hmac: {key: $a, header: x, timestamp: {header: y, as: date}}}", "/auth/hmac/timestamp/as", "unix_ms"),
        ("{oauth: {client_id: $a}}", "/auth/oauth", "needs a token_url"),
        ("{oauth: {token_url: $a, style: xml}}", "/auth/oauth/style", "form, basic, json"),
        ("{oauth: {token_url: $a, clientid: b}}", "/auth/oauth/clientid#", "did you mean \"client_id\"?"),
        ("none", "/auth", "in a map"),
    ];
    for (text, at, message) in cases {
        let Err(mistakes) = compile(text) else { panic!("{text}") };
        let mistake = &mistakes[0];
        assert!(mistake.at == at && mistake.to_string().contains(message), "{text}: {mistake}");
    }
}

#[test]
fn a_parameter_is_added_behind_those_that_are_there() {
    let cases = [
        ("https://h.example", "https://h.example/?k=v%3D"),
        ("https://h.example/a?", "https://h.example/a?k=v%3D"),
        ("https://h.example/a?b", "https://h.example/a?b&k=v%3D"),
    ];
    for (before, after) in cases {
        let mut uri = before.parse().unwrap();
        push_query(&mut uri, "k", "v=").unwrap();
        assert_eq!(uri, after);
    }
    let mut uri = "https://h.example/a".parse().unwrap();
    assert!(push_query(&mut uri, "k", &"x".repeat(70_000)).unwrap_err().contains("no room for \"k\""));
}
