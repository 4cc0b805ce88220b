//! `tapes export`: tapes for other tools.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use traffic_recorder::formats::{ExportFormat, export};

use crate::output::{print_json, say};
use crate::{Outcome, Verdict, words};

/// Writes tapes for other tools: as HAR, as commands of curl, as a cassette of VCR, as mappings of WireMock
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  tapes export har tapes/orders --into out\n  tapes export curl tapes/orders/created > again.sh\n\n\
    Without --into, the one file of the format goes to standard output. Secrets stay placeholders. What a format has no place for is \
    named on standard error.\n\
    JSON (with --into): {files, exchanges, left_out: [{place, reasons}]}"
)]
pub(crate) struct Args {
    /// har, curl, vcr or wiremock
    #[arg(value_parser = format)]
    format: ExportFormat,
    /// A tape, or a folder of them
    path: PathBuf,
    /// The folder that the files go into; nothing is written over
    #[arg(long, value_name = "FOLDER")]
    into: Option<PathBuf>,
    /// Prints JSON
    #[arg(long, requires = "into")]
    json: bool,
}

fn format(name: &str) -> Result<ExportFormat, String> {
    let known = || ExportFormat::all().map(ExportFormat::name).collect::<Vec<_>>().join(", ");
    ExportFormat::named(name).ok_or_else(|| format!("known are {}", known()))
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        let exported = export(&self.path, self.format)?;
        let Some(into) = &self.into else {
            let [(_, bytes)] = exported.files.as_slice() else {
                bail!("{} makes {} files: name a folder with --into", self.format.name(), exported.files.len());
            };
            std::io::Write::write_all(&mut std::io::stdout().lock(), bytes)?;
            left_out(&exported);
            return Ok(Verdict::Fine);
        };
        exported.write_to(into).with_context(|| format!("failed to export into {}", into.display()))?;
        let files: Vec<_> = exported.files.iter().map(|(name, _)| into.join(name)).collect();
        if self.json {
            let left: Vec<Value> =
                exported.left_out.iter().map(|left| json!({"place": left.place, "reasons": left.reasons})).collect();
            print_json(&json!({"files": files, "exchanges": exported.exchanges, "left_out": left}))?;
            return Ok(Verdict::Fine);
        }
        left_out(&exported);
        say!("{} in {}", words::count(exported.exchanges, "exchange"), words::count(files.len(), "file"));
        files.iter().try_for_each(|file| anyhow::Ok(say!("  {}", file.display())))?;
        Ok(Verdict::Fine)
    }
}

fn left_out(exported: &traffic_recorder::formats::Exported) {
    for left in &exported.left_out {
        eprintln!("left out of {}: {}", words::printable(&left.place), words::printable(&left.reasons.join(", ")));
    }
}
