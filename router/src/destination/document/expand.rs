//! Secrets from the environment: `${NAME}` and `${NAME:-default}` in texts.

use serde_json::Value;

use super::text::Document;
use crate::destination::mistake::Mistake;
use crate::nearest::nearest;

impl Document {
    /// Puts variables into texts: `${NAME}`, and `${NAME:-default}` for one that is not set or empty; `$${` is a literal `${`.
    /// What a variable holds is not read again, and a text stays a text. Keys are left alone.
    ///
    /// `lookup` is most often `|name| std::env::var(name).ok()`; `known` are names to suggest from, and may be empty.
    ///
    /// # Errors
    /// Each variable that is not set, and each `${` that cannot be read, at its place. The document is then half expanded.
    pub fn expand(&mut self, lookup: &dyn Fn(&str) -> Option<String>, known: &[&str]) -> Result<(), Vec<Mistake>> {
        let mut expander = Expander { lookup, known, at: String::new(), mistakes: Vec::new() };
        expander.value(&mut self.value);
        if expander.mistakes.is_empty() { Ok(()) } else { Err(expander.mistakes) }
    }
}

struct Expander<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    known: &'a [&'a str],
    at: String,
    mistakes: Vec<Mistake>,
}

impl Expander<'_> {
    fn value(&mut self, value: &mut Value) {
        match value {
            Value::String(text) => {
                if text.contains("${") {
                    *text = self.text(text);
                }
            }
            Value::Array(items) => {
                for (i, item) in items.iter_mut().enumerate() {
                    self.part(&i.to_string(), item);
                }
            }
            Value::Object(fields) => {
                for (key, field) in fields {
                    self.part(&key.replace('~', "~0").replace('/', "~1"), field);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn part(&mut self, name: &str, value: &mut Value) {
        let length = self.at.len();
        self.at.push('/');
        self.at.push_str(name);
        self.value(value);
        self.at.truncate(length);
    }

    fn text(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            let (before, after) = (&rest[..start], &rest[start + 2..]);
            if let Some(before) = before.strip_suffix('$') {
                out.push_str(before);
                out.push_str("${");
                rest = after;
                continue;
            }
            out.push_str(before);
            let Some((inside, after)) = after.split_once('}') else {
                self.mistake("this ${ has no }: write $${ for a literal ${".to_owned(), None);
                return out;
            };
            let value = self.variable(inside);
            out.push_str(&value);
            rest = after;
        }
        out.push_str(rest);
        out
    }

    fn variable(&mut self, inside: &str) -> String {
        let (name, default) = inside.split_once(":-").map_or((inside, None), |(name, default)| (name, Some(default)));
        let well_formed = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
            && !name.is_empty()
            && !name.as_bytes()[0].is_ascii_digit();
        if !well_formed {
            let how = "write ${NAME}, ${NAME:-default}, or $${ for a literal ${";
            self.mistake(format!("{name:?} is no name of a variable: {how}"), None);
            return String::new();
        }
        match ((self.lookup)(name), default) {
            (Some(value), None) => value,
            (Some(value), Some(_)) if !value.is_empty() => value,
            (_, Some(default)) => default.to_owned(),
            (None, None) => {
                let message =
                    format!("the environment variable {name} is not set: set it, or write ${{{name}:-default}}");
                self.mistake(message, nearest(name, self.known));
                String::new()
            }
        }
    }

    fn mistake(&mut self, message: String, meant: Option<&str>) {
        self.mistakes.push(Mistake { at: self.at.clone(), message, suggestion: meant.map(str::to_owned) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn lookup(name: &str) -> Option<String> {
        match name {
            "TOKEN" => Some("fake-${HOME}".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        }
    }

    fn expand(text: &str) -> Result<Value, Vec<Mistake>> {
        let mut document = Document::parse("router.yaml", text.as_bytes()).unwrap();
        document.expand(&lookup, &["TOKEN"]).map(|()| document.value)
    }

    #[test]
    fn variables_are_put_into_texts_at_any_depth() {
        let text = "a: ${TOKEN}\nb: [\"x${EMPTY}y${NONE:-z}\", {c: 'v=${EMPTY:-1:-2}'}]\nd: $${TOKEN} $x $\ne: 1\n\"${TOKEN}\": k\n";
        let expected = json!({
            "a": "fake-${HOME}", "b": ["xyz", {"c": "v=1:-2"}], "d": "${TOKEN} $x $", "e": 1, "${TOKEN}": "k",
        });
        assert_eq!(expand(text), Ok(expected));
    }

    #[test]
    fn a_variable_that_is_not_set_is_a_mistake_at_its_place() {
        let text = "a: {b/c: [\"${TOKN}\", \"${OTHER} ${9}\"]}\nd: \"x ${y\"\n";
        let mistakes = expand(text).unwrap_err();
        let shown: Vec<(&str, &str)> = mistakes.iter().map(|m| (m.at.as_str(), m.message.as_str())).collect();
        let expected = [
            ("/a/b~1c/0", "the environment variable TOKN is not set: set it, or write ${TOKN:-default}"),
            ("/a/b~1c/1", "the environment variable OTHER is not set: set it, or write ${OTHER:-default}"),
            ("/a/b~1c/1", "\"9\" is no name of a variable: write ${NAME}, ${NAME:-default}, or $${ for a literal ${"),
            ("/d", "this ${ has no }: write $${ for a literal ${"),
        ];
        assert_eq!(shown, expected);
        assert_eq!(mistakes[0].suggestion.as_deref(), Some("TOKEN"));
    }

    proptest! {
        #[test]
        fn text_without_variables_stays_and_an_escaped_one_comes_back(text in "[a-z$ {}]{0,30}") {
            let mut escaped = Document::parse("f", json!({"a": text.replace("${", "$${")}).to_string().as_bytes()).unwrap();
            prop_assert_eq!(escaped.expand(&lookup, &[]), Ok(()));
            prop_assert_eq!(&escaped.value["a"], &json!(text));
        }
    }
}
