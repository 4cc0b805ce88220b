//! What counts and what is hidden: everything about a recording that a user decides.
//!
//! `Config` is the file `tapes/recorder.yaml`; a `Policy` is what one session makes of it and of the test's own choices.
//! `redact` replaces secrets before the key is taken and before anything is written or printed, `gate` refuses to write what it
//! overlooked, `guard` says what may be sent while recording, `volatile` what may change without a tape being written anew; `echo` what replayed answers repeat
//! of their requests, `fault` what goes wrong with them.

mod config;
mod echo;
mod fault;
mod gate;
mod glob;
mod guard;
mod redact;
mod volatile;

pub use config::{ConfigError, EXAMPLE, UnusedRule, WorldRule};
pub use echo::EchoError;
pub use fault::{FaultRule, FaultRuleError, Faults, Planned, RuledFault};
pub use gate::{AllowError, Leak};
pub use guard::Refusal;
pub use redact::{RegisterError, Reveal, RuleError};

pub(crate) use config::{Config, OnExpiry};
pub(crate) use echo::EchoRule;
pub(crate) use gate::{Allow, check, check_file, check_text};
#[cfg(feature = "tools")]
pub(crate) use gate::{find_all, find_in_text};
pub(crate) use guard::{Guard, PassThrough, UrlGlob};
pub(crate) use redact::{RedactRule, Redactor};
pub(crate) use volatile::Volatile;

use crate::key::Rules;

/// What one session goes by.
#[derive(Debug)]
pub(crate) struct Policy {
    /// Rules of the key.
    pub(crate) rules: Rules,
    /// Knows secrets and hides them.
    pub(crate) redactor: Redactor,
    /// What the gate lets pass.
    pub(crate) allow: Allow,
    /// What may change without a tape being written anew.
    pub(crate) volatile: Volatile,
    /// What replayed answers repeat of their requests.
    pub(crate) echoes: Vec<EchoRule>,
    /// What goes wrong while replaying.
    pub(crate) faults: Faults,
    guard: Guard,
    pass_through: Vec<PassThrough>,
}

impl Policy {
    /// The policy of a configuration; `variable` gives the values of environment variables.
    ///
    /// # Errors
    /// Where a variable's value cannot be registered.
    pub(crate) fn from_config(
        config: &Config,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, RegisterError> {
        let mut redactor = Redactor::new(config.redact.iter().cloned());
        for name in &config.secrets {
            if let Some(value) = variable(name).filter(|value| !value.is_empty()) {
                redactor.register(name, value)?;
            }
        }
        Ok(Self {
            rules: config.rules.clone(),
            redactor,
            allow: config.allow.clone(),
            volatile: config.volatile.clone(),
            echoes: config.echoes.clone(),
            faults: Faults::new(config.faults.clone(), config.fault_seed),
            guard: config.guard.clone(),
            pass_through: config.pass_through.clone(),
        })
    }

    /// Whether a live service may be asked while recording; `host` without its port (R10).
    ///
    /// # Errors
    /// With the list that forbids it.
    pub(crate) fn allowed(&self, method: &str, host: &str) -> Result<(), Refusal> {
        self.guard.allowed(method, host)
    }

    /// Whether a request goes to the live service and leaves no tape (R11): the rule that says so.
    pub(crate) fn pass_through(&self, url: &str) -> Option<&PassThrough> {
        self.pass_through.iter().find(|rule| rule.url.covers(url))
    }

    /// Whether any request may be let through; `replaying` for those that may be then.
    pub(crate) fn lets_any_through(&self, replaying: bool) -> bool {
        self.pass_through.iter().any(|rule| rule.in_replay || !replaying)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_policy_registers_the_variables_that_are_set() {
        let config = Config::parse(Path::new("x"), "secrets: [A, B]\npass_through:\n- {url: a.test}").unwrap();
        let policy = Policy::from_config(&config, |name| (name == "A").then(|| "fake-value".to_owned())).unwrap();
        assert_eq!(policy.redactor.text("x fake-value"), "x {{secret:A}}");
        assert!(policy.pass_through("https://a.test/x").is_some_and(|rule| !rule.in_replay));
        assert!(policy.pass_through("https://b.test/x").is_none());
        assert!(!format!("{policy:?}").contains("fake-value"));
        let short = Policy::from_config(&config, |_| Some("abc".to_owned()));
        assert_eq!(short.unwrap_err(), RegisterError::Short("A".into()));
    }
}
