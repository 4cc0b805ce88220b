//! The driver: records every contender from a service on loopback, stops the service, replays in rounds that take turns, prints a
//! table. A process that does not end within the cap is ended and shown as such; what failed says `fails`, and why on stderr.
//!
//! usage: `drive [--rounds N] [--cap SECONDS] [--most STORED] [NAME...]`

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use recorder_benches::origin::Loopback;
use recorder_benches::timing::{Times, show, table};
use recorder_peers::{Error, Job, Line, Task, Workload};

/// What runs: the name in the table, the program, the variant it is told.
struct Contender {
    name: &'static str,
    program: &'static str,
    variant: &'static str,
    /// Given in order, without matching: not asked for many at once.
    in_order: bool,
    /// Has nothing to open: no first answer of a fresh process.
    floor: bool,
}

const fn contender(name: &'static str, program: &'static str, variant: &'static str) -> Contender {
    Contender { name, program, variant, in_order: false, floor: false }
}

const CONTENDERS: [Contender; 11] = [
    Contender { floor: true, ..contender("floor: map, xxh3, clone", "floor", "map") },
    Contender { floor: true, ..contender("floor: hyper, loopback", "floor", "hyper") },
    contender("traffic-recorder (tower)", "ours", "tower"),
    contender("traffic-recorder (reqwest)", "ours", "reqwest"),
    contender("rvcr 0.2.1", "vcr", "rvcr"),
    contender("reqwest-vcr 0.4.0", "vcr", "reqwest-vcr"),
    contender("cassetter 0.17.0", "cassetter", "cassetter"),
    Contender { in_order: true, ..contender("AWS StaticReplay 1.5.2, no matching", "smithy", "smithy") },
    contender("wiremock 0.6.5, loopback", "mocks", "wiremock"),
    contender("httpmock 0.9.0, loopback", "mocks", "httpmock"),
    contender("mockito 1.7.2, loopback", "mocks", "mockito"),
];

/// One column: its head, and what is asked.
struct Column {
    head: &'static str,
    task: Task,
    workload: Workload,
    stored: usize,
    at_once: usize,
}

const fn column(head: &'static str, task: Task, workload: Workload, stored: usize, at_once: usize) -> Column {
    Column { head, task, workload, stored, at_once }
}

const COLUMNS: [Column; 9] = [
    column("w1", Task::Replay, Workload::Items, 1_000, 1),
    column("w1, 32 at once", Task::Replay, Workload::Items, 1_000, 32),
    column("w2", Task::Replay, Workload::Tracks, 1_000, 1),
    column("w3", Task::Replay, Workload::Blob, 1, 1),
    column("w4: first answer", Task::First, Workload::Items, 1_000, 1),
    column("w4, 100,000 stored", Task::First, Workload::Items, 100_000, 1),
    column("w5: w1, 100 stored", Task::Replay, Workload::Items, 100, 1),
    column("w5: 10,000", Task::Replay, Workload::Items, 10_000, 1),
    column("w5: 100,000", Task::Replay, Workload::Items, 100_000, 1),
];

/// What a cell says.
#[derive(Clone)]
enum Cell {
    Times(Times),
    Fails,
    Capped,
    Absent,
}

struct Settings {
    rounds: usize,
    cap: Duration,
    most: usize,
    wanted: Vec<&'static Contender>,
}

fn main() -> Result<(), Error> {
    let settings = settings(std::env::args().skip(1))?;
    let scratch = std::env::temp_dir().join(format!("recorder-peers-{}", std::process::id()));
    let result = measure(&settings, &scratch);
    // A hundred thousand files: worth the trouble after a failure too.
    std::fs::remove_dir_all(&scratch).ok();
    print_tables(&settings, &result?);
    Ok(())
}

