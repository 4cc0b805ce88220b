//! A table read and checked.

use serde_json::{Map, Value};

use super::after::{After, Source, Unit};
use super::probe::{CompileValue, Probe};
use super::rule::{Each, Kind, On, Rule, Table, Which};
use crate::destination::mistake::{Mistake, pointer};
use crate::destination::verdict::Blame;

type Found<T> = Result<T, Mistake>;

impl Table {
    /// Reads what stands under `verdict:` at the JSON pointer `at`; values are read by `compile_value`.
    ///
    /// # Errors
    /// Every mistake, each at its place.
    pub(crate) fn compile(value: &Value, at: &str, compile_value: &mut CompileValue<'_>) -> Result<Self, Vec<Mistake>> {
        let Some(entries) = value.as_object() else {
            return Err(vec![mistake(
                at,
                "a verdict table is a map from a status to a verdict",
                "429: {retry: instance}",
            )]);
        };
        let (mut table, mut mistakes) = (Self::default(), Vec::new());
        for (key, value) in entries {
            let at = pointer(at, key);
            for name in key.split([',', '|']).map(str::trim) {
                let entry = on(name, &at).and_then(|on| {
                    if table.entries.iter().any(|(other, _)| *other == on) {
                        return Err(mistake(
                            &format!("{at}#"),
                            &format!("{name} stands in two entries"),
                            "make one list of them",
                        ));
                    }
                    Ok((on, rules(on, value, &at, compile_value)?))
                });
                match entry {
                    Ok(entry) => table.entries.push(entry),
                    Err(mistake) => mistakes.push(mistake),
                }
            }
        }
        table.entries.sort_by_key(|(on, _)| *on);
        if mistakes.is_empty() { Ok(table) } else { Err(mistakes) }
    }
}

const FAILURES: [(&str, On); 4] =
    [("connect", On::Connect), ("timeout", On::Timeout), ("broken", On::Broken), ("too_large", On::TooLarge)];

fn on(name: &str, at: &str) -> Found<On> {
    if let Some((_, on)) = FAILURES.iter().find(|(known, _)| *known == name) {
        return Ok(*on);
    }
    let digits = name.bytes().take_while(u8::is_ascii_digit).count();
    match (&name[..digits], &name[digits..]) {
        (status, "") if status.len() == 3 && !status.starts_with('0') => status.parse().map(On::Status).ok(),
        (class, "xx" | "XX") if class.len() == 1 && class != "0" => class.parse().map(On::Class).ok(),
        _ => None,
    }
    .ok_or_else(|| {
        let known = ["404", "5xx", "connect", "timeout", "broken", "too_large"];
        Mistake::unknown(format!("{at}#"), "status or failure", name, &known)
    })
}

fn rules(on: On, value: &Value, at: &str, compile_value: &mut CompileValue<'_>) -> Found<Vec<Rule>> {
    let rules = match value {
        Value::Array(items) => {
            let mut rules: Vec<Rule> = Vec::with_capacity(items.len());
            for (i, item) in items.iter().enumerate() {
                let at = format!("{at}/{i}");
                if rules.last().is_some_and(|rule| rule.when.is_none() && rule.each.is_none()) {
                    return Err(mistake(
                        &at,
                        "the verdict before this one always holds",
                        "put what has no `when` or `each` last",
                    ));
                }
                rules.push(rule(item, &at, compile_value)?);
            }
            rules
        }
        one => vec![rule(one, at, compile_value)?],
    };
    if !matches!(on, On::Status(_) | On::Class(_)) {
        for rule in &rules {
            if rule.when.is_some() || rule.each.is_some() {
                return Err(mistake(
                    at,
                    "without an answer there is nothing that `when` or `each` could look at",
                    "name the verdict alone",
                ));
            }
            if rule.kind == Kind::Delivered {
                return Err(mistake(
                    at,
                    "without an answer nobody knows that an event was delivered",
                    "write `retry event`",
                ));
            }
        }
    }
    Ok(rules)
}

