//! `router explain`: the way of one event.

use clap::Args;
use http::Method;

use super::{Failed, Where, ask, runtime};
use crate::control::explain::Explanation;
use crate::control::offline::Offline;

/// Tell the way of one event: who sent it, which destinations want it, what they are sent, what they answered
///
/// Asks the router where it runs, and opens its data folder where it does not. Secrets are masked.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  router explain 5f1c-checkout-17
  router explain 5f1c-checkout-17 --json | jq '.events[0].destinations[].state'

Exit codes: 0 told, 1 there is no such event, 2 could not ask.")]
pub(super) struct Explain {
    /// The event's messageId
    #[arg(value_name = "MESSAGE_ID")]
    id: String,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Where,
}

impl Explain {
    pub(super) fn main(&self) -> Result<(), Failed> {
        let found = find(&self.place, &self.id)?;
        super::print(&found, self.json)
    }
}

/// The explanation of an event, from the router or its folder.
pub(super) fn find(place: &Where, id: &str) -> Result<Explanation, Failed> {
    let located = ask::locate(place)?;
    let asked = runtime()?.block_on(located.ask(Method::GET, &format!("/v1/explain/{}", ask::encoded(id)), None))?;
    let found = match asked {
        Some(answer) => ask::read(answer)?,
        None => Offline::open(&place.config, &place.destinations)?.explain(id)?,
    };
    if found.events.is_empty() {
        return Err(Failed::refused(format_args!(
            "no event with messageId {id:?} is in {}: it was never accepted here, or is older than `retention`",
            located.data.display()
        )));
    }
    Ok(found)
}
