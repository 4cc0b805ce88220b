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
