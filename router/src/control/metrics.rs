//! The table of metrics: their names, what they mean, and how they are written for Prometheus. The operator's guide shows the same
//! table; a test compares them.

use std::collections::BTreeMap;
use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, prometheus_text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

/// The content type of [`Snapshot::render`].
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A metric as it is documented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// Its name as Prometheus shows it.
    pub name: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// The labels, in order.
    pub labels: &'static [&'static str],
    /// What it counts or measures.
    pub help: &'static str,
}

/// What a metric does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
    /// It counts by classes.
    Histogram,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

macro_rules! metrics {
    ($($id:ident $kind:ident $name:literal [$($label:literal),*] $help:literal)*) => {
        $(pub(crate) const $id: Metric =
            Metric { name: $name, kind: Kind::$kind, labels: &[$($label),*], help: $help };)*

        /// All metrics, in the order in which they are shown.
        pub const METRICS: &[Metric] = &[$($id),*];
    };
}

metrics! {
    BUILD Gauge "router_build_info" ["version"] "Always 1; the release is in the label"
    START Gauge "router_start_time_seconds" [] "When the process started, in seconds since 1970"
    READY Gauge "router_ready" [] "1 while events are accepted, 0 while the router is full or stopping"
    CONFIG_APPLIED Gauge "router_config_applied_timestamp_seconds" [] "When the configuration in force was applied"
    CONFIG_WRONG Gauge "router_config_wrong" [] "1 while the file has mistakes and the configuration before it is in force"
    ACCEPTED Counter "router_ingest_accepted_events_total" [] "Events that were accepted: they are on disk"
    DUPLICATE Counter "router_ingest_duplicate_events_total" [] "Events that were acknowledged and dropped, for their `messageId` was there"
    REFUSED Counter "router_ingest_refused_events_total" ["reason"] "Events that were refused one by one, the rest of their batch aside"
    REQUESTS_IN Counter "router_ingest_requests_total" ["status"] "Requests of clients, by the status of the answer"
    BYTES_IN Counter "router_ingest_bytes_total" [] "Bytes of bodies of clients, decompressed"
    LOG_EVENTS Gauge "router_log_events" [] "Events that the log keeps"
    LOG_BYTES Gauge "router_log_bytes" [] "Bytes that the log takes on disk"
    WAITING Gauge "router_waiting_events" ["source", "destination"] "Events that nobody has looked at yet, or that are being sent"
    RETRYING Gauge "router_retrying_events" ["source", "destination"] "Events that wait for another try"
    OLDEST Gauge "router_oldest_waiting_seconds" ["source", "destination"] "How long ago the oldest event was accepted that nobody has looked at yet"
    DEAD_LETTERS Gauge "router_dead_letters" ["source", "destination"] "Dead letters that the log keeps"
    OPEN Gauge "router_destination_open" ["destination"] "1 while requests may be sent, 0 while the destination is paused, disabled or left alone"
    DELIVERED Counter "router_delivered_events_total" ["destination"] "Events that the partner took"
    SKIPPED Counter "router_skipped_events_total" ["destination"] "Events that were not meant for the destination"
    REJECTED Counter "router_rejected_events_total" ["destination"] "Events that became dead letters because the partner or the mapping refused them"
    DEAD Counter "router_dead_events_total" ["destination"] "Events that became dead letters, for whatever reason"
    RETRIED Counter "router_retried_events_total" ["destination"] "Times that an event failed and has to wait for another try"
    DEFERRED Counter "router_deferred_events_total" ["destination"] "Times that an event went back because the destination is left alone"
    REQUESTS_OUT Counter "router_requests_total" ["destination"] "Requests that were sent"
    FAILURES Counter "router_request_failures_total" ["destination"] "Requests that got no answer"
    DURATION Histogram "router_request_duration_seconds" ["destination"] "How long answers took"
    UNORDERED Counter "router_unordered_events_total" ["destination"] "Events that went ahead of, or without, an earlier one of their user, though order was asked for"
    PANICS Counter "router_panics_total" ["destination"] "Times that the destination's code panicked"
    OVERRUNS Counter "router_overruns_total" ["destination"] "Times that the destination's code did not end in time"
}

/// Values of metrics at a moment.
#[derive(Debug, Default)]
pub struct Snapshot {
    samples: BTreeMap<&'static str, Vec<Sample>>,
}

#[derive(Debug)]
struct Sample {
    labels: Vec<(&'static str, String)>,
    value: Value,
}

#[derive(Debug)]
enum Value {
    One(f64),
    /// The sum, and how many there are up to each upper end.
    Classes(f64, Vec<(f64, u64)>),
}

impl Snapshot {
    /// Adds a value; `labels` are the values of the metric's labels, in its order.
    pub(crate) fn add(&mut self, metric: Metric, labels: &[&str], value: f64) {
        self.push(metric, labels, Value::One(value));
    }

