//! Secrets out of what is shown.

use serde_json::Value;

use crate::control::percent;

/// What stands for a secret.
const STARS: &str = "***";

/// Shorter texts are not looked for: they are in everything.
const LEAST: usize = 4;

/// Headers whose values are shown. All others may hold credentials.
const HARMLESS: [&str; 8] =
    ["accept", "content-type", "content-encoding", "user-agent", "host", "idempotency-key", "date", "intercom-version"];

/// The secrets of an instance.
#[derive(Clone, Default)]
pub struct Mask {
    secrets: Vec<String>,
}

impl std::fmt::Debug for Mask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mask").field("secrets", &self.secrets.len()).finish()
    }
}

impl Mask {
    /// A mask for these texts, and for how they stand in addresses.
    #[must_use]
    pub fn new(secrets: impl IntoIterator<Item = String>) -> Self {
        let mut all: Vec<String> = Vec::new();
        for secret in secrets.into_iter().filter(|secret| secret.len() >= LEAST) {
            let encoded = percent::encoded(&secret);
            if encoded != secret {
                all.push(encoded);
            }
            all.push(secret);
        }
        // A secret that contains another one is replaced whole.
        all.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        all.dedup();
        Self { secrets: all }
    }

    /// A text without secrets.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        self.secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret, STARS))
    }

    /// A header's value, or stars.
    #[must_use]
    pub fn header(&self, name: &str, value: &http::HeaderValue) -> String {
        match value.to_str() {
            Ok(value) if HARMLESS.contains(&name) => self.text(value),
            _ => STARS.to_owned(),
        }
    }

    /// A value without secrets, in texts and keys, however deep.
    #[must_use]
    pub fn value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(items) => items.iter().map(|item| self.value(item)).collect(),
            Value::Object(fields) => fields.iter().map(|(key, field)| (self.text(key), self.value(field))).collect(),
            other => other.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn secrets_are_masked_wherever_they_stand() {
        let mask = Mask::new(["fake/secret".to_owned(), "fake".to_owned(), "abc".to_owned()]);
        assert_eq!(mask.text("https://x/fake/secret?k=fake%2Fsecret&a=abc"), "https://x/***?k=***&a=abc");
        assert_eq!(mask.value(&json!({"a": ["fake", 1], "fake": null})), json!({"a": ["***", 1], "***": null}));
    }

    #[test]
    fn headers_that_may_hold_credentials_are_masked() {
        let mask = Mask::default();
        let value = http::HeaderValue::from_static("text/plain");
        assert_eq!(mask.header("content-type", &value), "text/plain");
        assert_eq!(mask.header("authorization", &value), "***");
        assert_eq!(mask.header("x-signature", &value), "***");
        assert!(!format!("{:?}", Mask::new(["fake-secret".to_owned()])).contains("fake"));
    }
}
