//! What little is changed in an event before it is kept: what is missing is written behind the rest, so that it is the last that
//! is said about it.

use std::borrow::Cow;

use super::read::Mend;
use super::surrogates::whole_characters;

/// The event with its type and its `messageId`, and without half characters.
pub(super) fn mended<'a>(json: &'a str, mend: Mend<'_>, id: Option<&str>) -> Cow<'a, str> {
    let mut out = if mend.surrogate { whole_characters(json) } else { Cow::Borrowed(json) };
    let fields = [mend.call.map(|call| ("type", call.name())), id.map(|id| ("messageId", id))];
    for (name, value) in fields.into_iter().flatten() {
        let text = out.to_mut();
        let Some(end) = text.rfind('}') else { continue };
        text.truncate(end);
        if !text.trim_ascii_end().ends_with('{') {
            text.push(',');
        }
        // Neither types nor ids that are made here have anything to escape.
        text.extend(["\"", name, "\":\"", value, "\"}"]);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::read::Call;

    #[test]
    fn what_is_missing_is_written_behind_the_rest() {
        let mend = Mend { call: Some(Call::Page), ..Mend::default() };
        assert_eq!(mended("{ }", mend, Some("m")), r#"{ "type":"page","messageId":"m"}"#);
        assert_eq!(mended(r#"{"a":{}}"#, mend, None), r#"{"a":{},"type":"page"}"#);
        assert_eq!(mended(r#"{"a":1 }"#, Mend::default(), Some("m")), r#"{"a":1 ,"messageId":"m"}"#);
        assert!(matches!(mended("{}", Mend::default(), None), Cow::Borrowed("{}")));
    }
}
