//! A filter as a tree of conditions.

use serde_json::Number;

use crate::path::Path;

/// Conditions joined by one word.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Group {
    /// The word between them.
    pub joint: Joint,
    /// At least one.
    pub children: Vec<Condition>,
}

/// The word between the conditions of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joint {
    /// All must hold.
    And,
    /// One must hold.
    Or,
}

/// Something that holds for an event or does not.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Condition {
    /// Parentheses.
    Group(Group),
    /// A comparison.
    Test(Test),
}

/// A comparison of one field.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Test {
    /// What is compared.
    pub field: Field,
    /// How.
    pub operator: Operator,
    /// With what; nothing for the operators that need nothing.
    pub operand: Option<Operand>,
}

/// A field of an event.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Field {
    /// `type`
    Type,
    /// `event`
    Event,
    /// `name`
    Name,
    /// `userId`
    UserId,
    /// `properties.…`
    Property(FieldPath),
    /// `traits.…`
    Trait(FieldPath),
    /// `context.…`
    Context(FieldPath),
    /// Another field of Segment's specification, like `anonymousId` or `integrations.…`: a path from the event itself.
    Other(FieldPath),
}

/// The names after `properties.` and its like. Its text is as it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldPath {
    text: Box<str>,
    path: Path,
}

impl FieldPath {
    pub(super) fn new(text: &str, path: Path) -> Self {
        Self { text: text.into(), path }
    }

    /// As written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// How a field is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operator {
    /// A text that is the operand's text, letter by letter. No number equals a text.
    Equals,
    /// Everything else, an absent field too.
    NotEquals,
    /// A number that is the operand.
    NumberEquals,
    /// Everything else, an absent field too.
    NumberNotEquals,
    /// A number that is less.
    Less,
    /// A number that is not greater.
    LessOrEqual,
    /// A number that is greater.
    Greater,
    /// A number that is not less.
    GreaterOrEqual,
    /// A text that contains the operand.
    Contains,
    /// A text that does not. No absent field.
    NotContains,
    /// A text that begins with the operand.
    StartsWith,
    /// A text that does not. No absent field.
    NotStartsWith,
    /// A text that ends with the operand.
    EndsWith,
    /// A text that does not. No absent field.
    NotEndsWith,
    /// There, and not null.
    Exists,
    /// Absent, or null.
    NotExists,
    /// The boolean true.
    IsTrue,
    /// The boolean false.
    IsFalse,
}

/// What a field is compared with.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Operand {
    /// A text or a bare word.
    Text(Box<str>),
    /// A number.
    Number(Number),
    /// A boolean, where the operator is not one of its own.
    Bool(bool),
}

impl Operator {
    /// All, with their names in Segment's syntax trees.
    pub(super) const NAMES: [(Self, &'static str); 18] = [
        (Self::Equals, "="),
        (Self::NotEquals, "!="),
        (Self::NumberEquals, "number_equals"),
        (Self::NumberNotEquals, "number_not_equals"),
        (Self::Less, "<"),
        (Self::LessOrEqual, "<="),
        (Self::Greater, ">"),
        (Self::GreaterOrEqual, ">="),
        (Self::Contains, "contains"),
        (Self::NotContains, "not_contains"),
        (Self::StartsWith, "starts_with"),
        (Self::NotStartsWith, "not_starts_with"),
        (Self::EndsWith, "ends_with"),
        (Self::NotEndsWith, "not_ends_with"),
        (Self::Exists, "exists"),
        (Self::NotExists, "not_exists"),
        (Self::IsTrue, "is_true"),
        (Self::IsFalse, "is_false"),
    ];

    pub(super) fn needs_operand(self) -> bool {
        !matches!(self, Self::Exists | Self::NotExists | Self::IsTrue | Self::IsFalse)
    }
}
