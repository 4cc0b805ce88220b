//! Replayed answers that repeat a value of their request: `json $.id to json $.order.id on api.example.com/orders` (R70).
//!
//! The rule is two in one: what it copies does not count for the key, so that the request finds its tape whatever the value is, and
//! the answer gets the value of this request. Every other byte of the answer stays.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use bytes::Bytes;

use crate::codec::json::{self, Kind, Node};
use crate::codec::{coding, percent};
use crate::key::{JsonPath, Rule, RuleError, write_json_string};
use crate::tape::{Answer, Body, Headers, Request};

/// The most that is read of a body, in bytes.
const LARGEST: u64 = 64 << 20;

/// One rule.
#[derive(Debug, Clone)]
pub(crate) struct EchoRule {
    text: String,
    from: From,
    to: To,
    ignored: Rule,
}

#[derive(Debug, Clone)]
enum From {
    Json(JsonPath),
    Query(String),
    Header(String),
}

#[derive(Debug, Clone)]
enum To {
    Json(JsonPath),
    Header(String),
}

/// Why a text is no rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "echo rule `{rule}`: {why}. A rule is `json PATH | query NAME | header NAME`, then `to json PATH | header NAME`, then `on HOST/PATH` if it is not for all"
)]
pub struct EchoError {
    rule: String,
    why: String,
}

impl FromStr for EchoRule {
    type Err = EchoError;

    fn from_str(text: &str) -> Result<Self, EchoError> {
        let text = text.trim();
        let refused = |why: String| EchoError { rule: text.to_owned(), why };
        let (kind, rest) = word(text);
        let (source, rest) = match kind {
            "json" => {
                let (path, len) = path(rest).map_err(refused)?;
                (From::Json(path), rest[len..].trim_start())
            }
            "query" | "header" => {
                let (name, rest) = word(rest);
                if name.is_empty() || name.contains('*') {
                    return Err(refused(format!("after `{kind}` one name is missing")));
                }
                match kind {
                    "query" => (From::Query(decoded(name)), rest),
                    _ => (From::Header(name.to_ascii_lowercase()), rest),
                }
            }
            other => return Err(refused(format!("`{other}` is nothing that can be copied"))),
        };
        let source_text = text[..text.len() - rest.len()].trim_end();
        let ("to", rest) = word(rest) else { return Err(refused(format!("`to` is missing after `{source_text}`"))) };
        let (to, rest) = match word(rest) {
            ("json", rest) => {
                let (path, len) = path(rest).map_err(refused)?;
                (To::Json(path), rest[len..].trim_start())
            }
            ("header", rest) => {
                let (name, rest) = word(rest);
                http::HeaderName::from_bytes(name.as_bytes()).map_err(|_| refused(format!("`{name}` is no header")))?;
                (To::Header(name.to_owned()), rest)
            }
            (other, _) => return Err(refused(format!("nothing can be copied to `{other}`"))),
        };
        let ignored = format!("ignore {source_text} {rest}");
        let ignored: Rule = ignored.trim_end().parse().map_err(|error: RuleError| refused(error.to_string()))?;
        Ok(Self { text: text.to_owned(), from: source, to, ignored })
    }
}

fn word(text: &str) -> (&str, &str) {
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (word, rest.trim_start())
}

fn path(text: &str) -> Result<(JsonPath, usize), String> {
    JsonPath::parse(text).map_err(|(at, why)| format!("at `{}`: {why}", text.get(at..).unwrap_or_default()))
}

fn decoded(name: &str) -> String {
    String::from_utf8_lossy(&percent::decode(name.as_bytes())).into_owned()
}

impl EchoRule {
    /// The match rule that comes with it.
    pub(crate) fn ignored(&self) -> &Rule {
        &self.ignored
    }

