//! The first stage of an action: from an event to a payload of named fields.
//!
//! A customer maps the fields, each by itself; a destination file says what each is by default, and what may stand in it. The result is
//! validated and coerced as Segment's framework does it, for exported mappings rely on that: a number becomes a text where the field is
//! a text, a single value a list where the field is a list, null and "" are dropped where they cannot stand, and what does not fit
//! refuses the event.

mod condition;
mod format;
mod schema;

use serde_json::{Map, Value};

use self::condition::Condition;
use self::schema::Schema;
use super::mistake::{Mistake, Refusal, pointer};
use super::value::{Expr, Known, Scope};
use crate::mapping::{Mapping, Out};

/// The fields of an action.
#[derive(Debug)]
pub(crate) struct Fields {
    fields: Vec<Field>,
    conditions: Vec<Condition>,
}

#[derive(Debug)]
struct Field {
    name: Box<str>,
    schema: Schema,
    required: bool,
    default: Option<Expr>,
}

/// What a customer maps instead of the defaults: a mapping for some of the fields, by their place.
pub(crate) type Overrides = Box<[Option<Mapping>]>;

const KEYS: [&str; 13] = [
    "type",
    "multiple",
    "required",
    "allow_null",
    "enum",
    "format",
    "minimum",
    "maximum",
    "properties",
    "additional_properties",
    "default",
    "label",
    "description",
];

impl Fields {
    /// Reads the fields that stand at `at`.
    pub(crate) fn compile(value: &Value, known: &Known, at: &str, mistakes: &mut Vec<Mistake>) -> Self {
        let mut all = Self { fields: Vec::new(), conditions: Vec::new() };
        let Some(fields) = value.as_object() else {
            mistakes.push(Mistake::new(at, "`fields` is an object: a name and what may stand there"));
            return all;
        };
        for (name, definition) in fields {
            let at = pointer(at, name);
            let field = match definition.as_object().filter(|d| is_definition(d)) {
                Some(definition) => all.field(name, definition, known, &at, mistakes),
                None => Field {
                    name: name.as_str().into(),
                    schema: Schema::any(),
                    required: false,
                    default: Some(Expr::compile(definition, known, &at, mistakes)),
                },
            };
            all.fields.push(field);
        }
        condition::check(&all.conditions, &all.names(), mistakes);
        all
    }

    fn field(
        &mut self,
        name: &str,
        definition: &Map<String, Value>,
        known: &Known,
        at: &str,
        mistakes: &mut Vec<Mistake>,
    ) -> Field {
        for key in definition.keys().filter(|key| !KEYS.contains(&key.as_str())) {
            mistakes.push(Mistake::unknown(pointer(at, key), "option of a field", key, &KEYS));
        }
        let schema = Schema::compile(definition, at, mistakes);
        let default =
            definition.get("default").map(|default| Expr::compile(default, known, &pointer(at, "default"), mistakes));
        let required = match definition.get("required") {
            None => false,
            Some(Value::Bool(required)) => *required,
            Some(conditional) => {
                self.conditions.extend(Condition::compile(name, conditional, &pointer(at, "required"), mistakes));
                false
            }
        };
        Field { name: name.into(), schema, required, default }
    }

    /// The names of all fields.
    pub(crate) fn names(&self) -> Vec<String> {
        self.fields.iter().map(|field| field.name.clone().into_string()).collect()
    }

