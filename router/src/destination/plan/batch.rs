//! Requests that carry several events: a list with something for each.

use std::borrow::Cow;
use std::collections::HashMap;

use bytes::Bytes;
use http::Request;
use serde_json::Value;

use super::super::definition::{Each, Step, Wrap};
use super::super::instance::{Instance, Subscription};
use super::super::mistake::Refusal;
use super::super::target::{Env, Planned};
use super::super::value::{Scope, Uses};
use super::body::{self, nothing};
use super::head::{Head, header};
use super::{Item, call, salt};
use crate::mapping::{Budget, Out};

/// Batches in the making.
pub(super) struct Batch<'b> {
    instance: &'b Instance,
    subscription: usize,
    chosen: &'b Subscription,
    step: &'b Step,
    each: &'b Each,
    env: Env,
    groups: Vec<Group>,
    /// The places of the groups by what they have in common.
    known: HashMap<String, usize>,
}

/// Events that go to the same place in the same wrapping.
struct Group {
    head: Head,
    /// What stands before the list, between it and itself, and after it.
    around: Vec<Vec<u8>>,
    open: Open,
}

impl Group {
    /// How many bytes a request has whose list has so many.
    fn bytes(&self, list: usize) -> usize {
        let around: usize = self.around.iter().map(Vec::len).sum();
        around + (list + 2) * self.around.len().saturating_sub(1)
    }
}

/// A request that still has room.
#[derive(Default)]
struct Open {
    /// The items, with commas between them.
    list: Vec<u8>,
    /// For each item its event's place.
    places: Vec<usize>,
    payloads: Vec<Value>,
    events: usize,
}

/// What one event adds to a batch.
struct Piece {
    bytes: Vec<u8>,
    items: usize,
}

impl<'b> Batch<'b> {
    pub(super) fn new(
        instance: &'b Instance,
        subscription: usize,
        chosen: &'b Subscription,
        step: &'b Step,
        each: &'b Each,
        env: Env,
    ) -> Self {
        Self { instance, subscription, chosen, step, each, env, groups: Vec::new(), known: HashMap::new() }
    }

    /// Adds events; a request that is full is closed.
    pub(super) fn add_all(&mut self, items: Vec<Item<'_>>, planned: &mut Planned) {
        let mut items = items.into_iter().peekable();
        while let Some(item) = items.next() {
            let place = item.place;
            // An event may have become several items; they stay together.
            let mut of_event = vec![item];
            while let Some(more) = items.next_if(|more| more.place == place) {
                of_event.push(more);
            }
            if let Err(refusal) = self.add(place, of_event, planned) {
                planned.refused.push((place, refusal.0));
            }
        }
    }

    /// Closes what is still open.
    pub(super) fn finish(mut self, planned: &mut Planned) {
        for group in 0..self.groups.len() {
            self.close(group, planned);
        }
    }

    fn add(&mut self, place: usize, items: Vec<Item<'_>>, planned: &mut Planned) -> Result<(), Refusal> {
        let Some(first) = items.first() else { return Ok(()) };
        let piece = self.piece(&items)?;
        let at = self.group(first)?;
        let limits = &self.chosen.limits;
        let Some(group) = self.groups.get(at) else { return Ok(()) };
        let bytes = group.bytes(piece.bytes.len());
        if bytes > limits.bytes {
            return Err(Refusal(format!(
                "this event makes a request of {bytes} bytes, and the most is {}",
                limits.bytes
            )));
        }
        let longer = group.bytes(group.open.list.len() + 1 + piece.bytes.len());
        if group.open.events >= limits.events || (group.open.events > 0 && longer > limits.bytes) {
            self.close(at, planned);
        }
        let Some(Group { open, .. }) = self.groups.get_mut(at) else { return Ok(()) };
        if open.events > 0 {
            open.list.push(b',');
        }
        open.list.extend_from_slice(&piece.bytes);
        open.events += 1;
        open.places.extend(std::iter::repeat_n(place, piece.items));
        if self.instance.definition.remembers_payloads {
            open.payloads.extend(items.into_iter().map(|item| item.payload.into_owned()));
        }
        Ok(())
    }

