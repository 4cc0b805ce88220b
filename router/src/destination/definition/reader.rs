//! What all parts of a file need while they are read: the settings, the mistakes so far, and values of the usual kinds.

use std::cell::RefCell;

use http::HeaderName;
use serde_json::{Map, Value};

use super::super::auth::Auth;
use super::super::code::Code;
use super::super::differs::Difference;
use super::super::limits::Given;
use super::super::mistake::{Mistake, pointer};
use super::super::settings::{Setting, SettingKind};
use super::super::target::Env;
use super::super::value::{Expr, Known, Scope, Uses};
use super::super::verdicts::{Probe, Table, View};
use crate::mapping::Budget;

/// The key that spreads an object.
pub(super) const SPREAD: &str = "...";

pub(super) struct Reader<'r> {
    settings: &'r [Setting],
    pub(super) file: &'r Map<String, Value>,
    pub(super) code: &'r dyn Fn(&str) -> Option<&'static dyn Code>,
    pub(super) mistakes: &'r mut Vec<Mistake>,
}

impl<'r> Reader<'r> {
    pub(super) fn new(
        settings: &'r [Setting],
        file: &'r Map<String, Value>,
        code: &'r dyn Fn(&str) -> Option<&'static dyn Code>,
        mistakes: &'r mut Vec<Mistake>,
    ) -> Self {
        Self { settings, file, code, mistakes }
    }

    pub(super) fn wrong(&mut self, at: impl Into<String>, message: impl Into<String>) {
        self.mistakes.push(Mistake::new(at, message));
    }

    pub(super) fn only(&mut self, fields: &Map<String, Value>, known: &[&str], what: &str, at: &str) {
        for key in fields.keys().filter(|key| !known.contains(&key.as_str())) {
            self.mistakes.push(Mistake::unknown(pointer(at, key), what, key, known));
        }
    }

