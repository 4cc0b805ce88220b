//! The book of values: what is known, and what stands in its place.

use std::collections::{HashMap, HashSet};
use std::fmt;

use super::hidden::Hidden;
use super::placeholder;
use super::trie::Trie;
use super::units::escape_ends_at;

/// A registered value below this length would be found in half of all bodies.
const SHORTEST_REGISTERED: usize = 4;
/// A learned value below this length is hidden at its own field alone.
const SHORTEST_LEARNED: usize = 6;
/// A learned value that is one word of letters below this length may be an ordinary word (`accepted`).
const SHORTEST_WORD: usize = 12;
/// A learned value of letters and digits below this length is found only as a word of its own.
const SHORTEST_INSIDE_WORDS: usize = 12;

/// Why a value cannot be registered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// The name cannot stand in a placeholder.
    #[error("`{0}` cannot name a secret: use 1 to 128 letters, digits, `_`, `.` or `-`")]
    Name(String),
    /// The value would be found everywhere.
    #[error(
        "the value of secret `{0}` is shorter than {SHORTEST_REGISTERED} bytes: hiding it everywhere would shred the tape; \
         hide its field with a rule such as `hide json $.pin` instead"
    )]
    Short(String),
    /// One name for two values.
    #[error("secret `{0}` is registered already, with another value: give each value a name of its own")]
    NameTaken(String),
    /// One value under two names.
    #[error("secret `{name}` has the same value as `{other}`: register it once, or give the two different values")]
    SameValue {
        /// The name that was refused.
        name: String,
        /// The name that the value has.
        other: String,
    },
}

/// One known value.
struct Entry {
    value: Hidden,
    /// The name in the placeholder, or the dummy itself.
    shown: Shown,
    /// Looked for everywhere, not at its own field alone.
    everywhere: bool,
    /// Found only where letters and digits do not go on around it.
    word: bool,
    registered: bool,
}

/// What takes the place of a value.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Shown {
    /// `{{secret:NAME}}`
    Name(String),
    /// A value of the same shape, from a rule.
    Dummy(String),
}

impl Shown {
    /// The text that takes the value's place.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Name(name) => placeholder::written(name),
            Self::Dummy(dummy) => dummy.clone(),
        }
    }
}

/// Every value known to a session.
#[derive(Default)]
pub(super) struct Book {
    entries: Vec<Entry>,
    by_value: HashMap<Hidden, u32>,
    by_name: HashMap<String, u32>,
    /// The highest number given or seen, by kind.
    counters: HashMap<String, u64>,
    /// Names seen in placeholders or registered, whether or not the value is known.
    taken: HashSet<String>,
    trie: Trie,
    /// How long the shortest value is that is looked for everywhere.
    shortest: Option<usize>,
    /// What rules put in the place of values; it stays itself.
    dummies: HashSet<Vec<u8>>,
}

impl Book {
    /// Makes `value` known under a name of the test's choice.
    pub(super) fn register(&mut self, name: &str, value: &[u8]) -> Result<(), RegisterError> {
        if !placeholder::is_name(name) {
            return Err(RegisterError::Name(name.to_owned()));
        }
        if placeholder::whole(value).is_some_and(|inner| inner == name) {
            // Replaying without the value: the program got the placeholder for it.
            self.note(name);
            return Ok(());
        }
        if value.len() < SHORTEST_REGISTERED {
            return Err(RegisterError::Short(name.to_owned()));
        }
        if let Some(&id) = self.by_name.get(name)
            && self.entries[id as usize].value.expose() != value
        {
            return Err(RegisterError::NameTaken(name.to_owned()));
        }
        if let Some(&id) = self.by_value.get(value) {
            let entry = &mut self.entries[id as usize];
            match &entry.shown {
                Shown::Name(other) if entry.registered && other != name => {
                    return Err(RegisterError::SameValue { name: name.to_owned(), other: other.clone() });
                }
                Shown::Name(other) => {
                    let other = other.clone();
                    self.by_name.remove(&other);
                }
                Shown::Dummy(_) => {}
            }
            let found_everywhere = entry.everywhere;
            (entry.shown, entry.registered) = (Shown::Name(name.to_owned()), true);
            (entry.everywhere, entry.word) = (true, false);
            self.by_name.insert(name.to_owned(), id);
            if !found_everywhere {
                self.index(id);
            }
        } else {
            self.add(value, Shown::Name(name.to_owned()), true);
        }
        self.note(name);
        Ok(())
    }

