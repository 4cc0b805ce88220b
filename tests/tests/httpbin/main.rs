//! httpbin, a service that we did not write: the whole of it, recorded and replayed through every client.
//!
//! ```text
//! adapter ──► Front ──► httpbin      recording: through a door that counts
//! adapter ──✗ Front                  replaying: the door is shut, its port refuses
//! ```
//!
//! | module | holds |
//! |---|---|
//! | `server` | the Python process, one for this binary |
//! | `front` | the door; HTTP/2 in front of a server that has none |
//! | `endpoints` | the requests in which no secret goes either way |
//! | `secrets` | the others, and what must come back of them |
//! | `digest`, `codings` | a client's part of digest authentication and of content codings |
//! | `compare` | two answers side by side |

mod codings;
mod compare;
mod digest;
mod endpoints;
mod front;
mod secrets;
mod server;

use std::collections::{BTreeMap, BTreeSet};

use compare::{Seen, assert_none, difference, named};
use front::Front;
use recorder_tests::adapters::{Answer, Ask};
use recorder_tests::{Bench, Run, over_all_adapters};
use server::Server;
use traffic_recorder::{Mode, Recorder, Reveal};

over_all_adapters!(
    every_answer_comes_back_as_it_was,
    r48_registered_secrets_come_back_by_name_or_by_value,
    r48_secrets_in_their_fields_come_back_by_number_or_by_value,
    digest_authentication_goes_through_from_the_tape,
    r61_recording_again_changes_only_what_httpbin_varies,
);

/// Status, reason, version, URL, headers in their order with their repeats, and the bytes of the body.
async fn every_answer_comes_back_as_it_was(bench: Bench) {
    let Some(server) = Server::shared() else { return };
    let asks = endpoints::open();
    let (base, live) = record(&bench, server, bench.recorder(Mode::Record), &asks).await;

    let replayed = replay(&bench, bench.recorder(Mode::Replay), &base, &asks).await;

    compare_all(&bench, "replayed is not what it was live", &asks, &live, &replayed);
}

async fn r48_registered_secrets_come_back_by_name_or_by_value(bench: Bench) {
    let Some(server) = Server::shared() else { return };
    let recorder = |mode| secrets::register(bench.recorder(mode));
    let asks = secrets::registered();
    let (base, live) = record(&bench, server, recorder(Mode::Record), &asks).await;

    let named = replay(&bench, recorder(Mode::Replay), &base, &asks).await;
    let shown = replay(&bench, recorder(Mode::Replay).reveal(Reveal::Value), &base, &asks).await;

    let [plain, named, shown] = [&live, &named, &shown].map(|seen| each(seen, codings::undone));
    compare_all(&bench, "by name", &asks, &masked(&base, &asks, &live, &secrets::NAMED), &named);
    compare_all(&bench, "by value", &asks, &plain, &shown);
}

async fn r48_secrets_in_their_fields_come_back_by_number_or_by_value(bench: Bench) {
    let Some(server) = Server::shared() else { return };
    let asks = secrets::learned();
    let (base, live) = record(&bench, server, bench.recorder(Mode::Record), &asks).await;

    let numbered = replay(&bench, bench.recorder(Mode::Replay), &base, &asks).await;
    let shown = replay(&bench, bench.recorder(Mode::Replay).reveal(Reveal::Value), &base, &asks).await;

    let all: Vec<_> = secrets::NUMBERED.into_iter().chain(secrets::GRANTED).collect();
    compare_all(&bench, "by number", &asks, &masked(&base, &asks, &live, &all), &numbered);
    compare_all(&bench, "by value", &asks, &masked(&base, &asks, &live, &secrets::GRANTED), &shown);
}

/// The nonce of the challenge is random: what the client makes of the recorded one is what it made of the live one.
async fn digest_authentication_goes_through_from_the_tape(bench: Bench) {
    let Some(server) = Server::shared() else { return };
    // What httpbin puts into cookies of its own is no secret.
    let open = |recorder: Recorder| recorder.redact("show cookie stale_after").redact("show cookie fake");
    let recorder = |mode| open(secrets::register(bench.recorder(mode))).reveal(Reveal::Value);
    let (user, password) = secrets::DIGEST;
    let path = format!("/digest-auth/auth/{user}/{password}/SHA-256");
    let handshake = async |run: &Run, base: &str| {
        let first = Ask::get(format!("{base}{path}"));
        let challenge = run.must(first.clone()).await;
        let second = digest::reply(&first, &path, &challenge, user, password);
        [Ok(challenge), Ok(run.must(second).await)]
    };

    let front = Front::to(server.address).await;
    let (run, base) = (bench.run(recorder(Mode::Record)), front.base());
    let live = handshake(&run, &base).await;
    run.done();
    front.shut().await;
    let run = bench.run(recorder(Mode::Replay));
    let replayed = handshake(&run, &base).await;
    run.done();

    assert_eq!(live.each_ref().map(|seen: &Seen| seen.as_ref().map_or(0, |a| a.status)), [401, 200]);
    let asks = [Ask::get("the challenge"), Ask::get("the answer")];
    compare_all(&bench, "replayed is not what it was live", &asks, &live, &replayed);
}

