//! One case: its files, its instance, its tapes, its verdicts.

use std::fmt::Write as _;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use destination_router::client::{Body, BoxError};
use destination_router::destination::{Env, Target};
use http::{Request, Response};
use jiff::Timestamp;
use partners::StandIn;
use tower::{Layer, Service};
use traffic_recorder::{Mode, Origin, Recorder};

use super::case::{Case, Destination};
use super::play::Player;

/// The time in every case: partners have opinions on what is old.
const NOW: Timestamp = Timestamp::constant(1_767_323_050, 0);
const SEED: u64 = 17;

static EXCHANGES: AtomicUsize = AtomicUsize::new(0);
static RECORDED: AtomicUsize = AtomicUsize::new(0);
static CASES: AtomicUsize = AtomicUsize::new(0);
static MICROSECONDS: AtomicUsize = AtomicUsize::new(0);

/// What ran, in a line.
pub(crate) fn summary() -> String {
    let read = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
    let mut line = format!("{} exchanges replayed in {} cases", read(&EXCHANGES), read(&CASES));
    if read(&RECORDED) > 0 {
        let _ = write!(line, ", {} recorded", read(&RECORDED));
    }
    let _ = write!(line, ", {} ms of work", read(&MICROSECONDS) / 1000);
    line
}

pub(crate) fn case(destination: &Destination, name: &str) -> Result<(), String> {
    let begin = Instant::now();
    let case = destination.case(name)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let outcome = runtime.map_err(|error| error.to_string())?.block_on(run(destination, case));
    CASES.fetch_add(1, Ordering::Relaxed);
    let spent = usize::try_from(begin.elapsed().as_micros()).unwrap_or(usize::MAX);
    MICROSECONDS.fetch_add(spent, Ordering::Relaxed);
    outcome
}

async fn run(destination: &Destination, mut case: Case) -> Result<(), String> {
    let live = real_settings(destination, &mut case);
    let target = super::instance::of(&destination.slug, &case)?;
    let mut recorder = Recorder::at(&case.folder).origin(if live { Origin::Live } else { Origin::Simulated });
    for (setting, name) in &destination.shared.live {
        if let Some(secret) = case.settings.get(setting).and_then(|secret| secret.as_str()) {
            recorder = recorder.secret(name, secret);
        }
    }
    // A partner that is well cannot be asked to fail.
    if live && !case.scenario.is_empty() {
        recorder = recorder.mode(Mode::Replay);
    }
    let tapes = recorder.open().map_err(|error| error.to_string())?;
    let network = Network { partner: stand_in(&destination.slug, &case), limit: target.limits(0).timeout };
    let client = tapes.layer().layer(network);
    let access_token = case.settings.get("access_token").and_then(|token| token.as_str()).unwrap_or_default();
    let player = Player { target: &target, env: Env { now: NOW, seed: SEED }, access_token };
    let outcomes = player.play(&case.events, client).await?;
    let report = tapes.finish().map_err(|error| error.to_string())?;
    EXCHANGES.fetch_add(report.replayed, Ordering::Relaxed);
    RECORDED.fetch_add(report.live, Ordering::Relaxed);
    case.expectation.check(&outcomes)
}

/// What is below the recorder: the time is up there, so that it is on the tape.
#[derive(Clone)]
struct Network {
    partner: StandIn,
    limit: Duration,
}

impl<B> Service<Request<B>> for Network
where
    B: http_body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let answer = tokio::time::timeout(self.limit, self.partner.call(request));
        Box::pin(async move {
            match answer.await {
                Ok(answer) => answer,
                Err(_) => Err(io::Error::from(io::ErrorKind::TimedOut).into()),
            }
        })
    }
}

/// Puts the secrets of the environment in place of the fake ones, if there are any.
fn real_settings(destination: &Destination, case: &mut Case) -> bool {
    let mut live = false;
    for (setting, name) in &destination.shared.live {
        if let Some(secret) = std::env::var(name).ok().filter(|secret| !secret.is_empty()) {
            case.settings.insert(setting.clone(), secret.into());
            live = true;
        }
    }
    live
}

fn stand_in(slug: &str, case: &Case) -> StandIn {
    let partners = StandIn::new().at(NOW.as_millisecond());
    let then = case.scenario.last().cloned().unwrap_or_default();
    partners.play(slug, case.scenario.iter().cloned(), then);
    for (key, record) in &case.given {
        partners.remember(slug, key, record.clone());
    }
    partners
}
