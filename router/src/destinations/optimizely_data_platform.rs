//! Optimizely Data Platform: a birthday in its parts.

use serde_json::Value;

use crate::destination::{Code, Input, Refusal, time};

/// `code: birthday`: `dob_year`, `dob_month` and `dob_day` of `DOB`, in UTC; none where it is no date.
#[derive(Debug)]
pub(super) struct Birthday;

impl Code for Birthday {
    fn shape(&self, input: &Input<'_>) -> Result<Vec<Value>, Refusal> {
        let mut payload = input.payload.as_object().cloned().unwrap_or_default();
        if let Some(time) = payload.get("DOB").and_then(time::parse) {
            let day = jiff::tz::TimeZone::UTC.to_datetime(time).date();
            payload.insert("dob_year".to_owned(), day.year().into());
            payload.insert("dob_month".to_owned(), day.month().into());
            payload.insert("dob_day".to_owned(), day.day().into());
        }
        Ok(vec![Value::Object(payload)])
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::destination::Env;

    #[test]
    fn a_birthday_is_three_numbers() {
        let parts = |dob: Value| {
            let (payload, none) = (json!({ "DOB": dob }), Value::Null);
            let env = Env { now: Timestamp::UNIX_EPOCH, seed: 1 };
            let input = Input { event: &none, payload: &payload, settings: &none, base: "", env, answers: &[] };
            let made = Birthday.shape(&input).expect("no birthday is refused").remove(0);
            ["dob_year", "dob_month", "dob_day"].map(|name| made.get(name).and_then(Value::as_i64))
        };
        assert_eq!(parts(json!("1815-12-10T23:00:00Z")), [Some(1815), Some(12), Some(10)]);
        assert_eq!(parts(json!("1815-12-10T23:00:00-05:00")), [Some(1815), Some(12), Some(11)], "in UTC");
        assert_eq!(parts(json!("soon")), [None, None, None]);
    }
}
