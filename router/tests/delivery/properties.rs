//! Under random verdicts, failures, times, settings and restarts every accepted event ends exactly once, and none is lost.

use std::time::Duration;

use crate::fake::*;
use crate::partner::*;
use crate::world::*;
use destination_router::delivery::{Instance, Topology};
use destination_router::destination::Limits;
use proptest::prelude::*;

/// What happens, in order.
#[derive(Debug, Clone)]
enum Happening {
    Accept {
        source: usize,
        events: usize,
    },
    Wait(u64),
    Crash,
    Stop,
    Reconfigure {
        without: usize,
    },
    Resume,
    /// The disk is full for so long.
    Full(u64),
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        5 => (0_usize..2, 1_usize..40).prop_map(|(source, events)| Happening::Accept { source, events }),
        5 => prop_oneof![1_u64..500, 500_u64..20_000, 20_000_u64..2_000_000].prop_map(Happening::Wait),
        1 => Just(Happening::Crash),
        1 => Just(Happening::Stop),
        1 => (0_usize..4).prop_map(|without| Happening::Reconfigure { without }),
        1 => Just(Happening::Resume),
        1 => (1_u64..20_000).prop_map(Happening::Full),
    ]
}

#[derive(Debug, Clone)]
struct Settings {
    seed: u64,
    batch: usize,
    linger: u64,
    concurrency: usize,
    rate: Option<f64>,
    open: usize,
    hold: usize,
    /// Of a hundred answers, so many of each kind are no delivery.
    kinds: [u64; 10],
}

fn settings() -> impl Strategy<Value = Settings> {
    let kinds = proptest::array::uniform10(0_u64..6);
    let limits = (any::<u64>(), 1_usize..20, 0_u64..2000, 1_usize..8, proptest::option::of(1.0..50.0_f64));
    (limits, 5_usize..200, 1_usize..10, kinds).prop_map(
        |((seed, batch, linger, concurrency, rate), open, hold, kinds)| Settings {
            seed,
            batch,
            linger,
            concurrency,
            rate,
            open,
            hold,
            kinds,
        },
    )
}

const SOURCES: [&str; 2] = ["web", "app"];
const INSTANCES: [&str; 3] = ["single", "batch", "ordered"];

fn instances(settings: &Settings, without: usize) -> Vec<Instance> {
    let limits = |batch: usize| Limits {
        events: batch,
        linger: Duration::from_millis(settings.linger),
        concurrency: settings.concurrency,
        rate: settings.rate,
        timeout: 10 * SECOND,
        ..Limits::default()
    };
    let make = |n: usize, name: &&str| {
        let mut fake = Fake::new(name).host("partner");
        fake.limits = vec![limits(if n == 0 { 1 } else { settings.batch }), limits(1)];
        Instance { ordered: n == 2, ..fake.from(&SOURCES) }
    };
    INSTANCES.iter().enumerate().filter(|(n, _)| *n != without).map(|(n, name)| make(n, name)).collect()
}

/// An answer by chance, the same for the same seed.
fn chance(settings: &Settings, seen: &Seen) -> (Duration, Reply) {
    let of = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mut number = of(settings.seed ^ of(seen.at.as_millis() as u64) ^ of(seen.events.iter().sum::<u64>() + 1)) >> 16;
    let wait = Duration::from_millis(number % 300);
    number = (number / 300) % 100;
    let replies = [
        Reply::Status(500),
        Reply::Status(503),
        Reply::After(429, 30),
        Reply::Status(400),
        Reply::Status(413),
        Reply::Partly((0..seen.events.len()).filter(|n| n % 3 == 0).collect()),
        Reply::Refuse,
        Reply::Hang,
        Reply::Status(206),
        Reply::Status(403),
    ];
    for (reply, share) in replies.into_iter().zip(settings.kinds) {
        if number < share {
            return (wait, reply);
        }
        number -= share;
    }
    (wait, Reply::Status(200))
}

