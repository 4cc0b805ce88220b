//! What may change from one recording to the next without a tape being written anew (R61).

use crate::codec::json::Node;
use crate::key::JsonPath;

/// Headers of answers that change with every answer and say nothing about it: when it was made, which machine made it, what
/// the trace of it is called, how much of a quota is left. `etag`, `last-modified`, `retry-after` and `location` are not here:
/// programs act on them.
const HEADERS: [&str; 35] = [
    "age",
    "alt-svc",
    "cf-cache-status",
    "cf-ray",
    "date",
    "expires",
    "nel",
    "ratelimit-remaining",
    "ratelimit-reset",
    "report-to",
    "reporting-endpoints",
    "request-id",
    "server-timing",
    "traceparent",
    "tracestate",
    "via",
    "x-amz-cf-id",
    "x-amz-cf-pop",
    "x-amz-id-2",
    "x-amz-request-id",
    "x-amzn-requestid",
    "x-amzn-trace-id",
    "x-b3-spanid",
    "x-b3-traceid",
    "x-cache",
    "x-cloud-trace-context",
    "x-correlation-id",
    "x-github-request-id",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
    "x-request-id",
    "x-response-time",
    "x-runtime",
    "x-served-by",
    "x-timer",
];

/// The defaults, and what the configuration adds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Volatile {
    headers: Vec<String>,
    json: Vec<JsonPath>,
}

impl Volatile {
    /// The defaults with these headers and JSON paths added.
    pub(super) fn new(headers: Vec<String>, json: Vec<JsonPath>) -> Self {
        Self { headers, json }
    }

    /// Whether a header of an answer may change.
    pub(crate) fn is_header(&self, name: &str) -> bool {
        is_default(name) || self.headers.iter().any(|n| n.eq_ignore_ascii_case(name))
    }

    /// Where the values begin, in bytes, that may change in a JSON body of an answer; sorted.
    pub(crate) fn json_places(&self, root: &Node<'_>) -> Vec<usize> {
        let mut places = Vec::new();
        self.json.iter().for_each(|path| path.find(root, &mut places));
        places.sort_unstable();
        places.dedup();
        places
    }
}

/// Whether a header is volatile by default.
pub(super) fn is_default(name: &str) -> bool {
    HEADERS.iter().any(|n| n.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r61_dates_and_request_ids_are_volatile_and_etags_are_not() {
        let (path, _) = JsonPath::parse("$..served_at").unwrap();
        let volatile = Volatile::new(vec!["X-Pod".into()], vec![path]);
        for name in ["Date", "x-request-id", "CF-Ray", "x-pod"] {
            assert!(volatile.is_header(name), "{name}");
        }
        for name in ["etag", "content-type", "retry-after"] {
            assert!(!volatile.is_header(name), "{name}");
        }
        let root = crate::codec::json::parse(br#"{"a":1,"served_at":2}"#).unwrap();
        assert_eq!(volatile.json_places(&root), [19]);
    }
}
