//! What may be sent at all while recording, and what is let through without a tape.

use super::glob::fits;

/// What may be sent to a live service while recording. Empty lists forbid nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Guard {
    /// Hosts, `*` for any characters.
    pub(crate) hosts: Vec<String>,
    /// Methods that may be sent besides the safe ones; none: all.
    pub(crate) methods: Option<Vec<String>>,
}

/// Why a request is not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The method changes things, and is not allowed.
    #[error(
        "{method} {host} was not sent: while recording, only {allowed} may be; add it to `record: {{methods: [..]}}` in \
         tapes/recorder.yaml if the service may be changed"
    )]
    Method {
        /// The method that was asked for.
        method: String,
        /// Where it was to go.
        host: String,
        /// The methods that may be sent.
        allowed: String,
    },
    /// The host is not on the list.
    #[error(
        "{method} {host} was not sent: while recording, only {allowed} may be asked; add the host to \
         `record: {{hosts: [..]}}` in tapes/recorder.yaml if it is meant"
    )]
    Host {
        /// The method that was asked for.
        method: String,
        /// Where it was to go.
        host: String,
        /// The hosts that may be asked.
        allowed: String,
    },
}

/// Methods that change nothing ([RFC 9110 §9.2.1]).
///
/// [RFC 9110 §9.2.1]: https://www.rfc-editor.org/rfc/rfc9110#section-9.2.1
const SAFE: [&str; 4] = ["GET", "HEAD", "OPTIONS", "TRACE"];

impl Guard {
    /// Whether a live service may be asked; `host` without its port.
    ///
    /// # Errors
    /// With the list that forbids it.
    pub(crate) fn allowed(&self, method: &str, host: &str) -> Result<(), Refusal> {
        let (method, host) = (method.to_owned(), host.to_ascii_lowercase());
        if !self.hosts.is_empty() && !self.hosts.iter().any(|glob| fits(glob, &host)) {
            return Err(Refusal::Host { method, host, allowed: self.hosts.join(", ") });
        }
        let Some(methods) = &self.methods else { return Ok(()) };
        if SAFE.contains(&method.as_str()) || methods.iter().any(|m| m.eq_ignore_ascii_case(&method)) {
            return Ok(());
        }
        let allowed: Vec<&str> = SAFE.into_iter().chain(methods.iter().map(String::as_str)).collect();
        Err(Refusal::Method { method, host, allowed: allowed.join(", ") })
    }
}

/// Requests that go to the live service and leave no tape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PassThrough {
    /// Which ones.
    pub(crate) url: UrlGlob,
    /// Also while replaying; otherwise such a request is a miss there.
    pub(crate) in_replay: bool,
}

/// A set of URLs, by host and path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UrlGlob {
    host: String,
    path: Option<String>,
}

impl UrlGlob {
    /// `host`, `host:port` or either with a path; `*` for any characters. No scheme.
    ///
    /// # Errors
    /// With what is wrong.
    pub(crate) fn parse(glob: &str) -> Result<Self, String> {
        if glob.contains("://") {
            return Err(format!(
                "`{glob}` names a scheme: write host and path alone, as in `{}`",
                without_scheme(glob)
            ));
        }
        let (host, path) = glob.split_at(glob.find('/').unwrap_or(glob.len()));
        if host.is_empty() {
            return Err(format!("`{glob}` names no host: begin with one, or with `*`"));
        }
        let path = (!path.is_empty()).then(|| path.to_owned());
        Ok(Self { host: host.to_ascii_lowercase(), path })
    }

    /// Whether it covers a URL; the query plays no part, and without a port in the pattern the port does not either.
    pub(crate) fn covers(&self, url: &str) -> bool {
        let Some(parts) = crate::codec::percent::split_url(url) else { return false };
        let name = url[parts.host.clone()].to_ascii_lowercase();
        let with_port = parts.port.as_ref().map(|port| format!("{name}:{}", &url[port.clone()]));
        let host = fits(&self.host, &name) || with_port.is_some_and(|host| fits(&self.host, &host));
        host && self
            .path
            .as_deref()
            .is_none_or(|glob| fits(glob, if parts.path.is_empty() { "/" } else { &url[parts.path] }))
    }
}

fn without_scheme(glob: &str) -> &str {
    glob.split_once("://").map_or(glob, |(_, rest)| rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r10_unsafe_methods_outside_of_the_list_are_refused() {
        let guard = Guard { hosts: Vec::new(), methods: Some(vec!["POST".into()]) };
        assert_eq!(guard.allowed("GET", "a.test"), Ok(()));
        assert_eq!(guard.allowed("POST", "a.test"), Ok(()));
        let refusal = guard.allowed("DELETE", "a.test").unwrap_err();
        assert!(refusal.to_string().contains("DELETE a.test was not sent"), "{refusal}");
        assert!(refusal.to_string().contains("GET, HEAD, OPTIONS, TRACE, POST"), "{refusal}");
        assert_eq!(Guard::default().allowed("DELETE", "a.test"), Ok(()));
    }

    #[test]
    fn r10_hosts_outside_of_the_list_are_refused() {
        let guard = Guard { hosts: vec!["*.a.test".into()], methods: None };
        assert_eq!(guard.allowed("DELETE", "api.A.test"), Ok(()));
        assert!(matches!(guard.allowed("GET", "b.test"), Err(Refusal::Host { .. })));
    }

    #[test]
    fn r11_what_is_let_through_is_named_by_host_and_path() {
        let covers = |glob: &str, url: &str| UrlGlob::parse(glob).unwrap().covers(url);
        assert!(covers("localhost", "http://localhost:9000/x"));
        assert!(covers("localhost:*", "http://LOCALHOST:9000/x"));
        assert!(covers("a.test/health*", "https://a.test/healthz?x=1"));
        assert!(covers("a.test/", "https://a.test"));
        assert!(!covers("a.test/health*", "https://a.test/v1"));
        assert!(!covers("localhost:80", "http://localhost:9000/x"));
        assert!(UrlGlob::parse("https://a.test").is_err() && UrlGlob::parse("/x").is_err());
    }
}
