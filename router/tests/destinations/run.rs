//! One case: its files, its instance, its tapes, its verdicts.

use std::fmt::Write as _;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use destination_router::client::{self, Body, BoxError, Client};
use destination_router::destination::{Env, Target};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use jiff::Timestamp;
use partners::StandIn;
use tower::util::BoxCloneSyncService;
use tower::{Layer, Service, ServiceExt};
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
    let live = destination.is_live();
    // A partner of flesh and blood has its own idea of the time.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(!live).build();
    let outcome = runtime.map_err(|error| error.to_string())?.block_on(run(destination, case, live));
    CASES.fetch_add(1, Ordering::Relaxed);
    let spent = usize::try_from(begin.elapsed().as_micros()).unwrap_or(usize::MAX);
    MICROSECONDS.fetch_add(spent, Ordering::Relaxed);
    outcome
}

async fn run(destination: &Destination, mut case: Case, live: bool) -> Result<(), String> {
    if live {
        real_settings(destination, &mut case);
    }
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
    let network = network(live, stand_in(&destination.slug, &case), target.limits(0).timeout)?;
    let taped = tapes.layer().layer(network);
    let taped = ServiceExt::<Request<Full<Bytes>>>::map_response(taped, |response| response.map(Body::new));
    let client: Client = BoxCloneSyncService::new(taped);
    let access_token = case.settings.get("access_token").and_then(|token| token.as_str()).unwrap_or_default();
    let player = Player { target: &target, env: Env { now: NOW, seed: SEED }, access_token };
    let outcomes = player.play(&case.events, &client).await?;
    if tapes.mode().writes()
        && let Err(why) = case.expectation.check(&outcomes)
    {
        // The recorder keeps the tapes from before when its scope ends so.
        std::panic::resume_unwind(Box::new(why));
    }
    let report = tapes.finish().map_err(|error| error.to_string())?;
    EXCHANGES.fetch_add(report.replayed, Ordering::Relaxed);
    RECORDED.fetch_add(report.live, Ordering::Relaxed);
    case.expectation.check(&outcomes)
}

/// What is below the recorder: the partner or its stand-in. The time is up there, so that it is on the tape.
fn network(live: bool, partner: StandIn, limit: Duration) -> Result<Network, String> {
    let partner = match live {
        true => client::open(&client::Options::default()).map_err(|error| error.to_string())?,
        false => BoxCloneSyncService::new(partner),
    };
    Ok(Network { partner, limit })
}

#[derive(Clone)]
struct Network {
    partner: Client,
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
        let (partner, limit) = (self.partner.clone(), self.limit);
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.map_err(Into::into)?.to_bytes();
            let answer = partner.oneshot(Request::from_parts(parts, Full::new(body)));
            match tokio::time::timeout(limit, answer).await {
                Ok(answer) => answer,
                Err(_) => Err(io::Error::from(io::ErrorKind::TimedOut).into()),
            }
        })
    }
}

/// Puts what the environment has in place of the fakes.
fn real_settings(destination: &Destination, case: &mut Case) {
    for (setting, name) in &destination.shared.live {
        if let Ok(real) = std::env::var(name) {
            case.settings.insert(setting.clone(), real.into());
        }
    }
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