    /// Changes the answer to this request; whether there was anything to change. A request without the value, and an answer without the
    /// place (an error, say), are left alone.
    ///
    /// # Errors
    /// Where the counts of values and places do not fit, and where the body of the answer cannot be read.
    pub(crate) fn apply(&self, request: &Request, answer: &mut Answer) -> Result<bool, String> {
        if !self.ignored.covers(&request.url) {
            return Ok(false);
        }
        let values = self.from.values(request);
        if values.is_empty() {
            return Ok(false);
        }
        match &self.to {
            To::Header(name) => Ok(set_header(&mut answer.headers, name, &values[0])),
            To::Json(path) => self.put_into_body(path, &values, answer),
        }
    }

    fn put_into_body(&self, path: &JsonPath, values: &[Value], answer: &mut Answer) -> Result<bool, String> {
        let Some(plain) = plain(&answer.body, &answer.headers)? else { return Ok(false) };
        let Ok(root) = json::parse(&plain) else { return Ok(false) };
        let places = found(path, &root);
        if places.is_empty() {
            return Ok(false);
        }
        if values.len() > 1 && values.len() != places.len() {
            return Err(format!(
                "the echo rule `{self}` finds {} values in the request and {} places in the answer: it takes one value, or as many as \
                 there are places",
                values.len(),
                places.len()
            ));
        }
        let mut out = Vec::with_capacity(plain.len());
        let mut at = 0;
        for (index, place) in places.iter().enumerate() {
            let value = values.get(index).unwrap_or(&values[0]);
            out.extend_from_slice(&plain[at..place.span.start]);
            out.extend_from_slice(value.as_json(place.is_text).as_bytes());
            at = place.span.end;
        }
        out.extend_from_slice(&plain[at..]);
        // What was said of the old bytes no longer holds: their coding, their length, the pieces they came in.
        answer.headers.retain(|name, _| !name.eq_ignore_ascii_case("content-encoding"));
        let length = out.len().to_string();
        answer.headers.iter_mut().filter(|(name, _)| name.eq_ignore_ascii_case("content-length")).for_each(
            |(_, value)| {
                *value = Bytes::from(length.clone());
            },
        );
        answer.frames.clear();
        answer.body = Body::Bytes(out.into());
        Ok(true)
    }
}

/// A value of the request, in JSON's spelling or as plain text.
enum Value {
    Json(String),
    Text(String),
}

impl Value {
    /// As it stands in the answer. Text becomes what was there: a number stays one where the text is one.
    fn as_json(&self, was_text: bool) -> String {
        match self {
            Self::Json(json) => json.clone(),
            Self::Text(text) => {
                let scalar = json::parse(text.as_bytes())
                    .is_ok_and(|node| matches!(node.kind, Kind::Number(_) | Kind::Bool(_) | Kind::Null));
                if scalar && !was_text {
                    return text.trim().to_owned();
                }
                let mut out = String::new();
                write_json_string(text, &mut out);
                out
            }
        }
    }
}

impl From {
    fn values(&self, request: &Request) -> Vec<Value> {
        match self {
            Self::Json(path) => {
                let Ok(Some(plain)) = plain(&request.body, &request.headers) else { return Vec::new() };
                let Ok(root) = json::parse(&plain) else { return Vec::new() };
                let text = |place: Place| String::from_utf8_lossy(&plain[place.span]).into_owned();
                found(path, &root).into_iter().map(|place| Value::Json(text(place))).collect()
            }
            Self::Query(name) => {
                let Some(query) = percent::split_url(&request.url).and_then(|parts| parts.query) else {
                    return Vec::new();
                };
                let text = |bytes| String::from_utf8_lossy(&percent::decode_form(bytes)).into_owned();
                let pairs = percent::pairs(request.url[query].as_bytes()).filter(|pair| text(pair.name()) == *name);
                pairs.map(|pair| Value::Text(pair.value().map(text).unwrap_or_default())).collect()
            }
            Self::Header(name) => {
                request.headers.text(name).map(|text| Value::Text(text.to_owned())).into_iter().collect()
            }
        }
    }
}

