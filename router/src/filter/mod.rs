//! The filter language: which events are meant, in the words of Segment's `subscribe` texts.
//!
//! ```text
//! type = "track" and (event = "Order Completed" or match(event, "Cart *")) and properties.total >= 10
//! ```
//!
//! | part | forms |
//! |---|---|
//! | field | `type`, `event`, `name`, `userId`, `properties.…`, `traits.…`, `context.…`, and the other fields of Segment's specification; `\.` is a dot inside a name |
//! | comparison | `=`, `!=`, `<`, `<=`, `>`, `>=` with a text, a number, a bare word, `true`, `false` or `null` |
//! | membership | `type in [track, page]`: one of several |
//! | function | `contains(field, "part")`, `match(field, "start*")`, `match(field, "*end")`, each with `!` before it |
//! | joint | `and`, `or`, parentheses |
//!
//! Values are compared as Segment compares them: a text only equals a text, an order needs a number in the event, and
//! [`Operator`] says the rest. Segment's own reader skips what it does not understand, and so makes another filter of it
//! without a word. [`Filter::parse`] refuses such texts and says where; [`Filter::parse_as_segment`] reads them as Segment
//! does and says what was strange.

mod ast;
mod comparison;
mod error;
mod eval;
mod lexer;
mod parser;
mod tree;

use serde_json::Value;
use std::fmt;

pub use ast::{Condition, Field, Group, Joint, Operand, Operator, Test};
pub use error::{FilterError, FilterProblem};

/// How deep parentheses may lie in each other.
pub const MAX_DEPTH: usize = 64;

/// How long a filter may be, in bytes.
pub const MAX_LENGTH: usize = 16 * 1024;

/// A filter, read once and asked for each event.
#[derive(Clone, PartialEq)]
#[must_use = "a filter does nothing until it is asked about an event"]
pub struct Filter {
    root: Group,
}

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    /// The first thing that is not in the language, or that Segment would read as something else, with its column.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        let (filter, mut problems) = Self::read(text);
        if problems.is_empty() { filter.ok_or_else(|| empty(text)) } else { Err(problems.swap_remove(0)) }
    }

    /// Reads a filter as Segment does, for one that was exported from there: what Segment overlooks is overlooked and
    /// reported, `and` with `or` in one row becomes what was written last, and a value that is missing is the word `eos`.
    ///
    /// # Errors
    /// There is no condition in the text, or it cannot be taken apart into words. Segment's answer to every event is then no.
    pub fn parse_as_segment(text: &str) -> Result<(Self, Vec<FilterError>), FilterError> {
        match Self::read(text) {
            (Some(filter), problems) => Ok((filter, problems)),
            (None, problems) => Err(problems.into_iter().next().unwrap_or_else(|| empty(text))),
        }
    }

    /// Reads the syntax tree that Segment's own reader makes of a filter (`{"type": "group", "operator": "and", …}`).
    ///
    /// # Errors
    /// The first part that is no such tree, as text.
    pub fn from_tree(tree: &Value) -> Result<Self, String> {
        tree::read(tree).map(|root| Self { root })
    }

    /// The syntax tree that Segment's own reader makes of this filter.
    #[must_use]
    pub fn to_tree(&self) -> Value {
        tree::write(&self.root)
    }

    /// The conditions.
    #[must_use]
    pub fn root(&self) -> &Group {
        &self.root
    }

    /// Whether an event is meant. Never for anything but an object.
    #[must_use]
    pub fn matches(&self, event: &Value) -> bool {
        event.is_object() && eval::group(&self.root, event)
    }

    fn read(text: &str) -> (Option<Self>, Vec<FilterError>) {
        let (root, problems) = parser::parse(text);
        (root.map(|root| Self { root }), problems)
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Filter({})", self.to_tree())
    }
}

fn empty(text: &str) -> FilterError {
    FilterError::new(text, 0, 0, FilterProblem::Empty)
}
