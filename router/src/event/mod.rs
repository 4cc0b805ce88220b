//! The event as destinations see it, made of the bytes that were accepted. The same bytes, the same event.
//!
//! | field | what a destination sees |
//! |---|---|
//! | `type` | track, identify, page, screen, group or alias |
//! | `messageId` | the client's, or a UUID made when the event was accepted |
//! | `userId`, `anonymousId`, `groupId`, `previousId`, `event`, `messageId` | as they came; a number as its text |
//! | `context` | the batch's with the event's own laid over it, objects inside as well; `{}` where there is none |
//! | `context.ip` | where the client says nothing: its address, if the request came from a browser or `context.direct` is true |
//! | `integrations` | the batch's with the event's own laid over it, each destination as a whole; `{}` where there is none |
//! | `properties`, `traits` | as they came; PHP's empty list as `{}` |
//! | `originalTimestamp` | when it happened by the client's clock: the client's `originalTimestamp`, else its `timestamp`, else `receivedAt` |
//! | `sentAt` | when it was sent by the client's clock: the event's own, else the batch's; absent where neither is a time |
//! | `receivedAt` | when it was received by our clock |
//! | `timestamp` | when it happened: `receivedAt - (sentAt - originalTimestamp)`; without `sentAt` it is `originalTimestamp`, without either it is `receivedAt` |
//! | `writeKey` | nothing: it is left out |
//! | anything else | as it came |
//!
//! Times are written in UTC with milliseconds. A time that cannot be read counts as absent, except that `originalTimestamp` still shows
//! what the client wrote; so does one that the formula would put before the year 0 or after 9999. Where a name stands twice in
//! an object, the last one counts.

pub(crate) mod time;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::js;
use crate::log::{Parcel, Stored};

/// Why an event cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The parcel has fewer events.
    #[error("there is no event {index} among {events}")]
    NoSuchEvent {
        /// Which was asked for.
        index: usize,
        /// How many there are.
        events: usize,
    },
    /// What is stored is no JSON object: it was not stored by this program, or was damaged since.
    #[error("event {index} is no JSON object: {source}")]
    Json {
        /// Which event.
        index: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// What is stored for all events of the parcel is no JSON object.
    #[error("what the events of a batch share is no JSON object: {0}")]
    Shared(#[source] serde_json::Error),
}

/// Makes one event of a parcel, as destinations see it. [`Decoder`] makes all of them at less cost.
///
/// # Errors
/// There is no such event, or what is stored is damaged.
pub fn decode(stored: &Stored, index: usize) -> Result<Value, DecodeError> {
    Decoder::new(&stored.parcel)?.event(index)
}

/// Makes the events of one parcel; what they share is read once.
#[derive(Debug)]
pub struct Decoder<'a> {
    parcel: &'a Parcel,
    context: Option<Value>,
    integrations: Option<Value>,
    /// The client's address, and whether it is the user's own whatever the event says.
    ip: Option<(String, bool)>,
    received_at: String,
}

impl<'a> Decoder<'a> {
    /// Reads what the events share.
    ///
    /// # Errors
    /// What is stored is damaged.
    pub fn new(parcel: &'a Parcel) -> Result<Self, DecodeError> {
        let mut shared: Map<String, Value> = match &*parcel.shared {
            [] => Map::new(),
            json => serde_json::from_slice(json).map_err(DecodeError::Shared)?,
        };
        let ip = match shared.get("ip") {
            Some(Value::String(ip)) => Some((ip.clone(), shared.get("browser") == Some(&Value::Bool(true)))),
            _ => None,
        };
        Ok(Self {
            parcel,
            context: shared.remove("context").filter(Value::is_object),
            integrations: shared.remove("integrations").filter(Value::is_object),
            ip,
            received_at: time::write(parcel.received_at),
        })
    }

    /// Makes one event.
    ///
    /// # Errors
    /// There is no such event, or what is stored is damaged.
    pub fn event(&self, index: usize) -> Result<Value, DecodeError> {
        let events = &self.parcel.events;
        let accepted = events.get(index).ok_or(DecodeError::NoSuchEvent { index, events: events.len() })?;
        let mut event: Map<String, Value> =
            serde_json::from_slice(&accepted.json).map_err(|source| DecodeError::Json { index, source })?;
        event.shift_remove("writeKey");
        for field in ["messageId", "userId", "anonymousId", "groupId", "previousId", "event"] {
            if let Some(value @ Value::Number(_)) = event.get_mut(field) {
                let mut text = String::new();
                js::push_text(&mut text, value);
                *value = text.into();
            }
        }
        for field in ["properties", "traits"] {
            if let Some(value @ Value::Array(_)) = event.get_mut(field) {
                *value = Map::new().into();
            }
        }
        let context = self.context(object(&mut event, "context"));
        event.insert("context".to_owned(), context.into());
        let mut integrations = object(&mut event, "integrations");
        lay_under(&mut integrations, self.integrations.as_ref(), false);
        event.insert("integrations".to_owned(), integrations.into());
        self.times(&mut event);
        Ok(event.into())
    }

