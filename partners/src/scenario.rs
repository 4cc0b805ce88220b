//! Ways in which a partner fails, and how they are written: `429 retry-after 30`, `timeout`, `partial`.

use std::fmt;
use std::str::FromStr;

/// What a partner does with the next request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Scenario {
    /// What it does anyway.
    #[default]
    Normal,
    /// Answers with this status and the error that it documents for it, without reading the request.
    Status {
        /// The status.
        status: u16,
        /// `Retry-After`, in seconds.
        retry_after: Option<u64>,
    },
    /// Never answers.
    Timeout,
    /// Breaks the connection before the answer.
    Reset,
    /// Breaks the connection in the middle of the answer, after it has taken the request; before it where the answer has no body.
    Cut,
    /// Refuses every second event of a batch, beginning with the second.
    PartialFailure,
    /// Answers 200 and something that is no answer of this partner.
    Garbage,
    /// Sends the caller elsewhere.
    Redirect(String),
    /// An answer without end.
    Endless,
}

/// A text that names no scenario.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no scenario. There are: normal, a status such as 503, 429 retry-after 30, timeout, reset, cut, partial, \
     garbage, redirect URL, endless"
)]
pub struct UnknownScenario(String);

impl FromStr for Scenario {
    type Err = UnknownScenario;

    fn from_str(text: &str) -> Result<Self, UnknownScenario> {
        let unknown = || UnknownScenario(text.to_owned());
        let words: Vec<&str> = text.split_whitespace().collect();
        Ok(match words[..] {
            ["normal"] => Self::Normal,
            ["timeout"] => Self::Timeout,
            ["reset"] => Self::Reset,
            ["cut"] => Self::Cut,
            ["partial"] => Self::PartialFailure,
            ["garbage"] => Self::Garbage,
            ["endless"] => Self::Endless,
            ["redirect", to] => Self::Redirect(to.to_owned()),
            [status] => Self::Status { status: code(status).ok_or_else(unknown)?, retry_after: None },
            [status, "retry-after", seconds] => Self::Status {
                status: code(status).ok_or_else(unknown)?,
                retry_after: Some(seconds.parse().map_err(|_| unknown())?),
            },
            _ => return Err(unknown()),
        })
    }
}

fn code(text: &str) -> Option<u16> {
    text.parse().ok().filter(|code| (200..600).contains(code))
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Normal => f.write_str("normal"),
            Self::Status { status, retry_after: None } => write!(f, "{status}"),
            Self::Status { status, retry_after: Some(seconds) } => write!(f, "{status} retry-after {seconds}"),
            Self::Timeout => f.write_str("timeout"),
            Self::Reset => f.write_str("reset"),
            Self::Cut => f.write_str("cut"),
            Self::PartialFailure => f.write_str("partial"),
            Self::Garbage => f.write_str("garbage"),
            Self::Redirect(to) => write!(f, "redirect {to}"),
            Self::Endless => f.write_str("endless"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_reads_as_it_is_written() {
        let all = ["normal", "503", "429 retry-after 30", "timeout", "reset", "cut", "partial", "garbage", "endless"];
        for text in all.into_iter().chain(["redirect http://169.254.169.254/"]) {
            assert_eq!(text.parse::<Scenario>().expect("a scenario").to_string(), text);
        }
    }

    #[test]
    fn another_word_lists_what_there_is() {
        for text in ["", "often", "99", "429 retry-after soon", "503 503"] {
            let error = text.parse::<Scenario>().expect_err("none").to_string();
            assert!(error.contains("partial"), "{error}");
        }
    }
}
