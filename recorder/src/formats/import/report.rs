//! What an import did, for people and for programs.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::super::value::{Value, map, number, text};
use super::super::{Format, Skipped};

/// What an import did with each file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImportReport {
    /// In the order of the import.
    pub files: Vec<FileReport>,
}

/// What an import did with one file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileReport {
    /// The file.
    pub path: PathBuf,
    /// What wrote it.
    pub format: Option<Format>,
    /// Where its tapes lie.
    pub folder: Option<PathBuf>,
    /// What came of the file as a whole.
    pub state: FileState,
    /// How many exchanges in it can be on a tape; of a refused file none is.
    pub exchanges: usize,
    /// How many of these are on tapes byte for byte and come back so.
    pub exact: usize,
    /// Those that come back and are not on the tape as they are in the file.
    pub changed: Vec<Changed>,
    /// Those whose old answer does not come back.
    pub lost: Vec<Changed>,
    /// What is to be known of an exchange that came over, byte for byte or not.
    pub notes: Vec<Changed>,
    /// What is in the file and cannot be on a tape.
    pub skipped: Vec<Skipped>,
}

/// What came of a file as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileState {
    /// It was read, and what is in it is on tapes.
    Imported,
    /// Nothing of it is on a tape, for this reason.
    Refused(String),
    /// It lies beside recordings and is none: what it is.
    NotARecording(String),
}

/// An exchange that came over, and what of it is not as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Changed {
    /// Where it stands in the file: `interaction 3`.
    pub place: String,
    /// What is not as it was, and why.
    pub reasons: Vec<String>,
}

/// Sums over files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Totals {
    /// Files that are recordings.
    pub files: usize,
    /// Files of these that were refused.
    pub refused: usize,
    /// Files that are none.
    pub no_recordings: usize,
    /// Exchanges that can be on a tape.
    pub exchanges: usize,
    /// Exchanges that came over byte for byte.
    pub exact: usize,
    /// Exchanges that came over changed.
    pub changed: usize,
    /// Exchanges that do not come back.
    pub lost: usize,
    /// What cannot be on a tape.
    pub skipped: usize,
}

impl Changed {
    pub(in super::super) fn new(place: &str, reasons: Vec<String>) -> Self {
        Self { place: place.to_owned(), reasons }
    }
}

impl FileReport {
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            format: None,
            folder: None,
            state: FileState::Imported,
            exchanges: 0,
            exact: 0,
            changed: Vec::new(),
            lost: Vec::new(),
            notes: Vec::new(),
            skipped: Vec::new(),
        }
    }

    /// Its line of JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        let (state, reason) = match &self.state {
            FileState::Imported => ("imported", None),
            FileState::Refused(reason) => ("refused", Some(reason)),
            FileState::NotARecording(what) => ("not-a-recording", Some(what)),
        };
        let changed = |list: &[Changed]| {
            Value::List(
                list.iter()
                    .map(|changed| {
                        let reasons = changed.reasons.iter().cloned().map(Value::Text).collect();
                        map([("place", text(&changed.place)), ("reasons", Value::List(reasons))])
                    })
                    .collect(),
            )
        };
        let skipped = self
            .skipped
            .iter()
            .map(|skipped| map([("place", text(&skipped.place)), ("reason", text(&skipped.reason))]));
        map([
            ("file", text(self.path.to_string_lossy())),
            ("format", self.format.map_or_else(null, |format| text(format.name()))),
            ("folder", self.folder.as_ref().map_or_else(null, |folder| text(folder.to_string_lossy()))),
            ("state", text(state)),
            ("reason", reason.map_or_else(null, text)),
            ("exchanges", number(self.exchanges)),
            ("exact", number(self.exact)),
            ("changed", changed(&self.changed)),
            ("lost", changed(&self.lost)),
            ("notes", changed(&self.notes)),
            ("skipped", Value::List(skipped.collect())),
        ])
        .to_json()
    }
}

