//! Objects with a `$…` key that do something: `{$if: …}`, `{$each: …}`, `{$: …, as: …}`.
//!
//! Partners have fields that begin with `$` as well (`$set`, `$insert_id`). An object is taken for an operator where one of its
//! keys *is* one; `{$object: {…}}` is an object whatever its keys.

use serde_json::{Map, Value};
use std::cmp::Ordering::{Equal, Greater, Less};

use super::cast::{self, Cast};
use super::compile::Compiler;
use super::part::{Casts, Each, Fields, How, If, Part, Switch, Test};
use crate::nearest::nearest;

/// Every operator, and the keys that may stand beside it.
const OPERATORS: [(&str, &[&str]); 32] = [
    ("$", &["as", "default", "required"]),
    ("$literal", &[]),
    ("$object", &[]),
    ("$template", &[]),
    ("$first", &[]),
    ("$list", &[]),
    ("$each", &["do", "if"]),
    ("$if", &["then", "else"]),
    ("$switch", &["cases", "else"]),
    ("$eq", &[]),
    ("$ne", &[]),
    ("$in", &[]),
    ("$match", &[]),
    ("$gt", &[]),
    ("$lt", &[]),
    ("$gte", &[]),
    ("$lte", &[]),
    ("$not", &[]),
    ("$all", &[]),
    ("$any", &[]),
    ("$present", &[]),
    ("$absent", &[]),
    ("$pick", &["of"]),
    ("$omit", &["of"]),
    ("$rename", &["of"]),
    ("$join", &["by"]),
    ("$concat", &[]),
    ("$size", &[]),
    ("$entries", &[]),
    ("$from_entries", &[]),
    ("$sum", &[]),
    ("$multiply", &[]),
];

pub(super) fn names() -> impl Iterator<Item = &'static str> {
    OPERATORS.iter().map(|(name, _)| *name)
}

/// The operator of an object, if it is one.
pub(super) fn find(fields: &Map<String, Value>) -> Option<&'static str> {
    names().find(|name| fields.contains_key(*name))
}

/// A key that is nearly an operator, with that operator's options beside it or a long name, is a slip of the hand.
pub(super) fn check_spelling(c: &mut Compiler<'_>, fields: &Map<String, Value>) {
    let names: Vec<&str> = OPERATORS.iter().map(|(name, _)| *name).filter(|name| name.len() > 2).collect();
    for key in fields.keys().filter(|key| key.starts_with('$')) {
        let Some(near) = nearest(key, &names) else { continue };
        let options = OPERATORS.iter().find(|(name, _)| *name == near).map_or(&[][..], |(_, options)| options);
        if fields.keys().any(|other| options.contains(&other.as_str())) || (fields.len() == 1 && key.len() > 5) {
            c.below(key, |c| c.unknown("operator", key, &names));
        }
    }
}

pub(super) fn compile(c: &mut Compiler<'_>, name: &'static str, fields: &Map<String, Value>) -> Part {
    let options = OPERATORS.iter().find(|(known, _)| *known == name).map_or(&[][..], |(_, options)| options);
    for other in fields.keys().filter(|key| *key != name && !options.contains(&key.as_str())) {
        c.below(other, |c| c.unknown(&format!("option of {name}"), other, options));
    }
    let value = fields.get(name).unwrap_or(&Value::Null);
    let option = |name: &str| fields.get(name);
    match name {
        "$" => casts(c, value, fields),
        "$literal" => Part::Constant(value.clone()),
        "$object" => match value.as_object() {
            Some(inner) => c.below(name, |c| c.object(inner)),
            None => c.below(name, |c| c.wrong("$object takes an object")),
        },
        "$template" => c.below(name, |c| match value.as_str() {
            Some(text) => c.template(text).map_or_else(|| Part::Constant(text.into()), Part::Text),
            None => c.wrong("$template takes a text"),
        }),
        "$first" => Part::First(several(c, name, value)),
        "$list" => Part::List(several(c, name, value)),
        "$concat" => Part::Concat(several(c, name, value)),
        "$sum" => Part::Sum(Box::new(match value.as_array() {
            Some(_) => Part::List(several(c, name, value)),
            None => c.child(name, value),
        })),
        "$multiply" => Part::Multiply(several(c, name, value)),
        "$each" => {
            let over = c.child(name, value);
            let only = option("if").map(|only| c.item("if", only));
            let make = option("do").map(|make| c.item("do", make));
            Part::Each(Box::new(Each { over, only, make }))
        }
        "$if" => {
            let test = c.child(name, value);
            let Some(then) = option("then") else { return c.wrong("$if needs a `then`") };
            let then = c.child("then", then);
            let otherwise = option("else").map(|otherwise| c.child("else", otherwise));
            Part::If(Box::new(If { test, then, otherwise }))
        }
        "$switch" => switch(c, value, fields),
        "$eq" | "$ne" | "$in" | "$match" | "$gt" | "$lt" | "$gte" | "$lte" => two(c, name, value),
        "$not" => test(Test::Not(c.child(name, value))),
        "$all" => test(Test::All(several(c, name, value))),
        "$any" => test(Test::Any(several(c, name, value))),
        "$present" => test(Test::Present(c.child(name, value))),
        "$absent" => test(Test::Absent(c.child(name, value))),
        "$pick" | "$omit" | "$rename" => fields_of(c, name, value, option("of")),
        "$join" => {
            let by = match option("by") {
                None => ",",
                Some(Value::String(by)) => by,
                Some(_) => return c.below("by", |c| c.wrong("`by` is a text")),
            };
            let list = match value.as_array() {
                Some(_) => Part::List(several(c, name, value)),
                None => c.child(name, value),
            };
            Part::Join { list: Box::new(list), by: by.into() }
        }
        "$size" if value == "$batch" => c.below(name, |c| c.count()),
        "$size" => Part::Size(Box::new(c.child(name, value))),
        "$entries" => Part::Entries(Box::new(c.child(name, value))),
        _ => Part::FromEntries(Box::new(c.child(name, value))),
    }
}

