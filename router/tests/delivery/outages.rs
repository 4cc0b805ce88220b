//! Partners that are slow, down, or limit us: hours of it, in milliseconds.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::fake::*;
use crate::partner::*;
use crate::world::*;
use destination_router::delivery::Engine;
use destination_router::log::Log;

/// Accepts so many events a second for so long.
async fn traffic(world: &World, engine: &Engine, source: &str, a_second: usize, time: Duration) {
    let end = tokio::time::Instant::now() + time;
    while tokio::time::Instant::now() < end {
        world.accept(Some(engine), source, a_second).await;
        tokio::time::sleep(SECOND).await;
    }
}

fn requests(world: &World, host: &str, from: Duration, to: Duration) -> usize {
    world.seen.lock().unwrap().iter().filter(|seen| seen.host == host && (from..to).contains(&seen.at)).count()
}

#[tokio::test(start_paused = true)]
async fn a_partner_that_is_down_gets_probes_and_after_hours_everything() {
    let world = World::new();
    let down = MINUTE..3 * HOUR;
    let during = down.clone();
    world.script(move |seen| (10 * MS, Reply::Status(if during.contains(&seen.at) { 503 } else { 200 })));
    let engine = world.engine(vec![Fake::new("mix").batch(100, SECOND).from(&["web"])]).await;
    traffic(&world, &engine, "web", 5, 3 * HOUR + MINUTE).await;
    // Breaker: at most one probe at a time, further and further apart, up to five minutes.
    let probes = requests(&world, "mix", down.start + MINUTE, down.end);
    assert!((30..80).contains(&probes), "{probes}");
    let lane = world.lane("web", "mix");
    world.finish(lane, 30 * MINUTE).await;
    let ends = world.ends(lane);
    assert!(ends.values().all(|ends| ends[..] == [End::Delivered]));
    assert!(ends.len() > 50_000);
}

#[tokio::test(start_paused = true)]
async fn what_was_tried_and_is_down_for_longer_than_the_window_is_given_up_and_the_rest_is_kept() {
    let world = World::new();
    world.script(|seen| (10 * MS, if seen.at < 10 * HOUR { Reply::Refuse } else { Reply::Status(200) }));
    let engine = world.engine(vec![Fake::new("mix").batch(10, Duration::ZERO).from(&["web"])]).await;
    traffic(&world, &engine, "web", 10, 10 * MINUTE).await;
    let lane = world.lane("web", "mix");
    tokio::time::sleep(5 * HOUR).await;
    let dead = world.log.dead(Some(lane), None, 10_000).unwrap();
    assert!((10..500).contains(&dead.len()), "{}", dead.len());
    for letter in &dead {
        let reason = &letter.dead.reason;
        assert!(reason.starts_with("gave up after 4h") && reason.ends_with("no connection: refused"), "{reason}");
    }
    world.finish(lane, 6 * HOUR).await;
    let ends = world.ends(lane);
    let delivered = ends.values().filter(|ends| ends[..] == [End::Delivered]).count();
    assert!(ends.values().all(|ends| ends.len() == 1) && delivered > 5000, "{delivered}");
}

#[tokio::test(start_paused = true)]
async fn one_dead_partner_of_fifty_takes_nothing_from_the_others() {
    // The same twice: with the dead partner, and without.
    let mut latest = Vec::new();
    for dead in [true, false] {
        let world = World::new();
        world.script(move |seen| match &*seen.host {
            "p0" if dead => (Duration::ZERO, Reply::Hang),
            _ => (50 * MS, Reply::Status(200)),
        });
        let names: Vec<String> = (0..50).map(|n| format!("p{n}")).collect();
        let engine = world
            .engine(names.iter().map(|name| Fake::new(name).batch(10, Duration::ZERO).from(&["web"])).collect())
            .await;
        for _ in 0..80 {
            world.accept(Some(&engine), "web", 50).await;
            tokio::time::sleep(500 * MS).await;
        }
        for name in &names[1..] {
            world.finish(world.lane("web", name), SECOND).await;
        }
        latest.push(world.begun.elapsed());
        let status = engine.status().await.unwrap();
        let dead_one = status.instances.iter().find(|instance| instance.name == "p0").unwrap();
        if dead {
            assert!(dead_one.gate.shut.is_some() || dead_one.lanes[0].backlog > 3000, "{dead_one:?}");
            assert!(status.pulls <= 32);
        }
    }
    assert!(latest[0] <= latest[1] + 100 * MS, "{latest:?}");
}

#[tokio::test(start_paused = true)]
async fn many_instances_of_one_dead_host_together_have_their_share_of_the_pool() {
    let mut world = World::new();
    world.options.shares.pool = 64;
    world.options.shares.host = 16;
    let world = world;
    world.script(|seen| match &*seen.host {
        // It answers for a minute, so that its instances are known to be there.
        "dead" if seen.at > MINUTE => (Duration::ZERO, Reply::Hang),
        _ => (50 * MS, Reply::Status(200)),
    });
    let mut instances: Vec<_> = (0..40).map(|n| Fake::new(&format!("d{n}")).host("dead").from(&["web"])).collect();
    instances.push(Fake::new("good").batch(10, Duration::ZERO).from(&["app"]));
    let engine = world.engine(instances).await;
    for _ in 0..400 {
        world.accept(Some(&engine), "web", 1).await;
        world.accept(Some(&engine), "app", 50).await;
        tokio::time::sleep(500 * MS).await;
        assert!(engine.status().await.unwrap().pulls <= 16 + 16);
    }
    world.finish(world.lane("app", "good"), SECOND).await;
}

