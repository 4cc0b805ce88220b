//! Which tapes are meant: files, folders, or the beginning of a key.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use traffic_recorder::tape::Tape;
use traffic_recorder::tools::{Settings, tapes_below};

/// Tapes on the command line.
#[derive(clap::Args, Debug, Clone)]
pub(crate) struct Select {
    /// Tapes, or folders of them. Without any: the folders named `tapes` in and below this one
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
}

/// Folders that hold no tapes and much else.
const NOT_LOOKED_INTO: [&str; 3] = ["target", "node_modules", "vendor"];

/// How deep a folder named `tapes` is looked for: `crates/<group>/<crate>/tapes`.
const DEEPEST: usize = 4;

impl Select {
    /// The roots that are meant.
    pub(crate) fn roots(&self) -> anyhow::Result<Vec<PathBuf>> {
        if self.paths.is_empty() {
            let mut roots = Vec::new();
            find_roots(Path::new(""), DEEPEST, &mut roots);
            if roots.is_empty() {
                bail!(
                    "there is no folder named `tapes` in or below this one: name one, as in `tapes list path/to/tapes`"
                );
            }
            roots.sort();
            return Ok(roots);
        }
        for path in &self.paths {
            if !path.exists() {
                bail!("there is no {}", path.display());
            }
        }
        Ok(self.paths.clone())
    }

    /// Every tape that is meant, sorted, each once.
    pub(crate) fn files(&self) -> anyhow::Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for root in self.roots()? {
            files.extend(tapes_below(&root)?);
        }
        files.sort();
        files.dedup();
        if files.is_empty() {
            let roots = self.roots()?.iter().map(|root| root.display().to_string()).collect::<Vec<_>>().join(", ");
            bail!("there are no tapes in {roots}: record some with `RECORD=1 cargo test`, or name another folder");
        }
        Ok(files)
    }
}

fn find_roots(folder: &Path, deeper: usize, roots: &mut Vec<PathBuf>) {
    let here = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let Ok(entries) = std::fs::read_dir(here) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if !entry.file_type().is_ok_and(|kind| kind.is_dir()) || name.starts_with('.') {
            continue;
        }
        let path = folder.join(&*name);
        if name == "tapes" {
            roots.push(path);
        } else if deeper > 1 && !NOT_LOOKED_INTO.contains(&&*name) {
            find_roots(&path, deeper - 1, roots);
        }
    }
}

/// One tape on the command line: a file, or the first digits of the key of one below a folder named `tapes`.
pub(crate) fn one(word: &Path) -> anyhow::Result<(PathBuf, Tape)> {
    let file = if word.is_file() { word.to_owned() } else { by_key(word)? };
    Ok((file.clone(), read(&file)?))
}

/// Reads a tape that has to be there.
pub(crate) fn read(file: &Path) -> anyhow::Result<Tape> {
    Tape::read(file)?.with_context(|| format!("there is no {}", file.display()))
}

fn by_key(word: &Path) -> anyhow::Result<PathBuf> {
    let digits = word.to_string_lossy();
    let is_key = digits.len() >= 4 && digits.len() <= 64 && digits.bytes().all(|b| b.is_ascii_hexdigit());
    if !is_key {
        if word.is_dir() {
            bail!("{} is a folder: name one tape in it (`tapes list {}` lists them)", word.display(), word.display());
        }
        bail!("there is no {digits}, and it is not the beginning of a key (4 to 64 hex digits)");
    }
    let short: String = digits.to_ascii_lowercase().chars().take(12).collect();
    let all = Select { paths: Vec::new() }.files()?;
    let fits = |file: &PathBuf| {
        let stem = file.file_stem().unwrap_or_default().to_string_lossy();
        stem.rsplit('-').next().is_some_and(|key| key.starts_with(&short))
    };
    let found: Vec<_> = all.into_iter().filter(fits).collect();
    match found.as_slice() {
        [one] => Ok(one.clone()),
        [] => bail!("no tape has a key that begins with {short}"),
        many => {
            let names = many.iter().map(|file| format!("\n  {}", file.display())).collect::<String>();
            bail!("{} tapes have a key that begins with {short}; name one:{names}", many.len())
        }
    }
}

/// The settings of each folder, read once.
#[derive(Debug, Default)]
pub(crate) struct AllSettings(HashMap<PathBuf, Settings>);

impl AllSettings {
    /// Those of all folders of these files.
    pub(crate) fn of(files: &[PathBuf]) -> anyhow::Result<Self> {
        let mut all = HashMap::new();
        for file in files {
            let folder = folder(file);
            if let Entry::Vacant(place) = all.entry(folder) {
                let settings = Settings::for_folder(place.key())?;
                place.insert(settings);
            }
        }
        Ok(Self(all))
    }

    /// Those of the folder of one of these files.
    pub(crate) fn get(&self, file: &Path) -> &Settings {
        self.of_folder(&folder(file))
    }

    /// Those of one of these folders.
    pub(crate) fn of_folder(&self, folder: &Path) -> &Settings {
        static DEFAULT: std::sync::LazyLock<Settings> = std::sync::LazyLock::new(Settings::default);
        self.0.get(folder).unwrap_or(&DEFAULT)
    }
}

/// The folder of a file.
pub(crate) fn folder(file: &Path) -> PathBuf {
    file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned()
}
