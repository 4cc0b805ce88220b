//! Statements that hold for any request.

use proptest::prelude::*;

use super::*;
use crate::key::{differences, distance};

const TYPES: [&str; 8] = [
    "application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=b",
    "multipart/mixed",
    "application/graphql",
    "text/plain",
    "application/json; charset",
    "",
];

/// Pieces out of which forgeries are made.
const PIECES: [&str; 26] = [
    "\n",
    "\r\n",
    "\\",
    "\\n",
    "=",
    "&",
    "%",
    "%0A",
    "%26",
    "+",
    ": ",
    "part 1\n",
    "json\n",
    "absent\n",
    "--b",
    "--b--",
    "--b\r\n",
    "a",
    "b",
    "1",
    "\"",
    "{",
    "}",
    "{\"query\":\"{a}\"}",
    "form 1\n",
    "\u{85}",
];

fn forged() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(&PIECES[..]), 0..7).prop_map(|pieces| pieces.concat())
}

fn any_request() -> impl Strategy<Value = Request> {
    let header = (prop::sample::select(vec!["accept", "if-x", "if-a: b", "if-\n"]), forged());
    let body = prop_oneof![
        Just(None),
        forged().prop_map(|text| Some(text.into_bytes())),
        prop::collection::vec(any::<u8>(), 0..20).prop_map(Some),
    ];
    let url = prop_oneof![forged(), (forged(), forged(), forged()).prop_map(|(h, p, q)| format!("http://{h}/{p}?{q}"))];
    (forged(), url, prop::collection::vec(header, 0..3), prop::sample::select(&TYPES[..]), body).prop_map(
        |(method, url, headers, content_type, body)| {
            let mut headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
            headers.push(("content-type", content_type));
            with_body(&method, &url, &headers, body.map_or(Body::Absent, |bytes| Body::Bytes(bytes.into())))
        },
    )
}

/// JSON text whose members are shuffled by `order`.
fn object(members: &[(String, i32)], spaced: bool) -> String {
    let gap = if spaced { " \n" } else { "" };
    let members: Vec<_> = members.iter().map(|(n, v)| format!("{gap}\"{n}\"{gap}:{v}")).collect();
    format!("{{{}}}", members.join(","))
}

type Members = Vec<(String, i32)>;

fn shuffled() -> impl Strategy<Value = (Members, Members)> {
    let members = prop::collection::btree_map("[a-z\u{e000}\u{10000}]{1,3}", any::<i32>(), 1..6);
    let members = members.prop_map(|map| map.into_iter().collect::<Members>());
    members.prop_flat_map(|members| (Just(members.clone()), Just(members).prop_shuffle()))
}

proptest! {
    #[test]
    fn different_canonical_forms_never_give_one_text(a in any_request(), b in any_request()) {
        let (a, b) = (plain(&a), plain(&b));
        prop_assert_eq!(a == b, a.text() == b.text());
    }

    #[test]
    fn no_value_can_forge_a_line(value in forged(), other in forged()) {
        let lines = |request: &Request| plain(request).text().lines().count();
        let header = |value: &str| request("GET", "http://h/", &[("accept", value)], None);
        prop_assert_eq!(lines(&header(&value)), lines(&header("x")) );
        prop_assert_eq!(value.trim_ascii() == other.trim_ascii(), key(&header(&value)) == key(&header(&other)));
        let text = |value: &str| post("text/plain", value);
        prop_assert_eq!(value == other, key(&text(&value)) == key(&text(&other)));
        let form = |value: &str| {
            let value = crate::codec::percent::encode_component(value.as_bytes());
            post("application/x-www-form-urlencoded", format!("a={value}&{value}=b"))
        };
        prop_assert_eq!(value == other, key(&form(&value)) == key(&form(&other)));
        let part = |value: &str| {
            let body = format!("--B0\r\nx: y\r\n\r\n{value}\r\n--B0--\r\n");
            post("multipart/mixed; boundary=B0", body)
        };
        prop_assert_eq!(value == other, key(&part(&value)) == key(&part(&other)));
    }

    #[test]
    fn any_request_has_a_text_and_equal_requests_do_not_differ(a in any_request(), b in any_request()) {
        let (a, b) = (plain(&a), plain(&b));
        prop_assert!(differences(&a, &a).is_empty());
        prop_assert_eq!(distance(&a, &a), 0);
        let found = differences(&a, &b);
        prop_assert_eq!(a == b, found.is_empty(), "{:?}\n{}\n{}", found, a.text(), b.text());
    }

    #[test]
    fn the_rules_of_all_differences_make_two_requests_match(a in any_request(), b in any_request()) {
        let found = differences(&plain(&a), &plain(&b));
        let lines: Option<Vec<String>> = found.into_iter().map(|d| d.rule).collect();
        if let Some(lines) = lines {
            let rules = Rules::parse(&lines).expect("suggested rules can be read");
            let (x, y) = (canonical(&a, &rules), canonical(&b, &rules));
            prop_assert_eq!(x.text(), y.text(), "{:?}", lines);
        }
    }

    #[test]
    fn rules_that_changed_nothing_can_be_left_out(sent in any_request(), picks in prop::collection::vec(0..14_usize, 0..8)) {
        let all = ["ignore query a", "ignore query *", "ignore header if-*", "match header x", "ignore form a", "ignore form *",
            "ignore json $..query", "ignore json $.query", "ignore body on a", "same host a b", "same host b *",
            "same path /*", "same path /**", "any port"];
        let lines: Vec<_> = picks.into_iter().map(|at| all[at]).collect();
        let rules = rules(&lines);
        let first = canonical(&sent, &rules);
        let fewer = rules.named(first.applied()).expect("own rules");
        let again = canonical(&sent, &fewer);
        prop_assert_eq!(again.text(), first.text());
        prop_assert_eq!(again.applied(), first.applied());
    }

    #[test]
    fn order_does_not_count_where_it_has_no_meaning((members, other) in shuffled()) {
        let json = |members: &[_], spaced| post("application/json", object(members, spaced));
        prop_assert_eq!(key(&json(&members, false)), key(&json(&other, true)));
        let pairs = |members: &[(String, i32)]| members.iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join("&");
        let form = |members: &[_]| post("application/x-www-form-urlencoded", pairs(members));
        prop_assert_eq!(key(&form(&members)), key(&form(&other)));
        let query = |members: &[_]| get(&format!("https://h/?{}", pairs(members)));
        prop_assert_eq!(key(&query(&members)), key(&query(&other)));
    }

    #[test]
    fn another_value_is_another_key((members, _) in shuffled(), at: prop::sample::Index) {
        let mut other = members.clone();
        let at = at.index(other.len());
        other[at].1 = other[at].1.wrapping_add(1);
        let json = |members: &[_]| post("application/json", object(members, false));
        prop_assert_ne!(key(&json(&members)), key(&json(&other)));
        let found = differences(&plain(&json(&members)), &plain(&json(&other)));
        prop_assert_eq!(found.len(), 1);
    }
}
