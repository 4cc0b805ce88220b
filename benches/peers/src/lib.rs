//! What every contender shares: the order it gets ([`Job`]), what it must be able to do ([`Peer`]) and the lines it prints
//! ([`Line`]), which the driver reads.
//!
//! A contender is a program of its own, so that a fresh process can be measured, and one that hangs can be ended.

mod job;
mod line;
mod peer;

pub use job::{Job, Task};
pub use line::Line;
pub use peer::{Peer, run};
pub use recorder_benches::Error;
pub use recorder_benches::workload::{self, Ask, Workload};

use std::path::{Path, PathBuf};

use bytes::Bytes;

/// Writes one file for each answer of a job. Contenders without recordings of their own get these as a user would: from fixtures.
///
/// # Errors
/// Those of the file system.
pub fn write_fixtures(job: &Job) -> Result<(), Error> {
    let blob = if job.workload == Workload::Blob { workload::blob() } else { Bytes::new() };
    std::fs::create_dir_all(&job.folder)?;
    for ask in job.workload.asks("", job.stored, job.stored) {
        let path = ask.url.split('?').next().unwrap_or_default();
        let (_, answer) = workload::answer(path, ask.body.as_deref().unwrap_or_default(), &blob)?;
        std::fs::write(fixture(&job.folder, ask.number), answer)?;
    }
    Ok(())
}

/// Every request of a job with its answer, read back from the files.
///
/// # Errors
/// Those of the file system.
pub fn read_fixtures(job: &Job) -> Result<Vec<(Ask, Bytes)>, Error> {
    let asks = job.workload.asks(&job.base, job.stored, job.stored);
    asks.into_iter().map(|ask| Ok((ask.clone(), std::fs::read(fixture(&job.folder, ask.number))?.into()))).collect()
}

fn fixture(folder: &Path, number: usize) -> PathBuf {
    folder.join(format!("{number:08}.answer"))
}
