//! The rare destinations that need Rust beside their file.

mod braze;
mod customerio;
mod hubspot;
mod klaviyo;
mod optimizely_data_platform;
mod optimizely_feature_experimentation_actions;

use crate::destination::Code;

/// The hooks: the destination, the name that its file gives after `code:`, and the hook.
pub const HOOKS: &[(&str, &str, &dyn Code)] = &[
    ("braze", "catalog", &braze::Catalog),
    ("braze", "currency", &braze::Currency),
    ("braze", "products", &braze::Products),
    ("customerio", "object", &customerio::AboutObject),
    ("customerio", "person", &customerio::AboutPerson),
    ("hubspot", "behavioral", &hubspot::Behavioral),
    ("hubspot", "company", &hubspot::Company),
    ("hubspot", "contact", &hubspot::Contact),
    ("hubspot", "event", &hubspot::Event),
    ("hubspot", "object", &hubspot::Object),
    ("hubspot", "record", &hubspot::Record),
    ("klaviyo", "order", &klaviyo::Order),
    ("klaviyo", "phone", &klaviyo::Phone),
    ("optimizely-data-platform", "birthday", &optimizely_data_platform::Birthday),
    ("optimizely-feature-experimentation-actions", "event", &optimizely_feature_experimentation_actions::Event),
];
