//! Random histories: the engine in memory and the embedded one give the same answers, also after the embedded one was opened again.

use std::time::Duration;

use bytes::Bytes;
use destination_router::log::{
    Accepted, Dead, Done, Embedded, EmbeddedOptions, How, InstanceId, LaneId, Log, Memory, Outcome, Parcel, Retention,
    Retry, Seq, SourceId,
};
use jiff::Timestamp;
use proptest::prelude::*;

const SOURCES: u32 = 3;
const INSTANCES: u32 = 2;
const IDS: u64 = 12;

/// What is done to a log.
#[derive(Debug, Clone)]
enum Step {
    Append {
        source: u32,
        second: i64,
        ids: Vec<u64>,
        size: usize,
    },
    /// Parcels given before the first was answered: they become one group.
    Together(Vec<(u32, i64, usize)>),
    Record(Outcome),
    Expire {
        second: i64,
        age: u64,
        all: bool,
        instances: u32,
    },
    Reopen,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let append = (0..SOURCES, 0..1000_i64, prop::collection::vec(0..IDS, 1..5), 0..3000_usize)
        .prop_map(|(source, second, ids, size)| Step::Append { source, second, ids, size });
    let together = prop::collection::vec((0..SOURCES, 0..1000_i64, 1..150_000_usize), 1..9).prop_map(Step::Together);
    let expire = (0..2000_i64, 0..1500_u64, any::<bool>(), 0..=INSTANCES)
        .prop_map(|(second, age, all, instances)| Step::Expire { second, age, all, instances });
    let step = prop_oneof![
        6 => append, 2 => together, 8 => outcome().prop_map(Step::Record), 2 => expire, 1 => Just(Step::Reopen),
    ];
    prop::collection::vec(step, 1..40)
}

fn outcome() -> impl Strategy<Value = Outcome> {
    let lane = (0..SOURCES, 0..INSTANCES)
        .prop_map(|(source, instance)| LaneId { source: SourceId(source), instance: InstanceId(instance) });
    let how = prop_oneof![
        Just(How::Skipped),
        (200..300_u16, 0..9000_u32).prop_map(|(status, elapsed_ms)| How::Delivered { status, elapsed_ms })
    ];
    let done = (0..40_u64, 0..25_u64, how).prop_map(|(first, count, how)| Done { events: first..first + count, how });
    let retry = (0..50_u64, 1..9_u32, 0..1000_i64, any::<u64>()).prop_map(|(seq, attempts, second, open)| {
        (seq, Retry { attempts, since: time(second), at: time(second + 60), open, reason: "503".into() })
    });
    let dead = (0..50_u64, 1..9_u32, any::<u64>(), "[a-zé]{0,12}")
        .prop_map(|(seq, attempts, open, reason)| (seq, Dead { attempts, open, reason }));
    let (done, retry) = (prop::collection::vec(done, 0..3), prop::collection::vec(retry, 0..3));
    (lane, 0..1000_i64, done, retry, prop::collection::vec(dead, 0..3))
        .prop_map(|(lane, second, done, retry, dead)| Outcome { lane, at: time(second), done, retry, dead })
}

fn time(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a time")
}

fn parcel(source: u32, second: i64, ids: &[u64], size: usize) -> Parcel {
    let json = |id: &u64| Bytes::from(format!("{{\"id\":{id},\"pad\":\"{}\"}}", "x".repeat(size)));
    let events = ids.iter().map(|id| Accepted { json: json(id), id: *id }).collect();
    let sent_at = (second % 2 == 0).then(|| time(second - 5));
    Parcel { source: SourceId(source), received_at: time(second), sent_at, shared: Bytes::from_static(b"{}"), events }
}

