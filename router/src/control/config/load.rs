//! The configuration, from its file, with everything that it names.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::definitions::{self, Definitions};
use super::{Config, Destination, read};
use crate::control::explain::Mask;
use crate::destination::document::{Document, Report};
use crate::destination::mistake::{Mistake, pointer};
use crate::destination::{Definition, Instance};

/// Where variables come from: `|name| std::env::var(name).ok()`.
pub type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// A configuration whose files are all right.
#[derive(Debug)]
pub struct Loaded {
    /// The file.
    pub file: PathBuf,
    /// What it says.
    pub config: Config,
    /// The folder of the log.
    pub data: PathBuf,
    /// Folders of definitions.
    pub folders: Vec<PathBuf>,
    /// The instances, in the order of the file.
    pub instances: Vec<Configured>,
}

/// An instance as it is configured.
#[derive(Debug, Clone)]
pub struct Configured {
    /// What the file says of it.
    pub destination: Destination,
    /// What plans its requests.
    pub instance: Arc<Instance>,
    /// What must not be shown.
    pub mask: Arc<Mask>,
    /// The text of its definition: another text makes another instance.
    text: Arc<str>,
}

impl Loaded {
    /// Keeps the instances of another configuration that are the same here: what is the same is not changed.
    #[must_use]
    pub fn keeping(mut self, before: &[Configured]) -> Self {
        for new in &mut self.instances {
            let same = |old: &&Configured| old.destination == new.destination && old.text == new.text;
            if let Some(old) = before.iter().find(same) {
                *new = old.clone();
            }
        }
        self
    }
}

/// Reads a configuration and everything that it names. `more` are folders of definitions besides those of the file.
///
/// # Errors
/// All mistakes of all files, each with its place.
pub fn load(file: &Path, more: &[PathBuf], variables: Variables<'_>) -> Result<Loaded, Report> {
    let mut document = Document::read(file)?;
    let mut report = Report::default();
    // A variable that is not set leaves an empty text: what that is wrong for is not told again.
    if let Err(mistakes) = document.expand(variables, &[]) {
        report.add_all(&document, mistakes);
        return Err(report);
    }
    let (config, mut mistakes) = read(&document.value);
    let base = file.parent().unwrap_or(Path::new(""));
    let data = base.join(&config.data);
    let folders = folders(&config, file, more);
    let wanted = |slug: &str| config.destinations.iter().any(|destination| destination.slug == slug);
    let (definitions, faults) = Definitions::read(&folders, wanted);
    let mut instances = Vec::new();
    for destination in config.destinations.iter().filter(|destination| !destination.slug.is_empty()) {
        let at = pointer("/destinations", &destination.name);
        match definitions.get(&destination.slug) {
            Some((definition, text)) => match instance(destination, definition, text) {
                Ok(instance) => instances.push(instance),
                Err(wrong) => mistakes.extend(wrong.into_iter().map(|mistake| mistake.below(&at))),
            },
            // A file with mistakes is told by itself.
            None if definitions.is_faulty(&destination.slug) => {}
            None => mistakes.push(Mistake::unknown(
                format!("{at}/type"),
                "definition",
                &destination.slug,
                &definitions::known(&definitions),
            )),
        }
    }
    mistakes.sort_by_key(|mistake| document.locate(&mistake.at));
    report.add_all(&document, mistakes);
    report.append(faults);
    report.or(Loaded { file: file.to_owned(), config, data, folders, instances })
}

/// The folders of definitions of a configuration in `file`, and `more`.
pub(crate) fn folders(config: &Config, file: &Path, more: &[PathBuf]) -> Vec<PathBuf> {
    let base = file.parent().unwrap_or(Path::new(""));
    config.destinations_from.iter().map(|folder| base.join(folder)).chain(more.iter().cloned()).collect()
}

fn instance(
    destination: &Destination,
    definition: &Arc<Definition>,
    text: &Arc<str>,
) -> Result<Configured, Vec<Mistake>> {
    let mut entry = destination.entry.clone();
    if let Value::Object(entry) = &mut entry {
        // `settings:` with nothing behind it is none.
        entry.retain(|_, value| !value.is_null());
    }
    let instance = Instance::new(definition.clone(), &destination.name, &entry)?;
    let mask = Arc::new(Mask::new(instance.secrets().iter().cloned()));
    Ok(Configured { destination: destination.clone(), instance: Arc::new(instance), mask, text: text.clone() })
}

/// Reads as much as is needed to find a router: mistakes and variables that are not set do not matter.
///
/// # Errors
/// The file cannot be read, or is no YAML.
pub fn glance(file: &Path) -> Result<Config, Report> {
    let mut document = Document::read(file)?;
    // What is not set where the command runs may be set where the router does.
    let _ = document.expand(&|name| std::env::var(name).ok(), &[]);
    Ok(read(&document.value).0)
}
