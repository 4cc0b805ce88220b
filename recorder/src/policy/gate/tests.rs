//! What passes the gate and what does not. The tokens are put together here, so that no scanner takes this file for a leak.

use std::time::{Duration, SystemTime};

use proptest::prelude::*;

use super::*;
use crate::tape::{Answer, Body, Headers, Key, Layer, Origin, Outcome, Recorded, Request, Take, Version};

fn tape(url: &str, headers: &[(&str, &str)], body: &str) -> Tape {
    let request = Request {
        method: "GET".into(),
        url: url.into(),
        version: Version::Http11,
        headers: headers.iter().map(|&(n, v)| (n, v.to_owned())).collect(),
        body: Body::Absent,
        trailers: Headers::new(),
    };
    let answer = Answer {
        status: 200,
        reason: None,
        version: Version::Http11,
        url: None,
        headers: Headers::new(),
        body: Body::Bytes(body.to_owned().into()),
        frames: Vec::new(),
        trailers: Headers::new(),
        transcript: None,
        cut: None,
    };
    let recorded = Recorded {
        at: SystemTime::UNIX_EPOCH,
        elapsed: Duration::ZERO,
        frames: Vec::new(),
        from: Origin::Live,
        notes: Vec::new(),
    };
    let takes = vec![Take { outcome: Outcome::Answer(answer), recorded }];
    Tape { key: Key([7; 32]), layer: Layer::Wire, rules: Vec::new(), request, takes }
}

fn body(body: &str) -> Result<(), Leak> {
    check(&tape("https://h.test/", &[], body), "", &Redactor::default(), &Allow::default())
}

fn allowing(lines: &[&str], body: &str) -> Result<(), Leak> {
    let allow = Allow::new(lines.iter().map(|line| line.parse().unwrap()).collect());
    check(&tape("https://h.test/", &[], body), &format!("body: {body}"), &Redactor::default(), &allow)
}

fn tokens() -> Vec<(&'static str, String)> {
    let hex = "0123456789abcdef".repeat(4);
    let mixed = "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7".repeat(4);
    vec![
        ("aws access key", format!("AKIA{}", "ABCDEFGH23456789")),
        ("github token", format!("ghp_{}", &mixed[..36])),
        ("github token", format!("github_pat_{}", &mixed[..60])),
        ("slack token", format!("xoxb-{}", &mixed[..24])),
        ("stripe key", format!("sk_live_{}", &mixed[..24])),
        ("google key", format!("AIza{}", &mixed[..35])),
        ("google token", format!("ya29.{}", &mixed[..50])),
        ("jwt", format!("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.{}", &mixed[..20])),
        ("private key", format!("-----BEGIN RSA {}-----\nMII", "PRIVATE KEY")),
        ("sendgrid key", format!("SG.{}.{}", &mixed[..22], &mixed[..43])),
        ("npm token", format!("npm_{}", &mixed[..36])),
        ("gitlab token", format!("glpat-{}", &mixed[..20])),
        ("openai key", format!("sk-{}", &mixed[..48])),
        ("anthropic key", format!("sk-ant-api03-{}", &mixed[..40])),
        ("twilio key", format!("SK{}", &hex[..32])),
        ("mailgun key", format!("key-{}", &hex[..32])),
        ("shopify token", format!("shpat_{}", &hex[..32])),
        ("square token", format!("EAAA{}", &mixed[..60])),
        ("telegram token", format!("123456789:AA{}", &mixed[..33])),
        ("url password", "https://user:fake-pw@h.test/".to_owned()),
        ("key", mixed[..40].to_owned()),
    ]
}

