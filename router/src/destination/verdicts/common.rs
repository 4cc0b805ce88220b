//! What answers mean where a file says nothing else.

use http::StatusCode;

use super::rule::Kind;
use crate::client::Failure;
use crate::destination::verdict::Blame;

/// The verdict on an answer. Without OAuth nobody could fetch a new token, so the lane waits for a person.
pub(super) fn on_status(status: StatusCode, oauth: bool) -> Kind {
    match status.as_u16() {
        200..=299 => Kind::Delivered,
        401 if oauth => Kind::Reauthenticate,
        401..=403 => Kind::Pause,
        408 | 425 => Kind::Retry(Blame::Event),
        413 => Kind::Split,
        429 => Kind::Retry(Blame::Instance),
        300..=499 => Kind::Reject,
        // 520-530 are those of a proxy whose partner is not there; from 598 on come numbers that say "leave me alone".
        502..=504 | 520..=530 | 598.. => Kind::Retry(Blame::Host),
        // 1xx is no final answer, and the others of 5xx may have to do with the event.
        _ => Kind::Retry(Blame::Event),
    }
}

/// The verdict where there is no answer.
pub(super) fn on_failure(failure: &Failure) -> Kind {
    match failure {
        Failure::Connect(_) | Failure::Timeout(_) | Failure::Broken(_) => Kind::Retry(Blame::Host),
        Failure::TooLarge(_) => Kind::Reject,
        Failure::Internal(_) => Kind::Pause,
    }
}