    fn context(&self, mut context: Map<String, Value>) -> Map<String, Value> {
        lay_under(&mut context, self.context.as_ref(), true);
        if let Some((ip, browser)) = &self.ip
            && (*browser || context.get("direct") == Some(&Value::Bool(true)))
        {
            context.entry("ip").or_insert_with(|| ip.as_str().into());
        }
        context
    }

    fn times(&self, event: &mut Map<String, Value>) {
        let parcel = self.parcel;
        let given = |field: &str| event.get(field).and_then(time::read);
        let sent = given("sentAt").or(parcel.sent_at);
        let original = given("originalTimestamp").or_else(|| given("timestamp"));
        let timestamp = match (original, sent) {
            (Some(original), Some(sent)) => time::corrected(parcel.received_at, sent, original),
            (Some(original), None) => Some(original),
            (None, _) => None,
        };
        let timestamp = timestamp.map_or_else(|| self.received_at.clone(), time::write);
        let shown = |time: Timestamp| Value::from(time::write(time));
        let original = match original {
            Some(original) => shown(original),
            // What cannot be read can still be looked at.
            None => [event.get("originalTimestamp"), event.get("timestamp")]
                .into_iter()
                .flatten()
                .find(|value| !value.is_null())
                .cloned()
                .unwrap_or_else(|| self.received_at.as_str().into()),
        };
        event.insert("originalTimestamp".to_owned(), original);
        event.insert("timestamp".to_owned(), timestamp.into());
        event.insert("receivedAt".to_owned(), self.received_at.as_str().into());
        match sent {
            Some(sent) => event.insert("sentAt".to_owned(), shown(sent)),
            None => event.shift_remove("sentAt"),
        };
    }
}

/// Takes the object out of a field; an empty one where there is something else, for nothing but `null` and PHP's empty list is
/// accepted there.
fn object(event: &mut Map<String, Value>, field: &str) -> Map<String, Value> {
    match event.get_mut(field) {
        Some(Value::Object(fields)) => std::mem::take(fields),
        _ => Map::new(),
    }
}