fn settings(words: impl Iterator<Item = String>) -> Result<Settings, Error> {
    let mut settings = Settings { rounds: 3, cap: Duration::from_secs(60), most: 100_000, wanted: Vec::new() };
    let mut words = words;
    while let Some(word) = words.next() {
        let mut number = || -> Result<usize, Error> {
            let number = words.next().and_then(|number| number.parse().ok()).filter(|number| *number > 0);
            number.ok_or_else(|| format!("{word} wants a whole number above 0").into())
        };
        match word.as_str() {
            "--rounds" => settings.rounds = number()?,
            "--cap" => settings.cap = Duration::from_secs(number()? as u64),
            "--most" => settings.most = number()?,
            name => {
                let found = CONTENDERS.iter().filter(|contender| contender.name.contains(name));
                let before = settings.wanted.len();
                settings.wanted.extend(found);
                if settings.wanted.len() == before {
                    let names: Vec<_> = CONTENDERS.iter().map(|contender| contender.name).collect();
                    return Err(
                        format!("no contender has '{name}' in its name; there are:\n  {}", names.join("\n  ")).into()
                    );
                }
            }
        }
    }
    if settings.wanted.is_empty() {
        settings.wanted = CONTENDERS.iter().collect();
    } else if !settings.wanted.iter().any(|contender| contender.floor) {
        // Ratios need their floor.
        settings.wanted.insert(0, &CONTENDERS[0]);
    }
    Ok(settings)
}

/// The cells, a row for each contender.
fn measure(settings: &Settings, scratch: &Path) -> Result<Vec<Vec<Cell>>, Error> {
    let mut cells: Vec<Vec<Cell>> = settings
        .wanted
        .iter()
        .map(|contender| {
            let absent = |column: &Column| {
                column.stored > settings.most
                    || (contender.in_order && column.at_once > 1)
                    || (contender.floor && column.task == Task::First)
            };
            let cell = |column| if absent(column) { Cell::Absent } else { Cell::Times(Times::default()) };
            COLUMNS.iter().map(cell).collect()
        })
        .collect();

    let origin = Loopback::start()?;
    let base = origin.base();
    for (contender, row) in settings.wanted.iter().zip(&mut cells) {
        if !contender.floor {
            record_all(settings, contender, row, &base, scratch)?;
        }
    }
    // From here on an answer that is right was replayed.
    drop(origin);

    for round in 1..=settings.rounds {
        for (column, about) in COLUMNS.iter().enumerate() {
            eprintln!("round {round} of {}: {}", settings.rounds, about.head);
            for (contender, row) in settings.wanted.iter().zip(&mut cells) {
                if let Cell::Times(times) = &mut row[column] {
                    let job = job(contender, about, about.task, &base, scratch);
                    match timed(contender, &job, settings.cap)? {
                        Ok(seconds) => times.push(seconds),
                        Err(failed) => row[column] = failed,
                    }
                }
            }
        }
    }
    Ok(cells)
}

fn record_all(
    settings: &Settings,
    contender: &Contender,
    row: &mut [Cell],
    base: &str,
    scratch: &Path,
) -> Result<(), Error> {
    let mut recorded: HashMap<PathBuf, Option<Cell>> = HashMap::new();
    for (cell, column) in row.iter_mut().zip(&COLUMNS) {
        if matches!(cell, Cell::Absent) {
            continue;
        }
        let job = job(contender, column, Task::Record, base, scratch);
        let failed = match recorded.get(&job.folder) {
            Some(known) => known.clone(),
            None => {
                let start = Instant::now();
                let failed = lines(contender, &job, settings.cap)?.err();
                let (name, head, took) = (contender.name, column.head, start.elapsed().as_secs_f64());
                eprintln!("recorded {name}, {head}: {took:.1} s{}", if failed.is_some() { ", FAILED" } else { "" });
                recorded.insert(job.folder, failed.clone());
                failed
            }
        };
        if let Some(failed) = failed {
            *cell = failed;
        }
    }
    Ok(())
}

fn job(contender: &Contender, column: &Column, task: Task, base: &str, scratch: &Path) -> Job {
    let folder = format!("{}-{}-{}-{}", contender.program, contender.variant, column.workload.name(), column.stored);
    Job {
        task,
        workload: column.workload,
        stored: column.stored,
        sample: 1_000,
        at_once: column.at_once,
        runs: 4,
        base: base.to_owned(),
        folder: scratch.join(folder),
        variant: contender.variant.to_owned(),
    }
}