    /// Reads a customer's mapping, which replaces the defaults of the fields that it names.
    pub(crate) fn overrides(&self, mapping: &Value, at: &str, mistakes: &mut Vec<Mistake>) -> Overrides {
        let mut overrides: Vec<Option<Mapping>> = self.fields.iter().map(|_| None).collect();
        let Some(mapping) = mapping.as_object() else {
            mistakes.push(Mistake::new(at, "`mapping` is an object: a field and what it is mapped to"));
            return overrides.into();
        };
        for (name, value) in mapping {
            let at = pointer(at, name);
            let Some(place) = self.fields.iter().position(|field| *field.name == **name) else {
                // Segment keeps its own switches beside the fields.
                if !name.starts_with("__segment_internal_") && !SWITCHES.contains(&name.as_str()) {
                    let names = self.names();
                    let names: Vec<&str> = names.iter().map(String::as_str).collect();
                    mistakes.push(Mistake::unknown(at, "field", name, &names));
                }
                continue;
            };
            match Mapping::compile_all(value) {
                Ok(mapping) => overrides[place] = Some(mapping),
                Err(errors) => mistakes.extend(
                    errors
                        .iter()
                        .map(|error| Mistake::new(format!("{at}{}", error.pointer()), error.problem().to_string())),
                ),
            }
        }
        overrides.into()
    }

    /// Required fields that neither a default nor the customer fills.
    pub(crate) fn unmapped<'f>(&'f self, overrides: Option<&'f Overrides>) -> impl Iterator<Item = &'f str> {
        let mapped = move |place: usize| overrides.and_then(|all| all.get(place)).is_some_and(Option::is_some);
        let fields = self.fields.iter().enumerate();
        fields.filter(move |(i, f)| f.required && f.default.is_none() && !mapped(*i)).map(|(_, f)| &*f.name)
    }

    /// The payload of an event.
    ///
    /// # Errors
    /// The event lacks a field that is required, or has something in one that cannot stand there; all of it is named.
    pub(crate) fn payload(&self, overrides: Option<&Overrides>, scope: &Scope<'_>) -> Result<Value, Refusal> {
        let mut payload = Map::with_capacity(self.fields.len());
        let mut wrong: Vec<String> = Vec::new();
        // Fields whose values do not fit as they are.
        let mut unfit: Vec<&Field> = Vec::new();
        for (place, field) in self.fields.iter().enumerate() {
            let mapping = overrides.and_then(|all| all.get(place)).and_then(Option::as_ref);
            let out = match (mapping, &field.default) {
                (Some(mapping), _) => mapping.run(scope.here, scope.budget).map_err(Into::into),
                (None, Some(default)) => default.run(scope),
                (None, None) => Ok(Out::Undefined),
            };
            let finished = out.and_then(|out| {
                let fits = matches!(&out, Out::Value(value) if field.schema.fits(value));
                Ok(out.finish(scope.budget)?.map(|value| (value, fits)))
            });
            match finished {
                Ok(Some((value, true))) => {
                    payload.insert(field.name.to_string(), value);
                }
                Ok(Some((value, false))) => {
                    if let Some(value) = field.schema.without_empty(value, true) {
                        payload.insert(field.name.to_string(), value);
                        unfit.push(field);
                    }
                }
                Ok(None) => {}
                Err(trouble) => wrong.push(Refusal::from(trouble.within(&field.name)).0),
            }
            if field.required && !payload.contains_key(&*field.name) && wrong.is_empty() {
                wrong.push(format!("{} is missing", field.name));
            }
        }
        wrong.extend(self.conditions.iter().filter_map(|condition| condition.violation(&payload)));
        for field in unfit {
            if let Some(value) = payload.get_mut(&*field.name) {
                let coerced = field.schema.coerce(value.take(), true, &field.name, &mut wrong);
                *value = coerced;
            }
        }
        if wrong.is_empty() { Ok(Value::Object(payload)) } else { Err(Refusal(wrong.join("; "))) }
    }
}

/// Whether a text is an e-mail address, as strict as `format: email`.
pub(crate) fn is_email(text: &str) -> bool {
    format::Format::Email.fits(text)
}

/// What Segment's exports hold beside fields, for its own scheduler.
const SWITCHES: [&str; 4] = ["enable_batching", "batch_size", "batch_bytes", "batch_keys"];

/// Told from a value by its keys: a value is no object with `type` or `default` in it and nothing but options of a field.
fn is_definition(fields: &Map<String, Value>) -> bool {
    let options = fields.keys().filter(|key| KEYS.contains(&key.as_str())).count();
    options > 0 && (fields.contains_key("type") || fields.contains_key("default") || options == fields.len())
}
