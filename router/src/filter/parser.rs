//! From words to conditions. One reader for both doors: it notes every problem and goes on as Segment's own reader does.

use super::ast::{Condition, Field, FieldPath, Group, Joint, Operand, Operator, Test};
use super::error::{FilterError, FilterProblem};
use super::lexer::{Kind, Token, lex};
use super::{MAX_DEPTH, MAX_LENGTH};
use crate::nearest::nearest;
use crate::path::Path;

/// Fields of Segment's specification beside those that Segment's own filters know.
const OTHER_FIELDS: [&str; 14] = [
    "anonymousId",
    "groupId",
    "previousId",
    "messageId",
    "channel",
    "category",
    "integrations",
    "version",
    "timestamp",
    "originalTimestamp",
    "receivedAt",
    "sentAt",
    "writeKey",
    "projectId",
];

const FIELDS: [&str; 7] = ["type", "event", "name", "userId", "properties", "traits", "context"];

/// Reads a text. No group if there is no condition in it.
pub(super) fn parse(text: &str) -> (Option<Group>, Vec<FilterError>) {
    if text.len() > MAX_LENGTH {
        return (None, vec![FilterError::new(text, MAX_LENGTH, MAX_LENGTH, FilterProblem::TooLong)]);
    }
    let tokens = match lex(text) {
        Ok(tokens) => tokens,
        Err(error) => return (None, vec![error]),
    };
    let mut parser = Parser { text, tokens: &tokens, at: 0, depth: 0, problems: Vec::new() };
    let root = match parser.row() {
        Some(Condition::Group(group)) => Some(group),
        Some(test) => Some(Group { joint: Joint::And, children: vec![test] }),
        None => None,
    };
    (root, parser.problems)
}

/// A path as fields have it: dots and brackets separate, a backslash keeps what follows it inside a name.
pub(super) fn path(text: &str) -> Option<Path> {
    let mut names = vec![String::new()];
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '.' | '[' | ']' => names.push(String::new()),
            '\\' => names.last_mut()?.extend(chars.next()),
            c => names.last_mut()?.push(c),
        }
    }
    names.retain(|name| !name.is_empty());
    (text.is_empty() || !names.is_empty()).then(|| Path::of_names(names.into_iter()))
}

pub(super) struct Parser<'t> {
    pub(super) text: &'t str,
    pub(super) tokens: &'t [Token],
    pub(super) at: usize,
    depth: usize,
    problems: Vec<FilterError>,
}

impl<'t> Parser<'t> {
    /// Conditions and the words between them, up to a closing parenthesis or the end.
    fn row(&mut self) -> Option<Condition> {
        let mut children = Vec::new();
        let mut joint: Option<Joint> = None;
        let mut joined = true;
        loop {
            let token = self.next();
            let found = match &token.kind {
                Kind::End => break,
                Kind::Close if self.depth > 0 => break,
                kind @ (Kind::And | Kind::Or) => {
                    let word = if *kind == Kind::And { Joint::And } else { Joint::Or };
                    if joined {
                        self.expected("a condition", token);
                    } else if joint.is_some_and(|before| before != word) {
                        self.problem(token, FilterProblem::Mixed);
                    }
                    joint = Some(word);
                    joined = true;
                    continue;
                }
                Kind::Open => self.parentheses(token),
                Kind::Not => self.negated(token),
                Kind::Word(word) => self.condition(word, token, joined),
                _ => {
                    self.expected(if joined { "a condition" } else { "\"and\" or \"or\"" }, token);
                    None
                }
            };
            if found.is_some() && !joined {
                self.expected("\"and\" or \"or\"", token);
            }
            joined = joined && found.is_none();
            children.extend(found);
        }
        if joined && !children.is_empty() {
            self.expected("a condition", self.last());
        }
        match children.len() {
            0 | 1 => children.pop(),
            _ => Some(Condition::Group(Group { joint: joint.unwrap_or(Joint::And), children })),
        }
    }

    fn parentheses(&mut self, open: &'t Token) -> Option<Condition> {
        if self.depth == MAX_DEPTH {
            self.problem(open, FilterProblem::TooDeep);
            self.at = self.tokens.len() - 1;
            return None;
        }
        self.depth += 1;
        let inner = self.row();
        self.depth -= 1;
        if self.last().kind != Kind::Close {
            self.expected("a closing parenthesis", self.last());
        } else if inner.is_none() {
            self.expected("a condition", self.last());
        }
        inner
    }

    fn negated(&mut self, not: &'t Token) -> Option<Condition> {
        let token = self.peek();
        match &token.kind {
            Kind::Word(word) if matches!(word.as_str(), "contains" | "match") => {
                self.next();
                self.function(word, true)
            }
            _ => {
                self.problem(not, FilterProblem::Negation);
                None
            }
        }
    }

    fn condition(&mut self, word: &str, token: &'t Token, joined: bool) -> Option<Condition> {
        if matches!(word, "contains" | "match") && self.peek().kind == Kind::Open {
            return self.function(word, false);
        }
        let Some(field) = self.field(word, token) else {
            if !joined {
                self.expected("\"and\" or \"or\"", token);
            }
            return None;
        };
        let operator = self.next();
        let operator = match &operator.kind {
            Kind::Equals => Operator::Equals,
            Kind::NotEquals => Operator::NotEquals,
            Kind::Less => Operator::Less,
            Kind::LessOrEqual => Operator::LessOrEqual,
            Kind::Greater => Operator::Greater,
            Kind::GreaterOrEqual => Operator::GreaterOrEqual,
            Kind::Word(word) if word == "in" => return self.list(&field),
            _ => {
                self.expected("a comparison like = or !=", operator);
                // Nothing of it can be kept; what follows may be a condition.
                self.at -= 1;
                return None;
            }
        };
        let value = self.next();
        Some(Condition::Test(self.comparison(field, operator, value)))
    }

