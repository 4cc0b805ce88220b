//! What Google Analytics 4's file cannot say. Google answers 204 whatever it is sent and drops what is wrong, so it is looked for here.

use serde_json::{Map, Value, json};

use crate::destination::{Code, Input, Refusal, time};
use crate::js;

/// The currencies of ISO 4217 that Google knows.
const CURRENCIES: &str = "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF \
    CHE CHF CHW CLF CLP CNY COP COU CRC CUC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL \
    HRK HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT \
    MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK \
    SGD SHP SLE SLL SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD USN UYI UYU UYW UZS VED VES VND VUV WST \
    XAF XAG XAU XBA XBB XBC XBD XCD XDR XOF XPD XPF XPT XSU XTS XUA XXX YER ZAR ZMW ZWL";

/// `code: event`
#[derive(Debug)]
pub(super) struct Event;

impl Code for Event {
    fn shape(&self, input: &Input<'_>) -> Result<Vec<Value>, Refusal> {
        shape(input).map(|payload| vec![payload])
    }
}

/// `code: priced`: a value needs a currency, and so do items, at the event or at the first of them.
#[derive(Debug)]
pub(super) struct Priced;

impl Code for Priced {
    fn shape(&self, input: &Input<'_>) -> Result<Vec<Value>, Refusal> {
        let payload = input.payload;
        if !present(payload, "currency") && payload.get("value").is_some_and(is_truthy) {
            return Err(refusal("a value needs a currency"));
        }
        let first = payload.get("items").and_then(|items| items.get(0));
        if !present(payload, "currency") && first.is_some_and(|item| !present(item, "currency")) {
            return Err(refusal("items need a currency: the event has none, and neither has the first item"));
        }
        shape(input).map(|payload| vec![payload])
    }
}

/// The payload with everything that is the same for all actions: `identity`, `stream`, `micros`, `user`, and a tidy `name`.
fn shape(input: &Input<'_>) -> Result<Value, Refusal> {
    let mut payload = input.payload.as_object().cloned().unwrap_or_default();
    let text = |name: &str| payload.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let setting = |name: &str| input.settings.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let (stream, identity) = if text("data_stream_type") == Some("Mobile App") {
        let app = setting("firebaseAppId").ok_or_else(|| refusal("an app stream needs the setting firebaseAppId"))?;
        let instance = text("app_instance_id").ok_or_else(|| refusal("an app stream needs an app_instance_id"))?;
        (format!("firebase_app_id={app}"), json!({ "app_instance_id": instance }))
    } else {
        let id = setting("measurementId").ok_or_else(|| refusal("a web stream needs the setting measurementId"))?;
        let client = text("client_id").or_else(|| text("clientId"));
        let client = client.ok_or_else(|| refusal("a web stream needs a client_id"))?;
        (format!("measurement_id={id}"), json!({ "client_id": client }))
    };
    if let Some(currency) = text("currency") {
        known_currency(currency)?;
    }
    if let Some(items) = payload.get("items").and_then(Value::as_array) {
        items.iter().try_for_each(item)?;
    }
    if let Some(params) = payload.get("params").and_then(Value::as_object) {
        flat("params", params, false)?;
    }
    let user = match payload.get("user_properties").and_then(Value::as_object) {
        Some(properties) => {
            flat("user_properties", properties, true)?;
            let each = properties.iter().map(|(name, value)| (name.clone(), json!({ "value": value })));
            Some(Value::Object(each.collect()))
        }
        None => None,
    };
    let micros = payload.get("timestamp_micros").and_then(micros);
    let name = text("name").map(|name| event_name(name, payload.get("lowercase") == Some(&Value::Bool(true))));
    payload.insert("stream".to_owned(), stream.into());
    payload.insert("identity".to_owned(), identity);
    for (field, value) in [("user", user), ("micros", micros), ("name", name.map(Value::String))] {
        match value {
            Some(value) => payload.insert(field.to_owned(), value),
            None => payload.shift_remove(field),
        };
    }
    Ok(Value::Object(payload))
}

