//! The settings of a destination: what a file declares, and what an instance gives.

use serde_json::{Map, Value};

use super::mistake::{Mistake, pointer};

/// A setting, with the name that it has at Segment.
#[derive(Debug, Clone)]
pub struct Setting {
    /// Its name.
    pub name: String,
    /// What may stand there.
    pub kind: SettingKind,
    /// Whether an instance must give it, if it has no default.
    pub required: bool,
    /// The values that may stand there; all where there are none.
    pub choices: Vec<Value>,
    /// What it is where an instance does not give it.
    pub default: Option<Value>,
    /// Whether it may stand in a URL although it is secret, because the partner wants it so.
    pub secret_in_url: bool,
    /// The settings in it, where it is an object that says which there are.
    pub properties: Vec<Setting>,
}

/// What may stand in a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingKind {
    /// A text.
    String,
    /// A text that must not be shown.
    Secret,
    /// True or false.
    Boolean,
    /// A number.
    Number,
    /// A list of texts.
    List,
    /// An object.
    Object,
}

const TYPES: [(&str, SettingKind); 7] = [
    ("string", SettingKind::String),
    ("secret", SettingKind::Secret),
    ("password", SettingKind::Secret),
    ("boolean", SettingKind::Boolean),
    ("number", SettingKind::Number),
    ("list", SettingKind::List),
    ("object", SettingKind::Object),
];

const KEYS: [&str; 8] = ["type", "required", "enum", "default", "secret_in_url", "properties", "label", "description"];

/// Reads the settings that stand at `at`.
pub(super) fn compile(value: &Value, at: &str, mistakes: &mut Vec<Mistake>) -> Vec<Setting> {
    let Some(settings) = value.as_object() else {
        mistakes.push(Mistake::new(at, "`settings` is an object: {apiKey: {type: secret, required: true}}"));
        return Vec::new();
    };
    settings.iter().map(|(name, definition)| setting(name, definition, &pointer(at, name), mistakes)).collect()
}

fn setting(name: &str, definition: &Value, at: &str, mistakes: &mut Vec<Mistake>) -> Setting {
    let mut it = Setting {
        name: name.to_owned(),
        kind: SettingKind::String,
        required: false,
        choices: Vec::new(),
        default: None,
        secret_in_url: false,
        properties: Vec::new(),
    };
    let Some(definition) = definition.as_object() else {
        mistakes.push(Mistake::new(at, "a setting is an object: {type: string, required: true}"));
        return it;
    };
    for (key, value) in definition {
        let at = pointer(at, key);
        let mut flag = || {
            value.as_bool().unwrap_or_else(|| {
                mistakes.push(Mistake::new(&*at, format!("`{key}` is true or false")));
                false
            })
        };
        match key.as_str() {
            "type" => {
                let word = value.as_str().unwrap_or_default();
                match TYPES.iter().find(|(known, _)| *known == word) {
                    Some((_, kind)) => it.kind = *kind,
                    None => {
                        mistakes.push(Mistake::unknown(at, "type of a setting", word, &TYPES.map(|(name, _)| name)))
                    }
                }
            }
            "required" => it.required = flag(),
            "secret_in_url" => it.secret_in_url = flag(),
            "enum" => match value.as_array().filter(|choices| !choices.is_empty()) {
                Some(choices) => it.choices.clone_from(choices),
                None => mistakes.push(Mistake::new(at, "`enum` is a list of the values that may stand here")),
            },
            "default" => it.default = Some(value.clone()),
            "properties" => it.properties = compile(value, &at, mistakes),
            "label" | "description" => {}
            _ => mistakes.push(Mistake::unknown(at, "option of a setting", key, &KEYS)),
        }
    }
    if let Some(default) = &it.default
        && let Err(why) = it.check(default)
    {
        mistakes.push(Mistake::new(pointer(at, "default"), why));
    }
    it
}

impl Setting {
    /// What is wrong with a value, without showing one that is secret.
    fn check(&self, value: &Value) -> Result<(), String> {
        let (fits, words) = match self.kind {
            SettingKind::String => (value.is_string(), "a text"),
            SettingKind::Secret => (value.is_string(), "a text"),
            SettingKind::Boolean => (value.is_boolean(), "true or false"),
            SettingKind::Number => (value.is_number(), "a number"),
            SettingKind::List => {
                (value.as_array().is_some_and(|items| items.iter().all(Value::is_string)), "a list of texts")
            }
            SettingKind::Object => (value.is_object(), "an object"),
        };
        if !fits {
            return Err(format!("the setting {:?} is {words}", self.name));
        }
        let known = |item: &Value| self.choices.is_empty() || self.choices.contains(item);
        let fits = match value {
            Value::Array(items) => items.iter().all(known),
            one => known(one),
        };
        if fits {
            return Ok(());
        }
        let choices: Vec<String> = self.choices.iter().map(Value::to_string).collect();
        Err(format!("the setting {:?} is one of {}", self.name, choices.join(", ")))
    }
}

/// The settings of an instance, defaults filled in; mistakes are added.
pub(super) fn fill(settings: &[Setting], given: Option<&Value>, at: &str, mistakes: &mut Vec<Mistake>) -> Value {
    let none = Map::new();
    let given = match given {
        None | Some(Value::Null) => &none,
        Some(Value::Object(given)) => given,
        Some(_) => {
            mistakes.push(Mistake::new(at, "`settings` is an object: a name and a value"));
            &none
        }
    };
    let names: Vec<&str> = settings.iter().map(|setting| setting.name.as_str()).collect();
    for name in given.keys().filter(|name| !names.contains(&name.as_str())) {
        mistakes.push(Mistake::unknown(pointer(at, name), "setting", name, &names));
    }
    let mut filled = Map::new();
    for setting in settings {
        let at = pointer(at, &setting.name);
        // Exports hold an empty text where nothing was filled in.
        let empty = |value: &&Value| !value.is_null() && value.as_str() != Some("");
        match given.get(&setting.name).filter(empty).or(setting.default.as_ref()) {
            None if setting.required => {
                mistakes.push(Mistake::new(at, format!("the setting {:?} is required and missing", setting.name)));
            }
            None => {}
            Some(value) => {
                if let Err(why) = setting.check(value) {
                    mistakes.push(Mistake::new(&*at, why));
                }
                let value = match (value, setting.properties.is_empty()) {
                    (object @ Value::Object(_), false) => fill(&setting.properties, Some(object), &at, mistakes),
                    (other, _) => other.clone(),
                };
                filled.insert(setting.name.clone(), value);
            }
        }
    }
    Value::Object(filled)
}

/// The values of secret settings, which must not be shown.
pub(super) fn secrets<'s>(settings: &'s [Setting], values: &'s Value) -> Vec<&'s str> {
    let mut secrets = Vec::new();
    for setting in settings {
        match (setting.kind, values.get(&setting.name)) {
            (SettingKind::Secret, Some(Value::String(secret))) if !secret.is_empty() => secrets.push(secret.as_str()),
            (SettingKind::Object, Some(inner)) => secrets.extend(self::secrets(&setting.properties, inner)),
            _ => {}
        }
    }
    secrets
}
