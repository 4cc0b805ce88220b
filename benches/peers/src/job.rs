//! What a contender is told to do, as words of a command line: `TASK WORKLOAD STORED SAMPLE AT_ONCE RUNS BASE FOLDER [VARIANT]`.

use std::path::PathBuf;

use recorder_benches::Error;
use recorder_benches::workload::Workload;

/// One order to a contender.
#[derive(Debug, Clone)]
pub struct Job {
    /// What to do.
    pub task: Task,
    /// With which requests.
    pub workload: Workload,
    /// How many are recorded.
    pub stored: usize,
    /// How many of them a run asks for, spread evenly.
    pub sample: usize,
    /// How many are under way at the same time.
    pub at_once: usize,
    /// How many runs; the first warms up.
    pub runs: usize,
    /// `http://host:port` of the service that is recorded; stopped when replaying.
    pub base: String,
    /// Where the recording is.
    pub folder: PathBuf,
    /// Which of the contenders that share a program.
    pub variant: String,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// Record every request.
    Record,
    /// Replay, timed.
    Replay,
    /// Replay one request and end: a fresh process is measured from outside.
    First,
}

impl Task {
    fn name(self) -> &'static str {
        match self {
            Self::Record => "record",
            Self::Replay => "replay",
            Self::First => "first",
        }
    }
}

impl Job {
    /// The words that [`Job::parse`] reads.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        vec![
            self.task.name().into(),
            self.workload.name().into(),
            self.stored.to_string(),
            self.sample.to_string(),
            self.at_once.to_string(),
            self.runs.to_string(),
            self.base.clone(),
            self.folder.to_string_lossy().into_owned(),
            self.variant.clone(),
        ]
    }

    /// Reads the words of a command line.
    ///
    /// # Errors
    /// Where they are not those that the driver writes.
    pub fn parse(words: &[String]) -> Result<Self, Error> {
        let [task, workload, stored, sample, at_once, runs, base, folder, variant] = words else {
            return Err("this program is started by `cargo xtask peers`".into());
        };
        let tasks = [Task::Record, Task::Replay, Task::First];
        Ok(Self {
            task: tasks.into_iter().find(|known| known.name() == task).ok_or_else(|| format!("no task '{task}'"))?,
            workload: Workload::named(workload).ok_or_else(|| format!("no workload '{workload}'"))?,
            stored: stored.parse()?,
            sample: sample.parse()?,
            at_once: at_once.parse()?,
            runs: runs.parse()?,
            base: base.clone(),
            folder: folder.into(),
            variant: variant.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_survives_the_command_line() {
        let job = Job {
            task: Task::First,
            workload: Workload::Tracks,
            stored: 10,
            sample: 5,
            at_once: 2,
            runs: 3,
            base: "http://127.0.0.1:1".into(),
            folder: "a folder".into(),
            variant: String::new(),
        };
        assert_eq!(Job::parse(&job.words()).unwrap().words(), job.words());
    }
}