    /// Makes a value from a secret field known, if it is new: numbered within its kind. Placeholders, dummies and empty values
    /// are none.
    pub(super) fn learn(&mut self, kind: &str, value: &[u8]) {
        if let Some(name) = placeholder::whole(value) {
            self.note(&name);
        }
        if value.is_empty() || self.is_known(value) {
            return;
        }
        let number = self.counters.get(kind).copied().unwrap_or(0) + 1;
        let number = (number..).find(|n| !self.taken.contains(&format!("{kind}-{n}"))).unwrap_or(number);
        self.counters.insert(kind.to_owned(), number);
        self.add(value, Shown::Name(format!("{kind}-{number}")), false);
    }

    /// Makes a part of a known value known (the password of a user and password), named after the whole.
    pub(super) fn learn_part(&mut self, whole: &[u8], part: &str, value: &[u8]) {
        if self.is_known(value) || !is_telling(value) {
            return;
        }
        let Some(Shown::Name(name)) = self.shown(whole) else { return };
        let name = format!("{name}.{part}");
        if !self.by_name.contains_key(&name) && placeholder::is_name(&name) {
            self.add(value, Shown::Name(name), false);
        }
    }

    /// Makes a value known for which a rule has a dummy.
    pub(super) fn learn_dummy(&mut self, value: &[u8], dummy: &str) {
        self.fix(dummy);
        if !value.is_empty() && !self.is_known(value) {
            self.add(value, Shown::Dummy(dummy.to_owned()), false);
        }
    }

    /// Makes `dummy` a fixed point.
    pub(super) fn fix(&mut self, dummy: &str) {
        if !self.dummies.contains(dummy.as_bytes()) {
            self.dummies.insert(dummy.as_bytes().to_vec());
        }
    }

    /// Takes notice of a placeholder in the input: its number is not given again.
    pub(super) fn note(&mut self, name: &str) {
        if self.taken.contains(name) {
            return;
        }
        self.taken.insert(name.to_owned());
        if let Some((kind, number)) = name.rsplit_once('-')
            && let Ok(number) = number.parse::<u64>()
            && number < u64::from(u32::MAX)
        {
            let last = self.counters.entry(kind.to_owned()).or_default();
            *last = number.max(*last);
        }
    }

    fn is_known(&self, value: &[u8]) -> bool {
        self.by_value.contains_key(value) || self.dummies.contains(value) || placeholder::whole(value).is_some()
    }

    fn add(&mut self, value: &[u8], shown: Shown, registered: bool) {
        let id = self.entries.len() as u32;
        if let Shown::Name(name) = &shown {
            self.by_name.insert(name.clone(), id);
        }
        let everywhere = registered || is_telling(value);
        let word = !registered && value.len() < SHORTEST_INSIDE_WORDS && value.iter().all(u8::is_ascii_alphanumeric);
        self.by_value.insert(Hidden::new(value), id);
        self.entries.push(Entry { value: Hidden::new(value), shown, everywhere, word, registered });
        if everywhere {
            self.index(id);
        }
    }

    fn index(&mut self, id: u32) {
        let entries = &self.entries;
        let len = entries[id as usize].value.expose().len();
        self.shortest = Some(self.shortest.map_or(len, |shortest| shortest.min(len)));
        self.trie.insert(id, |id| entries[id as usize].value.expose());
    }

    /// What stands in the place of exactly this value.
    pub(super) fn shown(&self, value: &[u8]) -> Option<&Shown> {
        self.by_value.get(value).map(|&id| &self.entries[id as usize].shown)
    }

    pub(super) fn shown_of(&self, id: u32) -> &Shown {
        &self.entries[id as usize].shown
    }

    /// The value under a name, where it is known to this session.
    pub(super) fn value_of(&self, name: &str) -> Option<&[u8]> {
        self.by_name.get(name).map(|&id| self.entries[id as usize].value.expose())
    }

    /// Whether the test registered this value.
    pub(super) fn is_registered(&self, value: &[u8]) -> bool {
        self.by_value.get(value).is_some_and(|&id| self.entries[id as usize].registered)
    }

    /// Whether exactly this value is looked for everywhere.
    pub(super) fn is_everywhere(&self, value: &[u8]) -> bool {
        self.by_value.get(value).is_some_and(|&id| self.entries[id as usize].everywhere)
    }

    pub(super) fn is_dummy(&self, value: &[u8]) -> bool {
        self.dummies.contains(value)
    }

