//! A whole run of the tests: every session leaves a line in a ledger below the target folder, whichever process it was in, so
//! that unused takes, orphans and rules that never matched can be told for the run. The test list of a binary (`--list`)
//! tells orphans apart from tapes whose test was only filtered out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use super::recording::lock;
use super::state::{Inner, State};
use crate::store::folder_of;

/// What the sessions of one run of `cargo test` or `cargo nextest` left.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunReport {
    /// How many sessions there were.
    pub sessions: usize,
    /// Takes nobody asked for, each with its test.
    pub unused: Vec<String>,
    /// Folders of tapes that belong to no test.
    pub orphans: Vec<PathBuf>,
    /// Folders with a name of their own that this run did not use; a filtered run says nothing about them.
    pub idle: Vec<PathBuf>,
    /// Rules of `recorder.yaml` that never matched.
    pub unmatched: Vec<String>,
}

/// Folders of tapes below one crate's name that belong to no test of this binary.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Orphans(pub Vec<PathBuf>);

/// One session in the ledger.
#[derive(Debug, Default)]
struct Line {
    root: PathBuf,
    folder: PathBuf,
    test: String,
    derived: bool,
    exe: PathBuf,
    unused: Vec<String>,
    rules: Vec<String>,
    matched: Vec<String>,
}

/// Adds this session to the run's ledger. A target folder that cannot be written costs the report of the run, not the test.
pub(super) fn note(inner: &Inner, state: &State, unused: &[String]) {
    static LEDGER: Mutex<Option<Option<File>>> = Mutex::new(None);
    let Some(exe) = std::env::current_exe().ok() else { return };
    let rules = inner.options.configured_rules.clone();
    let unmatched: BTreeSet<String> = state.redactor.unmatched().into_iter().collect();
    let matched: Vec<_> = rules.iter().filter(|rule| !unmatched.contains(*rule)).cloned().collect();
    let location = &inner.location;
    let mut line = String::new();
    for (field, values) in [
        ("root", vec![location.root().display().to_string()]),
        ("folder", vec![inner.folder.path().display().to_string()]),
        ("test", vec![location.test().to_owned()]),
        ("derived", vec![location.is_derived().to_string()]),
        ("exe", vec![exe.display().to_string()]),
        ("unused", unused.to_vec()),
        ("rule", rules),
        ("matched", matched),
    ] {
        for value in values {
            let _ = write!(line, "{field}={}\t", value.replace(['\t', '\n'], " "));
        }
    }
    line.push('\n');
    let mut ledger = lock(&LEDGER);
    let file = ledger.get_or_insert_with(|| {
        let root = ledger_root(&exe)?;
        let folder = root.join(run_id());
        if !folder.exists() {
            forget_old_runs(&root);
        }
        fs::create_dir_all(&folder).ok()?;
        File::options().create(true).append(true).open(folder.join(std::process::id().to_string())).ok()
    });
    if let Some(file) = file {
        let _ = file.write_all(line.as_bytes());
    }
}

/// `<target>/traffic-recorder`, found by the tag that cargo puts into its target folder.
fn ledger_root(exe: &Path) -> Option<PathBuf> {
    let target = exe.ancestors().skip(1).find(|folder| folder.join("CACHEDIR.TAG").exists())?;
    Some(target.join("traffic-recorder"))
}

/// Keeps the newest runs: nobody asks for the ledger of last month.
fn forget_old_runs(root: &Path) {
    const KEPT: usize = 9;
    let Ok(entries) = fs::read_dir(root) else { return };
    let mut runs: Vec<_> =
        entries.flatten().filter_map(|run| Some((run.metadata().ok()?.modified().ok()?, run.path()))).collect();
    runs.sort();
    for (_, run) in runs.iter().rev().skip(KEPT) {
        // Another process may be doing the same.
        let _ = fs::remove_dir_all(run);
    }
}

/// nextest names its runs; `cargo test` is the parent of all its test binaries.
fn run_id() -> String {
    if let Ok(id) = std::env::var("NEXTEST_RUN_ID") {
        return format!("nextest-{id}");
    }
    #[cfg(unix)]
    let parent = std::os::unix::process::parent_id();
    #[cfg(not(unix))]
    let parent = 0;
    format!("cargo-{parent}")
}

