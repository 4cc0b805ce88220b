//! What a case's files say.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use partners::Scenario;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::expectation::Expectation;

/// A destination's folder, `tapes/<slug>/`.
#[derive(Debug, Clone)]
pub(crate) struct Destination {
    pub(crate) slug: String,
    pub(crate) folder: PathBuf,
    pub(crate) shared: Arc<Shared>,
}

/// `tapes/events.yaml` and `tapes/<slug>/settings.yaml`.
#[derive(Debug)]
pub(crate) struct Shared {
    events: BTreeMap<String, Value>,
    pub(crate) settings: Map<String, Value>,
    /// For each secret of the settings, the environment variable that holds a real one, and that names it on the tapes.
    pub(crate) live: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SettingsFile {
    /// Obviously fake ones.
    settings: Map<String, Value>,
    #[serde(default)]
    live: BTreeMap<String, String>,
    /// For the generator of usual cases, `examples/usual_cases.rs`.
    #[serde(default, rename = "usual")]
    _usual: Value,
}

/// One case, `tapes/<slug>/<case>/case.yaml`.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) folder: PathBuf,
    /// The action, by Segment's name.
    pub(crate) action: String,
    /// The destination's settings with what this case has otherwise.
    pub(crate) settings: Map<String, Value>,
    /// The events that the action is for, where its own trigger does not say so.
    pub(crate) when: Option<String>,
    /// What an instance maps otherwise than by default.
    pub(crate) mapping: Map<String, Value>,
    pub(crate) events: Vec<Value>,
    /// What the partner does with one request after another; the last one stays.
    pub(crate) scenario: Vec<Scenario>,
    /// What the partner remembers from before.
    pub(crate) given: Map<String, Value>,
    pub(crate) expectation: Expectation,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseFile {
    /// A sentence, for people.
    what: String,
    action: String,
    when: Option<String>,
    #[serde(default)]
    settings: Map<String, Value>,
    #[serde(default)]
    mapping: Map<String, Value>,
    events: Value,
    #[serde(default)]
    scenario: Value,
    #[serde(default)]
    given: Map<String, Value>,
    expect: Value,
}

/// An event made from a shared one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Variation {
    like: String,
    /// What it has otherwise; objects are merged.
    #[serde(default)]
    with: Map<String, Value>,
    /// Paths (`context.device`) of what it has not.
    #[serde(default)]
    without: Vec<String>,
}

impl Destination {
    pub(crate) fn load(tapes: &Path, slug: &str) -> Result<Self, String> {
        let folder = tapes.join(slug);
        let events = read(&tapes.join("events.yaml"))?;
        let SettingsFile { settings, live, .. } = read(&folder.join("settings.yaml"))?;
        if let Some(name) = live.keys().find(|name| !settings.contains_key(*name)) {
            return Err(format!(
                "{}: `live` names `{name}`, which is no setting",
                folder.join("settings.yaml").display()
            ));
        }
        Ok(Self { slug: slug.to_owned(), folder, shared: Arc::new(Shared { events, settings, live }) })
    }

    /// Whether the environment has what it takes to ask the partner itself, and wants it to be asked.
    pub(crate) fn is_live(&self) -> bool {
        let set = |name: &String| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let asked = std::env::var_os("RECORD").is_some_and(|word| !word.is_empty());
        asked && !self.shared.live.is_empty() && self.shared.live.values().all(set)
    }

    pub(crate) fn case(&self, name: &str) -> Result<Case, String> {
        let folder = self.folder.join(name);
        let path = folder.join("case.yaml");
        let at = |why: String| format!("{}: {why}", path.display());
        let file: CaseFile = read(&path)?;
        if !file.what.ends_with('.') {
            return Err(at("`what` is a sentence and ends with a full stop".to_owned()));
        }
        let mut settings = self.shared.settings.clone();
        settings.extend(file.settings);
        settings.retain(|_, value| !value.is_null());
        let events = list(file.events).into_iter().map(|event| self.shared.event(event)).collect::<Result<Vec<_>, _>>();
        let scenario = match file.scenario {
            Value::Null => Ok(Vec::new()),
            some => list(some).iter().map(scenario).collect(),
        };
        let expectation = Expectation::of(&file.expect);
        Ok(Case {
            action: file.action,
            when: file.when,
            settings,
            mapping: file.mapping,
            events: events.map_err(at)?,
            scenario: scenario.map_err(at)?,
            given: file.given,
            expectation: expectation.map_err(at)?,
            folder,
        })
    }
}

impl Shared {
    fn event(&self, event: Value) -> Result<Value, String> {
        let named = |name: &str| {
            let known = || self.events.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            self.events
                .get(name)
                .cloned()
                .ok_or_else(|| format!("there is no event `{name}` in events.yaml, only {}", known()))
        };
        match event {
            Value::String(name) => named(&name),
            Value::Object(fields) if fields.contains_key("like") => {
                let variation: Variation =
                    serde_json::from_value(Value::Object(fields)).map_err(|error| error.to_string())?;
                let mut event = named(&variation.like)?;
                merge(&mut event, Value::Object(variation.with));
                for path in &variation.without {
                    remove(&mut event, path).ok_or_else(|| format!("`without: {path}`: it has no such field"))?;
                }
                Ok(event)
            }
            Value::Object(_) => Ok(event),
            other => Err(format!("`{other}` is neither an event nor the name of one")),
        }
    }
}

fn scenario(text: &Value) -> Result<Scenario, String> {
    let text = text.as_str().map_or_else(|| text.to_string(), str::to_owned);
    text.parse().map_err(|unknown: partners::UnknownScenario| unknown.to_string())
}

/// A list, or a list of this one.
pub(crate) fn list(value: Value) -> Vec<Value> {
    match value {
        Value::Array(values) => values,
        one => vec![one],
    }
}

fn merge(into: &mut Value, other: Value) {
    match (into, other) {
        (Value::Object(into), Value::Object(other)) => {
            for (name, value) in other {
                merge(into.entry(name).or_insert(Value::Null), value);
            }
        }
        (into, other) => *into = other,
    }
}

fn remove(event: &mut Value, path: &str) -> Option<Value> {
    match path.split_once('.') {
        Some((name, rest)) => remove(event.get_mut(name)?, rest),
        None => event.as_object_mut()?.shift_remove(path),
    }
}

/// The folders in a folder, by name, sorted.
pub(crate) fn folders(folder: &Path) -> Result<Vec<String>, String> {
    let entries = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| format!("{}: {error}", folder.display()))?;
        if entry.path().is_dir() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<T, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    serde_saphyr::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
}