impl ImportReport {
    /// The sums over all files.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.files.iter().fold(Totals::default(), Totals::plus)
    }

    /// The sums by format, in the order of their names; `None` are files of no format that is known.
    #[must_use]
    pub fn by_format(&self) -> BTreeMap<Option<&'static str>, Totals> {
        let mut sums = BTreeMap::<_, Totals>::new();
        for file in &self.files {
            let sum = sums.entry(file.format.map(Format::name)).or_default();
            *sum = sum.plus(file);
        }
        sums
    }

    /// Whether every recording came over: none refused, no answer lost.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        let totals = self.totals();
        totals.refused == 0 && totals.lost == 0
    }

    /// JSON: a line for each file, then one with the totals.
    #[must_use]
    pub fn to_json_lines(&self) -> String {
        let mut out: String = self.files.iter().map(|file| file.to_json() + "\n").collect();
        let formats =
            self.by_format().into_iter().map(|(name, sum)| (name.unwrap_or("unknown").to_owned(), sum.to_value()));
        let totals = map([("totals", self.totals().to_value()), ("formats", Value::Map(formats.collect()))]);
        out.push_str(&totals.to_json());
        out.push('\n');
        out
    }
}

impl Totals {
    fn plus(self, file: &FileReport) -> Self {
        let is = |state: bool| usize::from(state);
        Self {
            files: self.files + is(!matches!(file.state, FileState::NotARecording(_))),
            refused: self.refused + is(matches!(file.state, FileState::Refused(_))),
            no_recordings: self.no_recordings + is(matches!(file.state, FileState::NotARecording(_))),
            exchanges: self.exchanges + file.exchanges,
            exact: self.exact + file.exact,
            changed: self.changed + file.changed.len(),
            lost: self.lost + file.lost.len(),
            skipped: self.skipped + file.skipped.len(),
        }
    }

    fn to_value(self) -> Value {
        map([
            ("files", number(self.files)),
            ("refused", number(self.refused)),
            ("not_recordings", number(self.no_recordings)),
            ("exchanges", number(self.exchanges)),
            ("exact", number(self.exact)),
            ("changed", number(self.changed)),
            ("lost", number(self.lost)),
            ("skipped", number(self.skipped)),
        ])
    }
}

fn null() -> Value {
    Value::Plain(String::new())
}

/// The files of which there is something to say, then a table.
impl fmt::Display for ImportReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for file in &self.files {
            file.fmt(f)?;
        }
        writeln!(
            f,
            "{:<14} {:>6} {:>8} {:>10} {:>8} {:>8} {:>6} {:>8}",
            "format", "files", "refused", "exchanges", "exact", "changed", "lost", "skipped"
        )?;
        let mut line = |name: &str, sum: Totals| {
            let Totals { files, refused, exchanges, exact, changed, lost, skipped, .. } = sum;
            writeln!(
                f,
                "{name:<14} {files:>6} {refused:>8} {exchanges:>10} {exact:>8} {changed:>8} {lost:>6} {skipped:>8}"
            )
        };
        for (name, sum) in self.by_format() {
            if sum.files > 0 {
                line(name.unwrap_or("unknown"), sum)?;
            }
        }
        let all = self.totals();
        line("all", all)?;
        if all.no_recordings > 0 {
            writeln!(f, "and {} files that are no recordings", all.no_recordings)?;
        }
        Ok(())
    }
}

/// What is to be said of the file; nothing where all of it came over byte for byte.
impl fmt::Display for FileReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.state {
            FileState::Refused(reason) => return writeln!(f, "{path}: refused: {}", reason.replace('\n', "\n    ")),
            FileState::NotARecording(what) => return writeln!(f, "{path}: no recording: {what}"),
            FileState::Imported => {}
        }
        if self.exact == self.exchanges && self.skipped.is_empty() && self.notes.is_empty() {
            return Ok(());
        }
        writeln!(f, "{path}: {} exchanges, {} of them byte for byte", self.exchanges, self.exact)?;
        let mut notes: Vec<(String, Vec<&str>)> = Vec::new();
        let mut note = |text: String, place| match notes.iter_mut().find(|(known, _)| *known == text) {
            Some((_, places)) => places.push(place),
            None => notes.push((text, vec![place])),
        };
        for (word, list) in [("lost", &self.lost), ("changed", &self.changed), ("note", &self.notes)] {
            for changed in list {
                changed.reasons.iter().for_each(|reason| note(format!("{word}: {reason}"), changed.place.as_str()));
            }
        }
        self.skipped.iter().for_each(|skipped| note(format!("skipped: {}", skipped.reason), &skipped.place));
        for (text, places) in notes {
            let shown = places.iter().take(3).copied().collect::<Vec<_>>().join(", ");
            let more = places.len().checked_sub(3).filter(|more| *more > 0).map(|more| format!(" and {more} more"));
            writeln!(f, "    {shown}{}: {text}", more.unwrap_or_default())?;
        }
        Ok(())
    }
}