fn set_header(headers: &mut Headers, name: &str, value: &Value) -> bool {
    let text = match value {
        Value::Text(text) => text.clone(),
        Value::Json(json) => match json::parse(json.as_bytes()).map(|node| node.kind) {
            Ok(Kind::String(text)) => text.into_owned(),
            _ => json.clone(),
        },
    };
    if http::HeaderValue::from_str(&text).is_err() {
        return false;
    }
    let mut changed = false;
    for (_, value) in headers.iter_mut().filter(|(known, _)| known.eq_ignore_ascii_case(name)) {
        *value = Bytes::from(text.clone());
        changed = true;
    }
    changed
}

/// The body without its codings; `None` where there is none.
fn plain(body: &Body, headers: &Headers) -> Result<Option<Vec<u8>>, String> {
    let wire = match body {
        Body::Absent => return Ok(None),
        Body::Bytes(bytes) => bytes.clone(),
        Body::File(file) if file.len > LARGEST => {
            return Err(format!(
                "the body {} is larger than the {LARGEST} bytes in which a value can be put",
                file.path.display()
            ));
        }
        Body::File(file) => std::fs::read(&file.path).map_err(|e| format!("{}: {e}", file.path.display()))?.into(),
    };
    let decoded = coding::decode(headers.all("content-encoding"), &wire, LARGEST);
    decoded.map(|decoded| Some(decoded.bytes)).map_err(|error| format!("the body cannot be decoded: {error}"))
}

struct Place {
    span: Range<usize>,
    is_text: bool,
}

/// Where the values stand that a path names, from the first to the last; of two that lie in each other the outer one.
fn found(path: &JsonPath, root: &Node<'_>) -> Vec<Place> {
    let mut starts = Vec::new();
    path.find(root, &mut starts);
    starts.sort_unstable();
    let mut places = Vec::new();
    collect(root, &starts, &mut places);
    places
}

fn collect(node: &Node<'_>, starts: &[usize], places: &mut Vec<Place>) {
    if starts.binary_search(&node.span.start).is_ok() {
        places.push(Place { span: node.span.clone(), is_text: matches!(node.kind, Kind::String(_)) });
        return;
    }
    match &node.kind {
        Kind::Array(items) => items.iter().for_each(|item| collect(item, starts, places)),
        Kind::Object(members) => members.iter().for_each(|member| collect(&member.value, starts, places)),
        _ => {}
    }
}