impl RunReport {
    /// Whether there is nothing to mend. Folders that this run did not use do not count: their tests may have been filtered
    /// out.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.unused.is_empty() && self.orphans.is_empty() && self.unmatched.is_empty()
    }

    /// The newest run below a cargo target folder; `None` where there was none.
    ///
    /// # Errors
    /// Where the ledger or the folders of tapes cannot be read.
    pub fn newest(target: &Path) -> io::Result<Option<Self>> {
        let root = target.join("traffic-recorder");
        let entries = match fs::read_dir(&root) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(e),
        };
        let mut newest: Option<(std::time::SystemTime, PathBuf)> = None;
        for entry in entries {
            let entry = entry?;
            let modified = entry.metadata()?.modified()?;
            if newest.as_ref().is_none_or(|(time, _)| modified > *time) {
                newest = Some((modified, entry.path()));
            }
        }
        newest.map(|(_, folder)| Self::read(&folder)).transpose()
    }

    fn read(folder: &Path) -> io::Result<Self> {
        let mut lines = Vec::new();
        for entry in fs::read_dir(folder)? {
            let text = fs::read_to_string(entry?.path())?;
            lines.extend(text.lines().map(parse));
        }
        let mut report = Self { sessions: lines.len(), ..Self::default() };
        let (mut used, mut tests) = (BTreeSet::new(), BTreeMap::<PathBuf, BTreeSet<PathBuf>>::new());
        let (mut rules, mut matched) = (BTreeSet::new(), BTreeSet::new());
        for line in &lines {
            used.insert(line.folder.clone());
            if line.derived {
                tests.entry(line.exe.clone()).or_default().insert(line.root.clone());
            }
            report.unused.extend(line.unused.iter().map(|tape| format!("{}: {tape}", line.test)));
            rules.extend(line.rules.iter().cloned());
            matched.extend(line.matched.iter().cloned());
        }
        report.unmatched = rules.difference(&matched).cloned().collect();
        let mut covered = BTreeSet::new();
        for (exe, roots) in tests {
            let Ok(listed) = list(&exe) else { continue };
            let crates: BTreeSet<_> =
                lines.iter().filter(|l| l.exe == exe && l.derived).map(|l| crate_of(&l.test)).collect();
            for root in roots {
                for name in &crates {
                    covered.insert(root.join(folder_of(name)));
                    report.orphans.extend(orphans(&root, name, &listed)?.into_iter().filter(|f| !used.contains(f)));
                }
            }
        }
        let roots: BTreeSet<_> =
            lines.iter().filter(|line| line.root.ends_with("tapes")).map(|line| &line.root).collect();
        for root in roots {
            let folders = tape_folders(root)?.into_iter();
            let apart =
                folders.filter(|folder| !covered.iter().any(|c| folder.starts_with(c)) && !used.contains(folder));
            report.idle.extend(apart);
        }
        Ok(report)
    }
}

impl fmt::Display for RunReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut section = |title: &str, lines: Vec<String>| {
            if lines.is_empty() {
                return Ok(());
            }
            writeln!(f, "{title}")?;
            lines.iter().try_for_each(|line| writeln!(f, "  {line}"))
        };
        let paths = |paths: &[PathBuf]| paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>();
        section("answers that nobody asked for:", self.unused.clone())?;
        section("tapes of tests that no longer exist (remove them):", paths(&self.orphans))?;
        section("tapes that this run did not use (orphans, if no test was filtered out):", paths(&self.idle))?;
        section("rules of recorder.yaml that never matched:", self.unmatched.clone())?;
        write!(f, "{} sessions", self.sessions)
    }
}

fn parse(text: &str) -> Line {
    let mut line = Line::default();
    for (field, value) in text.split('\t').filter_map(|part| part.split_once('=')) {
        match field {
            "root" => line.root = value.into(),
            "folder" => line.folder = value.into(),
            "test" => line.test = value.to_owned(),
            "derived" => line.derived = value == "true",
            "exe" => line.exe = value.into(),
            "unused" => line.unused.push(value.to_owned()),
            "rule" => line.rules.push(value.to_owned()),
            "matched" => line.matched.push(value.to_owned()),
            _ => {}
        }
    }
    line
}

fn crate_of(test: &str) -> &str {
    test.split("::").next().unwrap_or(test)
}

impl Orphans {
    /// Compares the tapes under `root/<crate>` with the tests that this very binary lists. Which tests this run executes does not
    /// matter, so a filtered run finds no false orphans.
    ///
    /// # Errors
    /// Where the binary does not list its tests or the folders cannot be read.
    pub fn of_this_binary(root: &Path, crate_name: &str) -> io::Result<Self> {
        let listed = list(&std::env::current_exe()?)?;
        orphans(root, crate_name, &listed).map(Self)
    }

    #[doc(hidden)]
    #[track_caller]
    pub fn of_call(site: super::CallSite) -> Self {
        let location = super::Location::of_function(site);
        let found = location.map_err(|e| e.to_string()).and_then(|location| {
            Self::of_this_binary(location.root(), crate_of(location.test())).map_err(|e| e.to_string())
        });
        found.unwrap_or_else(|error| panic!("failed to look for orphans: {error}"))
    }

    /// # Panics
    /// Where there are any, naming them.
    #[track_caller]
    pub fn check(&self) {
        assert!(self.0.is_empty(), "{self}");
    }
}

impl fmt::Display for Orphans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "these folders hold tapes of tests that no longer exist; remove them:")?;
        self.0.iter().try_for_each(|folder| write!(f, "\n  {}", folder.display()))
    }
}

/// The tests of a binary, as `crate`-less paths.
fn list(exe: &Path) -> io::Result<BTreeSet<String>> {
    let output = Command::new(exe).args(["--list", "--format", "terse"]).output()?;
    if !output.status.success() {
        return Err(io::Error::other(format!("{} does not list its tests", exe.display())));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect())
}

fn orphans(root: &Path, crate_name: &str, listed: &BTreeSet<String>) -> io::Result<Vec<PathBuf>> {
    let alive: BTreeSet<PathBuf> =
        listed.iter().map(|test| root.join(folder_of(&format!("{crate_name}::{test}")))).collect();
    let folders = tape_folders(&root.join(folder_of(crate_name)))?;
    // The cases of a parametrised test lie below it.
    Ok(folders.into_iter().filter(|folder| !folder.ancestors().any(|a| alive.contains(a))).collect())
}

/// Every folder below `root` that holds tapes itself.
fn tape_folders(root: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
            Err(e) => return Err(e),
        };
        let mut tapes = false;
        for entry in entries {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                open.push(entry.path());
            } else {
                tapes |= entry.file_name().to_str().is_some_and(crate::store::is_tape);
            }
        }
        if tapes {
            found.push(folder);
        }
    }
    found.sort();
    Ok(found)
}
