//! Definition files: those in the program, and those of folders.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::destination::document::{Document, Report};
use crate::destination::{Definition, embedded};

/// Definitions by the names of their files.
#[derive(Debug, Default)]
pub struct Definitions {
    by_slug: BTreeMap<String, (Arc<Definition>, Arc<str>)>,
    faulty: BTreeSet<String>,
}

impl Definitions {
    /// Those of folders, in order, and of those in the program the ones that `wanted` says: a later one takes the place of an
    /// earlier one of the same name. With it comes what is wrong with any of them.
    #[must_use]
    pub fn read(folders: &[PathBuf], wanted: impl Fn(&str) -> bool) -> (Self, Report) {
        let (mut definitions, mut report) = (Self::default(), Report::default());
        for (slug, text) in embedded().filter(|(slug, _)| wanted(slug)) {
            let name = format!("{slug}.yaml (built in)");
            definitions.add(slug, Document::parse(&name, text.as_bytes()), text, &mut report);
        }
        for folder in folders {
            match files(folder) {
                Ok(files) => files.iter().for_each(|file| definitions.add_file(file, &mut report)),
                Err(error) => report.append(Report::without_place(
                    &folder.display().to_string(),
                    format!("cannot be read: {error}; `destinations_from` and `--destinations` name folders"),
                )),
            }
        }
        (definitions, report)
    }

    /// Adds one file.
    pub fn add_file(&mut self, file: &Path, report: &mut Report) {
        let slug = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let name = file.display().to_string();
        match std::fs::read(file) {
            Ok(bytes) => self.add(&slug, Document::parse(&name, &bytes), &String::from_utf8_lossy(&bytes), report),
            Err(error) => {
                self.faulty.insert(slug);
                report.append(Report::without_place(&name, format!("cannot be read: {error}")));
            }
        }
    }

    fn add(&mut self, slug: &str, document: Result<Document, Report>, text: &str, report: &mut Report) {
        let compiled = document.and_then(|document| {
            Definition::compile(slug, &document.value).map_err(|mut mistakes| {
                let mut wrong = Report::default();
                mistakes.sort_by_key(|mistake| document.locate(&mistake.at));
                wrong.add_all(&document, mistakes);
                wrong
            })
        });
        match compiled {
            Ok(definition) => {
                self.by_slug.insert(slug.to_owned(), (Arc::new(definition), text.into()));
            }
            Err(wrong) => {
                self.faulty.insert(slug.to_owned());
                report.append(wrong);
            }
        }
    }

    /// A definition and its text.
    #[must_use]
    pub fn get(&self, slug: &str) -> Option<(&Arc<Definition>, &Arc<str>)> {
        self.by_slug.get(slug).map(|(definition, text)| (definition, text))
    }

    /// Whether there is a file of that name that has mistakes.
    #[must_use]
    pub fn is_faulty(&self, slug: &str) -> bool {
        self.faulty.contains(slug)
    }

    /// The names of all that were read, in order.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        self.by_slug.keys().map(String::as_str).collect()
    }
}

/// The names of all that an instance may be of: those that were read, and those in the program.
#[must_use]
pub fn known(read: &Definitions) -> Vec<&str> {
    let mut names: Vec<&str> = read.names();
    names.extend(embedded().map(|(slug, _)| slug));
    names.sort_unstable();
    names.dedup();
    names
}

/// The definition files of a folder, in order.
///
/// # Errors
/// The folder cannot be read.
pub fn files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
