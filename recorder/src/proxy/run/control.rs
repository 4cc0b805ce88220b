//! What a test runner says, and what it is told: JSON both ways.

use std::fmt::Write as _;
use std::time::UNIX_EPOCH;

use bytes::Bytes;
use http::Method;

use super::suite::{Begun, Suite, TestEnd};
use crate::codec::json::{self, Kind};
use crate::key::write_json_string;

/// What a runner may say in one request.
#[derive(Debug, Default, PartialEq)]
struct Said {
    name: Option<String>,
    passed: Option<bool>,
    var: Option<String>,
    value: Option<String>,
}

pub(super) fn answer(suite: &Suite, method: &Method, path: &str, body: &Bytes) -> Option<(u16, String)> {
    if !matches!(path, "/test/begin" | "/test/end" | "/test/now" | "/test/var") {
        return None;
    }
    if method != Method::POST {
        return Some(refused(405, &format!("{path} takes POST")));
    }
    let said = match read(body) {
        Ok(said) => said,
        Err(reason) => return Some(refused(400, &reason)),
    };
    let mut said = said;
    Some(match (path, said.name.take()) {
        ("/test/begin", Some(name)) => match suite.begin(&name) {
            Ok(begun) => (200, begun.json(&name)),
            Err(reason) => refused(409, &reason),
        },
        ("/test/begin", None) => refused(400, "say which test begins: {\"name\": …}"),
        ("/test/now" | "/test/var", name) => match told(suite, path, Said { name, ..said }) {
            Ok(text) => (200, text),
            Err(reason) => refused(409, &reason),
        },
        // A runner that says nothing of it means a test that went well.
        (_, name) => match suite.end(name.as_deref(), said.passed.unwrap_or(true)) {
            Ok(ended) => (200, ended.json()),
            Err(reason) => refused(409, &reason),
        },
    })
}

/// What the recording of a test had for its clock and its values: [`World`](crate::session::World) for other languages.
fn told(suite: &Suite, path: &str, said: Said) -> Result<String, String> {
    let session = suite.session(said.name.as_deref())?;
    let mut text = Object::new();
    if path == "/test/now" {
        let now = session.world_now().map_err(|error| error.to_string())?;
        text.string("now", &humantime::format_rfc3339_seconds(now).to_string());
        text.raw("unix", &now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs());
    } else {
        let (Some(var), Some(value)) = (said.var, said.value) else {
            return Err("say which value it is, and what a recording has for it: {\"var\": …, \"value\": …}".to_owned());
        };
        text.string("value", &session.world_var(&var, value).map_err(|error| error.to_string())?);
    }
    Ok(text.end())
}

fn read(body: &[u8]) -> Result<Said, String> {
    let mut said = Said::default();
    if body.is_empty() {
        return Ok(said);
    }
    let node = json::parse(body).map_err(|error| format!("byte {}: expected {}", error.offset, error.expected))?;
    let Kind::Object(members) = node.kind else { return Err("it takes a JSON object".to_owned()) };
    for member in members {
        match (&*member.name, member.value.kind) {
            ("name", Kind::String(name)) => said.name = Some(name.into_owned()),
            ("passed", Kind::Bool(passed)) => said.passed = Some(passed),
            ("var", Kind::String(var)) => said.var = Some(var.into_owned()),
            ("value", Kind::String(value)) => said.value = Some(value.into_owned()),
            (name, _) => {
                return Err(format!(
                    "`{name}` is not known, or no such value: it takes `name`, `var` and `value` (text), and `passed` (true or false)"
                ));
            }
        }
    }
    Ok(said)
}

fn refused(status: u16, reason: &str) -> (u16, String) {
    let mut text = Object::new();
    text.string("error", &format!("traffic-recorder: {reason}"));
    (status, text.end())
}

impl Begun {
    fn json(&self, name: &str) -> String {
        let mut text = Object::new();
        text.string("test", name);
        text.string("folder", &self.folder.display().to_string());
        text.string("mode", &self.mode.to_string());
        text.string("proxy", &self.proxy);
        text.string("id", &self.id);
        text.end()
    }
}

impl TestEnd {
    /// `{test, folder, mode, passed, ok, replayed, live, written, unchanged, warnings, unanswered, error, code}`: `error` is text or null, `ok` whether
    /// the recorder has nothing against the test.
    #[must_use]
    pub fn json(&self) -> String {
        let report = self.report.clone().unwrap_or_default();
        let mut text = Object::new();
        text.string("test", &self.test);
        text.string("folder", &self.folder.display().to_string());
        text.string("mode", &self.mode.to_string());
        text.raw("passed", &self.passed);
        text.raw("ok", &self.error.is_none());
        text.raw("replayed", &report.replayed);
        text.raw("live", &report.live);
        text.strings("written", &report.written);
        text.raw("unchanged", &report.unchanged);
        text.strings("warnings", &report.warnings);
        text.strings("unanswered", &self.unanswered);
        match &self.error {
            Some(error) => {
                text.string("error", &error.to_string());
                text.string("code", error.code());
            }
            None => {
                text.raw("error", &"null");
                text.raw("code", &"null");
            }
        }
        text.end()
    }
}

/// An object on its way to be text.
struct Object(String);

impl Object {
    fn new() -> Self {
        Self("{".to_owned())
    }

    fn name(&mut self, name: &str) {
        if self.0.len() > 1 {
            self.0.push_str(", ");
        }
        let _ = write!(self.0, "\"{name}\": ");
    }

    fn raw(&mut self, name: &str, value: &impl std::fmt::Display) {
        self.name(name);
        let _ = write!(self.0, "{value}");
    }

    fn string(&mut self, name: &str, value: &str) {
        self.name(name);
        write_json_string(value, &mut self.0);
    }

    fn strings(&mut self, name: &str, values: &[String]) {
        self.name(name);
        self.0.push('[');
        for (at, value) in values.iter().enumerate() {
            if at > 0 {
                self.0.push_str(", ");
            }
            write_json_string(value, &mut self.0);
        }
        self.0.push(']');
    }

    fn end(mut self) -> String {
        self.0.push_str("}\n");
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_runner_says_is_read_or_refused_with_the_reason() {
        assert_eq!(read(b"").unwrap(), Said::default());
        let said = read(r#"{"name": "nimmt an: \ud83d\ude00", "passed": false}"#.as_bytes()).unwrap();
        let expected = Said { name: Some("nimmt an: \u{1f600}".to_owned()), passed: Some(false), ..Said::default() };
        assert_eq!(said, expected);
        for (wrong, reason) in
            [("{", "byte 1"), ("[]", "object"), (r#"{"passed": 1}"#, "passed"), (r#"{"nam": ""}"#, "nam")]
        {
            let error = read(wrong.as_bytes()).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
    }
}
