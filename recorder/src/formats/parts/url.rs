//! URLs: absolute ones, and what has to be made so.

use super::super::LOCAL;
use crate::tape::Headers;

/// The URL, absolute: a path alone is completed by `base` or the `host` header. No fragment.
pub(in super::super) fn absolute(
    url: &str,
    headers: &Headers,
    base: Option<&str>,
    notes: &mut Vec<String>,
) -> Result<String, String> {
    let url = url.trim();
    let decoded = unpacked(url);
    if decoded.is_some() {
        notes.push("every character of the URL was percent-encoded".to_owned());
    }
    let url = decoded.as_deref().unwrap_or(url);
    let url = url.split('#').next().unwrap_or_default();
    match scheme(url) {
        Some("http" | "https") => return Ok(url.to_owned()),
        Some(scheme @ ("ws" | "wss")) => {
            notes.push("a WebSocket begins as a request of HTTP, and as such it is on the tape".to_owned());
            let secure = if scheme == "wss" { "s" } else { "" };
            return Ok(format!("http{secure}{}", &url[scheme.len()..]));
        }
        Some(other) => return Err(format!("its URL begins with {other}:, and only HTTP can be a tape")),
        None => {}
    }
    if let Some(rest) = url.strip_prefix("//").filter(|rest| !rest.starts_with('/') && !rest.is_empty()) {
        notes.push("the file does not say whether it was http or https; https stands for it".to_owned());
        return Ok(format!("https://{rest}"));
    }
    if is_expression(url) {
        // Without the query: it may hold a credential.
        let path = url.split('?').next().unwrap_or_default();
        return Err(format!("{path:?} stands for many URLs, and a tape answers one"));
    }
    if !url.starts_with(['/', '?']) && names_a_host(url) {
        notes.push("the file does not say whether it was http or https; http stands for it".to_owned());
        return Ok(format!("http://{url}"));
    }
    let (path, placeholder) = match after_placeholder(url) {
        Some(rest) => (rest, true),
        None => (url, false),
    };
    let slash = if path.starts_with(['/', '?']) || path.is_empty() && base.is_some() { "" } else { "/" };
    if let Some(base) = base {
        return Ok(format!("{}{slash}{path}", base.trim_end_matches('/')));
    }
    if let Some(host) = headers.text("host").map(str::trim).filter(|host| names_a_host(host) && !placeholder) {
        return Ok(format!("http://{host}{slash}{path}"));
    }
    notes.push(format!("the file does not say which host it was; {LOCAL} stands for it (--base URL names it)"));
    Ok(format!("{LOCAL}{slash}{path}"))
}

/// What stands before the first colon, where that is a scheme, in lower case: a port or a placeholder is none.
fn scheme(url: &str) -> Option<&str> {
    let (scheme, rest) = url.split_once(':')?;
    let known =
        ["http", "https", "ws", "wss", "data", "blob", "file", "ftp", "about", "chrome", "chrome-extension", "mailto"];
    let known = known.into_iter().find(|known| scheme.eq_ignore_ascii_case(known))?;
    (rest.starts_with("//") || !known.starts_with(['h', 'w'])).then_some(known)
}

/// `http%3A%2F%2F…`, decoded: what some recordings have where the whole URL was escaped once more.
fn unpacked(url: &str) -> Option<String> {
    let start = url.get(..10)?.to_ascii_lowercase();
    if !["http%3a%2f", "https%3a%2", "%68%74%74%"].contains(&start.as_str()) {
        return None;
    }
    let mut bytes = Vec::with_capacity(url.len());
    let mut rest = url.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let hex = (byte == b'%').then(|| after.get(..2)).flatten().and_then(|digits| std::str::from_utf8(digits).ok());
        match hex.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(decoded) => {
                bytes.push(decoded);
                rest = &after[2..];
            }
            None => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).ok().filter(|decoded| scheme(decoded).is_some())
}

/// `~r/foo.+/`, `REGEXP /…/`, `^/users/\d+$`.
fn is_expression(url: &str) -> bool {
    url.starts_with("~r")
        || url.starts_with('^')
        || url.starts_with("REGEX")
        || url.contains("\\d")
        || url.contains(".*")
}

/// `shop.test:8080/orders`: a host with a dot, or this machine.
fn names_a_host(url: &str) -> bool {
    let authority = url.split(['/', '?']).next().unwrap_or_default();
    let host = authority
        .rsplit_once(':')
        .map_or(authority, |(host, port)| if port.bytes().all(|b| b.is_ascii_digit()) { host } else { authority });
    let plain = host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
    plain && (host == "localhost" || (host.contains('.') && !host.starts_with('.') && !host.ends_with('.')))
}

/// What follows a placeholder for the host: `<<HOST>>/path`, `{{base}}/path`, `<HOST>`, `${HOST}`, `[HOST]`, `%HOST%`.
fn after_placeholder(url: &str) -> Option<&str> {
    let ends = [("<<", ">>"), ("{{", "}}"), ("${", "}"), ("<", ">"), ("{", "}"), ("[", "]"), ("%", "%")];
    ends.into_iter().find_map(|(open, close)| {
        let inner = url.strip_prefix(open)?;
        let end = inner.find(close)?;
        let name = &inner[..end];
        let is_name = !name.is_empty() && !name.contains(['/', '?']);
        is_name.then(|| &inner[end + close.len()..])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(url: &str, headers: &Headers, base: Option<&str>) -> Result<String, String> {
        absolute(url, headers, base, &mut Vec::new())
    }

    #[test]
    fn a_path_gets_the_host_that_the_caller_or_the_header_names() {
        let headers: Headers = [("Host", "shop.test")].into_iter().collect();
        for (url, base, expected) in [
            ("/a?b#c", None, "http://shop.test/a?b"),
            ("/a", Some("https://x.test/"), "https://x.test/a"),
            ("HTTPS://x/y", None, "HTTPS://x/y"),
            ("orders/1", None, "http://shop.test/orders/1"),
            ("", None, "http://shop.test/"),
        ] {
            assert_eq!(completed(url, &headers, base).unwrap(), expected, "{url}");
        }
        assert_eq!(completed("/a", &Headers::new(), None).unwrap(), "http://localhost/a");
    }

    #[test]
    fn what_is_no_whole_url_is_completed_and_said() {
        let headers: Headers = [("Host", "shop.test")].into_iter().collect();
        for (url, expected) in [
            ("<<HOST>>orders", "http://localhost/orders"),
            ("{{base}}/orders?a=1", "http://localhost/orders?a=1"),
            ("api.shop.test:8080/x", "http://api.shop.test:8080/x"),
            ("//cdn.test/x", "https://cdn.test/x"),
            ("wss://shop.test/live", "https://shop.test/live"),
            ("ws://shop.test/live", "http://shop.test/live"),
            ("http%3A%2F%2Fshop.test%2Fa%20b", "http://shop.test/a b"),
        ] {
            let mut notes = Vec::new();
            assert_eq!(absolute(url, &headers, None, &mut notes).unwrap(), expected, "{url}");
            assert_eq!(notes.len(), 1, "{url}: {notes:?}");
        }
    }

    #[test]
    fn what_is_no_single_url_of_http_is_refused() {
        for url in ["data:text/plain,hi", "~r/foo.+/", "^/users/\\d+$", "blob:https://x/1"] {
            assert!(completed(url, &Headers::new(), None).is_err(), "{url}");
        }
    }
}
