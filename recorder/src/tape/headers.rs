//! Header fields in the order of the wire, with repeats, original spelling and bytes that need not be UTF-8.

use std::fmt;

use bytes::Bytes;

/// A list of header (or trailer) fields: order, repeats and the spelling of names survive ([RFC 9110 §5]).
///
/// [RFC 9110 §5]: https://www.rfc-editor.org/rfc/rfc9110#section-5
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, Bytes)>);

impl Headers {
    /// An empty list.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a field after those that are there.
    pub fn push(&mut self, name: impl Into<String>, value: impl Into<Bytes>) {
        self.0.push((name.into(), value.into()));
    }

    /// The first value under `name`, compared without case.
    #[must_use]
    pub fn first(&self, name: &str) -> Option<&Bytes> {
        self.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The first value under `name` as text, where it is UTF-8.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.first(name).and_then(|value| std::str::from_utf8(value).ok())
    }

    /// Every value under `name`, in order, compared without case.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Bytes> {
        self.0.iter().filter(move |(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Every field in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Bytes)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Every field in order, the value changeable.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&str, &mut Bytes)> {
        self.0.iter_mut().map(|(name, value)| (name.as_str(), value))
    }

    /// Keeps only the fields for which `keep` says so.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, &Bytes) -> bool) {
        self.0.retain(|(name, value)| keep(name, value));
    }

    /// How many fields there are, repeats counted.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Names alone: values may be credentials.
impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

impl<N: Into<String>, V: Into<Bytes>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(fields: I) -> Self {
        Self(fields.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl From<&http::HeaderMap> for Headers {
    fn from(map: &http::HeaderMap) -> Self {
        map.iter().map(|(name, value)| (name.as_str(), Bytes::copy_from_slice(value.as_bytes()))).collect()
    }
}

impl TryFrom<&Headers> for http::HeaderMap {
    type Error = http::Error;

    /// # Errors
    /// Where a name or a value is none that HTTP allows, and where there are too many.
    fn try_from(headers: &Headers) -> Result<Self, http::Error> {
        // A hostile file may name more fields than a map can hold.
        let mut map = http::HeaderMap::try_with_capacity(headers.len())?;
        for (name, value) in headers.iter() {
            let name = http::HeaderName::from_bytes(name.as_bytes())?;
            map.try_append(name, http::HeaderValue::from_maybe_shared(value.clone())?)?;
        }
        Ok(map)
    }
}
