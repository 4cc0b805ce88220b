//! The syntax tree of Segment's own reader, as JSON, to and from ours.

use serde_json::{Map, Value, json};

use super::MAX_DEPTH;
use super::ast::{Condition, Field, FieldPath, Group, Joint, Operand, Operator, Test};
use super::parser;
use crate::js;

pub(super) fn write(group: &Group) -> Value {
    let joint = match group.joint {
        Joint::And => "and",
        Joint::Or => "or",
    };
    let children: Vec<Value> = group.children.iter().map(write_condition).collect();
    json!({ "type": "group", "operator": joint, "children": children })
}

fn write_condition(condition: &Condition) -> Value {
    let test = match condition {
        Condition::Group(group) => return write(group),
        Condition::Test(test) => test,
    };
    let (kind, name) = match &test.field {
        Field::Type => ("event-type", None),
        Field::Event => ("event", None),
        Field::Name => ("name", None),
        Field::UserId => ("userId", None),
        Field::Property(path) => ("event-property", Some(path)),
        Field::Trait(path) => ("event-trait", Some(path)),
        Field::Context(path) => ("event-context", Some(path)),
        Field::Other(path) => ("event-field", Some(path)),
    };
    let mut tree = Map::new();
    tree.insert("type".to_owned(), kind.into());
    if let Some(path) = name {
        tree.insert("name".to_owned(), path.as_str().into());
    }
    let operator = Operator::NAMES.iter().find(|(operator, _)| *operator == test.operator).map(|(_, name)| *name);
    tree.insert("operator".to_owned(), operator.into());
    let operand = test.operand.as_ref().map(|operand| match operand {
        Operand::Text(text) => Value::from(&**text),
        Operand::Number(number) => Value::Number(number.clone()),
        Operand::Bool(flag) => Value::Bool(*flag),
    });
    if let Some(operand) = operand {
        tree.insert("value".to_owned(), operand);
    }
    Value::Object(tree)
}

pub(super) fn read(tree: &Value) -> Result<Group, String> {
    match read_condition(tree, 0)? {
        Condition::Group(group) => Ok(group),
        Condition::Test(_) => Err(r#"the root of a syntax tree is a "group""#.to_owned()),
    }
}

fn read_condition(tree: &Value, depth: usize) -> Result<Condition, String> {
    if depth > MAX_DEPTH {
        return Err(format!("the syntax tree goes more than {MAX_DEPTH} levels deep"));
    }
    let text =
        |key: &str| tree.get(key).and_then(Value::as_str).ok_or_else(|| format!("a text {key:?} is missing in {tree}"));
    let kind = text("type")?;
    if kind == "group" {
        let joint = match text("operator")? {
            "and" => Joint::And,
            "or" => Joint::Or,
            other => return Err(format!("a group is joined by \"and\" or \"or\", not by {other:?}")),
        };
        let children = tree.get("children").and_then(Value::as_array).ok_or("a group has a list of \"children\"")?;
        let children = children.iter().map(|child| read_condition(child, depth + 1)).collect::<Result<_, _>>()?;
        return Ok(Condition::Group(Group { joint, children }));
    }
    let path = || {
        let name = text("name")?;
        let path = parser::path(name).ok_or_else(|| format!("{name:?} is no path"))?;
        Ok::<_, String>(FieldPath::new(name, path))
    };
    let field = match kind {
        "event-type" => Field::Type,
        "event" => Field::Event,
        "name" => Field::Name,
        "userId" => Field::UserId,
        "event-property" => Field::Property(path()?),
        "event-trait" => Field::Trait(path()?),
        "event-context" => Field::Context(path()?),
        "event-field" => Field::Other(path()?),
        other => return Err(format!("{other:?} is no type of condition")),
    };
    let name = text("operator")?;
    let operator = Operator::NAMES.iter().find(|(_, known)| *known == name).map(|(operator, _)| *operator);
    let operator = operator.ok_or_else(|| format!("{name:?} is no operator"))?;
    let operand = match tree.get("value") {
        _ if !operator.needs_operand() => None,
        Some(Value::Number(number)) => Some(Operand::Number(number.clone())),
        Some(Value::Bool(flag)) => Some(Operand::Bool(*flag)),
        Some(other) => {
            let mut text = String::new();
            js::push_text(&mut text, other);
            Some(Operand::Text(text.into()))
        }
        None => return Err(format!("{name:?} needs a \"value\" in {tree}")),
    };
    Ok(Condition::Test(Test { field, operator, operand }))
}
