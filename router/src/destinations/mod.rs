//! The rare destinations that need Rust beside their file: a user agent to be taken apart, an order that becomes several events, a
//! look-up that decides what is written.

mod amplitude;
mod braze;
mod customerio;
mod google_analytics_4;
mod hubspot;
mod klaviyo;
mod mixpanel;
mod optimizely_data_platform;
mod optimizely_feature_experimentation_actions;
mod posthog;
mod user_agent;

use crate::destination::Code;

/// The hooks: the destination, the name that its file gives after `code:`, and the hook.
pub const HOOKS: &[(&str, &str, &dyn Code)] = &[
    ("amplitude", "event", &amplitude::Event),
    ("amplitude", "purchase", &amplitude::Purchase),
    ("braze", "catalog", &braze::Catalog),
    ("braze", "currency", &braze::Currency),
    ("braze", "products", &braze::Products),
    ("customerio", "object", &customerio::AboutObject),
    ("customerio", "person", &customerio::AboutPerson),
    ("google-analytics-4", "event", &google_analytics_4::Event),
    ("google-analytics-4", "priced", &google_analytics_4::Priced),
    ("hubspot", "behavioral", &hubspot::Behavioral),
    ("hubspot", "company", &hubspot::Company),
    ("hubspot", "contact", &hubspot::Contact),
    ("hubspot", "event", &hubspot::Event),
    ("hubspot", "object", &hubspot::Object),
    ("hubspot", "record", &hubspot::Record),
    ("klaviyo", "order", &klaviyo::Order),
    ("klaviyo", "phone", &klaviyo::Phone),
    ("mixpanel", "event", &mixpanel::Event),
    ("mixpanel", "increment", &mixpanel::Increment),
    ("mixpanel", "purchase", &mixpanel::Purchase),
    ("optimizely-data-platform", "birthday", &optimizely_data_platform::Birthday),
    ("optimizely-feature-experimentation-actions", "event", &optimizely_feature_experimentation_actions::Event),
    ("posthog", "uuid", &posthog::EventUuid),
];
