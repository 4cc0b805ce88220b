//! Signatures over what is sent (RFC 2104).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::{HeaderName, Request};
use jiff::Timestamp;

use super::credentials::put;

/// How a request is signed.
#[derive(Debug, Clone)]
pub(super) struct Signer {
    pub(super) algorithm: Algorithm,
    pub(super) encoding: Encoding,
    pub(super) into: Place,
    /// Stands before the signature: `sha256=`.
    pub(super) prefix: String,
    pub(super) message: Message,
    pub(super) stamp: Option<Stamp>,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Algorithm {
    Sha256,
    Sha1,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Encoding {
    Hex,
    Base64,
}

#[derive(Debug, Clone)]
pub(super) enum Place {
    Header(HeaderName),
    Query(String),
}

/// The time as it is sent beside the signature.
#[derive(Debug, Clone)]
pub(super) struct Stamp {
    pub(super) into: Place,
    pub(super) milliseconds: bool,
}

/// What is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Body,
    Timestamp,
    Method,
    /// Path and query, the timestamp in it included.
    Target,
}

impl Message {
    pub(super) fn body() -> Self {
        Self(vec![Piece::Body])
    }

    /// Reads a template: `v0:{{timestamp}}:{{body}}`.
    pub(super) fn parse(template: &str) -> Result<Self, String> {
        const KNOWN: &str = "{{body}}, {{timestamp}}, {{method}} and {{target}} (path and query)";
        let (mut pieces, mut rest) = (Vec::new(), template);
        while let Some((before, after)) = rest.split_once("{{") {
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            let (name, after) = after.split_once("}}").ok_or("this {{ has no }}")?;
            pieces.push(match name.trim() {
                "body" => Piece::Body,
                "timestamp" => Piece::Timestamp,
                "method" => Piece::Method,
                "target" => Piece::Target,
                other => return Err(format!("{other:?} cannot be signed; there are {KNOWN}")),
            });
            rest = after;
        }
        if pieces.is_empty() {
            return Err(format!("this signs nothing of the request: write body, or a text with {KNOWN}"));
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        Ok(Self(pieces))
    }

    fn of(&self, request: &Request<Bytes>, timestamp: &str) -> Vec<u8> {
        let mut message = Vec::with_capacity(request.body().len() + 64);
        for piece in &self.0 {
            message.extend_from_slice(match piece {
                Piece::Text(text) => text.as_bytes(),
                Piece::Body => request.body(),
                Piece::Timestamp => timestamp.as_bytes(),
                Piece::Method => request.method().as_str().as_bytes(),
                Piece::Target => request.uri().path_and_query().map_or("/", |target| target.as_str()).as_bytes(),
            });
        }
        message
    }
}

impl Signer {
    pub(super) fn sign(&self, request: &mut Request<Bytes>, key: &[u8], now: Timestamp) -> Result<(), String> {
        let milliseconds = self.stamp.as_ref().is_some_and(|stamp| stamp.milliseconds);
        let timestamp = if milliseconds { now.as_millisecond() } else { now.as_second() }.to_string();
        if let Some(stamp) = &self.stamp {
            put(request, &stamp.into, &timestamp)?;
        }
        let message = self.message.of(request, &timestamp);
        let digest = match self.algorithm {
            Algorithm::Sha256 => hmac_sha256::HMAC::mac(&message, key).to_vec(),
            Algorithm::Sha1 => hmac_sha1_compact::HMAC::mac(&message, key).to_vec(),
        };
        let digest = match self.encoding {
            Encoding::Hex => digest.iter().map(|byte| format!("{byte:02x}")).collect(),
            Encoding::Base64 => BASE64.encode(digest),
        };
        put(request, &self.into, &format!("{}{digest}", self.prefix))
    }
}