fn refusal(text: &str) -> Refusal {
    Refusal(text.to_owned())
}

fn present(object: &Value, field: &str) -> bool {
    object.get(field).is_some_and(|value| !value.is_null())
}

fn is_truthy(value: &Value) -> bool {
    !(value.is_null() || value == &Value::Bool(false) || value == "" || value.as_f64() == Some(0.0))
}

fn known_currency(code: &str) -> Result<(), Refusal> {
    let upper = code.to_ascii_uppercase();
    let known = CURRENCIES.split_ascii_whitespace().any(|known| known == upper);
    known.then_some(()).ok_or_else(|| refusal(&format!("currency: {code:?} is no currency of ISO 4217")))
}

fn item(item: &Value) -> Result<(), Refusal> {
    if !present(item, "item_name") && !present(item, "item_id") {
        return Err(refusal("items: each needs an item_id or an item_name"));
    }
    item.get("currency").and_then(Value::as_str).filter(|code| !code.is_empty()).map_or(Ok(()), known_currency)
}

/// Google takes texts, numbers and booleans.
fn flat(what: &str, fields: &Map<String, Value>, nulls: bool) -> Result<(), Refusal> {
    let wrong = fields.iter().find(|(_, value)| value.is_array() || value.is_object() || (value.is_null() && !nulls));
    match wrong {
        None => Ok(()),
        Some((name, Value::Null)) => {
            Err(refusal(&format!("{what}: {name} is null, and Google takes texts and numbers")))
        }
        Some((name, _)) => {
            Err(refusal(&format!("{what}: {name} is a list or an object, and Google takes texts and numbers")))
        }
    }
}

/// Microseconds since 1970: a number is that already, a time is made into it.
fn micros(value: &Value) -> Option<Value> {
    let number = match value {
        Value::Number(number) => return Some(number.clone().into()),
        Value::String(text) => js::to_number(text).filter(|number| number.is_finite()),
        _ => None,
    };
    match number {
        #[expect(clippy::cast_possible_truncation, reason = "a time in microseconds has 16 digits")]
        Some(number) => Some(json!(number as i64)),
        None => Some(json!(time::parse(value)?.as_millisecond().checked_mul(1000)?)),
    }
}

/// Google takes no blanks in a name.
fn event_name(name: &str, lower: bool) -> String {
    let name: String = name.trim().chars().map(|c| if c.is_whitespace() { '_' } else { c }).collect();
    if lower { name.to_lowercase() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_no_blanks() {
        assert_eq!(event_name(" Order  Completed\t", false), "Order__Completed");
        assert_eq!(event_name("Order Completed", true), "order_completed");
    }

    #[test]
    fn a_time_becomes_microseconds_and_microseconds_stay() {
        let micros = |value: Value| micros(&value).unwrap_or_default();
        assert_eq!(micros(json!("2026-01-02T03:04:05.678Z")), json!(1_767_323_045_678_000_i64));
        assert_eq!(micros(json!("1767323045678000")), json!(1_767_323_045_678_000_i64));
        assert_eq!(micros(json!("soon")), json!(null));
    }

    #[test]
    fn what_google_would_drop_is_refused() {
        assert!(known_currency("usd").is_ok());
        assert!(known_currency("dollars").is_err());
        assert!(item(&json!({"price": 1})).is_err());
        assert!(item(&json!({"item_name": "Pen", "currency": "PEN"})).is_ok());
        let fields = |value: Value| value.as_object().cloned().unwrap_or_default();
        assert!(flat("params", &fields(json!({"a": 1, "b": "x", "c": true})), false).is_ok());
        assert!(flat("params", &fields(json!({"a": [1]})), false).is_err());
        assert!(flat("params", &fields(json!({"a": null})), false).is_err());
        assert!(flat("user_properties", &fields(json!({"a": null})), true).is_ok());
    }
}
