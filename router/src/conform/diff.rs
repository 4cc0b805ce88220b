//! Where two values differ.

use serde_json::{Map, Number, Value};

use super::summary::Difference;
use crate::destination::mistake::pointer;

/// Adds every difference below `at`. The order of fields is none, and numbers are compared by their value.
pub(super) fn diff(ours: Option<&Value>, theirs: Option<&Value>, at: &str, differences: &mut Vec<Difference>) {
    match (ours, theirs) {
        (Some(Value::Object(ours)), Some(Value::Object(theirs))) => {
            for (name, theirs) in theirs {
                diff(ours.get(name), Some(theirs), &pointer(at, name), differences);
            }
            for (name, ours) in without(ours, theirs) {
                diff(Some(ours), None, &pointer(at, name), differences);
            }
        }
        (Some(Value::Array(ours)), Some(Value::Array(theirs))) => {
            for i in 0..ours.len().max(theirs.len()) {
                diff(ours.get(i), theirs.get(i), &format!("{at}/{i}"), differences);
            }
        }
        (Some(Value::Number(a)), Some(Value::Number(b))) if same_number(a, b) => {}
        (ours, theirs) if ours == theirs => {}
        (ours, theirs) => {
            differences.push(Difference { at: at.to_owned(), ours: ours.cloned(), theirs: theirs.cloned(), why: None });
        }
    }
}

fn without<'m>(
    fields: &'m Map<String, Value>,
    others: &'m Map<String, Value>,
) -> impl Iterator<Item = (&'m String, &'m Value)> {
    fields.iter().filter(|(name, _)| !others.contains_key(*name))
}

/// JavaScript has one kind of number, so `1` and `1.0` are the same.
fn same_number(a: &Number, b: &Number) -> bool {
    a == b || ((a.is_f64() || b.is_f64()) && a.as_f64() == b.as_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn differences(ours: &Value, theirs: &Value) -> Vec<String> {
        let mut all = Vec::new();
        diff(Some(ours), Some(theirs), "", &mut all);
        let show = |value: &Option<Value>| value.as_ref().map_or("-".to_owned(), Value::to_string);
        all.iter().map(|d| format!("{} {} {}", d.at, show(&d.ours), show(&d.theirs))).collect()
    }

    #[test]
    fn each_difference_is_named_at_its_place() {
        let ours = json!({"a": [1, 2, 3], "b/c": {"x": null, "y": 1}, "same": 2.0, "extra": {}});
        let theirs = json!({"same": 2, "a": [1, 9], "b/c": {"x": 0, "y": 1, "z": true}});
        assert_eq!(
            differences(&ours, &theirs),
            ["/a/1 2 9", "/a/2 3 -", "/b~1c/x null 0", "/b~1c/z - true", "/extra {} -"]
        );
    }

    #[test]
    fn large_whole_numbers_are_not_rounded_before_they_are_compared() {
        assert_eq!(differences(&json!(9_007_199_254_740_993_u64), &json!(9_007_199_254_740_992_u64)).len(), 1);
        assert!(differences(&json!(1e2), &json!(100)).is_empty());
    }

    proptest! {
        #[test]
        fn a_value_does_not_differ_from_itself(a in "[a-z]{0,4}", n in any::<f64>(), list in proptest::collection::vec(any::<i64>(), 0..5)) {
            let value = json!({"a": a, "n": n, "list": list});
            prop_assert!(differences(&value, &value).is_empty());
        }
    }
}