/// On another port than before, which is a local listener's and means nothing.
async fn r61_recording_again_changes_only_what_httpbin_varies(bench: Bench) {
    let Some(server) = Server::shared() else { return };
    let slow = |ask: &Ask| ["/delay/1", "/drip"].iter().any(|path| ask.url.starts_with(path));
    let asks: Vec<_> = endpoints::open().into_iter().chain(secrets::registered()).filter(|ask| !slow(ask)).collect();
    record(&bench, server, secrets::register(bench.recorder(Mode::Record)), &asks).await;
    let before: BTreeMap<_, _> = bench.files().into_iter().collect();

    record(&bench, server, secrets::register(bench.recorder(Mode::Record)), &asks).await;

    let after: BTreeMap<_, _> = bench.files().into_iter().collect();
    let names: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let changed: Vec<_> = names.iter().copied().filter(|name| before.get(*name) != after.get(*name)).collect();
    let is_varying = |name: &str| endpoints::VARYING.iter().any(|tape| name.starts_with(tape));
    // A body in a file of its own belongs to the tape that names it.
    let tapes = before.iter().chain(&after).filter(|(name, _)| is_varying(name));
    let varying = tapes.map(|(_, bytes)| String::from_utf8_lossy(bytes)).collect::<String>();
    let unexpected = changed.iter().filter(|name| !is_varying(name) && !varying.contains(**name));
    let text = |files: &BTreeMap<String, Vec<u8>>, name| {
        files.get(name).map_or("(none)".into(), |bytes| String::from_utf8_lossy(bytes).into_owned())
    };
    let unexpected = unexpected
        .map(|name| ((*name).clone(), compare::difference_of_texts(&text(&before, *name), &text(&after, *name))));
    assert_none(bench.adapter.name(), "recorded again", &unexpected.collect::<Vec<_>>());
    assert!(changed.iter().any(|name| name.contains("-uuid-")), "a new id is written anew: {changed:?}");
}

#[test]
fn every_route_of_httpbin_is_asked() {
    let Some(server) = Server::shared() else { return };
    let digest = Ask::get("/digest-auth/auth/user/password/SHA-256");
    let asks = [endpoints::open(), secrets::registered(), secrets::learned(), vec![digest]].concat();
    let asked = |route: &&String| asks.iter().any(|ask| leads_to(&ask.url, route));
    let left_out: Vec<_> = server.routes.iter().filter(|route| !asked(route)).collect();
    assert!(!server.routes.is_empty() && left_out.is_empty(), "not asked: {left_out:?}");
}

/// Whether Flask would take a URL to a route; `<path:…>` stands for any rest.
fn leads_to(url: &str, route: &str) -> bool {
    let mut segments = url.split('?').next().unwrap_or_default().split('/');
    for part in route.split('/') {
        match segments.next() {
            Some(_) if part.starts_with("<path:") => return true,
            Some(segment) if part.starts_with('<') || part == segment => {}
            _ => return false,
        }
    }
    segments.next().is_none()
}

/// Sends all requests to httpbin, one after the other, and saves the tapes. Afterwards nobody listens at the address that the
/// requests went to.
async fn record(bench: &Bench, server: &Server, recorder: Recorder, asks: &[Ask]) -> (String, Vec<Seen>) {
    let front = Front::to(server.address).await;
    let base = front.base();
    let run = bench.run(recorder);
    let seen = send_all(&run, &base, asks).await;
    run.done();
    assert!(front.connections() > 0, "nothing was recorded");
    front.shut().await;
    (base, seen)
}

async fn replay(bench: &Bench, recorder: Recorder, base: &str, asks: &[Ask]) -> Vec<Seen> {
    let run = bench.run(recorder);
    let seen = send_all(&run, base, asks).await;
    run.done();
    seen
}

async fn send_all(run: &Run, base: &str, asks: &[Ask]) -> Vec<Seen> {
    let mut seen = Vec::new();
    for ask in asks {
        let mut ask = ask.clone();
        ask.url.insert_str(0, base);
        seen.push(run.send(ask).await);
    }
    seen
}

fn masked(base: &str, asks: &[Ask], live: &[Seen], values: &[(&str, &str)]) -> Vec<Seen> {
    let mask = |(ask, seen): (&Ask, &Seen)| {
        seen.as_ref().map(|live| secrets::masked(&format!("{base}{}", ask.url), live, values)).map_err(Clone::clone)
    };
    asks.iter().zip(live).map(mask).collect()
}

fn each(seen: &[Seen], change: impl Fn(&Answer) -> Answer) -> Vec<Seen> {
    seen.iter().map(|seen| seen.as_ref().map(&change).map_err(Clone::clone)).collect()
}

fn compare_all(bench: &Bench, what: &str, asks: &[Ask], live: &[Seen], replayed: &[Seen]) {
    let pairs = asks.iter().zip(live.iter().zip(replayed));
    let differences = pairs.filter_map(|(ask, (live, replayed))| Some((named(ask), difference(live, replayed)?)));
    assert_none(bench.adapter.name(), what, &differences.collect::<Vec<_>>());
}
