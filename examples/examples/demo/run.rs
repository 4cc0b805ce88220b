//! One run: a router with an empty log, the shop's events, and what became of each of them.

use std::path::Path;
use std::time::{Duration, Instant};

use destination_router::client::SendTo;
use destination_router::control::explain::{Event, Explanation, State, Way};
use destination_router::control::{Options, Server, config};
use jiff::Timestamp;
use traffic_recorder::{Exchange, Report, Tapes};

use crate::network::{self, Stopwatch, Times};
use crate::{Result, ensure, shop};

/// Nothing here takes longer, unless it is broken.
const PATIENCE: Duration = Duration::from_secs(20);

/// What happened.
pub(crate) struct Run {
    /// The way of each event, in the order in which they were sent.
    pub(crate) events: Vec<Event>,
    /// What went over the wire, or came from tapes.
    pub(crate) exchanges: Vec<Exchange>,
    pub(crate) report: Report,
    pub(crate) times: Times,
    /// From the first event's acceptance to the last verdict.
    pub(crate) took: Duration,
}

/// Runs a router in `folder`, with these tapes below it, and below them whoever plays the partners.
pub(crate) async fn run(folder: &Path, tapes: Tapes, partners: SendTo, started: impl FnOnce(&Server)) -> Result<Run> {
    std::fs::create_dir_all(folder)?;
    let file = folder.join("router.yaml");
    std::fs::write(&file, include_str!("router.yaml"))?;
    let loaded = config::load(&file, &[], &shop::variable).map_err(|mistakes| mistakes.to_string())?;
    let stopwatch = Stopwatch::default();
    let client = network::taped(&tapes, partners, stopwatch.clone())?;
    let server = Server::start(loaded, Options { client: Some(client), ..Options::default() }).await?;
    started(&server);

    let batch = shop::batch();
    let http = reqwest::Client::new();
    let url = format!("http://{}/v1/batch", server.listen());
    let answer = http.post(url).basic_auth(shop::WRITE_KEY, Some("")).json(&batch).send().await?;
    ensure(answer.status() == 200, "the router accepts the events")?;
    let mut events = Vec::new();
    for id in shop::ids(&batch) {
        events.push(way(&http, &server, &id).await?);
    }

    server.stop().await;
    let exchanges = tapes.exchanges();
    let report = tapes.finish()?;
    let took = took(&events)?;
    Ok(Run { events, exchanges, report, times: stopwatch.read(), took })
}

/// The way of an event, once there is nothing left to do for it.
async fn way(http: &reqwest::Client, server: &Server, id: &str) -> Result<Event> {
    let url = format!("http://{}/v1/explain/{id}", server.admin());
    let start = Instant::now();
    loop {
        let mut told: Explanation = http.get(&url).send().await?.error_for_status()?.json().await?;
        ensure(told.events.len() == 1, "an event that is sent twice is accepted once")?;
        let event = told.events.remove(0);
        let open = |way: &&Way| matches!(way.state, State::Waiting | State::Retrying);
        match event.destinations.iter().find(open) {
            None => return Ok(event),
            Some(way) if start.elapsed() > PATIENCE => {
                return Err(format!("{id} is still on its way:{way}").into());
            }
            Some(_) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}

fn took(events: &[Event]) -> Result<Duration> {
    let mut first: Option<Timestamp> = None;
    let mut last: Option<Timestamp> = None;
    for event in events {
        let accepted: Timestamp = event.received_at.parse()?;
        first = Some(first.map_or(accepted, |first| first.min(accepted)));
        for step in event.destinations.iter().flat_map(|way| &way.history) {
            let at: Timestamp = step.at.parse()?;
            last = Some(last.map_or(at, |last| last.max(at)));
        }
    }
    let (first, last) = first.zip(last).ok_or("events have verdicts")?;
    Ok(Duration::try_from(last.duration_since(first))?)
}
