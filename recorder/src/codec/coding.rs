//! Content codings of HTTP ([RFC 9110 §8.4]): gzip, deflate, br and zstd, undone so that a body can be read, and done again.
//!
//! A body that claims a coding it does not have is common (a proxy unpacked it, a `HEAD` has none), so nothing here fails
//! its caller: [`NotDecoded`] says why the bytes stay as they are. Output is bounded by a limit of the caller's. The
//! engines are behind the feature `codings`; without it every coding is [`NotDecoded::FeatureOff`].
//!
//! [RFC 9110 §8.4]: https://www.rfc-editor.org/rfc/rfc9110#section-8.4

#[cfg(feature = "codings")]
mod engine;
#[cfg(feature = "codings")]
mod stored;

/// More codings than this on one body are refused: each is another pass over all of it.
const MAX_STACK: usize = 8;

/// One content coding. `identity` is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Coding {
    /// `gzip`, also spelled `x-gzip` (RFC 1952).
    Gzip,
    /// `deflate` as specified: a zlib stream (RFC 1950).
    Deflate,
    /// `deflate` as some servers send it: a bare DEFLATE stream (RFC 1951).
    RawDeflate,
    /// `br` (RFC 7932).
    Brotli,
    /// `zstd` (RFC 8878).
    Zstd,
}

/// A body without its codings.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Decoded {
    /// The bytes under all codings.
    pub(crate) bytes: Vec<u8>,
    /// What was undone, in the order in which the sender had applied it; give it to [`encode`] to get the same form again.
    pub(crate) codings: Vec<Coding>,
}

/// Why a body stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotDecoded {
    /// The engines are not compiled in.
    #[cfg_attr(feature = "codings", expect(dead_code, reason = "constructed without the feature"))]
    #[error("content codings need the feature `codings` of traffic-recorder")]
    FeatureOff,
    /// A coding that is not known here.
    #[error("the content coding `{0}` is not known")]
    Unknown(String),
    /// More codings on one body than anybody means.
    #[error("more than {MAX_STACK} content codings on one body")]
    TooMany,
    /// There are no bytes, though a coding is named.
    #[error("the body is empty")]
    Empty,
    /// The bytes are not in this coding: often they are plain already.
    #[cfg_attr(not(feature = "codings"), expect(dead_code, reason = "constructed with the feature"))]
    #[error("the body is not in the coding `{}`: {reason}", .coding.name())]
    Invalid {
        /// The coding that does not fit.
        coding: Coding,
        /// What the engine said.
        reason: String,
    },
    /// What comes out is larger than the caller allows.
    #[cfg_attr(not(feature = "codings"), expect(dead_code, reason = "constructed with the feature"))]
    #[error("the decoded body is larger than {limit} bytes")]
    TooLarge {
        /// The caller's limit.
        limit: u64,
    },
}

impl Coding {
    /// The name under which tapes keep it; that of the HTTP registry, but for [`Coding::RawDeflate`].
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::RawDeflate => "deflate-raw",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
        }
    }

    /// The other way round from [`Coding::name`].
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::Gzip, Self::Deflate, Self::RawDeflate, Self::Brotli, Self::Zstd].into_iter().find(|c| c.name() == name)
    }
}

/// Reads the values of `content-encoding` headers, in order, into the codings that were applied, in order: repeated headers
/// and comma lists are the same thing, `identity` is dropped, names are compared without case.
///
/// # Errors
/// Where a coding is not known, or there are too many.
pub(crate) fn listed<V: AsRef<[u8]>>(values: impl IntoIterator<Item = V>) -> Result<Vec<Coding>, NotDecoded> {
    let mut codings = Vec::new();
    for value in values {
        for token in value.as_ref().split(|&b| b == b',').map(<[u8]>::trim_ascii) {
            match token.to_ascii_lowercase().as_slice() {
                b"" | b"identity" => {}
                b"gzip" | b"x-gzip" => codings.push(Coding::Gzip),
                b"deflate" => codings.push(Coding::Deflate),
                b"br" => codings.push(Coding::Brotli),
                b"zstd" => codings.push(Coding::Zstd),
                _ => return Err(NotDecoded::Unknown(String::from_utf8_lossy(token).into_owned())),
            }
            if codings.len() > MAX_STACK {
                return Err(NotDecoded::TooMany);
            }
        }
    }
    Ok(codings)
}

/// Undoes the codings named in the values of `content-encoding`, the last one first. At most `limit` bytes come out of
/// each. No coding (or `identity` alone) gives the bytes back.
///
/// # Errors
/// With the reason, where the bytes do not decode to their end; trailing bytes count as that.
pub(crate) fn decode<V: AsRef<[u8]>>(
    content_encoding: impl IntoIterator<Item = V>,
    wire: &[u8],
    limit: u64,
) -> Result<Decoded, NotDecoded> {
    undo(&listed(content_encoding)?, wire, limit)
}

