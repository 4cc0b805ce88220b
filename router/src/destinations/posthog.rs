//! What PostHog's file cannot say: a uuid that is the same whenever an event is sent, so that a retry is dropped as a duplicate.

use serde_json::Value;
use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_128;

use crate::destination::{Code, Input, Refusal};

/// `code: uuid`
#[derive(Debug)]
pub(super) struct EventUuid;

impl Code for EventUuid {
    fn shape(&self, input: &Input<'_>) -> Result<Vec<Value>, Refusal> {
        let mut payload = input.payload.clone();
        let id = input.event.get("messageId").and_then(Value::as_str).filter(|id| !id.is_empty());
        if let (Some(id), Some(payload)) = (id, payload.as_object_mut()) {
            payload.insert("uuid".to_owned(), uuid(id).to_string().into());
        }
        Ok(vec![payload])
    }
}

/// The message's id where it is a uuid, otherwise one made of it.
fn uuid(id: &str) -> Uuid {
    Uuid::try_parse(id)
        .unwrap_or_else(|_| uuid::Builder::from_custom_bytes(xxh3_128(id.as_bytes()).to_be_bytes()).into_uuid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_kept_or_made_into_a_uuid_that_stays() {
        let id = "0f3c5a1e-0000-4000-8000-000000000000";
        assert_eq!(uuid(id).to_string(), id);
        assert_eq!(uuid("ajs-next-1"), uuid("ajs-next-1"));
        assert_ne!(uuid("ajs-next-1"), uuid("ajs-next-2"));
        assert_eq!(uuid("ajs-next-1").get_version_num(), 8);
    }
}
