//! Text too random for anything but a key.
//!
//! A false alarm stops a recording, so this is narrow: one word of at least 32 letters and digits of both cases, mixed as
//! thoroughly as chance mixes them. UUIDs, hex digests, identifiers, paths and sentences are none of that, nor are the documents
//! inside `data:` URLs. Places whose names say that randomness is their nature (ids, cursors, nonces, hashes) are left out by the
//! caller.

use memchr::memmem;

use super::Find;

const SHORTEST: usize = 32;
/// Beyond this a word is a picture or a document.
const LONGEST: usize = 256;
/// Bits for each character: random base64 of 32 characters has about 4.4, of 64 about 5.2; English words joined have 3.9.
const BITS: f64 = 4.2;
/// What stands before the base64 of a `data:` URL.
const MARK: &[u8] = b";base64,";

/// The first word that does not pass.
pub(super) fn find<'t>(text: &'t [u8], passes: &dyn Fn(&Find<'_>) -> bool) -> Option<Find<'t>> {
    if text.len() < SHORTEST {
        return None;
    }
    outside_data_urls(text)
        .flat_map(|piece| piece.split(|&b| !(b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'_'))))
        .filter(|word| is_random(word))
        .map(|word| Find { pattern: "random", text: std::str::from_utf8(word).unwrap_or_default() })
        .find(|find| !passes(find))
}

/// The text without what stands in `data:image/png;base64,…` (RFC 2397): a small picture is as random as a key.
fn outside_data_urls(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let piece = rest?;
        let Some(end) =
            memmem::find_iter(piece, MARK).map(|at| at + MARK.len()).find(|&end| is_data_url(&piece[..end]))
        else {
            return rest.take();
        };
        let digit = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'-' | b'_' | b'=');
        let inside = piece[end..].iter().take_while(|b| digit(b)).count();
        rest = Some(&piece[end + inside..]);
        Some(&piece[..end])
    })
}

/// Whether what ends with the mark is the head of a `data:` URL: a media type and its parameters.
fn is_data_url(head: &[u8]) -> bool {
    let head = &head[..head.len() - 1];
    let start = head.iter().rposition(|&b| b.is_ascii_whitespace() || matches!(b, b'"' | b'\'' | b'(' | b'<' | b','));
    head[start.map_or(0, |at| at + 1)..].starts_with(b"data:")
}

fn is_random(word: &[u8]) -> bool {
    if !(SHORTEST..=LONGEST).contains(&word.len()) || is_integrity(word) {
        return false;
    }
    let count = |is: fn(&u8) -> bool| word.iter().filter(|b| is(b)).count();
    let fewest = word.len() / 16;
    let mixed = count(u8::is_ascii_lowercase) > fewest * 2
        && count(u8::is_ascii_uppercase) > fewest * 2
        && count(u8::is_ascii_digit) >= fewest;
    // Words joined by dashes or capitals change their kind of character seldom, chance does at every second one.
    let changes = word.windows(2).filter(|pair| kind(pair[0]) != kind(pair[1])).count();
    mixed && changes * 5 >= word.len() * 2 && bits(word) >= BITS
}

fn kind(byte: u8) -> u8 {
    match byte {
        b'a'..=b'z' => 0,
        b'A'..=b'Z' => 1,
        b'0'..=b'9' => 2,
        _ => 3,
    }
}

/// `sha384-…` of scripts and lock files.
fn is_integrity(word: &[u8]) -> bool {
    [b"sha256-", b"sha384-", b"sha512-"].iter().any(|prefix| word.starts_with(*prefix))
}

/// Shannon entropy for each byte.
fn bits(word: &[u8]) -> f64 {
    let mut counts = [0u32; 256];
    word.iter().for_each(|&b| counts[usize::from(b)] += 1);
    let len = word.len() as f64;
    counts.iter().filter(|&&n| n > 0).map(|&n| f64::from(n) / len).map(|p| -p * p.log2()).sum()
}
