//! The first use of a tape: open, read, verify, answer; in a running process, and in a fresh one with few and many tapes beside it.

use std::collections::HashMap;
use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use recorder_benches::origin::Nowhere;
use recorder_benches::timing::{Times, in_turn, show, table};
use recorder_benches::workload::Workload;
use recorder_benches::{Error, ours};
use serde::Deserialize;
use tokio::runtime::Runtime;
use tower::Layer;

const ROUNDS: usize = 11;
const FEW: usize = 1_000;
const MANY: usize = 100_000;

fn main() -> Result<(), Error> {
    let args: Vec<String> = std::env::args().collect();
    if let Some(place) = args.iter().position(|arg| arg == "--child") {
        return child(&args[place + 1..]);
    }
    let runtime = runtime()?;
    let scratch = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let (few, many) = (scratch.path().join("few"), scratch.path().join("many"));
    for (folder, count) in [(&few, FEW), (&many, MANY)] {
        runtime.block_on(ours::record(folder, Workload::Items, count))?;
    }

    println!("\n## The first use of a tape of 1 KB: time for a tape, median of {ROUNDS} rounds of {FEW}\n");
    let mut first_uses = || first_uses(&runtime, &few);
    let mut plain_reads = || plain_reads(&few);
    let [us, floor] = in_turn(ROUNDS, FEW, [&mut first_uses, &mut plain_reads])?;
    let row = vec!["w1".into(), show(us.median()), show(floor.median()), format!("{:.2}", us.ratio(&floor))];
    print!("{}", table(&["", "open, read, verify, answer", "read the file, parse its YAML", "ratio"], &[row]));

    println!("\n## A fresh process, from its start to the first answer, median of {ROUNDS} rounds of 10\n");
    let tape = tapes_in(&few)?.into_iter().next().ok_or("no tape was recorded")?;
    let mut with_few = || spawned(&["replay", &text(&few)?]);
    let mut with_many = || spawned(&["replay", &text(&many)?]);
    let mut reading = || spawned(&["read", &text(&tape)?]);
    let mut nothing = || spawned(&["nothing"]);
    let [few, many, reading, nothing] =
        in_turn(ROUNDS, 10, [&mut with_few, &mut with_many, &mut reading, &mut nothing])?;
    let row = |name: &str, times: &Times| {
        let ratios = [times.ratio(&reading), times.ratio(&few)].map(|ratio| format!("{ratio:.2}"));
        [vec![name.to_owned(), show(times.median())], ratios.to_vec()].concat()
    };
    let rows = [
        row(&format!("replays one of {FEW} tapes"), &few),
        row(&format!("replays one of {MANY} tapes"), &many),
        row("reads one file and parses its YAML", &reading),
        row("starts and ends", &nothing),
    ];
    print!("{}", table(&["process", "time", "beside reading", "beside few"], &rows));
    Ok(())
}

fn runtime() -> Result<Runtime, Error> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

fn first_uses(runtime: &Runtime, folder: &Path) -> Result<Duration, Error> {
    let asks = Workload::Items.asks(ours::BASE, FEW, FEW);
    runtime.block_on(async {
        let start = Instant::now();
        let tapes = ours::replaying(folder)?;
        let mut service = tapes.layer().layer(Nowhere);
        for ask in &asks {
            let (status, body) = ours::exchange(&mut service, ask).await?;
            if !Workload::Items.fits(ask.number, status, &body) {
                return Err(format!("{}: a wrong answer", ask.url).into());
            }
        }
        let took = start.elapsed();
        drop(service);
        tapes.finish()?;
        Ok(took)
    })
}

/// The least that reading a tape can be: the file, and its YAML as the plainest types that hold it.
#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "filled by the parser, which is what is measured")]
struct Plain {
    tape: u32,
    key: String,
    request: PlainRequest,
    takes: Vec<PlainTake>,
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "filled by the parser, which is what is measured")]
struct PlainRequest {
    method: String,
    url: String,
    headers: HashMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "filled by the parser, which is what is measured")]
struct PlainTake {
    status: u16,
    headers: HashMap<String, String>,
    body: HashMap<String, serde_json::Value>,
    recorded: HashMap<String, serde_json::Value>,
}

fn plain_reads(folder: &Path) -> Result<Duration, Error> {
    let tapes = tapes_in(folder)?;
    if tapes.len() != FEW {
        return Err(format!("{} tapes were recorded instead of {FEW}", tapes.len()).into());
    }
    let start = Instant::now();
    for tape in &tapes {
        plain_read(tape)?;
    }
    Ok(start.elapsed())
}

fn plain_read(tape: &Path) -> Result<(), Error> {
    let text = fs::read_to_string(tape)?;
    black_box(serde_saphyr::from_str::<Plain>(&text)?);
    Ok(())
}

fn tapes_in(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut tapes = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|kind| kind == "yaml") {
            tapes.push(path);
        }
    }
    Ok(tapes)
}

/// Ten processes, one after the other.
fn spawned(args: &[&str]) -> Result<Duration, Error> {
    let program = std::env::current_exe()?;
    let start = Instant::now();
    for _ in 0..10 {
        let status = Command::new(&program).arg("--child").args(args).status()?;
        if !status.success() {
            return Err(format!("the process for {args:?} failed: {status}").into());
        }
    }
    Ok(start.elapsed())
}

fn child(args: &[String]) -> Result<(), Error> {
    match args {
        [what, folder] if what == "replay" => runtime()?.block_on(async {
            let tapes = ours::replaying(Path::new(folder))?;
            let mut service = tapes.layer().layer(Nowhere);
            let ask = Workload::Items.ask(ours::BASE, FEW / 2);
            let (status, body) = ours::exchange(&mut service, &ask).await?;
            // The process ends here: what the end of a scope would do is not the first answer.
            std::process::exit(i32::from(!Workload::Items.fits(ask.number, status, &body)));
        }),
        [what, tape] if what == "read" => plain_read(Path::new(tape)),
        [what] if what == "nothing" => Ok(()),
        _ => Err(format!("this process was started with {args:?}").into()),
    }
}

fn text(path: &Path) -> Result<String, Error> {
    path.to_str().map(str::to_owned).ok_or_else(|| format!("{} is not UTF-8", path.display()).into())
}
