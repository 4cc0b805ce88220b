//! `cargo run --example demo`: the whole story in one process. A router takes a shop's events over HTTP and sends them to four partners,
//! which a stand-in plays; the recorder keeps what was sent and answered. Then the stand-in is stopped, and a new router gets the same
//! events: every partner's answer comes from a tape, and every event must end as it did before. Everything that is printed was measured
//! or read back in this run; it exits with 1 where anything is not as it should be.

mod network;
mod page;
mod run;
mod shop;
mod verdicts;

use std::error::Error;
use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::ExitCode;

use destination_router::client::SendTo;
use destination_router::control::explain::{Explanation, State};
use page::Page;
use partners::StandIn;
use run::{Run, run};
use tokio::net::TcpListener;
use traffic_recorder::{Mode, Origin, Recorder};
use verdicts::{counts, dead_letters, lines, verdict, ways};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main]
async fn main() -> ExitCode {
    let page = Page::of_stdout();
    match demo(&page).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nthe demo failed: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn demo(page: &Page) -> Result<()> {
    let temporary = tempfile::tempdir()?;
    let tapes = temporary.path().join("tapes/demo");

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let partners = StandIn::new().at(shop::NOW_MS);
    let serving = tokio::spawn(partners.clone().serve(listener));
    let url = format!("http://{address}");

    let live = record(page, &temporary.path().join("first"), &tapes, &url, &partners).await?;
    show_a_way(page, &live)?;
    show_a_tape(page, &tapes)?;

    serving.abort();
    let _ = serving.await;
    ensure(TcpStream::connect(address).is_err(), "connecting to the stand-in is refused")?;

    let replayed = replay(page, &temporary.path().join("second"), &tapes, &url).await?;
    compare(page, &live, &replayed)?;
    show_times(page, &live, &replayed)?;
    how_to_go_on(page);
    Ok(())
}

async fn record(page: &Page, folder: &Path, tapes: &Path, url: &str, partners: &StandIn) -> Result<Run> {
    page.title("Events on their way");
    // The stand-in stands in for what others run: the tapes say so.
    let tapes = recorder(tapes).mode(Mode::Record).origin(Origin::Simulated).open()?;
    let run = run(folder, tapes, stand_in(url)?, |server| {
        page.text(&format!(
            "A router listens on http://{}. Its partners are played by a stand-in on {url}, which is",
            server.listen()
        ));
        page.text("as strict as they are. A shop sends six events in one request; one of them is there twice.");
    })
    .await?;
    page.text("The answer is 200: they are on disk. What the partners were asked, and what came of it:");
    page.blank();
    for (name, host) in shop::DESTINATIONS {
        for (index, (asked, answer)) in lines(&run.exchanges, host).into_iter().enumerate() {
            page.equal(if index == 0 { name } else { "" }, &asked, &answer);
        }
    }
    page.blank();
    let [(shop::REFUSED, "mixpanel", Some(why))] = dead_letters(&run)[..] else {
        return Err(
            format!("one dead letter was expected, {} at Mixpanel: {:?}", shop::REFUSED, dead_letters(&run)).into()
        );
    };
    page.text(&format!("{} of Mixpanel's batch is a dead letter: {why}.", shop::REFUSED));
    page.text("Everything else was taken: the stand-in has each event that was delivered, and none of them twice.");

    for (name, player) in
        [("mixpanel", "mixpanel"), ("amplitude", "amplitude"), ("hubspot", "hubspot"), ("hook", "webhook")]
    {
        let (taken, delivered) =
            (partners.count(player), ways(&run, name).filter(|(_, way)| way.state == State::Delivered));
        ensure(taken.events == delivered.count() as u64, &format!("{name} has what was delivered, not {taken:?}"))?;
        ensure(taken.duplicates == 0, &format!("{name} has nothing twice"))?;
    }
    ensure(run.report.written.len() == run.exchanges.len(), "every request has a tape of its own")?;
    Ok(run)
}

async fn replay(page: &Page, folder: &Path, tapes: &Path, url: &str) -> Result<Run> {
    page.title("Without partners");
    page.text("That router is stopped, and the stand-in: connecting to it is refused. A new router with an empty log gets the");
    page.text("same events. Each must end as it did before:");
    let run = run(folder, recorder(tapes).mode(Mode::Replay).open()?, stand_in(url)?, |_| ()).await?;
    ensure(run.report.live == 0 && run.report.replayed == run.exchanges.len(), "every answer comes from a tape")?;
    Ok(run)
}

fn stand_in(url: &str) -> Result<SendTo> {
    Ok(SendTo::origin(&url.parse()?).ok_or("the stand-in has an address")?)
}

/// What a test would say of its tapes.
fn recorder(folder: &Path) -> Recorder {
    // The webhook gets the whole event, and with it the time at which it was accepted.
    let recorder = Recorder::at(folder).rule("ignore json $.receivedAt");
    shop::SECRETS.into_iter().fold(recorder, |recorder, (name, value)| recorder.secret(name, value))
}

fn compare(page: &Page, live: &Run, replayed: &Run) -> Result<()> {
    page.blank();
    for (name, _) in shop::DESTINATIONS {
        let [live, replayed] =
            [live, replayed].map(|run| ways(run, name).map(|(id, way)| verdict(id, way)).collect::<Vec<_>>());
        ensure(live.len() == 5 && live == replayed, &format!("{name} ends as before: {live:#?}, then {replayed:#?}"))?;
        page.equal(name, &counts(&live), "equal");
    }
    Ok(())
}

fn show_a_way(page: &Page, run: &Run) -> Result<()> {
    let event = run.events.iter().find(|event| event.event["messageId"] == "m-1").ok_or("m-1 was sent")?;
    let mut event = event.clone();
    event.destinations.retain(|way| way.destination == "hubspot");
    let told = Explanation { message_id: "m-1".to_owned(), events: vec![event] }.to_string();
    page.title("The way of one event");
    page.text("`router explain m-1`, HubSpot's part of it. Of a chain it shows the first request; headers that hold credentials are masked.");
    page.blank();
    page.quote(&told);
    keeps_secrets(told.as_bytes(), "the way of an event")
}

fn show_a_tape(page: &Page, folder: &Path) -> Result<()> {
    page.title("Tapes");
    page.text("One for each request, found by its name. None of them shows a secret of the configuration.");
    page.blank();
    let files = files(folder)?;
    for (name, size) in &files {
        page.file(name, *size);
    }
    let made = |(name, _): &&(String, u64)| name.starts_with("post-api.hubapi.com");
    let (name, _) = files.iter().find(made).ok_or("there is a tape of the contact")?;
    let tape = fs::read_to_string(folder.join(name))?;
    ensure(tape.contains("Bearer {{secret:HUBSPOT_TOKEN}}"), "the token has a placeholder")?;
    page.blank();
    page.yaml(name, &tape);
    files.iter().try_for_each(|(name, _)| keeps_secrets(&fs::read(folder.join(name))?, name))
}

fn keeps_secrets(content: &[u8], what: &str) -> Result<()> {
    for (name, secret) in shop::SECRETS {
        let found = content.windows(secret.len()).any(|part| part == secret.as_bytes());
        ensure(!found, &format!("{what} does not show {name}"))?;
    }
    Ok(())
}

fn show_times(page: &Page, live: &Run, replayed: &Run) -> Result<()> {
    page.title("Times");
    page.text("From sending a request to the last byte of its answer; `all` from the acceptance of the events to the last verdict, with");
    page.text("10 ms in which batches wait for more. The stand-in is on this machine and answers at once, as no partner does:");
    page.text("tapes take the same time wherever the partner is.");
    if cfg!(debug_assertions) {
        page.text("Nothing here is optimised; `cargo run --release --example demo` shows the rest.");
    }
    page.blank();
    page.times("", "live", "replayed");
    for (_, host) in shop::DESTINATIONS {
        let [live, replayed] = [live, replayed].map(|run| run.times.get(host).map(Vec::as_slice).unwrap_or_default());
        ensure(!live.is_empty() && live.len() == replayed.len(), "as many requests as before")?;
        let [live, replayed] = [live, replayed].map(|times| page::duration(times.iter().sum()));
        page.times(host, &live, &replayed);
    }
    // The log keeps times to the millisecond.
    let [live, replayed] = [live, replayed].map(|run| format!("{} ms", run.took.as_millis()));
    page.total("all", &live, &replayed);
    Ok(())
}

/// Names and sizes, sorted.
fn files(folder: &Path) -> Result<Vec<(String, u64)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        files.push((entry.file_name().to_string_lossy().into_owned(), entry.metadata()?.len()));
    }
    files.sort();
    Ok(files)
}

fn how_to_go_on(page: &Page) {
    page.title("Go on");
    page.text("cargo run --example recorder    the recorder by itself: seven kinds of answers, a tape, a miss");
    page.text("cargo test --workspace          everything, offline; among it the tapes of all destinations, in tapes/");
    page.text("docs/router.md                  a router of your own in five minutes; docs/destinations.md adds a destination to it");
    page.blank();
}

pub(crate) fn ensure(holds: bool, what: &str) -> Result<()> {
    if holds { Ok(()) } else { Err(format!("it should be so that {what}, and it is not").into()) }
}
