//! A destination with somebody's settings, filter and mappings.

use std::sync::Arc;

use http::Uri;
use serde_json::{Map, Value};

use super::auth::Credentials;
use super::definition::{Action, Definition};
use super::fields::Overrides;
use super::limits::Given;
use super::mistake::{Mistake, pointer};
use super::plan::Head;
use super::settings;
use super::target::{Env, Limits};
use super::value::Scope;
use crate::filter::Filter;
use crate::mapping::Budget;

/// An instance of a destination. See [`Target`](super::Target) for what it does.
pub struct Instance {
    pub(super) name: String,
    pub(super) definition: Arc<Definition>,
    pub(super) settings: Value,
    pub(super) filter: Option<Filter>,
    pub(super) subscriptions: Vec<Subscription>,
    /// What an event's `integrations` may call it.
    pub(super) called: Vec<String>,
    pub(super) credentials: Credentials,
    pub(super) secrets: Vec<String>,
    pub(super) base: Option<String>,
    pub(super) send_to: Option<Uri>,
    pub(super) allow_internal: bool,
}

/// An action, the events that it is for, and how they are mapped.
pub(super) struct Subscription {
    pub(super) action: usize,
    /// The name of the action, or what the configuration calls this use of it.
    pub(super) name: String,
    pub(super) when: Filter,
    pub(super) overrides: Option<Overrides>,
    pub(super) limits: Limits,
    /// For each step what is the same for all events, where it is.
    pub(super) heads: Vec<Option<Head>>,
}

const KEYS: [&str; 8] =
    ["settings", "filter", "actions", "limits", "integrations", "send_to", "allow_internal", "description"];
/// What belongs to whoever holds the instances.
const NOT_OURS: [&str; 4] = ["type", "name", "order", "enabled"];
const SUBSCRIPTION: [&str; 7] = ["action", "name", "when", "mapping", "enabled", "limits", "description"];
/// Subscriptions are bits of a number.
const MOST: usize = 64;

impl Instance {
    /// Makes an instance of a destination.
    ///
    /// `config` is an object: `settings` (with Segment's names), `filter` (for all of its actions), `actions` (a list of
    /// `{action, when, mapping, enabled, name, limits}`; without it every action that the file has on by default), `limits` (as in a
    /// destination file, in place of the file's), `integrations` (more names by which an event's `integrations` may mean it),
    /// `send_to` (another address for every request), `allow_internal`.
    ///
    /// # Errors
    /// Every mistake in the configuration, with its place in `config` as a JSON pointer.
    pub fn new(definition: Arc<Definition>, name: &str, config: &Value) -> Result<Self, Vec<Mistake>> {
        let mut mistakes = Vec::new();
        let none = Map::new();
        let fields = match config {
            Value::Null => &none,
            Value::Object(fields) => fields,
            _ => return Err(vec![Mistake::new("", "an instance is an object with `settings`")]),
        };
        for key in fields.keys().filter(|key| !KEYS.contains(&key.as_str()) && !NOT_OURS.contains(&key.as_str())) {
            mistakes.push(Mistake::unknown(pointer("", key), "part of an instance", key, &KEYS));
        }
        let settings = settings::fill(definition.settings(), fields.get("settings"), "/settings", &mut mistakes);
        let secrets = settings::secrets(definition.settings(), &settings).into_iter().map(str::to_owned).collect();
        let filter = fields.get("filter").and_then(|text| read_filter(text, "/filter", &mut mistakes));
        let limits =
            fields.get("limits").map_or_else(Given::default, |limits| Given::compile(limits, "/limits", &mut mistakes));
        let mut instance = Self {
            name: name.to_owned(),
            called: called(&definition, fields.get("integrations"), &mut mistakes),
            subscriptions: Vec::new(),
            credentials: Credentials::default(),
            base: None,
            send_to: fields.get("send_to").and_then(|to| send_to(to, &mut mistakes)),
            allow_internal: flag(fields, "allow_internal", false, "", &mut mistakes),
            definition,
            settings,
            filter,
            secrets,
        };
        instance.subscriptions = instance.subscribe(fields.get("actions"), &limits, &mut mistakes);
        // What is made of settings can only be made of right ones.
        if mistakes.is_empty() {
            instance.prepare(&mut mistakes);
        }
        if mistakes.is_empty() { Ok(instance) } else { Err(mistakes) }
    }

    /// The destination that it is an instance of.
    #[must_use]
    pub fn definition(&self) -> &Arc<Definition> {
        &self.definition
    }

