//! A batch that failed in part: which of its events are meant, and what became of the others.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::judge::{Asked, Outcome};
use super::probe::View;
use super::reason::text;
use super::rule::{Each, Kind, Rule, Which};
use crate::destination::verdict::Verdict;
use crate::js;

/// The events that an answer names.
#[derive(Default)]
pub(super) struct Named {
    verdicts: BTreeMap<usize, Verdict>,
    others: Option<Kind>,
    /// Whether an item names no event of this request.
    astray: bool,
}

impl Named {
    pub(super) fn is_empty(&self) -> bool {
        self.verdicts.is_empty() && !self.astray
    }

    /// Goes through a list of the answer. An event keeps the first verdict.
    pub(super) fn take(&mut self, each: &Each, rule: &Rule, asked: &Asked<'_, '_>) {
        let items = items(each.list.probe(&asked.view));
        let mut ids = None;
        for (position, item) in items.iter().enumerate() {
            let view = asked.view.at(item);
            if each.only.as_ref().is_some_and(|only| !only.probe(&view).is_some_and(|value| js::is_truthy(&value))) {
                continue;
            }
            let Outcome::All(verdict) = asked.outcome(rule.kind, Some(rule), &view) else { continue };
            self.others.get_or_insert(each.others);
            // Of one event alone it is clear which is meant.
            if asked.context.events == 1 {
                self.name(Some(0), &verdict, asked);
                continue;
            }
            match &each.which {
                Which::Position => self.name(Some(position), &verdict, asked),
                Which::Index(index) => {
                    for index in one_or_many(index.probe(&view)) {
                        self.name(as_index(&index), &verdict, asked);
                    }
                }
                Which::Id { id, of } => {
                    let ids = ids.get_or_insert_with(|| known_ids(asked, |view| of.probe(view)));
                    for id in one_or_many(id.probe(&view)) {
                        match ids.get(&text(&id)) {
                            Some(events) => events.iter().for_each(|event| self.name(Some(*event), &verdict, asked)),
                            None => self.name(None, &verdict, asked),
                        }
                    }
                }
            }
        }
    }

    fn name(&mut self, event: Option<usize>, verdict: &Verdict, asked: &Asked<'_, '_>) {
        match event.filter(|event| *event < asked.context.events) {
            Some(event) => drop(self.verdicts.entry(event).or_insert_with(|| verdict.clone())),
            None => self.astray = true,
        }
    }

    /// The verdicts. Where an item names nobody, the batch is halved until it is clear who is meant: to call the others delivered
    /// would lose one of them.
    pub(super) fn outcome(mut self, asked: &Asked<'_, '_>) -> Outcome {
        if self.astray {
            let reason = super::reason::reason(asked.answer, asked.context.secrets);
            return Outcome::Split(format!("{reason} (it does not say which events are meant)"));
        }
        let others = self.others.unwrap_or(Kind::Delivered);
        if others != Kind::Delivered
            && let Outcome::All(verdict) = asked.outcome(others, None, &asked.view)
        {
            for event in 0..asked.context.events {
                self.verdicts.entry(event).or_insert_with(|| verdict.clone());
            }
        }
        Outcome::Each(self.verdicts.into_iter().collect())
    }
}

/// The items of a list; the fields of an object as `{key, value}`; anything else that is there is one item.
fn items(value: Option<Value>) -> Vec<Value> {
    match value {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(items)) => items,
        Some(Value::Object(fields)) => {
            fields.into_iter().map(|(key, value)| serde_json::json!({ "key": key, "value": value })).collect()
        }
        Some(other) => vec![other],
    }
}

/// What an item names; nothing is one thing that no event has.
fn one_or_many(value: Option<Value>) -> Vec<Value> {
    match value {
        Some(Value::Array(items)) if !items.is_empty() => items,
        Some(Value::Array(_)) | None => vec![Value::Null],
        Some(one) => vec![one],
    }
}

/// A place in the batch, also where a partner writes it as text.
fn as_index(value: &Value) -> Option<usize> {
    match value {
        Value::String(text) => text.parse().ok(),
        other => other.as_u64().and_then(|n| usize::try_from(n).ok()),
    }
}

/// The events by their ids; several may have the same.
fn known_ids(asked: &Asked<'_, '_>, of: impl Fn(&View<'_>) -> Option<Value>) -> HashMap<String, Vec<usize>> {
    let mut ids: HashMap<String, Vec<usize>> = HashMap::with_capacity(asked.context.events);
    for event in 0..asked.context.events {
        let id = (asked.context.payload)(event).and_then(|payload| of(&asked.view.at(payload)));
        if let Some(id) = id.filter(|id| !id.is_null()) {
            ids.entry(text(&id)).or_default().push(event);
        }
    }
    ids
}
