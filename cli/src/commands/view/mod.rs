//! `tapes view`: one self-contained page of HTML of a folder of tapes.

mod data;
mod page;

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use serde_json::json;

use crate::output::{print_json, progress, say};
use crate::select::{AllSettings, Select};
use crate::{Outcome, Verdict, parallel, words};

/// Writes one self-contained page of HTML: searchable, request beside answer, JSON folded, takes compared, streams on a time line
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  tapes view tapes/orders --out orders.html\n  tapes view --title 'What the shop answers'\n\n\
    The page loads nothing and sends nothing: a policy in it forbids both. `/` goes to the search, `j` and `k` to the next tape and the \
    one before. `page.html#q=refused` opens with a search, `page.html#9c1d6f0e4b7a` with a tape.\n\
    JSON: {file, bytes, tapes}"
)]
pub(crate) struct Args {
    #[command(flatten)]
    select: Select,
    /// The file that is written
    #[arg(long, default_value = "tapes.html", value_name = "FILE")]
    out: PathBuf,
    /// The title of the page
    #[arg(long, default_value = "Tapes")]
    title: String,
    /// Bodies are shown up to so many bytes
    #[arg(long, default_value_t = 256 << 10, value_name = "BYTES")]
    body_limit: usize,
    /// Writes over a file that is there and was not written by this command
    #[arg(long)]
    force: bool,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        if !self.force
            && let Ok(there) = std::fs::read(&self.out)
            && !page::is_ours(&there)
        {
            bail!(
                "{} is there and was not written by `tapes view`: name another file, or add --force",
                self.out.display()
            );
        }
        let files = self.select.files()?;
        let settings = AllSettings::of(&files)?;
        let bar = progress("reading", files.len());
        let tapes = parallel::map(&files, &bar, |file| data::tape(file, settings.get(file), self.body_limit));
        let tapes = tapes.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
        let page = page::page(&self.title, &tapes)?;
        std::fs::write(&self.out, &page).with_context(|| format!("failed to write {}", self.out.display()))?;
        if self.json {
            print_json(&json!({"file": self.out, "bytes": page.len(), "tapes": tapes.len()}))?;
        } else {
            let size = words::size(page.len() as u64);
            say!("{} in {} ({size})", words::count(tapes.len(), "tape"), self.out.display());
        }
        Ok(Verdict::Fine)
    }
}
