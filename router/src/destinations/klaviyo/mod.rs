//! Klaviyo: phone numbers as E.164, an event for each product of an order, and which event of a batch an error is about.

mod phone;

use http::Method;
use serde_json::{Map, Value, json};

use crate::destination::chain::{Answers, Draft, Next};
use crate::destination::{Answered, Code, Input, Judged, Refusal, Verdict, time};

/// `code: phone`: writes `phone_number` as E.164 by `country_code`, in the payload or in its `profile`.
#[derive(Debug)]
pub(super) struct Phone;

impl Code for Phone {
    fn shape(&self, input: &Input<'_>) -> Result<Vec<Value>, Refusal> {
        shaped(input.payload).map(|payload| vec![Value::Object(payload)])
    }

    fn judge(&self, answered: &Answered<'_>) -> Option<Judged> {
        by_pointer(answered)
    }
}

/// `code: order`: an event for the order, and one for each of its products.
#[derive(Debug)]
pub(super) struct Order;

impl Code for Order {
    fn shape(&self, input: &Input<'_>) -> Result<Vec<Value>, Refusal> {
        shaped(input.payload).map(|payload| vec![Value::Object(payload)])
    }

    fn chains(&self) -> bool {
        true
    }

    fn next(&self, inputs: &[Input<'_>], answers: Answers<'_>) -> Next {
        let order = inputs.first().and_then(|input| input.payload.as_object());
        order.map_or(Next::Done, |order| events(order, answers).unwrap_or_else(|next| next))
    }
}

/// The longest `external_id`, in characters.
const EXTERNAL_ID: usize = 255;

fn shaped(payload: &Value) -> Result<Map<String, Value>, Refusal> {
    let mut payload = payload.as_object().cloned().unwrap_or_default();
    let profile = match payload.get_mut("profile") {
        Some(Value::Object(profile)) => profile,
        _ => &mut payload,
    };
    let country = profile.remove("country_code");
    let country = country.as_ref().and_then(Value::as_str).filter(|country| !country.is_empty());
    if let Some(country) = country.filter(|country| !phone::is_region(country)) {
        return Err(Refusal(format!("country_code: {country:?} is no country of ISO 3166, in upper case")));
    }
    if let Some(number) = profile.get("phone_number").and_then(Value::as_str).filter(|number| !number.is_empty()) {
        let Some(number) = phone::e164(number, country) else {
            let hint = if country.is_none() { ", and no country_code says whose it is" } else { "" };
            return Err(Refusal(format!("phone_number: {number:?} is not of the form +12025550123{hint}")));
        };
        profile.insert("phone_number".to_owned(), number.into());
    }
    let id = profile.get("external_id").and_then(Value::as_str).unwrap_or_default();
    if id.encode_utf16().count() > EXTERNAL_ID {
        return Err(Refusal(format!("external_id: it has more than {EXTERNAL_ID} characters")));
    }
    let kept = payload.get("retlOnMappingSave").and_then(|kept| kept.pointer("/outputs/id"));
    let lists = [kept, payload.get("override_list_id"), payload.get("list_id")];
    let list = lists.into_iter().flatten().find(|list| !list.is_null()).cloned();
    payload.extend(list.map(|list| ("list".to_owned(), list)));
    Ok(payload)
}

fn events(order: &Map<String, Value>, answers: Answers<'_>) -> Result<Next, Next> {
    let mut answers = answers.told();
    let text = |name: &str| order.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let time = order.get("time").map(|value| time::parse(value).map(time::iso8601)).unwrap_or_default();
    let event = |properties: Value, id: Option<String>, name: &str| {
        let mut attributes = Map::new();
        attributes.insert("properties".to_owned(), properties);
        attributes.extend(time.clone().map(|time| ("time".to_owned(), time.into())));
        attributes.extend(id.map(|id| ("unique_id".to_owned(), id.into())));
        attributes.insert("metric".to_owned(), json!({"data": {"type": "metric", "attributes": {"name": name}}}));
        attributes
            .insert("profile".to_owned(), json!({"data": {"type": "profile", "attributes": order.get("profile")}}));
        json!({"data": {"type": "event", "attributes": attributes}})
    };
    let properties = order.get("properties").cloned().unwrap_or_default();
    let id = text("unique_id");
    let first = answers.or(|| {
        let mut body =
            event(properties.clone(), id.map(str::to_owned), text("event_name").unwrap_or("Order Completed"));
        if let Some(value) = order.get("value") {
            body["data"]["attributes"]["value"] = value.clone();
        }
        Draft::new(Method::POST, "/events/").json(body)
    })?;
    let products = order.get("products").and_then(Value::as_array).filter(|_| first.status() == 202);
    let mut shared = properties.as_object().cloned().unwrap_or_default();
    shared.remove("products");
    for (place, product) in products.into_iter().flatten().enumerate() {
        let mut properties = shared.clone();
        properties.extend(product.as_object().cloned().unwrap_or_default());
        answers.or(|| {
            // The same id when the chain is run again, so that no product is counted twice.
            let id = id.map(|id| format!("{id}-{place}"));
            Draft::new(Method::POST, "/events/").json(event(
                properties.into(),
                id,
                text("product_event_name").unwrap_or("Ordered Product"),
            ))
        })?;
    }
    Ok(Next::Done)
}

/// A batch is refused whole where one of its items is wrong: those that are named are refused, the others come again.
fn by_pointer(answered: &Answered<'_>) -> Option<Judged> {
    let answer = answered.outcome.ok().filter(|answer| answer.status == 400)?;
    let body: Value = serde_json::from_slice(&answer.body).ok()?;
    let mut verdicts = Vec::new();
    for error in body.get("errors")?.as_array()? {
        let pointer = error.pointer("/source/pointer").and_then(Value::as_str).unwrap_or_default();
        let lists = ["/data/attributes/events-bulk-create/data/", "/data/attributes/profiles/data/"];
        let place = lists.iter().find_map(|list| pointer.strip_prefix(list)?.split('/').next()?.parse::<usize>().ok());
        let event = *answered.events.get(place?)?;
        if verdicts.iter().all(|(other, _)| *other != event) {
            let detail = error.get("detail").and_then(Value::as_str).unwrap_or("refused");
            verdicts.push((event, Verdict::Reject(format!("400 {detail} ({pointer})"))));
        }
    }
    if verdicts.is_empty() {
        return None;
    }
    let named: Vec<usize> = verdicts.iter().map(|(event, _)| *event).collect();
    let others = answered.events.iter().filter(|event| !named.contains(event));
    let reason = "400 others of its batch were wrong".to_owned();
    let again = Verdict::Retry { blame: crate::destination::Blame::Event, after: None, reason };
    verdicts.extend(others.map(|event| (*event, again.clone())));
    Some(Judged::Each(verdicts))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Answer;

    #[test]
    fn a_phone_number_becomes_e164_in_the_payload_or_its_profile() {
        let own = shaped(&json!({"phone_number": "(202) 555-0123", "country_code": "US"})).expect("a number");
        assert_eq!(Value::Object(own), json!({"phone_number": "+12025550123"}));
        let profile =
            shaped(&json!({"profile": {"phone_number": "044 555 01 00", "country_code": "CH"}})).expect("a number");
        assert_eq!(profile["profile"], json!({"phone_number": "+41445550100"}));
        for (payload, word) in [
            (json!({"phone_number": "044 555 01 00"}), "country_code"),
            (json!({"phone_number": "12", "country_code": "CH"}), "phone_number"),
            (json!({"country_code": "Switzerland"}), "country_code"),
            (json!({"external_id": "x".repeat(256)}), "external_id"),
        ] {
            let refusal = shaped(&payload).expect_err("it is not what Klaviyo takes");
            assert!(refusal.0.contains(word), "{}", refusal.0);
        }
    }

    #[test]
    fn the_list_is_the_first_that_somebody_names() {
        let list = |payload: Value| shaped(&payload).expect("nothing is wrong").get("list").cloned();
        let kept = json!({"outputs": {"id": "kept"}});
        assert_eq!(
            list(json!({"list_id": "a", "override_list_id": "b", "retlOnMappingSave": kept})),
            Some(json!("kept"))
        );
        assert_eq!(list(json!({"list_id": "a", "override_list_id": "b"})), Some(json!("b")));
        assert_eq!(list(json!({"list_id": "a", "override_list_id": null})), Some(json!("a")));
        assert_eq!(list(json!({})), None);
    }

    #[test]
    fn an_error_points_at_its_event_and_the_others_come_again() {
        let judge = |pointer: &str| {
            let body = json!({"errors": [{"detail": "bad", "source": {"pointer": pointer}}]}).to_string();
            let answer = Answer {
                status: http::StatusCode::BAD_REQUEST,
                headers: http::HeaderMap::new(),
                body: body.into(),
                elapsed: std::time::Duration::ZERO,
            };
            by_pointer(&Answered { events: &[4, 6], step: 0, outcome: Ok(&answer) })
        };
        let Some(Judged::Each(verdicts)) = judge("/data/attributes/profiles/data/1/attributes/email") else {
            panic!("it points at one")
        };
        assert!(matches!(&verdicts[0], (6, Verdict::Reject(why)) if why.contains("bad")));
        assert!(matches!(&verdicts[1], (4, Verdict::Retry { .. })));
        assert!(judge("/data").is_none(), "the whole request is wrong");
        assert!(judge("/data/attributes/profiles/data/9/id").is_none(), "there is no such event");
    }
}