    fn piece(&self, items: &[Item<'_>]) -> Result<Piece, Refusal> {
        let mut piece = Piece { bytes: Vec::with_capacity(1024), items: 0 };
        for item in items {
            let budget = Budget::new();
            let scope = self.instance.scope(item, self.env, &budget);
            match self.each.item.run(&scope)? {
                Out::Undefined => return Err(nothing()),
                // A list counts as several items.
                Out::Array(several) => several.iter().try_for_each(|one| piece.add(one, &scope))?,
                Out::Value(value) if value.is_array() => {
                    let several = value.as_array().into_iter().flatten();
                    several.map(|one| Out::Value(Cow::Borrowed(one))).try_for_each(|one| piece.add(&one, &scope))?;
                }
                one => piece.add(&one, &scope)?,
            }
        }
        if piece.items == 0 { Err(nothing()) } else { Ok(piece) }
    }

    /// The place of the group that an event belongs to.
    fn group(&mut self, item: &Item<'_>) -> Result<usize, Refusal> {
        let shared = self.chosen.heads.first().and_then(Option::as_ref);
        let wrap = self.each.wrap.as_ref();
        let same_for_all = shared.is_some() && wrap.is_none_or(|wrap| !wrap.value.uses().has(Uses::EVENT));
        if same_for_all && !self.groups.is_empty() {
            return Ok(0);
        }
        let budget = Budget::new();
        let scope = self.instance.scope(item, self.env, &budget);
        let head = match shared {
            Some(head) => head.clone(),
            None => self.instance.head(&self.step.request, &scope)?,
        };
        let around = match wrap.map(|wrap| (wrap, wrap.plain)) {
            Some((wrap, Some(lists))) => around(wrap, lists, &scope)?,
            _ => vec![Vec::new(), Vec::new()],
        };
        let groups = &mut self.groups;
        let mut add = |head, around| {
            groups.push(Group { head, around, open: Open::default() });
            groups.len() - 1
        };
        if same_for_all {
            return Ok(add(head, around));
        }
        let mut key = head.key();
        for part in &around {
            key.push('\n');
            key.push_str(&String::from_utf8_lossy(part));
        }
        Ok(*self.known.entry(key).or_insert_with(|| add(head, around)))
    }

    fn close(&mut self, at: usize, planned: &mut Planned) {
        let Some(group) = self.groups.get_mut(at) else { return };
        let open = std::mem::take(&mut group.open);
        if open.events == 0 {
            return;
        }
        let made = match self.groups.get(at) {
            Some(group) => self.request(group, &open),
            None => return,
        };
        match made {
            Ok(request) => planned.calls.push(call(self.subscription, open.places, open.payloads, request)),
            Err(refusal) => {
                let mut places = open.places;
                places.dedup();
                planned.refused.extend(places.into_iter().map(|place| (place, refusal.0.clone())));
            }
        }
    }

    fn request(&self, group: &Group, open: &Open) -> Result<Request<Bytes>, Refusal> {
        let budget = Budget::new();
        let salt = open.places.first().map_or(0, |place| salt(*place));
        let scope = Scope { count: open.places.len(), salt, ..Scope::new(&self.instance.settings, self.env, &budget) };
        let mut head = group.head.clone();
        for (name, value) in &self.step.request.late {
            if let Some(value) = header(name, value, &scope)? {
                head.set(name, value);
            }
        }
        let mut list = Vec::with_capacity(group.bytes(open.list.len()));
        for (i, part) in group.around.iter().enumerate() {
            if i > 0 {
                list.push(b'[');
                list.extend_from_slice(&open.list);
                list.push(b']');
            }
            list.extend_from_slice(part);
        }
        if let Some(wrap) = self.each.wrap.as_ref().filter(|wrap| wrap.plain.is_none()) {
            let batch: Value = serde_json::from_slice(&list).map_err(|error| Refusal(error.to_string()))?;
            let scope = Scope { batch: Some(&batch), ..scope };
            let mut whole = Vec::with_capacity(list.len());
            body::write(&wrap.value, &scope, &mut whole)?;
            list = whole;
        }
        self.instance.seal(head.request(list.into(), Some(body::JSON)), self.env)
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

/// What stands before the list, between it and itself where it stands several times, and after it.
fn around(wrap: &Wrap, lists: usize, scope: &Scope<'_>) -> Result<Vec<Vec<u8>>, Refusal> {
    // A text stands for the list meanwhile. An event may hold the same text, and then another is taken.
    for attempt in 0u8..=u8::MAX {
        let mark = Value::from(format!("\u{1}{attempt}\u{1}"));
        let mut whole = Vec::with_capacity(256);
        body::write(&wrap.value, &Scope { batch: Some(&mark), ..*scope }, &mut whole)?;
        let text = mark.to_string();
        let places: Vec<usize> = memchr::memmem::find_iter(&whole, text.as_bytes()).collect();
        if places.len() == lists {
            let mut parts = Vec::with_capacity(lists + 1);
            let mut from = 0;
            for place in places {
                parts.push(whole[from..place].to_vec());
                from = place + text.len();
            }
            parts.push(whole.split_off(from));
            return Ok(parts);
        }
    }
    Err(Refusal("this event cannot be wrapped: it holds every text that could stand for the list".to_owned()))
}
