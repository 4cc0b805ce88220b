//! Differences from what Segment's own code sends, as a destination's file lists them under `differs:`.

use serde_json::Value;

use super::mistake::{Mistake, pointer};

/// A difference from what Segment's own code sends, and why it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Which actions: a name, `*` in it standing for anything.
    pub action: String,
    /// Which cases, in the same way.
    pub case: String,
    /// Where: a JSON pointer to what differs or to what it is in, a `*` standing for any one step; empty for everywhere.
    pub at: String,
    /// Why we do not do what Segment does.
    pub why: String,
}

impl Difference {
    /// Reads the list that stands at the JSON pointer `at` of a file: maps of `action`, `case`, `at` (all three may be left away)
    /// and `why`.
    ///
    /// # Errors
    /// Every mistake, each at its place.
    pub(crate) fn read(value: &Value, at: &str) -> Result<Vec<Self>, Vec<Mistake>> {
        let Some(items) = value.as_array() else {
            let how = "a list of differences: [{action: track*, at: /requests/0/json/time, why: …}]";
            return Err(vec![Mistake::new(at, format!("this is {how}"))]);
        };
        let (mut all, mut mistakes) = (Vec::new(), Vec::new());
        for (i, item) in items.iter().enumerate() {
            match one(item, &format!("{at}/{i}")) {
                Ok(listed) => all.push(listed),
                Err(mistake) => mistakes.push(mistake),
            }
        }
        if mistakes.is_empty() { Ok(all) } else { Err(mistakes) }
    }

    pub(crate) fn is_for(&self, action: &str, case: &str) -> bool {
        glob(&self.action, action) && glob(&self.case, case)
    }

    /// Whether it covers a difference at this place.
    pub(crate) fn covers(&self, place: &str) -> bool {
        below(&self.at, place)
    }
}

/// Whether a place is the one that a pattern names, or in it.
pub(crate) fn below(pattern: &str, place: &str) -> bool {
    let mut places = place.split('/').skip(1);
    pattern.split('/').skip(1).all(|step| places.next().is_some_and(|place| step == "*" || step == place))
}

fn one(item: &Value, at: &str) -> Result<Difference, Mistake> {
    const KNOWN: [&str; 4] = ["action", "case", "at", "why"];
    let fields = item
        .as_object()
        .ok_or_else(|| Mistake::new(at, "a difference is a map: {at: /requests/0/json/time, why: …}"))?;
    if let Some(key) = fields.keys().find(|key| !KNOWN.contains(&key.as_str())) {
        return Err(Mistake::unknown(format!("{}#", pointer(at, key)), "part of a difference", key, &KNOWN));
    }
    let text = |name: &str| match fields.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(Mistake::new(pointer(at, name), format!("{name} is a text"))),
    };
    let why = text("why")?.filter(|why| !why.trim().is_empty());
    let why = why.ok_or_else(|| Mistake::new(at, "a difference has a reason: add `why`"))?;
    let place = text("at")?.unwrap_or_default();
    if !place.is_empty() && !place.starts_with('/') {
        return Err(Mistake::new(pointer(at, "at"), "a place begins with /: /requests/0/json/time"));
    }
    let any = || "*".to_owned();
    Ok(Difference {
        action: text("action")?.unwrap_or_else(any),
        case: text("case")?.unwrap_or_else(any),
        at: place,
        why,
    })
}

/// `*` stands for any characters, also none.
fn glob(pattern: &str, text: &str) -> bool {
    let Some((head, mut rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(head) else { return false };
    while let Some((part, after)) = rest.split_once('*') {
        let Some(found) = text.find(part) else { return false };
        text = &text[found + part.len()..];
        rest = after;
    }
    text.ends_with(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn a_list_is_read_with_defaults() {
        let list = Difference::read(
            &json!([{"why": "docs say so"}, {"action": "a*", "case": "c", "at": "/x", "why": "w"}]),
            "/differs",
        )
        .unwrap();
        assert_eq!((list[0].action.as_str(), list[0].case.as_str(), list[0].at.as_str()), ("*", "*", ""));
        assert!(list[1].is_for("abc", "c") && !list[1].is_for("abc", "d") && !list[1].is_for("b", "c"));
    }

    #[test]
    fn mistakes_have_their_place() {
        let cases = [
            (json!({}), "/differs", "a list of differences"),
            (json!(["x"]), "/differs/0", "is a map"),
            (json!([{"at": "/x"}]), "/differs/0", "add `why`"),
            (json!([{"at": "x", "why": "w"}]), "/differs/0/at", "begins with /"),
            (json!([{"wy": "w"}]), "/differs/0/wy#", "did you mean \"why\"?"),
            (json!([{"action": 7, "why": "w"}]), "/differs/0/action", "is a text"),
        ];
        for (value, at, message) in cases {
            let mistakes = Difference::read(&value, "/differs").unwrap_err();
            assert!(mistakes[0].at == at && mistakes[0].to_string().contains(message), "{value}: {mistakes:?}");
        }
    }

    #[test]
    fn a_place_covers_what_is_in_it() {
        assert!(below("", "/requests/0/json/a"));
        assert!(below("/requests/*/json", "/requests/0/json/a"));
        assert!(below("/requests/0/json/a", "/requests/0/json/a"));
        assert!(!below("/requests/0/json/a", "/requests/0/json/ab"));
        assert!(!below("/requests/0/json/a", "/requests/0/json"));
    }

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, text) in
            [("*", ""), ("*", "x"), ("a*c", "ac"), ("a*c", "abc"), ("*b*", "abc"), ("a*b*b", "abb"), ("ab", "ab")]
        {
            assert!(glob(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("a", "ab"), ("a*c", "ab"), ("a*b*b", "ab"), ("ab*b", "ab")] {
            assert!(!glob(pattern, text), "{pattern} {text}");
        }
    }

    proptest! {
        #[test]
        fn a_text_with_a_part_taken_out_matches(before in "[ab]{0,5}", taken in "[ab]{0,5}", after in "[ab]{0,5}") {
            let (pattern, text) = (format!("{before}*{after}"), format!("{before}{taken}{after}"));
            prop_assert!(glob(&pattern, &text));
        }
    }
}
