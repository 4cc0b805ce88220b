//! `tapes/recorder.yaml`: what holds for every test of a crate.
//!
//! Every key may be left out; without the file the defaults hold. A key that is not known is an error, and every error names
//! file, line and column. [`EXAMPLE`] is the whole file with comments:
//!
//! ```yaml
#![doc = include_str!("recorder.yaml")]
//! ```

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::echo::EchoRule;
use super::fault::FaultRule;
use super::gate::{Allow, Allowance};
use super::guard::{Guard, PassThrough, UrlGlob};
use super::redact::RedactRule;
use super::volatile::Volatile;
use crate::key::{JsonPath, Rules};
use crate::tape::Origin;

/// A configuration file with every key, its default or an example, and what it does.
pub const EXAMPLE: &str = include_str!("recorder.yaml");

/// Bodies larger than this are kept in files of their own while recording, and in no memory.
const BODY_LIMIT: u64 = 8 << 20;

/// What the configuration file says.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// `match`: rules of the key, those that come with `echo` among them.
    pub(crate) rules: Rules,
    /// `redact`: what else is hidden, shown, or has a dummy.
    pub(crate) redact: Vec<RedactRule>,
    /// `secrets`: environment variables that hold secrets.
    pub(crate) secrets: Vec<String>,
    /// `allow`: what the gate lets pass.
    pub(crate) allow: Allow,
    /// `record`: what may be sent while recording.
    pub(crate) guard: Guard,
    /// `pass_through`: what leaves no tape.
    pub(crate) pass_through: Vec<PassThrough>,
    /// `volatile`: what may change without a tape being written anew.
    pub(crate) volatile: Volatile,
    /// `origin`: where the answers come from that are recorded.
    pub(crate) origin: Origin,
    /// `unused`: what answers mean that nobody asked for.
    pub(crate) unused: UnusedRule,
    /// `max_age`: how old a recording may be.
    pub(crate) max_age: Option<Duration>,
    /// `on_expiry`: what happens to older ones.
    pub(crate) on_expiry: OnExpiry,
    /// `body_limit`, in bytes.
    pub(crate) body_limit: u64,
    /// `echo`: what replayed answers repeat of their requests.
    pub(crate) echoes: Vec<EchoRule>,
    /// `faults`: what goes wrong while replaying.
    pub(crate) faults: Vec<FaultRule>,
    /// `fault_seed`: where the random numbers of those begin.
    pub(crate) fault_seed: u64,
    /// `world`: what recording does with the clock, the seed and the values of the recording before.
    pub(crate) world: WorldRule,
}

/// What recording does with the clock, the seed and the named values that a test's folder has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WorldRule {
    /// They are made anew: a service sees new ids and the time of today.
    #[default]
    New,
    /// They stay: recording again sends the same requests.
    Keep,
}

/// What it means that a test did not ask for an answer on tape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnusedRule {
    /// The test fails.
    #[default]
    Fail,
    /// A warning is printed.
    Warn,
    /// Nothing.
    Allow,
}

/// What happens to a recording that is too old.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OnExpiry {
    /// A warning is printed.
    #[default]
    Warn,
    /// The test fails.
    Fail,
    /// It is recorded anew, never in CI.
    Rerecord,
}

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file is there and cannot be read.
    #[error("{}: {source}", .file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Something in it is wrong.
    #[error("{}:{line}:{column}: {why}", .file.display())]
    Wrong {
        /// The file.
        file: PathBuf,
        /// From 1.
        line: u64,
        /// From 1.
        column: u64,
        /// What is wrong, and how it would be right.
        why: String,
    },
}

impl Default for Config {
    fn default() -> Self {
        Self {
            rules: Rules::default(),
            redact: Vec::new(),
            secrets: Vec::new(),
            allow: Allow::default(),
            guard: Guard::default(),
            pass_through: Vec::new(),
            volatile: Volatile::default(),
            origin: Origin::default(),
            unused: UnusedRule::default(),
            max_age: None,
            on_expiry: OnExpiry::default(),
            body_limit: BODY_LIMIT,
            echoes: Vec::new(),
            faults: Vec::new(),
            fault_seed: 0,
            world: WorldRule::default(),
        }
    }
}

impl Config {
    /// Reads the file; the defaults where there is none.
    ///
    /// # Errors
    /// Where it cannot be read, or something in it is wrong.
    pub(crate) fn load(file: &Path) -> Result<Self, ConfigError> {
        match std::fs::read_to_string(file) {
            Ok(text) => Self::parse(file, &text),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(source) => Err(ConfigError::Read { file: file.to_owned(), source }),
        }
    }

