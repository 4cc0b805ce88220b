//! What a running router says: lines for people, or JSON objects, on standard error.

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt;

use super::Failed;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    Text,
    /// One JSON object a line
    Json,
}

/// Begins to log. `filter` is a level or what `RUST_LOG` may say.
pub(super) fn begin(format: Format, filter: &str) -> Result<(), Failed> {
    let filter = EnvFilter::builder().parse(filter).map_err(|error| {
        Failed::could_not(format_args!(
            "`--log {filter}` is no level ({error}): write error, warn, info, debug or trace"
        ))
    })?;
    let logs = tracing_subscriber::fmt().with_writer(std::io::stderr).with_env_filter(filter).with_target(false);
    match format {
        Format::Text => logs.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).finish().try_init(),
        Format::Json => logs.json().flatten_event(true).finish().try_init(),
    }
    .map_err(|error| Failed::could_not(format_args!("logging does not start: {error}")))
}
