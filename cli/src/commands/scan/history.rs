//! The tapes of a repository's history: every version that git knows on any branch, tag or stash, read through git itself.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use traffic_recorder::policy::Leak;
use traffic_recorder::tape::Tape;
use traffic_recorder::tools::{Settings, WORLD_FILE, is_body_name, is_tape_name};

use super::Finding;
use crate::output::progress;

/// What was found in the history.
pub(super) struct Found {
    /// How many versions of tapes and body files were searched.
    pub(super) versions: usize,
    pub(super) findings: Vec<Finding>,
}

/// Scans the history of what lies below these folders, which have to be in a git repository.
pub(super) fn scan(roots: &[PathBuf]) -> anyhow::Result<Found> {
    let mut found = Found { versions: 0, findings: Vec::new() };
    for root in roots {
        let folder = if root.is_dir() { root.as_path() } else { root.parent().unwrap_or(Path::new(".")) };
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let settings = Settings::for_folder(folder)?;
        let blobs = blobs(folder)?;
        found.versions += blobs.len();
        scan_blobs(folder, &settings, blobs, &mut found.findings)?;
    }
    Ok(found)
}

fn git(folder: &Path) -> Command {
    let mut command = Command::new("git");
    command.arg("-C").arg(folder).stdin(Stdio::null());
    command
}

/// Every version of a tape or a body below the folder, and a path that it has or had.
fn blobs(folder: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let listed = git(folder)
        .args(["rev-list", "--objects", "--all", "--", "."])
        .output()
        .context("failed to run git, which --history needs")?;
    if !listed.status.success() {
        let says = String::from_utf8_lossy(&listed.stderr);
        bail!("git cannot tell the history of {}: {}", folder.display(), says.trim());
    }
    let text = String::from_utf8_lossy(&listed.stdout);
    let named = text.lines().filter_map(|line| line.split_once(' '));
    let wanted = named.filter(|(_, path)| {
        let name = path.rsplit('/').next().unwrap_or(path);
        is_tape_name(name) || is_body_name(name) || name == WORLD_FILE
    });
    Ok(wanted.map(|(id, path)| (id.to_owned(), path.to_owned())).collect())
}

/// Reads the versions one after another through one process.
fn scan_blobs(
    folder: &Path,
    settings: &Settings,
    blobs: BTreeMap<String, String>,
    findings: &mut Vec<Finding>,
) -> anyhow::Result<()> {
    let mut reader = git(folder)
        .args(["cat-file", "--batch"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("failed to run git cat-file")?;
    let mut ask = reader.stdin.take().context("git cat-file takes no questions")?;
    let mut answers = BufReader::new(reader.stdout.take().context("git cat-file gives no answers")?);
    let bar = progress("scanning the history", blobs.len());
    let mut read_all = || {
        for (id, path) in &blobs {
            writeln!(ask, "{id}")?;
            ask.flush()?;
            let mut head = String::new();
            answers.read_line(&mut head)?;
            let len = head.trim().rsplit(' ').next().and_then(|len| len.parse::<usize>().ok());
            let len = len.with_context(|| format!("git cat-file says of {path}: {}", head.trim()))?;
            let mut bytes = vec![0; len + 1];
            answers.read_exact(&mut bytes)?;
            bytes.pop();
            for leak in scan_one(settings, path, &bytes)? {
                let commit = commit_of(folder, id)?;
                findings.push(Finding { file: PathBuf::from(path), commit: Some(commit), leak });
            }
            bar.inc(1);
        }
        anyhow::Ok(())
    };
    let result = read_all();
    drop(ask);
    bar.finish_and_clear();
    reader.wait().context("git cat-file did not end")?;
    result
}

/// A tape whose bodies lay in files of their own is searched as text here; the bodies are versions of their own.
fn scan_one(settings: &Settings, path: &str, bytes: &[u8]) -> anyhow::Result<Vec<Leak>> {
    let text = String::from_utf8_lossy(bytes);
    if path.ends_with(".yaml")
        && let Ok(tape) = Tape::parse(&text, Path::new(path))
    {
        return Ok(settings.scan(&tape, &text)?);
    }
    Ok(settings.scan_text(&text)?.into_iter().collect())
}

/// The first commit that has this version.
fn commit_of(folder: &Path, id: &str) -> anyhow::Result<String> {
    let found = git(folder)
        .args(["log", "--all", "--reverse", "--format=%h", &format!("--find-object={id}")])
        .output()
        .context("failed to run git log")?;
    Ok(String::from_utf8_lossy(&found.stdout).lines().next().unwrap_or("(unknown)").to_owned())
}
