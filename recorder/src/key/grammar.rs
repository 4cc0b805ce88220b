//! Reading the text of a rule, and saying what is wrong with it.

use super::glob::PathGlob;
use super::json_path::JsonPath;
use super::rules::{Name, Rule, Scope, What};
use super::url::Authority;
use crate::codec::percent;

/// Why a text is no rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RuleError {
    /// A word stands where it has no meaning.
    #[error("match rule `{rule}`: `{word}` at column {column} is not known there, allowed is {}{}",
        list(.allowed), nearest(word, .allowed))]
    Word {
        /// The whole rule.
        rule: String,
        /// The word.
        word: String,
        /// Where it begins, in characters, from 1.
        column: usize,
        /// What may stand there.
        allowed: &'static [&'static str],
    },
    /// The rule ends where more is needed.
    #[error("match rule `{rule}` ends too early: {wanted} is missing")]
    Short {
        /// The whole rule.
        rule: String,
        /// What is missing.
        wanted: String,
    },
    /// A name, path or host is malformed.
    #[error("match rule `{rule}`: `{word}` at column {column} cannot be used: {why}")]
    Value {
        /// The whole rule.
        rule: String,
        /// The malformed word.
        word: String,
        /// Where it goes wrong, in characters, from 1.
        column: usize,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A custom rule is code, and text alone cannot bring it back.
    #[error("match rule `{rule}` is code: give the rule of this name with `Rule::custom` where the tape is used")]
    Custom {
        /// The whole rule.
        rule: String,
    },
}

const KINDS: &[&str] = &["ignore", "match", "same", "any"];
const IGNORED: &[&str] = &["query", "header", "form", "json", "body"];
const END: &[&str] = &["on", "the end"];

/// Reads one rule.
pub(super) fn parse(rule: &str) -> Result<Rule, RuleError> {
    let mut words = Words { rule: rule.trim(), at: 0 };
    let kind = words.one_of(KINDS)?;
    let what = match kind {
        "ignore" => match words.one_of(IGNORED)? {
            "query" => What::IgnoreQuery(words.name(true)?),
            "header" => What::IgnoreHeader(words.name(false)?),
            "form" => What::IgnoreForm(words.name(true)?),
            "json" => What::IgnoreJson(words.json_path()?),
            _ => What::IgnoreBody,
        },
        "match" => {
            words.one_of(&["header"])?;
            What::MatchHeader(words.name(false)?)
        }
        "same" => match words.one_of(&["host", "path"])? {
            "host" => {
                let (at, kept) = words.host("the host that is kept")?;
                if kept.has_star() {
                    return Err(words.wrong(at, "only the second host may have a `*`"));
                }
                What::SameHost { kept, other: words.host("the host that is taken for it")?.1 }
            }
            _ => {
                let (at, word) = words.next("a path such as `/v1/users/*`")?;
                if !word.contains('*') {
                    return Err(words.wrong(at, "without a `*` it changes nothing"));
                }
                What::SamePath(PathGlob::parse(word).map_err(|why| words.wrong(at, why))?)
            }
        },
        _ => {
            words.one_of(&["port"])?;
            What::AnyPort
        }
    };
    let on = if words.is_done() {
        None
    } else {
        words.one_of(END)?;
        Some(words.scope()?)
    };
    if words.is_done() { Ok(Rule { what, on }) } else { words.one_of(&["the end"]).and_then(|_| words.short("")) }
}

struct Words<'a> {
    rule: &'a str,
    at: usize,
}

impl<'a> Words<'a> {
    fn skip(&mut self) {
        let rest = &self.rule[self.at..];
        self.at += rest.len() - rest.trim_start().len();
    }

    fn is_done(&mut self) -> bool {
        self.skip();
        self.at == self.rule.len()
    }