    pub(super) fn flag(&mut self, fields: &Map<String, Value>, name: &str, default: bool, at: &str) -> bool {
        match fields.get(name) {
            None => default,
            Some(Value::Bool(flag)) => *flag,
            Some(_) => {
                self.wrong(pointer(at, name), format!("`{name}` is true or false"));
                default
            }
        }
    }

    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        match self.file.get(name)? {
            Value::String(text) => Some(text.clone()),
            _ => {
                self.wrong(pointer("", name), format!("`{name}` is a text"));
                None
            }
        }
    }

    pub(super) fn docs(&mut self) -> Vec<String> {
        let pages = match self.file.get("docs") {
            None => Vec::new(),
            Some(Value::String(page)) => vec![page.clone()],
            Some(Value::Array(pages)) => {
                pages.iter().map(|page| page.as_str().unwrap_or_default().to_owned()).collect()
            }
            Some(_) => vec![String::new()],
        };
        if pages.iter().any(|page| !page.starts_with("https://") && !page.starts_with("http://")) {
            self.wrong("/docs", "`docs` is the address of a page, or a list of them");
        }
        pages
    }

    /// What values may ask for where there is no event, or where `$.` is the event.
    pub(super) fn bare(&self) -> Known {
        let names = self.settings.iter().map(|setting| setting.name.clone()).collect();
        Known { settings: Some(names), ..Known::default() }
    }

    pub(super) fn base(&mut self) -> Option<Expr> {
        let value = self.file.get("base")?;
        let base = Expr::compile(value, &self.bare(), "/base", self.mistakes);
        let text = match (base.constant(), value) {
            (Some(Value::String(text)), _) => Some(text.as_str()),
            (Some(_), _) => {
                self.wrong("/base", "`base` is a text: the address that every request begins with");
                None
            }
            // A template whose beginning is fixed.
            (None, Value::String(text)) if !text.starts_with('$') => Some(text.as_str()),
            (None, _) => None,
        };
        if let Some(text) = text.filter(|text| !text.starts_with("{{{")) {
            let address = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
            if address.is_none_or(str::is_empty) {
                self.wrong("/base", format!("{text:?} is no address: it begins with https://"));
            }
        }
        self.not_in_url(&base, "/base");
        Some(base)
    }

    /// A mistake where a secret setting stands in a URL and nobody said that the partner wants it so.
    pub(super) fn not_in_url(&mut self, value: &Expr, at: &str) {
        for name in value.settings() {
            if let Some(setting) = self.settings.iter().find(|setting| *setting.name == **name)
                && setting.kind == SettingKind::Secret
                && !setting.secret_in_url
            {
                self.mistakes.push(Mistake::new(
                    at,
                    format!(
                        "the secret {name} would stand in a URL, where proxies and logs see it: use `auth`, or write `secret_in_url: true` at the setting if the partner wants it so"
                    ),
                ));
            }
        }
    }

    pub(super) fn headers(&mut self, value: &Value, at: &str, known: &Known) -> Vec<(HeaderName, Expr)> {
        let Some(fields) = value.as_object() else {
            self.wrong(at, "`headers` is an object: a name and a value");
            return Vec::new();
        };
        let mut headers = Vec::new();
        // `...: object` is for those who can spread it.
        for (name, value) in fields.iter().filter(|(name, _)| *name != SPREAD) {
            let at = pointer(at, name);
            let value = Expr::compile(value, known, &at, self.mistakes);
            match name.parse::<HeaderName>() {
                Ok(name) => headers.push((name, value)),
                Err(_) => self.wrong(at, format!("{name:?} is no name of a header")),
            }
        }
        headers
    }

    pub(super) fn limits(&mut self) -> Given {
        self.file.get("limits").map_or_else(Given::default, |limits| Given::compile(limits, "/limits", self.mistakes))
    }

    pub(super) fn auth(&mut self, value: &Value) -> Auth<Expr> {
        let known = self.bare();
        let compiled = {
            let this = RefCell::new(&mut *self);
            Auth::compile(value, "/auth", &mut |value, at| {
                let mut found = Vec::new();
                let expr = Expr::compile(value, &known, at, &mut found);
                let mut this = this.borrow_mut();
                if at.starts_with("/auth/query") {
                    this.not_in_url(&expr, at);
                }
                this.first(found)?;
                Ok(expr)
            })
        };
        compiled.unwrap_or_else(|mistakes| {
            self.mistakes.extend(mistakes);
            Auth::default()
        })
    }

    /// Where another reader takes one mistake at a time.
    fn first(&mut self, mut found: Vec<Mistake>) -> Result<(), Mistake> {
        if found.is_empty() {
            return Ok(());
        }
        let first = found.remove(0);
        self.mistakes.extend(found);
        Err(first)
    }

    /// Reads a table of verdicts.
    pub(super) fn table(&mut self, value: &Value, at: &str) -> Table {
        let known = Known { steps: vec!["answer".to_owned()], ..self.bare() };
        let compiled = {
            let this = RefCell::new(&mut *self);
            Table::compile(value, at, &mut |value, at| {
                let mut found = Vec::new();
                let expr = Expr::compile(value, &known, at, &mut found);
                this.borrow_mut().first(found)?;
                Ok(Box::new(OfAnswer(expr)) as Box<dyn Probe>)
            })
        };
        compiled.unwrap_or_else(|mistakes| {
            self.mistakes.extend(mistakes);
            Table::default()
        })
    }

    /// A table's own entries, then those of the table around it, then the file's.
    pub(super) fn own_table(&mut self, own: &Value, at: &str, outer: Option<&Value>) -> Table {
        let own = self.table(own, at);
        let found = self.mistakes.len();
        let around = outer.into_iter().chain(self.file.get("verdict"));
        let table = around.fold(own, |table, around| table.over(self.table(around, "")));
        // What is wrong with the others is said where they stand.
        self.mistakes.truncate(found);
        table
    }

    pub(super) fn differs(&mut self) -> Vec<Difference> {
        let differs =
            self.file.get("differs").map_or_else(|| Ok(Vec::new()), |list| Difference::read(list, "/differs"));
        differs.unwrap_or_else(|mistakes| {
            self.mistakes.extend(mistakes);
            Vec::new()
        })
    }
}

/// A value of the file that looks at an answer: `$.` is its body or an item of it, `$answer` all of it.
struct OfAnswer(Expr);

impl Probe for OfAnswer {
    fn probe(&self, view: &View<'_>) -> Option<Value> {
        let budget = Budget::new();
        let settings = Value::Null;
        let env = Env { now: jiff::Timestamp::UNIX_EPOCH, seed: 0 };
        // Most values ask for parts of the body, and it may be large.
        let whole = self.0.uses().has(Uses::STEPS);
        let answer = whole.then(|| super::super::plan::answer(view.status, view.headers, view.body.clone()));
        let scope = Scope { here: Some(view.root), steps: answer.as_slice(), ..Scope::new(&settings, env, &budget) };
        self.0.value(&scope).ok().flatten()
    }
}
