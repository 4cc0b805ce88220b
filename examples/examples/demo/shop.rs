//! The customer: a shop, what it sends, and what its router knows.

use serde_json::{Value, json};

/// What would be in the environment of a real router. The stand-in takes any key that looks like one, but signatures must fit.
pub(crate) const SECRETS: [(&str, &str); 6] = [
    ("MIXPANEL_TOKEN", "demo-mixpanel-token"),
    ("MIXPANEL_SECRET", "demo-mixpanel-secret"),
    ("AMPLITUDE_KEY", "demo-amplitude-key"),
    ("AMPLITUDE_SECRET", "demo-amplitude-secret"),
    ("HUBSPOT_TOKEN", "demo-hubspot-token"),
    ("HOOK_SECRET", "fake-shared-secret"),
];

/// The router's destinations, and where each of them sends.
pub(crate) const DESTINATIONS: [(&str, &str); 4] = [
    ("mixpanel", "api.mixpanel.com"),
    ("amplitude", "api2.amplitude.com"),
    ("hubspot", "api.hubapi.com"),
    ("hook", "signed.webhook.test"),
];

/// What the shop shows to the router.
pub(crate) const WRITE_KEY: &str = "demo-write-key";

/// The event that Mixpanel does not take.
pub(crate) const REFUSED: &str = "m-4";

/// When it all happens: tapes and partners have opinions on the time.
pub(crate) const NOW_MS: i64 = 1_793_525_400_000;

/// In place of the environment.
pub(crate) fn variable(variable: &str) -> Option<String> {
    let known = SECRETS.into_iter().chain([("SHOP_WRITE_KEY", WRITE_KEY)]);
    known.into_iter().find(|(name, _)| *name == variable).map(|(_, value)| value.to_owned())
}

/// One request's events, as an SDK sends them.
pub(crate) fn batch() -> Value {
    let at = "2026-11-01T09:30:00.000Z";
    let order = json!({"type": "track", "event": "Order Completed", "messageId": "m-3", "userId": "ada-7", "timestamp": at,
        "properties": {"order_id": "17", "total": 61.5, "currency": "EUR"}});
    json!({"batch": [
        {"type": "identify", "messageId": "m-1", "userId": "ada-7", "timestamp": at,
         "traits": {"email": "ada@example.com", "firstName": "Ada", "lastName": "Lovelace"}},
        {"type": "track", "event": "Product Viewed", "messageId": "m-2", "userId": "ada-7", "timestamp": at,
         "properties": {"sku": "pen", "price": 1.5}},
        order,
        // A client that got no answer in time sends again.
        order,
        // A telephone that has lost its clock.
        {"type": "track", "event": "App Opened", "messageId": REFUSED, "userId": "ada-7", "timestamp": "1970-01-01T00:00:07.000Z"},
        {"type": "track", "event": "Invoice Paid", "messageId": "m-5", "userId": "ada-7", "timestamp": at,
         "properties": {"total": 61.5}, "integrations": {"Amplitude": false}},
    ]})
}

/// The `messageId`s of a batch, each once, in order.
pub(crate) fn ids(batch: &Value) -> Vec<String> {
    let mut ids = Vec::new();
    for event in batch["batch"].as_array().into_iter().flatten() {
        let id = event["messageId"].as_str().unwrap_or_default().to_owned();
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    ids
}
