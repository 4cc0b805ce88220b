//! Customer.io: who or what an event is about, and dates as the Unix seconds that it takes for dates.

use serde_json::{Map, Value, json};

use crate::destination::{Code, Input, Refusal, is_email, time};

type Object = Map<String, Value>;

/// Fields that hold ids or have rules of their own: a date in them is no date.
const NO_DATES: [&str; 12] = [
    "id",
    "person_id",
    "user_id",
    "anonymous_id",
    "email",
    "object_id",
    "object_type_id",
    "group_id",
    "primary",
    "secondary",
    "timestamp",
    "convert_timestamp",
];

/// `code: person`
#[derive(Debug)]
pub(super) struct AboutPerson;

impl Code for AboutPerson {
    fn shape(&self, input: &Input<'_>) -> Result<Vec<Value>, Refusal> {
        Ok(vec![Value::Object(person(input.payload.as_object().cloned().unwrap_or_default()))])
    }
}

/// `code: object`
#[derive(Debug)]
pub(super) struct AboutObject;

impl Code for AboutObject {
    fn shape(&self, input: &Input<'_>) -> Result<Vec<Value>, Refusal> {
        Ok(vec![Value::Object(object(input.payload.as_object().cloned().unwrap_or_default()))])
    }
}

/// An event about a person: adds `identifiers`, and `anonymous` where the anonymous id is not what identifies the person.
fn person(mut payload: Object) -> Object {
    for name in ["primary", "secondary"] {
        if let Some(id) = text(&payload, name).and_then(by_id) {
            payload.insert(name.to_owned(), id);
        }
    }
    let identifiers = whose(&payload);
    if let Some(anonymous) = payload.get("anonymous_id").cloned() {
        let known = identifiers.as_ref().is_some_and(|ids| ids.get("anonymous_id").is_some());
        payload.insert("anonymous".to_owned(), if known { json!({}) } else { json!({ "anonymous_id": anonymous }) });
    }
    if let Some(identifiers) = identifiers {
        payload.insert("identifiers".to_owned(), identifiers);
    }
    dated(payload)
}

/// An event about an object: adds `identifiers` of the object, `person` for the relationship, and `anonymous`.
fn object(mut payload: Object) -> Object {
    let id = text(&payload, "object_id").or_else(|| text(&payload, "id")).map(str::to_owned);
    payload.remove("id");
    if let Some(id) = id {
        let kind = text(&payload, "object_type_id").unwrap_or("1");
        payload.insert("identifiers".to_owned(), json!({"object_id": id, "object_type_id": kind}));
    }
    if let Some(person) = whose(&payload) {
        payload.insert("person".to_owned(), person);
    }
    if let Some(anonymous) = payload.get("anonymous_id").cloned() {
        payload.insert("anonymous".to_owned(), json!({ "anonymous_id": anonymous }));
    }
    dated(payload)
}

fn text<'p>(payload: &'p Object, name: &str) -> Option<&'p str> {
    payload.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// By what a person is known: the id, else the e-mail address, else the anonymous id.
fn whose(payload: &Object) -> Option<Value> {
    let id = ["person_id", "user_id", "id"].into_iter().find_map(|name| text(payload, name));
    id.and_then(by_id)
        .or_else(|| text(payload, "email").map(|email| json!({ "email": email })))
        .or_else(|| text(payload, "anonymous_id").map(|id| json!({ "anonymous_id": id })))
}

/// An id may be Customer.io's own (`cio_…`) or an e-mail address.
fn by_id(id: &str) -> Option<Value> {
    match id.strip_prefix("cio_") {
        Some(own) => Some(json!({ "cio_id": own })),
        None if is_email(id) => Some(json!({ "email": id })),
        None => Some(json!({ "id": id })),
    }
}

/// Turns dates into Unix seconds.
fn dated(mut payload: Object) -> Object {
    if let Some(seconds) = payload.get("timestamp").and_then(Value::as_str).and_then(moment) {
        payload.insert("timestamp".to_owned(), seconds);
    }
    if payload.get("convert_timestamp").is_none_or(|convert| *convert == Value::Bool(false)) {
        return payload;
    }
    // What a person's relationship says of itself is left as it is.
    let related = payload.contains_key("group_id");
    let added = ["identifiers", "person", "anonymous"];
    for (name, value) in &mut payload {
        let name = name.as_str();
        let stays = NO_DATES.contains(&name) || added.contains(&name) || related && name == "relationship_attributes";
        if !stays {
            convert(value);
        }
    }
    payload
}

/// The second of a time in any form; digits are taken to be seconds already, and stay.
fn moment(text: &str) -> Option<Value> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        && text.starts_with(|c: char| c.is_ascii_digit());
    if digits && text.parse::<f64>().is_ok() {
        return None;
    }
    time::parse(&text.into()).map(|time| seconds(time).into())
}

fn seconds(time: jiff::Timestamp) -> i64 {
    time.as_millisecond().div_euclid(1000)
}

/// Dates in a value and in the objects inside it; lists are left alone.
fn convert(value: &mut Value) {
    match value {
        Value::String(text) if is_iso_date(text) => {
            if let Some(seconds) = iso_seconds(text) {
                *value = seconds.into();
            }
        }
        Value::Object(fields) => fields.values_mut().for_each(convert),
        _ => {}
    }
}