/// The time of one request, in seconds: the median of the runs after the first; or of a whole process up to its first answer.
fn timed(contender: &Contender, job: &Job, cap: Duration) -> Result<Result<f64, Cell>, Error> {
    let lines = match lines(contender, job, cap)? {
        Ok(lines) => lines,
        Err(failed) => return Ok(Err(failed)),
    };
    if job.task == Task::First {
        let first = lines.iter().find(|(line, _)| *line == Line::First);
        return Ok(first.map(|(_, after)| after.as_secs_f64()).ok_or(Cell::Fails));
    }
    let runs = lines.iter().filter_map(|(line, _)| match line {
        Line::Run(requests, seconds) => Some(seconds / *requests as f64),
        Line::First => None,
    });
    let mut times = Times::default();
    runs.skip(1).for_each(|time| times.push(time));
    Ok(if times.rounds() == 0 { Err(Cell::Fails) } else { Ok(times.median()) })
}

/// Everything that a contender printed, each line with the time since its process was started.
fn lines(contender: &Contender, job: &Job, cap: Duration) -> Result<Result<Vec<(Line, Duration)>, Cell>, Error> {
    let program =
        std::env::current_exe()?.with_file_name(format!("{}{}", contender.program, std::env::consts::EXE_SUFFIX));
    let start = Instant::now();
    let mut child = Command::new(program)
        .args(job.words())
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let stdout = child.stdout.take().ok_or("the process has no output")?;
    let (send, receive) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if let Some(line) = Line::parse(&line) {
                // Nobody listens any more once the cap is over.
                send.send((line, start.elapsed())).ok();
            }
        }
    });
    let mut lines = Vec::new();
    let ended = loop {
        match receive.recv_timeout(cap.saturating_sub(start.elapsed())) {
            Ok(line) => lines.push(line),
            Err(mpsc::RecvTimeoutError::Disconnected) => break true,
            Err(mpsc::RecvTimeoutError::Timeout) => break false,
        }
    };
    if !ended {
        end(&mut child);
        return Ok(Err(Cell::Capped));
    }
    reader.join().ok();
    let status = child.wait()?;
    if !status.success() {
        eprintln!("{} ({}): {status}", contender.name, job.words().join(" "));
        return Ok(Err(Cell::Fails));
    }
    Ok(Ok(lines))
}

fn end(child: &mut Child) {
    // It may have ended by itself in this instant.
    child.kill().ok();
    child.wait().ok();
}

fn print_tables(settings: &Settings, cells: &[Vec<Cell>]) {
    let head: Vec<&str> = [""].into_iter().chain(COLUMNS.iter().map(|column| column.head)).collect();
    let render = |cell_text: &dyn Fn(&Cell, usize) -> String| {
        let rows: Vec<Vec<String>> = settings
            .wanted
            .iter()
            .zip(cells)
            .map(|(contender, row)| {
                let texts = row.iter().enumerate().map(|(column, cell)| cell_text(cell, column));
                [contender.name.to_owned()].into_iter().chain(texts).collect()
            })
            .collect();
        table(&head, &rows)
    };
    let cap = format!("> {} s", settings.cap.as_secs());
    let plain = |cell: &Cell| match cell {
        Cell::Times(times) if times.rounds() > 0 => show(times.median()),
        Cell::Fails => "fails".into(),
        Cell::Capped => cap.clone(),
        Cell::Times(_) | Cell::Absent => "-".into(),
    };
    println!(
        "\n## Replaying: time for a request (w4: from the start of a process), median of {} rounds\n",
        settings.rounds
    );
    print!("{}", render(&|cell, _| plain(cell)));

    // What a row is beside the best row that does the same job: ours through tower where it took part, else the first floor.
    let us = settings.wanted.iter().position(|contender| contender.variant == "tower").unwrap_or(0);
    println!("\n## The same as multiples of {}, round by round\n", settings.wanted[us].name);
    let multiple = |cell: &Cell, column: usize| match (cell, &cells[us][column]) {
        (Cell::Times(times), Cell::Times(ours)) if times.rounds() > 0 && ours.rounds() > 0 => {
            format!("{:.2}", times.ratio(ours))
        }
        _ => plain(cell),
    };
    print!("{}", render(&multiple));
    println!(
        "\nw1: 1,000 GETs, 1 KB answers. w2: 1,000 POSTs to one URL, 2 KB bodies, matched by body. w3: one answer of 10 MiB.\n\
         w4: the start of a process to the first answer. w5: w1 with so many stored, a sample of 1,000 asked for."
    );
}
