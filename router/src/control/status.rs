//! How a router is: the JSON of `GET /v1/status` and `router status --json`.

use std::fmt::{self, Display, Formatter};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::config::show_size;

/// A time as it is told: RFC 3339, to the millisecond.
pub(crate) fn time(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// All there is to say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The release.
    pub version: String,
    /// When the process started (RFC 3339).
    pub started_at: String,
    /// Where events come in.
    pub listen: String,
    /// The folder of the log.
    pub data: String,
    /// Why no events are accepted; nothing while they are.
    pub not_ready: Option<String>,
    /// The configuration in force.
    pub configuration: Configuration,
    /// What the log holds.
    pub log: LogStatus,
    /// The sources, in the order of the configuration.
    pub sources: Vec<SourceStatus>,
    /// The destinations, in the order of the configuration.
    pub destinations: Vec<DestinationStatus>,
}

/// The configuration in force.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Configuration {
    /// Its file.
    pub file: String,
    /// When it was applied (RFC 3339).
    pub applied_at: String,
    /// The mistakes of the file as it is now, where it has some and so is not in force.
    pub mistakes: Option<String>,
    /// What was changed and needs a restart.
    pub needs_restart: Vec<String>,
}

/// What the log holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogStatus {
    /// Events.
    pub events: u64,
    /// Bytes on disk.
    pub bytes: u64,
}

/// A source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SourceStatus {
    /// Its name.
    pub name: String,
    /// Events that were accepted from it, ever.
    pub events: u64,
}

/// A destination.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DestinationStatus {
    /// Its name.
    pub name: String,
    /// The definition that it is an instance of.
    #[serde(rename = "type")]
    pub slug: String,
    /// `open`, `paused`, `shut`, `probing` or `disabled`.
    pub state: String,
    /// Why it is not open.
    pub detail: Option<String>,
    /// Requests being sent.
    pub in_flight: u64,
    /// Its lanes.
    pub lanes: Vec<LaneStatus>,
}

/// One source's events on their way to a destination.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LaneStatus {
    /// The source.
    pub source: String,
    /// Events that nobody has looked at yet, or that are being sent.
    pub waiting: u64,
    /// Events that wait for another try.
    pub retrying: u64,
    /// Dead letters.
    pub dead: u64,
    /// When the oldest of those that wait was accepted (RFC 3339).
    pub oldest: Option<String>,
}

impl Display for Status {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "router {}, since {}", self.version, self.started_at)?;
        match &self.not_ready {
            None => writeln!(f, "accepts events on http://{}", self.listen)?,
            Some(why) => writeln!(f, "accepts no events: {why}")?,
        }
        writeln!(f, "{}: {} events, {}", self.data, self.log.events, show_size(rounded(self.log.bytes)))?;
        self.configuration.fmt(f)?;
        for source in &self.sources {
            writeln!(f, "\nsource {}: {} events accepted", source.name, source.events)?;
        }
        self.destinations.iter().try_for_each(|destination| destination.fmt(f))
    }
}

impl Display for Configuration {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}, applied {}", self.file, self.applied_at)?;
        if let Some(mistakes) = &self.mistakes {
            writeln!(f, "\nthe file has mistakes, and the configuration before it is in force:\n{mistakes}")?;
        }
        self.needs_restart.iter().try_for_each(|key| writeln!(f, "`{key}` has changed and needs a restart"))
    }
}

impl Display for DestinationStatus {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "\ndestination {} ({}): {}", self.name, self.slug, self.state)?;
        match &self.detail {
            Some(detail) => writeln!(f, " – {detail}")?,
            None => writeln!(f)?,
        }
        for lane in &self.lanes {
            write!(
                f,
                "  from {}: {} waiting, {} to be tried again, {} dead letters",
                lane.source, lane.waiting, lane.retrying, lane.dead
            )?;
            match &lane.oldest {
                Some(oldest) => writeln!(f, "; the oldest is of {oldest}")?,
                None => writeln!(f)?,
            }
        }
        Ok(())
    }
}

/// A size of two or three digits and a unit: nobody reads more.
fn rounded(bytes: u64) -> u64 {
    let unit = [1_000_000_000, 1_000_000, 1_000].into_iter().find(|unit| bytes >= unit * 10).unwrap_or(1);
    bytes / unit * unit
}
