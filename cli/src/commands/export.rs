//! `tapes export`: tapes as files of other tools.

use std::path::PathBuf;

use anyhow::bail;
use serde_json::{Value, json};
use traffic_recorder::formats::{ExportFormat, export};

use crate::output::{print_json, say};
use crate::{Outcome, Verdict, words};

/// Writes a folder of tapes, or one tape, as a file of another tool
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  tapes export tapes/orders --as har --into exported\n  \
    tapes export tapes/orders/get-shop.test-lines-0f3c9a1b2d4e.yaml --as curl --into exported\n\n\
    What is there already is not written over. JSON: {exchanges, files: [path], left_out: [{place, reasons}]}")]
pub(crate) struct Args {
    /// A folder of tapes, or one tape
    tapes: PathBuf,
    /// har, curl, vcr or wiremock
    #[arg(long = "as", value_name = "FORMAT")]
    format: String,
    /// The folder that the files go into
    #[arg(long, value_name = "DIR")]
    into: PathBuf,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        let Some(format) = ExportFormat::named(&self.format) else {
            let known: Vec<&str> = ExportFormat::all().map(ExportFormat::name).collect();
            bail!("there is no format {:?} to write; known: {}", self.format, known.join(", "));
        };
        let exported = export(&self.tapes, format)?;
        exported.write_to(&self.into)?;
        let files: Vec<PathBuf> = exported.files.iter().map(|(name, _)| self.into.join(name)).collect();
        if self.json {
            let left: Vec<Value> =
                exported.left_out.iter().map(|one| json!({"place": one.place, "reasons": one.reasons})).collect();
            let files: Vec<String> = files.iter().map(|file| file.to_string_lossy().into_owned()).collect();
            print_json(&json!({"exchanges": exported.exchanges, "files": files, "left_out": left}))?;
            return Ok(Verdict::Fine);
        }
        for one in &exported.left_out {
            say!("{}: {}", one.place, one.reasons.join("; "));
        }
        for file in &files {
            say!("{}", file.display());
        }
        say!("{} in {}", words::count(exported.exchanges, "exchange"), words::count(files.len(), "file"));
        Ok(Verdict::Fine)
    }
}
