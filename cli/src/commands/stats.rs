//! `tapes stats`: sizes, ages, where answers come from, the slowest and the largest.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use traffic_recorder::tape::{Body, Outcome, Tape};

use crate::output::{print_json, progress, say};
use crate::select::{Select, read};
use crate::{Outcome as Done, Verdict, parallel, words};

/// Counts tapes: sizes, ages, where the answers come from, the slowest and the largest
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  tapes stats\n  tapes stats tapes/orders --top 10\n\n\
    JSON: {tapes, takes, folders, bytes, body_files_bytes, oldest, newest, from: {live, ...}, hosts: {...}, statuses: {...}, \
    slowest: [{file, take, elapsed_ms}], largest: [{file, bytes}]}")]
pub(crate) struct Args {
    #[command(flatten)]
    select: Select,
    /// How many of the slowest, the largest, the hosts
    #[arg(long, default_value_t = 5, value_name = "N")]
    top: usize,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

/// What is counted.
#[derive(Debug, Default)]
struct Stats {
    tapes: usize,
    takes: usize,
    folders: usize,
    bytes: u64,
    body_files: u64,
    oldest: Option<SystemTime>,
    newest: Option<SystemTime>,
    from: BTreeMap<String, usize>,
    hosts: BTreeMap<String, usize>,
    statuses: BTreeMap<String, usize>,
    slowest: Vec<(Duration, PathBuf, usize)>,
    largest: Vec<(u64, PathBuf)>,
}

impl Args {
    pub(crate) fn run(self) -> Done {
        let files = self.select.files()?;
        let bar = progress("counting", files.len());
        let read = parallel::map(&files, &bar, |file| {
            let size = std::fs::metadata(file)?.len();
            anyhow::Ok((size, read(file)?))
        });
        let mut stats = Stats::default();
        let mut folders: Vec<_> = files.iter().map(|file| file.parent()).collect();
        folders.dedup();
        stats.folders = folders.len();
        for (file, read) in files.iter().zip(read) {
            let (size, tape) = read?;
            stats.add(file.clone(), size, &tape);
        }
        stats.slowest.sort_by(|a, b| b.cmp(a));
        stats.slowest.truncate(self.top);
        stats.largest.sort_by(|a, b| b.cmp(a));
        stats.largest.truncate(self.top);
        if self.json {
            print_json(&stats.document())?;
        } else {
            stats.print(self.top)?;
        }
        Ok(Verdict::Fine)
    }
}

impl Stats {
    fn add(&mut self, file: PathBuf, size: u64, tape: &Tape) {
        self.tapes += 1;
        self.bytes += size;
        let mut whole = size;
        let mut body = |body: &Body| {
            if let Body::File(file) = body {
                self.body_files += file.len;
                whole += file.len;
            }
        };
        body(&tape.request.body);
        for (at, take) in tape.takes.iter().enumerate() {
            self.takes += 1;
            let recorded = &take.recorded;
            self.oldest = Some(self.oldest.map_or(recorded.at, |at| at.min(recorded.at)));
            self.newest = Some(self.newest.map_or(recorded.at, |at| at.max(recorded.at)));
            *self.from.entry(recorded.from.to_string()).or_default() += 1;
            let status = match &take.outcome {
                Outcome::Answer(answer) => {
                    body(&answer.body);
                    format!("{}xx", answer.status / 100)
                }
                Outcome::Fault(_) => "fault".to_owned(),
            };
            *self.statuses.entry(status).or_default() += 1;
            self.slowest.push((recorded.elapsed, file.clone(), at + 1));
        }
        *self.hosts.entry(host(&tape.request.url)).or_default() += 1;
        self.largest.push((whole, file));
    }

    fn print(&self, top: usize) -> anyhow::Result<()> {
        let (tapes, takes) = (words::count(self.tapes, "tape"), words::count(self.takes, "take"));
        say!("{tapes}, {takes}, {}", words::count(self.folders, "folder"));
        say!("{} of tapes, {} of bodies beside them", words::size(self.bytes), words::size(self.body_files));
        if let (Some(oldest), Some(newest)) = (self.oldest, self.newest) {
            say!("recorded from {} to {}", words::day(oldest), words::day(newest));
        }
        say!("from: {}", sums(&self.from));
        say!("answers: {}", sums(&self.statuses));
        let mut hosts: Vec<_> = self.hosts.iter().collect();
        hosts.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        for (host, count) in hosts.iter().take(top) {
            say!("{count:>7}  {host}");
        }
        say!("slowest:");
        for (elapsed, file, take) in &self.slowest {
            say!("{:>9}  {} (take {take})", words::elapsed(*elapsed), file.display());
        }
        say!("largest:");
        for (bytes, file) in &self.largest {
            say!("{:>9}  {}", words::size(*bytes), file.display());
        }
        Ok(())
    }

    fn document(&self) -> Value {
        let slowest: Vec<_> = self.slowest.iter().map(|(elapsed, file, take)| {
            json!({"file": file.to_string_lossy(), "take": take, "elapsed_ms": u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)})
        }).collect();
        let largest: Vec<_> =
            self.largest.iter().map(|(bytes, file)| json!({"file": file.to_string_lossy(), "bytes": bytes})).collect();
        json!({
            "tapes": self.tapes, "takes": self.takes, "folders": self.folders, "bytes": self.bytes,
            "body_files_bytes": self.body_files, "oldest": self.oldest.map(words::moment),
            "newest": self.newest.map(words::moment), "from": self.from, "hosts": self.hosts, "statuses": self.statuses,
            "slowest": slowest, "largest": largest,
        })
    }
}

fn sums(counts: &BTreeMap<String, usize>) -> String {
    counts.iter().map(|(name, count)| format!("{count} {name}")).collect::<Vec<_>>().join(", ")
}

/// The host of a URL, its port left out.
fn host(url: &str) -> String {
    let host = url.parse::<http::Uri>().ok().and_then(|uri| uri.host().map(str::to_owned));
    host.unwrap_or_else(|| "(no host)".to_owned())
}