#[tokio::test(start_paused = true)]
async fn a_partner_that_fails_in_part_gets_few_retries_beside_its_traffic() {
    let world = World::new();
    // A third of all requests fail, at random by the event and the time.
    world.script(|seen| {
        let number = seen.events[0].wrapping_mul(2_654_435_761) ^ (seen.at.as_millis() as u64).wrapping_mul(40_503);
        (10 * MS, Reply::Status(if number.is_multiple_of(3) && seen.at < 8 * MINUTE { 500 } else { 200 }))
    });
    let engine = world.engine(vec![Fake::new("mix").from(&["web"])]).await;
    traffic(&world, &engine, "web", 50, 8 * MINUTE).await;
    let first: usize = world.counts("mix").len();
    let all = requests(&world, "mix", Duration::ZERO, 8 * MINUTE);
    let retries = all - first;
    let deferred = engine.counters()["mix"].deferred.load(Ordering::Relaxed);
    println!("{first} events, {retries} retries, {deferred} deferred");
    assert!(retries as f64 <= first as f64 * 0.22 + 130.0, "{retries} retries beside {first}");
    let lane = world.lane("web", "mix");
    world.finish(lane, 2 * HOUR).await;
    assert!(world.ends(lane).values().all(|ends| ends[..] == [End::Delivered]));
}

#[tokio::test(start_paused = true)]
async fn a_rate_limit_is_kept_to_and_used() {
    let world = World::new();
    let engine = world.engine(vec![Fake::new("mix").limit(|l| l.rate = Some(10.0)).from(&["web"])]).await;
    world.accept(Some(&engine), "web", 1000).await;
    world.finish(world.lane("web", "mix"), 3 * MINUTE).await;
    let seen = world.seen.lock().unwrap();
    for window in 0..90 {
        let from = window as u32 * SECOND;
        let count = seen.iter().filter(|seen| (from..from + SECOND).contains(&seen.at)).count();
        assert!((9..=11).contains(&count), "{window}: {count}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_more_requests_are_out_than_the_instance_allows() {
    let world = World::new();
    world.script(|_| (200 * MS, Reply::Status(200)));
    let engine = world.engine(vec![Fake::new("mix").limit(|l| l.concurrency = 7).from(&["web", "app"])]).await;
    world.accept(Some(&engine), "web", 300).await;
    world.accept(Some(&engine), "app", 300).await;
    world.finish(world.lane("web", "mix"), 30 * SECOND).await;
    world.finish(world.lane("app", "mix"), 30 * SECOND).await;
    assert_eq!(world.most_out.load(Ordering::SeqCst), 7);
    // 600 requests of 200 ms, seven at a time: 17.2 seconds, if none of the seven ever waits.
    assert!(world.begun.elapsed() < 20 * SECOND, "{:?}", world.begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_partner_that_says_too_many_requests_gets_fewer_until_it_stops_saying_so() {
    let world = World::new();
    let out = std::sync::Arc::clone(&world.out);
    // It takes four at a time.
    world.script(move |_| (50 * MS, Reply::Status(if out.load(Ordering::SeqCst) >= 4 { 429 } else { 200 })));
    let engine = world.engine(vec![Fake::new("mix").limit(|l| l.concurrency = 32).from(&["web"])]).await;
    traffic(&world, &engine, "web", 40, 10 * MINUTE).await;
    let lane = world.lane("web", "mix");
    world.finish(lane, HOUR).await;
    assert!(world.ends(lane).values().all(|ends| ends[..] == [End::Delivered]));
    let refused = world.requests() - 24_000;
    assert!(refused < 5000, "{refused}");
}

#[tokio::test(start_paused = true)]
async fn a_lane_with_too_many_open_retries_reads_no_new_events_until_they_drain() {
    let mut world = World::new();
    world.options.shares.open = 500;
    let world = world;
    world.script(|seen| {
        // Every other event fails by itself for an hour; the others show that the partner is there.
        let fails = seen.events[0] % 2 == 0 && seen.at < HOUR;
        (10 * MS, Reply::Status(if fails { 500 } else { 200 }))
    });
    let engine = world.engine(vec![Fake::new("mix").from(&["web"])]).await;
    world.accept(Some(&engine), "web", 5000).await;
    for _ in 0..50 {
        tokio::time::sleep(MINUTE).await;
        let status = engine.status().await.unwrap();
        assert!(status.instances[0].lanes[0].retries <= 500, "{status:?}");
    }
    let lane = world.lane("web", "mix");
    world.finish(lane, 20 * HOUR).await;
    assert!(world.ends(lane).values().all(|ends| ends.len() == 1));
}

#[tokio::test(start_paused = true)]
async fn new_events_go_before_retries_and_retries_are_not_starved() {
    let world = World::new();
    world
        .script(|seen| (100 * MS, Reply::Status(if seen.events[0] < 100 && seen.at < 5 * SECOND { 500 } else { 200 })));
    // One request at a time, and more new events than it can take.
    let engine = world.engine(vec![Fake::new("mix").limit(|l| l.concurrency = 1).from(&["web"])]).await;
    world.accept(Some(&engine), "web", 20_000).await;
    tokio::time::sleep(20 * MINUTE).await;
    let lane = world.lane("web", "mix");
    let ends = world.ends(lane);
    let retried = (0..100).filter(|seq| ends[seq][..] == [End::Delivered]).count();
    let new = (100..20_000).filter(|seq| ends[seq][..] == [End::Delivered]).count();
    assert_eq!(retried, 100, "all retries came through");
    assert!(new > 9000 && new < 19_000, "while new events were still waiting: {new}");
}
