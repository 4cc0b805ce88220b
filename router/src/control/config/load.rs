//! The configuration, from its file.

use std::path::{Path, PathBuf};

use super::{Config, read};
use crate::destination::document::{Document, Report};

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
}

/// Reads a configuration and everything that it names.
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
    mistakes.sort_by_key(|mistake| document.locate(&mistake.at));
    report.add_all(&document, mistakes);
    let base = file.parent().unwrap_or(Path::new(""));
    let data = base.join(&config.data);
    let folders = config.destinations_from.iter().map(|folder| base.join(folder)).chain(more.iter().cloned()).collect();
    report.or(Loaded { file: file.to_owned(), config, data, folders })
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
