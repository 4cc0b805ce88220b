//! Casts for names, addresses and what identifies people: normalised as partners ask for it, then hashed.

/// `orderCompleted`, `Order Completed`, `order-completed`: `order_completed`.
pub(super) fn snake(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut before = ' ';
    for c in text.chars() {
        if c.is_alphanumeric() {
            let new_word =
                (c.is_uppercase() && (before.is_lowercase() || before.is_numeric())) || !before.is_alphanumeric();
            if new_word && !out.is_empty() {
                out.push('_');
            }
            out.extend(c.to_lowercase());
        }
        before = c;
    }
    out
}

/// `+` and 7 to 15 digits, of a number written with blanks, dots, hyphens and parentheses. A number without its country code cannot be
/// completed and is none; one that begins with `00` or has at least 11 digits is taken to have it.
pub(super) fn e164(text: &str) -> Option<String> {
    let text = text.trim();
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let others = |c: char| c.is_ascii_digit() || " .-()/+\u{a0}".contains(c);
    let digits = match digits.strip_prefix("00") {
        Some(rest) if !text.starts_with('+') => rest.to_owned(),
        _ if text.starts_with('+') || digits.len() >= 11 => digits,
        _ => return None,
    };
    let fits = text.chars().all(others) && (7..=15).contains(&digits.len()) && !digits.starts_with('0');
    fits.then(|| format!("+{digits}"))
}

/// SHA-256 as 64 hexadecimal digits.
pub(super) fn sha256(text: &str) -> String {
    let mut out = String::with_capacity(64);
    for byte in hmac_sha256::Hash::hash(text.as_bytes()) {
        for digit in [byte >> 4, byte & 15] {
            out.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
        }
    }
    out
}

/// Trimmed and in lower case, then hashed; what is a hash already stays.
pub(super) fn sha256_email(text: &str) -> String {
    let plain = text.trim().to_lowercase();
    if is_hash(&plain) { plain } else { sha256(&plain) }
}

/// As E.164, then hashed; what is a hash already stays.
pub(super) fn sha256_phone(text: &str) -> Option<String> {
    let plain = text.trim().to_lowercase();
    if is_hash(&plain) { Some(plain) } else { e164(&plain).map(|phone| sha256(&phone)) }
}

fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Three letters, in upper case.
pub(super) fn currency(text: &str) -> Option<String> {
    let text = text.trim();
    (text.len() == 3 && text.bytes().all(|b| b.is_ascii_alphabetic())).then(|| text.to_ascii_uppercase())
}

/// The host of a URL, without its port and in lower case.
pub(super) fn url_host(text: &str) -> Option<String> {
    let uri: http::Uri = text.trim().parse().ok()?;
    uri.host().map(str::to_ascii_lowercase)
}

/// The path of a URL, without its query.
pub(super) fn url_path(text: &str) -> Option<String> {
    let plain = text.trim().split('#').next().unwrap_or_default();
    let uri: http::Uri = plain.parse().ok()?;
    Some(uri.path().to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::apply_to;
    use super::*;
    use serde_json::json;

    #[test]
    fn names_in_every_style_become_snake_case() {
        for text in ["Order Completed", "orderCompleted", "order-completed", "Order_Completed", " order  completed "] {
            assert_eq!(snake(text), "order_completed", "{text:?}");
        }
        assert_eq!(snake("HTTP2 Über"), "http2_über");
    }

    #[test]
    fn a_phone_number_needs_its_country_code() {
        assert_eq!(e164("+1 (555) 123-4567").as_deref(), Some("+15551234567"));
        assert_eq!(e164("0049 30 1234567").as_deref(), Some("+49301234567"));
        assert_eq!(e164("15551234567").as_deref(), Some("+15551234567"));
        for text in ["555-1234", "030 1234567", "call me", "+1 555 CALL", ""] {
            assert_eq!(e164(text), None, "{text:?}");
        }
    }

    #[test]
    fn addresses_are_normalised_before_they_are_hashed_and_hashed_once() {
        let hash = sha256("jane@example.com");
        assert_eq!(sha256_email(" Jane@Example.com "), hash);
        assert_eq!(sha256_email(&hash.to_uppercase()), hash);
        assert_eq!(sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }

    #[test]
    fn a_cast_says_what_it_could_not_use() {
        assert_eq!(apply_to("currency", json!("Euro")), Err("\"Euro\" is not a currency of three letters".to_owned()));
        assert_eq!(apply_to("currency", json!(" eur ")), Ok(Some(json!("EUR"))));
        assert_eq!(apply_to("cents", json!("12.345")), Ok(Some(json!(1235))));
        assert_eq!(apply_to("unix", json!("yesterday")), Err("\"yesterday\" is not a time".to_owned()));
        assert_eq!(apply_to("url_host", json!("https://Shop.Example:8080/a?b")), Ok(Some(json!("shop.example"))));
        assert_eq!(apply_to("url_path", json!("https://shop.example/a/b?c#d")), Ok(Some(json!("/a/b"))));
    }
}