#[test]
fn r51_every_known_token_is_stopped_with_its_place_and_without_its_value() {
    for (what, token) in tokens() {
        let leak = body(&format!("{{\"a\":[{{\"b\":\"see {}.\"}}]}}", token.replace('\n', "\\n"))).expect_err(what);
        assert_eq!(leak.place, "takes[0].body $.a[0].b", "{what}");
        assert!(leak.what.starts_with(&format!("what looks like a {what}")), "{what}: {}", leak.what);
        assert!(!leak.to_string().contains(&token) && !format!("{leak:?}").contains(&token), "{leak}");
        assert!(leak.mend.contains("hide json $.a[0].b"), "{leak}");
    }
}

#[test]
fn r51_places_are_named_for_headers_and_queries() {
    let token = format!("ghp_{}", "aB3dE6gH9".repeat(4));
    let leak = |tape: Tape| check(&tape, "", &Redactor::default(), &Allow::default()).unwrap_err();
    assert_eq!(leak(tape("https://h.test/", &[("X-Odd", &token)], "")).place, "request header x-odd");
    assert_eq!(leak(tape(&format!("https://h.test/?a=1&odd={token}"), &[], "")).place, "request query odd");
    assert_eq!(leak(tape(&format!("https://h.test/{token}"), &[], "")).place, "request.url");
    let rendered =
        check(&tape("https://h.test/", &[], ""), &format!("a\nb: {token}\n"), &Redactor::default(), &Allow::default());
    assert_eq!(rendered.unwrap_err().place, "line 2");
}

#[test]
fn r51_what_is_no_secret_passes() {
    for text in [
        "123e4567-e89b-12d3-a456-426614174000",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "sha384-oqVuAfXRKap7fdgcCY5uykM6+R9GqQ8K/uxy9rx7HNQlGYl1kPzQho1wx4JwY8wC",
        "{{secret:access_token-1}}",
        "https://{{secret:userinfo-1}}@h.test/",
        "https://user:***@h.test/",
        "projects/my-project/locations/europe-west1/keyRings/TheRing/cryptoKeys/TheKey",
        "com.example.VeryLongJavaClassNameFactoryBeanProviderImplementation2",
        "https://cdn.example.com/assets/application-0a1b2c3d4e5f60718293a4b5c6d7e8f9.js",
        "ch_3MmlLrLkdIwHu7ix0snN0B15",
        "The quick brown fox jumps over the lazy dog, 2026-11-21T10:00:00Z",
        "mixed/123/UPPER_CASE_IDENTIFIER_WITH_WORDS_2026/lower",
        "key-value sk-learn AKIA eyJ.eyJ.x",
        "data:application/octet-stream;base64,aB3dE6gH9jK2mN5pQ8sT1vW4yZ7aB3dE6gH9jK2m/+0=",
        "a{background:url(data:image/png;base64,aB3dE6gH9jK2mN5pQ8sT1vW4yZ7aB3dE6gH9jK2m)}",
    ] {
        assert_eq!(body(&format!("{{\"v\":\"{text}\"}}")), Ok(()), "{text}");
        assert_eq!(body(text), Ok(()), "{text}");
    }
    let random = "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7aB3dE6gH9jK2m";
    for text in [format!("data:x/y;base64,AAAA {random}"), format!("key;base64,{random}")] {
        assert!(body(&text).is_err(), "{text}");
    }
    assert_eq!(body(&format!("{{\"next_cursor\":\"{random}\",\"requestId\":\"{random}\"}}")), Ok(()));
}

#[test]
fn r51_what_is_allowed_passes() {
    let (_, token) = tokens().swap_remove(1);
    let text = format!("{{\"a\":\"{token}\"}}");
    for line in ["pattern github-token", "place takes[*].body $.a", "value ghp_*"] {
        assert_eq!(allowing(&[line], &text), Ok(()), "{line}");
    }
    for line in ["pattern jwt", "place takes[0].body $.b", "value gho_*"] {
        assert!(allowing(&[line], &text).is_err(), "{line}");
    }
    for line in ["pattern nothing", "jwt", "value a*", "place"] {
        assert!(line.parse::<Allowance>().is_err(), "{line}");
    }
    let line: Allowance = "place takes[*].body $.a".parse().unwrap();
    assert_eq!(line.to_string(), "place takes[*].body $.a");
}

