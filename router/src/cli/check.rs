//! `router check`: every mistake before anything runs.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{Failed, Where, counted};
use crate::control::app;
use crate::control::config;
use crate::control::config::definitions::{self, Definitions};
use crate::destination::Definition;
use crate::destination::document::Report;

/// Look for mistakes in the configuration and in definition files
///
/// Reports every mistake with file, line, column and a suggestion. With FILEs, these definition files are looked at and no
/// configuration; so are those of --destinations where there is no configuration.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  router check
  router check -c /etc/router/router.yaml --destinations ./my-destinations
  router check my-destinations/acme.yaml --tapes tapes
  router check --destinations ./my-destinations

Exit codes: 0 no mistakes, 1 mistakes, 2 could not look.")]
pub(super) struct Check {
    #[command(flatten)]
    place: Where,
    /// Definition files must have tapes here: DIR/<name>/<case> with the name of the action in it, one for each action at least
    #[arg(long, value_name = "DIR")]
    tapes: Option<PathBuf>,
    /// Definition files
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
}

impl Check {
    pub(super) fn main(&self) -> Result<(), Failed> {
        let mut report = Report::default();
        let files = self.alone()?;
        let found = if files.is_empty() { self.configuration(&mut report)? } else { definitions(&files, &mut report) };
        if let Some(tapes) = &self.tapes {
            self.look_for_tapes(tapes, &mut report);
        }
        if !report.is_empty() {
            return Err(Failed::mistakes(&report));
        }
        println!("{found}: no mistakes");
        Ok(())
    }

    /// The definition files that are looked at without a configuration; none where there is one to be looked at.
    fn alone(&self) -> Result<Vec<PathBuf>, Failed> {
        if !self.files.is_empty() || self.place.destinations.is_empty() || self.place.config.exists() {
            return Ok(self.files.clone());
        }
        let mut files = Vec::new();
        for folder in &self.place.destinations {
            let found = definitions::files(folder)
                .map_err(|error| Failed::could_not(format_args!("{} cannot be read: {error}", folder.display())))?;
            if found.is_empty() {
                return Err(Failed::could_not(format_args!(
                    "there is no definition file (*.yaml) in {}",
                    folder.display()
                )));
            }
            files.extend(found);
        }
        Ok(files)
    }

    fn configuration(&self, report: &mut Report) -> Result<String, Failed> {
        let file = super::existing(&self.place.config)?;
        match config::load(file, &self.place.destinations, &app::variables) {
            Ok(loaded) => {
                let sources = counted(loaded.config.sources.len(), "source");
                let destinations = counted(loaded.instances.len(), "destination");
                Ok(format!("{}: {sources}, {destinations}", file.display()))
            }
            Err(mistakes) => {
                report.append(mistakes);
                Ok(String::new())
            }
        }
    }

    /// Without files, those of the folders named here are meant, and those in the program where none is named.
    fn look_for_tapes(&self, tapes: &Path, report: &mut Report) {
        let mut files = self.files.clone();
        files.extend(self.place.destinations.iter().flat_map(|folder| definitions::files(folder).unwrap_or_default()));
        let mut definitions = Definitions::default();
        if files.is_empty() {
            definitions = Definitions::read(&[], |_| true).0;
        } else {
            // Their mistakes were told already.
            files.iter().for_each(|file| definitions.add_file(file, &mut Report::default()));
        }
        for slug in definitions.names() {
            let Some((definition, _)) = definitions.get(slug) else { continue };
            for action in actions_without_tapes(definition, &tapes.join(slug)) {
                let file = files.iter().find(|file| file.file_stem().is_some_and(|stem| stem == slug));
                let file = file.map_or_else(|| format!("{slug}.yaml"), |file| file.display().to_string());
                let folder = tapes.join(slug);
                report.append(Report::without_place(
                    &file,
                    format!(
                        "there is no tape for the action `{action}` in {}: record one (see docs/destinations.md)",
                        folder.display()
                    ),
                ));
            }
        }
    }
}

fn definitions(files: &[PathBuf], report: &mut Report) -> String {
    let mut definitions = Definitions::default();
    files.iter().for_each(|file| definitions.add_file(file, report));
    let names = definitions.names();
    format!("{}: {}", counted(names.len(), "definition"), names.join(", "))
}

/// The actions that no case of a folder is about: a case names its action in its file or in the name of its folder.
fn actions_without_tapes<'d>(definition: &'d Definition, folder: &Path) -> Vec<&'d str> {
    let mut told = String::new();
    gather(folder, 0, &mut told);
    definition.actions().filter(|action| !mentions(&told, action)).collect()
}

/// The names and the texts of a folder's YAML files, three levels deep.
fn gather(folder: &Path, depth: usize, told: &mut String) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        told.push_str(&format!("{}\n", entry.file_name().to_string_lossy()));
        if path.is_dir() && depth < 3 {
            gather(&path, depth + 1, told);
        } else if path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml") {
            told.push_str(&std::fs::read_to_string(&path).unwrap_or_default());
        }
    }
}

/// Whether a word stands in a text by itself.
fn mentions(text: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back().is_some_and(part);
        let after = text[at + word.len()..].chars().next().is_some_and(part);
        !before && !after
    })
}

#[cfg(test)]
mod tests {
    use super::mentions;

    #[test]
    fn a_word_is_mentioned_by_itself_alone() {
        assert!(mentions("action: track\n", "track"));
        assert!(!mentions("action: trackEvent\n", "track"));
        assert!(mentions("trackEvent and track", "track"));
        assert!(!mentions("", "track"));
    }
}
