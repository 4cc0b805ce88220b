//! The rare destinations that need Rust beside their file: a user agent to be taken apart, an order that becomes several events.

mod amplitude;
mod google_analytics_4;
mod mixpanel;
mod posthog;
mod user_agent;

use crate::destination::Code;

/// The hooks: the destination, the name that its file gives after `code:`, and the hook.
pub const HOOKS: &[(&str, &str, &dyn Code)] = &[
    ("amplitude", "event", &amplitude::Event),
    ("amplitude", "purchase", &amplitude::Purchase),
    ("google-analytics-4", "event", &google_analytics_4::Event),
    ("google-analytics-4", "priced", &google_analytics_4::Priced),
    ("mixpanel", "event", &mixpanel::Event),
    ("mixpanel", "increment", &mixpanel::Increment),
    ("mixpanel", "purchase", &mixpanel::Purchase),
    ("posthog", "uuid", &posthog::EventUuid),
];
