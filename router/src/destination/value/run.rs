//! Running a compiled value over a scope.

use serde_json::{Map, Number, Value};
use std::borrow::Cow;
use std::cmp::Ordering;

use super::part::{Casts, Each, Fields, How, Key, Part, Root, Switch, Test};
use super::scope::Scope;
use super::text;
use crate::destination::Refusal;
use crate::js;
use crate::mapping::{ApplyError, Fields as OutFields, Out};
use crate::path::Found;

/// Why a value cannot be made of an event, and of which part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// `properties.time`; empty for the value itself.
    at: String,
    why: String,
}

impl Trouble {
    pub(crate) fn new(why: impl Into<String>) -> Self {
        Self { at: String::new(), why: why.into() }
    }

    /// The same in the field `name` of something larger.
    pub(crate) fn within(mut self, name: &str) -> Self {
        let dot = if self.at.is_empty() || self.at.starts_with('[') { "" } else { "." };
        self.at.insert_str(0, dot);
        self.at.insert_str(0, name);
        self
    }
}

impl From<ApplyError> for Trouble {
    fn from(error: ApplyError) -> Self {
        Self::new(error.to_string())
    }
}

impl From<Trouble> for Refusal {
    fn from(trouble: Trouble) -> Self {
        Self(match &*trouble.at {
            "" => trouble.why,
            at if trouble.why.starts_with("is ") => format!("{at} {}", trouble.why),
            at => format!("{at}: {}", trouble.why),
        })
    }
}

type Result_<'a> = Result<Out<'a>, Trouble>;

pub(super) fn run<'a>(part: &'a Part, scope: &Scope<'a>) -> Result_<'a> {
    Ok(match part {
        Part::Constant(value) => Out::Value(Cow::Borrowed(value)),
        Part::Path(root, path) => match path.get(start(*root, scope)) {
            Found::Nothing => Out::Undefined,
            Found::Part(value) => Out::Value(Cow::Borrowed(value)),
            Found::Made(value) => Out::owned(value),
        },
        Part::First(parts) => {
            for part in parts {
                let value = run(part, scope)?;
                if is_there(&value) {
                    return Ok(value);
                }
            }
            Out::Undefined
        }
        Part::Object(entries) => object(entries, scope)?,
        Part::Text(template) => template.render(scope)?.map_or(Out::Undefined, Out::text),
        Part::Cast(it) => casts(it, scope)?,
        Part::Segment(mapping) => mapping.run(scope.here, scope.budget)?,
        Part::List(parts) => Out::Array(list(parts, scope)?),
        Part::Each(it) => each(it, scope)?,
        Part::If(it) => match (is_truthy(&run(&it.test, scope)?), &it.otherwise) {
            (true, _) => run(&it.then, scope)?,
            (false, Some(otherwise)) => run(otherwise, scope)?,
            (false, None) => Out::Undefined,
        },
        Part::Switch(it) => switch(it, scope)?,
        Part::Test(test) => Out::owned(holds(test, scope)?.into()),
        Part::Fields(it) => fields(it, scope)?,
        Part::Join { list, by } => join(run(list, scope)?, by, scope)?,
        Part::Concat(parts) => concat(parts, scope)?,
        Part::Size(part) => match run(part, scope)?.finish(scope.budget)? {
            Some(Value::Array(items)) => Out::owned(items.len().into()),
            Some(Value::Object(fields)) => Out::owned(fields.len().into()),
            Some(Value::String(text)) => Out::owned(text.chars().count().into()),
            _ => Out::Undefined,
        },
        Part::Entries(part) => entries(run(part, scope)?, scope)?,
        Part::FromEntries(part) => from_entries(run(part, scope)?, scope)?,
        Part::Sum(part) => sum(run(part, scope)?, scope)?,
        Part::Multiply(parts) => product(parts, scope)?,
        Part::Now => Out::text(scope.now()),
        Part::Uuid => Out::text(scope.uuid()),
        Part::Count => Out::owned(scope.count.into()),
        Part::Index => Out::owned(scope.index.into()),
    })
}

fn start<'a>(root: Root, scope: &Scope<'a>) -> Option<&'a Value> {
    match root {
        Root::Here => scope.here,
        Root::Event => scope.event,
        Root::Payload => scope.payload,
        Root::Settings => Some(scope.settings),
        // A step that was skipped has no answer.
        Root::Step(place) => scope.steps.get(place).filter(|answer| !answer.is_null()),
        Root::Batch => scope.batch,
    }
}

