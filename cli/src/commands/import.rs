//! `tapes import`: other tools' recordings become tapes, and every exchange is asked of its new tape.

use std::path::PathBuf;

use anyhow::bail;
use traffic_recorder::formats::{Format, Import};
use traffic_recorder::tape::Layer;

use crate::Outcome;
use crate::output::{progress, say};

/// Makes tapes of other tools' recordings, and asks each new tape for the answer that the recording has
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  tapes import spec/cassettes --into tapes\n  \
    tapes import recording.har --into tapes --layer logical\n  \
    tapes import mappings --into tapes --format wiremock --base https://api.example.com\n\n\
    Secrets are hidden as in a recording of one's own; a file in which something looks like a secret that no rule hides is refused.\n\
    JSON: a line a file, then the totals. Exit code 1: a file was refused, or an exchange did not come over.")]
pub(crate) struct Args {
    /// Files, or folders of them
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The folder that the tapes go into, a folder in it for each recording
    #[arg(long, value_name = "DIR")]
    into: PathBuf,
    /// What wrote the files, where their content does not tell
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// The host of URLs that are paths alone: https://api.example.com
    #[arg(long, value_name = "URL")]
    base: Option<String>,
    /// Whether the recorder sat below redirects and decompression, or above them
    #[arg(long, value_enum, default_value_t = At::Wire)]
    layer: At,
    /// Lets something pass that looks like a secret and is none: `pattern random`, `value build-*`
    #[arg(long, value_name = "LINE")]
    allow: Vec<String>,
    /// Hides and looks for nothing: to compare the bytes with the recording's
    #[arg(long)]
    as_is: bool,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

/// Where a recorder sat.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum At {
    /// Below redirects and decompression
    Wire,
    /// Above them
    Logical,
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        let mut import = Import::to(&self.into).as_is(self.as_is).layer(match self.layer {
            At::Wire => Layer::Wire,
            At::Logical => Layer::Logical,
        });
        if let Some(name) = &self.format {
            let Some(format) = Format::named(name) else {
                let known: Vec<&str> = Format::all().map(Format::name).collect();
                bail!("there is no format {name:?}; known: {}", known.join(", "));
            };
            import = import.format(format);
        }
        if let Some(base) = self.base {
            import = import.base(base);
        }
        for line in self.allow {
            import = import.allow(line);
        }
        let bar = progress("importing", 0);
        let report = import.run_with(&self.files, |done, all, _| {
            bar.set_length(all as u64);
            bar.set_position(done as u64);
        });
        bar.finish_and_clear();
        let report = report?;
        let text = if self.json { report.to_json_lines() } else { report.to_string() };
        say!("{}", text.trim_end());
        Ok((!report.is_clean()).into())
    }
}
