//! What Mixpanel's file cannot say: the browser in a user agent, an event for each product of an order, insert ids that fit.

use hmac_sha256::Hash;
use serde_json::{Map, Value, json};

use crate::destination::{Code, Input, Refusal};
use crate::js;

/// Bytes that an insert id may have.
const INSERT_ID: usize = 36;
/// Properties that one request may increment.
const INCREMENTS: usize = 100;

/// What an order has as a whole and none of its products has.
const OF_THE_ORDER: [&str; 11] = [
    "affiliation",
    "subtotal",
    "total",
    "revenue",
    "shipping",
    "tax",
    "discount",
    "coupon",
    "currency",
    "order_number",
    "products",
];

/// `code: event`
#[derive(Debug)]
pub(super) struct Event;

impl Code for Event {
    fn shape(&self, input: &Input<'_>) -> Result<Vec<Value>, Refusal> {
        Ok(vec![Value::Object(event(input.payload))])
    }
}

/// `code: purchase`
#[derive(Debug)]
pub(super) struct Purchase;

impl Code for Purchase {
    fn shape(&self, input: &Input<'_>) -> Result<Vec<Value>, Refusal> {
        let order = event(input.payload);
        let wanted = input.payload.get("generatePurchaseEventPerProduct") != Some(&Value::Bool(false));
        let products = input.payload.get("products").and_then(Value::as_array).filter(|_| wanted);
        let mut events = vec![order.clone()];
        for (index, product) in products.into_iter().flatten().enumerate() {
            events.push(purchased(&order, index, product, input));
        }
        Ok(events.into_iter().map(Value::Object).collect())
    }
}

/// `code: increment`
#[derive(Debug)]
pub(super) struct Increment;

impl Code for Increment {
    fn shape(&self, input: &Input<'_>) -> Result<Vec<Value>, Refusal> {
        let mut payload = input.payload.clone();
        let Some(increment) = payload.get_mut("increment").and_then(Value::as_object_mut) else {
            return Ok(vec![payload]);
        };
        if increment.len() > INCREMENTS {
            return Err(Refusal(format!(
                "increment has {} properties, and {INCREMENTS} are the most",
                increment.len()
            )));
        }
        // What is neither a number nor a text cannot be meant as one.
        increment.retain(|_, value| value.is_number() || value.is_string());
        for (name, value) in increment {
            if let Value::String(text) = value {
                let number = js::to_number(text).filter(|number| number.is_finite());
                let number = number.ok_or_else(|| Refusal(format!("increment: {name} is no number")))?;
                *value = whole(number);
            }
        }
        Ok(vec![payload])
    }
}

/// 3, where JavaScript has 3.0.
#[expect(clippy::cast_possible_truncation, reason = "only what is whole and small enough is cast")]
fn whole(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() < 9e15 { json!(number as i64) } else { json!(number) }
}

fn event(payload: &Value) -> Map<String, Value> {
    let mut event = payload.as_object().cloned().unwrap_or_default();
    if let Some(agent) = payload.get("userAgent").and_then(Value::as_str).filter(|agent| !agent.is_empty()) {
        let (name, version) = browser(agent);
        event.insert("browser".to_owned(), name.into());
        if let Some(version) = version {
            event.insert("browser_version".to_owned(), version.into());
        }
    }
    if let Some(id) = payload.get("insert_id").and_then(Value::as_str) {
        event.insert("insert_id".to_owned(), insert_id(id).into());
    }
    event
}

