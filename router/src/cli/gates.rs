//! `router pause` and `router resume`.

use clap::Args;
use http::Method;

use super::{Failed, Where, ask, runtime};

/// Stop sending to a destination; its events wait, none is lost
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  router pause mixpanel
  router status")]
pub(super) struct Pause {
    /// The name of the destination in the configuration
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    place: Where,
}

/// Go on sending to a destination that was paused, by hand or because its credentials were refused
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  router resume mixpanel")]
pub(super) struct Resume {
    /// The name of the destination in the configuration
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    place: Where,
}

impl Pause {
    pub(super) fn main(&self) -> Result<(), Failed> {
        tell(&self.place, "pause", &self.name)?;
        println!("{} is paused: its events wait until `router resume {}`", self.name, self.name);
        Ok(())
    }
}

impl Resume {
    pub(super) fn main(&self) -> Result<(), Failed> {
        tell(&self.place, "resume", &self.name)?;
        println!("{} goes on", self.name);
        Ok(())
    }
}

fn tell(place: &Where, what: &str, name: &str) -> Result<(), Failed> {
    let path = format!("/v1/{what}/{}", ask::encoded(name));
    runtime()?.block_on(ask::locate(place)?.must(Method::POST, &path, None)).map(drop)
}
