//! `@liquid`: a Liquid template, within the bounds that Segment sets (no loops, no partials, 1,000 characters) and a few more.

use liquid_core::model::{KString, KStringCow, KStringRef, Object, Scalar, ScalarCow, Value as Liquid, ValueCow};
use liquid_core::runtime::{PartialStore, Registers, Renderable, Runtime, RuntimeBuilder, Template};
use liquid_core::{Language, ValueView, parser};
use serde_json::Value;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::LazyLock;

use super::liquid_parts::{self, Limited, MAX_TEXT};
use super::{ApplyError, Problem};

/// Templates have at most so many characters, as at Segment.
const MAX_LENGTH: usize = 1000;

/// A Liquid template, parsed once.
pub(super) struct LiquidTemplate {
    source: Box<str>,
    template: Template,
}

impl LiquidTemplate {
    pub(super) fn parse(source: &str) -> Result<Self, Problem> {
        static LANGUAGE: LazyLock<Language> = LazyLock::new(liquid_parts::language);
        let length = source.encode_utf16().count();
        if length > MAX_LENGTH {
            return Err(Problem::TooLong { length, limit: MAX_LENGTH });
        }
        // The parser expects what its own grammar does not promise: a whole number may be too large for it.
        let parsed = catch_unwind(AssertUnwindSafe(|| parser::parse(source, &LANGUAGE)));
        let message = match parsed {
            Ok(Ok(parts)) => return Ok(Self { source: source.into(), template: Template::new(parts) }),
            Ok(Err(error)) => one_line(&error.to_string()),
            Err(_) => "its parser gave up on it".to_owned(),
        };
        Err(Problem::Liquid { message })
    }

    /// The text for an event. A variable that is absent is an empty text, as in JavaScript's Liquid.
    pub(super) fn render(&self, event: Option<&Value>) -> Result<String, ApplyError> {
        let fields = event.and_then(Value::as_object).into_iter().flatten();
        // Only what the template can name is converted; the name may stand in it by chance, which costs time and nothing else.
        let fields = fields.filter(|(key, _)| self.source.contains(key.as_str()));
        let globals: Object = fields.map(|(key, value)| (KString::from_ref(key), convert(value))).collect();
        let failed = |message| ApplyError::Liquid { message };
        let rendered = catch_unwind(AssertUnwindSafe(|| {
            let runtime = Lenient {
                inner: RuntimeBuilder::new().set_globals(&globals).build(),
                too_large: Cell::new(false),
                objects: RefCell::default(),
                aliases: RefCell::default(),
            };
            let mut out = Limited::new();
            let result = self.template.render_to(&mut out, &runtime);
            if out.is_full() || runtime.too_large.get() {
                return Err(ApplyError::TooLarge);
            }
            result.map_err(|error| failed(one_line(&error.to_string())))?;
            Ok(out.into_text())
        }));
        // Arithmetic overflows in the engine are panics.
        rendered.unwrap_or_else(|_| Err(failed("the engine gave up on it".to_owned())))
    }
}

impl fmt::Debug for LiquidTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LiquidTemplate").field(&self.source).finish()
    }
}

fn convert(value: &Value) -> Liquid {
    match value {
        Value::Null => Liquid::Nil,
        Value::Bool(b) => Liquid::scalar(*b),
        Value::Number(n) => match n.as_i64() {
            Some(n) => Liquid::scalar(n),
            None => Liquid::scalar(n.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => Liquid::scalar(text.clone()),
        Value::Array(items) => Liquid::Array(items.iter().map(convert).collect()),
        Value::Object(fields) => {
            Liquid::Object(fields.iter().map(|(key, value)| (KString::from_ref(key), convert(value))).collect())
        }
    }
}

/// The engine's errors come with the lines of the template they arose in; the first says what is wrong.
fn one_line(message: &str) -> String {
    let lines = message.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join(" ").trim_start_matches("liquid: ").to_owned()
}

/// A runtime in which what is absent is nil, and a variable cannot grow without end.
///
/// The engine keeps the fields of an object in an order that differs from run to run. So an object is only ever walked through;
/// where one would come to light, it is the text that JavaScript makes of it, and a variable that stands for one stands for the
/// way to it.
struct Lenient<R> {
    inner: R,
    too_large: Cell<bool>,
    /// The ways to the objects that came up since the last assignment.
    objects: RefCell<Vec<Vec<Scalar>>>,
    aliases: RefCell<HashMap<String, Vec<Scalar>>>,
}

const OBJECT: &str = "[object Object]";

impl<R: Runtime> Runtime for Lenient<R> {
    fn partials(&self) -> &dyn PartialStore {
        self.inner.partials()
    }

    fn name(&self) -> Option<KStringRef<'_>> {
        self.inner.name()
    }

    fn roots(&self) -> BTreeSet<KStringCow<'_>> {
        self.inner.roots()
    }

    fn try_get(&self, path: &[ScalarCow<'_>]) -> Option<ValueCow<'_>> {
        let (first, rest) = path.split_first()?;
        let alias = self.aliases.borrow().get(first.to_kstr().as_str()).cloned();
        let whole: Vec<Scalar> = match alias {
            Some(alias) => alias.into_iter().chain(rest.iter().cloned().map(ScalarCow::into_owned)).collect(),
            None => path.iter().cloned().map(ScalarCow::into_owned).collect(),
        };
        let found = self.inner.try_get(&whole)?;
        if found.is_object() {
            self.objects.borrow_mut().push(whole);
            return Some(ValueCow::Owned(Liquid::scalar(OBJECT)));
        }
        Some(if found.is_array() { ValueCow::Owned(without_objects(found.into_owned())) } else { found })
    }

    fn get(&self, path: &[ScalarCow<'_>]) -> liquid_core::Result<ValueCow<'_>> {
        Ok(self.try_get(path).unwrap_or(ValueCow::Owned(Liquid::Nil)))
    }

    fn set_global(&self, name: KString, value: Liquid) -> Option<Liquid> {
        let too_large = size(&value) > MAX_TEXT;
        self.too_large.set(self.too_large.get() || too_large);
        let mut objects = self.objects.take();
        match objects.pop().filter(|_| objects.is_empty() && value.to_kstr() == OBJECT) {
            Some(path) => self.aliases.borrow_mut().insert(name.as_str().to_owned(), path),
            None => self.aliases.borrow_mut().remove(name.as_str()),
        };
        self.inner.set_global(name, if too_large { Liquid::Nil } else { value })
    }

    fn set_index(&self, name: KString, value: Liquid) -> Option<Liquid> {
        self.inner.set_index(name, value)
    }

    fn get_index<'a>(&'a self, name: &str) -> Option<ValueCow<'a>> {
        self.inner.get_index(name)
    }

    fn registers(&self) -> &Registers {
        self.inner.registers()
    }
}

fn without_objects(value: Liquid) -> Liquid {
    match value {
        Liquid::Array(items) => Liquid::Array(items.into_iter().map(without_objects).collect()),
        Liquid::Object(_) => Liquid::scalar(OBJECT),
        other => other,
    }
}

fn size(value: &Liquid) -> usize {
    match value {
        Liquid::Scalar(scalar) => scalar.to_kstr().len(),
        Liquid::Array(items) => items.iter().map(|item| 16 + size(item)).sum(),
        Liquid::Object(fields) => fields.iter().map(|(key, value)| 16 + key.len() + size(value)).sum(),
        _ => 0,
    }
}