/// An event for one product: the order's, a millisecond earlier for each product, with the product's own properties.
fn purchased(order: &Map<String, Value>, index: usize, product: &Value, input: &Input<'_>) -> Map<String, Value> {
    let mut event = order.clone();
    let mut properties = order.get("event_properties").and_then(Value::as_object).cloned().unwrap_or_default();
    properties.retain(|name, _| !OF_THE_ORDER.contains(&name.as_str()));
    if let Some(product) = product.as_object() {
        properties.extend(product.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
    event.insert("event_properties".to_owned(), properties.into());
    event.insert("event".to_owned(), "Product Purchased".into());
    let time = order.get("time").and_then(crate::destination::time::parse).unwrap_or(input.env.now);
    let earlier = i64::try_from(index).unwrap_or_default() + 1;
    event.insert("time".to_owned(), json!(time.as_millisecond() - earlier));
    if let Some(id) = input.payload.get("insert_id").and_then(Value::as_str) {
        event.insert("insert_id".to_owned(), insert_id(&format!("{index}{id}")).into());
    }
    event
}

/// The id itself, or one made of it that Mixpanel takes and that is the same whenever the event is sent.
fn insert_id(id: &str) -> String {
    if id.len() <= INSERT_ID && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return id.to_owned();
    }
    let digest = Hash::hash(id.as_bytes());
    digest.iter().take(INSERT_ID / 2).map(|byte| format!("{byte:02x}")).collect()
}

/// How a browser is known, in the order in which it is looked for: any of these words, the name, and what stands before its version.
const BROWSERS: [(&[&str], &str, &[&str]); 14] = [
    (&["IEMobile", "WPDesktop"], "Internet Explorer Mobile", &["rv:"]),
    (&["SamsungBrowser/"], "Samsung Internet", &["SamsungBrowser/"]),
    (&["Edge", "Edg/"], "Microsoft Edge", &["Edge/", "Edg/"]),
    (&["FBIOS"], "Facebook Mobile", &[]),
    (&["Chrome"], "Chrome", &["Chrome/"]),
    (&["CriOS"], "Chrome iOS", &["CriOS/"]),
    (&["UCWEB", "UCBrowser"], "UC Browser", &["UCBrowser/", "UCWEB/"]),
    (&["FxiOS"], "Firefox iOS", &["FxiOS/"]),
    (&["Safari"], "Safari", &["Version/"]),
    (&["Android"], "Android Mobile", &["android "]),
    (&["Konqueror"], "Konqueror", &["Konqueror:"]),
    (&["Firefox"], "Firefox", &["Firefox/"]),
    (&["MSIE", "Trident/"], "Internet Explorer", &["rv:", "MSIE "]),
    (&["Gecko"], "Mozilla", &["rv:"]),
];

/// Name and version by Mixpanel's own names; an empty name where there is none.
fn browser(agent: &str) -> (&'static str, Option<String>) {
    if agent.contains(" OPR/") {
        let mini = agent.contains("Mini");
        return if mini { ("Opera Mini", None) } else { ("Opera", version(agent, &["Opera/", "OPR/"])) };
    }
    let lower = agent.to_ascii_lowercase();
    if ["blackberry", "playbook", "bb10"].iter().any(|word| lower.contains(word)) {
        return ("BlackBerry", version(agent, &["BlackBerry "]));
    }
    let known = BROWSERS.iter().find(|(words, ..)| words.iter().any(|word| agent.contains(word)));
    match known {
        Some((_, "Safari", marks)) if agent.contains("iPhone") => ("Mobile Safari", version(agent, marks)),
        Some((_, name, marks)) => (name, version(agent, marks)),
        None => ("", None),
    }
}

/// The first number with at least one dot behind one of the marks.
fn version(agent: &str, marks: &[&str]) -> Option<String> {
    let places = marks.iter().flat_map(|mark| agent.match_indices(mark).map(|(at, mark)| at + mark.len()));
    let mut places: Vec<usize> = places.collect();
    places.sort_unstable();
    places.into_iter().find_map(|at| {
        let rest = agent.get(at..)?;
        let mut parts = Vec::new();
        for part in rest.split('.') {
            let digits = part.bytes().take_while(u8::is_ascii_digit).count();
            if digits == 0 {
                break;
            }
            parts.push(&part[..digits]);
            if digits < part.len() {
                break;
            }
        }
        (parts.len() > 1).then(|| parts.join("."))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_have_mixpanels_names() {
        for (agent, name, version) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
                "Chrome",
                "120.0.0.0",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/120.0.0.0 Safari/537.36 Edg/119.0.2",
                "Microsoft Edge",
                "119.0.2",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/120.0.0.0 Safari/537.36 OPR/105.0.0.0",
                "Opera",
                "105.0.0.0",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1 Version/17.2 Mobile/15E148 Safari/604.1",
                "Mobile Safari",
                "17.2",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15) AppleWebKit/605.1 Version/17.2 Safari/605.1",
                "Safari",
                "17.2",
            ),
            ("Mozilla/5.0 (X11; Linux x86_64; rv:121.0) Gecko/20100101 Firefox/121.0", "Firefox", "121.0"),
            ("Mozilla/5.0 (Windows NT 6.1; Trident/7.0; rv:11.0) like Gecko", "Internet Explorer", "11.0"),
            (
                "Mozilla/5.0 (Linux; Android 13) AppleWebKit/537.36 SamsungBrowser/23.0 Chrome/115.0.0.0 Mobile",
                "Samsung Internet",
                "23.0",
            ),
            ("Mozilla/5.0 (BB10; Touch)", "BlackBerry", ""),
            ("Mozilla/5.0", "", ""),
            ("curl/8.5.0", "", ""),
        ] {
            let version = Some(version.to_owned()).filter(|version| !version.is_empty());
            assert_eq!(browser(agent), (name, version), "{agent}");
        }
    }

    #[test]
    fn an_insert_id_always_fits_and_is_always_the_same() {
        assert_eq!(insert_id("m-1"), "m-1");
        assert_eq!(insert_id("0f3c5a1e-0000-4000-8000-000000000000"), "0f3c5a1e-0000-4000-8000-000000000000");
        for id in ["ajs-next-1767323045678-0f3c5a1e-0000-4000-8000-000000000000", "with space", "é"] {
            let made = insert_id(id);
            assert_eq!(made.len(), INSERT_ID);
            assert_eq!(made, insert_id(id));
        }
        assert_ne!(insert_id(&"a".repeat(37)), insert_id(&"b".repeat(37)));
    }
}
