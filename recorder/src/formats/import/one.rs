//! One recording: read, put on tapes, asked for again.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::{Exchange, Format, FormatError, LARGEST, Skipped, Source};
use super::plan::Recording;
use super::report::{FileReport, FileState};
use super::{Import, mend, replay};
use crate::session::{Error, ErrorKind, Mode, Recorder, Tapes};
use crate::tape::{Key, Tape};

/// An exchange, and the file of the recording that it is from.
type Of = (usize, Exchange);

impl Import {
    /// A report for each file.
    pub(super) fn one(&self, recording: &Recording) -> Vec<FileReport> {
        let mut reports = Vec::with_capacity(recording.files.len());
        let mut exchanges: Vec<Of> = Vec::new();
        for (i, file) in recording.files.iter().enumerate() {
            let mut report = FileReport::new(file);
            match self.read(file, &mut report) {
                Ok(found) => {
                    report.exchanges = found.len();
                    exchanges.extend(found.into_iter().map(|exchange| (i, exchange)));
                }
                Err(FormatError::NotARecording { what, .. }) => report.state = FileState::NotARecording(what),
                Err(error) => report.state = FileState::Refused(without_path(&error, file)),
            }
            reports.push(report);
        }
        if exchanges.is_empty() {
            return reports;
        }
        if let Err(error) = self.tape(recording, &mut exchanges, &mut reports) {
            let taken = |report: &&mut FileReport| report.state == FileState::Imported && report.exchanges > 0;
            let reason = self.with_its_place(&error, &exchanges);
            for report in reports.iter_mut().filter(taken) {
                report.state = FileState::Refused(reason.clone());
            }
        }
        reports
    }

    fn read(&self, file: &Path, report: &mut FileReport) -> Result<Vec<Exchange>, FormatError> {
        let io = |source| FormatError::Io { path: file.to_owned(), source };
        let bytes = fs::metadata(file).map_err(io)?.len();
        if bytes > LARGEST {
            return Err(FormatError::TooLarge { path: file.to_owned(), bytes, limit: LARGEST });
        }
        // What says that it is empty may be a device that has no end.
        let mut text = Vec::with_capacity(usize::try_from(bytes).unwrap_or_default());
        fs::File::open(file).and_then(|open| open.take(LARGEST + 1).read_to_end(&mut text)).map_err(io)?;
        let bytes = text;
        if bytes.len() as u64 > LARGEST {
            return Err(FormatError::TooLarge { path: file.to_owned(), bytes: bytes.len() as u64, limit: LARGEST });
        }
        let source = Source { path: file, bytes: &bytes, base: self.base.as_deref() };
        let format = self.format.map_or_else(|| Format::detect(source), Ok)?;
        report.format = Some(format);
        let mut found = format.read(source)?;
        report.skipped = found.skipped;
        if !self.as_is {
            found.exchanges.iter_mut().for_each(|exchange| mend::mend(exchange, self.layer));
        }
        Ok(found.exchanges)
    }

    /// Records, then replays. The error is that of the recording as a whole.
    fn tape(&self, recording: &Recording, exchanges: &mut Vec<Of>, reports: &mut [FileReport]) -> Result<(), Error> {
        let tapes = match self.record(&recording.folder, exchanges) {
            Err(error) if matches!(error.kind(), ErrorKind::Tape(_)) => {
                // One that no tape can hold does not take its neighbours along.
                skip_what_no_tape_holds(exchanges, reports);
                self.record(&recording.folder, exchanges)?
            }
            Err(error) if recording.files.len() > 1 && matches!(error.kind(), ErrorKind::Leak(_)) => {
                self.refuse_files_with_secrets(exchanges, reports);
                self.record(&recording.folder, exchanges)?
            }
            other => other?,
        };
        let folder = self.target.join(&recording.folder);
        let replaying = self.recorder(&recording.folder).mode(Mode::Replay).open()?;
        for (file, exchange) in exchanges.iter() {
            let report = &mut reports[*file];
            report.folder = Some(folder.clone());
            replay::judge(&tapes, replaying.session(), self.layer, exchange).enter(report, exchange);
        }
        // Whatever is wrong with an exchange stands in the report already.
        drop(replaying.finish());
        Ok(())
    }

    fn record(&self, folder: &Path, exchanges: &[Of]) -> Result<crate::Session, Error> {
        let tapes: Tapes = self.recorder(folder).mode(Mode::Record).open()?;
        let session = tapes.session().clone();
        for (_, exchange) in exchanges {
            session.import(exchange.request.clone(), exchange.take.clone(), self.layer)?;
        }
        tapes.finish()?;
        Ok(session)
    }

    fn recorder(&self, folder: &Path) -> Recorder {
        let mut recorder = Recorder::for_import(&self.target, folder);
        for rule in &self.rules {
            recorder = recorder.rule(rule);
        }
        for rule in &self.redact {
            recorder = recorder.redact(rule);
        }
        for line in &self.allow {
            recorder = recorder.allow(line);
        }
        for (name, value) in &self.secrets {
            recorder = recorder.secret(name, value);
        }
        if self.as_is { recorder.as_is() } else { recorder }
    }

    /// Finds the files that the gate stops, each by itself.
    fn refuse_files_with_secrets(&self, exchanges: &mut Vec<Of>, reports: &mut [FileReport]) {
        for (i, report) in reports.iter_mut().enumerate() {
            let own: Vec<Of> = exchanges.iter().filter(|(file, _)| *file == i).cloned().collect();
            if own.is_empty() {
                continue;
            }
            if let Err(error) = self.trial(&own) {
                report.state = FileState::Refused(self.with_its_place(&error, &own));
                exchanges.retain(|(file, _)| *file != i);
            }
        }
    }

    /// What the gate found, in which exchange, and how it may pass.
    fn with_its_place(&self, error: &Error, exchanges: &[Of]) -> String {
        if !matches!(error.kind(), ErrorKind::Leak(_)) {
            return error.to_string();
        }
        let found = exchanges.iter().find_map(|of| {
            let error = self.trial(std::slice::from_ref(of)).err()?;
            Some(format!("{}: {error}", of.1.place))
        });
        format!("{} (for an import alone: --allow LINE)", found.unwrap_or_else(|| error.to_string()))
    }

    /// Records into a folder that goes again.
    fn trial(&self, exchanges: &[Of]) -> Result<(), Error> {
        static TRIALS: AtomicUsize = AtomicUsize::new(0);
        let number = TRIALS.fetch_add(1, Ordering::Relaxed);
        let folder = PathBuf::from(format!(".trial-{}-{number}", std::process::id()));
        let recorded = self.record(&folder, exchanges);
        // Only this process writes there.
        drop(fs::remove_dir_all(self.target.join(&folder)));
        recorded.map(drop)
    }
}

fn skip_what_no_tape_holds(exchanges: &mut Vec<Of>, reports: &mut [FileReport]) {
    exchanges.retain(|(file, exchange)| {
        let tape = Tape {
            key: Key([0; 32]),
            layer: crate::tape::Layer::Wire,
            rules: Vec::new(),
            request: exchange.request.clone(),
            takes: vec![exchange.take.clone()],
        };
        let Err(error) = tape.render() else { return true };
        let report = &mut reports[*file];
        report.exchanges -= 1;
        report.skipped.push(Skipped { place: exchange.place.clone(), reason: error.to_string() });
        false
    });
}

/// The report names the file already.
fn without_path(error: &FormatError, file: &Path) -> String {
    let text = error.to_string();
    text.strip_prefix(&format!("{} ", file.display())).map_or_else(|| text.clone(), |rest| format!("it {rest}"))
}
