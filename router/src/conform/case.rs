//! Cases: what Segment's own code did with an event.

use std::path::Path;

use serde_json::{Map, Value};

use crate::destination::document::{Document, Report};
use crate::destination::mistake::{Mistake, pointer};

/// A file of cases: one destination, one set of settings.
#[derive(Debug, Clone, PartialEq)]
pub struct Suite {
    /// The destination's name in file names.
    pub slug: String,
    /// Its settings, by Segment's names.
    pub settings: Map<String, Value>,
    /// The cases.
    pub cases: Vec<Case>,
}

/// An event and what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// The action that took it.
    pub action: String,
    /// The name of the case.
    pub name: String,
    /// The event.
    pub event: Value,
    /// The requests that were sent.
    pub requests: Vec<Request>,
    /// Why it was refused, where it was.
    pub error: Option<String>,
    /// JSON pointers into `requests` to what differs from run to run.
    pub volatile: Vec<String>,
}

/// A request that was sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Its method.
    pub method: String,
    /// Its URL.
    pub url: String,
    /// Its headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Body,
}

/// The body of a request that was sent.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// None.
    Empty,
    /// JSON.
    Json(Value),
    /// Anything else.
    Text(String),
}

impl Suite {
    /// Reads a file of cases.
    ///
    /// # Errors
    /// The file cannot be read, or is not as it should be: each mistake with its line.
    pub fn read(path: &Path) -> Result<Self, Report> {
        let document = Document::read(path)?;
        Self::of(&document.value).map_err(|mistake| document.report(mistake))
    }

    fn of(value: &Value) -> Result<Self, Mistake> {
        let file = At { value, at: String::new() };
        let settings = file.field("settings")?.object()?.clone();
        let cases = file.field("cases")?.items()?.map(|case| Case::of(&case)).collect::<Result<_, _>>()?;
        Ok(Self { slug: file.field("destination")?.text()?.to_owned(), settings, cases })
    }
}

impl Case {
    fn of(case: &At<'_>) -> Result<Self, Mistake> {
        let event = case.field("event")?;
        event.object()?;
        let error = match case.optional("error") {
            None => None,
            Some(error) => Some(match error.optional("message") {
                Some(message) => message.text()?.to_owned(),
                None => error.field("name")?.text()?.to_owned(),
            }),
        };
        let volatile = match case.optional("volatile") {
            None => Vec::new(),
            Some(list) => list.items()?.map(|item| item.text().map(str::to_owned)).collect::<Result<_, _>>()?,
        };
        Ok(Self {
            action: case.field("action")?.text()?.to_owned(),
            name: case.field("case")?.text()?.to_owned(),
            event: event.value.clone(),
            requests: case
                .field("requests")?
                .items()?
                .map(|request| Request::of(&request))
                .collect::<Result<_, _>>()?,
            error,
            volatile,
        })
    }
}

impl Request {
    fn of(request: &At<'_>) -> Result<Self, Mistake> {
        let mut headers = Vec::new();
        if let Some(written) = request.optional("headers") {
            for name in written.object()?.keys() {
                headers.push((name.to_ascii_lowercase(), written.field(name)?.text()?.to_owned()));
            }
        }
        // A body that is JSON's null is one; `optional` would not see it.
        let body = match (request.object()?.get("json"), request.optional("text")) {
            (Some(json), None) => Body::Json(json.clone()),
            (None, Some(text)) => Body::Text(text.text()?.to_owned()),
            (None, None) => Body::Empty,
            (Some(_), Some(_)) => return Err(request.mistake("a request has one body, json or text")),
        };
        let (method, url) = (request.field("method")?.text()?.to_owned(), request.field("url")?.text()?.to_owned());
        Ok(Self { method, url, headers, body })
    }
}

/// A value and its place in the file.
struct At<'v> {
    value: &'v Value,
    at: String,
}

impl<'v> At<'v> {
    fn field(&self, name: &str) -> Result<At<'v>, Mistake> {
        let value = self.object()?.get(name);
        let value = value.ok_or_else(|| self.mistake(&format!("there is no {name:?} here")))?;
        Ok(At { value, at: pointer(&self.at, name) })
    }

    /// A field that may be absent or null.
    fn optional(&self, name: &str) -> Option<At<'v>> {
        let value = self.value.get(name).filter(|value| !value.is_null())?;
        Some(At { value, at: pointer(&self.at, name) })
    }

    fn object(&self) -> Result<&'v Map<String, Value>, Mistake> {
        self.value.as_object().ok_or_else(|| self.mistake("an object was expected"))
    }

    fn items(&self) -> Result<impl Iterator<Item = At<'v>>, Mistake> {
        let items = self.value.as_array().ok_or_else(|| self.mistake("a list was expected"))?;
        let at = self.at.clone();
        Ok(items.iter().enumerate().map(move |(i, value)| At { value, at: format!("{at}/{i}") }))
    }

    fn text(&self) -> Result<&'v str, Mistake> {
        self.value.as_str().ok_or_else(|| self.mistake("a text was expected"))
    }

    fn mistake(&self, message: &str) -> Mistake {
        Mistake::new(self.at.clone(), message)
    }
}
