//! Another topology while the engine runs: what is in flight is finished as it began, and no event is lost or doubled.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, PoisonError};

use serde_json::Value;
use tokio::task::JoinSet;

use super::acting::Acting;
use super::dispatcher::Dispatcher;
use super::engine::EngineError;
use super::lane::Start;
use super::topology::{Instance, Topology};
use super::work::user;
use crate::log::{Done, How, InstanceId, LaneId, LaneState, Log, LogError, Outcome, Seq, SourceId};

/// The log knows instances by name. This name is no instance's: under it, each source has a lane whose places are the numbers of the
/// instances that it had lanes to. A lane without records of its own is new unless it is among them.
const KNOWN: &str = "(lanes)";

/// Records that must be on disk before a new lane counts as begun.
pub(super) struct Records {
    log: Arc<dyn Log>,
    outcomes: Vec<Outcome>,
}

impl Records {
    pub(super) async fn write(self) -> Result<(), EngineError> {
        let mut writing = JoinSet::new();
        for outcome in self.outcomes {
            let log = Arc::clone(&self.log);
            writing.spawn(async move { log.record(outcome).await });
        }
        while let Some(written) = writing.join_next().await {
            written.unwrap_or(Err(LogError::Closed))?;
        }
        Ok(())
    }
}

/// What of a source is known while its lanes are made.
struct Known {
    head: Seq,
    instances: LaneState,
}

impl Dispatcher {
    /// Makes the lanes what the topology says.
    ///
    /// A new lane begins with the events to come, unless the log knows it: then it goes on where it was. An instance whose target is
    /// another value than before, or whose options changed, is a changed one: a lane that its partner's answers held goes on.
    pub(super) fn configure(&mut self, topology: Topology) -> Result<Records, EngineError> {
        let log = Arc::clone(&self.shared.parts.log);
        let marker = log.instance(KNOWN)?;
        let plan = self.number(topology)?;
        let mut known = HashMap::new();
        let mut outcomes = Vec::new();
        let mut marks: BTreeMap<SourceId, Vec<Done>> = BTreeMap::new();
        let now = self.shared.now();
        // All that can fail comes before anything is changed.
        let mut starts = Vec::new();
        for (id, instance, sources) in &plan {
            for source in sources {
                let lane = LaneId { source: *source, instance: *id };
                if self.scheduler.has(lane) {
                    starts.push((lane, Start::default()));
                    continue;
                }
                let of = match known.entry(*source) {
                    std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
                    std::collections::hash_map::Entry::Vacant(new) => {
                        let instances = log.lane(LaneId { source: *source, instance: marker })?;
                        new.insert(Known { head: log.head(*source)?, instances })
                    }
                };
                let state = log.lane(lane)?;
                let number = u64::from(id.0);
                let begun = of.instances.judged.iter().any(|range| range.contains(&number));
                if state == LaneState::default() && !begun {
                    let done = Done { events: number..number + 1, how: How::Skipped };
                    marks.entry(*source).or_default().push(done);
                    if of.head > 0 {
                        let done = vec![Done { events: 0..of.head, how: How::Skipped }];
                        outcomes.push(Outcome { lane, at: now, done, retry: Vec::new(), dead: Vec::new() });
                    }
                    starts.push((lane, Start::at(of.head)));
                } else {
                    let ordered = instance.ordered;
                    let start = Start::after(state, |seq| if ordered { self.user(*source, seq) } else { 0 });
                    starts.push((lane, start));
                }
            }
        }
        outcomes.extend(marks.into_iter().map(|(source, done)| Outcome {
            lane: LaneId { source, instance: marker },
            at: now,
            done,
            retry: Vec::new(),
            dead: Vec::new(),
        }));
        self.apply(plan, starts);
        for (source, known) in known {
            self.scheduler.appended(source, known.head, now);
        }
        Ok(Records { log, outcomes })
    }

    /// The numbers of what the topology names.
    fn number(&mut self, topology: Topology) -> Result<Vec<(InstanceId, Instance, Vec<SourceId>)>, EngineError> {
        let log = &self.shared.parts.log;
        let mut names = HashSet::new();
        let mut plan = Vec::with_capacity(topology.instances.len());
        for instance in topology.instances {
            let name = instance.target.name().to_owned();
            let id = log.instance(&name)?;
            let mut sources = Vec::with_capacity(instance.sources.len());
            for source in &instance.sources {
                let id = log.source(source)?;
                self.sources.entry(id).or_insert_with(|| source.clone());
                sources.push(id);
            }
            if !names.insert(name.clone()) || name == KNOWN {
                return Err(EngineError::Name(name));
            }
            plan.push((id, instance, sources));
        }
        Ok(plan)
    }

    fn apply(&mut self, plan: Vec<(InstanceId, Instance, Vec<SourceId>)>, starts: Vec<(LaneId, Start)>) {
        let now = self.shared.now();
        let wanted: HashSet<LaneId> = starts.iter().map(|(lane, _)| *lane).collect();
        let gone: Vec<LaneId> = self.scheduler.lanes().filter(|lane| !wanted.contains(lane)).collect();
        gone.into_iter().for_each(|lane| self.scheduler.remove(lane));
        self.names.clear();
        for (id, instance, _) in plan {
            self.names.insert(instance.target.name().to_owned(), id);
            let before = self.acting.get(&id);
            let same = before.is_some_and(|before| {
                Arc::ptr_eq(&before.target, &instance.target)
                    && (before.ordered, before.watched) == (instance.ordered, instance.watched)
                    && before.subscriptions == instance.subscriptions.min(64)
            });
            if same {
                continue;
            }
            let acting = Acting::new(id, &instance, before.map(|before| &**before), &self.shared);
            self.scheduler.set_instance(id, acting.pace(), now);
            let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
            counters.insert(instance.target.name().to_owned(), Arc::clone(&acting.counters));
            drop(counters);
            self.acting.insert(id, Arc::new(acting));
            if self.scheduler.held(id).is_some_and(|held| held.by_partner) {
                self.scheduler.resume(id, now);
            }
        }
        for (lane, start) in starts {
            self.scheduler.add(lane, start, now);
        }
    }

    /// The user of an event, for lanes that keep their order. 0 where the event cannot be read: it waits for nobody then.
    pub(super) fn user(&self, source: SourceId, seq: Seq) -> u64 {
        let shared = &self.shared;
        let Ok(read) = shared.cache.read(&*shared.parts.log, source, seq..seq + 1) else { return 0 };
        let parcel = read.first().filter(|parcel| parcel.range().contains(&seq));
        let event = |parcel: &Arc<super::parsed::Parsed>| {
            let index = (seq - parcel.range().start) as usize;
            parcel.event(index, &shared.parts.decoder).map(|event: &Value| user(event)).unwrap_or_default()
        };
        parcel.map_or(0, event)
    }
}
