//! Header fields in the forms that recordings have.

use bytes::Bytes;

use super::super::value::Value;
use crate::tape::Headers;

/// Headers in any of the forms that are about: a map of texts, numbers or lists; a list of `[name, value]`, of `{name, value}`, of
/// `Name: value`, or of names and values in turn.
pub(in super::super) fn headers(value: &Value) -> Headers {
    let mut headers = Headers::new();
    match value {
        Value::Map(entries) => entries.iter().for_each(|(name, value)| push(&mut headers, name, value)),
        Value::List(items) => match items.first() {
            Some(Value::Map(_)) => items.iter().for_each(|item| {
                let name = item.at_any_case("name").text().or_else(|| item.at_any_case("key").text());
                if let Some(name) = name {
                    push(&mut headers, name, item.at_any_case("value"));
                }
            }),
            Some(Value::List(first)) if matches!(first.first(), Some(Value::List(_))) && items.len() == 1 => {
                // A Python object of one argument, the list.
                return self::headers(&items[0]);
            }
            Some(Value::List(_)) => items.iter().for_each(|item| {
                if let [name, value] = item.items() {
                    push(&mut headers, name.text().unwrap_or_default(), value);
                }
            }),
            Some(first) if first.text().is_some_and(|line| line.contains(": ")) => items.iter().for_each(|item| {
                if let Some((name, value)) = item.text().and_then(|line| line.split_once(':')) {
                    headers.push(name, Bytes::copy_from_slice(value.trim().as_bytes()));
                }
            }),
            Some(_) => items.chunks(2).for_each(|pair| {
                if let [name, value] = pair
                    && let Some(name) = name.text()
                {
                    push(&mut headers, name, value);
                }
            }),
            None => {}
        },
        _ => {}
    }
    headers
}

fn push(headers: &mut Headers, name: &str, value: &Value) {
    if name.is_empty() {
        return;
    }
    match value {
        Value::List(values) => values.iter().for_each(|value| push(headers, name, value)),
        // A header of no value is one; Java's `null: [HTTP/1.1 200 OK]` is none.
        _ if name == "null" => {}
        value if value.is_null() => headers.push(name, Bytes::new()),
        value => {
            if let Some(bytes) = value.bytes() {
                headers.push(name, Bytes::copy_from_slice(&bytes));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::json::document;
    use super::*;

    fn listed(json: &str) -> Vec<(String, String)> {
        let headers = headers(&document(json).unwrap());
        headers.iter().map(|(name, value)| (name.to_owned(), String::from_utf8_lossy(value).into_owned())).collect()
    }

    #[test]
    fn headers_are_read_in_all_their_forms() {
        let expected =
            vec![("A".to_owned(), "1".to_owned()), ("B".to_owned(), "x".to_owned()), ("B".to_owned(), "y".to_owned())];
        for form in [
            r#"{"A": 1, "B": ["x", "y"], "null": ["HTTP/1.1 200 OK"]}"#,
            r#"[["A", "1"], ["B", "x"], ["B", "y"]]"#,
            r#"[{"name": "A", "value": "1"}, {"name": "B", "value": "x"}, {"name": "B", "value": "y"}]"#,
            r#"["A: 1\r\n", "B: x\r\n", "B: y\r\n"]"#,
            r#"["A", "1", "B", "x", "B", "y"]"#,
        ] {
            assert_eq!(listed(form), expected, "{form}");
        }
    }
}
