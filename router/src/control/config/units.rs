//! Sizes and durations as people write them: `32KiB`, `2MB`, `90s`, `1h 30m`.

use std::time::Duration;

/// What a letter behind a number of bytes stands for. `KB` is a thousand as on a disk's label, `KiB` is 1024.
const SIZES: [(&str, u64); 10] = [
    ("b", 1),
    ("", 1),
    ("kb", 1_000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
    ("tb", 1_000_000_000_000),
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("tib", 1 << 40),
];

/// Reads a size in bytes; `None` for what is none.
pub(super) fn size(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '_')).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim().to_ascii_lowercase();
    let (_, factor) = SIZES.iter().find(|(name, _)| *name == unit)?;
    let number = number.replace('_', "");
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(*factor);
    }
    let bytes = number.parse::<f64>().ok()? * *factor as f64;
    // Beyond 2^53 a float is no longer exact, and no disk is that large.
    (bytes.is_finite() && (0.0..9e15).contains(&bytes)).then_some(bytes as u64)
}

/// Reads a duration; `None` for what is none. A number without a unit is none: nobody can tell seconds from milliseconds.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    if text == "0" {
        return Some(Duration::ZERO);
    }
    humantime::parse_duration(text).ok()
}

/// A size as text, in the largest unit that shows it exactly.
pub(crate) fn show_size(bytes: u64) -> String {
    let exact = SIZES[2..].iter().filter(|(_, factor)| bytes >= *factor && bytes.is_multiple_of(*factor));
    match exact.max_by_key(|(_, factor)| *factor) {
        None => format!("{bytes}B"),
        Some((unit, factor)) => {
            let unit = unit.to_ascii_uppercase().replace('I', "i");
            format!("{}{unit}", bytes / factor)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_and_without_a_unit() {
        for (text, bytes) in [
            ("32KB", 32_000),
            ("32 KiB", 32_768),
            ("500kb", 500_000),
            ("1.5MB", 1_500_000),
            ("20GB", 20_000_000_000),
            ("1_000", 1_000),
            ("7", 7),
            ("0", 0),
        ] {
            assert_eq!(size(text), Some(bytes), "{text}");
        }
        for text in ["", "KB", "-1KB", "1XB", "1.2.3KB", "1e3", "99999999999TB"] {
            assert_eq!(size(text), None, "{text}");
        }
    }

    #[test]
    fn durations_need_a_unit() {
        assert_eq!(duration("4h"), Some(Duration::from_secs(14_400)));
        assert_eq!(duration("1m 30s"), Some(Duration::from_secs(90)));
        assert_eq!(duration("0"), Some(Duration::ZERO));
        assert_eq!(duration("5"), None);
        assert_eq!(duration("soon"), None);
    }

    #[test]
    fn a_size_is_shown_as_it_would_be_written() {
        assert_eq!(show_size(32_768), "32KiB");
        assert_eq!(show_size(500_000), "500KB");
        assert_eq!(show_size(20_000_000_000), "20GB");
        assert_eq!(show_size(1_001), "1001B");
        assert_eq!(show_size(0), "0B");
    }
}