    pub(super) fn dummies(&self) -> impl Iterator<Item = &[u8]> {
        self.dummies.iter().map(Vec::as_slice)
    }

    /// The longest value that begins at `at`, in whatever spelling.
    #[inline]
    pub(super) fn longest_at(&self, text: &[u8], at: usize) -> Option<(usize, u32)> {
        if self.trie.may_begin(text, at) { self.longest_from(text, at) } else { None }
    }

    #[inline(never)]
    fn longest_from(&self, text: &[u8], at: usize) -> Option<(usize, u32)> {
        let value_of = |id: u32| self.entries[id as usize].value.expose();
        let fits = |id: u32, end: usize| !self.entries[id as usize].word || is_word(text, at, end);
        self.trie.longest_at(text, at, &value_of, &fits)
    }

    /// A text with fewer bytes than this holds neither a value nor a placeholder, in whatever spelling: none is shorter than what
    /// it means.
    #[inline]
    pub(super) fn least(&self) -> usize {
        self.shortest.map_or(placeholder::SHORTEST, |shortest| shortest.min(placeholder::SHORTEST))
    }

    /// How long the longest value is.
    pub(super) fn longest(&self) -> usize {
        self.entries.iter().filter(|e| e.everywhere).map(|e| e.value.expose().len()).max().unwrap_or(0)
    }
}

/// Whether a learned value says enough to be looked for everywhere: neither short, nor a small number, nor a plain word.
fn is_telling(value: &[u8]) -> bool {
    let word = value.iter().all(u8::is_ascii_alphabetic) && value.len() < SHORTEST_WORD;
    value.len() >= SHORTEST_LEARNED && !word
}

fn is_word(text: &[u8], start: usize, end: usize) -> bool {
    let goes_on = |at: Option<usize>| at.and_then(|at| text.get(at)).is_some_and(u8::is_ascii_alphanumeric);
    !goes_on(Some(end)) && (!goes_on(start.checked_sub(1)) || escape_ends_at(text, start))
}

/// Numbers only: the values are secrets, and the names may be many.
impl fmt::Debug for Book {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Book({} values)", self.entries.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_numbered_by_kind_and_keep_their_number() {
        let mut book = Book::default();
        book.note("token-2");
        book.learn("token", b"fake-token-a");
        book.learn("token", b"fake-token-b");
        book.learn("other", b"fake-token-a");
        assert_eq!(book.shown(b"fake-token-a").map(Shown::text).as_deref(), Some("{{secret:token-3}}"));
        assert_eq!(book.shown(b"fake-token-b").map(Shown::text).as_deref(), Some("{{secret:token-4}}"));
    }

    #[test]
    fn short_or_ambiguous_registrations_are_refused() {
        let mut book = Book::default();
        assert_eq!(book.register("pin", b"123"), Err(RegisterError::Short("pin".into())));
        assert_eq!(book.register("a b", b"12345"), Err(RegisterError::Name("a b".into())));
        book.register("a", b"fake-value").unwrap();
        book.register("a", b"fake-value").unwrap();
        assert_eq!(book.register("a", b"fake-other"), Err(RegisterError::NameTaken("a".into())));
        let same = book.register("b", b"fake-value");
        assert_eq!(same, Err(RegisterError::SameValue { name: "b".into(), other: "a".into() }));
    }

    #[test]
    fn a_learned_value_takes_the_name_that_the_test_gives_it_later() {
        let mut book = Book::default();
        book.learn("token", b"fake");
        book.register("mine", b"fake").unwrap();
        assert_eq!(book.shown(b"fake").map(Shown::text).as_deref(), Some("{{secret:mine}}"));
        assert!(book.longest_at(b"fake", 0).is_some());
    }

    #[test]
    fn plain_words_and_small_numbers_are_hidden_at_their_own_field_alone() {
        let mut book = Book::default();
        for value in ["true", "12345", "accepted"] {
            book.learn("cookie", value.as_bytes());
            assert!(book.longest_at(value.as_bytes(), 0).is_none(), "{value}");
        }
        book.learn("cookie", b"123456");
        assert!(book.longest_at(b"1234567", 0).is_none());
        assert!(book.longest_at(b"123456,", 0).is_some());
    }

    #[test]
    fn r87_debug_shows_no_value() {
        let mut book = Book::default();
        book.register("a", b"fake-value").unwrap();
        assert_eq!(format!("{book:?} {:?}", Hidden::new("fake-value")), "Book(1 values) ***");
    }
}
