//! Percent-encoding ([RFC 3986 §2.1]), the pairs of queries and forms, and the parts of an absolute URL.
//!
//! Everything works on spans of the original bytes, so that a caller can replace one part and leave all others alone. All
//! of it is lenient: what is no escape stays as it stands, nothing fails.
//!
//! [RFC 3986 §2.1]: https://www.rfc-editor.org/rfc/rfc3986#section-2.1

use std::borrow::Cow;
use std::ops::Range;

/// Undoes `%XX`; a `%` that begins no escape stays.
pub(crate) fn decode(input: &[u8]) -> Cow<'_, [u8]> {
    decode_with(input, false)
}

/// Undoes `%XX`, and `+` is a space, as in `application/x-www-form-urlencoded`.
pub(crate) fn decode_form(input: &[u8]) -> Cow<'_, [u8]> {
    decode_with(input, true)
}

/// Escapes every byte that is not unreserved (letters, digits, `-._~`), as JavaScript's `encodeURIComponent` nearly does.
#[cfg(test)]
pub(crate) fn encode_component(input: &[u8]) -> String {
    let mut out = String::with_capacity(input.len() + input.len() / 4);
    for &byte in input {
        if is_unreserved(byte) { out.push(char::from(byte)) } else { push_escape(&mut out, byte) }
    }
    out
}

/// Makes equivalent spellings one ([RFC 3986 §6.2.2]): escapes of unreserved characters are undone, the hex of all others is
/// in capitals. `%2F` stays apart from `/`. Folding twice changes nothing.
///
/// [RFC 3986 §6.2.2]: https://www.rfc-editor.org/rfc/rfc3986#section-6.2.2
pub(crate) fn fold(input: &str) -> Cow<'_, str> {
    let bytes = input.as_bytes();
    let Some(first) = bytes.iter().position(|&b| b == b'%') else { return Cow::Borrowed(input) };
    let mut out = String::with_capacity(input.len());
    out.push_str(&input[..first]);
    let mut at = first;
    // How many characters ago a `%` stood that begins no escape: undoing the next escape must not give it the digits of one.
    let mut stray = usize::MAX;
    while at < bytes.len() {
        match escape_at(bytes, at) {
            Some(byte) if is_unreserved(byte) && !(stray < 2 && byte.is_ascii_hexdigit()) => {
                out.push(char::from(byte));
                at += 3;
                stray = stray.saturating_add(1);
            }
            Some(byte) => {
                push_escape(&mut out, byte);
                at += 3;
                stray = usize::MAX;
            }
            None => {
                stray = if bytes[at] == b'%' { 0 } else { stray.saturating_add(1) };
                let width = input[at..].chars().next().map_or(1, char::len_utf8);
                out.push_str(&input[at..at + width]);
                at += width;
            }
        }
    }
    Cow::Owned(out)
}

/// One `name=value` of a query or a form, undecoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pair<'a> {
    input: &'a [u8],
    /// Where the name stands in the input.
    pub(crate) name_span: Range<usize>,
    /// Where the value stands; none where there is no `=`.
    pub(crate) value_span: Option<Range<usize>>,
}

impl<'a> Pair<'a> {
    /// The name as it stands.
    pub(crate) fn name(&self) -> &'a [u8] {
        &self.input[self.name_span.clone()]
    }

    /// The value as it stands; `a` has none, `a=` an empty one.
    pub(crate) fn value(&self) -> Option<&'a [u8]> {
        self.value_span.clone().map(|span| &self.input[span])
    }
}

/// The pairs of a query (without its `?`) or of a form body, in order. Nothing is skipped: `a&&b` has an empty pair in the
/// middle, and an empty input is one empty pair, so that joining with `&` gives the input back.
pub(crate) fn pairs(input: &[u8]) -> impl Iterator<Item = Pair<'_>> {
    let mut start = 0;
    input.split(|&b| b == b'&').map(move |piece| {
        let span = start..start + piece.len();
        start = span.end + 1;
        match memchr::memchr(b'=', piece) {
            Some(at) => {
                Pair { input, name_span: span.start..span.start + at, value_span: Some(span.start + at + 1..span.end) }
            }
            None => Pair { input, name_span: span, value_span: None },
        }
    })
}