/// Neither absent nor null nor an empty text.
pub(super) fn is_there(value: &Out<'_>) -> bool {
    !value.is_nothing() && value.as_str() != Some("")
}

pub(super) fn is_truthy(value: &Out<'_>) -> bool {
    match value {
        Out::Undefined => false,
        Out::Value(value) => js::is_truthy(value),
        Out::Object(_) | Out::Array(_) => true,
    }
}

fn object<'a>(entries: &'a [(Key, Part)], scope: &Scope<'a>) -> Result_<'a> {
    let mut fields: OutFields<'a> = Vec::with_capacity(entries.len());
    let mut unique = true;
    for (key, part) in entries {
        match key {
            Key::Name(name) => match run(part, scope).map_err(|trouble| trouble.within(name))? {
                Out::Undefined => {}
                value => fields.push((Cow::Borrowed(name), value)),
            },
            Key::Text(template) => {
                unique = false;
                let Some(name) = template.render(scope)? else { continue };
                match run(part, scope).map_err(|trouble| trouble.within(&name))? {
                    Out::Undefined => {}
                    value => fields.push((Cow::Owned(name), value)),
                }
            }
            Key::Spread => {
                unique = false;
                match run(part, scope)? {
                    // Only objects have fields to give.
                    Out::Value(value) if !value.is_object() => {}
                    Out::Array(_) => {}
                    value => value.assign(&mut fields, scope.budget)?,
                }
                fields.retain(|(_, value)| !matches!(value, Out::Undefined));
            }
        }
    }
    if !unique {
        return last_wins(fields, scope);
    }
    Ok(Out::Object(fields))
}

/// Each key once, at its first place, with its last value.
fn last_wins<'a>(fields: OutFields<'a>, scope: &Scope<'a>) -> Result_<'a> {
    const FEW: usize = 48;
    if fields.len() > FEW {
        return Ok(Out::Object(fields).finish(scope.budget)?.map_or(Out::Undefined, Out::owned));
    }
    let mut unique: OutFields<'a> = Vec::with_capacity(fields.len());
    for (key, value) in fields {
        match unique.iter_mut().find(|(known, _)| *known == key) {
            Some((_, old)) => *old = value,
            None => unique.push((key, value)),
        }
    }
    Ok(Out::Object(unique))
}

fn list<'a>(parts: &'a [Part], scope: &Scope<'a>) -> Result<Vec<Out<'a>>, Trouble> {
    let mut items = Vec::with_capacity(parts.len());
    for (i, part) in parts.iter().enumerate() {
        let value = run(part, scope).map_err(|trouble| trouble.within(&format!("[{i}]")))?;
        if !matches!(value, Out::Undefined) {
            items.push(value);
        }
    }
    Ok(items)
}

fn casts<'a>(it: &'a Casts, scope: &Scope<'a>) -> Result_<'a> {
    let mut value = run(&it.value, scope)?;
    let mut failed = None;
    for cast in &it.casts {
        match cast.apply(value, scope.budget) {
            Ok(changed) => value = changed,
            Err(why) => {
                failed = Some(why);
                value = Out::Undefined;
                break;
            }
        }
    }
    if is_there(&value) {
        return Ok(value);
    }
    match (&it.default, failed, &it.required) {
        (Some(default), _, _) => run(default, scope),
        (None, Some(why), _) => Err(why),
        (None, None, Some(missing)) => Err(Trouble::new(&**missing)),
        (None, None, None) => Ok(value),
    }
}

fn each<'a>(it: &'a Each, scope: &Scope<'a>) -> Result_<'a> {
    let over = run(&it.over, scope)?;
    Ok(match over {
        Out::Undefined => Out::Undefined,
        Out::Value(Cow::Borrowed(Value::Null)) => Out::Undefined,
        Out::Value(Cow::Borrowed(Value::Array(items))) => Out::Array(map(it, items, scope)?),
        Out::Value(Cow::Borrowed(one)) => Out::Array(map(it, std::slice::from_ref(one), scope)?),
        made => {
            let items = match made.finish(scope.budget)? {
                None | Some(Value::Null) => return Ok(Out::Undefined),
                Some(Value::Array(items)) => items,
                Some(one) => vec![one],
            };
            let mut owned = Vec::with_capacity(items.len());
            // The items live only here, so what is made of them must not borrow.
            for (i, item) in items.iter().enumerate() {
                if let Some(value) =
                    self::item(it, item, i, scope)?.map(|out| out.finish(scope.budget)).transpose()?.flatten()
                {
                    owned.push(Out::owned(value));
                }
            }
            Out::Array(owned)
        }
    })
}

