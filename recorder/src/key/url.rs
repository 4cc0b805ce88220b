//! The URL of a canonical request: equivalent spellings made one, what never reaches the server left out.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::escape;
use crate::codec::percent::{self, fold};

/// Scheme, host, port, path and query; the user and the fragment are out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Url {
    /// Lower case. Empty for what is no absolute URL, which then stands in `path` as it is.
    pub(super) scheme: String,
    /// Lower case.
    pub(super) host: String,
    /// None where it is the scheme's own, or where the host is this machine.
    pub(super) port: Option<String>,
    /// Folded; never empty.
    pub(super) path: String,
    /// Folded, sorted by name, the order within a name kept.
    pub(super) query: Vec<(String, Option<String>)>,
}

/// A host and perhaps a scheme and a port, as a rule writes them: `api.example.com`, `http://localhost:8080`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Authority {
    scheme: Option<String>,
    host: String,
    port: Option<String>,
}

impl Url {
    /// Reads an absolute URL. Also gives the port as it stood, for the rules that name one.
    pub(super) fn read(url: &str) -> (Self, Option<String>) {
        let Some(parts) = percent::split_url(url) else {
            let path = url.to_owned();
            return (Self { scheme: String::new(), host: String::new(), port: None, path, query: Vec::new() }, None);
        };
        let scheme = url[parts.scheme].to_ascii_lowercase();
        let host = fold(&url[parts.host]).to_ascii_lowercase();
        let stated = parts.port.map(|span| plain_port(&url[span])).filter(|port| !port.is_empty());
        let port = stated.clone().filter(|port| counts(&scheme, &host, port));
        let path = match &url[parts.path] {
            "" => "/".to_owned(),
            path => fold(path).into_owned(),
        };
        let mut query = Vec::new();
        if let Some(span) = parts.query {
            let text = &url[span];
            query.extend(percent::pairs(text.as_bytes()).map(|pair| {
                let value = pair.value_span.clone().map(|span| fold(&text[span]).into_owned());
                (fold(&text[pair.name_span.clone()]).into_owned(), value)
            }));
            query.sort_by(|(a, _), (b, _)| a.cmp(b));
        }
        (Self { scheme, host, port, path, query }, stated)
    }

    /// Puts `to` in the place of scheme, host and port.
    pub(super) fn move_to(&mut self, to: &Authority) {
        if let Some(scheme) = &to.scheme {
            self.scheme.clone_from(scheme);
        }
        self.host.clone_from(&to.host);
        self.port = to.port.clone().filter(|port| counts(&self.scheme, &self.host, port));
    }

    /// Host and port, as a rule writes them.
    pub(super) fn authority(&self) -> String {
        match &self.port {
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.clone(),
        }
    }

    /// Writes the URL without its line's end.
    pub(super) fn write(&self, out: &mut String) {
        if !self.scheme.is_empty() {
            out.push_str(&self.scheme);
            out.push_str("://");
            out.push_str(&escape::line(self.host.as_bytes()));
            if let Some(port) = &self.port {
                out.push(':');
                out.push_str(port);
            }
        }
        out.push_str(&escape::line(self.path.as_bytes()));
        for (at, (name, value)) in self.query.iter().enumerate() {
            out.push(if at == 0 { '?' } else { '&' });
            out.push_str(&escape::line(name.as_bytes()));
            if let Some(value) = value {
                out.push('=');
                out.push_str(&escape::line(value.as_bytes()));
            }
        }
    }
}