/// The parts of an absolute URL, as spans of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parts {
    /// Without `:`.
    pub(crate) scheme: Range<usize>,
    /// Between `//` and the path: user, host and port.
    pub(crate) authority: Range<usize>,
    /// Before the `@`, where there is one.
    pub(crate) userinfo: Option<Range<usize>>,
    /// With the brackets of an IPv6 address.
    pub(crate) host: Range<usize>,
    /// Digits after the last `:`, perhaps none.
    pub(crate) port: Option<Range<usize>>,
    /// Begins with `/`, or is empty.
    pub(crate) path: Range<usize>,
    /// Without `?`.
    pub(crate) query: Option<Range<usize>>,
    /// Without `#`.
    pub(crate) fragment: Option<Range<usize>>,
}

/// Splits `scheme://authority/path?query#fragment`; none where `url` does not begin with a scheme and `://`.
///
/// What follows the last `:` of the authority is a port only where it is all digits, so that a placeholder with a colon in
/// it can stand for a host.
pub(crate) fn split_url(url: &str) -> Option<Parts> {
    let scheme_end = url.find("://")?;
    let scheme = &url.as_bytes()[..scheme_end];
    let legal = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
    if !scheme.first()?.is_ascii_alphabetic() || !scheme.iter().all(legal) {
        return None;
    }
    let start = scheme_end + 3;
    let end_of = |from: usize, stops: &[char]| url[from..].find(stops).map_or(url.len(), |at| from + at);
    let authority = start..end_of(start, &['/', '?', '#']);
    let path = authority.end..end_of(authority.end, &['?', '#']);
    let mut rest = path.end;
    let query = url[rest..].starts_with('?').then(|| rest + 1..end_of(rest + 1, &['#']));
    rest = query.as_ref().map_or(rest, |query| query.end);
    let fragment = url[rest..].starts_with('#').then(|| rest + 1..url.len());

    let userinfo = url[authority.clone()].rfind('@').map(|at| authority.start..authority.start + at);
    let host_start = userinfo.as_ref().map_or(authority.start, |user| user.end + 1);
    let port = url[host_start..authority.end].rfind(':').map(|at| host_start + at + 1..authority.end);
    let port = port.filter(|span| url[span.clone()].bytes().all(|b| b.is_ascii_digit()));
    let host = host_start..port.as_ref().map_or(authority.end, |port| port.start - 1);
    Some(Parts { scheme: 0..scheme_end, authority, userinfo, host, port, path, query, fragment })
}

fn decode_with(input: &[u8], plus_is_space: bool) -> Cow<'_, [u8]> {
    let special = |&b: &u8| b == b'%' || (plus_is_space && b == b'+');
    let Some(first) = input.iter().position(special) else { return Cow::Borrowed(input) };
    let mut out = Vec::with_capacity(input.len());
    out.extend_from_slice(&input[..first]);
    let mut at = first;
    while let Some(&byte) = input.get(at) {
        match escape_at(input, at) {
            Some(decoded) => {
                out.push(decoded);
                at += 3;
            }
            None => {
                out.push(if plus_is_space && byte == b'+' { b' ' } else { byte });
                at += 1;
            }
        }
    }
    Cow::Owned(out)
}