#[test]
fn r46_a_registered_value_is_stopped_in_any_encoding_and_never_allowed() {
    let mut redactor = Redactor::default();
    redactor.register("mine", "fake/value").unwrap();
    let allow = Allow::new(vec!["place *".parse().unwrap()]);
    for text in ["fake%2fvalue", "{\"a\":\"fake\\/value\"}", "ZmFrZS92YWx1ZQ=="] {
        let leak = check(&tape("https://h.test/", &[], text), "", &redactor, &allow).expect_err(text);
        assert!(leak.what.starts_with("the secret `") && !leak.to_string().contains("fake"), "{leak}");
        let leak = check(&tape("https://h.test/", &[], ""), &format!("tape: 1\nx: {text}"), &redactor, &allow)
            .expect_err(text);
        assert_eq!(leak.place, "line 2");
    }
    assert_eq!(check(&tape("https://h.test/", &[], ""), "key: fake/value", &redactor, &allow), Ok(()));
}

#[test]
fn a_dummy_passes() {
    let (_, token) = tokens().swap_remove(7);
    let redactor = Redactor::new([format!("dummy json $.id_token as {token}").parse().unwrap()]);
    let tape = tape("https://h.test/", &[], &format!("{{\"id_token\":\"{token}\"}}"));
    assert_eq!(check(&tape, &token, &redactor, &Allow::default()), Ok(()));
}

#[test]
fn r80_a_body_in_a_file_is_looked_through() {
    let mut redactor = Redactor::default();
    redactor.register("mine", "fake-value").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("body");
    let check = |text: String| {
        std::fs::write(&file, text).unwrap();
        check_file("takes[0].body", &file, &redactor, &Allow::default()).unwrap()
    };
    assert_eq!(check("nothing".repeat(1000)), None);
    let leak = check(format!("{}fake%2Dvalue", ".".repeat(3 << 20))).unwrap();
    assert_eq!((leak.place.as_str(), leak.what.as_str()), ("takes[0].body, at byte 3145728,", "the secret `mine`"));
    let (_, token) = tokens().swap_remove(1);
    assert_eq!(check(format!("{} {token} ", ".".repeat(99))).unwrap().place, "takes[0].body, at byte 100,");
}

#[test]
fn all_names_of_patterns_can_be_allowed() {
    for name in patterns::names() {
        assert!(format!("pattern {name}").parse::<Allowance>().is_ok());
    }
}

proptest! {
    #[test]
    fn r46_what_was_redacted_passes(
        secret in "[a-zA-Z0-9/+\"é &%._-]{6,30}", token in "[a-z0-9]{1,20}", text in "[ -~]{0,30}",
    ) {
        let mut redactor = Redactor::default();
        redactor.register("mine", &secret).unwrap();
        let json = |s: &str| {
            let mut out = String::new();
            crate::key::write_json_string(s, &mut out);
            out
        };
        let mut tape = tape(
            &format!("https://h.test/?q={}&token={token}", crate::codec::percent::encode_component(secret.as_bytes())),
            &[("x-a", "1"), ("cookie", &format!("a={token}"))],
            &format!("{{\"a\":{},\"token\":{}}}", json(&format!("{text}{secret}")), json(&token)),
        );
        let Outcome::Answer(answer) = &tape.takes[0].outcome else { unreachable!() };
        redactor.learn_request(&tape.request);
        redactor.learn_answer(answer);
        let answer = redactor.answer(answer).message;
        let request = redactor.request(&tape.request).message;
        tape.takes[0].outcome = Outcome::Answer(answer);
        tape.request = request;
        prop_assert_eq!(check(&tape, "", &redactor, &Allow::default()), Ok(()));
    }

    #[test]
    fn any_bytes_are_looked_at_without_panic(text in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = patterns::find(&text, &|_| false);
        let _ = entropy::find(&text, &|_| false);
    }
}
