//! `cargo run --example recorder`: seven requests of different kinds are recorded against a small service, the service is
//! stopped, and the same requests are answered again from what is on disk. Everything that it prints was measured or read
//! back in this run; it exits with 1 where anything is not as it should be.

mod client;
#[path = "../demo/page.rs"]
mod page;
mod service;

use std::error::Error;
use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use client::{Answer, Shop};
use page::Page;
use service::Service;
use traffic_recorder::{Mode, Origin, Recorder, Tapes, UnusedRule};

/// What a real program would have in its environment.
const API_KEY: &str = "demo-key-that-nobody-may-see";

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> ExitCode {
    let page = Page::of_stdout();
    match show(&page).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nthe example failed: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn show(page: &Page) -> Result<()> {
    let temporary = tempfile::tempdir()?;
    let folder = temporary.path().join("tapes/shop");

    let live = record(page, &folder).await?;
    let replayed = replay(page, &folder, &live.shop).await?;
    compare(page, &live.answers, &replayed.answers)?;
    show_a_tape(page, &folder)?;
    show_a_miss(page, &folder, &live.shop).await?;
    show_times(page, &live, &replayed);
    Ok(())
}

struct Run {
    shop: String,
    answers: Vec<Answer>,
    elapsed: Duration,
}

async fn record(page: &Page, folder: &Path) -> Result<Run> {
    let service = Service::start().await?;
    page.title("Recording");
    page.text(&format!("A small shop listens on {}. A reqwest client asks it seven things.", service.url()));

    // The shop stands in for one that somebody else runs: the tapes say so.
    let tapes = recorder(folder).mode(Mode::Record).origin(Origin::Simulated).open()?;
    let (answers, elapsed) = ask(&tapes, service.url()).await?;
    let report = tapes.finish()?;
    ensure(report.written.len() == answers.len(), "every request has a tape of its own")?;

    let shop = service.url().to_owned();
    service.stop().await;
    ensure(TcpStream::connect(shop.trim_start_matches("http://")).is_err(), "the service is gone")?;
    page.blank();
    page.text("The service is stopped; connecting to it is refused. What is on disk now:");
    page.blank();
    for (name, size) in files(folder)? {
        page.file(&name, size);
    }
    Ok(Run { shop, answers, elapsed })
}

async fn replay(page: &Page, folder: &Path, shop: &str) -> Result<Run> {
    page.title("Replaying");
    page.text("The same program, the same requests, nobody to answer them but the tapes.");
    let tapes = recorder(folder).mode(Mode::Replay).open()?;
    let (answers, elapsed) = ask(&tapes, shop).await?;
    let report = tapes.finish()?;
    ensure(report.replayed == answers.len() && report.live == 0, "every answer comes from a tape")?;
    Ok(Run { shop: shop.to_owned(), answers, elapsed })
}

fn recorder(folder: &Path) -> Recorder {
    Recorder::at(folder).secret("SHOP_KEY", API_KEY)
}

/// The program under test: it does not know whether its client is being recorded, replayed, or neither.
async fn ask(tapes: &Tapes, shop: &str) -> Result<(Vec<Answer>, Duration)> {
    let client = tapes.reqwest_builder(reqwest::Client::builder())?;
    let start = Instant::now();
    let answers = Shop::new(client, shop).ask_everything(API_KEY).await?;
    Ok((answers, start.elapsed()))
}

fn compare(page: &Page, live: &[Answer], replayed: &[Answer]) -> Result<()> {
    ensure(live.len() == replayed.len(), "as many answers as before")?;
    page.blank();
    for (live, replayed) in live.iter().zip(replayed) {
        let verdict = live.compare(replayed)?;
        page.equal(live.what, &format!("{} {}, {} bytes", live.status, live.kind, live.body.len()), verdict);
    }
    Ok(())
}

fn show_a_tape(page: &Page, folder: &Path) -> Result<()> {
    page.title("A tape");
    page.text("The key that was sent is {{secret:SHOP_KEY}} on it, the token that was granted {{secret:token-1}}. No file has either.");
    let files = files(folder)?;
    let (name, _) =
        files.iter().find(|(name, _)| name.contains("-session-")).ok_or("there is no tape of the log-in")?;
    let tape = fs::read_to_string(folder.join(name))?;
    ensure(tape.contains("Bearer {{secret:SHOP_KEY}}"), "the key has a placeholder")?;
    ensure(tape.contains("{{secret:token-1}}"), "so has the token")?;
    page.blank();
    page.yaml(name, &tape);
    for (name, _) in &files {
        let content = fs::read(folder.join(name))?;
        for secret in [API_KEY, service::TOKEN] {
            ensure(!content.windows(secret.len()).any(|w| w == secret.as_bytes()), "no file holds a secret")?;
        }
    }
    Ok(())
}

async fn show_a_miss(page: &Page, folder: &Path, shop: &str) -> Result<()> {
    page.title("A miss");
    page.text("Now the program has a mistake: it asks for `pens` where `pen` was recorded. It is told at once:");
    let tapes = recorder(folder).mode(Mode::Replay).unused(UnusedRule::Allow).open()?;
    let client = tapes.reqwest_builder(reqwest::Client::builder())?;
    let refused = Shop::new(client, shop).log_in_and_order(API_KEY, "pens").await;
    ensure(refused.is_err(), "the program gets an error, not an answer")?;

    // Even a program that swallows the error fails its test.
    let error = tapes.finish().err().ok_or("the end of the test reports the miss")?;
    ensure(error.miss().is_some_and(|miss| !miss.candidates.is_empty()), "the miss names the nearest tapes")?;
    page.blank();
    page.quote(&error.to_string());
    Ok(())
}

fn show_times(page: &Page, live: &Run, replayed: &Run) {
    page.title("Times");
    page.text("From sending a request to the last byte of its answer, in this run. The service is on this machine and answers");
    page.text("at once, but for the event stream, which pauses between its events; replaying waits only if a test asks for it.");
    if cfg!(debug_assertions) {
        page.text("Nothing here is optimised, as in most people's tests; `cargo run --release --example recorder` shows the rest.");
    }
    page.blank();
    page.times("", "live", "replayed");
    for (live, replayed) in live.answers.iter().zip(&replayed.answers) {
        page.times(live.what, &page::duration(live.elapsed), &page::duration(replayed.elapsed));
    }
    page.total("all", &page::duration(live.elapsed), &page::duration(replayed.elapsed));
    page.blank();
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

fn ensure(holds: bool, what: &str) -> Result<()> {
    if holds { Ok(()) } else { Err(format!("it should be so that {what}, and it is not").into()) }
}
