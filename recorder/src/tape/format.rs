//! The words of the format: fields, names of values, limits. `docs/tape-format.md` says the same at length.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{FaultKind, Layer, MessageKind, Origin, Side, Version};

/// The version that is written where it suffices.
pub(super) const VERSION: &str = "1";
/// The version of tapes with a transcript.
pub(super) const VERSION_2: &str = "2";

/// The largest file that is read as a tape, in bytes.
pub(super) const MAX_TAPE: u64 = 64 << 20;
/// Bodies of more bytes than this lie beside the tape.
pub(super) const MAX_INLINE: usize = 64 << 10;
/// The same for images and the like, which nobody reads as text.
pub(super) const MAX_INLINE_MEDIA: usize = 1 << 10;
/// Body files of at most this many bytes are read with the tape; only such bodies are kept decoded.
pub(crate) const MAX_IN_MEMORY: u64 = 1 << 20;

pub(super) const TAPE: &[&str] = &["tape", "key", "layer", "rules", "request", "takes"];
pub(super) const REQUEST: &[&str] = &["method", "url", "version", "headers", "body", "trailers"];
pub(super) const ANSWER: &[&str] =
    &["status", "reason", "version", "url", "headers", "body", "frames", "trailers", "cut", "recorded"];
pub(super) const ANSWER_2: &[&str] = &[
    "status", "reason", "version", "url", "headers", "body", "frames", "trailers", "messages", "close", "cut",
    "recorded",
];
pub(super) const MESSAGE: &[&str] = &["sent", "received"];
pub(super) const MESSAGE_DATA: &[&str] = &["json", "style", "text", "base64", "file", "bytes", "sha256", "type"];
pub(super) const CLOSE: &[&str] = &["by", "code", "reason"];
pub(super) const NO_ANSWER: &[&str] = &["fault", "recorded"];
pub(super) const FAULT: &[&str] = &["kind", "message"];
pub(super) const RECORDED: &[&str] = &["at", "elapsed", "frames", "from", "notes"];
pub(super) const BODY: &[&str] = &["json", "style", "text", "base64", "file", "bytes", "sha256", "coding", "wire"];
pub(super) const BODY_FORMS: &[&str] = &["json", "text", "base64", "file"];
pub(super) const FILE: &[&str] = &["file", "bytes", "sha256"];

/// The body that was sent and had no bytes.
pub(super) const EMPTY: &str = "empty";
/// The program dropped the response.
pub(super) const CUT_BY_CALLER: &str = "caller";

/// Values that stand in the file as a word.
pub(crate) trait Words: Copy + PartialEq + 'static {
    /// Every value and its word.
    const WORDS: &'static [(Self, &'static str)];

    fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(value, _)| *value == self).map_or("", |(_, word)| word)
    }

    fn from_word(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(_, w)| *w == word).map(|(value, _)| *value)
    }

    /// All words, for error texts.
    fn all() -> String {
        Self::WORDS.iter().map(|(_, word)| *word).collect::<Vec<_>>().join(", ")
    }
}

impl Words for Layer {
    const WORDS: &'static [(Self, &'static str)] = &[(Self::Wire, "wire"), (Self::Logical, "logical")];
}

impl Words for Version {
    const WORDS: &'static [(Self, &'static str)] = &[
        (Self::Http09, "HTTP/0.9"),
        (Self::Http10, "HTTP/1.0"),
        (Self::Http11, "HTTP/1.1"),
        (Self::Http2, "HTTP/2"),
        (Self::Http3, "HTTP/3"),
    ];
}

impl Words for Origin {
    const WORDS: &'static [(Self, &'static str)] =
        &[(Self::Live, "live"), (Self::Import, "import"), (Self::Simulated, "simulated"), (Self::Docs, "docs")];
}

impl Words for Side {
    const WORDS: &'static [(Self, &'static str)] = &[(Self::Client, "client"), (Self::Server, "server")];
}

impl Words for MessageKind {
    const WORDS: &'static [(Self, &'static str)] = &[(Self::Text, "text"), (Self::Binary, "binary")];
}

