//! Half characters: what JavaScript leaves where it cuts a text between the two parts of a surrogate pair.

use std::borrow::Cow;

/// Puts U+FFFD in the place of each half, in JSON text: no UTF-8 can hold one.
pub(super) fn whole_characters(json: &str) -> Cow<'_, str> {
    let mut halves = Vec::new();
    // The place behind a first half that waits for its second.
    let mut first = None;
    let mut rest = json;
    while let Some(at) = rest.find('\\') {
        let place = json.len() - rest.len() + at;
        let escape = rest.get(at..).unwrap_or_default();
        let unit = escape.get(2..6).filter(|_| escape.starts_with("\\u"));
        let unit = unit.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        match unit {
            Some(0xD800..0xDC00) => {
                halves.extend(first.take());
                first = Some(place);
            }
            Some(0xDC00..0xE000) => match first.take() {
                Some(high) if high + 6 == place => {}
                high => halves.extend(high.into_iter().chain([place])),
            },
            _ => {}
        }
        rest = escape.get(if unit.is_some() { 6 } else { 2 }..).unwrap_or_default();
    }
    halves.extend(first);
    if halves.is_empty() {
        return Cow::Borrowed(json);
    }
    let mut out = json.to_owned();
    for place in halves {
        out.replace_range(place..place + 6, "\\ufffd");
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_character_becomes_the_replacement_character() {
        for (from, to) in [
            (r#"{"a":"\ud83d"}"#, r#"{"a":"\ufffd"}"#),
            (r#"{"a":"\ud83d\ude00"}"#, r#"{"a":"\ud83d\ude00"}"#),
            (r#"{"a":"\uDE00\ud83d\ud83d\ude00\ude00"}"#, r#"{"a":"\ufffd\ufffd\ud83d\ude00\ufffd"}"#),
            (r#"{"a":"\ud83d x \ude00"}"#, r#"{"a":"\ufffd x \ufffd"}"#),
            (r#"{"a":"\\ud83d"}"#, r#"{"a":"\\ud83d"}"#),
            (r#"{"a":"\ud83d\n\u00e9"}"#, r#"{"a":"\ufffd\n\u00e9"}"#),
        ] {
            let out = whole_characters(from);
            assert_eq!(out, to);
            assert!(serde_json::from_str::<serde_json::Value>(&out).is_ok(), "{out}");
        }
    }
}
