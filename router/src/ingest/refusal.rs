//! Everything that can be wrong with a request or an event in it, each with a code, a status and a sentence.

use std::borrow::Cow;
use std::time::Duration;

use http::StatusCode;

/// Why an event of a request is not accepted. The others of its batch are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// It is no JSON object.
    NotAnObject,
    /// It is larger than the limit for an event.
    TooLarge,
    /// It stands behind as many events as a batch may have.
    TooMany,
    /// It is nested deeper than [`MAX_DEPTH`](super::MAX_DEPTH).
    TooDeep,
    /// It has a number that no double holds.
    NumberOutOfRange,
    /// It is in a batch and has no `type`.
    NoType,
    /// Its `type` is none of the six.
    UnknownType,
    /// It has neither `userId` nor `anonymousId`.
    NoUser,
    /// It is a track event without a name.
    NoEventName,
    /// A field has a kind of value that it cannot have.
    WrongType(&'static str),
    /// It has another write key than the rest of its batch.
    OtherWriteKey,
}

impl Refusal {
    /// One of each, for counting.
    pub(super) const ALL: [Self; 11] = [
        Self::NotAnObject,
        Self::TooLarge,
        Self::TooMany,
        Self::TooDeep,
        Self::NumberOutOfRange,
        Self::NoType,
        Self::UnknownType,
        Self::NoUser,
        Self::NoEventName,
        Self::WrongType(""),
        Self::OtherWriteKey,
    ];

    /// A stable name, for programs. Those that Segment has are Segment's.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::NotAnObject => "not_an_object",
            Self::TooLarge => "too_large",
            Self::TooMany => "too_many",
            Self::TooDeep => "too_deep",
            Self::NumberOutOfRange => "number_out_of_range",
            Self::NoType => "no_type",
            Self::UnknownType => "unknown_type",
            Self::NoUser => "no_user_anon_id",
            Self::NoEventName => "no_event",
            Self::WrongType(_) => "wrong_type",
            Self::OtherWriteKey => "other_write_key",
        }
    }

    /// A sentence for people, with what would mend it.
    pub(super) fn message(self, limits: &super::Limits) -> Cow<'static, str> {
        match self {
            Self::NotAnObject => "an event is a JSON object".into(),
            Self::TooLarge => format!("an event has at most {} bytes: send less with it", limits.event_bytes).into(),
            Self::TooMany => format!("a batch has at most {} events: send the rest apart", limits.batch_events).into(),
            Self::TooDeep => format!("an event is nested at most {} deep", super::MAX_DEPTH).into(),
            Self::NumberOutOfRange => "a number is too large for a double: send it as a text".into(),
            Self::NoType => "an event in a batch needs a `type`: track, identify, page, screen, group or alias".into(),
            Self::UnknownType => "`type` is none of track, identify, page, screen, group, alias".into(),
            Self::NoUser => "one of `userId` and `anonymousId` is needed".into(),
            Self::NoEventName => "a track event needs a name in `event`".into(),
            Self::WrongType(field @ ("context" | "integrations" | "properties" | "traits")) => {
                format!("`{field}` is an object").into()
            }
            Self::WrongType(field) => format!("`{field}` is a text").into(),
            Self::OtherWriteKey => "its `writeKey` differs from that of the batch: send it apart".into(),
        }
    }

    /// Its place in [`ALL`](Self::ALL).
    pub(super) fn place(self) -> usize {
        Self::ALL.iter().position(|other| other.code() == self.code()).unwrap_or_default()
    }
}

/// Why a whole request is not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Problem {
    /// The body is no JSON, or not of the shape that the endpoint takes.
    Json(String),
    /// The body is not UTF-8.
    Utf8 { at: usize },
    /// The body, its content coding undone, is larger than a batch may be.
    TooLarge { limit: usize },
    /// The only event is refused.
    Event(Refusal),
    /// A content coding that is not undone here.
    Coding,
    /// The body is not in the content coding that it is said to be in.
    Garbled,
    /// The body did not arrive in time.
    Slow,
    /// The connection broke in the middle of the body.
    Broken,
    /// No write key in the request.
    NoKey,
    /// A write key that nobody has.
    UnknownKey,
    /// The source is switched off.
    Disabled,
    /// Too much to take just now.
    Full { retry_after: Duration },
    /// The log failed: nothing was accepted.
    Log,
    /// No such path.
    NotFound,
    /// A path that is there, asked in a way that is not.
    Method,
}

impl Problem {
    /// The status. Segment answers a payload that is too large with 400; a strict client learns more from 413.
    pub(super) fn status(&self, strict: bool) -> StatusCode {
        match self {
            Self::TooLarge { .. } | Self::Event(Refusal::TooLarge) if strict => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Json(_) | Self::Utf8 { .. } | Self::TooLarge { .. } | Self::Event(_) => StatusCode::BAD_REQUEST,
            Self::Garbled | Self::Broken => StatusCode::BAD_REQUEST,
            Self::Coding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::NoKey | Self::UnknownKey | Self::Disabled => StatusCode::UNAUTHORIZED,
            Self::Full { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Log => StatusCode::SERVICE_UNAVAILABLE,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
        }
    }

    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Json(_) => "invalid_json",
            Self::Utf8 { .. } => "not_utf8",
            Self::TooLarge { .. } => "too_large",
            Self::Event(refusal) => refusal.code(),
            Self::Coding => "unknown_content_encoding",
            Self::Garbled => "garbled_body",
            Self::Slow => "too_slow",
            Self::Broken => "broken_body",
            Self::NoKey => "no_write_key",
            Self::UnknownKey => "unknown_write_key",
            Self::Disabled => "source_disabled",
            Self::Full { .. } => "too_many_requests",
            Self::Log => "unavailable",
            Self::NotFound => "not_found",
            Self::Method => "method_not_allowed",
        }
    }

    pub(super) fn message(&self, limits: &super::Limits) -> Cow<'static, str> {
        match self {
            Self::Json(what) => format!("invalid JSON: {what}").into(),
            Self::Utf8 { at } => format!("the body is not UTF-8 at byte {at}: send JSON in UTF-8").into(),
            Self::TooLarge { limit } => {
                format!("the body has more than {limit} bytes: send fewer events at once").into()
            }
            Self::Event(refusal) => refusal.message(limits),
            Self::Coding => "this content-encoding is not known: send the body plain or with gzip".into(),
            Self::Garbled => "the body is not in the content-encoding that the header names".into(),
            Self::Slow => "the body did not arrive in time: nothing of it was accepted".into(),
            Self::Broken => "the body ended too early: nothing of it was accepted".into(),
            Self::NoKey => {
                "no write key: give it as the user name of basic authorization or as `writeKey` in the body".into()
            }
            Self::UnknownKey => "no source has this write key".into(),
            Self::Disabled => "the source with this write key is switched off".into(),
            Self::Full { retry_after } => {
                format!("too much to take just now: try again in {} s", seconds(*retry_after)).into()
            }
            Self::Log => "the events could not be stored, nothing was accepted: try again".into(),
            Self::NotFound => {
                "no such path: POST to /v1/track, identify, page, screen, group, alias, batch or import".into()
            }
            Self::Method => "use POST".into(),
        }
    }

    /// When to come back, where coming back is of use.
    pub(super) fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Full { retry_after } => Some(seconds(*retry_after)),
            Self::Log => Some(1),
            _ => None,
        }
    }
}

/// Whole seconds, at least one.
fn seconds(time: Duration) -> u64 {
    time.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX).max(1)
}