    /// The next word and where it begins.
    fn next(&mut self, wanted: &str) -> Result<(usize, &'a str), RuleError> {
        if self.is_done() {
            return self.short(wanted);
        }
        let start = self.at;
        let word = self.rule[start..].split(char::is_whitespace).next().unwrap_or_default();
        self.at += word.len();
        Ok((start, word))
    }

    fn one_of(&mut self, allowed: &'static [&'static str]) -> Result<&'static str, RuleError> {
        let (at, word) = self.next(&list(allowed))?;
        match allowed.iter().find(|known| **known == word) {
            Some(known) => Ok(known),
            None if at == 0 && word == "custom" => Err(RuleError::Custom { rule: self.rule.to_owned() }),
            None => {
                let (rule, word) = (self.rule.to_owned(), word.to_owned());
                Err(RuleError::Word { rule, word, column: self.column(at), allowed })
            }
        }
    }

    fn name(&mut self, encoded: bool) -> Result<Name, RuleError> {
        let (at, word) = self.next("a name")?;
        let (text, star) = word.strip_suffix('*').map_or((word, false), |text| (text, true));
        if let Some(star) = text.find('*') {
            return Err(self.wrong(at + star, "a `*` may only stand at the end of a name"));
        }
        let text = match encoded {
            true => String::from_utf8(percent::decode(text.as_bytes()).into_owned())
                .map_err(|_| self.wrong(at, "its escapes are not UTF-8"))?,
            false => text.to_ascii_lowercase(),
        };
        Ok(Name { text, star })
    }

    fn json_path(&mut self) -> Result<JsonPath, RuleError> {
        if self.is_done() {
            return self.short("a JSON path such as `$.user.id`");
        }
        let (path, len) = JsonPath::parse(&self.rule[self.at..]).map_err(|(at, why)| self.wrong(self.at + at, why))?;
        self.at += len;
        Ok(path)
    }

    fn host(&mut self, wanted: &str) -> Result<(usize, Authority), RuleError> {
        let (at, word) = self.next(wanted)?;
        let host = Authority::parse(word);
        host.map(|host| (at, host))
            .ok_or_else(|| self.wrong(at, "a host looks like `api.example.com` or `http://localhost:8080`"))
    }

    fn scope(&mut self) -> Result<Scope, RuleError> {
        let (at, word) = self.next("a host, and perhaps a path, where the rule holds")?;
        let (host, path) = word.split_at(word.find('/').unwrap_or(word.len()));
        if host.ends_with(':') || host.rsplit_once(':').is_some_and(|(_, p)| p.bytes().all(|b| b.is_ascii_digit())) {
            return Err(self.wrong(at, "give the host alone, without scheme and port"));
        }
        let path = match path {
            "" => None,
            path => Some(PathGlob::parse(path).map_err(|why| self.wrong(at + host.len(), why))?),
        };
        let host = if host.is_empty() { "*".to_owned() } else { host.to_ascii_lowercase() };
        Ok(Scope { host, path })
    }

    fn short<T>(&self, wanted: &str) -> Result<T, RuleError> {
        Err(RuleError::Short { rule: self.rule.to_owned(), wanted: wanted.to_owned() })
    }

    fn wrong(&self, at: usize, why: &'static str) -> RuleError {
        let begun = self.rule[..at].rsplit(char::is_whitespace).next().unwrap_or_default();
        let start = at - begun.len();
        let word = self.rule[start..].split(char::is_whitespace).next().unwrap_or_default().to_owned();
        RuleError::Value { rule: self.rule.to_owned(), word, column: self.column(at), why }
    }

    fn column(&self, at: usize) -> usize {
        self.rule[..at].chars().count() + 1
    }
}

