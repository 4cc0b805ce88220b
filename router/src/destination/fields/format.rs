//! Formats of texts, as strict and as lenient as Segment's validator takes them.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::destination::value::time;

/// A format of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// Taken for documentation alone.
    Text,
    /// Whatever JavaScript's dates or dayjs read as a time.
    DateLike,
    DateTime,
    Date,
    Email,
    Uri,
    UriReference,
    Ipv4,
    Ipv6,
    Uuid,
    Hostname,
}

impl Format {
    pub(super) const NAMES: &[&str] = &[
        "text",
        "password",
        "date-like",
        "date-time",
        "date",
        "email",
        "uri",
        "uri-reference",
        "ipv4",
        "ipv6",
        "uuid",
        "hostname",
    ];

    pub(super) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "text" | "password" => Self::Text,
            "date-like" => Self::DateLike,
            "date-time" => Self::DateTime,
            "date" => Self::Date,
            "email" => Self::Email,
            "uri" => Self::Uri,
            "uri-reference" => Self::UriReference,
            "ipv4" => Self::Ipv4,
            "ipv6" => Self::Ipv6,
            "uuid" => Self::Uuid,
            "hostname" => Self::Hostname,
            _ => return None,
        })
    }

    pub(super) fn fits(self, text: &str) -> bool {
        match self {
            Self::Text => true,
            Self::DateLike => time::is_date_like(text),
            Self::DateTime => date_time(text),
            Self::Date => date(text),
            Self::Email => email(text),
            Self::Uri => uri(text),
            Self::UriReference => uri_characters(text),
            Self::Ipv4 => text.parse::<Ipv4Addr>().is_ok(),
            Self::Ipv6 => text.parse::<Ipv6Addr>().is_ok(),
            Self::Uuid => {
                let text = text.strip_prefix("urn:uuid:").unwrap_or(text);
                text.len() == 36 && uuid::Uuid::try_parse(text).is_ok()
            }
            Self::Hostname => {
                text.len() <= 253
                    && text
                        .strip_suffix('.')
                        .unwrap_or(text)
                        .split('.')
                        .all(|label| label.len() <= 63 && is_label(label))
            }
        }
    }

    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::DateLike | Self::DateTime => "a time",
            Self::Date => "a date",
            Self::Email => "an e-mail address",
            Self::Uri | Self::UriReference => "a URL",
            Self::Ipv4 => "an IPv4 address",
            Self::Ipv6 => "an IPv6 address",
            Self::Uuid => "a UUID",
            Self::Hostname => "a host name",
        }
    }
}

/// A date, `T` or a blank, and a time of day with seconds; the zone may be missing.
fn date_time(text: &str) -> bool {
    let Some(at) = text.find(['t', 'T', ' ']) else { return false };
    let (day, clock) = (&text[..at], &text[at + 1..]);
    let bytes = clock.as_bytes();
    let number = |at: usize| -> Option<u8> {
        let digits = bytes.get(at..at + 2)?;
        digits.iter().all(u8::is_ascii_digit).then(|| (digits[0] - b'0') * 10 + (digits[1] - b'0'))
    };
    let (Some(hour), Some(minute), Some(second)) = (number(0), number(3), number(6)) else { return false };
    let fixed = bytes[2] == b':' && bytes[5] == b':';
    let mut rest = &clock[8..];
    if let Some(fraction) = rest.strip_prefix('.') {
        let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            return false;
        }
        rest = &fraction[digits..];
    }
    let zone = match rest.as_bytes() {
        [] | [b'z' | b'Z'] => true,
        [b'+' | b'-', digits @ ..] => {
            matches!(digits, [a, b] | [a, b, b':', _, _] | [a, b, _, _] if a.is_ascii_digit() && b.is_ascii_digit())
                && digits.iter().all(|b| b.is_ascii_digit() || *b == b':')
        }
        _ => false,
    };
    let within = hour <= 23 && minute <= 59 && second <= 59 || (hour, minute, second) == (23, 59, 60);
    fixed && zone && within && date(day)
}

fn date(text: &str) -> bool {
    text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok()
}

fn email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let atom = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~-".contains(&b))
    };
    local.split('.').all(atom) && domain.contains('.') && domain.split('.').all(is_label)
}

fn is_label(label: &str) -> bool {
    let inner = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    !label.is_empty() && label.bytes().all(inner) && !label.starts_with('-') && !label.ends_with('-')
}

fn uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let scheme_fits = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    scheme_fits && uri_characters(rest)
}

fn uri_characters(text: &str) -> bool {
    let bytes = text.as_bytes();
    let fits = |(i, b): (usize, &u8)| match b {
        b'%' => bytes.get(i + 1..i + 3).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)),
        _ => b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?#[]".contains(b),
    };
    bytes.iter().enumerate().all(fits) && text.matches('#').count() <= 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(format: Format, good: &[&str], bad: &[&str]) {
        for text in good {
            assert!(format.fits(text), "{format:?} {text}");
        }
        for text in bad {
            assert!(!format.fits(text), "{format:?} {text}");
        }
    }

    #[test]
    fn formats_are_as_strict_as_segments() {
        check(
            Format::Email,
            &["a@b.co", "a.b+c@x-y.example"],
            &["a", "a@b", "a@b.c d", ".a@b.co", "a@-b.co", "é@b.co"],
        );
        check(
            Format::Uri,
            &["https://a.example/b?c=%20#d", "mailto:a@b"],
            &["a.example", "https://a b", "https://a/%zz", "/path"],
        );
        check(
            Format::DateTime,
            &["2026-01-02T03:04:05Z", "2026-01-02 03:04:05.6+02:00", "2026-01-02T03:04:05"],
            &["2026-01-02", "2026-13-02T03:04:05Z", "2026-01-02T24:04:05Z"],
        );
        check(Format::Ipv4, &["192.0.2.1"], &["192.0.2", "192.0.2.256", "::1"]);
        check(Format::Hostname, &["a.example", "a"], &["", "a..b", "-a.b"]);
        check(Format::Uuid, &["6f1c3f52-6f3c-4a2e-9d8e-2f1a6b7c8d9e"], &["6f1c3f526f3c4a2e9d8e2f1a6b7c8d9e", "x"]);
    }
}