/// [`decode`] for codings that are known already. `Deflate` also takes the raw form, and says so in the answer.
pub(crate) fn undo(codings: &[Coding], wire: &[u8], limit: u64) -> Result<Decoded, NotDecoded> {
    let Some((&last, rest)) = codings.split_last() else {
        return Ok(Decoded { bytes: wire.to_vec(), codings: Vec::new() });
    };
    if wire.is_empty() {
        return Err(NotDecoded::Empty);
    }
    let (mut bytes, found) = undo_one(last, wire, limit)?;
    let mut undone = vec![found];
    for &coding in rest.iter().rev() {
        let (plain, found) = undo_one(coding, &bytes, limit)?;
        bytes = plain;
        undone.push(found);
    }
    undone.reverse();
    Ok(Decoded { bytes, codings: undone })
}

/// Applies `codings` in order, without compressing: the bytes are the same in every version of this library, so that the
/// length of a body made anew fits the `content-length` of its tape.
///
/// # Errors
/// Without the feature `codings`, where there is a coding to apply.
pub(crate) fn encode(codings: &[Coding], plain: &[u8]) -> Result<Vec<u8>, NotDecoded> {
    let Some((&first, rest)) = codings.split_first() else { return Ok(plain.to_vec()) };
    let mut bytes = apply_one(first, plain)?;
    for &coding in rest {
        bytes = apply_one(coding, &bytes)?;
    }
    Ok(bytes)
}

#[cfg(feature = "codings")]
fn undo_one(coding: Coding, wire: &[u8], limit: u64) -> Result<(Vec<u8>, Coding), NotDecoded> {
    match coding {
        Coding::Deflate => match engine::decode(Coding::Deflate, wire, limit) {
            Err(zlib @ NotDecoded::Invalid { .. }) => match engine::decode(Coding::RawDeflate, wire, limit) {
                Ok(plain) => Ok((plain, Coding::RawDeflate)),
                Err(NotDecoded::TooLarge { limit }) => Err(NotDecoded::TooLarge { limit }),
                Err(_) => Err(zlib),
            },
            other => other.map(|plain| (plain, Coding::Deflate)),
        },
        coding => engine::decode(coding, wire, limit).map(|plain| (plain, coding)),
    }
}

#[cfg(feature = "codings")]
fn apply_one(coding: Coding, plain: &[u8]) -> Result<Vec<u8>, NotDecoded> {
    Ok(match coding {
        Coding::Gzip => stored::gzip(plain),
        Coding::Deflate => stored::zlib(plain),
        Coding::RawDeflate => stored::deflate(plain),
        Coding::Brotli => stored::brotli(plain),
        Coding::Zstd => stored::zstd(plain),
    })
}

#[cfg(not(feature = "codings"))]
fn undo_one(_: Coding, _: &[u8], _: u64) -> Result<(Vec<u8>, Coding), NotDecoded> {
    Err(NotDecoded::FeatureOff)
}

#[cfg(not(feature = "codings"))]
fn apply_one(_: Coding, _: &[u8]) -> Result<Vec<u8>, NotDecoded> {
    Err(NotDecoded::FeatureOff)
}

/// The length alone: the content may be a secret.
impl std::fmt::Debug for Decoded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Decoded({} bytes, {:?})", self.bytes.len(), self.codings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identity_and_no_coding_give_the_bytes_back() {
        assert_eq!(decode(["identity", " , Identity"], b"plain", 0).unwrap().bytes, b"plain");
        assert_eq!(decode([""; 0], b"plain", 0).unwrap().codings, []);
    }

    #[test]
    fn an_unknown_coding_is_named() {
        let error = decode(["gzip, aws-chunked"], b"x", 10).unwrap_err();
        assert_eq!(error, NotDecoded::Unknown("aws-chunked".into()));
        assert_eq!(listed(["GZip", "x-gzip, br"]).unwrap(), [Coding::Gzip, Coding::Gzip, Coding::Brotli]);
        assert_eq!(listed(["gzip, gzip, gzip, gzip, gzip, gzip, gzip, gzip, gzip"]), Err(NotDecoded::TooMany));
    }

    #[cfg(not(feature = "codings"))]
    #[test]
    fn without_the_feature_every_coding_says_so() {
        assert_eq!(decode(["gzip"], b"x", 10), Err(NotDecoded::FeatureOff));
        assert_eq!(encode(&[Coding::Zstd], b"x"), Err(NotDecoded::FeatureOff));
    }
}
