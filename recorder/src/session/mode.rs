//! What a run does: replay, record, add, check, or stay out of the way. One environment variable, `RECORD`, says so.

use std::fmt;
use std::str::FromStr;

use super::{Error, ErrorKind};

/// What a session does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Mode {
    /// `RECORD` unset: answers come from tapes, and the network is never touched.
    #[default]
    Replay,
    /// `RECORD=1` or `all`: every request goes out; the test's tapes become what this run made.
    Record,
    /// `RECORD=missing`: tapes answer what they can; the rest goes out and is added.
    Missing,
    /// `RECORD=review`: every request goes out; what would change lies beside the tapes, which stay as they are, until
    /// `tapes review` takes it over.
    Review,
    /// `RECORD=check`: every request goes out; the answers are compared with the tapes, which stay as they are.
    Check,
    /// `RECORD=off`: every request goes out; tapes are neither read nor written.
    Off,
}

/// `RECORD` holds a word that is none of the modes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "RECORD={word} is no mode. Valid are: unset (replay), 1 or all (record), missing (add what is not there), \
     review (record for `tapes review`), check (compare with the live service), off (live, nothing recorded)"
)]
pub struct UnknownMode {
    /// What it holds.
    pub word: String,
}

impl Mode {
    /// Whether tapes may be written.
    #[must_use]
    pub fn writes(self) -> bool {
        matches!(self, Self::Record | Self::Missing | Self::Review)
    }

    /// The mode of the environment: `RECORD`, and whether continuous integration allows it.
    ///
    /// # Errors
    /// For a word that is no mode, and for a mode that writes tapes where `CI` is set and `RECORD_IN_CI` is not.
    pub(crate) fn from_env(variable: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let word = variable("RECORD").unwrap_or_default();
        let mode: Self = word.parse().map_err(ErrorKind::Mode)?;
        if mode.writes() && in_ci(&variable) && !is_set(&variable, "RECORD_IN_CI") {
            return Err(ErrorKind::InCi { word }.into());
        }
        Ok(mode)
    }
}

/// Whether this is continuous integration.
pub(super) fn in_ci(variable: impl Fn(&str) -> Option<String>) -> bool {
    is_set(&variable, "CI")
}

fn is_set(variable: &impl Fn(&str) -> Option<String>, name: &str) -> bool {
    variable(name).is_some_and(|value| !matches!(value.as_str(), "" | "0" | "false"))
}

impl FromStr for Mode {
    type Err = UnknownMode;

    fn from_str(word: &str) -> Result<Self, UnknownMode> {
        Ok(match word {
            "" => Self::Replay,
            "1" | "all" => Self::Record,
            "missing" => Self::Missing,
            "review" => Self::Review,
            "check" => Self::Check,
            "off" => Self::Off,
            _ => return Err(UnknownMode { word: word.to_owned() }),
        })
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Replay => "replay",
            Self::Record => "record",
            Self::Missing => "missing",
            Self::Review => "review",
            Self::Check => "check",
            Self::Off => "off",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env<'a>(pairs: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
        |name| pairs.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned())
    }

    #[test]
    fn r02_unset_means_replay() {
        assert_eq!(Mode::from_env(env(&[])).expect("a mode"), Mode::Replay);
    }

    #[test]
    fn r03_recording_is_refused_in_ci_unless_forced() {
        for word in ["1", "all", "missing", "review"] {
            let error = Mode::from_env(env(&[("RECORD", word), ("CI", "true")])).expect_err("refused");
            assert!(error.to_string().contains("RECORD_IN_CI"), "{error}");
            let forced = [("RECORD", word), ("CI", "true"), ("RECORD_IN_CI", "1")];
            assert!(Mode::from_env(env(&forced)).expect("a mode").writes());
            assert!(Mode::from_env(env(&[("RECORD", word), ("CI", "false")])).expect("a mode").writes());
        }
        assert_eq!(Mode::from_env(env(&[("RECORD", "check"), ("CI", "1")])).expect("a mode"), Mode::Check);
    }

    #[test]
    fn r04_an_unknown_word_lists_the_valid_ones() {
        let error = Mode::from_env(env(&[("RECORD", "yes")])).expect_err("refused").to_string();
        for word in ["RECORD=yes", "all", "missing", "review", "check", "off"] {
            assert!(error.contains(word), "{error}");
        }
    }
}