impl Authority {
    /// Reads one word of a rule; none where it is no host.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (Some(scheme.to_ascii_lowercase()), rest),
            None => (None, text),
        };
        let with_scheme = format!("{}://{rest}", scheme.as_deref().unwrap_or("any"));
        let parts = percent::split_url(&with_scheme)?;
        if parts.host.is_empty() || parts.userinfo.is_some() || parts.authority.end != with_scheme.len() {
            return None;
        }
        let host = fold(&with_scheme[parts.host]).to_ascii_lowercase();
        let port = parts.port.map(|span| plain_port(&with_scheme[span])).filter(|port| !port.is_empty());
        Some(Self { scheme, host, port })
    }

    /// Whether there is a `*` in the host, which only the second host of a rule may have.
    pub(super) fn has_star(&self) -> bool {
        self.host.contains('*')
    }

    /// Whether a request goes here. Without a port, the scheme's own is meant; on this machine, any.
    pub(super) fn covers(&self, url: &Url, stated: Option<&str>) -> bool {
        let same_port = match &self.port {
            Some(port) => stated.or(default_port(&url.scheme)) == Some(port.as_str()),
            None => url.port.is_none(),
        };
        same_port
            && self.scheme.as_ref().is_none_or(|s| *s == url.scheme)
            && super::glob::matches(&self.host, &url.host)
    }
}

impl std::fmt::Display for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(scheme) = &self.scheme {
            write!(f, "{scheme}://")?;
        }
        f.write_str(&self.host)?;
        self.port.as_ref().map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

/// Whether a host is this machine, where a listener gets whatever port is free.
pub(crate) fn is_loopback(host: &str) -> bool {
    if let Some(inside) = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        return inside.parse::<Ipv6Addr>().is_ok_and(|ip| ip.to_canonical().is_loopback());
    }
    let name = host.strip_suffix('.').unwrap_or(host);
    name == "localhost"
        || name.ends_with(".localhost")
        || (host.starts_with("127.") && host.parse::<Ipv4Addr>().is_ok())
}

fn counts(scheme: &str, host: &str, port: &str) -> bool {
    // A host with a colon of its own is malformed: without its port it would read as another host with one.
    let ambiguous = host.contains(':') && !(host.starts_with('[') && host.ends_with(']'));
    ambiguous || (default_port(scheme) != Some(port) && !is_loopback(host))
}

fn default_port(scheme: &str) -> Option<&'static str> {
    match scheme {
        "http" | "ws" => Some("80"),
        "https" | "wss" => Some("443"),
        _ => None,
    }
}

fn plain_port(digits: &str) -> String {
    match digits.trim_start_matches('0') {
        "" if !digits.is_empty() => "0".to_owned(),
        trimmed => trimmed.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(url: &str) -> String {
        let mut out = String::new();
        Url::read(url).0.write(&mut out);
        out
    }

    #[test]
    fn equivalent_spellings_become_one() {
        for (url, want) in [
            ("HTTPS://user@API.Example.com:0443#top", "https://api.example.com/"),
            ("http://h:443/%7Ea%2fb", "http://h:443/~a%2Fb"),
            ("http://h/?", "http://h/?"),
            ("http://h/?b&a=2&a=1&a", "http://h/?a=2&a=1&a&b"),
            ("http://127.0.0.9:8080/", "http://127.0.0.9/"),
            ("http://[::1]:8080/", "http://[::1]/"),
            ("http://api.localhost:1/", "http://api.localhost/"),
            ("http://127.evil.example:8080/", "http://127.evil.example:8080/"),
            ("http://h:1:80/", "http://h:1:80/"),
            ("/relative?x", "/relative?x"),
        ] {
            assert_eq!(text(url), want, "{url}");
        }
    }

    #[test]
    fn an_authority_covers_what_it_names() {
        let covers = |rule: &str, url: &str| {
            let (url, stated) = Url::read(url);
            Authority::parse(rule).expect("a host").covers(&url, stated.as_deref())
        };
        assert!(covers("api.example.com", "https://API.example.com:443/x"));
        assert!(!covers("api.example.com", "https://api.example.com:8443/x"));
        assert!(covers("localhost", "http://localhost:8080/") && covers("localhost:8080", "http://localhost:8080/"));
        assert!(!covers("localhost:8081", "http://localhost:8080/"));
        assert!(covers("*.example.com", "http://eu.example.com/") && !covers("https://h", "http://h/"));
        assert!(covers("h:443", "https://h/"));
        for text in ["", "http://", "a/b", "u@h", "h?x"] {
            assert_eq!(Authority::parse(text), None, "{text}");
        }
    }
}
