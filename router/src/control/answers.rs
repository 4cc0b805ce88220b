//! What can be asked of a running router.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use http::StatusCode;
use jiff::Timestamp;

use super::admin::Refused;
use super::app::{App, Current};
use super::dead_letters::{self, DeadLetters, MOST, Query};
use super::explain::{Explanation, Gathering};
use super::metrics::{self, Snapshot};
use super::status::{Configuration, DestinationStatus, LaneStatus, LogStatus, SourceStatus, Status, time};
use crate::delivery::{self, Counters, EngineError, InstanceStatus, LATENCY_MS};
use crate::destination::Env;

impl From<EngineError> for Refused {
    fn from(error: EngineError) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
    }
}

/// A tokio runtime is at hand: answers that read the disk are made on threads that may block.
fn status(app: &App) -> Result<delivery::Status, Refused> {
    Ok(tokio::runtime::Handle::current().block_on(app.gate.engine().status())?)
}

impl App {
    /// Whether events are taken.
    ///
    /// # Errors
    /// Why not.
    pub(crate) fn ready(&self) -> Result<(), String> {
        self.gate.ready(self.current().places.first().map(|place| place.id))
    }

    /// The way of an event.
    pub(crate) fn explain(&self, message_id: &str) -> Result<Explanation, Refused> {
        let current = self.current();
        let now = self.clock.now();
        let gates =
            status(self)?.instances.iter().filter_map(|of| Some((of.name.clone(), state(of, now).1?))).collect();
        let gathering = Gathering { log: &*self.log, places: &current.places, env: Env { now, seed: 0 }, gates };
        Ok(gathering.explain(message_id)?)
    }

    /// Dead letters.
    pub(crate) fn dead_letters(&self, query: &Query) -> Result<DeadLetters, Refused> {
        Ok(dead_letters::list(&*self.log, query, &self.current().places)?)
    }

    /// Sends dead letters again; answers how many.
    pub(crate) async fn redrive(&self, query: &Query) -> Result<usize, Refused> {
        let current = self.current();
        let lanes = dead_letters::lanes(query, &current.places)?;
        let mut left = query.limit.unwrap_or(usize::MAX);
        let mut sent = 0;
        for lane in lanes {
            let mut after = None;
            while left > 0 {
                let log = self.log.clone();
                let read = tokio::task::spawn_blocking(move || log.dead(Some(lane), after, left.min(MOST)));
                let letters = read.await.map_err(|error| {
                    Refused::new(StatusCode::INTERNAL_SERVER_ERROR, format!("reading dead letters failed: {error}"))
                })??;
                let Some(last) = letters.last() else { break };
                after = Some((last.lane, last.seq));
                left -= letters.len();
                sent += self.gate.engine().redrive(letters).await?;
            }
        }
        Ok(sent)
    }

    /// Holds an instance.
    pub(crate) async fn pause(&self, name: &str) -> Result<(), Refused> {
        let done = self.gate.engine().pause(name, "paused by hand").await?;
        self.known(name, done)
    }

    /// Lets an instance go on.
    pub(crate) async fn resume(&self, name: &str) -> Result<(), Refused> {
        let done = self.gate.engine().resume(name).await?;
        self.known(name, done)
    }

    fn known(&self, name: &str, done: bool) -> Result<(), Refused> {
        if done {
            return Ok(());
        }
        let current = self.current();
        let destinations = &current.loaded.config.destinations;
        if destinations.iter().any(|destination| destination.name == name) {
            let error = format!("`{name}` is disabled: set `enabled: true` in the configuration");
            return Err(Refused::new(StatusCode::CONFLICT, error));
        }
        let names: Vec<&str> = destinations.iter().map(|destination| destination.name.as_str()).collect();
        Err(dead_letters::unknown("destination", name, &names).into())
    }

