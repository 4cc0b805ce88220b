//! What each verdict leads to, from the log to the partner and back, in virtual time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::fake::*;
use crate::partner::*;
use crate::world::*;
use destination_router::log::{How, Log};
use serde_json::json;

#[tokio::test(start_paused = true)]
async fn an_event_is_delivered_once_and_recorded_with_its_status() {
    let world = World::new();
    let engine = world.engine(vec![Fake::new("mix").from(&["web"])]).await;
    let sent = world.accept(Some(&engine), "web", 3).await;
    let lane = world.lane("web", "mix");
    world.finish(lane, SECOND).await;
    assert_eq!(sorted(world.got("mix")), sent);
    let history = world.log.history(lane, 1).unwrap();
    assert_eq!(history.len(), 1);
    assert_eq!(history[0].done[0].how, How::Delivered { status: 200, elapsed_ms: 5 });
    let counters = &engine.counters()["mix"];
    assert_eq!(counters.delivered.load(Ordering::Relaxed), 3);
}

#[tokio::test(start_paused = true)]
async fn a_batch_goes_when_it_is_full_or_its_linger_is_over() {
    let world = World::new();
    let engine = world.engine(vec![Fake::new("mix").batch(10, SECOND).from(&["web"])]).await;
    for _ in 0..25 {
        world.accept(Some(&engine), "web", 1).await;
        tokio::time::sleep(10 * MS).await;
    }
    world.finish(world.lane("web", "mix"), 5 * SECOND).await;
    let seen = world.seen.lock().unwrap();
    let sizes: Vec<usize> = seen.iter().map(|seen| seen.events.len()).collect();
    assert_eq!(sizes, [10, 10, 5]);
    // The last five: a second after the tenth of the second batch went.
    assert!(seen[2].at >= seen[1].at + SECOND && seen[2].at < seen[1].at + SECOND + 100 * MS, "{:?}", seen[2].at);
}

#[tokio::test(start_paused = true)]
async fn events_that_nobody_wants_are_skipped_without_a_request() {
    let world = World::new();
    let engine = world.engine(vec![Fake::new("mix").from(&["web"])]).await;
    world.accept_json(Some(&engine), "web", vec![json!({"n": 0, "to": 0}), json!({"n": 1})]).await;
    let lane = world.lane("web", "mix");
    world.finish(lane, SECOND).await;
    assert_eq!(world.got("mix"), [1]);
    assert_eq!(world.ends(lane)[&0], [End::Skipped]);
}