/// The keys that say what becomes of an event.
const VERDICTS: [&str; 6] = ["delivered", "reject", "retry", "reauthenticate", "pause", "split"];
/// The keys beside them.
const OPTIONS: [&str; 9] = ["when", "each", "if", "index", "id", "of", "others", "after", "reason"];

fn rule(value: &Value, at: &str, compile_value: &mut CompileValue<'_>) -> Found<Rule> {
    let fields = match value {
        Value::String(text) => {
            return Ok(Rule { when: None, each: None, kind: kind(text, at)?, reason: None, after: None });
        }
        Value::Object(fields) => fields,
        _ => return Err(mistake(at, "a verdict is a text or a map", "413: split, or 429: {retry: instance}")),
    };
    for key in fields.keys() {
        if !VERDICTS.contains(&key.as_str()) && !OPTIONS.contains(&key.as_str()) {
            let known: Vec<&str> = VERDICTS.into_iter().chain(OPTIONS).collect();
            return Err(Mistake::unknown(format!("{}#", pointer(at, key)), "part of a verdict", key, &known));
        }
    }
    let mut verdicts = fields.iter().filter(|(key, _)| VERDICTS.contains(&key.as_str()));
    let (Some((name, argument)), None) = (verdicts.next(), verdicts.next()) else {
        return Err(mistake(
            at,
            "a verdict names exactly one thing that happens",
            &format!("one of {}", VERDICTS.join(", ")),
        ));
    };
    let mut reader = Reader { fields, at, compile_value };
    let place = pointer(at, name);
    let (kind, mut reason) = match (name.as_str(), argument) {
        ("retry", Value::String(blame)) => (kind(&format!("retry {blame}"), &place)?, None),
        ("retry", _) => return Err(mistake(&place, "a retry says who is to be left alone", "event, instance or host")),
        (name, Value::Bool(true) | Value::Null) => (kind(name, &place)?, None),
        ("delivered", _) => return Err(mistake(&place, "what was delivered needs no reason", "delivered: true")),
        (name, _) => (kind(name, &place)?, reader.value(name)?),
    };
    if let Some(words) = reader.value("reason")? {
        if reason.is_some() {
            return Err(mistake(&pointer(at, "reason"), "the reason stands here twice", "remove one of the two"));
        }
        reason = Some(words);
    }
    let after = match fields.get("after") {
        Some(_) if !matches!(kind, Kind::Retry(_)) => {
            return Err(mistake(
                &pointer(at, "after"),
                "only a retry has an `after`",
                "remove it, or write `retry: instance`",
            ));
        }
        Some(value) => Some(after(value, &pointer(at, "after"), reader.compile_value)?),
        None => None,
    };
    Ok(Rule { when: reader.value("when")?, each: reader.each(kind)?, kind, reason, after })
}

struct Reader<'a, 'c> {
    fields: &'a Map<String, Value>,
    at: &'a str,
    compile_value: &'a mut CompileValue<'c>,
}

impl Reader<'_, '_> {
    fn value(&mut self, name: &str) -> Found<Option<Box<dyn Probe>>> {
        let at = pointer(self.at, name);
        self.fields.get(name).map(|value| (self.compile_value)(value, &at)).transpose()
    }

    fn each(&mut self, kind: Kind) -> Found<Option<Each>> {
        let Some(list) = self.value("each")? else {
            let lonely = ["if", "index", "id", "of", "others"].into_iter().find(|name| self.fields.contains_key(*name));
            return match lonely {
                Some(name) => {
                    let how = "add `each`, the list of the answer that it belongs to";
                    Err(mistake(&format!("{}#", pointer(self.at, name)), &format!("{name:?} goes with `each`"), how))
                }
                None => Ok(None),
            };
        };
        if kind == Kind::Split {
            return Err(mistake(
                &pointer(self.at, "split"),
                "one event cannot be split",
                "leave `each` away, or write `retry: event`",
            ));
        }
        let which = match (self.value("index")?, self.value("id")?, self.value("of")?) {
            (None, None, None) => Which::Position,
            (Some(index), None, None) => Which::Index(index),
            (None, Some(id), Some(of)) => Which::Id { id, of },
            (Some(_), ..) => {
                return Err(mistake(
                    self.at,
                    "events are named by `index` or by `id`, not by both",
                    "remove one of the two",
                ));
            }
            _ => {
                let how = "{each: $.errors, id: $.id, of: $.user_id, reject: $.message}";
                return Err(mistake(
                    self.at,
                    "`id` says what the answer has, and `of` where an event has the same",
                    how,
                ));
            }
        };
        let others = match self.fields.get("others") {
            None => Kind::Delivered,
            Some(value) => {
                let at = pointer(self.at, "others");
                match kind_of(value, &at)? {
                    Kind::Split => return Err(mistake(&at, "the others cannot be split", "delivered, or retry")),
                    kind => kind,
                }
            }
        };
        Ok(Some(Each { list, only: self.value("if")?, which, others }))
    }
}