/// Adds the fields of `shared` that `own` does not have; inside of objects as well where `deep`.
fn lay_under(own: &mut Map<String, Value>, shared: Option<&Value>, deep: bool) {
    for (name, value) in shared.and_then(Value::as_object).into_iter().flatten() {
        match own.get_mut(name) {
            None => {
                own.insert(name.clone(), value.clone());
            }
            Some(Value::Object(inner)) if deep && value.is_object() => lay_under(inner, Some(value), deep),
            Some(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::log::{Accepted, SourceId};

    const RECEIVED: &str = "2026-01-02T03:04:06.000Z";

    fn decoded_with(event: Value, shared: &Value, sent_at: Option<&str>) -> Value {
        let time = |text: &str| text.parse::<Timestamp>().unwrap();
        let parcel = Parcel {
            source: SourceId(0),
            received_at: time(RECEIVED),
            sent_at: sent_at.map(time),
            shared: if shared.is_null() { Default::default() } else { shared.to_string().into() },
            events: vec![Accepted { json: event.to_string().into(), id: 0 }],
        };
        decode(&Stored { first: 7, parcel }, 0).unwrap()
    }

    fn decoded(event: Value) -> Value {
        decoded_with(event, &Value::Null, None)
    }

    #[test]
    fn a_whole_event_is_what_destinations_of_segment_see() {
        let event = json!({"userId": "u", "type": "track", "event": "E", "properties": {"a": [1, null]}, "writeKey": "wk",
            "messageId": "m", "timestamp": "2026-01-02T03:04:05.600Z", "context": {"library": {"name": "l"}}});
        let shared = json!({"context": {"locale": "en", "library": {"version": "1"}}, "integrations": {"All": false}});
        assert_eq!(
            decoded_with(event, &shared, Some("2026-01-02T03:04:05.900Z")),
            json!({
                "userId": "u", "type": "track", "event": "E", "properties": {"a": [1, null]}, "messageId": "m",
                "timestamp": "2026-01-02T03:04:05.700Z", "originalTimestamp": "2026-01-02T03:04:05.600Z",
                "sentAt": "2026-01-02T03:04:05.900Z", "receivedAt": RECEIVED,
                "context": {"library": {"name": "l", "version": "1"}, "locale": "en"}, "integrations": {"All": false},
            })
        );
    }

    #[test]
    fn what_the_event_says_wins_over_what_the_batch_says() {
        let event =
            json!({"context": {"a": {"x": 1, "y": null}, "b": 2}, "integrations": {"All": true, "M": {"k": 1}}});
        let shared = json!({"context": {"a": {"x": 9, "y": 9, "z": 9}, "b": {"c": 1}, "d": 4},
            "integrations": {"All": false, "M": {"l": 2}, "S": false}});
        let event = decoded_with(event, &shared, None);
        assert_eq!(event["context"], json!({"a": {"x": 1, "y": null, "z": 9}, "b": 2, "d": 4}));
        assert_eq!(event["integrations"], json!({"All": true, "M": {"k": 1}, "S": false}));
    }

    #[test]
    fn numbers_become_texts_where_ids_belong() {
        let event = decoded(json!({"userId": 42, "anonymousId": 1.50, "event": 7, "groupId": 9007199254740993u64,
            "previousId": "p", "properties": {"id": 3}}));
        assert_eq!(event["userId"], "42");
        assert_eq!(event["anonymousId"], "1.5");
        assert_eq!(event["event"], "7");
        assert_eq!(event["groupId"], "9007199254740993");
        assert_eq!(event["properties"]["id"], 3);
    }

    #[test]
    fn lists_that_php_makes_of_empty_maps_are_maps() {
        let event = decoded(json!({"context": [], "integrations": [], "properties": [], "traits": null}));
        for field in ["context", "integrations", "properties"] {
            assert_eq!(event[field], json!({}), "{field}");
        }
        assert_eq!(event["traits"], Value::Null);
    }

    #[test]
    fn times_follow_the_table() {
        let times = |event: Value, sent: Option<&str>| {
            let event = decoded_with(event, &Value::Null, sent);
            assert_eq!(event["receivedAt"], RECEIVED);
            ["timestamp", "originalTimestamp", "sentAt"].map(|field| event.get(field).cloned().unwrap_or_default())
        };
        // Nothing: it happened now.
        assert_eq!(times(json!({}), None), [json!(RECEIVED), json!(RECEIVED), json!(null)]);
        // No sentAt: the client is believed. A text that is no time is as good as none.
        let old = "2015-02-02T00:30:08.276Z";
        for sent in [json!(null), json!("soon"), json!({})] {
            let event = json!({"timestamp": "2015-2-02T00:30:08.276Z", "sentAt": sent});
            assert_eq!(times(event, None), [json!(old), json!(old), json!(null)]);
        }
        // The event's own sentAt goes before the batch's, and originalTimestamp before timestamp.
        let event =
            json!({"originalTimestamp": "1970-01-01T00:00:00Z", "timestamp": old, "sentAt": "1970-01-01T00:00:01Z"});
        let expected = ["2026-01-02T03:04:05.000Z", "1970-01-01T00:00:00.000Z", "1970-01-01T00:00:01.000Z"];
        assert_eq!(times(event, Some("2026-01-01T00:00:00Z")), expected.map(Value::from));
        // A time that is none.
        let sent = Some("2026-01-02T03:04:05Z");
        let event = json!({"timestamp": "yesterday", "receivedAt": "1999-01-01T00:00:00Z"});
        let sent_at = json!("2026-01-02T03:04:05.000Z");
        assert_eq!(times(event, sent), [json!(RECEIVED), json!("yesterday"), sent_at.clone()]);
        // Where the formula leads out of the calendar.
        let event = json!({"timestamp": "9999-12-01T00:00:00Z", "sentAt": "0001-01-01T00:00:00Z"});
        assert_eq!(times(event, None)[0], RECEIVED);
    }

    #[test]
    fn an_address_is_given_only_to_events_of_the_user_s_own_device() {
        let ip = |event: Value, browser: bool| {
            let shared = json!({"ip": "203.0.113.9", "browser": browser});
            decoded_with(event, &shared, None)["context"].get("ip").cloned()
        };
        assert_eq!(ip(json!({}), false), None);
        assert_eq!(ip(json!({}), true), Some(json!("203.0.113.9")));
        assert_eq!(ip(json!({"context": {"direct": true}}), false), Some(json!("203.0.113.9")));
        assert_eq!(ip(json!({"context": {"ip": "8.8.8.8"}}), true), Some(json!("8.8.8.8")));
    }

    #[test]
    fn the_last_of_two_equal_names_counts() {
        let parcel = Parcel {
            source: SourceId(0),
            received_at: RECEIVED.parse().unwrap(),
            sent_at: None,
            shared: Default::default(),
            events: vec![Accepted { json: r#"{"userId":"a","userId":"b","x":{"y":1,"y":2}}"#.into(), id: 0 }],
        };
        let event = Decoder::new(&parcel).unwrap().event(0).unwrap();
        assert_eq!(event["userId"], "b");
        assert_eq!(event["x"], json!({"y": 2}));
    }

    #[test]
    fn damage_is_an_error_and_no_panic() {
        let mut parcel = Parcel {
            source: SourceId(0),
            received_at: RECEIVED.parse().unwrap(),
            sent_at: None,
            shared: Default::default(),
            events: vec![Accepted { json: "[1".into(), id: 0 }],
        };
        let decoder = Decoder::new(&parcel).unwrap();
        assert!(matches!(decoder.event(0), Err(DecodeError::Json { index: 0, .. })));
        assert!(matches!(decoder.event(1), Err(DecodeError::NoSuchEvent { index: 1, events: 1 })));
        parcel.shared = "x".into();
        assert!(matches!(Decoder::new(&parcel), Err(DecodeError::Shared(_))));
    }
}
