//! Byte and text forms that several rooms read and write: JSON with spans, percent-encoding, content codings, base64,
//! SHA-256. Nothing here knows of tapes, keys or secrets.

pub(crate) mod coding;
pub(crate) mod digest;
pub(crate) mod events;
pub(crate) mod json;
pub(crate) mod media;
pub(crate) mod multipart;
pub(crate) mod percent;