impl Words for FaultKind {
    const WORDS: &'static [(Self, &'static str)] = &[
        (Self::Dns, "dns"),
        (Self::Refused, "refused"),
        (Self::Connect, "connect"),
        (Self::ConnectTimeout, "connect-timeout"),
        (Self::Tls, "tls"),
        (Self::Timeout, "timeout"),
        (Self::Reset, "reset"),
        (Self::Closed, "closed"),
        (Self::Protocol, "protocol"),
        (Self::Other, "other"),
    ];
}

/// `182ms`, and from a second on `30s`, `1.182s`. `None` beyond 64 bits of milliseconds.
pub(super) fn duration_text(duration: Duration) -> Option<String> {
    let millis = u64::try_from(duration.as_millis()).ok()?;
    Some(match (millis / 1000, millis % 1000) {
        (0, millis) => format!("{millis}ms"),
        (seconds, 0) => format!("{seconds}s"),
        (seconds, millis) => format!("{seconds}.{}s", format!("{millis:03}").trim_end_matches('0')),
    })
}

/// The other way round from [`duration_text`].
pub(super) fn duration(text: &str) -> Option<Duration> {
    let number = |digits: &str| {
        (!digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())).then(|| digits.parse::<u64>().ok())?
    };
    let millis = if let Some(millis) = text.strip_suffix("ms") {
        number(millis)?
    } else {
        let (seconds, fraction) = match text.strip_suffix('s')?.split_once('.') {
            Some((seconds, fraction)) if matches!(fraction.len(), 1..=3) => (seconds, format!("{fraction:0<3}")),
            Some(_) => return None,
            None => (text.strip_suffix('s')?, "0".to_owned()),
        };
        number(seconds)?.checked_mul(1000)?.checked_add(number(&fraction)?)?
    };
    Some(Duration::from_millis(millis))
}

/// `2026-11-21T10:00:00Z`. `None` before 1970 and after 9999.
pub(super) fn time_text(at: SystemTime) -> Option<String> {
    /// 10000-01-01T00:00:00Z
    const YEAR_10000: u64 = 253_402_300_800;
    let since = at.duration_since(UNIX_EPOCH).ok()?;
    (since.as_secs() < YEAR_10000).then(|| humantime::format_rfc3339_seconds(at).to_string())
}

/// The other way round from [`time_text`].
pub(super) fn time(text: &str) -> Option<SystemTime> {
    let at = humantime::parse_rfc3339(text).ok()?;
    // one spelling only: neither parts of a second nor anything that the parser forgives
    (time_text(at)? == text).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_one_short_spelling() {
        for (millis, text) in [(0, "0ms"), (182, "182ms"), (1000, "1s"), (1182, "1.182s"), (30_050, "30.05s")] {
            assert_eq!(duration_text(Duration::from_millis(millis)).as_deref(), Some(text));
            assert_eq!(duration(text), Some(Duration::from_millis(millis)));
        }
        for text in ["", "s", "ms", "-1ms", "+1ms", "1", "1.s", "1.0000s", "1.5ms", "99999999999999999999s", "1 s"] {
            assert_eq!(duration(text), None, "{text}");
        }
        assert_eq!(duration_text(Duration::MAX), None);
    }

    #[test]
    fn times_are_whole_seconds_of_four_digit_years() {
        assert_eq!(time_text(UNIX_EPOCH).as_deref(), Some("1970-01-01T00:00:00Z"));
        assert_eq!(time("2026-11-21T10:00:00Z").and_then(time_text).as_deref(), Some("2026-11-21T10:00:00Z"));
        for text in ["2026-11-21T10:00:00.5Z", "2026-11-21", "1969-12-31T23:59:59Z", "2026-13-01T00:00:00Z"] {
            assert_eq!(time(text), None, "{text}");
        }
        assert_eq!(time_text(UNIX_EPOCH - Duration::from_secs(1)), None);
        assert_eq!(time_text(UNIX_EPOCH + Duration::from_secs(253_402_300_800)), None);
    }

    #[test]
    fn every_value_has_its_word() {
        fn check<W: Words + std::fmt::Debug>() {
            for (value, word) in W::WORDS {
                assert_eq!(W::from_word(word), Some(*value));
                assert_eq!(value.word(), *word);
            }
        }
        check::<Layer>();
        check::<Version>();
        check::<Origin>();
        check::<Side>();
        check::<MessageKind>();
        check::<FaultKind>();
    }
}
