//! What Amplitude's file cannot say: the device in a user agent, platform names, revenue, and an event for each product of an order.

use serde_json::{Map, Value, json};

use super::user_agent;
use crate::destination::{Code, Input, Refusal, time};

/// `code: event`: what is worked out of an event or a user, beside the fields: `agent`, `upload`, `host`; `platform`, `session_id` and
/// `insert_id` in the form that Amplitude wants.
#[derive(Debug)]
pub(super) struct Event;

impl Code for Event {
    fn shape(&self, input: &Input<'_>) -> Result<Vec<Value>, Refusal> {
        Ok(vec![Value::Object(shape(input))])
    }
}

/// `code: purchase`: the order with `revenue_fields`, and then a payload for each of its products.
#[derive(Debug)]
pub(super) struct Purchase;

impl Code for Purchase {
    fn shape(&self, input: &Input<'_>) -> Result<Vec<Value>, Refusal> {
        let mut order = shape(input);
        let per_product = input.payload.get("trackRevenuePerProduct") == Some(&Value::Bool(true));
        let Some(Value::Array(products)) = order.shift_remove("products") else {
            order.insert("revenue_fields".to_owned(), revenue(input.payload).into());
            return Ok(vec![Value::Object(order)]);
        };
        let mut payloads = vec![order.clone()];
        if products.is_empty() || !per_product {
            payloads[0].insert("revenue_fields".to_owned(), revenue(input.payload).into());
        }
        // What the user agent says is said once, by the order.
        order.shift_remove("agent");
        order.insert("event_type".to_owned(), "Product Purchased".into());
        for product in products {
            let mut purchased = order.clone();
            if let Some(id) = order.get("insert_id").and_then(Value::as_str) {
                purchased.insert("insert_id".to_owned(), format!("{id}-{}", payloads.len() + 1).into());
            }
            if per_product {
                purchased.insert("revenue_fields".to_owned(), revenue(&product).into());
            }
            purchased.insert("event_properties".to_owned(), product);
            payloads.push(purchased);
        }
        Ok(payloads.into_iter().map(Value::Object).collect())
    }
}

fn shape(input: &Input<'_>) -> Map<String, Value> {
    let payload = input.payload;
    let text = |name: &str| payload.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let is = |name: &str| payload.get(name) == Some(&Value::Bool(true));
    let mut shaped = payload.as_object().cloned().unwrap_or_default();
    let mut put = |name: &str, value: Value| shaped.insert(name.to_owned(), value);
    if is("userAgentParsing")
        && let Some(agent) = text("userAgent")
    {
        put("agent", device(agent, payload));
    }
    match text("platform") {
        Some(platform) => {
            put("platform", replace_first(&replace_first(platform, "iOS"), "Android").into());
        }
        None if text("library") == Some("analytics.js") => {
            put("platform", "Web".into());
        }
        None => {}
    }
    if let Some(session) = payload.get("session_id").and_then(session) {
        put("session_id", session);
    }
    // Users may be told twice what they are.
    if text("insert_id").is_none()
        && text("event_type").is_some()
        && let Some(id) = input.event.get("messageId").and_then(Value::as_str).filter(|id| !id.is_empty())
    {
        put("insert_id", id.into());
    }
    put("upload", if is("use_batch_endpoint") { "batch" } else { "2/httpapi" }.into());
    // Nothing but empty texts is nothing to set.
    for name in ["setOnce", "setAlways", "add"] {
        if payload.get(name).and_then(Value::as_object).is_some_and(|fields| fields.values().all(|value| value == "")) {
            put(name, Value::Null);
        }
    }
    let europe = input.settings.get("endpoint").and_then(Value::as_str) == Some("europe");
    put("host", if europe { "https://api.eu.amplitude.com" } else { "https://api.amplitude.com" }.into());
    shaped
}