/// Everything that can be asked, as text.
fn answers(log: &dyn Log) -> Vec<String> {
    let mut answers = vec![format!("{} events", log.usage().expect("usage").events)];
    let mut say = |what: String| answers.push(what);
    for source in (0..SOURCES).map(SourceId) {
        say(format!("head {:?}", log.head(source)));
        for (from, events) in [(0, 1), (0, 1000), (3, 2), (9, 7), (30, 1000)] {
            let read = log.read(source, from, events).expect("read");
            let read: Vec<_> = read.iter().map(|stored| (stored.first, digest(&stored.parcel))).collect();
            say(format!("read {source:?} {from} {events}: {read:?}"));
        }
        for (since, limit) in [(0, 1000), (500, 5), (900, 1000)] {
            say(format!("recent {source:?} {since} {limit}: {:?}", log.recent(source, time(since), limit)));
        }
        for instance in (0..INSTANCES).map(InstanceId) {
            let lane = LaneId { source, instance };
            say(format!("{lane:?}: {:?}", log.lane(lane)));
            say(format!("dead {lane:?}: {:?}", log.dead(Some(lane), Some((lane, 7)), 5)));
            for seq in [0, 1, 5, 20, 45] {
                say(format!("history {lane:?} {seq}: {:?}", log.history(lane, seq)));
            }
        }
    }
    for id in 0..IDS {
        say(format!("find {id}: {:?} {:?}", log.find(id, 1000), log.find(id, 3)));
    }
    say(format!("dead: {:?}", log.dead(None, None, 1000)));
    answers
}

fn digest(parcel: &Parcel) -> String {
    let events: Vec<_> = parcel.events.iter().map(|event| (event.id, event.json.len())).collect();
    format!("{:?} {:?} {:?} {:?} {events:?}", parcel.source, parcel.received_at, parcel.sent_at, parcel.shared)
}

async fn act(step: &Step, log: &dyn Log) -> Vec<Seq> {
    match step {
        Step::Append { source, second, ids, size } => {
            vec![log.append(parcel(*source, *second, ids, *size)).await.expect("accepted")]
        }
        Step::Together(parcels) => {
            let pending: Vec<_> = parcels
                .iter()
                .map(|(source, second, size)| log.append(parcel(*source, *second, &[*second as u64 % IDS], *size)))
                .collect();
            let mut places = Vec::new();
            for pending in pending {
                places.push(pending.await.expect("accepted"));
            }
            places
        }
        Step::Record(outcome) => {
            log.record(outcome.clone()).await.expect("recorded");
            vec![]
        }
        Step::Expire { second, age, all, instances } => {
            let lanes = (0..SOURCES).flat_map(|source| (0..*instances).map(move |instance| (source, instance)));
            let lanes: Vec<_> = lanes
                .map(|(source, instance)| LaneId { source: SourceId(source), instance: InstanceId(instance) })
                .collect();
            let bytes = if *all { 0 } else { u64::MAX };
            let retention = Retention { age: Duration::from_secs(*age), bytes };
            log.expire(&lanes, time(*second), retention).expect("expired");
            vec![]
        }
        Step::Reopen => vec![],
    }
}

proptest! {
    // Each case opens a log some times and syncs hundreds of times: PROPTEST_CASES is divided by 16.
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.div_ceil(16), ..ProptestConfig::default() })]

    #[test]
    fn any_history_gives_the_same_answers(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let folder = tempfile::tempdir().expect("a folder");
        // Small segments, so that some go and others are written anew.
        let mut options = EmbeddedOptions::default();
        options.segment_bytes = 20_000;
        let open = || Embedded::open(folder.path(), options.clone()).expect("a log");
        let memory = Memory::new();
        let mut embedded = open();
        for step in &steps {
            prop_assert_eq!(runtime.block_on(act(step, &embedded)), runtime.block_on(act(step, &memory)), "{:?}", step);
            if matches!(step, Step::Reopen) {
                // The folder is in use until the old one is closed.
                drop(embedded);
                embedded = open();
            }
            if matches!(step, Step::Reopen | Step::Expire { .. }) {
                prop_assert_eq!(answers(&embedded), answers(&memory), "after {:?}", step);
            }
        }
        prop_assert_eq!(answers(&embedded), answers(&memory));
        drop(embedded);
        prop_assert_eq!(answers(&open()), answers(&memory), "opened again");
    }
}
