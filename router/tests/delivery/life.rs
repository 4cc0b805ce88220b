//! Restarts, other configurations while events flow, and the end.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::fake::*;
use crate::partner::*;
use crate::world::*;
use destination_router::delivery::{Instance, Topology};
use destination_router::log::{Log, Retention};

fn topology(instances: Vec<Instance>) -> Topology {
    Topology { instances }
}

#[tokio::test(start_paused = true)]
async fn after_a_crash_it_goes_on_where_the_records_end() {
    let world = World::new();
    world.script(|_| (100 * MS, Reply::Status(200)));
    let mix = || vec![Fake::new("mix").batch(10, Duration::ZERO).from(&["web"])];
    let engine = world.engine(mix()).await;
    world.accept(Some(&engine), "web", 1000).await;
    tokio::time::sleep(150 * MS).await;
    drop(engine);
    let before = world.requests();
    assert!((10..100).contains(&before), "{before}");
    tokio::time::sleep(SECOND).await;
    assert_eq!(world.requests(), before, "nothing goes on without it");
    // Accepted while it was down.
    world.accept(None, "web", 100).await;
    let engine = world.engine(mix()).await;
    let lane = world.lane("web", "mix");
    world.finish(lane, MINUTE).await;
    assert!(world.ends(lane).values().all(|ends| ends[..] == [End::Delivered]));
    let twice = world.counts("mix").values().filter(|count| **count > 1).count();
    assert!(twice <= 17 * 10, "only what was in flight is delivered again: {twice}");
    drop(engine);
}