/// What a user agent says, where the payload does not say it itself.
fn device(agent: &str, payload: &Value) -> Value {
    let read = user_agent::read(agent);
    let hint = |name: &str| payload.get("userAgentData")?.get(name)?.as_str().map(str::to_owned);
    let system = read.os.or(read.browser);
    let model = hint("model").or(read.model).or_else(|| read.os.map(str::to_owned));
    let parts = [
        ("os_name", system.map(str::to_owned)),
        // The browser's, as Amplitude's own web SDK had it.
        ("os_version", hint("platformVersion").or(read.major)),
        ("device_manufacturer", read.vendor.map(str::to_owned)),
        ("device_model", model),
        ("device_type", read.kind.map(str::to_owned)),
    ];
    let said = parts.into_iter().filter_map(|(name, read)| {
        let own = payload.get(name).filter(|own| !own.is_null()).cloned();
        Some((name.to_owned(), own.or(read.map(Value::String))?))
    });
    Value::Object(said.collect())
}

/// The first occurrence of a word in whatever case becomes the word.
fn replace_first(text: &str, word: &str) -> String {
    let at = text.to_ascii_lowercase().find(&word.to_ascii_lowercase());
    match at.and_then(|at| Some((text.get(..at)?, text.get(at + word.len()..)?))) {
        Some((before, after)) => format!("{before}{word}{after}"),
        None => text.to_owned(),
    }
}

/// Sessions are numbered by the millisecond in which they began.
fn session(value: &Value) -> Option<Value> {
    match value {
        Value::String(text) if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) => {
            text.parse::<i64>().ok().map(Value::from)
        }
        Value::Number(number) => number.as_i64().map(Value::from),
        other => time::parse(other).map(|time| time.as_millisecond().into()),
    }
}

/// What Amplitude counts as revenue: price times quantity, or the revenue given; nothing where it is nothing.
fn revenue(of: &Value) -> Map<String, Value> {
    let number = |name: &str| of.get(name).and_then(Value::as_f64);
    let (price, quantity) = (number("price"), number("quantity"));
    let revenue = price.zip(quantity).map(|(price, quantity)| price * quantity).or_else(|| number("revenue"));
    let Some(revenue) = revenue.filter(|revenue| *revenue != 0.0) else { return Map::new() };
    let mut fields = Map::new();
    fields.insert("revenue".to_owned(), as_javascript(revenue));
    fields.insert("revenueType".to_owned(), of.get("revenueType").cloned().unwrap_or_else(|| "Purchase".into()));
    if let Some(quantity) = quantity {
        // Halves go up, as they do in JavaScript.
        fields.insert("quantity".to_owned(), as_javascript((quantity + 0.5).floor()));
    }
    for name in ["price", "productId"] {
        if let Some(value) = of.get(name) {
            fields.insert(name.to_owned(), value.clone());
        }
    }
    fields
}

/// 25, where Rust has 25.0.
#[expect(clippy::cast_possible_truncation, reason = "only what is whole and small enough is cast")]
fn as_javascript(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() < 9e15 { json!(number as i64) } else { json!(number) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn price_times_quantity_goes_before_a_revenue() {
        let revenue = |of: Value| Value::Object(revenue(&of));
        assert_eq!(
            revenue(json!({"price": 12.5, "quantity": 2, "revenue": 1})),
            json!({"revenue": 25, "revenueType": "Purchase", "quantity": 2, "price": 12.5})
        );
        assert_eq!(
            revenue(json!({"revenue": 9.5, "revenueType": "Refund", "productId": "p"})),
            json!({"revenue": 9.5, "revenueType": "Refund", "productId": "p"})
        );
        assert_eq!(revenue(json!({"revenue": 0})), json!({}));
        assert_eq!(revenue(json!({})), json!({}));
    }

    #[test]
    fn platforms_are_written_as_amplitude_does() {
        assert_eq!(replace_first("ios", "iOS"), "iOS");
        assert_eq!(replace_first("my ANDROID phone", "Android"), "my Android phone");
        assert_eq!(replace_first("İos", "iOS"), "İos".replacen("ios", "iOS", 1));
    }

    #[test]
    fn a_session_is_a_number_of_milliseconds() {
        assert_eq!(session(&json!("1767323045678")), Some(json!(1_767_323_045_678_i64)));
        assert_eq!(session(&json!("2026-01-02T03:04:05.678Z")), Some(json!(1_767_323_045_678_i64)));
        assert_eq!(session(&json!("later")), None);
    }
}