    /// How everything is.
    pub(crate) fn status(&self) -> Result<Status, Refused> {
        let current = self.current();
        let usage = self.log.usage()?;
        let delivery = status(self)?;
        let now = self.clock.now();
        let by_name: BTreeMap<&str, &InstanceStatus> =
            delivery.instances.iter().map(|instance| (instance.name.as_str(), instance)).collect();
        let destinations = current.loaded.instances.iter().map(|configured| {
            let name = configured.destination.name.as_str();
            destination(name, &configured.destination.slug, by_name.get(name).copied(), now)
        });
        let sources = current
            .places
            .iter()
            .map(|place| Ok(SourceStatus { name: place.source.clone(), events: self.log.head(place.id)? }));
        Ok(Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: time(self.started),
            listen: self.listen.to_string(),
            data: current.loaded.data.display().to_string(),
            not_ready: self.ready().err(),
            configuration: self.configuration(&current),
            log: LogStatus { events: usage.events, bytes: usage.bytes },
            sources: sources.collect::<Result<_, Refused>>()?,
            destinations: destinations.collect(),
        })
    }

    fn configuration(&self, current: &Current) -> Configuration {
        Configuration {
            file: current.loaded.file.display().to_string(),
            applied_at: time(current.applied),
            mistakes: self.mistakes().clone(),
            needs_restart: current.needs_restart.iter().map(|&key| key.to_owned()).collect(),
        }
    }

    /// The values of all metrics.
    pub(crate) fn metrics(&self) -> Result<Snapshot, Refused> {
        let current = self.current();
        let usage = self.log.usage()?;
        let delivery = status(self)?;
        let now = self.clock.now();
        let flag = |yes: bool| if yes { 1.0 } else { 0.0 };
        let seconds = |at: Timestamp| at.as_millisecond() as f64 / 1000.0;
        let mut all = Snapshot::default();
        all.add(metrics::BUILD, &[env!("CARGO_PKG_VERSION")], 1.0);
        all.add(metrics::START, &[], seconds(self.started));
        all.add(metrics::READY, &[], flag(self.ready().is_ok()));
        all.add(metrics::CONFIG_APPLIED, &[], seconds(current.applied));
        all.add(metrics::CONFIG_WRONG, &[], flag(self.mistakes().is_some()));
        all.add(metrics::LOG_EVENTS, &[], usage.events as f64);
        all.add(metrics::LOG_BYTES, &[], usage.bytes as f64);
        self.count_ingest(&mut all);
        for (name, counters) in self.gate.engine().counters() {
            count(&mut all, &name, &counters);
        }
        for instance in &delivery.instances {
            all.add(metrics::OPEN, &[&instance.name], flag(state(instance, now).0 == "open"));
            for lane in &instance.lanes {
                let labels = [lane.source.as_str(), instance.name.as_str()];
                all.add(metrics::WAITING, &labels, lane.backlog as f64);
                all.add(metrics::RETRYING, &labels, lane.retries as f64);
                all.add(metrics::DEAD_LETTERS, &labels, f64::from(lane.dead));
                let oldest = lane.oldest.map_or(0.0, |oldest| (seconds(now) - seconds(oldest)).max(0.0));
                all.add(metrics::OLDEST, &labels, oldest);
            }
        }
        for configured in current.loaded.instances.iter().filter(|configured| !configured.destination.enabled) {
            all.add(metrics::OPEN, &[&configured.destination.name], 0.0);
        }
        Ok(all)
    }

    fn count_ingest(&self, all: &mut Snapshot) {
        let counters = self.ingest().counters();
        let value = |counter: &AtomicU64| counter.load(Relaxed) as f64;
        all.add(metrics::ACCEPTED, &[], value(&counters.accepted));
        all.add(metrics::DUPLICATE, &[], value(&counters.duplicates));
        all.add(metrics::BYTES_IN, &[], value(&counters.bytes));
        for (reason, count) in counters.refused() {
            all.add(metrics::REFUSED, &[reason], count as f64);
        }
        for (status, count) in counters.statuses() {
            all.add(metrics::REQUESTS_IN, &[&status.to_string()], count as f64);
        }
    }
}

fn count(all: &mut Snapshot, name: &str, counters: &Counters) {
    let counts = [
        (metrics::DELIVERED, &counters.delivered),
        (metrics::SKIPPED, &counters.skipped),
        (metrics::REJECTED, &counters.rejected),
        (metrics::DEAD, &counters.dead),
        (metrics::RETRIED, &counters.retried),
        (metrics::DEFERRED, &counters.deferred),
        (metrics::REQUESTS_OUT, &counters.requests),
        (metrics::FAILURES, &counters.failures),
        (metrics::UNORDERED, &counters.unordered),
        (metrics::PANICS, &counters.panics),
        (metrics::OVERRUNS, &counters.overruns),
    ];
    for (metric, counter) in counts {
        all.add(metric, &[name], counter.load(Relaxed) as f64);
    }
    let ends = LATENCY_MS.iter().map(|ms| *ms as f64 / 1000.0).chain([f64::INFINITY]);
    let classes = ends.zip(&counters.latency).map(|(end, count)| (end, count.load(Relaxed))).collect();
    let sum = counters.latency_us.load(Relaxed) as f64 / 1e6;
    all.add_classes(metrics::DURATION, &[name], sum, classes);
}

fn destination(name: &str, slug: &str, instance: Option<&InstanceStatus>, now: Timestamp) -> DestinationStatus {
    let (word, detail) = match instance {
        Some(instance) => state(instance, now),
        None => ("disabled", Some("its events wait until `enabled: true`".to_owned())),
    };
    let lanes = instance.map(|instance| instance.lanes.as_slice()).unwrap_or_default().iter().map(|lane| LaneStatus {
        source: lane.source.clone(),
        waiting: lane.backlog,
        retrying: lane.retries as u64,
        dead: u64::from(lane.dead),
        oldest: lane.oldest.map(time),
    });
    DestinationStatus {
        name: name.to_owned(),
        slug: slug.to_owned(),
        state: word.to_owned(),
        detail,
        in_flight: instance.map_or(0, |instance| instance.gate.out as u64),
        lanes: lanes.collect(),
    }
}

/// What holds an instance up, in a word and in a sentence.
fn state(instance: &InstanceStatus, now: Timestamp) -> (&'static str, Option<String>) {
    if let Some(held) = &instance.held {
        let since = time(held.since);
        let next = match held.probe_at {
            Some(at) => format!("; one request is tried at {}", time(at)),
            None => format!("; `router resume {}` lets it go on", instance.name),
        };
        return ("paused", Some(format!("{}, since {since}{next}", held.reason)));
    }
    if let Some(until) = instance.gate.shut.filter(|until| *until > now) {
        return ("shut", Some(format!("left alone until {}", time(until))));
    }
    if instance.gate.probing {
        return ("probing", Some("one request at a time, to see whether the partner is back".to_owned()));
    }
    let degraded = instance.degraded.as_ref();
    ("open", degraded.map(|degraded| format!("its code misbehaved {} times: {}", degraded.times, degraded.reason)))
}
