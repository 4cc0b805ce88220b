//! What is sent: a request as a template, and the steps of a chain.

use std::sync::Arc;

use http::HeaderName;
use serde_json::{Map, Value};

use super::super::code::Code;
use super::super::mistake::{Mistake, pointer};
use super::super::value::{Expr, Known, Template, Uses};
use super::super::verdicts::Table;
use super::reader::{Reader, SPREAD};

/// A request, and when it is made.
pub(crate) struct Step {
    /// It is skipped where this does not hold.
    pub(crate) only: Option<Expr>,
    /// A hook that makes another payload from the answers so far, for this step and those after it.
    pub(crate) code: Option<&'static dyn Code>,
    /// Statuses that besides 2xx are no failure.
    pub(crate) ok: Vec<u16>,
    /// The table of verdicts where it has entries of its own.
    pub(crate) verdict: Option<Arc<Table>>,
    pub(crate) request: Request,
}

/// A request as a template.
pub(crate) struct Request {
    pub(crate) method: Text,
    /// What comes behind the base, or a whole URL.
    pub(crate) url: Text,
    /// Whether `url` is a whole one.
    pub(crate) whole: bool,
    pub(crate) query: Vec<(Box<str>, Expr)>,
    pub(crate) headers: Vec<(HeaderName, Expr)>,
    /// An object of which each field is a header.
    pub(crate) more: Option<Expr>,
    /// Headers that say how large the batch is.
    pub(crate) late: Vec<(HeaderName, Expr)>,
    pub(crate) body: Body,
}

/// A text, or one with values in it.
#[derive(Debug)]
pub(crate) enum Text {
    Fixed(Box<str>),
    Template(Template),
}

pub(crate) enum Body {
    None,
    Json(Expr),
    Form(Expr),
    Text(Expr),
    /// A list with something for each event.
    Each(Each),
    /// The whole request is made by a Rust hook.
    Code,
    /// A chain of requests is made by a Rust hook.
    Chain,
}

pub(crate) struct Each {
    pub(crate) item: Expr,
    pub(crate) wrap: Option<Wrap>,
}

pub(crate) struct Wrap {
    pub(crate) value: Expr,
    /// How often `$batch` stands in it as it is, so that the list can be put in as text.
    pub(crate) plain: Option<usize>,
}

const STEP: [&str; 12] =
    ["name", "if", "code", "request", "query", "headers", "json", "form", "text", "ok", "verdict", "description"];
const BODIES: [&str; 4] = ["json", "form", "text", "each"];

impl Step {
    fn alone(request: Request, ok: Vec<u16>) -> Self {
        Self { only: None, code: None, ok, verdict: None, request }
    }

    pub(crate) fn batches(&self) -> bool {
        matches!(self.request.body, Body::Each(_))
    }
}

