//! The scheduler by itself: no runtime, no log, no waiting.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::{Duration, Instant};

use destination_router::delivery::gate::View;
use destination_router::delivery::scheduler::{Finished, Pace, Pull, Seen, What};
use destination_router::delivery::{Scheduler, Shares, Start};
use destination_router::log::{InstanceId, LaneId, SourceId};
use jiff::{SignedDuration, Timestamp};

fn at(ms: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_millis(ms)
}

fn lane(source: u32, instance: u32) -> LaneId {
    LaneId { source: SourceId(source), instance: InstanceId(instance) }
}

fn pace(events: u32) -> Pace {
    Pace { events, batches: true, linger: Duration::ZERO, pulls: 4, ordered: false }
}

fn count(pull: &Pull) -> u64 {
    match &pull.what {
        What::New { events, .. } => events.iter().map(|range| range.end - range.start).sum(),
        What::Again(waiting) | What::Expired(waiting) => waiting.len() as u64,
    }
}

fn seen(pull: &Pull, bytes: u64) -> Finished {
    let events = count(pull) as u32;
    let seen = Seen { events, bytes: bytes * u64::from(events), wanted: events };
    Finished { seen, answered: true, ..Finished::default() }
}

#[test]
fn lanes_with_a_backlog_get_equal_shares_whatever_the_size_of_their_batches() {
    let mut scheduler = Scheduler::new(Shares { pool: 4, ..Shares::default() });
    let batches = [16, 64, 100, 500];
    for (n, batch) in batches.iter().enumerate() {
        scheduler.set_instance(InstanceId(n as u32), Pace { pulls: 99, ..pace(*batch) }, at(0));
        scheduler.add(lane(n as u32, n as u32), Start::default(), at(0));
        scheduler.appended(SourceId(n as u32), 10_000_000, at(0));
    }
    let mut events: HashMap<LaneId, u64> = HashMap::new();
    let mut out = VecDeque::new();
    for step in 0..20_000 {
        while let Some(pull) = scheduler.next(at(step)) {
            out.push_back(pull);
        }
        let pull: Pull = out.pop_front().unwrap();
        *events.entry(pull.lane).or_default() += count(&pull);
        let finished = seen(&pull, 1000);
        scheduler.done(at(step), &pull, finished);
    }
    let most = *events.values().max().unwrap() as f64;
    assert!(events.len() == 4 && events.values().all(|count| *count as f64 > most * 0.9), "{events:?}");
}

#[test]
fn lanes_with_larger_events_get_fewer_of_them() {
    let mut scheduler = Scheduler::new(Shares { pool: 2, ..Shares::default() });
    for n in 0..2 {
        scheduler.set_instance(InstanceId(n), pace(50), at(0));
        scheduler.add(lane(n, n), Start::default(), at(0));
        scheduler.appended(SourceId(n), 10_000_000, at(0));
    }
    let mut events = [0_u64; 2];
    for step in 0..5000 {
        let pull = scheduler.next(at(step)).unwrap();
        let which = pull.lane.source.0 as usize;
        events[which] += count(&pull);
        let finished = seen(&pull, if which == 0 { 1024 } else { 8 * 1024 });
        scheduler.done(at(step), &pull, finished);
    }
    let ratio = events[0] as f64 / events[1] as f64;
    assert!((7.0..9.0).contains(&ratio), "{events:?}");
}

#[test]
fn an_instance_has_its_share_of_the_pool_and_others_get_the_rest() {
    let mut scheduler = Scheduler::new(Shares { pool: 32, instance: 8, ..Shares::default() });
    for n in 0..2 {
        scheduler.set_instance(InstanceId(n), pace(10), at(0));
    }
    for source in 0..100 {
        scheduler.add(lane(source, 0), Start::default(), at(0));
        scheduler.appended(SourceId(source), 1_000_000, at(0));
    }
    let pulls: Vec<Pull> = std::iter::from_fn(|| scheduler.next(at(0))).collect();
    assert_eq!(pulls.len(), 8, "instance 0 is slow and has what it may have");
    scheduler.add(lane(0, 1), Start::default(), at(1));
    let other: Vec<Pull> = std::iter::from_fn(|| scheduler.next(at(1))).collect();
    assert!(other.len() == 4 && other.iter().all(|pull| pull.lane.instance == InstanceId(1)));
    // One back: one of the hundred that wait, and not the same lane again.
    let back = pulls.into_iter().next().unwrap();
    let finished = seen(&back, 100);
    scheduler.done(at(2), &back, finished);
    let next: Vec<Pull> = std::iter::from_fn(|| scheduler.next(at(2))).collect();
    assert!(next.len() == 1 && next[0].lane != back.lane);
}

#[test]
fn while_a_gate_is_shut_its_lanes_sleep_and_one_probe_wakes_them() {
    let mut scheduler = Scheduler::new(Shares::default());
    for n in 0..1000 {
        scheduler.set_instance(InstanceId(n), pace(10), at(0));
        scheduler.add(lane(n, n), Start::default(), at(0));
        scheduler.appended(SourceId(n), 1000, at(0));
    }
    // All of them send to one host, which is down.
    let down = |until| Some((1, View { shut: Some(until), probing: true, ..View::default() }));
    let mut now = 0;
    let mut pulls = 0;
    for _ in 0..2000 {
        while let Some(pull) = scheduler.next(at(now)) {
            pulls += 1;
            let back = match &pull.what {
                What::New { events, .. } => events.clone(),
                _ => Vec::new(),
            };
            let until = at((now / 60_000 + 1) * 60_000);
            let finished = Finished { back, back_until: Some(until), host: down(until), ..seen(&pull, 1000) };
            scheduler.done(at(now), &pull, finished);
        }
        match scheduler.wake_at() {
            Some(then) if then > at(now) => now = then.as_millisecond(),
            _ => break,
        }
        if now > 3_600_000 {
            break;
        }
    }
    assert!(now > 3_000_000, "{now}");
    // Each instance found out by itself once; after that, one probe a minute for all of them.
    assert!((1000..1000 + 70).contains(&pulls), "{pulls}");
    let up = Finished { host: Some((1, View::default())), ..Finished::default() };
    now += 60_000;
    let mut events = 0;
    while let Some(pull) = scheduler.next(at(now)) {
        events += count(&pull);
        let finished = Finished { host: up.host, ..seen(&pull, 1000) };
        scheduler.done(at(now), &pull, finished);
    }
    assert_eq!(events, 1000 * 1000);
}

