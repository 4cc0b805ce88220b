//! Bodies in the forms that recordings have.

use base64::Engine as _;
use bytes::Bytes;

use super::super::value::{Spelling, Value};
use super::super::yaml::BASE64;
use super::super::{LARGEST, Source};
use crate::tape::{Body, Headers};

/// A body of these bytes.
pub(in super::super) fn body(bytes: impl Into<Vec<u8>>) -> Body {
    Body::Bytes(Bytes::from(bytes.into()))
}

/// Base64 as people write it: line breaks and all, with either alphabet.
pub(in super::super) fn base64(text: &str) -> Result<Vec<u8>, String> {
    let mut packed: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    if packed.contains(&b'-') || packed.contains(&b'_') {
        for byte in &mut packed {
            match byte {
                b'-' => *byte = b'+',
                b'_' => *byte = b'/',
                _ => {}
            }
        }
    }
    BASE64.decode(packed).map_err(|error| format!("the body is said to be base64 and is not: {error}"))
}

/// Base64 into which somebody wrote something else, a placeholder for one: what is not of its alphabet is left out, as Ruby and
/// Python do.
pub(in super::super) fn base64_or_most_of_it(text: &str, notes: &mut Vec<String>) -> Result<Vec<u8>, String> {
    let strict: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    if let Ok(bytes) = BASE64.decode(&strict) {
        return Ok(bytes);
    }
    let of_alphabet = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let mut kept: Vec<u8> = strict.iter().copied().filter(of_alphabet).collect();
    let foreign = strict.iter().filter(|byte| !of_alphabet(byte) && **byte != b'=').count();
    if foreign * 20 > strict.len() || foreign == 0 {
        return base64(text);
    }
    if kept.len() % 4 == 1 {
        kept.pop();
    }
    notes.push(format!("{foreign} characters of its body's base64 are none; the body is made of the others"));
    // The last group may have bits that no byte has.
    BASE64.decode(&kept).or_else(|_| BASE64.decode(&kept[..kept.len() - kept.len() % 4])).map_err(|e| e.to_string())
}

/// A body that the recording has as data, in its old spelling if the length says which of the usual ones that was: compact,
/// with blanks (Python), on lines of their own.
pub(in super::super) fn json(value: &Value, headers: &Headers) -> Body {
    let compact = value.to_json();
    let length = headers.text("content-length").and_then(|length| length.trim().parse::<usize>().ok());
    let Some(length) = length.filter(|length| *length != compact.len()) else { return body(compact) };
    let spellings = [Spelling::Spaced, Spelling::Ascii, Spelling::Indented(2), Spelling::Indented(4)];
    for spelling in spellings {
        let text = value.to_json_as(spelling);
        if text.len() == length {
            return body(text);
        }
        if text.len() + 1 == length {
            return body(text + "\n");
        }
    }
    if compact.len() + 1 == length { body(compact + "\n") } else { body(compact) }
}

/// Hex digits.
pub(in super::super) fn hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if digits.is_empty() || !digits.len().is_multiple_of(2) || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    digits
        .chunks(2)
        .map(|pair| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok()))
        .collect()
}

/// More than this is not unpacked.
const LARGEST_UNPACKED: u64 = 64 * 1024 * 1024;

/// Undoes zlib or gzip, whichever it is.
pub(in super::super) fn inflate(packed: &[u8]) -> Result<Vec<u8>, String> {
    use std::io::Read as _;
    let mut out = Vec::new();
    let limit = LARGEST_UNPACKED + 1;
    let read = if packed.starts_with(&[0x1f, 0x8b]) {
        flate2::read::GzDecoder::new(packed).take(limit).read_to_end(&mut out)
    } else {
        flate2::read::ZlibDecoder::new(packed).take(limit).read_to_end(&mut out)
    };
    read.map_err(|error| format!("a compressed body cannot be unpacked: {error}"))?;
    if out.len() as u64 > LARGEST_UNPACKED {
        return Err(format!("a compressed body has more than {LARGEST_UNPACKED} bytes when it is unpacked"));
    }
    Ok(out)
}

/// A file beside the recording that holds a body. It must lie in the same folder or below it.
pub(in super::super) fn beside(source: Source<'_>, name: &str) -> Result<Vec<u8>, String> {
    use std::path::{Component, Path};
    let relative = Path::new(name);
    if !relative.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
        return Err(format!("its body is in {name:?}, which is outside the folder of the recording"));
    }
    let folder = source.path.parent().unwrap_or(Path::new("."));
    let file = folder.join(relative);
    // A link may lead out of it as well.
    let real = |path: &Path| {
        std::fs::canonicalize(path).map_err(|error| format!("its body is in {}: {error}", path.display()))
    };
    if !real(&file)?.starts_with(real(folder)?) {
        return Err(format!("its body is in {name:?}, which is outside the folder of the recording"));
    }
    let size = std::fs::metadata(&file).map(|meta| meta.len()).unwrap_or_default();
    if size > LARGEST {
        return Err(format!("its body in {} has {size} bytes, more than is read", file.display()));
    }
    std::fs::read(&file).map_err(|error| format!("its body is in {}: {error}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_read_in_both_alphabets_and_around_placeholders() {
        assert_eq!(base64("-_8=\n").unwrap(), base64("+/8").unwrap());
        assert!(base64("<html>").is_err());
        let mut notes = Vec::new();
        let whole = "QUJD".repeat(20);
        let broken = format!("{}<X>{}", &whole[..40], &whole[40..]);
        assert_eq!(base64_or_most_of_it(&broken, &mut notes).unwrap().len(), 60);
        assert_eq!(notes.len(), 1);
        assert!(base64_or_most_of_it("<html></html>", &mut notes).is_err());
    }

    #[test]
    fn data_is_spelt_as_long_as_its_header_says() {
        let value = super::super::super::json::document(r#"{"a": [1, "\u00e9"]}"#).unwrap();
        for (length, text) in [
            (13, r#"{"a":[1,"é"]}"#),
            (14, r#"{"a":[1,"é"]}"#),
            (16, r#"{"a": [1, "é"]}"#),
            (20, r#"{"a": [1, "\u00e9"]}"#),
            (33, "{\n  \"a\": [\n    1,\n    \"é\"\n  ]\n}\n"),
        ] {
            let headers: Headers = [("Content-Length", length.to_string())].into_iter().collect();
            let Body::Bytes(bytes) = json(&value, &headers) else { panic!("no bytes") };
            assert_eq!(String::from_utf8_lossy(&bytes), text, "{length}");
        }
    }

    #[test]
    fn hex_is_hex_only() {
        assert_eq!(hex("00ff"), Some(vec![0, 255]));
        assert_eq!(hex("0"), None);
        assert_eq!(hex("+1"), None);
    }
}