    /// Reads the text of `file`.
    ///
    /// # Errors
    /// Where something in it is wrong.
    pub(crate) fn parse(file: &Path, text: &str) -> Result<Self, ConfigError> {
        // A file of comments alone is as empty as no file.
        if text.lines().all(|line| matches!(line.trim_start().bytes().next(), None | Some(b'#'))) {
            return Ok(Self::default());
        }
        let raw: Raw = serde_saphyr::from_str(text).map_err(|e| {
            let (line, column) = e.location().map_or((1, 1), |at| (at.line(), at.column()));
            let why = e.without_snippet().to_string();
            ConfigError::Wrong { file: file.to_owned(), line, column, why }
        })?;
        raw.checked().map_err(|Wrong { line, column, why }| ConfigError::Wrong {
            file: file.to_owned(),
            line,
            column,
            why,
        })
    }
}

/// The file's own shape.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Raw {
    r#match: Vec<Spanned<String>>,
    redact: Vec<Spanned<String>>,
    secrets: Vec<Spanned<String>>,
    allow: Vec<Spanned<String>>,
    record: RawRecord,
    pass_through: Vec<RawPassThrough>,
    volatile: RawVolatile,
    origin: RawOrigin,
    unused: UnusedRule,
    max_age: Option<Spanned<String>>,
    on_expiry: OnExpiry,
    body_limit: Option<Spanned<String>>,
    echo: Vec<Spanned<String>>,
    faults: Vec<Spanned<String>>,
    fault_seed: u64,
    world: WorldRule,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct RawRecord {
    hosts: Vec<String>,
    methods: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPassThrough {
    url: Spanned<String>,
    #[serde(default)]
    in_replay: bool,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct RawVolatile {
    headers: Vec<String>,
    json: Vec<Spanned<String>>,
}

/// The origins that a recording session can have; the others are those of tapes that were made elsewhere.
#[derive(Deserialize, Default)]
#[serde(rename_all = "lowercase")]
enum RawOrigin {
    #[default]
    Live,
    Simulated,
}

struct Wrong {
    line: u64,
    column: u64,
    why: String,
}

impl Raw {
    fn checked(self) -> Result<Config, Wrong> {
        let mut rules = Rules::default();
        for line in &self.r#match {
            rules.push(line.value.parse().map_err(|e| wrong(line, e))?);
        }
        let echoes: Vec<EchoRule> = self.echo.iter().map(|line| checked(line, str::parse)).collect::<Result<_, _>>()?;
        rules.extend(echoes.iter().map(|echo| echo.ignored().clone()));
        let json = self.volatile.json.iter().map(|path| checked(path, json_path)).collect::<Result<_, _>>()?;
        let allow = self.allow.iter().map(|line| checked(line, str::parse::<Allowance>)).collect::<Result<_, _>>()?;
        let pass_through = self.pass_through.iter().map(|p| {
            let url = checked(&p.url, UrlGlob::parse)?;
            Ok(PassThrough { url, in_replay: p.in_replay })
        });
        Ok(Config {
            rules,
            redact: self.redact.iter().map(|line| checked(line, str::parse)).collect::<Result<_, _>>()?,
            secrets: self.secrets.iter().map(|name| checked(name, variable)).collect::<Result<_, _>>()?,
            allow: Allow::new(allow),
            guard: Guard { hosts: lower(self.record.hosts), methods: self.record.methods },
            pass_through: pass_through.collect::<Result<_, _>>()?,
            volatile: Volatile::new(self.volatile.headers, json),
            origin: match self.origin {
                RawOrigin::Live => Origin::Live,
                RawOrigin::Simulated => Origin::Simulated,
            },
            unused: self.unused,
            max_age: self.max_age.map(|age| checked(&age, duration)).transpose()?,
            on_expiry: self.on_expiry,
            echoes,
            faults: self.faults.iter().map(|line| checked(line, str::parse)).collect::<Result<_, _>>()?,
            fault_seed: self.fault_seed,
            world: self.world,
            body_limit: self.body_limit.map_or(Ok(BODY_LIMIT), |limit| checked(&limit, size))?,
        })
    }
}

fn checked<T, E: ToString>(line: &Spanned<String>, read: impl FnOnce(&str) -> Result<T, E>) -> Result<T, Wrong> {
    read(&line.value).map_err(|e| wrong(line, e))
}

fn wrong(at: &Spanned<String>, why: impl ToString) -> Wrong {
    Wrong { line: at.referenced.line(), column: at.referenced.column(), why: why.to_string() }
}

fn json_path(text: &str) -> Result<JsonPath, String> {
    let wrong =
        |at: usize, why: &str| format!("`{text}` is no JSON path: at `{}`: {why}", text.get(at..).unwrap_or_default());
    match JsonPath::parse(text) {
        Ok((path, len)) if len == text.len() => Ok(path),
        Ok((_, len)) => Err(wrong(len, "expected its end")),
        Err((at, why)) => Err(wrong(at, why)),
    }
}

fn variable(name: &str) -> Result<String, String> {
    let legal = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if legal {
        return Ok(name.to_owned());
    }
    // Somebody may have put the secret itself here: it must not be printed.
    Err("this is no name of an environment variable (letters, digits, `_`); values do not belong into this file"
        .to_owned())
}

fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|e| format!("`{text}` is no duration such as `90d` or `12h`: {e}"))
}

