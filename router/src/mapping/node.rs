//! A mapping as it is run: directives resolved, paths and templates taken apart.

use serde_json::Value;

use super::liquid::LiquidTemplate;
use super::replace::Replacement;
use super::template::Template;
use crate::path::Path;

/// A part of a compiled mapping.
#[derive(Debug)]
pub(super) enum Node {
    /// `undefined`, always.
    Nothing,
    /// No directive in here: the value as it is.
    Constant(Value),
    Object(Box<[(Box<str>, Node)]>),
    Array(Box<[Node]>),
    Path(Path),
    /// The path is itself found in the event.
    PathFrom(Box<Node>),
    Template(Template),
    TemplateFrom(Box<Node>),
    If(Box<If>),
    ArrayPath(Box<ArrayPath>),
    Case {
        upper: bool,
        value: Box<Node>,
    },
    Replace(Box<Replace>),
    Json {
        encode: bool,
        value: Box<Node>,
    },
    Flatten(Box<Flatten>),
    Merge(Box<Merge>),
    Transform(Box<Transform>),
    WithoutNulls(Box<Node>),
    Liquid(Box<LiquidTemplate>),
}

#[derive(Debug)]
pub(super) struct If {
    pub(super) test: Test,
    pub(super) value: Node,
    pub(super) then: Node,
    pub(super) otherwise: Node,
}

/// What `@if` asks of its value. Neither `null` nor absent passes either.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Test {
    Exists,
    /// Despite its name at Segment: holds for what is *not* blank.
    Blank,
}

#[derive(Debug)]
pub(super) struct ArrayPath {
    pub(super) root: Node,
    pub(super) shape: Option<Node>,
}

#[derive(Debug)]
pub(super) struct Replace {
    pub(super) value: Node,
    pub(super) first: Replacement,
    pub(super) second: Option<Replacement>,
}

#[derive(Debug)]
pub(super) struct Flatten {
    pub(super) value: Node,
    pub(super) separator: Node,
    pub(super) keep_lists: bool,
}

#[derive(Debug)]
pub(super) struct Merge {
    pub(super) objects: Box<[Node]>,
    pub(super) direction: Node,
}

#[derive(Debug)]
pub(super) struct Transform {
    pub(super) apply: Node,
    pub(super) mapping: Node,
}

impl Node {
    /// How many nodes there are from here down.
    pub(super) fn size(&self) -> usize {
        1 + match self {
            Self::Nothing | Self::Constant(_) | Self::Path(_) | Self::Template(_) | Self::Liquid(_) => 0,
            Self::Object(fields) => fields.iter().map(|(_, node)| node.size()).sum(),
            Self::Array(items) => items.iter().map(Self::size).sum(),
            Self::PathFrom(node) | Self::TemplateFrom(node) | Self::WithoutNulls(node) => node.size(),
            Self::Case { value, .. } | Self::Json { value, .. } => value.size(),
            Self::If(it) => it.value.size() + it.then.size() + it.otherwise.size(),
            Self::ArrayPath(it) => it.root.size() + it.shape.as_ref().map_or(0, Self::size),
            Self::Replace(it) => it.value.size(),
            Self::Flatten(it) => it.value.size() + it.separator.size(),
            Self::Merge(it) => it.direction.size() + it.objects.iter().map(Self::size).sum::<usize>(),
            Self::Transform(it) => it.apply.size() + it.mapping.size(),
        }
    }
}
