//! Who is played.

use crate::Partner;
use crate::amplitude::Amplitude;
use crate::google_analytics_4::GoogleAnalytics4;
use crate::mixpanel::Mixpanel;
use crate::posthog::PostHog;
use crate::slack::Slack;
use crate::webhook::Webhook;

/// Every partner, each from its own file.
pub(crate) fn all() -> Vec<Box<dyn Partner>> {
    vec![
        Box::new(Amplitude),
        Box::new(GoogleAnalytics4),
        Box::new(Mixpanel),
        Box::new(PostHog),
        Box::new(Slack),
        Box::new(Webhook),
    ]
}