fn test(test: Test) -> Part {
    Part::Test(Box::new(test))
}

/// A list of values, of which none is skipped.
fn several(c: &mut Compiler<'_>, name: &str, value: &Value) -> Box<[Part]> {
    match value.as_array() {
        Some(items) => c.below(name, |c| c.list(items)).into(),
        None => {
            c.below(name, |c| c.wrong(format!("{name} takes a list")));
            Box::default()
        }
    }
}

fn two(c: &mut Compiler<'_>, name: &str, value: &Value) -> Part {
    let Some([left, right]) = value.as_array().map(Vec::as_slice) else {
        return c.below(name, |c| c.wrong(format!("{name} takes a list of two")));
    };
    c.below(name, |c| {
        let left = c.child("0", left);
        if name == "$match" {
            return match right.as_str() {
                Some(glob) => test(Test::Matches(left, glob.into())),
                None => c.below("1", |c| c.wrong("the pattern of $match is a text; * stands for anything")),
            };
        }
        let right = match right.as_array() {
            Some(items) if name == "$in" => c.below("1", |c| Part::List(c.list(items).into())),
            _ => c.child("1", right),
        };
        test(match name {
            "$eq" => Test::Equal(left, right),
            "$ne" => Test::Not(test(Test::Equal(left, right))),
            "$in" => Test::In(left, right),
            "$gt" => Test::Order(left, right, &[Greater]),
            "$lt" => Test::Order(left, right, &[Less]),
            "$gte" => Test::Order(left, right, &[Greater, Equal]),
            _ => Test::Order(left, right, &[Less, Equal]),
        })
    })
}

fn switch(c: &mut Compiler<'_>, value: &Value, fields: &Map<String, Value>) -> Part {
    let value = c.child("$switch", value);
    let Some(cases) = fields.get("cases").and_then(Value::as_object) else {
        return c.wrong("$switch needs `cases`: an object with a value for each text");
    };
    let cases: Box<[_]> =
        c.below("cases", |c| cases.iter().map(|(key, case)| (key.as_str().into(), c.child(key, case))).collect());
    let otherwise = fields.get("else").map(|otherwise| c.child("else", otherwise));
    Part::Switch(Box::new(Switch { value, cases, otherwise }))
}

fn fields_of(c: &mut Compiler<'_>, name: &str, value: &Value, of: Option<&Value>) -> Part {
    let Some(of) = of else { return c.wrong(format!("{name} needs an `of`: the object that it works on")) };
    let texts = |value: &Value| -> Option<Box<[Box<str>]>> {
        value.as_array()?.iter().map(|name| name.as_str().map(Into::into)).collect()
    };
    let how = match name {
        "$rename" => value.as_object().and_then(|names| {
            let names = names.iter().map(|(old, new)| Some((old.as_str().into(), new.as_str()?.into())));
            names.collect::<Option<Box<[_]>>>().map(How::Rename)
        }),
        "$pick" => texts(value).map(How::Pick),
        _ => texts(value).map(How::Omit),
    };
    let Some(how) = how else {
        let takes = if name == "$rename" { "an object of old names and new ones" } else { "a list of names" };
        return c.below(name, |c| c.wrong(format!("{name} takes {takes}")));
    };
    let of = c.child("of", of);
    Part::Fields(Box::new(Fields { of, how }))
}

fn casts(c: &mut Compiler<'_>, value: &Value, fields: &Map<String, Value>) -> Part {
    let value = c.child("$", value);
    let casts = fields.get("as").map_or_else(Vec::new, |names| c.below("as", |c| read_casts(c, names)));
    let default = fields.get("default").map(|default| c.child("default", default));
    let required = match fields.get("required") {
        None | Some(Value::Bool(false)) => None,
        Some(Value::Bool(true)) => Some("is missing".into()),
        Some(Value::String(text)) => Some(text.as_str().into()),
        Some(_) => {
            c.below("required", |c| c.wrong("`required` is true, false or the text that says what is missing"));
            None
        }
    };
    Part::Cast(Box::new(Casts { value, casts: casts.into(), default, required }))
}

/// `value` through the casts that `names` names.
pub(super) fn cast(c: &mut Compiler<'_>, value: Part, names: &Value) -> Part {
    let casts = read_casts(c, names).into();
    Part::Cast(Box::new(Casts { value, casts, default: None, required: None }))
}

fn read_casts(c: &mut Compiler<'_>, names: &Value) -> Vec<Cast> {
    let names = match names {
        Value::Array(names) => names.as_slice(),
        one => std::slice::from_ref(one),
    };
    let mut casts = Vec::new();
    for name in names {
        let Some(name) = name.as_str() else {
            c.wrong("`as` is the name of a cast or a list of names");
            continue;
        };
        match Cast::parse(name) {
            Some(cast) => casts.push(cast),
            None => {
                let known: Vec<&str> = cast::names().collect();
                c.unknown("cast", name, &known);
            }
        }
    }
    casts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partners_fields_are_no_operators() {
        for key in ["$set", "$set_once", "$append", "$add", "$insert_id", "$ip", "$os", "$unset", "$union", "$remove"] {
            let fields = Map::from_iter([(key.to_owned(), Value::Null)]);
            assert_eq!(find(&fields), None, "{key}");
            let (mut mistakes, known) = (Vec::new(), super::super::Known::default());
            check_spelling(&mut Compiler::new(&known, "", &mut mistakes), &fields);
            assert_eq!(mistakes, [], "{key}");
        }
    }
}