    /// How many subscriptions it has.
    #[must_use]
    pub fn subscriptions(&self) -> usize {
        self.subscriptions.len()
    }

    /// Whether any of its subscriptions runs a hook in Rust. What is data alone is bounded by itself and needs no watching.
    #[must_use]
    pub fn runs_code(&self) -> bool {
        let actions =
            self.subscriptions.iter().filter_map(|subscription| self.definition.actions.get(subscription.action));
        actions.into_iter().any(|action| action.code.is_some() || action.steps.iter().any(|step| step.code.is_some()))
    }

    /// The values of its secret settings: what must not be shown.
    #[must_use]
    pub fn secrets(&self) -> &[String] {
        &self.secrets
    }

    /// Whether its requests may go to hosts inside our own network. They carry [`AllowInternal`](crate::client::AllowInternal) then.
    #[must_use]
    pub fn allows_internal(&self) -> bool {
        self.allow_internal
    }

    /// The action of a subscription.
    pub(super) fn action_of(&self, subscription: usize) -> Option<(&Subscription, &Action)> {
        let subscription = self.subscriptions.get(subscription)?;
        Some((subscription, self.definition.actions.get(subscription.action)?))
    }

    fn subscribe(&self, actions: Option<&Value>, limits: &Given, mistakes: &mut Vec<Mistake>) -> Vec<Subscription> {
        let limits = limits.or(&self.definition.limits);
        let all = self.definition.actions.iter().enumerate();
        let Some(chosen) = actions else {
            let preset = all.filter(|(_, action)| action.preset);
            let subscriptions = preset.filter_map(|(place, action)| {
                let when = action.when.clone()?;
                let (name, limits) = (action.name.to_string(), limits.limits(action.batch));
                Some(Subscription { action: place, name, when, overrides: None, limits, heads: Vec::new() })
            });
            return subscriptions.collect();
        };
        let Some(chosen) = chosen.as_array() else {
            mistakes.push(Mistake::new("/actions", "`actions` is a list of {action, when, mapping}"));
            return Vec::new();
        };
        let subscriptions: Vec<Subscription> = chosen
            .iter()
            .enumerate()
            .filter_map(|(i, one)| self.subscription(one, &limits, &format!("/actions/{i}"), mistakes))
            .collect();
        if subscriptions.len() > MOST {
            mistakes.push(Mistake::new(
                "/actions",
                format!("an instance has at most {MOST} actions; make a second instance"),
            ));
        }
        subscriptions
    }

    fn subscription(
        &self,
        value: &Value,
        limits: &Given,
        at: &str,
        mistakes: &mut Vec<Mistake>,
    ) -> Option<Subscription> {
        let none = Map::new();
        let fields = value.as_object().unwrap_or(&none);
        for key in fields.keys().filter(|key| !SUBSCRIPTION.contains(&key.as_str())) {
            mistakes.push(Mistake::unknown(pointer(at, key), "part of an action", key, &SUBSCRIPTION));
        }
        let wanted = fields.get("action").or(Some(value)).and_then(Value::as_str).unwrap_or_default();
        let Some(place) = self.definition.actions.iter().position(|action| *action.name == *wanted) else {
            let known: Vec<&str> = self.definition.actions().collect();
            mistakes.push(Mistake::unknown(pointer(at, "action"), "action", wanted, &known));
            return None;
        };
        let action = &self.definition.actions[place];
        let overrides = match (fields.get("mapping"), &action.fields) {
            (None, _) => None,
            (Some(mapping), Some(stage)) => Some(stage.overrides(mapping, &pointer(at, "mapping"), mistakes)),
            (Some(_), None) => {
                mistakes
                    .push(Mistake::new(pointer(at, "mapping"), format!("the action {wanted:?} has no fields to map")));
                None
            }
        };
        let missing: Vec<&str> = action.fields.iter().flat_map(|stage| stage.unmapped(overrides.as_ref())).collect();
        if !missing.is_empty() {
            let message = format!("the action {wanted:?} needs a mapping for {}", missing.join(", "));
            mistakes.push(Mistake::new(pointer(at, "mapping"), message));
        }
        let when = match fields.get("when") {
            Some(text) => read_filter(text, &pointer(at, "when"), mistakes),
            None => {
                if action.when.is_none() {
                    let message = format!(
                        "the action {wanted:?} has no trigger of its own: say `when`, for instance type = \"track\""
                    );
                    mistakes.push(Mistake::new(at, message));
                }
                action.when.clone()
            }
        };
        let own = fields
            .get("limits")
            .map_or_else(Given::default, |own| Given::compile(own, &pointer(at, "limits"), mistakes));
        let name = fields.get("name").and_then(Value::as_str).unwrap_or(wanted).to_owned();
        let enabled = flag(fields, "enabled", true, at, mistakes);
        let limits = own.or(limits).limits(action.batch);
        when.filter(|_| enabled).map(|when| Subscription {
            action: place,
            name,
            when,
            overrides,
            limits,
            heads: Vec::new(),
        })
    }