async fn live(settings: Settings, happenings: Vec<Happening>) {
    let mut world = World::new();
    world.seed = settings.seed;
    world.options.shares.open = settings.open;
    world.options.shares.hold = settings.hold;
    let world = world;
    let by = settings.clone();
    world.script(move |seen| chance(&by, seen));
    let mut engine = Some(world.engine(instances(&settings, 9)).await);
    let mut sent: [Vec<u64>; 2] = Default::default();
    for happening in happenings {
        match happening {
            Happening::Accept { source, events } => {
                let users = 5;
                let first = (sent[0].len() + sent[1].len()) as u64;
                let some = (first..first + events as u64)
                    .map(|n| serde_json::json!({"n": n, "userId": format!("u{}", n % users), "to": n % 4, "refuse": (n % 50 == 13).then_some(true)}));
                let some = some.map(|mut event| {
                    if event["refuse"].is_null() {
                        event.as_object_mut().unwrap().remove("refuse");
                    }
                    event
                });
                world.accept_json(engine.as_ref(), SOURCES[source], some.collect()).await;
                sent[source].extend(first..first + events as u64);
            }
            Happening::Wait(ms) => tokio::time::sleep(Duration::from_millis(ms)).await,
            Happening::Crash => {
                drop(engine.take());
                engine = Some(world.engine(instances(&settings, 9)).await);
            }
            Happening::Stop => {
                let before = engine.take().unwrap();
                before.stop(Duration::from_millis(settings.seed % 3000)).await;
                engine = Some(world.engine(instances(&settings, 9)).await);
            }
            Happening::Reconfigure { without } => {
                let topology = Topology { instances: instances(&settings, without) };
                engine.as_ref().unwrap().reconfigure(topology).await.unwrap();
            }
            Happening::Full(ms) => {
                world.log.memory.set_full(true);
                tokio::time::sleep(Duration::from_millis(ms)).await;
                world.log.memory.set_full(false);
            }
            Happening::Resume => {
                for name in INSTANCES {
                    engine.as_ref().unwrap().resume(name).await.unwrap();
                }
            }
        }
    }
    // From here on the partner is well.
    world.script(|_| (5 * MS, Reply::Status(200)));
    let engine = engine.unwrap();
    engine.reconfigure(Topology { instances: instances(&settings, 9) }).await.unwrap();
    let mut took = std::collections::HashMap::new();
    for (n, name) in INSTANCES.iter().enumerate() {
        for (source, sent) in SOURCES.iter().zip(&sent) {
            let lane = world.lane(source, name);
            world.finish(lane, 12 * HOUR).await;
            for (seq, ends) in world.ends(lane) {
                assert_eq!(ends.len(), 1, "event {seq} of {source} at {name}");
                let number = sent[seq as usize];
                let unwanted = number % 4 == 0;
                assert_eq!(ends[0] == End::Skipped, unwanted, "event {number} at {name}");
                if !unwanted && number % 50 == 13 {
                    assert_eq!(ends[0], End::Dead, "event {number} at {name}");
                }
                *took.entry((n, ends[0] == End::Delivered)).or_insert(0_u64) += 1;
            }
        }
    }
    let status = engine.status().await.unwrap();
    for lane in status.instances.iter().flat_map(|instance| &instance.lanes) {
        assert_eq!((lane.backlog, lane.retries, lane.in_flight), (0, 0, 0), "{lane:?}");
    }
    // What counts as delivered was sent.
    let reached: std::collections::HashSet<u64> = world.got("partner").into_iter().collect();
    let delivered = took.iter().filter(|((_, delivered), _)| *delivered).map(|(_, count)| *count).max().unwrap_or(0);
    assert!(reached.len() as u64 >= delivered, "{} {delivered}", reached.len());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, max_shrink_iters: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_event_ends_exactly_once(settings in settings(), happenings in proptest::collection::vec(happening(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(live(settings, happenings));
    }
}
