//! What every engine of the log does. One suite, run on each.

use std::time::Duration;

use bytes::Bytes;
use destination_router::log::{
    Accepted, Dead, Done, Embedded, EmbeddedOptions, How, LaneId, LaneState, Log, LogError, Memory, Outcome, Parcel,
    Retention, Retry, Seq, SourceId, Stored, fingerprint,
};
use jiff::Timestamp;

const FOREVER: Retention = Retention { age: Duration::from_secs(1 << 40), bytes: u64::MAX };
const DAY: Retention = Retention { age: Duration::from_secs(86_400), bytes: u64::MAX };
const NOTHING: Retention = Retention { age: Duration::from_secs(1 << 40), bytes: 0 };

/// Runs a behaviour on every engine.
macro_rules! on_every_engine {
    ($($(#[$meta:meta])* async fn $name:ident($log:ident) $body:block)*) => {
        $(mod $name {
            use super::*;

            async fn behaviour($log: &dyn Log) $body

            #[tokio::test]
            async fn memory() {
                behaviour(&Memory::new()).await;
            }

            #[tokio::test]
            async fn embedded() {
                let folder = tempfile::tempdir().expect("a folder");
                let log = Embedded::open(folder.path(), EmbeddedOptions::default()).expect("a log");
                behaviour(&log).await;
            }
        })*
    };
}

fn time(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a time")
}

fn event(id: &str) -> Accepted {
    Accepted { json: Bytes::from(format!(r#"{{"messageId":"{id}"}}"#)), id: fingerprint(id) }
}

fn parcel(source: SourceId, second: i64, ids: &[&str]) -> Parcel {
    let events = ids.iter().map(|id| event(id)).collect();
    Parcel { source, received_at: time(second), sent_at: None, shared: Bytes::new(), events }
}

fn record(lane: LaneId) -> Outcome {
    Outcome { lane, at: time(0), done: vec![], retry: vec![], dead: vec![] }
}

fn delivered(lane: LaneId, events: std::ops::Range<Seq>) -> Outcome {
    Outcome { done: vec![Done { events, how: How::Delivered { status: 200, elapsed_ms: 12 } }], ..record(lane) }
}

fn retry(lane: LaneId, seq: Seq) -> Outcome {
    let retry =
        Retry { attempts: 1, since: time(1), at: time(2), open: 0b101, reason: "503 Service Unavailable".into() };
    Outcome { retry: vec![(seq, retry)], ..record(lane) }
}

fn dead(lane: LaneId, seq: Seq) -> Outcome {
    Outcome { dead: vec![(seq, Dead { attempts: 3, open: 1, reason: "400: no e-mail".into() })], ..record(lane) }
}

fn lane(log: &dyn Log, source: &str, instance: &str) -> LaneId {
    LaneId { source: log.source(source).expect("a source"), instance: log.instance(instance).expect("an instance") }
}

fn texts(stored: &[Stored]) -> Vec<(Seq, String)> {
    let events = stored.iter().flat_map(|stored| stored.range().zip(&stored.parcel.events));
    events.map(|(seq, event)| (seq, String::from_utf8_lossy(&event.json).into_owned())).collect()
}

fn firsts(log: &dyn Log, source: SourceId, from: Seq, events: usize) -> Vec<Seq> {
    log.read(source, from, events).expect("read").iter().map(|stored| stored.first).collect()
}

async fn append(log: &dyn Log, parcels: impl IntoIterator<Item = Parcel>) {
    for parcel in parcels {
        log.append(parcel).await.expect("accepted");
    }
}

on_every_engine! {
    async fn names_have_numbers_that_stay(log) {
        let web = log.source("web").expect("a source");
        let shop = log.source("shop").expect("a source");
        assert_ne!(web, shop);
        assert_eq!(log.source("web").expect("a source"), web);
        let slack = log.instance("web").expect("an instance");
        assert_eq!(log.instance("web").expect("an instance"), slack);
    }

    async fn what_was_accepted_is_read_back_as_it_was(log) {
        let source = log.source("web").expect("a source");
        let whole = Parcel {
            sent_at: Some(time(-62_000_000_000)),
            shared: Bytes::from_static(br#"{"context":{"ip":"192.0.2.1"}}"#),
            ..parcel(source, 7, &["a", "ü", "c"])
        };
        assert_eq!(log.append(whole.clone()).await.expect("accepted"), 0);
        assert_eq!(log.append(parcel(source, 8, &["d"])).await.expect("accepted"), 3);
        assert_eq!(log.head(source).expect("a head"), 4);
        let read = log.read(source, 0, 100).expect("read");
        assert_eq!(read.len(), 2);
        assert_eq!(read[0].range(), 0..3);
        let back = &read[0].parcel;
        assert_eq!((back.source, back.received_at, back.sent_at), (source, whole.received_at, whole.sent_at));
        assert_eq!(back.shared, whole.shared);
        let fields = |parcel: &Parcel| parcel.events.iter().map(|e| (e.json.clone(), e.id)).collect::<Vec<_>>();
        assert_eq!(fields(back), fields(&whole));
        assert_eq!(read[1].parcel.sent_at, None);
    }

    async fn a_read_takes_whole_parcels(log) {
        let source = log.source("web").expect("a source");
        append(log, [parcel(source, 1, &["a", "b"]), parcel(source, 2, &["c"]), parcel(source, 3, &["d", "e"])]).await;
        assert_eq!(firsts(log, source, 0, 1), [0]);
        assert_eq!(firsts(log, source, 1, 3), [0, 2]);
        assert_eq!(firsts(log, source, 2, 2), [2, 3]);
        assert_eq!(firsts(log, source, 4, 1000), [3]);
        assert_eq!(firsts(log, source, 5, 1000), [0; 0]);
        assert_eq!(firsts(log, source, 0, 0), [0; 0]);
    }

    async fn sources_do_not_mix(log) {
        let (web, shop) = (log.source("web").expect("a source"), log.source("shop").expect("a source"));
        append(log, [parcel(web, 1, &["a"]), parcel(shop, 2, &["b"]), parcel(web, 3, &["c"])]).await;
        assert_eq!(texts(&log.read(web, 0, 9).expect("read")), [(0, event_text("a")), (1, event_text("c"))]);
        assert_eq!(texts(&log.read(shop, 0, 9).expect("read")), [(0, event_text("b"))]);
        assert_eq!((log.head(web).expect("a head"), log.head(shop).expect("a head")), (2, 1));
    }

    async fn a_parcel_without_events_is_refused(log) {
        let source = log.source("web").expect("a source");
        let refused = log.append(parcel(source, 1, &[])).await;
        assert!(matches!(refused, Err(LogError::Engine { .. })), "{refused:?}");
        assert_eq!(log.head(source).expect("a head"), 0);
    }

    async fn a_lane_without_records_has_judged_nothing(log) {
        let lane = lane(log, "web", "slack");
        assert_eq!(log.lane(lane).expect("a lane"), LaneState::default());
    }

    async fn the_later_record_of_an_event_wins(log) {
        let lane = lane(log, "web", "slack");
        for outcome in [delivered(lane, 0..2), retry(lane, 2), retry(lane, 4), dead(lane, 5), dead(lane, 6)] {
            log.record(outcome).await.expect("recorded");
        }
        let state = log.lane(lane).expect("a lane");
        assert_eq!(state.judged, [0..3, 4..7]);
        assert_eq!(state.retries.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), [2, 4]);
        assert_eq!(state.retries[0].1, retry(lane, 2).retry[0].1);
        assert_eq!(state.dead, 2);

        // Delivered at the second try, dead at the last, sent again by hand.
        for outcome in [delivered(lane, 2..3), dead(lane, 4), retry(lane, 5), delivered(lane, 6..7), dead(lane, 4)] {
            log.record(outcome).await.expect("recorded");
        }
        let state = log.lane(lane).expect("a lane");
        assert_eq!(state.judged, [0..3, 4..7]);
        assert_eq!(state.retries.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), [5]);
        assert_eq!(state.dead, 1);
        assert_eq!(letters(log, None, None, 9), [(lane, 4)]);
    }

    async fn dead_letters_are_listed_in_pages(log) {
        let (one, two) = (lane(log, "web", "slack"), lane(log, "web", "braze"));
        for (lane, seq) in [(two, 3), (one, 9), (one, 1), (two, 4)] {
            log.record(dead(lane, seq)).await.expect("recorded");
        }
        assert_eq!(letters(log, None, None, 9), [(one, 1), (one, 9), (two, 3), (two, 4)]);
        assert_eq!(letters(log, None, None, 2), [(one, 1), (one, 9)]);
        assert_eq!(letters(log, None, Some((one, 9)), 9), [(two, 3), (two, 4)]);
        assert_eq!(letters(log, Some(two), None, 9), [(two, 3), (two, 4)]);
        assert_eq!(letters(log, Some(two), Some((two, 3)), 9), [(two, 4)]);
        let letter = log.dead(Some(two), None, 1).expect("dead letters").remove(0);
        assert_eq!((letter.at, letter.dead), (time(0), dead(two, 3).dead.remove(0).1));
    }

    async fn history_tells_the_way_of_one_event(log) {
        let lane = lane(log, "web", "slack");
        let told = [retry(lane, 1), delivered(lane, 2..9), retry(lane, 1), dead(lane, 1)];
        for outcome in &told {
            log.record(outcome.clone()).await.expect("recorded");
        }
        let expected = [told[0].clone(), told[2].clone(), told[3].clone()];
        assert_eq!(log.history(lane, 1).expect("a history"), expected);
        assert_eq!(log.history(lane, 8).expect("a history"), [told[1].clone()]);
        assert_eq!(log.history(lane, 9).expect("a history"), []);
    }

    async fn an_id_is_found_newest_first(log) {
        let (web, shop) = (log.source("web").expect("a source"), log.source("shop").expect("a source"));
        append(log, [parcel(web, 1, &["a", "b", "a"]), parcel(shop, 2, &["c", "a"]), parcel(web, 3, &["b", "a"])]).await;
        let found = [(web, 4), (shop, 1), (web, 2), (web, 0)];
        assert_eq!(log.find(fingerprint("a"), 9).expect("found"), found);
        assert_eq!(log.find(fingerprint("a"), 2).expect("found"), found[..2]);
        assert_eq!(log.find(fingerprint("z"), 9).expect("found"), []);
    }

    async fn recent_ids_come_oldest_first_and_the_newest_of_them(log) {
        let source = log.source("web").expect("a source");
        append(log, [parcel(source, 1, &["a"]), parcel(source, 5, &["b", "c"]), parcel(source, 6, &["d"])]).await;
        let ids = |ids: &[&str]| ids.iter().map(|id| fingerprint(id)).collect::<Vec<_>>();
        assert_eq!(log.recent(source, time(0), 9).expect("ids"), ids(&["a", "b", "c", "d"]));
        assert_eq!(log.recent(source, time(5), 9).expect("ids"), ids(&["b", "c", "d"]));
        assert_eq!(log.recent(source, time(5), 2).expect("ids"), ids(&["c", "d"]));
        assert_eq!(log.recent(source, time(7), 9).expect("ids"), [0; 0]);
    }

    async fn what_is_done_with_and_old_goes(log) {
        let lane = lane(log, "web", "slack");
        append(log, (0..4).map(|n| parcel(lane.source, 100 * n, &["a", "b"]))).await;
        log.record(delivered(lane, 0..5)).await.expect("recorded");

        log.expire(&[lane], time(86_400 + 150), FOREVER).expect("expired");
        assert_eq!(firsts(log, lane.source, 0, 99), [0, 2, 4, 6]);
        log.expire(&[lane], time(86_400 + 150), DAY).expect("expired");
        assert_eq!(firsts(log, lane.source, 0, 99), [4, 6]);
        // Of the third parcel one event is not done with.
        log.expire(&[lane], time(86_400 + 950), DAY).expect("expired");
        assert_eq!(firsts(log, lane.source, 0, 99), [4, 6]);
        assert_eq!(log.usage().expect("usage").events, 4);
        assert_eq!(log.head(lane.source).expect("a head"), 8);
        assert_eq!(log.history(lane, 3).expect("a history"), []);
        assert_eq!(log.history(lane, 4).expect("a history").len(), 1);
        assert_eq!(log.find(fingerprint("a"), 9).expect("found"), [(lane.source, 6), (lane.source, 4)]);
        // The next is numbered on.
        assert_eq!(log.append(parcel(lane.source, 1000, &["z"])).await.expect("accepted"), 8);
    }

    async fn what_any_lane_has_not_finished_stays(log) {
        let (one, two) = (lane(log, "web", "slack"), lane(log, "web", "braze"));
        append(log, (0..4).map(|n| parcel(one.source, n, &["a"]))).await;
        log.record(delivered(one, 0..4)).await.expect("recorded");
        log.record(delivered(two, 0..4)).await.expect("recorded");
        log.record(retry(two, 2)).await.expect("recorded");
        log.expire(&[one, two], time(1 << 20), DAY).expect("expired");
        assert_eq!(firsts(log, one.source, 0, 99), [2, 3]);
        log.expire(&[one], time(1 << 20), DAY).expect("expired");
        assert_eq!(firsts(log, one.source, 0, 99), [0; 0]);
    }

    async fn the_oldest_goes_while_there_is_too_much(log) {
        let (web, shop) = (lane(log, "web", "slack"), lane(log, "shop", "slack"));
        append(log, [parcel(web.source, 1, &["a"]), parcel(shop.source, 2, &["b"]), parcel(web.source, 3, &["c"])]).await;
        log.record(delivered(web, 0..2)).await.expect("recorded");
        log.expire(&[web, shop], time(4), NOTHING).expect("expired");
        assert_eq!((firsts(log, web.source, 0, 9), firsts(log, shop.source, 0, 9)), (vec![], vec![0]));
    }

    async fn dead_letters_stay_until_they_are_old(log) {
        let lane = lane(log, "web", "slack");
        append(log, (0..3).map(|n| parcel(lane.source, n, &["a"]))).await;
        log.record(delivered(lane, 0..3)).await.expect("recorded");
        log.record(dead(lane, 1)).await.expect("recorded");
        log.expire(&[lane], time(10), NOTHING).expect("expired");
        assert_eq!(firsts(log, lane.source, 0, 99), [1, 2]);
        assert_eq!(letters(log, None, None, 9), [(lane, 1)]);
        log.expire(&[lane], time(1 << 20), DAY).expect("expired");
        assert_eq!(firsts(log, lane.source, 0, 99), [0; 0]);
        assert_eq!(letters(log, None, None, 9), []);
        assert_eq!(log.lane(lane).expect("a lane").dead, 0);
    }

    async fn flushed_answers_after_what_was_given_before(log) {
        let source = log.source("web").expect("a source");
        let pending: Vec<_> = (0..20).map(|n| log.append(parcel(source, n, &["a"]))).collect();
        log.flushed().await.expect("flushed");
        assert_eq!(log.head(source).expect("a head"), 20);
        for (n, pending) in pending.into_iter().enumerate() {
            assert_eq!(pending.await.expect("accepted"), n as Seq);
        }
    }
}

fn event_text(id: &str) -> String {
    String::from_utf8_lossy(&event(id).json).into_owned()
}

fn letters(log: &dyn Log, lane: Option<LaneId>, after: Option<(LaneId, Seq)>, limit: usize) -> Vec<(LaneId, Seq)> {
    log.dead(lane, after, limit).expect("dead letters").iter().map(|letter| (letter.lane, letter.seq)).collect()
}

#[tokio::test]
async fn memory_can_be_full_for_a_while() {
    let log = Memory::new();
    let lane = lane(&log, "web", "slack");
    log.set_full(true);
    assert!(matches!(log.append(parcel(lane.source, 1, &["a"])).await, Err(LogError::Full { .. })));
    assert!(matches!(log.record(delivered(lane, 0..1)).await, Err(LogError::Full { .. })));
    log.set_full(false);
    assert_eq!(log.append(parcel(lane.source, 1, &["a"])).await.expect("accepted"), 0);
    assert_eq!(log.lane(lane).expect("a lane"), LaneState::default());
}
