//! Where each part of a document stands.

/// A place in a text. Both count from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location {
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
}

impl Location {
    /// The first character of a text.
    pub const START: Self = Self { line: 1, column: 1 };
}

/// A place and how many characters of its line it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) at: Location,
    pub(super) width: u32,
}

impl Span {
    pub(super) fn point(at: Location) -> Self {
        Self { at, width: 1 }
    }
}

/// Where a value stands, its key, and its parts in the order in which they are written.
///
/// A tree as the value is one, and not a table of pointers: those would take memory by the square of the depth.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    pub(super) key: Option<(Box<str>, Span)>,
    pub(super) value: Span,
    pub(super) parts: Vec<Mark>,
}

impl Mark {
    /// The span of what a pointer names; of its nearest parent where it is not there.
    pub(super) fn find(&self, pointer: &str) -> Span {
        let mut here = self;
        for name in pointer.split('/').skip(1) {
            // A key may itself end in a hash.
            match (here.part(&unescape(name)), name.strip_suffix('#')) {
                (Some(part), _) => here = part,
                (None, Some(name)) => {
                    let part = here.part(&unescape(name));
                    return part
                        .map_or_else(|| here.start(), |part| part.key.as_ref().map_or(part.value, |(_, span)| *span));
                }
                (None, None) => break,
            }
        }
        here.start()
    }

    pub(super) fn key_text(&self) -> Option<&str> {
        self.key.as_ref().map(|(text, _)| &**text)
    }

    /// How many values it has, itself included, and how many levels are below it.
    pub(super) fn size(&self) -> (usize, usize) {
        self.parts.iter().map(Self::size).fold((1, 0), |(values, deep), (n, d)| (values + n, deep.max(d + 1)))
    }

    /// The value, or its key where the value begins on a later line: a reader looks for the name.
    fn start(&self) -> Span {
        match &self.key {
            Some((_, key)) if key.at.line != self.value.at.line => *key,
            _ => self.value,
        }
    }

    fn part(&self, name: &str) -> Option<&Mark> {
        let mut parts = self.parts.iter();
        if self.parts.first().is_some_and(|part| part.key.is_some()) {
            return parts.find(|part| part.key.as_ref().is_some_and(|(key, _)| **key == *name));
        }
        name.parse().ok().and_then(|index: usize| parts.nth(index))
    }
}

/// A name of a JSON pointer as it is meant.
fn unescape(name: &str) -> std::borrow::Cow<'_, str> {
    if name.contains('~') { name.replace("~1", "/").replace("~0", "~").into() } else { name.into() }
}