/// The second of an ISO date. A 30th of February is the 1st or 2nd of March, as in JavaScript.
fn iso_seconds(text: &str) -> Option<i64> {
    if let Some(time) = time::parse(&text.into()) {
        return Some(seconds(time));
    }
    let (month, day) = (text.get(..8)?, text.get(8..10)?.parse::<i64>().ok()?);
    let first = time::parse(&format!("{month}01{}", &text[10..]).into())?;
    (29..=31).contains(&day).then(|| seconds(first) + (day - 1) * 86_400)
}

/// `2026-01-02`, or that with `T03:04`, seconds, a fraction and a zone behind it: each may be missing, the clock not before the others.
fn is_iso_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    let shaped = |bytes: &[u8], shape: &[u8]| {
        bytes.len() == shape.len()
            && bytes
                .iter()
                .zip(shape)
                .all(|(byte, want)| if *want == b'0' { byte.is_ascii_digit() } else { byte == want })
    };
    let Some((day, rest)) = bytes.split_at_checked(10) else { return false };
    if !shaped(day, b"0000-00-00") {
        return false;
    }
    let Some((clock, mut rest)) = rest.split_at_checked(6) else { return rest.is_empty() };
    if !shaped(clock, b"T00:00") {
        return false;
    }
    if let Some((second, after)) = rest.split_at_checked(3)
        && shaped(second, b":00")
    {
        rest = after;
    }
    if let [b'.', fraction @ ..] = rest {
        let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if !(1..=9).contains(&digits) {
            return false;
        }
        rest = &fraction[digits..];
    }
    match rest {
        [] | [b'Z'] => true,
        [b'+' | b'-', zone @ ..] => shaped(zone, b"00:00") || shaped(zone, b"0000"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(of: fn(Object) -> Object, payload: Value) -> Value {
        of(payload.as_object().cloned().unwrap_or_default()).into()
    }

    #[test]
    fn a_person_is_known_by_id_or_mail_or_the_anonymous_id() {
        for (payload, identifiers, anonymous) in [
            (json!({"id": "u", "email": "a@example.com"}), json!({"id": "u"}), json!(null)),
            (json!({"id": "a@example.com"}), json!({"email": "a@example.com"}), json!(null)),
            (json!({"person_id": "cio_7"}), json!({"cio_id": "7"}), json!(null)),
            (
                json!({"email": "a@example.com", "anonymous_id": "x"}),
                json!({"email": "a@example.com"}),
                json!({"anonymous_id": "x"}),
            ),
            (json!({"id": "", "anonymous_id": "x"}), json!({"anonymous_id": "x"}), json!({})),
            (json!({}), json!(null), json!(null)),
        ] {
            let made = made(person, payload.clone());
            let part = |name: &str| made.get(name).cloned().unwrap_or_default();
            assert_eq!((part("identifiers"), part("anonymous")), (identifiers, anonymous), "{payload}");
        }
        let merged = made(person, json!({"primary": "a@example.com", "secondary": "cio_7"}));
        assert_eq!(
            (&merged["primary"], &merged["secondary"]),
            (&json!({"email": "a@example.com"}), &json!({"cio_id": "7"}))
        );
    }

    #[test]
    fn an_object_has_a_type() {
        let object = |payload: Value| made(object, payload);
        let course = object(json!({"object_id": "c", "object_type_id": "2", "person_id": "u", "anonymous_id": "x"}));
        assert_eq!(course["identifiers"], json!({"object_id": "c", "object_type_id": "2"}));
        assert_eq!((&course["person"], &course["anonymous"]), (&json!({"id": "u"}), &json!({"anonymous_id": "x"})));
        let group = object(json!({"id": "g", "user_id": "u"}));
        assert_eq!(group["identifiers"], json!({"object_id": "g", "object_type_id": "1"}));
        assert_eq!(group["person"], json!({"id": "u"}), "the object's id is not the person's");
    }

    #[test]
    fn dates_become_unix_seconds_where_they_are_wanted() {
        let data = json!({"at": "2026-01-02T03:04:05Z", "deep": [{"on": "2026-01-02"}], "note": "2026", "n": 7});
        let made =
            |convert: bool| made(person, json!({"id": "2026-01-02", "data": data, "convert_timestamp": convert}));
        assert_eq!(made(false)["data"], data);
        assert_eq!(made(true)["data"]["at"], 1_767_323_045);
        assert_eq!(made(true)["data"]["note"], "2026");
        assert_eq!(made(true)["identifiers"], json!({"id": "2026-01-02"}));
    }

    #[test]
    fn an_iso_date_is_told_from_other_texts() {
        for date in [
            "2026-01-02",
            "2026-01-02T03:04",
            "2026-01-02T03:04:05.6Z",
            "2026-01-02T03:04:05+01:00",
            "2026-01-02T03:04:05-0100",
        ] {
            assert!(is_iso_date(date), "{date}");
        }
        for text in [
            "",
            "2026",
            "20260102",
            "2026-01-02 03:04",
            "2026-01-02T03",
            "2026-01-02T03:04:05.",
            "2026-01-02T03:04:05.1234567890Z",
            "\u{e9}026-01-02",
            "2026-01-0\u{e9}",
        ] {
            assert!(!is_iso_date(text), "{text}");
        }
    }
}
