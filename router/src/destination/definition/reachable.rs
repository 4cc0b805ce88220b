//! Filters that no event can fit are mistakes.

use crate::destination::mistake::Mistake;
use crate::filter::{Condition, Field, Filter, Group, Joint, Operand, Operator};

/// The kinds of events in Segment's specification, and one that its older libraries send.
const TYPES: [&str; 7] = ["identify", "track", "page", "screen", "group", "alias", "delete"];

/// A filter that at least some event fits.
pub(crate) fn filter(text: &str, at: &str) -> Result<Filter, Mistake> {
    let filter = Filter::parse(text).map_err(|error| Mistake::new(at, error.to_string()))?;
    if let Some(word) = unknown_type(filter.root()) {
        return Err(Mistake::unknown(at, "type of event", &word, &TYPES));
    }
    if types(filter.root()) == 0 {
        return Err(Mistake::new(at, "no event fits this: an event has one type"));
    }
    Ok(filter)
}

fn unknown_type(group: &Group) -> Option<String> {
    group.children.iter().find_map(|child| match child {
        Condition::Group(inner) => unknown_type(inner),
        Condition::Test(test) => match (&test.field, test.operator, &test.operand) {
            (Field::Type, Operator::Equals, Some(Operand::Text(word))) if !TYPES.contains(&&**word) => {
                Some(word.to_string())
            }
            _ => None,
        },
    })
}

/// The types of events that may fit, a bit each.
fn types(group: &Group) -> u8 {
    const ALL: u8 = 0x7f;
    let bits = group.children.iter().map(|child| match child {
        Condition::Group(inner) => types(inner),
        Condition::Test(test) => match (&test.field, test.operator, &test.operand) {
            (Field::Type, Operator::Equals, Some(Operand::Text(word))) => bit(word),
            (Field::Type, Operator::NotEquals, Some(Operand::Text(word))) => ALL & !bit(word),
            _ => ALL,
        },
    });
    match group.joint {
        Joint::And => bits.fold(ALL, |a, b| a & b),
        Joint::Or => bits.fold(0, |a, b| a | b),
    }
}

fn bit(word: &str) -> u8 {
    TYPES.iter().position(|known| *known == word).map_or(0, |place| 1 << place)
}

#[cfg(test)]
mod tests {
    use super::filter;

    #[test]
    fn a_filter_that_no_event_fits_is_a_mistake() {
        for text in
            ["type = \"track\" and type = \"page\"", "(type = track or type = page) and type = group", "type = trak"]
        {
            assert!(filter(text, "").is_err(), "{text}");
        }
        let typo = filter("type = idenify", "").expect_err("a slip of the hand");
        assert_eq!(typo.suggestion.as_deref(), Some("identify"));
        for text in ["type = track", "type != track and event = \"x\"", "type in [page, screen]", "userId != null"] {
            assert!(filter(text, "").is_ok(), "{text}");
        }
    }
}
