//! Code of one destination that panics or does not end harms its own events alone.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::fake::*;
use crate::partner::*;
use crate::world::*;
use destination_router::delivery::Instance;
use destination_router::log::Log;
use serde_json::json;

#[tokio::test(start_paused = true)]
async fn of_a_batch_with_an_event_that_panics_in_the_plan_only_that_one_is_rejected() {
    let world = World::new();
    let engine =
        world.engine(vec![Fake::new("bad").batch(100, 10 * MS).from(&["web"]), Fake::new("good").from(&["app"])]).await;
    let event = |n: usize| if n == 41 { json!({"n": n, "poison": "plan"}) } else { json!({ "n": n }) };
    world.accept_json(Some(&engine), "web", (0..100).map(event).collect()).await;
    world.accept_json(Some(&engine), "app", vec![json!({"n": 0})]).await;
    let lane = world.lane("web", "bad");
    world.finish(lane, SECOND).await;
    world.finish(world.lane("app", "good"), SECOND).await;
    let ends = world.ends(lane);
    assert!(ends.iter().all(|(seq, ends)| ends[..] == [if *seq == 41 { End::Dead } else { End::Delivered }]));
    assert_eq!(world.requests(), 2, "the others went together");
    let letter = &world.log.dead(Some(lane), None, 1).unwrap()[0];
    assert!(letter.dead.reason.starts_with("the destination's code panicked: cannot plan"), "{letter:?}");
    let status = engine.status().await.unwrap();
    let degraded: Vec<bool> = status.instances.iter().map(|instance| instance.degraded.is_some()).collect();
    assert_eq!(degraded, [true, false]);
    assert!(engine.counters()["bad"].panics.load(Ordering::Relaxed) >= 1);
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_route_or_judge_rejects_the_events_concerned() {
    for watched in [false, true] {
        let world = World::new();
        world.script(|seen| (MS, Reply::Status(if seen.events == [2] { 418 } else { 200 })));
        let engine = world.engine(vec![Instance { watched, ..Fake::new("bad").from(&["web"]) }]).await;
        let event = |n: usize| if n == 1 { json!({"n": n, "poison": "route"}) } else { json!({ "n": n }) };
        world.accept_json(Some(&engine), "web", (0..5).map(event).collect()).await;
        let lane = world.lane("web", "bad");
        world.finish(lane, SECOND).await;
        let ends = world.ends(lane);
        assert!(
            ends.iter().all(|(seq, ends)| ends[..] == [if [1, 2].contains(seq) { End::Dead } else { End::Delivered }])
        );
        let dead = world.log.dead(Some(lane), None, 9).unwrap();
        assert!(dead[1].dead.reason.contains("while it read the answer: a teapot"), "{dead:?}");
    }
}

/// In real time: a thread that does not end keeps virtual time from passing.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_with_which_the_code_does_not_end_is_rejected_and_the_others_are_delivered() {
    for place in ["plan", "route"] {
        let mut world = World::new();
        world.options.watchdog = 200 * MS;
        world.options.overruns = 10;
        let world = world;
        let bad = Fake::new("bad").batch(20, 10 * MS);
        let release = Arc::clone(&bad.release);
        let bad = Instance { watched: true, ..bad.from(&["web"]) };
        let engine = world.engine(vec![bad, Fake::new("good").from(&["web"])]).await;
        let event = |n: usize| if n == 7 { json!({"n": n, "loop": place}) } else { json!({ "n": n }) };
        // The good one has the same code: it must not meet the loop.
        let events = (0..20).map(event).map(|mut event| {
            event["to"] = json!(1);
            event
        });
        let released = Arc::clone(&release);
        let _end = Ends(released);
        world.accept_json(Some(&engine), "web", events.filter(|e| e.get("loop").is_none()).collect()).await;
        world.finish(world.lane("web", "good"), 5 * SECOND).await;
        drop(engine);
        let engine = world.engine(vec![Instance { watched: true, ..reborn(&release).from(&["web"]) }]).await;
        world
            .accept_json(
                Some(&engine),
                "web",
                vec![json!({"n": 90}), json!({"n": 91, "loop": place}), json!({"n": 92})],
            )
            .await;
        let lane = world.lane("web", "bad");
        world.finish(lane, 10 * SECOND).await;
        let dead = world.log.dead(Some(lane), None, 9).unwrap();
        assert_eq!(dead.iter().map(|letter| letter.seq).collect::<Vec<_>>(), [20], "{dead:?}");
        assert_eq!(dead[0].dead.reason, "the destination's code did not end within 200ms");
        assert!(world.got("bad").contains(&90) && world.got("bad").contains(&92));
        let status = engine.status().await.unwrap();
        assert!(status.instances[0].degraded.as_ref().unwrap().reason.contains("did not end"), "{status:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_few_endless_loops_the_code_is_not_run_any_more_and_its_events_are_kept() {
    let mut world = World::new();
    world.options.watchdog = 50 * MS;
    world.options.overruns = 3;
    let world = world;
    let bad = Fake::new("bad");
    let release = Arc::clone(&bad.release);
    let _end = Ends(Arc::clone(&release));
    let engine = world.engine(vec![Instance { watched: true, ..bad.from(&["web"]) }]).await;
    let looping = (0..200).map(|n| json!({"n": n, "loop": "plan"})).collect();
    world.accept_json(Some(&engine), "web", looping).await;
    let deadline = tokio::time::Instant::now() + 10 * SECOND;
    while held(&engine.status().await.unwrap(), "bad").is_none() {
        assert!(tokio::time::Instant::now() < deadline);
        tokio::time::sleep(20 * MS).await;
    }
    tokio::time::sleep(300 * MS).await;
    let reason = held(&engine.status().await.unwrap(), "bad").unwrap();
    assert!(reason.contains("mend it and load it anew"), "{reason}");
    let overruns = engine.counters()["bad"].overruns.load(Ordering::Relaxed);
    assert!((3..12).contains(&overruns), "a few threads are lost, not one for each event: {overruns}");
    // Mended and loaded anew, it goes on.
    release.store(true, Ordering::Relaxed);
    let mended = Instance { watched: true, ..reborn(&release).from(&["web"]) };
    engine.reconfigure(destination_router::delivery::Topology { instances: vec![mended] }).await.unwrap();
    let lane = world.lane("web", "bad");
    world.finish(lane, 10 * SECOND).await;
    let ends = world.ends(lane);
    let dead = ends.values().filter(|ends| ends[..] == [End::Dead]).count();
    assert!(ends.values().all(|ends| ends.len() == 1) && dead <= 12, "{dead}");
}

/// The same destination as another value.
fn reborn(release: &Arc<std::sync::atomic::AtomicBool>) -> Fake {
    Fake { release: Arc::clone(release), ..Fake::new("bad").batch(20, Duration::ZERO) }
}

/// Lets the loops end, so that the test can.
struct Ends(Arc<std::sync::atomic::AtomicBool>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
