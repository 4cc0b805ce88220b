//! Order by user, where an instance asks for it.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::fake::*;
use crate::partner::*;
use crate::world::*;
use destination_router::delivery::Instance;
use destination_router::log::Log;
use serde_json::{Value, json};

fn ordered(fake: Fake) -> Vec<Instance> {
    vec![Instance { ordered: true, ..fake.from(&["web"]) }]
}

/// Events whose user is their number modulo `users`.
fn events(range: std::ops::Range<u64>, users: u64) -> Vec<Value> {
    range.map(|n| json!({"n": n, "userId": format!("u{}", n % users)})).collect()
}

/// The numbers that a partner took of each user, in the order in which it took them.
fn taken(world: &World, users: u64, took: impl Fn(&Seen) -> bool) -> HashMap<u64, Vec<u64>> {
    let mut taken: HashMap<u64, Vec<u64>> = HashMap::new();
    for seen in world.seen.lock().unwrap().iter().filter(|seen| took(seen)) {
        seen.events.iter().for_each(|n| taken.entry(n % users).or_default().push(*n));
    }
    taken
}

/// Fails by the event and the minute, one of four.
fn fails(seen: &Seen) -> bool {
    let number = seen.events[0].wrapping_mul(2_654_435_761).wrapping_add(seen.at.as_secs().wrapping_mul(40_503));
    (number >> 7).is_multiple_of(4)
}

