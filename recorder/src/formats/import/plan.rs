//! Which files make a recording, and what its folder of tapes is called.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use super::super::{Format, FormatError, Source};
use crate::store::folder_of;

/// Files that are imported as one.
#[derive(Debug)]
pub(super) struct Recording {
    /// One, or, of formats that keep each exchange in a file of its own, all of a folder.
    pub(super) files: Vec<PathBuf>,
    /// Where its tapes lie below the target.
    pub(super) folder: PathBuf,
}

/// So much of a file decides whether it is one of many.
const HEAD: u64 = 128 * 1024;

/// Where the configuration of the tapes is looked for: no folder may stand in its place.
const CONFIG: &str = "recorder.yaml";

/// All recordings below the inputs, each file once, in the order of their names: numbers in them count as numbers.
pub(super) fn recordings(inputs: &[PathBuf], format: Option<Format>) -> Result<Vec<Recording>, FormatError> {
    let (mut recordings, mut seen, mut names) = (Vec::new(), HashSet::new(), HashSet::new());
    for input in inputs {
        let io = |source| FormatError::Io { path: input.clone(), source };
        let real = fs::canonicalize(input).map_err(io)?;
        let mut files = Vec::new();
        if real.is_dir() {
            walk(&real, input, Path::new(""), &mut files)?;
        } else {
            let name = input.file_name().or(real.file_name()).map(PathBuf::from).unwrap_or_default();
            files.push((input.clone(), name));
        }
        files.retain(|(file, _)| seen.insert(fs::canonicalize(file).unwrap_or_else(|_| file.clone())));
        for (files, name) in grouped(files, real.is_dir().then_some(real.as_path()), format) {
            // Two inputs may hold files of the same name: the second is told by its whole path. What is no UTF-8 may be the same even
            // then, and is told by a number.
            let whole = slashed(&files[0]);
            let others = (1..).map(|number| if number == 1 { whole.clone() } else { format!("{whole}-{number}") });
            let mut folders = std::iter::once(slashed(&name)).chain(others).map(|name| folder_of(&name));
            let Some(folder) = folders.find(|folder| !folder.ends_with(CONFIG) && names.insert(folder.clone())) else {
                continue;
            };
            recordings.push(Recording { files, folder });
        }
    }
    Ok(recordings)
}

/// All files below a folder. Links are not followed and hidden files not taken: neither is a recording that somebody sees there.
fn walk(real: &Path, shown: &Path, below: &Path, files: &mut Vec<(PathBuf, PathBuf)>) -> Result<(), FormatError> {
    let io = |source| FormatError::Io { path: shown.join(below), source };
    let mut entries = Vec::new();
    for entry in fs::read_dir(real.join(below)).map_err(io)? {
        let entry = entry.map_err(io)?;
        entries.push((entry.file_name(), entry.file_type().map_err(io)?));
    }
    entries.sort_by(|(a, _), (b, _)| by_number(&a.to_string_lossy(), &b.to_string_lossy()));
    for (name, kind) in entries {
        let path = below.join(&name);
        if name.to_string_lossy().starts_with('.') || kind.is_symlink() {
            continue;
        }
        if kind.is_dir() {
            walk(real, shown, &path, files)?;
        } else if kind.is_file() {
            files.push((shown.join(&path), path));
        }
    }
    Ok(())
}

/// The files of each recording, and its name.
fn grouped(
    files: Vec<(PathBuf, PathBuf)>,
    root: Option<&Path>,
    format: Option<Format>,
) -> Vec<(Vec<PathBuf>, PathBuf)> {
    let Some(root) = root else {
        return files.into_iter().map(|(file, name)| (vec![file], name)).collect();
    };
    let mut recordings: Vec<(Vec<PathBuf>, PathBuf)> = Vec::new();
    let mut groups: BTreeMap<(PathBuf, Format), usize> = BTreeMap::new();
    for (file, name) in files {
        let kind = format.or_else(|| detected(&file)).filter(|kind| kind.is_one_file_an_exchange());
        let Some(kind) = kind else {
            recordings.push((vec![file], name));
            continue;
        };
        let parent = name.parent().unwrap_or(Path::new("")).to_owned();
        match groups.get(&(parent.clone(), kind)) {
            Some(&at) => recordings[at].0.push(file),
            None => {
                groups.insert((parent.clone(), kind), recordings.len());
                let own = || root.file_name().map_or_else(|| PathBuf::from("tapes"), PathBuf::from);
                recordings.push((vec![file], if parent.as_os_str().is_empty() { own() } else { parent }));
            }
        }
    }
    recordings
}