impl fmt::Display for EchoRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tape::Version;

    fn request(url: &str, body: &str) -> Request {
        Request {
            method: "POST".to_owned(),
            url: url.to_owned(),
            version: Version::Http11,
            headers: Headers::from_iter([("x-request-id", "r-9")]),
            body: Body::Bytes(body.to_owned().into()),
            trailers: Headers::new(),
        }
    }

    fn answer(body: &str) -> Answer {
        Answer {
            status: 201,
            reason: None,
            version: Version::Http11,
            url: None,
            headers: Headers::from_iter([
                ("content-length", body.len().to_string()),
                ("x-request-id", "r-1".to_owned()),
            ]),
            body: Body::Bytes(body.to_owned().into()),
            frames: Vec::new(),
            trailers: Headers::new(),
            transcript: None,
            cut: None,
        }
    }

    fn echoed(rule: &str, request: &Request, body: &str) -> Result<(bool, Answer, String), String> {
        let mut answer = answer(body);
        let changed = rule.parse::<EchoRule>().unwrap().apply(request, &mut answer)?;
        let text = String::from_utf8(answer.body.bytes().unwrap().to_vec()).unwrap();
        Ok((changed, answer, text))
    }

    #[test]
    fn r70_the_answer_repeats_the_value_of_this_request_and_nothing_else_changes() {
        let sent = request("https://a.test/orders", r#"{"id": "new \u00e9", "n": 2}"#);
        let (changed, answer, text) =
            echoed("json $.id to json $.order.id", &sent, r#"{ "order" : {"id":"old"}, "id": 1.0 }"#).unwrap();
        assert_eq!((changed, text.as_str()), (true, r#"{ "order" : {"id":"new \u00e9"}, "id": 1.0 }"#));
        assert_eq!(answer.headers.text("content-length"), Some(text.len().to_string().as_str()));
    }

    #[test]
    fn values_come_from_the_query_and_from_headers_and_go_into_headers_too() {
        let sent = request("https://a.test/orders?id=7&name=a%20b", "{}");
        for (rule, body, expected) in [
            ("query id to json $.id", r#"{"id":1}"#, r#"{"id":7}"#),
            ("query id to json $.id", r#"{"id":"1"}"#, r#"{"id":"7"}"#),
            ("query name to json $.id", r#"{"id":1}"#, r#"{"id":"a b"}"#),
            ("header X-Request-Id to json $.id", r#"{"id":""}"#, r#"{"id":"r-9"}"#),
        ] {
            assert_eq!(echoed(rule, &sent, body).unwrap().2, expected, "{rule}");
        }
        let (changed, answer, _) = echoed("header x-request-id to header X-Request-ID", &sent, "{}").unwrap();
        assert!(changed && answer.headers.text("x-request-id") == Some("r-9"));
    }

    #[test]
    fn lists_are_copied_one_by_one_or_refused() {
        let sent = request("https://a.test/bulk", r#"{"items":[{"id":1},{"id":2}]}"#);
        let rule = "json $.items[*].id to json $.results[*].id";
        let two = r#"{"results":[{"id":8},{"id":9}]}"#;
        assert_eq!(echoed(rule, &sent, two).unwrap().2, r#"{"results":[{"id":1},{"id":2}]}"#);
        let error = echoed(rule, &sent, r#"{"results":[{"id":8}]}"#).unwrap_err();
        assert!(error.contains("2 values") && error.contains("1 places"), "{error}");
    }

    #[test]
    fn what_has_no_such_place_is_left_alone() {
        let sent = request("https://a.test/orders", r#"{"id":1}"#);
        for (rule, body) in [
            ("json $.id to json $.id on b.test", r#"{"id":2}"#),
            ("json $.no to json $.id", r#"{"id":2}"#),
            ("json $.id to json $.id", r#"{"error":"full"}"#),
            ("json $.id to json $.id", "not JSON"),
        ] {
            let (changed, _, text) = echoed(rule, &sent, body).unwrap();
            assert_eq!((changed, text.as_str()), (false, body), "{rule}");
        }
    }

    #[test]
    fn what_is_no_rule_is_refused_with_a_reason() {
        for (rule, why) in [
            ("body to json $.a", "`body` is nothing"),
            ("json id to json $.a", "begins with `$`"),
            ("json $.a", "`to` is missing"),
            ("json $.a to body", "`body`"),
            ("json $.a to json $.b at a.test", "`at`"),
            ("query to json $.b", "`to` is missing"),
        ] {
            let error = rule.parse::<EchoRule>().unwrap_err().to_string();
            assert!(error.contains(why) && error.contains("A rule is"), "{rule}: {error}");
        }
    }

    proptest! {
        #[test]
        fn every_other_byte_stays(before in "[ a-z0-9\\\\\"{}\\[\\],:]{0,20}", id in any::<String>(), old in any::<i64>()) {
            let mut quoted = String::new();
            write_json_string(&id, &mut quoted);
            let mut noise = String::new();
            write_json_string(&before, &mut noise);
            let sent = request("https://a.test/", &format!("{{\"id\":{quoted}}}"));
            let body = |id: &str| format!("{{ {noise} : [{noise}, 1e0], \"x\":{{\"id\" : {id} }}}}\n");
            let (changed, _, text) = echoed("json $.id to json $.x.id", &sent, &body(&old.to_string())).unwrap();
            // A name that the noise happens to spell is another story.
            prop_assume!(before != "x");
            prop_assert!(changed);
            prop_assert_eq!(text, body(&quoted));
        }
    }
}
