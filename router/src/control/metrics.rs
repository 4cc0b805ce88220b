//! The table of metrics: their names, what they mean, and how they are written for Prometheus. The operator's guide shows the same
//! table; a test compares them.

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
    /// The labels, in order.
    pub labels: &'static [&'static str],
    /// What it counts or measures.
    pub help: &'static str,
}

impl Metric {
    /// Counters end in `_total`, as Prometheus' conventions say; all others are gauges.
    #[must_use]
    pub fn is_counter(&self) -> bool {
        self.name.ends_with("_total")
    }
}

macro_rules! metrics {
    ($($id:ident $name:literal [$($label:literal),*] $help:literal)*) => {
        $(pub(crate) const $id: Metric = Metric { name: $name, labels: &[$($label),*], help: $help };)*

        /// All metrics, in the order in which they are shown.
        pub const METRICS: &[Metric] = &[$($id),*];
    };
}

metrics! {
    BUILD "router_build_info" ["version"] "Always 1; the release is in the label"
    START "router_start_time_seconds" [] "When this process started, in seconds since 1970"
    READY "router_ready" [] "1 while events are accepted, 0 while the router is full, stopping or cannot write"
    CONFIG_APPLIED "router_config_applied_timestamp_seconds" [] "When the configuration in force was applied"
    CONFIG_WRONG "router_config_wrong" [] "1 while the configuration file has mistakes and the one before is in force"
    LOG_EVENTS "router_log_events" [] "Events that the log keeps"
    LOG_BYTES "router_log_bytes" [] "Bytes that the log takes on disk"
}

/// Values of metrics at a moment.
#[derive(Debug, Default)]
pub struct Snapshot {
    samples: Vec<(Metric, Vec<(&'static str, String)>, f64)>,
}

impl Snapshot {
    /// Adds a value; `labels` are the values of the metric's labels, in its order.
    pub(crate) fn add(&mut self, metric: Metric, labels: &[&str], value: f64) {
        debug_assert_eq!(metric.labels.len(), labels.len(), "{}", metric.name);
        let labels = metric.labels.iter().copied().zip(labels.iter().map(|&label| label.to_owned())).collect();
        self.samples.push((metric, labels, value));
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
            let mut samples = self.samples.iter().filter(|(of, ..)| of == metric).peekable();
            if samples.peek().is_none() {
                continue;
            }
            let counter = metric.is_counter();
            let kind = if counter { MetricType::Counter } else { MetricType::Gauge };
            let mut family = encoder.encode_descriptor(metric.name.trim_end_matches("_total"), metric.help, None, kind)?;
            for (_, labels, value) in samples {
                let mut one = family.encode_family(labels)?;
                if counter {
                    one.encode_counter::<[(&str, &str); 0], _, f64>(value, None)?;
                } else {
                    one.encode_gauge(value)?;
                }
            }
        }
        Ok(())
    }
}

/// The table for the operator's guide, in Markdown.
#[must_use]
pub fn table() -> String {
    let rows = METRICS.iter().map(|metric| {
        let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        format!("| `{}` | {} | {} |\n", metric.name, labels.join(", "), metric.help)
    });
    "| metric | labels | means |\n|---|---|---|\n".chars().map(String::from).chain(rows).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_prometheus_reads_them() {
        let mut snapshot = Snapshot::default();
        snapshot.add(BUILD, &["1.0\"x"], 1.0);
        snapshot.add(LOG_EVENTS, &[], 12.0);
        let text = snapshot.render();
        assert!(text.contains("router_build_info{version=\"1.0\\\"x\"} 1.0\n"), "{text}");
        assert!(text.contains("# TYPE router_log_events gauge\nrouter_log_events 12.0\n"), "{text}");
    }

    #[test]
    fn names_follow_prometheus_conventions() {
        for metric in METRICS {
            let fits = metric.name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
            assert!(fits && metric.name.starts_with("router_"), "{}", metric.name);
            assert!(!metric.help.is_empty() && !metric.help.contains('|'), "{}", metric.name);
        }
    }
}
