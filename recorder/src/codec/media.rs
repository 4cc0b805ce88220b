//! Media types with parameters ([RFC 9110 §8.3.1]): `multipart/form-data; boundary="x"`.
//!
//! [RFC 9110 §8.3.1]: https://www.rfc-editor.org/rfc/rfc9110#section-8.3.1

use std::borrow::Cow;
use std::fmt;

/// A media type whose names are in lower case and whose values have lost their quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Media<'a> {
    /// `type/subtype`, lower case.
    pub(crate) essence: String,
    /// Parameters in the order of the input, names in lower case.
    pub(crate) params: Vec<(String, Cow<'a, str>)>,
}

/// What stands before the first `;`, trimmed, in the case it has; for asking what kind of body this is, however its
/// parameters are written.
pub(crate) fn essence(value: &str) -> &str {
    value.split(';').next().unwrap_or_default().trim_ascii()
}

/// Whether bodies of this type are JSON documents: `json`, `…+json` and the JSON protocols of AWS.
pub(crate) fn is_json(essence: &str) -> bool {
    let Some((_, subtype)) = essence.split_once('/') else { return false };
    let ends_in_json = subtype.len() > 5 && subtype.as_bytes()[subtype.len() - 5..].eq_ignore_ascii_case(b"+json");
    ends_in_json
        || ["json", "x-json", "x-amz-json-1.0", "x-amz-json-1.1"].iter().any(|s| subtype.eq_ignore_ascii_case(s))
}

/// Whether the type is `multipart/…`.
pub(crate) fn is_multipart(essence: &str) -> bool {
    essence.split_once('/').is_some_and(|(kind, _)| kind.eq_ignore_ascii_case("multipart"))
}

impl<'a> Media<'a> {
    /// Reads a field value; none where it does not follow the grammar.
    pub(crate) fn parse(value: &'a str) -> Option<Self> {
        let value = value.trim_ascii();
        let (essence, mut rest) = value.split_at(value.find(';').unwrap_or(value.len()));
        let essence = essence.trim_ascii();
        let (kind, subtype) = essence.split_once('/')?;
        if !is_token(kind) || !is_token(subtype) {
            return None;
        }
        let mut params = Vec::new();
        while let Some(after) = rest.strip_prefix(';') {
            rest = after.trim_ascii_start();
            if rest.is_empty() || rest.starts_with(';') {
                continue;
            }
            let (name, after) = rest.split_once('=')?;
            if !is_token(name) {
                return None;
            }
            let (value, after) = match after.strip_prefix('"') {
                Some(quoted) => unquote(quoted)?,
                None => {
                    let (value, after) = after.split_at(after.find(';').unwrap_or(after.len()));
                    let value = value.trim_ascii_end();
                    if !is_token(value) {
                        return None;
                    }
                    (Cow::Borrowed(value), after)
                }
            };
            params.push((name.to_ascii_lowercase(), value));
            rest = after.trim_ascii_start();
        }
        rest.is_empty().then(|| Self { essence: essence.to_ascii_lowercase(), params })
    }

    /// The first parameter of this lower-case name.
    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_ref())
    }
}

/// One spelling for each: `; ` before a parameter, quotes only where they are needed.
impl fmt::Display for Media<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.essence)?;
        for (name, value) in &self.params {
            if is_token(value) {
                write!(f, "; {name}={value}")?;
            } else {
                write!(f, "; {name}=\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))?;
            }
        }
        Ok(())
    }
}

/// The text of a quoted string whose first quote is gone, and what follows its last.
fn unquote(input: &str) -> Option<(Cow<'_, str>, &str)> {
    let end = input.find(['"', '\\'])?;
    if input.as_bytes()[end] == b'"' {
        return Some((Cow::Borrowed(&input[..end]), &input[end + 1..]));
    }
    let mut out = String::new();
    let mut chars = input.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((Cow::Owned(out), &input[at + 1..])),
            '\\' => out.push(chars.next()?.1),
            c => out.push(c),
        }
    }
    None
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_lose_their_case_and_values_their_quotes() {
        let media = Media::parse(r#"Multipart/Form-Data ;Boundary="a\"b" ; charset=UTF-8;"#).expect("well-formed");
        assert_eq!(media.essence, "multipart/form-data");
        assert_eq!(media.param("boundary"), Some("a\"b"));
        assert_eq!(media.to_string(), r#"multipart/form-data; boundary="a\"b"; charset=UTF-8"#);
    }

    #[test]
    fn what_does_not_follow_the_grammar_is_refused() {
        for value in ["", "json", "a/", "a/b; c", "a/b; c=", "a/b; c=\"d", "a/b; c=\"d\"e", "a b/c", "a/b; c =d"] {
            assert_eq!(Media::parse(value), None, "{value}");
        }
    }

    #[test]
    fn json_types_are_known() {
        for essence in ["application/json", "Application/Problem+JSON", "text/json", "application/x-amz-json-1.1"] {
            assert!(is_json(essence), "{essence}");
        }
        for essence in ["json", "application/jsonp", "application/x-ndjson", "text/plain"] {
            assert!(!is_json(essence), "{essence}");
        }
    }

    proptest! {
        #[test]
        fn one_spelling_reads_back_as_itself(value in r#"[aA]/b(; ?[xX]=(c|"[\\"]?d[ ;]*"))*"#) {
            if let Some(media) = Media::parse(&value) {
                let text = media.to_string();
                prop_assert_eq!(Media::parse(&text), Some(media));
            }
        }
    }
}