    /// `field in [a, b]` as `(field = a or field = b)`.
    fn list(&mut self, field: &Field) -> Option<Condition> {
        let open = self.next();
        if open.kind != Kind::OpenList {
            self.expected("a list like [track, page]", open);
            return None;
        }
        let mut children = Vec::new();
        loop {
            let value = self.next();
            if matches!(value.kind, Kind::End | Kind::CloseList | Kind::Comma) {
                self.expected("a value", value);
                break;
            }
            children.push(Condition::Test(self.comparison(field.clone(), Operator::Equals, value)));
            let after = self.next();
            match after.kind {
                Kind::Comma => {}
                Kind::CloseList => break,
                _ => {
                    self.expected("a comma or a closing bracket", after);
                    break;
                }
            }
        }
        match children.len() {
            0 | 1 => children.pop(),
            _ => Some(Condition::Group(Group { joint: Joint::Or, children })),
        }
    }

    fn function(&mut self, name: &str, negated: bool) -> Option<Condition> {
        let mut arguments = [None, None];
        self.take(&Kind::Open, "an opening parenthesis")?;
        for (i, argument) in arguments.iter_mut().enumerate() {
            if i > 0 {
                self.take(&Kind::Comma, "a comma and a text")?;
            }
            *argument = Some(self.next());
        }
        let [Some(field), Some(value)] = arguments else { return None };
        self.take(&Kind::Close, "a closing parenthesis")?;
        let field = match &field.kind {
            Kind::Word(word) => self.field(word, field)?,
            _ => {
                self.expected("a field", field);
                return None;
            }
        };
        let text = match &value.kind {
            Kind::Text(text) | Kind::Word(text) => text.clone(),
            Kind::Number(_) => self.text[value.start..value.end].to_owned(),
            _ => {
                self.expected("a text", value);
                return None;
            }
        };
        let (operator, text) = if name == "contains" {
            (if negated { Operator::NotContains } else { Operator::Contains }, text.as_str())
        } else {
            if text.matches('*').count() != 1 || !(text.starts_with('*') || text.ends_with('*')) || text == "*" {
                self.problem(value, FilterProblem::Pattern);
            }
            match (text.strip_suffix('*'), negated) {
                (Some(start), false) => (Operator::StartsWith, start),
                (Some(start), true) => (Operator::NotStartsWith, start),
                // Whatever the first character is, Segment takes it for the star.
                (None, false) => (Operator::EndsWith, after_first(&text)),
                (None, true) => (Operator::NotEndsWith, after_first(&text)),
            }
        };
        Some(Condition::Test(Test { field, operator, operand: Some(Operand::Text(text.into())) }))
    }

    fn field(&mut self, word: &str, token: &'t Token) -> Option<Field> {
        let end = word.find(['.', '[']).unwrap_or(word.len());
        let (first, below) = (&word[..end], word[end..].strip_prefix('.').unwrap_or(&word[end..]));
        let field = match (first, path(below)) {
            ("type", Some(_)) if below.is_empty() => Some(Field::Type),
            ("event", Some(_)) if below.is_empty() => Some(Field::Event),
            ("name", Some(_)) if below.is_empty() => Some(Field::Name),
            ("userId", Some(_)) if below.is_empty() => Some(Field::UserId),
            ("properties", Some(path)) => Some(Field::Property(FieldPath::new(below, path))),
            ("traits", Some(path)) => Some(Field::Trait(FieldPath::new(below, path))),
            ("context", Some(path)) => Some(Field::Context(FieldPath::new(below, path))),
            (other, Some(_)) if OTHER_FIELDS.contains(&other) => {
                path(word).map(|path| Field::Other(FieldPath::new(word, path)))
            }
            _ => None,
        };
        if field.is_none() {
            let known: Vec<&str> = FIELDS.iter().chain(&OTHER_FIELDS).chain(&["contains", "match"]).copied().collect();
            self.problem(token, FilterProblem::Field { name: word.to_owned(), nearest: nearest(first, &known) });
        }
        field
    }

    fn take(&mut self, kind: &Kind, expected: &'static str) -> Option<()> {
        let token = self.next();
        if token.kind == *kind {
            return Some(());
        }
        self.expected(expected, token);
        self.at -= usize::from(token.kind != Kind::End);
        None
    }

    fn peek(&self) -> &'t Token {
        &self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    /// The next word; the end again and again.
    fn next(&mut self) -> &'t Token {
        let token = self.peek();
        self.at = (self.at + 1).min(self.tokens.len());
        token
    }

    /// The word that was read last.
    fn last(&self) -> &'t Token {
        &self.tokens[self.at.saturating_sub(1)]
    }

    pub(super) fn expected(&mut self, expected: &'static str, token: &Token) {
        let found = match token.kind {
            Kind::End => "the end of the filter".to_owned(),
            _ => format!("`{}`", &self.text[token.start..token.end]),
        };
        self.problem(token, FilterProblem::Expected { expected, found });
    }

    pub(super) fn problem(&mut self, token: &Token, problem: FilterProblem) {
        self.problems.push(FilterError::new(self.text, token.start, token.end, problem));
    }
}

fn after_first(text: &str) -> &str {
    let mut chars = text.chars();
    chars.next();
    chars.as_str()
}
