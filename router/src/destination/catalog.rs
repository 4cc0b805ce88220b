//! All destinations: those in the program, and those in a folder.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::definition::Definition;
use super::document::{Document, Report};

// `EMBEDDED`: the name, and the text of every file in `router/destinations/`.
include!(concat!(env!("OUT_DIR"), "/destinations.rs"));

/// Destinations by the names of their files.
#[derive(Debug, Default)]
pub struct Catalog {
    definitions: BTreeMap<String, Arc<Definition>>,
}

impl Catalog {
    /// The destinations that came with the program.
    ///
    /// # Errors
    /// Every mistake in every file. The program's tests see to it that there is none.
    pub fn embedded() -> Result<Self, Report> {
        let (mut catalog, mut report) = (Self::default(), Report::default());
        for (slug, text) in EMBEDDED {
            catalog.add(slug, Document::parse(&format!("{slug}.yaml"), text.as_bytes()), &mut report);
        }
        report.or(catalog)
    }

    /// Adds the files `*.yaml` and `*.yml` of a folder. One with the name of another that was there takes its place.
    ///
    /// # Errors
    /// Every mistake in every file, and files that cannot be read; the others were added.
    pub fn add_folder(&mut self, folder: &Path) -> Result<(), Report> {
        let unreadable =
            |error| Report::without_place(&folder.display().to_string(), format!("cannot be read: {error}"));
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            if path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
                paths.push(path);
            }
        }
        // The order of a folder differs from machine to machine.
        paths.sort();
        let mut report = Report::default();
        for path in paths {
            let slug = path.file_stem().unwrap_or_default().to_string_lossy();
            self.add(&slug, Document::read(&path), &mut report);
        }
        report.or(())
    }

    fn add(&mut self, slug: &str, document: Result<Document, Report>, report: &mut Report) {
        match document {
            Ok(document) => match Definition::compile(slug, &document.value) {
                Ok(definition) => drop(self.definitions.insert(slug.to_owned(), Arc::new(definition))),
                Err(mistakes) => report.add_all(&document, mistakes),
            },
            Err(unread) => report.append(unread),
        }
    }

    /// The destination with this name.
    #[must_use]
    pub fn get(&self, slug: &str) -> Option<&Arc<Definition>> {
        self.definitions.get(slug)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Definition>> {
        self.definitions.values()
    }
}

/// The files that came with the program, by name: their texts.
pub fn embedded() -> impl Iterator<Item = (&'static str, &'static str)> {
    EMBEDDED.iter().copied()
}