fn list(words: &[&str]) -> String {
    let quoted: Vec<_> =
        words.iter().map(|w| if w.contains(' ') { (*w).to_owned() } else { format!("`{w}`") }).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

fn nearest(word: &str, allowed: &[&str]) -> String {
    let near = allowed.iter().map(|known| (edits(word, known), known)).min();
    match near {
        Some((edits, known)) if edits <= known.len() / 2 => format!("; did you mean `{known}`?"),
        _ => String::new(),
    }
}

/// How many letters must be put in, taken out or changed to make one word of the other.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let change = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_reads_back_as_itself() {
        for (text, shown) in [
            ("ignore query page", "ignore query page"),
            ("ignore  query utm_* on API.example.com/v1/*", "ignore query utm_* on api.example.com/v1/*"),
            ("ignore query a%20b%2a", "ignore query a%20b%2A"),
            ("ignore query filter[x]", "ignore query filter[x]"),
            ("ignore header If-None-Match", "ignore header if-none-match"),
            ("ignore form token", "ignore form token"),
            ("ignore json $['a b'].c on h", r#"ignore json $["a b"].c on h"#),
            (" ignore body ", "ignore body"),
            ("match header X-Tenant", "match header x-tenant"),
            ("same host API.example.com http://LOCALHOST:8080", "same host api.example.com http://localhost:8080"),
            ("same host h *.h", "same host h *.h"),
            ("same path /v1/%7Eusers/*/**", "same path /v1/~users/*/**"),
            ("any port on /v1/**", "any port on */v1/**"),
            ("any port on [::1]", "any port on [::1]"),
        ] {
            let rule: Rule = text.parse().unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(rule.to_string(), shown);
            assert_eq!(shown.parse::<Rule>().map(|r| r.to_string()).as_deref(), Ok(shown));
        }
    }

    #[test]
    fn a_wrong_rule_is_quoted_with_its_wrong_word_and_what_may_stand_there() {
        for (text, message) in [
            (
                "ignor query x",
                "match rule `ignor query x`: `ignor` at column 1 is not known there, allowed is `ignore`, `match`, \
                `same` or `any`; did you mean `ignore`?",
            ),
            (
                "ignore qeury x",
                "match rule `ignore qeury x`: `qeury` at column 8 is not known there, allowed is `query`, \
                `header`, `form`, `json` or `body`; did you mean `query`?",
            ),
            ("ignore query", "match rule `ignore query` ends too early: a name is missing"),
            (
                "ignore body at h",
                "match rule `ignore body at h`: `at` at column 13 is not known there, allowed is `on` or the end",
            ),
            (
                "ignore body on h /v1",
                "match rule `ignore body on h /v1`: `/v1` at column 18 is not known there, allowed is the end",
            ),
            (
                "ignore json $.a[x]",
                "match rule `ignore json $.a[x]`: `$.a[x]` at column 16 cannot be used: expected an index, `*` \
                or a quoted name",
            ),
            (
                "ignore json $",
                "match rule `ignore json $`: `$` at column 13 cannot be used: `$` is the whole body: `ignore body` \
                does that",
            ),
            (
                "ignore query *x",
                "match rule `ignore query *x`: `*x` at column 14 cannot be used: a `*` may only stand at the end \
                of a name",
            ),
            (
                "same host *.a b",
                "match rule `same host *.a b`: `*.a` at column 11 cannot be used: only the second host may have a \
                `*`",
            ),
            (
                "same path /v1",
                "match rule `same path /v1`: `/v1` at column 11 cannot be used: without a `*` it changes nothing",
            ),
            (
                "any port on h:80/x",
                "match rule `any port on h:80/x`: `h:80/x` at column 13 cannot be used: give the host alone, \
                without scheme and port",
            ),
            ("", "match rule `` ends too early: `ignore`, `match`, `same` or `any` is missing"),
            (
                "custom dates",
                "match rule `custom dates` is code: give the rule of this name with `Rule::custom` where the tape is \
                used",
            ),
        ] {
            let parsed = text.parse::<Rule>().map(|rule| rule.to_string()).map_err(|e| e.to_string());
            assert_eq!(parsed, Err(message.to_owned()));
        }
    }
}
