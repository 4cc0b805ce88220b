//! `router dead-letters`: what could not be delivered.

use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};

use super::{Failed, Where, ask, explain, runtime};
use crate::control::dead_letters::{DeadLetters as Listed, Query};
use crate::control::explain::State;
use crate::control::offline::Offline;

/// List, show or send again what could not be delivered
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  router dead-letters list --destination mixpanel --limit 20
  router dead-letters show 5f1c-checkout-17
  router dead-letters redrive --destination mixpanel")]
pub(super) struct DeadLetters {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List dead letters with their reasons, oldest first
    #[command(after_help = "Examples:
  router dead-letters list
  router dead-letters list --destination mixpanel --source shop --limit 1000 --json")]
    List {
        #[command(flatten)]
        which: Which,
        /// Go on behind the ones that were listed before
        #[arg(long, value_name = "NEXT")]
        after: Option<String>,
        /// Print them as JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        place: Where,
    },
    /// Show one: the event, what would be sent today, and what became of it
    #[command(after_help = "Examples:
  router dead-letters show 5f1c-checkout-17")]
    Show {
        /// The event's messageId
        #[arg(value_name = "MESSAGE_ID")]
        id: String,
        /// Print it as JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        place: Where,
    },
    /// Send them again, with the mapping and the settings of today; needs a router that runs
    #[command(after_help = "Examples:
  router dead-letters redrive --destination mixpanel
  router dead-letters redrive --source shop --limit 10     the ten oldest, for a try")]
    Redrive {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        place: Where,
    },
}

#[derive(Debug, Args)]
struct Which {
    /// Of this destination alone
    #[arg(long, value_name = "NAME")]
    destination: Option<String>,
    /// Of this source alone
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// At most so many
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

impl DeadLetters {
    pub(super) fn main(&self) -> Result<(), Failed> {
        match &self.what {
            What::List { which, after, json, place } => list(&which.query(after.clone()), *json, place),
            What::Show { id, json, place } => show(id, *json, place),
            What::Redrive { which, place } => redrive(&which.query(None), place),
        }
    }
}

impl Which {
    fn query(&self, after: Option<String>) -> Query {
        Query { destination: self.destination.clone(), source: self.source.clone(), limit: self.limit, after }
    }
}

fn list(query: &Query, json: bool, place: &Where) -> Result<(), Failed> {
    let mut path = "/v1/dead-letters?".to_owned();
    let limit = query.limit.map(|limit| limit.to_string());
    let pairs =
        [("destination", &query.destination), ("source", &query.source), ("limit", &limit), ("after", &query.after)];
    for (key, value) in pairs {
        if let Some(value) = value {
            path.push_str(&format!("{key}={}&", ask::encoded(value)));
        }
    }
    let listed: Listed = match runtime()?.block_on(ask::locate(place)?.ask(Method::GET, &path, None))? {
        Some(answer) => ask::read(answer)?,
        None => Offline::open(&place.config, &place.destinations)?.dead_letters(query)?,
    };
    super::print(&listed, json)
}

fn show(id: &str, json: bool, place: &Where) -> Result<(), Failed> {
    let mut found = explain::find(place, id)?;
    for event in &mut found.events {
        event.destinations.retain(|way| way.state == State::Dead);
    }
    found.events.retain(|event| !event.destinations.is_empty());
    if found.events.is_empty() {
        return Err(Failed::refused(format_args!(
            "the event {id:?} is no dead letter anywhere: `router explain {id}` tells where it is"
        )));
    }
    super::print(&found, json)?;
    for event in found.events.iter().filter(|_| !json) {
        let text = serde_json::to_string_pretty(&event.event).map_err(Failed::could_not)?;
        println!("\n{text}");
    }
    Ok(())
}

fn redrive(query: &Query, place: &Where) -> Result<(), Failed> {
    let body = json!({ "destination": query.destination, "source": query.source, "limit": query.limit });
    let answer = runtime()?.block_on(ask::locate(place)?.must(Method::POST, "/v1/redrive", Some(&body)))?;
    let events = answer.get("events").and_then(Value::as_u64).unwrap_or_default();
    println!("{events} dead letters are on their way again");
    Ok(())
}
