//! Who is played.

use crate::Partner;
use crate::amplitude::Amplitude;
use crate::braze::Braze;
use crate::customerio::CustomerIo;
use crate::google_analytics_4::GoogleAnalytics4;
use crate::hubspot::HubSpot;
use crate::intercom::Intercom;
use crate::klaviyo::Klaviyo;
use crate::mixpanel::Mixpanel;
use crate::optimizely::{DataPlatform, FeatureExperimentation};
use crate::posthog::PostHog;
use crate::slack::Slack;
use crate::webhook::Webhook;

/// Every partner, each from its own file.
pub(crate) fn all() -> Vec<Box<dyn Partner>> {
    vec![
        Box::new(Amplitude),
        Box::new(Braze),
        Box::new(CustomerIo),
        Box::new(DataPlatform),
        Box::new(FeatureExperimentation),
        Box::new(GoogleAnalytics4),
        Box::new(HubSpot),
        Box::new(Intercom),
        Box::new(Klaviyo),
        Box::new(Mixpanel),
        Box::new(PostHog),
        Box::new(Slack),
        Box::new(Webhook),
    ]
}