impl Reader<'_> {
    pub(super) fn steps(
        &mut self,
        action: &Map<String, Value>,
        known: &Known,
        at: &str,
        based: bool,
        own_requests: bool,
    ) -> Vec<Step> {
        let steps = match action.get("steps") {
            None if own_requests && !action.contains_key("request") => {
                let (method, url) = (Text::Fixed("POST".into()), Text::Fixed("".into()));
                let chains = action.get("code").and_then(Value::as_str).and_then(self.code).is_some_and(Code::chains);
                let body = if chains { Body::Chain } else { Body::Code };
                let request = Request {
                    method,
                    url,
                    whole: true,
                    query: Vec::new(),
                    headers: Vec::new(),
                    more: None,
                    late: Vec::new(),
                    body,
                };
                return vec![Step::alone(request, Vec::new())];
            }
            None => {
                let request = self.request(action, known, at, based);
                return vec![Step::alone(request, self.ok(action, at))];
            }
            Some(steps) => steps,
        };
        for key in ["request", "query", "headers", "each", "wrap", "json", "form", "text", "ok"] {
            if action.contains_key(key) {
                self.wrong(pointer(at, key), format!("an action has either `steps` or `{key}`: move it into a step"));
            }
        }
        let at = pointer(at, "steps");
        let Some(steps) = steps.as_array().filter(|steps| !steps.is_empty()) else {
            self.wrong(at, "`steps` is a list of requests, each with a `name`");
            return Vec::new();
        };
        let mut known = known.clone();
        let mut chain = Vec::new();
        for (i, step) in steps.iter().enumerate() {
            let at = format!("{at}/{i}");
            let none = Map::new();
            let fields = step.as_object().unwrap_or(&none);
            self.only(fields, &STEP, "part of a step", &at);
            let name = fields.get("name").and_then(Value::as_str).unwrap_or_default();
            if let Err(why) = name_of_step(name, &known.steps) {
                self.wrong(pointer(&at, "name"), why);
            }
            let only = fields.get("if").map(|only| Expr::compile(only, &known, &pointer(&at, "if"), self.mistakes));
            let code = fields.get("code").and_then(|code| self.code(code, &pointer(&at, "code")));
            if fields.contains_key("code") {
                // A hook may put anything into a payload.
                known.fields = None;
            }
            let request = self.request(fields, &known, &at, based);
            let verdict = fields
                .get("verdict")
                .map(|own| Arc::new(self.own_table(own, &pointer(&at, "verdict"), action.get("verdict"))));
            chain.push(Step { only, code, ok: self.ok(fields, &at), verdict, request });
            known.steps.push(name.to_owned());
        }
        chain
    }

    fn ok(&mut self, fields: &Map<String, Value>, at: &str) -> Vec<u16> {
        let Some(ok) = fields.get("ok") else { return Vec::new() };
        let status =
            |value: &Value| value.as_u64().filter(|n| (100..=599).contains(n)).and_then(|n| u16::try_from(n).ok());
        let several = match ok {
            Value::Array(several) => several.iter().map(status).collect(),
            one => status(one).map(|one| vec![one]),
        };
        several.unwrap_or_else(|| {
            self.wrong(pointer(at, "ok"), "`ok` is a status, or a list of them, that is no failure here: [404]");
            Vec::new()
        })
    }

    fn request(&mut self, fields: &Map<String, Value>, known: &Known, at: &str, based: bool) -> Request {
        let (method, url, whole) = self.line(fields.get("request"), known, at, based);
        let mut query = Vec::new();
        match fields.get("query") {
            None => {}
            Some(Value::Object(values)) => {
                let at = pointer(at, "query");
                for (name, value) in values {
                    let at = pointer(&at, name);
                    let value = Expr::compile(value, known, &at, self.mistakes);
                    self.not_in_url(&value, &at);
                    query.push((name.as_str().into(), value));
                }
            }
            Some(_) => self.wrong(pointer(at, "query"), "`query` is an object: a name and a value"),
        }
        let counted = Known { count: fields.contains_key("each"), ..known.clone() };
        let mut headers =
            fields.get("headers").map_or_else(Vec::new, |h| self.headers(h, &pointer(at, "headers"), &counted));
        let more = fields.get("headers").and_then(|headers| headers.get(SPREAD));
        let more =
            more.map(|more| Expr::compile(more, known, &pointer(&pointer(at, "headers"), SPREAD), self.mistakes));
        let late: Vec<_> = headers.extract_if(.., |(_, value)| value.uses().has(Uses::COUNT)).collect();
        for (name, _) in late.iter().filter(|(_, value)| value.uses().has(Uses::EVENT)) {
            let at = pointer(&pointer(at, "headers"), name.as_str());
            self.wrong(at, "the size of a batch is known when nothing of a single event is");
        }
        let body = self.body(fields, known, at);
        Request { method, url, whole, query, headers, more, late, body }
    }

    /// `POST /import?strict=1`
    fn line(&mut self, value: Option<&Value>, known: &Known, at: &str, based: bool) -> (Text, Text, bool) {
        let at = pointer(at, "request");
        let fallback = || (Text::Fixed("POST".into()), Text::Fixed("/".into()), false);
        let Some(text) = value.and_then(Value::as_str) else {
            self.wrong(at, "`request` is a method and what comes behind the base: POST /events");
            return fallback();
        };
        let Some((method, url)) = split_line(text) else {
            self.wrong(
                at,
                format!("{text:?} is a method and what comes behind the base, with a blank between them: POST /events"),
            );
            return fallback();
        };
        if !method.contains("{{") && !METHODS.contains(&method) {
            self.mistakes.push(Mistake::unknown(&*at, "method", method, &METHODS));
        }
        let whole = url.starts_with("https://") || url.starts_with("http://") || url.starts_with("{{{");
        if !whole && !based {
            self.wrong(
                &*at,
                "there is no `base`, so this begins with https:// or with a whole address in three braces",
            );
        }
        if !whole && !url.starts_with('/') && !url.starts_with('?') {
            self.wrong(&*at, format!("{url:?} begins with a slash"));
        }
        let mut template = |text: &str| {
            let expr = Expr::compile(&Value::from(text), known, &at, self.mistakes);
            self.not_in_url(&expr, &at);
            match expr.into_template() {
                Some(template) => Text::Template(template),
                None => Text::Fixed(text.into()),
            }
        };
        let (method, url) = (template(method), template(url));
        (method, url, whole)
    }

    fn body(&mut self, fields: &Map<String, Value>, known: &Known, at: &str) -> Body {
        let bodies: Vec<&str> = BODIES.into_iter().filter(|name| fields.contains_key(*name)).collect();
        if bodies.len() > 1 {
            self.wrong(pointer(at, bodies[1]), format!("a request has one body: `{}` or `{}`", bodies[0], bodies[1]));
        }
        if fields.contains_key("wrap") && bodies != ["each"] {
            self.wrong(pointer(at, "wrap"), "`wrap` goes with `each`: it says where the list stands");
        }
        let Some(name) = bodies.first() else { return Body::None };
        let value = fields.get(*name).unwrap_or(&Value::Null);
        let expr = Expr::compile(value, known, &pointer(at, name), self.mistakes);
        match *name {
            "json" => Body::Json(expr),
            "form" => Body::Form(expr),
            "text" => Body::Text(expr),
            _ => {
                let wrap = fields.get("wrap").map(|wrap| self.wrap(wrap, known, &pointer(at, "wrap")));
                Body::Each(Each { item: expr, wrap })
            }
        }
    }

    fn wrap(&mut self, wrap: &Value, known: &Known, at: &str) -> Wrap {
        let known = Known { batch: true, ..known.clone() };
        let value = Expr::compile(wrap, &known, at, self.mistakes);
        if !value.uses().has(Uses::BATCH) {
            self.wrong(at, "`wrap` says where the list stands: {events: $batch}");
        }
        let plain = value.plain_batches();
        if plain.is_none() && value.uses().has(Uses::EVENT) {
            self.wrong(at, "something is made of $batch here, so nothing of an event can stand beside it");
        }
        Wrap { value, plain }
    }
}

const METHODS: [&str; 6] = ["POST", "PUT", "PATCH", "GET", "DELETE", "HEAD"];

/// At the first blank that is not in braces.
fn split_line(text: &str) -> Option<(&str, &str)> {
    let mut depth = 0usize;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ' ' if depth == 0 => return Some((&text[..at], text[at..].trim())).filter(|(_, url)| !url.is_empty()),
            _ => {}
        }
    }
    None
}

fn name_of_step(name: &str, others: &[String]) -> Result<(), String> {
    const ROOTS: [&str; 8] = ["event", "payload", "settings", "index", "now", "uuid", "batch", "answer"];
    let word = !name.is_empty()
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !name.starts_with(|c: char| c.is_ascii_digit());
    match name {
        "" => Err("a step has a `name`, by which later steps find its answer".to_owned()),
        _ if !word => Err(format!("{name:?} is made of letters, digits and _, so that ${name} can be written")),
        _ if ROOTS.contains(&name) => Err(format!("${name} means something else already")),
        _ if others.iter().any(|other| other == name) => Err(format!("there are two steps called {name}")),
        _ => Ok(()),
    }
}
