//! Who is played.

use crate::Partner;

/// Every partner, each from its own file.
pub(crate) fn all() -> Vec<Box<dyn Partner>> {
    vec![Box::new(crate::mixpanel::Mixpanel)]
}
