//! What a test's folder keeps besides its tapes: `world.yaml`, with the clock, the seed and the named values of the recording.
//!
//! ```yaml
//! world: 1
//! now: 2026-11-21T10:00:00Z
//! seed: 5f8d0c4b2a9e7163...
//! vars:
//!   order_id: A-17
//! ```
//!
//! Like a tape it is strict: what is not understood is an error at its line.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::time::SystemTime;

use super::emit::{Out, emit};
use super::error::{At, Problem};
use super::fields::{self, Fields};
use super::{TapeError, format, yaml};
use crate::codec::digest;

/// The file's name. It is none that a tape can have.
pub(crate) const WORLD: &str = "world.yaml";
/// More bytes than any test keeps.
const LARGEST: u64 = 1 << 20;
const VERSION: &str = "1";

/// The world of a recording.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct WorldFile {
    /// The instant that is now, in whole seconds.
    pub(crate) now: Option<SystemTime>,
    /// Where random numbers begin.
    pub(crate) seed: Option<[u8; 32]>,
    /// Values by name.
    pub(crate) vars: BTreeMap<String, String>,
}

impl WorldFile {
    /// Whether there is nothing to keep.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Reads a file; `None` where there is none.
    ///
    /// # Errors
    /// Where it cannot be read or is no such file: with line, column and what to do.
    pub(crate) fn read(file: &Path) -> Result<Option<Self>, TapeError> {
        let io = |source| TapeError::Io { file: file.to_owned(), source };
        match std::fs::metadata(file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io(error)),
            Ok(meta) if meta.len() > LARGEST => {
                return Err(TapeError::TooLarge { file: file.to_owned(), len: meta.len(), limit: LARGEST });
            }
            Ok(_) => {}
        }
        let text = std::fs::read_to_string(file).map_err(io)?;
        Self::parse(&text).map(Some).map_err(|at| at.of(file))
    }

    fn parse(text: &str) -> Result<Self, At> {
        const OF: &str = "world.yaml";
        let root = yaml::parse(text)?;
        // A later version may have other fields: it is told by its number, not by the first field that is not known.
        let version = fields::map(&root, OF)?.iter().find(|(key, _)| key.text == "world");
        if let Some((_, node)) = version {
            let found = fields::text(node, "world")?;
            if found != VERSION {
                return Err(node.place.err(Problem::Version { found: found.to_owned() }));
            }
        }
        let root = Fields::new(&root, OF, &["world", "now", "seed", "vars"])?;
        root.need("world")?;
        let wrong = |field: &str, reason: &str| {
            let at = root.get(field).map_or(root.place, |node| node.place);
            at.err(Problem::Value { field: field.to_owned(), reason: reason.to_owned() })
        };
        let now = root.opt_text("now")?.map(|text| {
            format::time(&text).ok_or_else(|| wrong("now", "a time is written as in `2026-11-21T10:00:00Z`"))
        });
        let seed = root
            .opt_text("seed")?
            .map(|text| digest::unhex(&text).ok_or_else(|| wrong("seed", "a seed has 64 hex digits in lower case")));
        let mut vars = BTreeMap::new();
        if let Some(node) = root.get("vars") {
            for (name, value) in fields::map(node, "vars")? {
                vars.insert(name.text.to_string(), fields::text(value, "a value of `vars`")?.to_owned());
            }
        }
        Ok(Self { now: now.transpose()?, seed: seed.transpose()?, vars })
    }

    /// The text of its file, read back and compared.
    ///
    /// # Errors
    /// Where the time is beyond 1970 to 9999, and where the text would not read back.
    pub(crate) fn render(&self) -> Result<String, TapeError> {
        let mut fields: Vec<(Cow<'static, str>, Out)> = vec![("world".into(), Out::Word(VERSION.into()))];
        if let Some(now) = self.now {
            let text = format::time_text(now);
            let text = text.ok_or_else(|| TapeError::Unwritable("`now` is beyond 1970 to 9999".to_owned()))?;
            fields.push(("now".into(), Out::Word(text.into())));
        }
        if let Some(seed) = &self.seed {
            fields.push(("seed".into(), Out::Text(digest::hex(seed))));
        }
        if !self.vars.is_empty() {
            let vars = self.vars.iter().map(|(name, value)| (name.clone().into(), Out::Text(value.clone()))).collect();
            fields.push(("vars".into(), Out::Fields(vars)));
        }
        let text = emit(&fields);
        match Self::parse(&text) {
            Ok(read) if read == *self => Ok(text),
            _ => Err(TapeError::Unfaithful(WORLD.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use proptest::prelude::*;

    use super::*;

    fn said(text: &str) -> String {
        WorldFile::parse(text).unwrap_err().of(Path::new("world.yaml")).to_string()
    }

    #[test]
    fn a_world_has_a_form_that_a_person_reads() {
        let world = WorldFile {
            now: Some(UNIX_EPOCH + Duration::from_secs(1_790_000_000)),
            seed: Some([7; 32]),
            vars: BTreeMap::from([("order_id".to_owned(), "A-17".to_owned()), ("number".to_owned(), "017".to_owned())]),
        };
        insta::assert_snapshot!(world.render().unwrap(), @r#"
        world: 1
        now: 2026-09-21T14:13:20Z
        seed: "0707070707070707070707070707070707070707070707070707070707070707"
        vars:
          number: "017"
          order_id: A-17
        "#);
        assert_eq!(WorldFile::parse("world: 1\n").unwrap(), WorldFile::default());
    }

    #[test]
    fn what_is_no_world_is_refused_at_its_line() {
        assert!(said("now: 2026-09-21T14:13:20Z\n").contains("`world` is missing"));
        assert!(said("world: 2\nnew: x\n").contains("update traffic-recorder"));
        assert!(said("world: 1\nnow: soon\n").starts_with("world.yaml:2:"));
        assert!(said("world: 1\nseed: 12\n").contains("64 hex digits"));
        assert!(said("world: 1\nvars: [a]\n").contains("has to be a map"));
        assert!(said("world: 1\nclock: 1\n").contains("not a field"));
    }

    proptest! {
        #[test]
        fn any_value_is_kept(name in "\\PC{1,20}", value in any::<String>()) {
            let world = WorldFile { vars: BTreeMap::from([(name, value)]), ..WorldFile::default() };
            let text = world.render().unwrap();
            prop_assert_eq!(WorldFile::parse(&text).unwrap(), world);
        }
    }
}