fn kind_of(value: &Value, at: &str) -> Found<Kind> {
    match value.as_str() {
        Some(text) => kind(text, at),
        None => Err(mistake(at, "a verdict in one word is a text", &format!("one of {}", VERDICTS.join(", ")))),
    }
}

fn kind(text: &str, at: &str) -> Found<Kind> {
    let (verb, object) = text.trim().split_once(' ').map_or((text.trim(), ""), |(verb, object)| (verb, object.trim()));
    match (verb, object) {
        ("delivered", "") => Ok(Kind::Delivered),
        ("reject", "") => Ok(Kind::Reject),
        ("reauthenticate", "") => Ok(Kind::Reauthenticate),
        ("pause", "") => Ok(Kind::Pause),
        ("split", "") => Ok(Kind::Split),
        ("retry", "" | "event") => Ok(Kind::Retry(Blame::Event)),
        ("retry", "instance") => Ok(Kind::Retry(Blame::Instance)),
        ("retry", "host") => Ok(Kind::Retry(Blame::Host)),
        ("retry", other) => {
            Err(Mistake::unknown(at, "one to be left alone called", other, &["event", "instance", "host"]))
        }
        _ => Err(Mistake::unknown(at, "verdict", text, &VERDICTS)),
    }
}

/// `30s`, `header x-ratelimit-reset as unix`, or a value of the answer: `$.retry_after as ms`.
fn after(value: &Value, at: &str, compile_value: &mut CompileValue<'_>) -> Found<After> {
    let Some(text) = value.as_str() else {
        return Ok(After { source: Source::Value(compile_value(value, at)?), unit: Unit::Seconds });
    };
    let (source, unit) = match text.rsplit_once(" as ") {
        Some((source, name)) => {
            let known = Unit::NAMES.map(|(known, _)| known);
            let unit = Unit::NAMES.iter().find(|(known, _)| *known == name.trim()).map(|(_, unit)| *unit);
            let wrong = || Mistake::unknown(at, "unit of time", name, &known);
            (source.trim(), Some(unit.ok_or_else(wrong)?))
        }
        None => (text.trim(), None),
    };
    if let Some(name) = source.strip_prefix("header ") {
        let name = name.trim();
        let header = name.to_ascii_lowercase().parse().map_err(|_| {
            mistake(at, &format!("{name:?} is no name of a header"), "header x-ratelimit-reset as unix")
        })?;
        return Ok(After { source: Source::Header(header), unit: unit.unwrap_or(Unit::RetryAfter) });
    }
    if source.starts_with('$') || source.contains("{{") {
        let probe = compile_value(&Value::String(source.to_owned()), at)?;
        return Ok(After { source: Source::Value(probe), unit: unit.unwrap_or(Unit::Seconds) });
    }
    match humantime::parse_duration(source) {
        Ok(duration) if unit.is_none() => Ok(After { source: Source::Fixed(duration), unit: Unit::Seconds }),
        _ => Err(mistake(
            at,
            &format!("{text:?} is no time to wait"),
            "30s, header retry-after, or $.retry_after as seconds",
        )),
    }
}

fn mistake(at: &str, message: &str, how: &str) -> Mistake {
    Mistake::new(at, format!("{message}: {how}"))
}