    /// Adds the values of a histogram: their sum, and how many lie in each class, with its upper end.
    pub(crate) fn add_classes(&mut self, metric: Metric, labels: &[&str], sum: f64, classes: Vec<(f64, u64)>) {
        self.push(metric, labels, Value::Classes(sum, classes));
    }

    fn push(&mut self, metric: Metric, labels: &[&str], value: Value) {
        debug_assert_eq!(metric.labels.len(), labels.len(), "{}", metric.name);
        let labels = metric.labels.iter().copied().zip(labels.iter().map(|&label| label.to_owned())).collect();
        self.samples.entry(metric.name).or_default().push(Sample { labels, value });
    }

    /// The values as Prometheus reads them.
    #[must_use]
    pub fn render(self) -> String {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self));
        let mut text = String::new();
        // Writing into a String does not fail.
        let _ = prometheus_text::encode(&mut text, &registry);
        text
    }
}

impl Collector for Snapshot {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for metric in METRICS {
            let Some(samples) = self.samples.get(metric.name) else { continue };
            let kind = match metric.kind {
                Kind::Counter => MetricType::Counter,
                Kind::Gauge => MetricType::Gauge,
                Kind::Histogram => MetricType::Histogram,
            };
            let mut family =
                encoder.encode_descriptor(metric.name.trim_end_matches("_total"), metric.help, None, kind)?;
            for sample in samples {
                let mut one = family.encode_family(&sample.labels)?;
                match &sample.value {
                    Value::One(value) if metric.kind == Kind::Counter => {
                        one.encode_counter::<[(&str, &str); 0], _, f64>(value, None)?;
                    }
                    Value::One(value) => one.encode_gauge(value)?,
                    Value::Classes(sum, classes) => {
                        let count = classes.iter().map(|(_, count)| count).sum();
                        one.encode_histogram::<[(&str, &str); 0]>(*sum, count, classes, None)?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// The table for the operator's guide, in Markdown.
#[must_use]
pub fn table() -> String {
    let head = "| metric | kind | labels | means |\n|---|---|---|---|\n".to_owned();
    METRICS.iter().fold(head, |table, metric| {
        let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        table + &format!("| `{}` | {} | {} | {} |\n", metric.name, metric.kind.word(), labels.join(", "), metric.help)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_prometheus_reads_them() {
        let mut snapshot = Snapshot::default();
        snapshot.add(BUILD, &["1.0\"x"], 1.0);
        snapshot.add(LOG_EVENTS, &[], 12.0);
        snapshot.add(DELIVERED, &["a"], 3.0);
        snapshot.add_classes(DURATION, &["a"], 1.5, vec![(0.1, 2), (f64::INFINITY, 1)]);
        insta::assert_snapshot!(snapshot.render(), @r#"
    # HELP router_build_info Always 1; the release is in the label
    # TYPE router_build_info gauge
    router_build_info{version="1.0\"x"} 1.0
    # HELP router_log_events Events that the log keeps
    # TYPE router_log_events gauge
    router_log_events 12.0
    # HELP router_delivered_events_total Events that the partner took
    # TYPE router_delivered_events_total counter
    router_delivered_events_total{destination="a"} 3.0
    # HELP router_request_duration_seconds How long answers took
    # TYPE router_request_duration_seconds histogram
    router_request_duration_seconds_bucket{destination="a",le="0.1"} 2
    router_request_duration_seconds_bucket{destination="a",le="+Inf"} 3
    router_request_duration_seconds_sum{destination="a"} 1.5
    router_request_duration_seconds_count{destination="a"} 3
    "#);
    }

    #[test]
    fn names_follow_prometheus_conventions() {
        for metric in METRICS {
            let fits = metric.name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
            assert!(fits && metric.name.starts_with("router_"), "{}", metric.name);
            assert_eq!(metric.name.ends_with("_total"), metric.kind == Kind::Counter, "{}", metric.name);
            assert!(!metric.help.is_empty() && !metric.help.contains('|'), "{}", metric.name);
        }
    }

    #[test]
    fn the_operators_guide_has_the_same_table() {
        let guide = include_str!("../../../docs/router.md");
        let (_, rest) = guide.split_once("<!-- metrics -->\n").unwrap();
        let (shown, _) = rest.split_once("<!-- /metrics -->").unwrap();
        assert_eq!(shown, table(), "put this between the marks of docs/router.md");
    }
}
