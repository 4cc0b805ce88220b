//! What a program can tell of a client's error.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use traffic_recorder::Error;
use traffic_recorder::client::classify;
use traffic_recorder::tape::FaultKind;

/// A request that got no answer, or a body that broke off.
#[derive(Debug, Clone, Default)]
pub struct Failure {
    /// What the client's own predicate says.
    pub is_connect: bool,
    /// What the client's own predicate says.
    pub is_timeout: bool,
    /// The recorder's refusal, where it was one.
    pub refusal: Option<Error>,
    /// The kind of the `io::Error` in the chain of sources, where there is one.
    pub io: Option<io::ErrorKind>,
    /// What kind of failure the chain tells of.
    pub kind: Option<FaultKind>,
    /// The whole chain in words.
    pub text: String,
}

impl Failure {
    /// From any error; the predicates are left to the adapter.
    #[must_use]
    pub fn of(error: &(dyn StdError + 'static)) -> Self {
        let kind = Some(classify(error).kind);
        Self { refusal: refusal(error), io: io_kind(error), kind, text: chain(error), ..Self::default() }
    }

    /// A request that the client could not even build.
    #[must_use]
    pub fn unsendable(error: &(dyn StdError + 'static)) -> Self {
        Self { text: format!("not sent: {}", chain(error)), ..Self::default() }
    }

    /// The stable code of the recorder's refusal; empty where it was none.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.refusal.as_ref().map_or("", Error::code)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The recorder's error, wherever in the chain of sources it is.
#[must_use]
pub fn refusal(error: &(dyn StdError + 'static)) -> Option<Error> {
    let mut found = None;
    walk(error, &mut |link| {
        if found.is_none() {
            found = link.downcast_ref::<Error>().cloned();
        }
    });
    found
}

fn io_kind(error: &(dyn StdError + 'static)) -> Option<io::ErrorKind> {
    let mut kind = None;
    walk(error, &mut |link| {
        if let Some(io) = link.downcast_ref::<io::Error>() {
            kind = Some(io.kind());
        }
    });
    kind
}

fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut texts: Vec<String> = Vec::new();
    walk(error, &mut |link| {
        let text = link.to_string();
        if !texts.last().is_some_and(|last| last.contains(&text)) {
            texts.push(text);
        }
    });
    texts.join(": ")
}

/// An `io::Error` hides what it wraps from `source()`.
fn walk(error: &(dyn StdError + 'static), visit: &mut dyn FnMut(&(dyn StdError + 'static))) {
    visit(error);
    if let Some(inner) = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        walk(inner, visit);
    } else if let Some(source) = error.source() {
        walk(source, visit);
    }
}