    /// Makes everything that is the same for all events.
    fn prepare(&mut self, mistakes: &mut Vec<Mistake>) {
        let definition = Arc::clone(&self.definition);
        let budget = Budget::new();
        let env = Env { now: jiff::Timestamp::UNIX_EPOCH, seed: 0 };
        let settings = self.settings.clone();
        let scope = Scope::new(&settings, env, &budget);
        let credentials = definition
            .auth
            .evaluate(&mut |value| value.text(&scope).map_err(|trouble| super::Refusal::from(trouble).0));
        match credentials {
            Ok(credentials) => self.credentials = credentials,
            Err(why) => mistakes.push(Mistake::new("/settings", why)),
        }
        if let Some(base) = definition.base.as_ref().filter(|base| base.uses().settings_alone()) {
            match base.text(&scope) {
                Ok(Some(base)) => self.base = Some(base.trim_end_matches('/').to_owned()),
                Ok(None) => mistakes.push(Mistake::new("/settings", "these settings give no address to send to")),
                Err(trouble) => mistakes.push(Mistake::new("/settings", super::Refusal::from(trouble).0)),
            }
        }
        let mut subscriptions = std::mem::take(&mut self.subscriptions);
        for subscription in &mut subscriptions {
            let Some(action) = definition.actions.get(subscription.action) else { continue };
            for step in &action.steps {
                let head = match self.is_same_for_all(&step.request) {
                    true => match self.head(&step.request, &scope) {
                        Ok(head) => Some(head),
                        Err(refusal) => {
                            mistakes.push(Mistake::new("/settings", refusal.0));
                            None
                        }
                    },
                    false => None,
                };
                subscription.heads.push(head);
            }
        }
        self.subscriptions = subscriptions;
    }
}

impl std::fmt::Debug for Instance {
    /// Settings hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let actions: Vec<&str> = self.subscriptions.iter().map(|subscription| subscription.name.as_str()).collect();
        f.debug_struct("Instance")
            .field("name", &self.name)
            .field("slug", &self.definition.slug())
            .field("actions", &actions)
            .finish_non_exhaustive()
    }
}

fn read_filter(value: &Value, at: &str, mistakes: &mut Vec<Mistake>) -> Option<Filter> {
    let Some(text) = value.as_str() else {
        mistakes.push(Mistake::new(at, "a filter is a text: type = \"track\""));
        return None;
    };
    super::definition::reachable(text, at).map_err(|mistake| mistakes.push(mistake)).ok()
}

fn flag(fields: &Map<String, Value>, name: &str, default: bool, at: &str, mistakes: &mut Vec<Mistake>) -> bool {
    match fields.get(name) {
        None => default,
        Some(Value::Bool(flag)) => *flag,
        Some(_) => {
            mistakes.push(Mistake::new(pointer(at, name), format!("`{name}` is true or false")));
            default
        }
    }
}

/// Segment's name with and without what it adds for its newer destinations, and the name of the file.
fn called(definition: &Definition, more: Option<&Value>, mistakes: &mut Vec<Mistake>) -> Vec<String> {
    let mut names = vec![definition.name().to_owned(), definition.slug().to_owned()];
    let plain = definition.name().trim_end_matches(" (Actions)").trim_end_matches(" Cloud Mode");
    names.push(plain.to_owned());
    match more {
        None => {}
        Some(Value::String(name)) => names.push(name.clone()),
        Some(Value::Array(more)) if more.iter().all(Value::is_string) => {
            names.extend(more.iter().filter_map(Value::as_str).map(str::to_owned));
        }
        Some(_) => mistakes.push(Mistake::new("/integrations", "`integrations` is a list of names")),
    }
    names.dedup();
    names
}

fn send_to(value: &Value, mistakes: &mut Vec<Mistake>) -> Option<Uri> {
    let uri = value.as_str().and_then(|text| text.parse::<Uri>().ok());
    let uri = uri.filter(|uri| uri.host().is_some() && matches!(uri.scheme_str(), Some("http" | "https")));
    if uri.is_none() {
        mistakes.push(Mistake::new("/send_to", "`send_to` is an address like http://127.0.0.1:9000"));
    }
    uri
}
