//! Keys computed anew from the stored requests, and files named after them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::Settings;
use super::verify::is_custom;
use crate::key;
use crate::session::{Error, ErrorKind};
use crate::store::{Commit, Folder, Snapshot, is_tape, tape_name};
use crate::tape::{Body, Key, Tape};

/// What a folder's tapes become; nothing is written before [`apply`](Self::apply).
#[derive(Debug)]
#[must_use = "call `apply`"]
pub struct Rekeying {
    folder: Folder,
    seen: Snapshot,
    commit: Commit,
    /// The tapes that change.
    pub changes: Vec<Rekeyed>,
    /// Tapes that stay as they are because their key depends on code, and the rule that says so.
    pub left: Vec<(String, String)>,
}

/// One tape that is written anew.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rekeyed {
    /// The tapes that it was; several where today's rules make their requests the same.
    pub from: Vec<String>,
    /// The tape that it becomes.
    pub to: String,
    /// Whether it has another key; if not, it is only named or written anew.
    pub key_changed: bool,
    /// How many takes it has.
    pub takes: usize,
}

/// Tapes that become one.
struct Group {
    tapes: Vec<(String, Tape)>,
    name: String,
    rules: Vec<String>,
}

impl Settings {
    /// Computes the keys of all tapes in one folder (not below it) from their requests: by the rules that each names and by today's
    /// `recorder.yaml`, but for those in `without`. Tapes whose requests become the same are one tape with the takes of all, in the
    /// order in which they were recorded. A tape that a hand changed is written as the recorder writes it.
    ///
    /// # Errors
    /// Where a tape cannot be read or a rule on it is none, where tapes of different layers would become one, and where the folder
    /// cannot be listed.
    pub fn rekey(&self, folder: &Path, without: &[String]) -> Result<Rekeying, Error> {
        let folder = Folder::new(folder.to_owned());
        let seen = folder.snapshot()?;
        let mut rekeying = Rekeying { folder, seen, commit: Commit::default(), changes: Vec::new(), left: Vec::new() };
        let mut groups: BTreeMap<Key, Group> = BTreeMap::new();
        let names: Vec<String> = rekeying.seen.names().filter(|name| is_tape(name)).map(str::to_owned).collect();
        // What no tape refers to may still be somebody's.
        let bodies: Vec<String> = rekeying.seen.names().filter(|name| !is_tape(name)).map(str::to_owned).collect();
        bodies.into_iter().for_each(|body| rekeying.commit.keep(body));
        for file in names {
            let Some(tape) = rekeying.folder.load(&file)? else { continue };
            if let Some(custom) = tape.rules.iter().find(|rule| is_custom(rule)) {
                let custom = custom.clone();
                rekeying.keep(&file, &tape)?;
                rekeying.left.push((file, custom));
                continue;
            }
            let named = tape.rules.iter().filter(|rule| !without.contains(rule));
            let mut rules = self.config.rules.named(named).map_err(ErrorKind::Rule)?;
            let today = self.config.rules.iter().filter(|rule| {
                let text = rule.to_string();
                !tape.rules.contains(&text) && !without.contains(&text)
            });
            rules.extend(today.cloned());
            let canonical = key::canonical(&tape.request, &rules);
            let key = canonical.key();
            let group = groups.entry(key).or_insert_with(|| Group {
                tapes: Vec::new(),
                name: tape_name(canonical.method(), canonical.host(), canonical.path(), &key),
                rules: canonical.applied().to_vec(),
            });
            group.tapes.push((file, tape));
        }
        for (key, group) in groups {
            rekeying.stage(key, group)?;
        }
        Ok(rekeying)
    }
}

impl Rekeying {
    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Writes the new tapes, and then removes the old ones. All or nothing, as a recording does.
    ///
    /// # Errors
    /// Where another process changed the folder meanwhile, and where the system refuses.
    pub fn apply(self) -> Result<Vec<Rekeyed>, Error> {
        if !self.changes.is_empty() {
            self.commit.apply(&self.folder, &self.seen, true)?;
        }
        Ok(self.changes)
    }

    fn stage(&mut self, key: Key, group: Group) -> Result<(), Error> {
        let Group { tapes, name, rules } = group;
        let from: Vec<String> = tapes.iter().map(|(file, _)| file.clone()).collect();
        let key_changed = tapes.iter().any(|(_, tape)| tape.key != key);
        let mut tapes = tapes.into_iter().map(|(_, tape)| tape);
        let Some(mut whole) = tapes.next() else { return Ok(()) };
        let mut merged = false;
        for tape in tapes {
            if tape.layer != whole.layer {
                let file = self.folder.file(&from[0]);
                return Err(ErrorKind::Layer { file, recorded: whole.layer, asked: tape.layer }.into());
            }
            whole.takes.extend(tape.takes);
            merged = true;
        }
        if merged {
            whole.takes.sort_by_key(|take| take.recorded.at);
        }
        (whole.key, whole.rules) = (key, rules);
        let rendered = whole.render()?;
        let unchanged = from == [name.clone()] && self.folder.has(&name, &rendered.yaml);
        for file in rendered.files {
            let here: PathBuf = self.folder.file(&file.name);
            match file.content {
                // It is named by its content.
                _ if here.exists() => self.commit.keep(file.name),
                Body::Absent => {}
                Body::Bytes(bytes) => self.commit.write(file.name, bytes.to_vec()),
                Body::File(body) => {
                    let bytes = std::fs::read(&body.path).map_err(|source| ErrorKind::Spool { source })?;
                    self.commit.write(file.name, bytes);
                }
            }
        }
        if unchanged {
            self.commit.keep(name);
            return Ok(());
        }
        self.commit.write(name.clone(), rendered.yaml.into_bytes());
        self.changes.push(Rekeyed { from, to: name, key_changed, takes: whole.takes.len() });
        Ok(())
    }

    fn keep(&mut self, file: &str, tape: &Tape) -> Result<(), Error> {
        self.commit.keep(file.to_owned());
        for body in tape.render()?.files {
            self.commit.keep(body.name);
        }
        Ok(())
    }
}
