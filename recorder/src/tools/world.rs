//! The world beside a test's tapes: `world.yaml`.

use std::path::Path;

use super::Settings;
use crate::policy::{self, Leak};
use crate::session::Error;
use crate::tape::{WORLD, WorldFile};

/// The name of the file that keeps a test's clock, seed and named values.
pub const WORLD_FILE: &str = WORLD;

impl Settings {
    /// Reads the world in a folder, if there is one, and gives the first of its values that looks like a secret.
    ///
    /// # Errors
    /// Where it cannot be read, with line and column; where a secret in the environment cannot be registered.
    pub fn check_world(&self, folder: &Path) -> Result<Option<Leak>, Error> {
        let Some(world) = WorldFile::read(&folder.join(WORLD))? else { return Ok(None) };
        let policy = self.policy()?;
        let checked = world.vars.iter().map(|(name, value)| {
            policy::check_text("world", &format!("vars.{name}"), value, &policy.redactor, &policy.allow)
        });
        Ok(checked.filter_map(Result::err).next())
    }
}
