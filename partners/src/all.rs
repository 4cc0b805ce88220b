//! Who is played.

use crate::Partner;

/// Every partner, each from its own file.
pub(crate) fn all() -> Vec<Box<dyn Partner>> {
    vec![
        Box::new(crate::braze::Braze),
        Box::new(crate::customerio::CustomerIo),
        Box::new(crate::hubspot::HubSpot),
        Box::new(crate::intercom::Intercom),
        Box::new(crate::klaviyo::Klaviyo),
        Box::new(crate::mixpanel::Mixpanel),
        Box::new(crate::optimizely::DataPlatform),
        Box::new(crate::optimizely::FeatureExperimentation),
    ]
}
