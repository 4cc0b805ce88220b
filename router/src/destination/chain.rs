//! Chains of requests that a hook in Rust makes: what it is told, and what it says.
//!
//! A chain is run anew from its beginning for each answer: it asks for the answers in the order in which it made the requests
//! ([`Told::or`]), and the first one that is not there yet is the next request. So it keeps nothing, and reads top-down.

use http::Method;
use serde_json::Value;

use super::verdict::Verdict;

/// What comes next in a chain.
#[derive(Debug)]
pub enum Next {
    /// This request.
    Send(Box<Draft>),
    /// Nothing: the events were delivered.
    Done,
    /// Nothing: the events are refused for good, and why.
    Reject(String),
    /// All of it again, later, and why.
    Retry(String),
    /// A verdict for each event of the chain, by its place in the inputs. What is not named was delivered.
    Each(Vec<(usize, Verdict)>),
}

/// A request that is not written out yet.
#[derive(Debug)]
pub struct Draft {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) json: Option<Value>,
    pub(crate) ok: &'static [u16],
}

impl Draft {
    /// `path` comes behind the base.
    #[must_use]
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), json: None, ok: &[] }
    }

    /// With a JSON body.
    #[must_use]
    pub fn json(mut self, body: Value) -> Self {
        self.json = Some(body);
        self
    }

    /// Statuses that besides 2xx are no failure: the chain goes on with them.
    #[must_use]
    pub fn ok(mut self, statuses: &'static [u16]) -> Self {
        self.ok = statuses;
        self
    }

    /// A text as a part of a path: percent-encoded.
    #[must_use]
    pub fn part(text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        super::value::percent(&mut out, text);
        out
    }
}

/// The answers so far, the first first: each an object with `status`, `headers` and `body`.
#[derive(Debug, Clone, Copy)]
pub struct Answers<'a>(pub(crate) &'a [Value]);

impl<'a> Answers<'a> {
    /// Begins to tell them.
    #[must_use]
    pub fn told(self) -> Told<'a> {
        Told(self.0)
    }
}

/// The answers that a chain has not asked for yet.
#[derive(Debug)]
pub struct Told<'a>(&'a [Value]);

impl<'a> Told<'a> {
    /// The next answer, or the request for it.
    ///
    /// # Errors
    /// There is no answer yet: what comes next.
    pub fn or(&mut self, draft: impl FnOnce() -> Draft) -> Result<Answer<'a>, Next> {
        match self.0.split_first() {
            Some((first, rest)) => {
                self.0 = rest;
                Ok(Answer(first))
            }
            None => Err(Next::Send(Box::new(draft()))),
        }
    }
}

/// An answer in a chain.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a>(&'a Value);

impl<'a> Answer<'a> {
    /// Its status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.0.get("status").and_then(Value::as_u64).and_then(|status| u16::try_from(status).ok()).unwrap_or_default()
    }

    /// Whether it is 2xx.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status())
    }

    /// Its JSON body; null for one that is no JSON.
    #[must_use]
    pub fn body(&self) -> &'a Value {
        self.0.get("body").unwrap_or(&Value::Null)
    }

    /// A text of its body.
    #[must_use]
    pub fn text(&self, pointer: &str) -> Option<&'a str> {
        self.body().pointer(pointer)?.as_str().filter(|text| !text.is_empty())
    }

    /// What the partner says is wrong, with the status.
    #[must_use]
    pub fn message(&self) -> String {
        format!("{} {}", self.status(), self.text("/message").unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Looks something up, then writes it.
    fn chain(answers: Answers<'_>) -> Result<Next, Next> {
        let mut answers = answers.told();
        let found = answers.or(|| Draft::new(Method::GET, format!("/things/{}", Draft::part("a/b c"))).ok(&[404]))?;
        if found.status() == 404 {
            return Err(Next::Reject(found.message()));
        }
        let id = found.text("/id").unwrap_or("none").to_owned();
        answers.or(|| Draft::new(Method::PATCH, format!("/things/{id}")).json(json!({"seen": true})))?;
        Ok(Next::Done)
    }

    fn next(answers: &[Value]) -> Next {
        chain(Answers(answers)).unwrap_or_else(|next| next)
    }

    #[test]
    fn a_chain_asks_for_one_answer_after_another() {
        let Next::Send(first) = next(&[]) else { panic!("there is no answer yet") };
        assert_eq!((first.path.as_str(), first.ok), ("/things/a%2Fb%20c", &[404][..]));
        let found = json!({"status": 200, "body": {"id": "7"}});
        let Next::Send(second) = next(std::slice::from_ref(&found)) else { panic!("one answer is not there yet") };
        assert_eq!((second.method, second.path.as_str()), (Method::PATCH, "/things/7"));
        assert!(matches!(next(&[found, json!({"status": 204})]), Next::Done));
    }

    #[test]
    fn a_chain_may_end_early() {
        let Next::Reject(why) = next(&[json!({"status": 404, "body": {"message": "no such thing"}})]) else {
            panic!("it is not there")
        };
        assert_eq!(why, "404 no such thing");
        let Next::Send(second) = next(&[json!({"status": 200, "body": null})]) else { panic!("a body that is none") };
        assert_eq!(second.path, "/things/none");
    }
}