#[tokio::test(start_paused = true)]
async fn retries_keep_their_attempts_and_their_window_over_a_restart() {
    let world = World::new();
    world.script(|_| (MS, Reply::Status(500)));
    let engine = world.engine(vec![Fake::new("mix").from(&["web"])]).await;
    world.accept(Some(&engine), "web", 3).await;
    let lane = world.lane("web", "mix");
    for _ in 0..8 {
        tokio::time::sleep(20 * MINUTE).await;
    }
    let before = world.log.lane(lane).unwrap().retries;
    drop(engine);
    assert!(before.iter().all(|(_, retry)| retry.attempts > 8), "{before:?}");
    let _engine = world.engine(vec![Fake::new("mix").from(&["web"])]).await;
    world.finish(lane, 2 * HOUR).await;
    assert!(world.begun.elapsed() > 4 * HOUR);
    for letter in world.log.dead(Some(lane), None, 9).unwrap() {
        let before = &before[letter.seq as usize].1;
        assert!(letter.dead.attempts > before.attempts, "{letter:?}");
        assert!(letter.dead.reason.starts_with("gave up after 4h"), "{letter:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_lane_begins_with_the_events_to_come_and_a_known_one_where_it_was() {
    let world = World::new();
    // Before there is any lane.
    world.accept(None, "web", 5).await;
    let engine = world.engine(vec![Fake::new("a").from(&["web"])]).await;
    world.accept(Some(&engine), "web", 5).await;
    world.finish(world.lane("web", "a"), SECOND).await;
    assert_eq!(sorted(world.got("a")), [5, 6, 7, 8, 9]);
    engine.reconfigure(topology(vec![Fake::new("a").from(&["web"]), Fake::new("b").from(&["web"])])).await.unwrap();
    world.accept(Some(&engine), "web", 5).await;
    world.finish(world.lane("web", "b"), SECOND).await;
    assert_eq!(sorted(world.got("b")), [10, 11, 12, 13, 14]);
    // Without b for a while: what came meanwhile is delivered when it is back.
    engine.reconfigure(topology(vec![Fake::new("a").from(&["web"])])).await.unwrap();
    world.accept(Some(&engine), "web", 2).await;
    tokio::time::sleep(SECOND).await;
    assert_eq!(world.got("b").len(), 5);
    drop(engine);
    let engine = world.engine(vec![Fake::new("b").from(&["web"])]).await;
    world.finish(world.lane("web", "b"), SECOND).await;
    assert_eq!(sorted(world.got("b")), [10, 11, 12, 13, 14, 15, 16]);
    assert_eq!(engine.lanes().await.unwrap(), [world.lane("web", "b")]);
}

#[tokio::test(start_paused = true)]
async fn a_lane_that_began_with_an_empty_source_loses_nothing_when_its_first_events_come_before_any_record() {
    let world = World::new();
    let engine = world.engine(vec![Fake::new("a").from(&["web"])]).await;
    drop(engine);
    world.accept(None, "web", 5).await;
    let _engine = world.engine(vec![Fake::new("a").from(&["web"])]).await;
    world.finish(world.lane("web", "a"), SECOND).await;
    assert_eq!(world.got("a").len(), 5);
}

#[tokio::test(start_paused = true)]
async fn under_load_instances_come_and_go_and_change_and_no_event_is_lost_or_doubled() {
    let world = World::new();
    world.script(|seen| {
        (20 * MS, Reply::Status(if seen.events[0] % 17 == 3 && seen.at < 20 * SECOND { 500 } else { 200 }))
    });
    let all = |sources: &[&str]| {
        vec![
            Fake::new("stays").batch(10, 10 * MS).from(sources),
            Fake::new("changes").from(sources),
            Fake::new("goes").batch(7, Duration::ZERO).from(sources),
        ]
    };
    let engine = world.engine(all(&["web", "app"])).await;
    for round in 0..200 {
        world.accept(Some(&engine), "web", 10).await;
        world.accept(Some(&engine), "app", 10).await;
        tokio::time::sleep(30 * MS).await;
        let mut now = all(&["web", "app"]);
        if round % 3 == 0 {
            now.pop();
        }
        if round % 4 == 0 {
            now.remove(1);
        }
        engine.reconfigure(topology(now)).await.unwrap();
    }
    engine.reconfigure(topology(all(&["web", "app"]))).await.unwrap();
    for (source, name) in
        ["web", "app"].iter().flat_map(|source| ["stays", "changes", "goes"].map(|name| (*source, name)))
    {
        let lane = world.lane(source, name);
        world.finish(lane, HOUR).await;
        assert!(world.ends(lane).values().all(|ends| ends[..] == [End::Delivered]), "{name}");
    }
    let counts = world.counts("stays");
    let more = counts.iter().filter(|(_, count)| **count > 1).count();
    assert!(counts.len() == 4000 && more < 4000 * 11 / 17, "only batches with a failure went twice: {more}");
}

#[tokio::test(start_paused = true)]
async fn what_is_in_flight_finishes_with_the_settings_with_which_it_began() {
    let world = World::new();
    world.script(|_| (10 * SECOND, Reply::Status(200)));
    let engine = world.engine(vec![Fake::new("mix").host("old").from(&["web"])]).await;
    world.accept(Some(&engine), "web", 1).await;
    tokio::time::sleep(SECOND).await;
    engine.reconfigure(topology(vec![Fake::new("mix").host("new").from(&["web"])])).await.unwrap();
    world.accept(Some(&engine), "web", 1).await;
    world.finish(world.lane("web", "mix"), MINUTE).await;
    assert_eq!((world.got("old"), world.got("new")), (vec![0], vec![1]));
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_its_partner_held_goes_on_with_another_configuration() {
    let world = World::new();
    world.script(|seen| (MS, Reply::Status(if seen.host == "old" { 403 } else { 200 })));
    let engine = world.engine(vec![Fake::new("mix").host("old").from(&["web"])]).await;
    world.accept(Some(&engine), "web", 10).await;
    tokio::time::sleep(SECOND).await;
    assert!(held(&engine.status().await.unwrap(), "mix").is_some());
    engine.reconfigure(topology(vec![Fake::new("mix").host("new").from(&["web"])])).await.unwrap();
    world.finish(world.lane("web", "mix"), SECOND).await;
    assert_eq!(world.got("new").len(), 10);
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_somebody_holds_stays_so_and_loses_nothing() {
    let world = World::new();
    let engine = world.engine(vec![Fake::new("mix").from(&["web"])]).await;
    assert!(engine.pause("mix", "we move house").await.unwrap());
    world.accept(Some(&engine), "web", 100).await;
    engine.reconfigure(topology(vec![Fake::new("mix").from(&["web"])])).await.unwrap();
    tokio::time::sleep(HOUR).await;
    assert_eq!(world.requests(), 0);
    let status = engine.status().await.unwrap();
    assert_eq!(held(&status, "mix").as_deref(), Some("we move house"));
    let lane = &status.instances[0].lanes[0];
    assert_eq!((lane.backlog, &*lane.source, lane.oldest), (100, "web", Some(start())));
    engine.resume("mix").await.unwrap();
    world.finish(world.lane("web", "mix"), SECOND).await;
    assert_eq!(world.requests(), 100);
}

#[tokio::test(start_paused = true)]
async fn a_graceful_stop_finishes_what_is_in_flight_and_records_it() {
    let world = World::new();
    world.script(|_| (2 * SECOND, Reply::Status(200)));
    let engine = world.engine(vec![Fake::new("mix").batch(10, Duration::ZERO).from(&["web"])]).await;
    world.accept(Some(&engine), "web", 1000).await;
    tokio::time::sleep(SECOND).await;
    assert_eq!(engine.stop(10 * SECOND).await, 0);
    assert_eq!(world.begun.elapsed().as_secs(), 2);
    let sent = world.got("mix").len();
    let recorded = world.ends(world.lane("web", "mix")).values().filter(|ends| ends[..] == [End::Delivered]).count();
    assert!(sent == recorded && (160..1000).contains(&sent), "{sent} {recorded}");
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_cannot_wait_cuts_off_what_is_in_flight_and_that_is_delivered_again() {
    let world = World::new();
    world.script(|seen| (if seen.at < MINUTE { HOUR } else { MS }, Reply::Status(200)));
    let mix = || vec![Fake::new("mix").limit(|l| l.timeout = HOUR * 2).batch(10, Duration::ZERO).from(&["web"])];
    let engine = world.engine(mix()).await;
    world.accept(Some(&engine), "web", 10).await;
    tokio::time::sleep(SECOND).await;
    assert_eq!(engine.stop(5 * SECOND).await, 1);
    assert_eq!(world.begun.elapsed().as_secs(), 6);
    tokio::time::sleep(MINUTE).await;
    assert_eq!(world.out.load(Ordering::SeqCst), 0);
    let engine = world.engine(mix()).await;
    let lane = world.lane("web", "mix");
    world.finish(lane, SECOND).await;
    assert!(world.ends(lane).values().all(|ends| ends[..] == [End::Delivered]));
    drop(engine);
}

#[tokio::test(start_paused = true)]
async fn a_log_that_takes_no_records_for_a_while_loses_and_doubles_nothing() {
    let world = World::new();
    let engine = world.engine(vec![Fake::new("mix").batch(10, Duration::ZERO).from(&["web"])]).await;
    world.accept(Some(&engine), "web", 100).await;
    world.log.memory.set_full(true);
    tokio::time::sleep(MINUTE).await;
    let lane = world.lane("web", "mix");
    assert!(world.ends(lane).values().all(Vec::is_empty));
    world.log.memory.set_full(false);
    world.finish(lane, MINUTE).await;
    assert!(world.counts("mix").values().all(|count| *count == 1));
    drop(engine);
}

#[tokio::test(start_paused = true)]
async fn too_long_a_backlog_refuses_new_events_until_it_is_shorter() {
    let mut world = World::new();
    world.options.backlog = 1000;
    let world = world;
    world.script(|seen| (10 * MS, Reply::Status(if seen.at < MINUTE { 503 } else { 200 })));
    let engine = world.engine(vec![Fake::new("mix").batch(100, Duration::ZERO).from(&["web"])]).await;
    let source = world.log.source("web").unwrap();
    assert!(engine.admit(source, 1000, 0).is_ok());
    world.accept(Some(&engine), "web", 1500).await;
    tokio::time::sleep(2 * SECOND).await;
    let full = engine.admit(source, 1, 0).unwrap_err();
    assert!((SECOND..=MINUTE).contains(&full.retry_after), "{full}");
    world.finish(world.lane("web", "mix"), HOUR).await;
    tokio::time::sleep(SECOND).await;
    assert!(engine.admit(source, 1000, 0).is_ok());
    assert_eq!(engine.backlog(), 0);
}

#[tokio::test(start_paused = true)]
async fn events_that_were_expired_while_an_instance_was_away_are_skipped() {
    let mut world = World::new();
    world.options.cache = 0;
    let world = world;
    let (a, b) = (|| Fake::new("a").from(&["web"]), || Fake::new("b").batch(10, Duration::ZERO).from(&["web"]));
    let engine = world.engine(vec![a(), b()]).await;
    world.accept(Some(&engine), "web", 3).await;
    world.finish(world.lane("web", "b"), SECOND).await;
    engine.reconfigure(topology(vec![a()])).await.unwrap();
    for _ in 0..5 {
        world.accept(Some(&engine), "web", 10).await;
    }
    world.finish(world.lane("web", "a"), SECOND).await;
    tokio::time::sleep(HOUR).await;
    let retention = Retention { age: MINUTE, bytes: u64::MAX };
    world.log.expire(&engine.lanes().await.unwrap(), world.clock.now(), retention).unwrap();
    assert_eq!(world.log.usage().unwrap().events, 0);
    world.accept(Some(&engine), "web", 2).await;
    engine.reconfigure(topology(vec![a(), b()])).await.unwrap();
    let lane = world.lane("web", "b");
    world.finish(lane, MINUTE).await;
    assert_eq!(sorted(world.got("b")), [0, 1, 2, 53, 54]);
    let skipped = world.ends(lane).values().filter(|ends| ends[..] == [End::Skipped]).count();
    assert_eq!(skipped, 50);
}

#[tokio::test(start_paused = true)]
async fn two_instances_cannot_have_one_name() {
    let world = World::new();
    let engine = world.engine(vec![Fake::new("a").from(&["web"])]).await;
    let twice = topology(vec![Fake::new("b").from(&["web"]), Fake::new("b").from(&["web"])]);
    let error = engine.reconfigure(twice).await.unwrap_err();
    assert!(error.to_string().contains("another destination named \"b\""), "{error}");
    world.accept(Some(&engine), "web", 1).await;
    world.finish(world.lane("web", "a"), SECOND).await;
}

fn sorted(mut numbers: Vec<u64>) -> Vec<u64> {
    numbers.sort_unstable();
    numbers
}
