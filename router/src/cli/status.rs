//! `router status`.

use clap::Args;
use http::Method;

use super::{Failed, Where, ask, runtime};
use crate::control::status::Status as Told;

/// Tell how the router is: what waits where, and what holds it up
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  router status
  router status --json | jq '.destinations[] | select(.state != \"open\")'")]
pub(super) struct Status {
    /// Print it as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Where,
}

impl Status {
    pub(super) fn main(&self) -> Result<(), Failed> {
        let located = ask::locate(&self.place)?;
        let told: Told = ask::read(runtime()?.block_on(located.must(Method::GET, "/v1/status", None))?)?;
        super::print(&told, self.json)
    }
}