#[test]
fn eighty_eight_thousand_lanes_are_cheap() {
    let (sources, instances) = (8000_u32, 11_u32);
    let before = resident();
    let begun = Instant::now();
    let mut scheduler = Scheduler::new(Shares::default());
    for n in 0..sources * instances {
        scheduler.set_instance(InstanceId(n), pace(100), at(0));
        scheduler.add(lane(n / instances, n), Start::default(), at(0));
    }
    let made = begun.elapsed();
    let memory = resident().saturating_sub(before);
    let begun = Instant::now();
    let mut events = 0;
    let mut pulls = 0;
    for round in 1..=5_u64 {
        for source in 0..sources {
            scheduler.appended(SourceId(source), round * 20, at(round as i64));
        }
        let mut out: Vec<Pull> = Vec::new();
        loop {
            while let Some(pull) = scheduler.next(at(round as i64)) {
                out.push(pull);
            }
            if out.is_empty() {
                break;
            }
            for pull in out.drain(..) {
                events += count(&pull);
                pulls += 1;
                let finished = seen(&pull, 1000);
                scheduler.done(at(round as i64), &pull, finished);
            }
        }
    }
    let took = begun.elapsed();
    let lanes = u64::from(sources * instances);
    println!(
        "{lanes} lanes with as many instances: {} bytes each, made in {made:?}; {pulls} pulls of 20 events took {:?} each",
        memory / lanes,
        took / pulls
    );
    assert_eq!(events, lanes * 100);
    assert_eq!(u64::from(pulls), lanes * 5, "nothing is done twice");
    assert!(memory / lanes < 1500, "{} bytes a lane", memory / lanes);
}

#[test]
fn a_lane_that_was_removed_and_is_back_before_its_pull_is_done_goes_on_as_it_was() {
    let mut scheduler = Scheduler::new(Shares::default());
    scheduler.set_instance(InstanceId(0), pace(10), at(0));
    scheduler.add(lane(0, 0), Start::default(), at(0));
    scheduler.appended(SourceId(0), 15, at(0));
    let first = scheduler.next(at(0)).unwrap();
    scheduler.remove(lane(0, 0));
    assert!(scheduler.next(at(0)).is_none() && scheduler.has(lane(0, 0)));
    // What the caller thinks where it should begin counts only for a lane that is not there.
    scheduler.add(lane(0, 0), Start::at(0), at(0));
    let second = scheduler.next(at(0)).unwrap();
    assert_eq!((count(&first), count(&second)), (10, 5));
    scheduler.remove(lane(0, 0));
    for pull in [first, second] {
        let finished = seen(&pull, 100);
        scheduler.done(at(1), &pull, finished);
    }
    assert!(!scheduler.has(lane(0, 0)));
    assert_eq!((scheduler.in_flight(), scheduler.lanes().count()), (0, 0));
}

#[test]
fn every_event_is_pulled_until_it_is_done_whatever_comes_back() {
    // By a fixed rule, part of a pull is done, part goes back, part waits: in the end all are done once.
    let mut scheduler = Scheduler::new(Shares { open: 50, ..Shares::default() });
    scheduler.set_instance(InstanceId(0), Pace { batches: false, ..pace(16) }, at(0));
    scheduler.add(lane(0, 0), Start::default(), at(0));
    scheduler.appended(SourceId(0), 2000, at(0));
    let mut done: BTreeMap<u64, u32> = BTreeMap::new();
    let mut random = 1_u64;
    let mut now = 0;
    while done.len() < 2000 {
        let Some(pull) = scheduler.next(at(now)) else {
            now = scheduler.wake_at().expect("something is to come").as_millisecond().max(now + 1);
            continue;
        };
        let places: Vec<u64> = match &pull.what {
            What::New { events, .. } => events.iter().cloned().flatten().collect(),
            What::Again(waiting) | What::Expired(waiting) => waiting.iter().map(|(seq, _)| *seq).collect(),
        };
        let new = matches!(pull.what, What::New { .. });
        let mut finished = seen(&pull, 100);
        for seq in places {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            match random >> 62 {
                0 if new => finished.back.push(seq..seq + 1),
                0 | 1 => finished.waiting.push((seq, waiting(at(now + (random >> 40) as i64 % 5000), at(now)))),
                _ => *done.entry(seq).or_default() += 1,
            }
        }
        scheduler.done(at(now), &pull, finished);
    }
    assert!(done.values().all(|times| *times == 1));
    assert!(scheduler.next(at(now + 1_000_000)).is_none());
}

fn waiting(at: Timestamp, since: Timestamp) -> destination_router::delivery::Waiting {
    destination_router::delivery::Waiting {
        attempts: 1,
        since,
        at,
        open: 1,
        refused: 0,
        refusal: None,
        user: 0,
        held: false,
        ahead: 0,
        reason: "503".into(),
    }
}

/// The memory that this process holds, in bytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).map_or(0, |kb| kb * 1024)
}
