//! Erlang's external term format, as far as it holds bytes: ExVCR's form of bodies that are no text.

use super::parts;

/// The bytes of a term that is a binary or a list of bytes and binaries.
pub(super) fn bytes(term: &[u8]) -> Result<Vec<u8>, String> {
    let [131, term @ ..] = term else { return Err("its binary body is no term of Erlang".to_owned()) };
    let unpacked;
    let term = match term {
        // The size when unpacked, then zlib.
        [80, _, _, _, _, packed @ ..] => {
            unpacked = parts::inflate(packed)?;
            unpacked.as_slice()
        }
        plain => plain,
    };
    let mut out = Vec::new();
    read(term, &mut out, 0).ok_or("its binary body is a term of Erlang that holds something else than bytes")?;
    Ok(out)
}

/// Reads one term; what follows it.
fn read<'t>(term: &'t [u8], out: &mut Vec<u8>, depth: usize) -> Option<&'t [u8]> {
    if depth > 64 {
        return None;
    }
    let (tag, rest) = term.split_first()?;
    let long = |rest: &'t [u8]| {
        let (length, rest) = rest.split_first_chunk::<4>()?;
        Some((u32::from_be_bytes(*length) as usize, rest))
    };
    match tag {
        // A binary.
        109 => {
            let (length, rest) = long(rest)?;
            let (bytes, rest) = rest.split_at_checked(length)?;
            out.extend_from_slice(bytes);
            Some(rest)
        }
        // A list of bytes.
        107 => {
            let (length, rest) = rest.split_first_chunk::<2>()?;
            let (bytes, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
            out.extend_from_slice(bytes);
            Some(rest)
        }
        // A byte.
        97 => {
            let (byte, rest) = rest.split_first()?;
            out.push(*byte);
            Some(rest)
        }
        // A list, and what it ends with.
        108 => {
            let (length, mut rest) = long(rest)?;
            for _ in 0..length {
                rest = read(rest, out, depth + 1)?;
            }
            read(rest, out, depth + 1)
        }
        // The end of a list.
        106 => Some(rest),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binaries_and_lists_of_bytes_are_read() {
        assert_eq!(bytes(b"\x83m\0\0\0\x03a\xffb").unwrap(), b"a\xffb");
        assert_eq!(bytes(b"\x83k\0\x02hi").unwrap(), b"hi");
        assert_eq!(bytes(b"\x83l\0\0\0\x02a\x41m\0\0\0\x01Bj").unwrap(), b"AB");
    }

    #[test]
    fn anything_else_is_refused_whatever_length_it_claims() {
        for term in [&b""[..], b"\x83", b"\x83m\xff\xff\xff\xffx", b"\x83d\0\x01a", b"\x83l\xff\xff\xff\xffa"] {
            assert!(bytes(term).is_err(), "{term:?}");
        }
        let nested = [&[131][..], &b"l\0\0\0\x01".repeat(10_000)].concat();
        assert!(bytes(&nested).is_err());
    }
}