fn map<'a>(it: &'a Each, items: &'a [Value], scope: &Scope<'a>) -> Result<Vec<Out<'a>>, Trouble> {
    let mut made = Vec::with_capacity(items.len());
    for (i, value) in items.iter().enumerate() {
        made.extend(item(it, value, i, scope)?);
    }
    Ok(made)
}

fn item<'b>(it: &'b Each, item: &'b Value, index: usize, scope: &Scope<'b>) -> Result<Option<Out<'b>>, Trouble> {
    let scope = Scope { here: Some(item), index, ..*scope };
    let within = |trouble: Trouble| trouble.within(&format!("[{index}]"));
    if let Some(only) = &it.only
        && !is_truthy(&run(only, &scope).map_err(within)?)
    {
        return Ok(None);
    }
    let Some(make) = &it.make else { return Ok(Some(Out::Value(Cow::Borrowed(item)))) };
    let made = run(make, &scope).map_err(within)?;
    Ok(Some(made).filter(|made| !matches!(made, Out::Undefined)))
}

fn switch<'a>(it: &'a Switch, scope: &Scope<'a>) -> Result_<'a> {
    let value = run(&it.value, scope)?;
    let mut text = String::new();
    let key = match &value {
        Out::Value(value) if value.is_string() => value.as_str(),
        Out::Value(value) if !value.is_null() => {
            js::push_text(&mut text, value);
            Some(&*text)
        }
        _ => None,
    };
    let case = it.cases.iter().find(|(case, _)| Some(&**case) == key).map(|(_, part)| part);
    match case.or(it.otherwise.as_ref()) {
        Some(part) => run(part, scope),
        None => Ok(Out::Undefined),
    }
}

fn holds<'a>(test: &'a Test, scope: &Scope<'a>) -> Result<bool, Trouble> {
    let value = |part: &'a Part| -> Result<Value, Trouble> {
        // Absent and null are the same to a comparison.
        Ok(run(part, scope)?.finish(scope.budget)?.unwrap_or(Value::Null))
    };
    Ok(match test {
        Test::Equal(left, right) => equal(&value(left)?, &value(right)?),
        Test::In(left, right) => {
            let left = value(left)?;
            value(right)?.as_array().is_some_and(|items| items.iter().any(|item| equal(item, &left)))
        }
        Test::Matches(part, glob) => value(part)?.as_str().is_some_and(|text| matches(glob, text)),
        Test::Order(left, right, orders) => {
            order(&value(left)?, &value(right)?).is_some_and(|order| orders.contains(&order))
        }
        Test::Not(part) => !is_truthy(&run(part, scope)?),
        Test::All(parts) => {
            for part in parts {
                if !is_truthy(&run(part, scope)?) {
                    return Ok(false);
                }
            }
            true
        }
        Test::Any(parts) => {
            for part in parts {
                if is_truthy(&run(part, scope)?) {
                    return Ok(true);
                }
            }
            false
        }
        Test::Present(part) => is_there(&run(part, scope)?),
        Test::Absent(part) => !is_there(&run(part, scope)?),
    })
}

fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => left == right || left.as_f64() == right.as_f64(),
        _ => left == right,
    }
}

fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => left.as_f64()?.partial_cmp(&right.as_f64()?),
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        _ => None,
    }
}

