//! Requests that carry several events: a list with something for each.

use std::collections::HashMap;

use serde_json::Value;

use super::super::definition::{Each, Step, Wrap};
use super::super::instance::{Instance, Subscription};
use super::super::mistake::Refusal;
use super::super::target::{Env, Planned};
use super::super::value::{Scope, Uses};
use super::body::{self, nothing};
use super::head::Head;
use super::{Item, call, salt};
use crate::mapping::{Budget, Out};

/// Stands for the list while what is around it is made.
const MARK: &str = "\u{1}the list of the batch\u{1}";

/// Events that go to the same place in the same wrapping.
struct Group {
    head: Head,
    before: Vec<u8>,
    after: Vec<u8>,
    open: Open,
}

/// A request that still has room.
#[derive(Default)]
struct Open {
    /// The items, with commas between them.
    list: Vec<u8>,
    places: Vec<usize>,
    payloads: Vec<Value>,
    events: usize,
}

/// What one event adds to a batch.
struct Piece {
    bytes: Vec<u8>,
    items: usize,
}

impl Instance {
    #[expect(clippy::too_many_arguments, reason = "all of it is what a plan is made of")]
    pub(super) fn batches(
        &self,
        subscription: usize,
        chosen: &Subscription,
        step: &Step,
        each: &Each,
        items: Vec<Item<'_>>,
        env: Env,
        planned: &mut Planned,
    ) {
        let mut groups: Vec<Group> = Vec::new();
        let mut known: HashMap<String, usize> = HashMap::new();
        let shared = chosen.heads.first().and_then(Option::as_ref);
        let wrap = each.wrap.as_ref();
        let same_for_all = shared.is_some() && wrap.is_none_or(|wrap| !wrap.value.uses().has(Uses::EVENT));
        let mut items = items.into_iter().peekable();
        while let Some(item) = items.next() {
            // An event may have become several items; they stay together.
            let mut of_event = vec![item];
            while let Some(more) = items.next_if(|more| more.place == of_event[0].place) {
                of_event.push(more);
            }
            let place = of_event[0].place;
            let added = self.piece(each, &of_event, env).and_then(|piece| {
                let group = match (same_for_all, groups.len()) {
                    (true, 1) => 0,
                    _ => self.group(shared, step, wrap, &of_event[0], env, &mut groups, &mut known)?,
                };
                Ok((piece, group))
            });
            let (piece, group) = match added {
                Ok(added) => added,
                Err(refusal) => {
                    planned.refused.push((place, refusal.0));
                    continue;
                }
            };
            let group = &mut groups[group];
            let around = group.before.len() + group.after.len() + 2;
            if around + piece.bytes.len() > chosen.limits.bytes {
                let (bytes, most) = (around + piece.bytes.len(), chosen.limits.bytes);
                planned
                    .refused
                    .push((place, format!("this event makes a request of {bytes} bytes, and the most is {most}")));
                continue;
            }
            let full = group.open.events >= chosen.limits.events
                || around + group.open.list.len() + 1 + piece.bytes.len() > chosen.limits.bytes;
            if full && group.open.events > 0 {
                let open = std::mem::take(&mut group.open);
                self.close(subscription, group, open, wrap, env, planned);
            }
            if group.open.events > 0 {
                group.open.list.push(b',');
            }
            group.open.list.extend_from_slice(&piece.bytes);
            group.open.events += 1;
            group.open.places.extend(std::iter::repeat_n(place, piece.items));
            if self.definition.remembers_payloads {
                let payloads = of_event.into_iter().map(|item| item.payload.into_owned());
                group.open.payloads.extend(payloads);
            }
        }
        for mut group in groups {
            let open = std::mem::take(&mut group.open);
            if open.events > 0 {
                self.close(subscription, &group, open, wrap, env, planned);
            }
        }
    }

