//! A value as it is run.

use serde_json::Value;

use super::cast::Cast;
use super::text::Template;
use crate::mapping::Mapping;
use crate::path::Path;

/// A part of a compiled value.
#[derive(Debug)]
pub(super) enum Part {
    Constant(Value),
    Path(Root, Path),
    Now,
    Uuid,
    Index,
    /// `{$size: $batch}`
    Count,
    Text(Template),
    First(Box<[Part]>),
    Object(Box<[(Key, Part)]>),
    List(Box<[Part]>),
    Cast(Box<Casts>),
    Each(Box<Each>),
    If(Box<If>),
    Switch(Box<Switch>),
    Test(Box<Test>),
    Fields(Box<Fields>),
    Join {
        list: Box<Part>,
        by: Box<str>,
    },
    Concat(Box<[Part]>),
    Size(Box<Part>),
    Entries(Box<Part>),
    FromEntries(Box<Part>),
    Sum(Box<Part>),
    Multiply(Box<[Part]>),
    Segment(Box<Mapping>),
}

/// What a path begins at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Root {
    Here,
    Event,
    Payload,
    Settings,
    Step(usize),
    Batch,
}

#[derive(Debug)]
pub(super) enum Key {
    Name(Box<str>),
    Text(Template),
    /// `...`: the fields of an object.
    Spread,
}

/// `{$: value, as: …, default: …, required: …}`
#[derive(Debug)]
pub(super) struct Casts {
    pub(super) value: Part,
    pub(super) casts: Box<[Cast]>,
    pub(super) default: Option<Part>,
    /// What to say where there is nothing.
    pub(super) required: Option<Box<str>>,
}

#[derive(Debug)]
pub(super) struct Each {
    pub(super) over: Part,
    pub(super) only: Option<Part>,
    pub(super) make: Option<Part>,
}

#[derive(Debug)]
pub(super) struct If {
    pub(super) test: Part,
    pub(super) then: Part,
    pub(super) otherwise: Option<Part>,
}

#[derive(Debug)]
pub(super) struct Switch {
    pub(super) value: Part,
    pub(super) cases: Box<[(Box<str>, Part)]>,
    pub(super) otherwise: Option<Part>,
}

#[derive(Debug)]
pub(super) enum Test {
    Equal(Part, Part),
    In(Part, Part),
    Matches(Part, Box<str>),
    /// Holds for the orders given.
    Order(Part, Part, &'static [std::cmp::Ordering]),
    Not(Part),
    All(Box<[Part]>),
    Any(Box<[Part]>),
    Present(Part),
    Absent(Part),
}

/// `$pick`, `$omit` and `$rename`.
#[derive(Debug)]
pub(super) struct Fields {
    pub(super) of: Part,
    pub(super) how: How,
}

#[derive(Debug)]
pub(super) enum How {
    Pick(Box<[Box<str>]>),
    Omit(Box<[Box<str>]>),
    Rename(Box<[(Box<str>, Box<str>)]>),
}
