//! Fields that are required where another field has a certain value.

use serde_json::{Map, Value};

use crate::destination::mistake::{Mistake, pointer};

/// `required: {match: all | any, conditions: [{fieldKey, operator: is | is_not, value}]}`, as Segment writes it.
#[derive(Debug)]
pub(super) struct Condition {
    field: Box<str>,
    any: bool,
    tests: Vec<Test>,
    at: String,
}

#[derive(Debug)]
struct Test {
    /// `address.city` is the field `city` of the field `address`.
    field: Box<str>,
    negated: bool,
    /// Without one, `is` means absent.
    value: Option<Value>,
}

impl Condition {
    pub(super) fn compile(field: &str, value: &Value, at: &str, mistakes: &mut Vec<Mistake>) -> Option<Self> {
        const FORM: &str =
            "`required` is true, false, or {match: all | any, conditions: [{fieldKey, operator: is | is_not, value}]}";
        let any = match value.get("match") {
            None => false,
            Some(word) if word == "all" => false,
            Some(word) if word == "any" => true,
            Some(_) => {
                mistakes.push(Mistake::new(pointer(at, "match"), "`match` is all or any"));
                false
            }
        };
        let Some(conditions) = value.get("conditions").and_then(Value::as_array).filter(|list| !list.is_empty()) else {
            mistakes.push(Mistake::new(at, FORM));
            return None;
        };
        let test = |condition: &Value| -> Option<Test> {
            let negated = match condition.get("operator")?.as_str()? {
                "is" => false,
                "is_not" => true,
                _ => return None,
            };
            let field = condition.get("fieldKey")?.as_str()?.into();
            Some(Test { field, negated, value: condition.get("value").cloned() })
        };
        let tests: Vec<Test> = conditions.iter().filter_map(test).collect();
        if tests.len() < conditions.len() {
            mistakes.push(Mistake::new(pointer(at, "conditions"), FORM));
        }
        Some(Self { field: field.into(), any, tests, at: at.to_owned() })
    }

    /// What is missing, if something is. Values are compared as they came, before they are coerced.
    pub(super) fn violation(&self, payload: &Map<String, Value>) -> Option<String> {
        let single = self.tests.len() == 1;
        let mut tests = self.tests.iter().map(|test| test.holds(payload, single));
        let applies = if self.any { tests.any(|holds| holds) } else { tests.all(|holds| holds) };
        (applies && find(payload, &self.field).is_none()).then(|| {
            let why: Vec<String> = self.tests.iter().map(Test::words).collect();
            format!("{} is missing where {}", self.field, why.join(if self.any { " or " } else { " and " }))
        })
    }
}

impl Test {
    fn holds(&self, payload: &Map<String, Value>, single: bool) -> bool {
        let found = find(payload, &self.field);
        match (&self.value, found) {
            // Segment takes null for absent only where the condition stands alone.
            (None, found) => {
                let absent = found.is_none_or(|found| single && found.is_null());
                absent != self.negated
            }
            (Some(_), None) => false,
            (Some(value), Some(found)) => (value == found) != self.negated,
        }
    }

    fn words(&self) -> String {
        let is = if self.negated { "is not" } else { "is" };
        match &self.value {
            Some(value) => format!("{} {is} {value}", self.field),
            None => format!("{} {is} absent", self.field),
        }
    }
}

fn find<'p>(payload: &'p Map<String, Value>, field: &str) -> Option<&'p Value> {
    match field.split_once('.') {
        Some((parent, child)) => payload.get(parent)?.get(child),
        None => payload.get(field),
    }
}

/// Conditions on fields that do not exist can never hold.
pub(super) fn check(conditions: &[Condition], names: &[String], mistakes: &mut Vec<Mistake>) {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for condition in conditions {
        for test in &condition.tests {
            let first = test.field.split('.').next().unwrap_or_default();
            if !names.contains(&first) {
                mistakes.push(Mistake::unknown(pointer(&condition.at, "conditions"), "field", first, &names));
            }
        }
    }
}