    fn piece(&self, each: &Each, items: &[Item<'_>], env: Env) -> Result<Piece, Refusal> {
        let mut piece = Piece { bytes: Vec::with_capacity(1024), items: 0 };
        for item in items {
            let budget = Budget::new();
            let scope = self.scope(item, env, &budget);
            match each.item.run(&scope)? {
                Out::Undefined => return Err(nothing()),
                // A list counts as several items.
                Out::Array(several) => several.iter().try_for_each(|one| piece.add(one, &scope))?,
                Out::Value(value) if value.is_array() => {
                    let several = value.as_array().into_iter().flatten();
                    several
                        .map(|one| Out::Value(std::borrow::Cow::Borrowed(one)))
                        .try_for_each(|one| piece.add(&one, &scope))?;
                }
                one => piece.add(&one, &scope)?,
            }
        }
        if piece.items == 0 { Err(nothing()) } else { Ok(piece) }
    }

    /// The place of the group that an event belongs to.
    #[expect(clippy::too_many_arguments, reason = "all of it is what a plan is made of")]
    fn group(
        &self,
        shared: Option<&Head>,
        step: &Step,
        wrap: Option<&Wrap>,
        item: &Item<'_>,
        env: Env,
        groups: &mut Vec<Group>,
        known: &mut HashMap<String, usize>,
    ) -> Result<usize, Refusal> {
        let budget = Budget::new();
        let scope = self.scope(item, env, &budget);
        let head = match shared {
            Some(head) => head.clone(),
            None => self.head(&step.request, &scope)?,
        };
        let (before, after) = match wrap {
            Some(wrap) if wrap.plain => around(wrap, &scope)?,
            _ => (Vec::new(), Vec::new()),
        };
        let key = format!("{} {} {}", head.key(), String::from_utf8_lossy(&before), String::from_utf8_lossy(&after));
        Ok(*known.entry(key).or_insert_with(|| {
            groups.push(Group { head, before, after, open: Open::default() });
            groups.len() - 1
        }))
    }

    fn close(
        &self,
        subscription: usize,
        group: &Group,
        open: Open,
        wrap: Option<&Wrap>,
        env: Env,
        planned: &mut Planned,
    ) {
        let made = self
            .list(group, &open, wrap, env)
            .and_then(|body| self.seal(group.head.clone().request(body.into(), Some(body::JSON)), env));
        match made {
            Ok(request) => planned.calls.push(call(subscription, open.places, open.payloads, request)),
            Err(refusal) => {
                let mut places = open.places;
                places.dedup();
                planned.refused.extend(places.into_iter().map(|place| (place, refusal.0.clone())));
            }
        }
    }

    fn list(&self, group: &Group, open: &Open, wrap: Option<&Wrap>, env: Env) -> Result<Vec<u8>, Refusal> {
        let mut list = Vec::with_capacity(group.before.len() + open.list.len() + group.after.len() + 2);
        if wrap.is_none_or(|wrap| wrap.plain) {
            list.extend_from_slice(&group.before);
            list.push(b'[');
            list.extend_from_slice(&open.list);
            list.push(b']');
            list.extend_from_slice(&group.after);
            return Ok(list);
        }
        list.push(b'[');
        list.extend_from_slice(&open.list);
        list.push(b']');
        let batch: Value = serde_json::from_slice(&list).map_err(|error| Refusal(error.to_string()))?;
        let budget = Budget::new();
        let salt = open.places.first().map_or(0, |place| salt(*place));
        let scope = Scope { batch: Some(&batch), salt, ..Scope::new(&self.settings, env, &budget) };
        list.clear();
        if let Some(wrap) = wrap {
            body::write(&wrap.value, &scope, &mut list)?;
        }
        Ok(list)
    }
}

impl Piece {
    fn add(&mut self, out: &Out<'_>, scope: &Scope<'_>) -> Result<(), Refusal> {
        if self.items > 0 {
            self.bytes.push(b',');
        }
        self.items += 1;
        out.write_json(&mut self.bytes, scope.budget).map_err(|error| Refusal(error.to_string()))
    }
}

/// What stands before the list and after it.
fn around(wrap: &Wrap, scope: &Scope<'_>) -> Result<(Vec<u8>, Vec<u8>), Refusal> {
    let mark = Value::from(MARK);
    let scope = Scope { batch: Some(&mark), ..*scope };
    let mut whole = Vec::with_capacity(256);
    body::write(&wrap.value, &scope, &mut whole)?;
    let text = mark.to_string();
    let at = memchr::memmem::find(&whole, text.as_bytes()).ok_or_else(nothing)?;
    let after = whole.split_off(at + text.len());
    whole.truncate(at);
    Ok((whole, after))
}