#[tokio::test(start_paused = true)]
async fn what_the_partner_or_the_plan_refuses_becomes_a_dead_letter_with_its_reason() {
    let world = World::new();
    world.script(|seen| (MS, Reply::Status(if seen.events == [1] { 400 } else { 200 })));
    let engine = world.engine(vec![Fake::new("mix").from(&["web"])]).await;
    let events = vec![json!({"n": 0, "refuse": true}), json!({"n": 1}), json!({"n": 2}), json!("no event at all")];
    world.accept_json(Some(&engine), "web", events).await;
    let lane = world.lane("web", "mix");
    world.finish(lane, SECOND).await;
    let dead = world.log.dead(Some(lane), None, 10).unwrap();
    let reasons: Vec<(u64, u32, &str)> = dead.iter().map(|d| (d.seq, d.dead.attempts, &*d.dead.reason)).collect();
    assert_eq!(reasons[..2], [(0, 1, "n is missing"), (1, 1, "400")]);
    assert!(reasons[2].2.contains("panicked"), "{reasons:?}");
    assert_eq!(world.got("mix"), [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_retry_comes_after_what_the_partner_asked_for_and_others_wait_for_the_instance() {
    let world = World::new();
    let calls = AtomicUsize::new(0);
    world.script(move |_| match calls.fetch_add(1, Ordering::SeqCst) {
        0 => (MS, Reply::After(429, 90)),
        _ => (MS, Reply::Status(200)),
    });
    let engine = world.engine(vec![Fake::new("mix").from(&["web"])]).await;
    world.accept(Some(&engine), "web", 1).await;
    tokio::time::sleep(SECOND).await;
    world.accept(Some(&engine), "web", 5).await;
    world.finish(world.lane("web", "mix"), 200 * SECOND).await;
    let seen = world.seen.lock().unwrap();
    assert!(seen[1..].iter().all(|seen| seen.at >= 90 * SECOND), "{seen:?}");
    assert!(seen.iter().all(|seen| seen.at < 120 * SECOND));
    assert_eq!(seen.len(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_failure_of_one_event_holds_up_no_other() {
    let world = World::new();
    world.script(|seen| (MS, Reply::Status(if seen.events == [0] && seen.at < HOUR { 500 } else { 200 })));
    let engine = world.engine(vec![Fake::new("mix").from(&["web"])]).await;
    let all = world.accept(Some(&engine), "web", 200).await;
    tokio::time::sleep(SECOND).await;
    assert_eq!(sorted(world.got("mix")).into_iter().filter(|n| *n > 0).collect::<Vec<_>>(), all[1..]);
    let lane = world.lane("web", "mix");
    world.finish(lane, 2 * HOUR).await;
    let history = world.log.history(lane, 0).unwrap();
    let attempts: Vec<u32> =
        history.iter().flat_map(|outcome| &outcome.retry).map(|(_, retry)| retry.attempts).collect();
    assert_eq!(attempts, (1..=attempts.len() as u32).collect::<Vec<_>>());
    assert!((8..40).contains(&attempts.len()), "{attempts:?}");
}

#[tokio::test(start_paused = true)]
async fn an_event_is_given_up_when_its_window_is_over() {
    let world = World::new();
    world.script(|seen| (MS, Reply::Status(if seen.events == [0] { 500 } else { 200 })));
    let engine = world.engine(vec![Fake::new("mix").from(&["web"])]).await;
    world.accept(Some(&engine), "web", 10).await;
    let lane = world.lane("web", "mix");
    world.finish(lane, 5 * HOUR).await;
    assert!(world.begun.elapsed() >= 4 * HOUR && world.begun.elapsed() < 4 * HOUR + 5 * MINUTE);
    let dead = world.log.dead(Some(lane), None, 10).unwrap();
    let [letter] = &dead[..] else { panic!("{dead:?}") };
    let expected = format!(", {} attempts: 500", letter.dead.attempts);
    assert!(
        letter.dead.reason.starts_with("gave up after 4h") && letter.dead.reason.ends_with(&expected),
        "{letter:?}"
    );
    assert_eq!(world.counts("mix")[&0], letter.dead.attempts as usize);
    assert!(letter.dead.attempts > 15, "{letter:?}");
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_is_too_large_is_halved_until_it_fits_and_one_event_alone_is_rejected() {
    let world = World::new();
    world.script(|seen| (MS, Reply::Status(if seen.events.len() > 3 || seen.events.contains(&5) { 413 } else { 200 })));
    let engine = world.engine(vec![Fake::new("mix").batch(16, 10 * MS).from(&["web"])]).await;
    world.accept(Some(&engine), "web", 16).await;
    let lane = world.lane("web", "mix");
    world.finish(lane, SECOND).await;
    let ends = world.ends(lane);
    assert!(
        ends.iter().all(|(seq, ends)| ends[..] == [if *seq == 5 { End::Dead } else { End::Delivered }]),
        "{ends:?}"
    );
    let taken = world
        .seen
        .lock()
        .unwrap()
        .iter()
        .filter(|seen| seen.events.len() <= 3 && !seen.events.contains(&5))
        .map(|s| s.events.len())
        .sum::<usize>();
    assert_eq!(taken, 15);
}

#[tokio::test(start_paused = true)]
async fn a_request_over_the_limit_of_bytes_is_halved_before_it_is_sent() {
    let world = World::new();
    let engine = world.engine(vec![Fake::new("mix").batch(16, 10 * MS).limit(|l| l.bytes = 12).from(&["web"])]).await;
    world.accept(Some(&engine), "web", 16).await;
    world.finish(world.lane("web", "mix"), SECOND).await;
    let seen = world.seen.lock().unwrap();
    assert!(seen.iter().all(|seen| json!(seen.events).to_string().len() <= 12), "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn of_a_batch_that_failed_in_part_only_the_failed_events_go_again() {
    let world = World::new();
    let calls = AtomicUsize::new(0);
    world.script(move |_| match calls.fetch_add(1, Ordering::SeqCst) {
        0 => (MS, Reply::Partly(vec![2, 7])),
        _ => (MS, Reply::Status(200)),
    });
    let engine = world.engine(vec![Fake::new("mix").batch(10, 10 * MS).from(&["web"])]).await;
    world.accept(Some(&engine), "web", 10).await;
    let lane = world.lane("web", "mix");
    world.finish(lane, MINUTE).await;
    let counts = world.counts("mix");
    assert!(counts.iter().all(|(n, count)| *count == if [2, 7].contains(n) { 2 } else { 1 }), "{counts:?}");
    assert!(world.ends(lane).values().all(|ends| ends[..] == [End::Delivered]));
}

#[tokio::test(start_paused = true)]
async fn each_subscription_gets_an_event_once_though_another_one_fails() {
    let world = World::new();
    world.script(|seen| (MS, Reply::Status(if seen.path == "/1" && seen.at < 10 * SECOND { 500 } else { 200 })));
    let mut fake = Fake::new("mix");
    fake.limits = vec![fake.limits[0].clone(); 3];
    let engine = world.engine(vec![fake.from(&["web"])]).await;
    world.accept(Some(&engine), "web", 1).await;
    let lane = world.lane("web", "mix");
    world.finish(lane, HOUR).await;
    let by_path = |path: &str| world.seen.lock().unwrap().iter().filter(|seen| seen.path == path).count();
    assert_eq!((by_path("/0"), by_path("/2")), (1, 1));
    assert!(by_path("/1") > 1);
    assert_eq!(world.ends(lane)[&0], [End::Delivered]);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_one_subscription_rejects_and_another_takes_later_is_dead_for_the_one() {
    let world = World::new();
    world.script(|seen| {
        let status = match &*seen.path {
            "/0" => 400,
            _ if seen.at < 10 * SECOND => 500,
            _ => 200,
        };
        (MS, Reply::Status(status))
    });
    let mut fake = Fake::new("mix");
    fake.limits = vec![fake.limits[0].clone(); 2];
    let engine = world.engine(vec![fake.from(&["web"])]).await;
    world.accept(Some(&engine), "web", 1).await;
    let lane = world.lane("web", "mix");
    world.finish(lane, HOUR).await;
    let dead = world.log.dead(Some(lane), None, 10).unwrap();
    assert_eq!((dead[0].dead.open, &*dead[0].dead.reason), (1, "400"));
    assert_eq!(world.ends(lane)[&0], [End::Dead]);
    assert_eq!(world.seen.lock().unwrap().iter().filter(|seen| seen.path == "/0").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_chain_of_requests_is_one_delivery() {
    let world = World::new();
    world.script(|seen| (MS, Reply::Status(if seen.path == "/next" { 200 } else { 206 })));
    let engine = world.engine(vec![Fake::new("mix").from(&["web"])]).await;
    world.accept(Some(&engine), "web", 2).await;
    world.finish(world.lane("web", "mix"), SECOND).await;
    assert_eq!(world.requests(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_chain_that_does_not_end_is_rejected() {
    let world = World::new();
    world.script(|_| (MS, Reply::Status(206)));
    let engine = world.engine(vec![Fake::new("mix").from(&["web"])]).await;
    world.accept(Some(&engine), "web", 1).await;
    let lane = world.lane("web", "mix");
    world.finish(lane, SECOND).await;
    assert!(world.log.dead(Some(lane), None, 1).unwrap()[0].dead.reason.contains("more than 32 requests in a row"));
}

#[tokio::test(start_paused = true)]
async fn a_pause_holds_the_instance_loses_nothing_and_ends_by_hand() {
    let mut world = World::new();
    world.options.shares.probe = None;
    let world = world;
    world.script(|seen| (MS, Reply::Status(if seen.at < HOUR { 403 } else { 200 })));
    let engine = world.engine(vec![Fake::new("mix").from(&["web"])]).await;
    let mut all = world.accept(Some(&engine), "web", 5).await;
    tokio::time::sleep(SECOND).await;
    let asked = world.requests();
    assert!(asked <= 5);
    all.extend(world.accept(Some(&engine), "web", 500).await);
    tokio::time::sleep(20 * HOUR).await;
    assert_eq!(world.requests(), asked);
    assert_eq!(held(&engine.status().await.unwrap(), "mix").as_deref(), Some("the key was revoked"));
    assert!(engine.resume("mix").await.unwrap());
    let lane = world.lane("web", "mix");
    world.finish(lane, MINUTE).await;
    assert!(world.ends(lane).values().all(|ends| ends[..] == [End::Delivered]));
    assert_eq!(held(&engine.status().await.unwrap(), "mix"), None);
    assert!(!engine.resume("nobody").await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_pause_is_probed_now_and_then_and_ends_when_the_partner_takes_something() {
    let world = World::new();
    world.script(|seen| (MS, Reply::Status(if seen.at < HOUR { 403 } else { 200 })));
    let engine = world.engine(vec![Fake::new("mix").from(&["web"])]).await;
    world.accept(Some(&engine), "web", 300).await;
    tokio::time::sleep(MINUTE).await;
    let asked = world.requests();
    tokio::time::sleep(58 * MINUTE).await;
    assert_eq!(world.requests() - asked, 5, "one call every ten minutes");
    let lane = world.lane("web", "mix");
    world.finish(lane, 20 * MINUTE).await;
    assert!(world.ends(lane).values().all(|ends| ends[..] == [End::Delivered]));
}

#[tokio::test(start_paused = true)]
async fn an_expired_token_is_renewed_once_for_all_lanes_and_instances_with_the_same_key() {
    let world = World::new();
    let token = Arc::new(AtomicUsize::new(0));
    let granted = Arc::clone(&token);
    world.script(move |seen| match &*seen.host {
        "tokens" => (50 * MS, Reply::Body(200, format!("t{}", granted.fetch_add(1, Ordering::SeqCst) + 1))),
        // The first token is refused after ten seconds.
        _ if seen.token.as_deref() == Some("t1") && seen.at > 10 * SECOND => (MS, Reply::Status(401)),
        _ => (MS, Reply::Status(200)),
    });
    let instance = |name: &str| {
        let mut fake = Fake::new(name);
        fake.oauth = Some(FakeTokens { key: "grant".into() });
        fake.from(&["web", "app"])
    };
    let engine = world.engine(vec![instance("a"), instance("b")]).await;
    for _ in 0..3 {
        world.accept(Some(&engine), "web", 50).await;
        world.accept(Some(&engine), "app", 50).await;
        tokio::time::sleep(8 * SECOND).await;
    }
    for (source, name) in [("web", "a"), ("app", "a"), ("web", "b"), ("app", "b")] {
        let lane = world.lane(source, name);
        world.finish(lane, MINUTE).await;
        assert!(world.ends(lane).values().all(|ends| ends[..] == [End::Delivered]));
    }
    assert_eq!(token.load(Ordering::SeqCst), 2);
    let seen = world.seen.lock().unwrap();
    assert!(seen.iter().filter(|seen| seen.host == "tokens").skip(1).all(|seen| seen.path == "/refresh"));
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_refused_twice_or_a_grant_that_was_revoked_holds_the_instance() {
    for revoked in [false, true] {
        let world = World::new();
        world.script(move |seen| match &*seen.host {
            "tokens" => (MS, if revoked { Reply::Status(400) } else { Reply::Body(200, "t".into()) }),
            _ => (MS, Reply::Status(401)),
        });
        let mut fake = Fake::new("a");
        fake.oauth = Some(FakeTokens { key: "grant".into() });
        let engine = world.engine(vec![fake.from(&["web"])]).await;
        world.accept(Some(&engine), "web", 3).await;
        tokio::time::sleep(SECOND).await;
        let expected = if revoked { "the grant was revoked" } else { "401" };
        assert_eq!(held(&engine.status().await.unwrap(), "a").as_deref(), Some(expected));
        assert!(world.ends(world.lane("web", "a")).values().all(Vec::is_empty));
        let tokens = world.seen.lock().unwrap().iter().filter(|seen| seen.host == "tokens").count();
        assert!(tokens <= 2, "{tokens}");
    }
}

#[tokio::test(start_paused = true)]
async fn dead_letters_that_are_sent_again_get_a_fresh_window_and_end_once_more() {
    let world = World::new();
    world.script(|seen| (MS, Reply::Status(if seen.at < HOUR { 400 } else { 200 })));
    let engine = world.engine(vec![Fake::new("mix").from(&["web"])]).await;
    world.accept(Some(&engine), "web", 20).await;
    let lane = world.lane("web", "mix");
    world.finish(lane, SECOND).await;
    tokio::time::sleep(HOUR).await;
    let letters = world.log.dead(Some(lane), None, 100).unwrap();
    assert_eq!(letters.len(), 20);
    let twice: Vec<_> = letters.iter().chain(&letters[..5]).cloned().collect();
    assert_eq!(engine.redrive(twice).await.unwrap(), 20);
    world.finish(lane, MINUTE).await;
    assert_eq!(engine.redrive(letters).await.unwrap(), 0, "they are not dead any more");
    assert!(world.log.dead(Some(lane), None, 100).unwrap().is_empty());
    assert!(world.ends(lane).values().all(|ends| ends[..] == [End::Dead, End::Delivered]));
    assert!(world.counts("mix").values().all(|count| *count == 2));
    let status = engine.status().await.unwrap();
    assert_eq!(status.instances[0].lanes[0].dead, 0);
}

fn sorted(mut numbers: Vec<u64>) -> Vec<u64> {
    numbers.sort_unstable();
    numbers
}

#[tokio::test(start_paused = true)]
async fn twelve_instances_decode_an_event_once() {
    let world = World::new();
    let names: Vec<String> = (0..12).map(|n| format!("p{n}")).collect();
    let instances = names.iter().map(|name| Fake::new(name).batch(100, Duration::ZERO).from(&["web"])).collect();
    let engine = world.engine(instances).await;
    for _ in 0..10 {
        world.accept(Some(&engine), "web", 300).await;
    }
    for name in &names {
        world.finish(world.lane("web", name), MINUTE).await;
    }
    assert_eq!(world.decoded.load(Ordering::Relaxed), 3000);
}