/// Whether a text fits a pattern in which `*` stands for anything.
pub(super) fn matches(glob: &str, text: &str) -> bool {
    let Some((head, tail)) = glob.split_once('*') else { return glob == text };
    let Some(mut rest) = text.strip_prefix(head) else { return false };
    let mut parts: Vec<&str> = tail.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

fn fields<'a>(it: &'a Fields, scope: &Scope<'a>) -> Result_<'a> {
    let of = run(&it.of, scope)?;
    let mut fields: OutFields<'a> = Vec::new();
    match of {
        Out::Object(_) => of.assign(&mut fields, scope.budget)?,
        Out::Value(ref value) if value.is_object() => of.assign(&mut fields, scope.budget)?,
        _ => return Ok(Out::Undefined),
    }
    match &it.how {
        How::Pick(names) => fields.retain(|(key, _)| names.iter().any(|name| **name == **key)),
        How::Omit(names) => fields.retain(|(key, _)| !names.iter().any(|name| **name == **key)),
        How::Rename(names) => {
            for (key, _) in &mut fields {
                if let Some((_, new)) = names.iter().find(|(old, _)| **old == **key) {
                    *key = Cow::Borrowed(new);
                }
            }
            return last_wins(fields, scope);
        }
    }
    Ok(Out::Object(fields))
}

fn join<'a>(list: Out<'a>, by: &str, scope: &Scope<'a>) -> Result_<'a> {
    let items = match list.finish(scope.budget)? {
        None | Some(Value::Null) => return Ok(Out::Undefined),
        Some(Value::Array(items)) => items,
        Some(one) => vec![one],
    };
    let texts: Vec<String> = items.iter().filter(|item| !item.is_null()).map(text::to_text).collect();
    let text = texts.join(by);
    scope.budget.spend(text.len())?;
    Ok(Out::text(text))
}

fn concat<'a>(parts: &'a [Part], scope: &Scope<'a>) -> Result_<'a> {
    let mut items = Vec::new();
    for part in parts {
        match run(part, scope)? {
            Out::Undefined => {}
            Out::Array(more) => items.extend(more),
            Out::Value(Cow::Borrowed(Value::Array(more))) => {
                items.extend(more.iter().map(|item| Out::Value(Cow::Borrowed(item))));
            }
            Out::Value(Cow::Owned(Value::Array(more))) => items.extend(more.into_iter().map(Out::owned)),
            value if value.is_null() => {}
            one => items.push(one),
        }
    }
    Ok(Out::Array(items))
}

fn entries<'a>(of: Out<'a>, scope: &Scope<'a>) -> Result_<'a> {
    let Some(Value::Object(fields)) = of.finish(scope.budget)? else { return Ok(Out::Undefined) };
    let entry = |(key, value): (String, Value)| {
        Value::Object(Map::from_iter([("key".to_owned(), Value::String(key)), ("value".to_owned(), value)]))
    };
    Ok(Out::owned(Value::Array(fields.into_iter().map(entry).collect())))
}

fn from_entries<'a>(of: Out<'a>, scope: &Scope<'a>) -> Result_<'a> {
    let Some(Value::Array(items)) = of.finish(scope.budget)? else { return Ok(Out::Undefined) };
    let mut fields = Map::new();
    for mut item in items {
        let Some(key) = item.get("key").filter(|key| !key.is_null()).map(text::to_text) else { continue };
        if let Some(value) = item.get_mut("value").map(Value::take) {
            fields.insert(key, value);
        }
    }
    Ok(Out::owned(Value::Object(fields)))
}

/// What is no number is left out.
fn sum<'a>(list: Out<'a>, scope: &Scope<'a>) -> Result_<'a> {
    let Some(Value::Array(items)) = list.finish(scope.budget)? else { return Ok(Out::Undefined) };
    let total =
        items.iter().filter_map(number).reduce(|left, right| whole_or(&left, &right, i64::checked_add, |a, b| a + b));
    Ok(total.map_or(Out::Undefined, |total| Out::owned(Value::Number(total))))
}

/// Absent where one of the factors is no number.
fn product<'a>(parts: &'a [Part], scope: &Scope<'a>) -> Result_<'a> {
    let mut total = Number::from(1);
    for part in parts {
        let Some(factor) = run(part, scope)?.finish(scope.budget)?.as_ref().and_then(number) else {
            return Ok(Out::Undefined);
        };
        total = whole_or(&total, &factor, i64::checked_mul, |a, b| a * b);
    }
    Ok(Out::owned(Value::Number(total)))
}

fn number(value: &Value) -> Option<Number> {
    match value {
        Value::Number(number) => Some(number.clone()),
        Value::String(text) if !text.trim().is_empty() => js::to_number(text).and_then(Number::from_f64),
        _ => None,
    }
}

/// Whole numbers stay whole, where they can.
fn whole_or(a: &Number, b: &Number, whole: fn(i64, i64) -> Option<i64>, float: fn(f64, f64) -> f64) -> Number {
    if let Some(whole) = a.as_i64().zip(b.as_i64()).and_then(|(a, b)| whole(a, b)) {
        return whole.into();
    }
    let (a_, b_) = (a.as_f64().unwrap_or(f64::NAN), b.as_f64().unwrap_or(f64::NAN));
    Number::from_f64(float(a_, b_)).unwrap_or_else(|| a.clone())
}
