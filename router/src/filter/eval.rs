//! Asking a filter about an event.

use serde_json::Value;
use std::borrow::Cow;

use super::ast::{Condition, Field, Group, Joint, Operand, Operator, Test};
use crate::js;
use crate::path::Found;

pub(super) fn group(group: &Group, event: &Value) -> bool {
    let holds = |condition: &Condition| match condition {
        Condition::Group(inner) => self::group(inner, event),
        Condition::Test(test) => self::test(test, event),
    };
    match group.joint {
        Joint::And => group.children.iter().all(holds),
        Joint::Or => group.children.iter().any(holds),
    }
}

fn test(test: &Test, event: &Value) -> bool {
    match find(&test.field, event) {
        Found::Nothing => compare(test, None),
        Found::Part(value) => compare(test, Some(value)),
        Found::Made(value) => compare(test, Some(&value)),
    }
}

fn find<'e>(field: &Field, event: &'e Value) -> Found<'e> {
    let plain = |name| event.get(name).map_or(Found::Nothing, Found::Part);
    match field {
        Field::Type => plain("type"),
        Field::Event => plain("event"),
        Field::Name => plain("name"),
        Field::UserId => plain("userId"),
        Field::Property(path) => path.path().get(event.get("properties")),
        Field::Trait(path) => path.path().get(event.get("traits")),
        Field::Context(path) => path.path().get(event.get("context")),
        Field::Other(path) => path.path().get(Some(event)),
    }
}

fn compare(test: &Test, value: Option<&Value>) -> bool {
    let number = || value.and_then(Value::as_f64).zip(test.operand.as_ref().and_then(as_number));
    let text = |holds: fn(&str, &str) -> bool| {
        let value = value.and_then(Value::as_str)?;
        Some(holds(value, &test.operand.as_ref().map_or(Cow::Borrowed("undefined"), as_text)))
    };
    let contains = |value: &str, part: &str| value.contains(part);
    let starts = |value: &str, part: &str| value.starts_with(part);
    let ends = |value: &str, part: &str| value.ends_with(part);
    match test.operator {
        Operator::Equals => text(|a, b| a == b) == Some(true),
        Operator::NotEquals => text(|a, b| a == b) != Some(true),
        Operator::NumberEquals => number().is_some_and(|(a, b)| a == b),
        Operator::NumberNotEquals => number().is_none_or(|(a, b)| a != b),
        Operator::Less => number().is_some_and(|(a, b)| a < b),
        Operator::LessOrEqual => number().is_some_and(|(a, b)| a <= b),
        Operator::Greater => number().is_some_and(|(a, b)| a > b),
        Operator::GreaterOrEqual => number().is_some_and(|(a, b)| a >= b),
        Operator::Contains => text(contains) == Some(true),
        Operator::NotContains => text(contains) == Some(false),
        Operator::StartsWith => text(starts) == Some(true),
        Operator::NotStartsWith => text(starts) == Some(false),
        Operator::EndsWith => text(ends) == Some(true),
        Operator::NotEndsWith => text(ends) == Some(false),
        Operator::Exists => value.is_some_and(|value| !value.is_null()),
        Operator::NotExists => value.is_none_or(Value::is_null),
        Operator::IsTrue => value == Some(&Value::Bool(true)),
        Operator::IsFalse => value == Some(&Value::Bool(false)),
    }
}

fn as_number(operand: &Operand) -> Option<f64> {
    match operand {
        Operand::Text(text) => js::to_number(text),
        Operand::Number(number) => number.as_f64(),
        Operand::Bool(flag) => Some(f64::from(u8::from(*flag))),
    }
}

fn as_text(operand: &Operand) -> Cow<'_, str> {
    match operand {
        Operand::Text(text) => Cow::Borrowed(text),
        Operand::Number(number) => {
            let mut text = String::new();
            js::push_number(&mut text, number);
            text.into()
        }
        Operand::Bool(true) => Cow::Borrowed("true"),
        Operand::Bool(false) => Cow::Borrowed("false"),
    }
}