fn detected(file: &Path) -> Option<Format> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    fs::File::open(file).ok()?.take(HEAD).read_to_end(&mut bytes).ok()?;
    Format::detect(Source { path: file, bytes: &bytes, base: None }).ok()
}

/// The parts of a path with `/` between them, on every system.
fn slashed(path: &Path) -> String {
    let parts = path.components().filter_map(|part| match part {
        Component::Normal(part) => Some(part.to_string_lossy().into_owned()),
        Component::ParentDir => Some("..".to_owned()),
        _ => None,
    });
    // `::` parts the names of tests; in a file's name it is two colons.
    parts.map(|part| part.replace("::", ": :")).collect::<Vec<_>>().join("/")
}

/// `2-list.json` before `10-list.json`.
fn by_number(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a, b);
    loop {
        match (left.chars().next(), right.chars().next()) {
            (Some(x), Some(y)) if x.is_ascii_digit() && y.is_ascii_digit() => {
                let digits = |text: &str| text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
                let (x, left_rest) = left.split_at(digits(left));
                let (y, right_rest) = right.split_at(digits(right));
                let (x, y) = (x.trim_start_matches('0'), y.trim_start_matches('0'));
                match x.len().cmp(&y.len()).then_with(|| x.cmp(y)) {
                    Ordering::Equal => (left, right) = (left_rest, right_rest),
                    other => return other,
                }
            }
            (Some(x), Some(y)) if x == y => (left, right) = (&left[x.len_utf8()..], &right[y.len_utf8()..]),
            (None, None) => return a.cmp(b),
            (x, y) => return x.cmp(&y),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(folder: &Path, names: &[&str]) {
        for name in names {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "interactions: []\n").unwrap();
        }
    }

    #[test]
    fn every_file_has_a_folder_of_its_own_in_the_order_of_numbers() {
        let root = tempfile::tempdir().unwrap();
        written(root.path(), &["a/10.yaml", "a/2.yaml", "b/2.yaml", "B.yaml", "b.yaml", ".hidden/x.yaml"]);
        let recordings = recordings(&[root.path().to_owned()], None).unwrap();
        let folders: Vec<String> = recordings.iter().map(|r| r.folder.display().to_string()).collect();
        assert_eq!(folders.len(), 5);
        assert_eq!(&folders[1..4], ["a/2.yaml", "a/10.yaml", "b/2.yaml"]);
        assert!(folders[0].starts_with("b-yaml-") && folders[4] == "b.yaml", "{folders:?}");
    }

    #[test]
    fn files_of_one_name_in_two_inputs_stay_apart_and_a_file_named_twice_is_imported_once() {
        let root = tempfile::tempdir().unwrap();
        written(root.path(), &["one/a.yaml", "two/a.yaml"]);
        let input = |name: &str| root.path().join(name);
        let recordings = recordings(&[input("one"), input("two"), input("one/a.yaml")], None).unwrap();
        assert_eq!(recordings.len(), 2);
        assert_ne!(recordings[0].folder, recordings[1].folder);
    }

    #[test]
    fn formats_with_a_file_for_each_exchange_are_one_recording_per_folder() {
        let root = tempfile::tempdir().unwrap();
        for name in ["shop.test/1", "shop.test/2"] {
            written(root.path(), &[name]);
            fs::write(root.path().join(name), "GET /\n\nHTTP/1.1 200 OK\n\nhi").unwrap();
        }
        let recordings = recordings(&[root.path().to_owned()], None).unwrap();
        assert_eq!(recordings.len(), 1);
        assert_eq!((recordings[0].files.len(), recordings[0].folder.as_path()), (2, Path::new("shop.test")));
    }
}
