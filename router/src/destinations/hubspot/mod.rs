//! HubSpot: chains whose next request depends on what HubSpot knows already: companies, custom objects, definitions of events.
//!
//! A chain is a function from payloads and the answers so far to the next request. It is run anew from the beginning for each
//! answer, so it keeps nothing.

mod clean;
mod company;
mod event;
mod object;
mod record;

pub(super) use company::Company;
pub(super) use event::Event;
pub(super) use object::Object;
pub(super) use record::Record;

use serde_json::{Map, Value};

use crate::destination::mistake::Refusal;
use crate::destination::{Code, Input};

/// `code: behavioral`: the event's full name, and properties that HubSpot takes.
#[derive(Debug)]
pub(super) struct Behavioral;

impl Code for Behavioral {
    fn shape(&self, input: &Input<'_>) -> Result<Vec<Value>, Refusal> {
        let mut payload = input.payload.as_object().cloned().unwrap_or_default();
        let name = clean::full_name(text(&payload, "eventName").unwrap_or_default());
        let portal = input.settings.get("portalId").and_then(Value::as_str).filter(|portal| !portal.is_empty());
        let digits = name.strip_prefix("pe").map_or(0, |rest| rest.bytes().take_while(u8::is_ascii_digit).count());
        match portal {
            Some(portal) if !name.starts_with(&format!("pe{portal}_")) => {
                return Err(Refusal(format!("eventName: {name:?} does not begin with pe{portal}_")));
            }
            None if digits == 0 || !name[2 + digits..].starts_with('_') => {
                return Err(Refusal(format!(
                    "eventName: {name:?} does not begin with pe, the number of the account and _"
                )));
            }
            _ => {}
        }
        payload.insert("eventName".into(), name.into());
        flat_properties(&mut payload);
        Ok(vec![Value::Object(payload)])
    }
}

/// `code: contact`: adds `contact`, the properties of a contact.
#[derive(Debug)]
pub(super) struct Contact;

impl Code for Contact {
    fn shape(&self, input: &Input<'_>) -> Result<Vec<Value>, Refusal> {
        let mut payload = input.payload.as_object().cloned().unwrap_or_default();
        let own = [
            "company",
            "firstname",
            "lastname",
            "phone",
            "address",
            "city",
            "state",
            "country",
            "zip",
            "email",
            "website",
        ];
        let mut contact = texts(&payload, &own);
        contact.extend(stage(&payload));
        if let Some(properties) = payload.get("properties").and_then(Value::as_object) {
            contact.extend(clean::flat(properties));
        }
        payload.insert("contact".into(), contact.into());
        Ok(vec![Value::Object(payload)])
    }
}

/// These fields, trimmed.
fn texts(payload: &Map<String, Value>, names: &[&str]) -> Map<String, Value> {
    names.iter().filter_map(|name| Some(((*name).to_owned(), text(payload, name)?.trim().into()))).collect()
}

/// `lifecyclestage`, in lower case.
fn stage(payload: &Map<String, Value>) -> Option<(String, Value)> {
    text(payload, "lifecyclestage").map(|stage| ("lifecyclestage".to_owned(), stage.to_lowercase().trim().into()))
}

fn flat_properties(payload: &mut Map<String, Value>) {
    if let Some(Value::Object(properties)) = payload.get_mut("properties") {
        *properties = clean::flat(properties);
    }
}

fn text<'p>(payload: &'p Map<String, Value>, name: &str) -> Option<&'p str> {
    payload.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}
