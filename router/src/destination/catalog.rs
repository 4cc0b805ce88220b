//! All destinations: those in the program, and those in a folder.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::definition::Definition;
use super::mistake::Mistake;

// `EMBEDDED`: the name, and the text of every file in `router/destinations/`.
include!(concat!(env!("OUT_DIR"), "/destinations.rs"));

/// Destinations by the names of their files.
#[derive(Debug, Default)]
pub struct Catalog {
    definitions: BTreeMap<String, Arc<Definition>>,
}

/// A destination file that cannot be used, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faulty {
    /// Its path, or its name where it came with the program.
    pub file: String,
    /// What is wrong, with places in the file.
    pub mistakes: Vec<Mistake>,
}

impl Catalog {
    /// The destinations that came with the program.
    ///
    /// # Errors
    /// Every file that has mistakes. The program's tests see to it that there is none.
    pub fn embedded() -> Result<Self, Vec<Faulty>> {
        let mut catalog = Self::default();
        let files =
            EMBEDDED.iter().map(|(slug, text)| (format!("{slug}.yaml"), (*slug).to_owned(), Ok((*text).to_owned())));
        let faulty = catalog.add(files);
        if faulty.is_empty() { Ok(catalog) } else { Err(faulty) }
    }

    /// Adds the files `*.yaml` and `*.yml` of a folder. One with the name of another that was there takes its place.
    ///
    /// # Errors
    /// Every file that cannot be read or has mistakes; the others were added.
    pub fn add_folder(&mut self, folder: &Path) -> Result<(), Vec<Faulty>> {
        let unreadable = |path: &Path, error: &std::io::Error| Faulty {
            file: path.display().to_string(),
            mistakes: vec![Mistake::new("", format!("cannot be read: {error}"))],
        };
        let entries = std::fs::read_dir(folder).map_err(|error| vec![unreadable(folder, &error)])?;
        let mut paths = Vec::new();
        for entry in entries {
            paths.push(entry.map_err(|error| vec![unreadable(folder, &error)])?.path());
        }
        // The order of a folder differs from machine to machine.
        paths.sort();
        let is_file = |path: &&std::path::PathBuf| path.extension().is_some_and(|e| e == "yaml" || e == "yml");
        let files = paths.iter().filter(is_file).map(|path| {
            let slug = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            (path.display().to_string(), slug, std::fs::read_to_string(path).map_err(|error| error.to_string()))
        });
        let faulty = self.add(files);
        if faulty.is_empty() { Ok(()) } else { Err(faulty) }
    }

    fn add(&mut self, files: impl Iterator<Item = (String, String, Result<String, String>)>) -> Vec<Faulty> {
        let mut faulty = Vec::new();
        for (file, slug, text) in files {
            let read = text.map_err(|error| vec![Mistake::new("", format!("cannot be read: {error}"))]);
            match read.and_then(|text| parse(&slug, &text)) {
                Ok(definition) => {
                    self.definitions.insert(slug, Arc::new(definition));
                }
                Err(mistakes) => faulty.push(Faulty { file, mistakes }),
            }
        }
        faulty
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

fn parse(slug: &str, text: &str) -> Result<Definition, Vec<Mistake>> {
    let value: Value =
        serde_saphyr::from_str(text).map_err(|error| vec![Mistake::new("", format!("this is no YAML: {error}"))])?;
    Definition::compile(slug, &value)
}
