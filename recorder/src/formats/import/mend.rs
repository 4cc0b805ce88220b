//! What a tape needs that other tools did not: an answer that a client of today can read off the wire, and a URL as it is sent.
//!
//! Their replaying stood above the client's decoder and its framing, and so some keep a decoded body under the header of the coding, and
//! lengths of something else. Nothing of this is done to an import as it is.

use crate::codec::coding::{self, NotDecoded};
use crate::tape::{Answer, Body, Layer, Outcome};

use super::super::Exchange;

/// Larger bodies are not decoded.
const LARGEST_DECODED: u64 = 256 * 1024 * 1024;

/// Puts it right, and says so under the exchange's changes.
pub(super) fn mend(exchange: &mut Exchange, layer: Layer) {
    let mut changes = Vec::new();
    if let Some(url) = escaped(&exchange.request.url) {
        exchange.request.url = url;
        changes.push("url: what cannot stand in a URL is percent-encoded, as a client sends it".to_owned());
    }
    if let Outcome::Answer(answer) = &mut exchange.take.outcome {
        mend_coding(answer, layer, &mut changes);
        mend_length(answer, &exchange.request.method, &mut changes);
    }
    exchange.take.recorded.notes.extend(changes.iter().cloned());
    exchange.changes.append(&mut changes);
}

fn mend_coding(answer: &mut Answer, layer: Layer, changes: &mut Vec<String>) {
    let Some(bytes) = answer.body.bytes().filter(|bytes| !bytes.is_empty()) else { return };
    let Ok(codings) = coding::listed(answer.headers.all("content-encoding")) else { return };
    if codings.is_empty() {
        return;
    }
    match coding::undo(&codings, bytes, LARGEST_DECODED) {
        Ok(_) if layer == Layer::Wire => return,
        Ok(decoded) => {
            answer.body = Body::Bytes(decoded.bytes.into());
            changes.push("coding: the body is decoded, as a client above the decoder sees it".to_owned());
        }
        // What begins like gzip or zstd is broken, not plain.
        Err(NotDecoded::Invalid { .. }) if !bytes.starts_with(&[0x1f, 0x8b]) && !bytes.starts_with(&[0x28, 0xb5]) => {
            changes.push("coding: the file has the body decoded, and so the header content-encoding goes".to_owned());
        }
        Err(_) => return,
    }
    answer.headers.retain(|name, _| !name.eq_ignore_ascii_case("content-encoding"));
}

fn mend_length(answer: &mut Answer, method: &str, changes: &mut Vec<String>) {
    let without_body = method == "HEAD" || matches!(answer.status, 100..=199 | 204 | 304);
    if without_body {
        return;
    }
    let length = answer.body.len().to_string();
    for (name, value) in answer.headers.iter_mut() {
        if name.eq_ignore_ascii_case("content-length") && value.trim_ascii() != length.as_bytes() {
            *value = length.clone().into();
            changes.push("length: content-length was not the length of the body that the file has".to_owned());
        }
    }
}

/// `None` where nothing has to be escaped.
fn escaped(url: &str) -> Option<String> {
    let stays = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>' | b'`');
    if url.bytes().all(stays) {
        return None;
    }
    let byte = |byte: u8| if stays(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    Some(url.bytes().map(byte).collect())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::super::{Format, Source};
    use super::*;

    fn mended(headers: &str, layer: Layer) -> Exchange {
        let text = format!(
            "interactions:\n- request: {{method: GET, uri: 'http://shop.test/a b'}}\n  response: {{status: 200, headers: {headers}, body: plain}}\n"
        );
        let source = Source { path: Path::new("x.yaml"), bytes: text.as_bytes(), base: None };
        let mut exchange = Format::Vcr.read(source).unwrap().exchanges.remove(0);
        mend(&mut exchange, layer);
        exchange
    }

    #[test]
    fn a_decoded_body_loses_the_name_of_its_coding_and_gets_its_length() {
        let exchange = mended("{content-encoding: [gzip], Content-Length: ['99']}", Layer::Wire);
        let Outcome::Answer(answer) = &exchange.take.outcome else { panic!("no answer") };
        assert_eq!(answer.headers.len(), 1);
        assert_eq!(answer.headers.text("content-length"), Some("5"));
        assert_eq!(exchange.request.url, "http://shop.test/a%20b");
        assert_eq!(exchange.changes.len(), 3, "{:?}", exchange.changes);
    }

    #[test]
    fn a_coding_that_nobody_knows_stays() {
        let exchange = mended("{content-encoding: [rot13]}", Layer::Logical);
        let Outcome::Answer(answer) = &exchange.take.outcome else { panic!("no answer") };
        assert_eq!(answer.headers.text("content-encoding"), Some("rot13"));
    }
}