#[tokio::test(start_paused = true)]
async fn events_of_a_user_arrive_in_their_order_whatever_fails() {
    for batch in [1, 8] {
        let world = World::new();
        world.script(|seen| (10 * MS, Reply::Status(if fails(seen) { 500 } else { 200 })));
        let engine = world.engine(ordered(Fake::new("mix").batch(batch, Duration::ZERO))).await;
        for round in 0..40 {
            world.accept_json(Some(&engine), "web", events(round * 10..round * 10 + 10, 7)).await;
            tokio::time::sleep(SECOND).await;
        }
        let lane = world.lane("web", "mix");
        world.finish(lane, 10 * HOUR).await;
        assert!(world.ends(lane).values().all(|ends| ends[..] == [End::Delivered]));
        let taken = taken(&world, 7, |seen| !fails(seen));
        assert_eq!(taken.values().map(Vec::len).sum::<usize>(), 400);
        for (user, numbers) in taken {
            assert!(numbers.is_sorted(), "batches of {batch}, user {user}: {numbers:?}");
        }
        assert_eq!(engine.counters()["mix"].unordered.load(Ordering::Relaxed), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_that_waits_holds_back_its_user_alone() {
    let world = World::new();
    world.script(|seen| (10 * MS, Reply::Status(if seen.events == [0] && seen.at < HOUR { 500 } else { 200 })));
    let engine = world.engine(ordered(Fake::new("mix"))).await;
    world.accept_json(Some(&engine), "web", events(0..50, 10)).await;
    tokio::time::sleep(30 * MINUTE).await;
    let so_far = taken(&world, 10, |seen| seen.events != [0]);
    assert!(!so_far.contains_key(&0), "{so_far:?}");
    assert!((1..10).all(|user| so_far[&user].len() == 5));
    let lane = world.lane("web", "mix");
    let held = world.log.history(lane, 10).unwrap();
    let (_, retry) = held[0].retry.iter().find(|(seq, _)| *seq == 10).unwrap();
    assert_eq!(retry.reason, "an earlier event of the same user waits");
    world.finish(lane, 2 * HOUR).await;
    let all = taken(&world, 10, |seen| seen.events != [0] || seen.at >= HOUR);
    assert_eq!(all[&0], [0, 10, 20, 30, 40]);
}

#[tokio::test(start_paused = true)]
async fn order_holds_over_a_restart() {
    let world = World::new();
    world.script(|seen| (10 * MS, Reply::Status(if seen.events == [0] && seen.at < HOUR { 500 } else { 200 })));
    let engine = world.engine(ordered(Fake::new("mix"))).await;
    world.accept_json(Some(&engine), "web", events(0..20, 10)).await;
    tokio::time::sleep(MINUTE).await;
    drop(engine);
    let engine = world.engine(ordered(Fake::new("mix"))).await;
    world.accept_json(Some(&engine), "web", events(20..40, 10)).await;
    world.finish(world.lane("web", "mix"), 2 * HOUR).await;
    let all = taken(&world, 10, |seen| seen.events != [0] || seen.at >= HOUR);
    assert_eq!(all[&0], [0, 10, 20, 30]);
}

#[tokio::test(start_paused = true)]
async fn events_go_on_without_one_that_is_given_up_and_it_says_so() {
    let world = World::new();
    world.script(|seen| (10 * MS, Reply::Status(if seen.events == [0] { 500 } else { 200 })));
    let engine = world.engine(ordered(Fake::new("mix"))).await;
    world.accept_json(Some(&engine), "web", events(0..50, 10)).await;
    let lane = world.lane("web", "mix");
    world.finish(lane, 5 * HOUR).await;
    let dead = world.log.dead(Some(lane), None, 9).unwrap();
    assert_eq!(dead.len(), 1);
    assert!(dead[0].dead.reason.ends_with("500; later events of this user go on without it"), "{dead:?}");
    assert_eq!(taken(&world, 10, |seen| seen.events != [0])[&0], [10, 20, 30, 40]);
    drop(engine);
}

#[tokio::test(start_paused = true)]
async fn when_too_many_wait_behind_an_event_they_go_ahead_and_it_says_so() {
    let mut world = World::new();
    world.options.shares.hold = 20;
    let world = world;
    world.script(|seen| (10 * MS, Reply::Status(if seen.events == [0] { 500 } else { 200 })));
    let engine = world.engine(ordered(Fake::new("mix"))).await;
    for n in 0..30 {
        world.accept_json(Some(&engine), "web", events(n..n + 1, 1)).await;
        tokio::time::sleep(SECOND).await;
    }
    tokio::time::sleep(MINUTE).await;
    let so_far = taken(&world, 1, |seen| seen.events != [0]);
    assert_eq!(so_far[&0], (1..30).collect::<Vec<u64>>());
    let lane = world.lane("web", "mix");
    world.finish(lane, 5 * HOUR).await;
    let dead = world.log.dead(Some(lane), None, 9).unwrap();
    assert!(dead[0].dead.reason.contains("21 later events of this user went ahead of it"), "{dead:?}");
    let unordered: u64 = engine.status().await.unwrap().instances.iter().map(|instance| instance.unordered).sum();
    assert_eq!(unordered, 21);
}

#[tokio::test(start_paused = true)]
async fn two_subscriptions_keep_the_order_between_them() {
    let world = World::new();
    world.script(|seen| (10 * MS, Reply::Status(if fails(seen) { 500 } else { 200 })));
    let mut fake = Fake::new("mix");
    fake.limits =
        vec![fake.limits[0].clone(), destination_router::destination::Limits { events: 50, ..fake.limits[0].clone() }];
    let engine = world.engine(ordered(fake)).await;
    let event = |n: u64| json!({"n": n, "userId": format!("u{}", n % 5), "to": 1 + n / 5 % 2});
    world.accept_json(Some(&engine), "web", (0..300).map(event).collect()).await;
    world.finish(world.lane("web", "mix"), 10 * HOUR).await;
    let taken = taken(&world, 5, |seen| !fails(seen));
    for (user, numbers) in taken {
        assert!(numbers.is_sorted() && numbers.len() == 60, "{user}: {numbers:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn events_without_a_user_wait_for_nobody() {
    let world = World::new();
    world.script(|seen| (10 * MS, Reply::Status(if seen.events == [0] && seen.at < HOUR { 500 } else { 200 })));
    let engine = world.engine(ordered(Fake::new("mix"))).await;
    world.accept(Some(&engine), "web", 100).await;
    tokio::time::sleep(MINUTE).await;
    assert_eq!(world.counts("mix").len(), 100);
}