/// The byte that the escape at `at` stands for, if one stands there.
fn escape_at(bytes: &[u8], at: usize) -> Option<u8> {
    let [b'%', high, low] = bytes.get(at..at + 3)? else { return None };
    let digit = |b: u8| char::from(b).to_digit(16);
    u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

fn push_escape(out: &mut String, byte: u8) {
    const HEX: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    out.push('%');
    out.push(HEX[usize::from(byte >> 4)]);
    out.push(HEX[usize::from(byte & 15)]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn decoding_keeps_what_is_no_escape() {
        assert_eq!(&*decode(b"a%20b%2fc%zz%4"), b"a b/c%zz%4");
        assert_eq!(&*decode(b"a+b"), b"a+b");
        assert_eq!(&*decode_form(b"a+b%2B%ff"), b"a b+\xff");
        assert!(matches!(decode(b"plain"), Cow::Borrowed(_)));
    }

    #[test]
    fn folding_undoes_unreserved_escapes_only() {
        assert_eq!(fold("/%7Ea%2fb%41%c3%a9é"), "/~a%2FbA%C3%A9é");
        assert_eq!(fold("%%32F"), "%%32F", "a stray `%` gets no digits from an escape");
        assert_eq!(fold("%2%46"), "%2%46");
        assert_eq!(fold("%a%7E"), "%a~");
        assert_eq!(fold("100%"), "100%");
    }

    #[test]
    fn pairs_keep_order_spans_and_missing_values() {
        let input = b"a=1&b&&c==";
        let seen: Vec<_> = pairs(input).map(|p| (p.name(), p.value())).collect();
        let want: [(&[u8], Option<&[u8]>); 4] = [(b"a", Some(b"1")), (b"b", None), (b"", None), (b"c", Some(b"="))];
        assert_eq!(seen, want);
        assert_eq!(pairs(input).next().and_then(|p| p.value_span), Some(2..3));
    }

    #[test]
    fn a_url_splits_into_spans() {
        let url = "https://u:p@[::1]:8080/a/b?x=1#f";
        let parts = split_url(url).expect("absolute");
        assert_eq!(&url[parts.scheme], "https");
        assert_eq!(&url[parts.authority], "u:p@[::1]:8080");
        assert_eq!(parts.userinfo.map(|s| &url[s]), Some("u:p"));
        assert_eq!(&url[parts.host], "[::1]");
        assert_eq!(parts.port.map(|s| &url[s]), Some("8080"));
        assert_eq!(&url[parts.path], "/a/b");
        assert_eq!(parts.query.map(|s| &url[s]), Some("x=1"));
        assert_eq!(parts.fragment.map(|s| &url[s]), Some("f"));
    }

    #[test]
    fn a_url_may_lack_most_parts() {
        let parts = split_url("http://h?").expect("absolute");
        assert_eq!((parts.path, parts.query, parts.port), (8..8, Some(9..9), None));
        let placeholder = split_url("http://{{secret:h}}/").expect("absolute");
        assert_eq!((placeholder.host, placeholder.port), (7..19, None));
        assert_eq!(split_url("http://[::1]/").expect("absolute").port, None);
        assert_eq!(split_url("/path?to=http://x"), None);
        assert_eq!(split_url("host:443"), None);
    }

    proptest! {
        #[test]
        fn folding_is_idempotent_and_keeps_meaning(text in "[%0-9a-fA-F/é~]{0,12}") {
            let once = fold(&text).into_owned();
            prop_assert_eq!(&fold(&once), &once);
            prop_assert_eq!(decode(once.as_bytes()), decode(text.as_bytes()));
        }

        #[test]
        fn encoding_then_decoding_gives_the_bytes(bytes: Vec<u8>) {
            let encoded = encode_component(&bytes);
            prop_assert_eq!(&*decode(encoded.as_bytes()), &bytes[..]);
            prop_assert_eq!(&*decode_form(encoded.as_bytes()), &bytes[..]);
        }

        #[test]
        fn pairs_join_to_their_input(bytes: Vec<u8>) {
            let joined: Vec<Vec<u8>> = pairs(&bytes).map(|p| {
                let end = p.value_span.clone().map_or(p.name_span.end, |v| v.end);
                bytes[p.name_span.start..end].to_vec()
            }).collect();
            prop_assert_eq!(joined.join(&b'&'), bytes);
        }

        #[test]
        fn splitting_never_panics(text in ".*") {
            let _ = split_url(&text);
            let _ = split_url(&format!("a://{text}"));
        }
    }
}