/// `65536`, `64KiB`, `8MiB`, `1GiB`.
fn size(text: &str) -> Result<u64, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let factor = match text[digits..].trim() {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => 0,
    };
    let bytes = text[..digits].parse::<u64>().ok().and_then(|n| n.checked_mul(factor)).filter(|&n| n > 0);
    bytes.ok_or_else(|| format!("`{text}` is no size such as `65536`, `64KiB` or `8MiB`"))
}

fn lower(names: Vec<String>) -> Vec<String> {
    names.into_iter().map(|name| name.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, String> {
        Config::parse(Path::new("tapes/recorder.yaml"), text).map_err(|e| e.to_string())
    }

    #[test]
    fn the_example_is_the_default() {
        let default = format!("{:?}", Config::default());
        for text in [EXAMPLE, "", "\n", "# nothing\n"] {
            assert_eq!(format!("{:?}", parse(text).unwrap()), default);
        }
        assert_eq!(format!("{:?}", Config::load(Path::new("no/such/file.yaml")).unwrap()), default);
    }

    #[test]
    fn the_example_holds_with_every_comment_taken_away() {
        let mut text = String::new();
        for line in EXAMPLE.lines() {
            let shown = line
                .strip_prefix("# - ")
                .map(|l| format!("- {l}"))
                .or(line.strip_prefix("#   ").map(|l| format!("  {l}")));
            match shown.or(line.strip_prefix("# max").map(|l| format!("max{l}"))) {
                Some(shown) => text.push_str(&shown),
                None if line.starts_with('#') => {}
                None => text.push_str(line.trim_end_matches(" []").trim_end_matches(" {}")),
            }
            text.push('\n');
        }
        let config = parse(&text).expect("every example is right");
        assert_eq!(config.rules.iter().count(), 3, "two and that of the echo");
        assert_eq!((config.echoes.len(), config.faults.len(), config.world), (1, 3, WorldRule::New));
        assert_eq!((config.redact.len(), config.secrets.len(), config.pass_through.len()), (4, 1, 2));
        assert_eq!(config.guard.hosts, ["*.sandbox.example.com"]);
        assert_eq!(config.max_age, Some(Duration::from_secs(90 * 86_400)));
        assert!(config.volatile.is_header("x-pod") && config.pass_through[0].in_replay);
    }

    #[test]
    fn r52_errors_name_file_line_and_column() {
        for (text, start, holds) in [
            ("matches: []", "tapes/recorder.yaml:1:1: ", "matches"),
            ("redact:\n- hide body", "tapes/recorder.yaml:2:3: ", "no rule of redaction"),
            ("\nmatch:\n- ignore nothing", "tapes/recorder.yaml:3:3: ", "ignore"),
            ("unused: never", "tapes/recorder.yaml:1:9: ", "never"),
            ("origin: docs", "tapes/recorder.yaml:1:9: ", "simulated"),
            ("volatile: {json: [\"$.a[\"]}", "tapes/recorder.yaml:1:19: ", "no JSON path"),
            ("max_age: soon", "tapes/recorder.yaml:1:10: ", "`90d`"),
            ("body_limit: 8MB", "tapes/recorder.yaml:1:13: ", "`8MiB`"),
            ("echo: [body to json $.a]", "tapes/recorder.yaml:1:8: ", "nothing that can be copied"),
            ("faults: [explode]", "tapes/recorder.yaml:1:10: ", "nothing that can happen"),
            ("world: old", "tapes/recorder.yaml:1:8: ", "keep"),
            ("allow: [jwt]", "tapes/recorder.yaml:1:9: ", "pattern"),
            ("pass_through: [{url: \"https://a.test\"}]", "tapes/recorder.yaml:1:22: ", "`a.test`"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.starts_with(start) && error.contains(holds), "{text}: {error}");
        }
    }

    #[test]
    fn a_secret_written_into_the_file_is_not_printed() {
        let error = parse("secrets: [fake-value-1]").unwrap_err();
        assert!(error.contains(":1:11: ") && !error.contains("fake-value-1"), "{error}");
    }

    #[test]
    fn a_suite_that_records_a_stand_in_says_so() {
        assert_eq!(parse("origin: simulated").map(|c| c.origin), Ok(Origin::Simulated));
    }

    #[test]
    fn sizes_are_read_with_and_without_unit() {
        assert_eq!(parse("body_limit: 65536").map(|c| c.body_limit), Ok(65536));
        assert_eq!(parse("body_limit: 64KiB").map(|c| c.body_limit), Ok(65536));
        assert!(parse("body_limit: 0").is_err());
    }
}
