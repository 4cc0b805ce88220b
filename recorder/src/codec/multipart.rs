//! Bodies of several parts ([RFC 2046 §5.1]), as spans of the original bytes.
//!
//! [RFC 2046 §5.1]: https://www.rfc-editor.org/rfc/rfc2046#section-5.1.1

use std::ops::Range;

use memchr::memmem;

/// One part of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    /// Names and values of its header fields, white space around the values left out.
    pub(crate) headers: Vec<(Range<usize>, Range<usize>)>,
    /// Its own body.
    pub(crate) body: Range<usize>,
}

impl Part {
    /// The first value under `name`, compared without case, in the bytes that the part was read from.
    pub(crate) fn header<'a>(&self, input: &'a [u8], name: &str) -> Option<&'a [u8]> {
        let found = self.headers.iter().find(|(n, _)| input[n.clone()].eq_ignore_ascii_case(name.as_bytes()));
        found.map(|(_, value)| &input[value.clone()])
    }
}

/// Reads the parts between the delimiters of `boundary`; none where the delimiters, the end or a part's header is missing or
/// malformed. What stands before the first and after the last delimiter has no meaning.
pub(crate) fn parse(input: &[u8], boundary: &str) -> Option<Vec<Part>> {
    if boundary.is_empty() {
        return None;
    }
    let dashed = format!("--{boundary}");
    let delimiters = memmem::Finder::new(dashed.as_bytes());
    let mut parts = Vec::new();
    let mut start: Option<usize> = None;
    let mut at = 0;
    loop {
        let found = at + delimiters.find(&input[at..])?;
        at = found + dashed.len();
        let Some(next) = delimiter_end(input, found, at) else { continue };
        if let Some(start) = start {
            // The line break before a delimiter belongs to it. A part without a body may share that break with its header.
            parts.push(part(input, start..(found - 2).max(start), found)?);
        }
        match next {
            Next::Part(body) => {
                start = Some(body);
                at = body;
            }
            Next::End => return Some(parts),
        }
    }
}

enum Next {
    /// Another part begins here.
    Part(usize),
    End,
}

/// What a delimiter at `found` leads to, if it is one: it stands at the beginning of a line and nothing but white space follows.
fn delimiter_end(input: &[u8], found: usize, mut at: usize) -> Option<Next> {
    if found != 0 && !input[..found].ends_with(b"\r\n") {
        return None;
    }
    let last = input[at..].starts_with(b"--");
    if last {
        at += 2;
    }
    while matches!(input.get(at), Some(b' ' | b'\t')) {
        at += 1;
    }
    match (last, input[at..].starts_with(b"\r\n")) {
        (false, true) => Some(Next::Part(at + 2)),
        (true, true) => Some(Next::End),
        (true, false) if at == input.len() => Some(Next::End),
        _ => None,
    }
}

fn part(input: &[u8], span: Range<usize>, delimiter: usize) -> Option<Part> {
    let mut headers: Vec<(Range<usize>, Range<usize>)> = Vec::new();
    let mut at = span.start;
    loop {
        let end = at + memmem::find(&input[at..delimiter], b"\r\n")?;
        let line = at..end;
        at = end + 2;
        if line.is_empty() {
            return Some(Part { headers, body: at..span.end.max(at) });
        }
        if matches!(input[line.start], b' ' | b'\t') {
            headers.last_mut()?.1.end = line.end;
            continue;
        }
        let colon = line.start + memchr::memchr(b':', &input[line.clone()])?;
        let value = &input[colon + 1..line.end];
        let lead = value.len() - value.trim_ascii_start().len();
        let value_start = colon + 1 + lead;
        headers.push((line.start..colon, value_start..value_start + value.trim_ascii().len()));
        if colon == line.start {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bodies<'a>(input: &'a [u8], boundary: &str) -> Option<Vec<&'a [u8]>> {
        Some(parse(input, boundary)?.into_iter().map(|part| &input[part.body]).collect())
    }

    #[test]
    fn parts_have_headers_and_bodies() {
        let input = b"pre\r\n--b\r\nA: 1 \r\nB:\r\n two\r\n\r\nx\r\n--bb\r\n--b \r\n\r\n\r\n--b--\r\nafter";
        let parts = parse(input, "b").expect("well-formed");
        assert_eq!(parts.len(), 2);
        assert_eq!(parts[0].header(input, "a"), Some(&b"1"[..]));
        assert_eq!(&input[parts[0].body.clone()], b"x\r\n--bb");
        assert_eq!(&input[parts[1].body.clone()], b"");
    }

    #[test]
    fn what_lacks_a_delimiter_or_a_header_end_is_refused() {
        for input in
            ["", "--b", "--b\r\n\r\nx", "--b\r\n\r\nx\r\n--b", "--b\r\nA\r\n\r\nx\r\n--b--", "--b\r\nA: 1\r\n--b--"]
        {
            assert_eq!(parse(input.as_bytes(), "b"), None, "{input:?}");
        }
        assert_eq!(parse(b"--\r\n\r\n--", ""), None);
    }

    #[test]
    fn no_part_at_all_is_well_formed() {
        assert_eq!(parse(b"--b--", "b"), Some(vec![]));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(pieces in prop::collection::vec(
            prop_oneof![Just("--b"), Just("--"), Just("\r\n"), Just("a: 1"), Just("x"), Just(" ")], 0..24)) {
            let input = pieces.concat();
            let _ = parse(input.as_bytes(), "b");
        }

        #[test]
        fn bodies_come_back(contents in prop::collection::vec("[a-z\r\n-]{0,12}", 0..4)) {
            let mut input = String::new();
            for content in &contents {
                input += &format!("--B0\r\nx: y\r\n\r\n{content}\r\n");
            }
            input += "--B0--\r\n";
            let want: Vec<&[u8]> = contents.iter().map(String::as_bytes).collect();
            prop_assert_eq!(bodies(input.as_bytes(), "B0"), Some(want));
        }
    }
}
