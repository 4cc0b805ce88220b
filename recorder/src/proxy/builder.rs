//! How an engine is set up, and why one may not start.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use http::uri::Scheme;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::Proxy;
use super::engine::{Engine, Plan, Reverse};
use super::route::{One, Route};
use super::upstream::Upstream;
use crate::session::Tapes;

/// Why the engine does not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyError {
    /// The address or the socket cannot be listened at.
    #[error("failed to listen at {at}: {source}")]
    Listen {
        /// Where.
        at: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// The address is not loopback.
    #[error(
        "{at} can be reached from outside of this machine, and who reaches it reads the tapes and sends requests from here. Listen at 127.0.0.1, or \
         say `reachable()` if it is meant"
    )]
    Reachable {
        /// The address.
        at: SocketAddr,
    },
    /// The URL of the service that is played.
    #[error("`{url}` is no service to stand for: {reason}. Write scheme and host, as in https://api.example.com")]
    Upstream {
        /// What was given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A certificate that is to be trusted.
    #[error("the certificate to trust is none: {reason}. It is read as PEM (-----BEGIN CERTIFICATE-----)")]
    Certificate {
        /// What is wrong with it.
        reason: String,
    },
    /// The certificate authority of this run.
    #[error("failed to make a certificate: {reason}")]
    Authority {
        /// What is wrong.
        reason: String,
    },
    /// The thread of the engine.
    #[error("failed to start the engine's thread: {source}")]
    Thread {
        /// What the operating system said.
        source: io::Error,
    },
    /// A file that clients read.
    #[error("failed to write {}: {source}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

/// Sets an engine up: [`Tapes::proxy_builder`].
#[must_use = "call `start`"]
pub struct ProxyBuilder {
    route: Box<dyn Route>,
    bind: SocketAddr,
    reachable: bool,
    socket: Option<PathBuf>,
    upstream: Option<String>,
    trusted: Vec<CertificateDer<'static>>,
    head_limit: Duration,
}

impl Tapes {
    /// An engine on a free port of loopback, for clients that take no adapter: a forward proxy for HTTP and, with a certificate
    /// authority of its own, HTTPS. It runs until the guard goes.
    ///
    /// # Panics
    /// Where [`ProxyBuilder::start`] is an error, with its text.
    #[track_caller]
    pub fn proxy(&self) -> Proxy {
        match self.proxy_builder().start() {
            Ok(proxy) => proxy,
            Err(error) => panic!("{error}"),
        }
    }

    /// An engine to be set up first.
    pub fn proxy_builder(&self) -> ProxyBuilder {
        ProxyBuilder::new(Box::new(One(self.session().clone())))
    }
}

impl ProxyBuilder {
    pub(super) fn new(route: Box<dyn Route>) -> Self {
        Self {
            route,
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            reachable: false,
            socket: None,
            upstream: None,
            trusted: Vec::new(),
            head_limit: Duration::from_secs(30),
        }
    }

    /// Listens here in place of a free port of 127.0.0.1; port 0 is a free one.
    pub fn listen(mut self, at: SocketAddr) -> Self {
        self.bind = at;
        self
    }

    /// Lets [`listen`](Self::listen) name an address that others can reach. Whoever does reads the tapes, and sends requests from
    /// this machine while recording.
    pub fn reachable(mut self) -> Self {
        self.reachable = true;
        self
    }

    /// Listens at a Unix socket besides, which is made now and removed at the end.
    pub fn unix_socket(mut self, path: impl AsRef<Path>) -> Self {
        self.socket = Some(path.as_ref().to_owned());
        self
    }

    /// Stands for this one service (`https://api.example.com`, or with a path that all of its URLs begin with) and is asked
    /// as it would be; it is no proxy for others then.
    pub fn upstream(mut self, url: impl Into<String>) -> Self {
        self.upstream = Some(url.into());
        self
    }

    /// Trusts the certificate authorities in this PEM when it asks services, besides those that browsers trust.
    ///
    /// # Errors
    /// Where there is no certificate in it, or one that cannot be read.
    pub fn trust_pem(mut self, pem: &str) -> Result<Self, ProxyError> {
        let before = self.trusted.len();
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            let refused = |error: rustls::pki_types::pem::Error| ProxyError::Certificate { reason: error.to_string() };
            self.trusted.push(certificate.map_err(refused)?);
        }
        if self.trusted.len() == before {
            return Err(ProxyError::Certificate { reason: "there is no certificate in it".to_owned() });
        }
        Ok(self)
    }

    /// Trusts those of these certificates that can be read: what somebody else's file has besides is their affair.
    pub(super) fn trust_readable(mut self, pem: &str) -> Self {
        let readable = CertificateDer::pem_slice_iter(pem.as_bytes()).filter_map(Result::ok);
        self.trusted.extend(readable.filter(|one| rustls::RootCertStore::empty().add(one.clone()).is_ok()));
        self
    }

    /// How long a client may take over the head of a request, or over a handshake, before the connection is closed: half a minute
    /// otherwise.
    pub fn head_limit(mut self, limit: Duration) -> Self {
        self.head_limit = limit;
        self
    }

    /// Starts it.
    ///
    /// # Errors
    /// Where it cannot listen or is told to listen where others reach it, and for a service or a certificate that is none.
    pub fn start(self) -> Result<Proxy, ProxyError> {
        if !self.reachable && !self.bind.ip().is_loopback() {
            return Err(ProxyError::Reachable { at: self.bind });
        }
        let reverse = self.upstream.map(|url| reverse(&url)).transpose()?;
        let plan = Plan {
            route: self.route,
            upstream: Upstream::new(&self.trusted)?,
            reverse,
            bind: self.bind,
            socket: self.socket,
            head_limit: self.head_limit,
        };
        Ok(Proxy::new(Arc::new(Engine::start(plan)?)))
    }
}

fn reverse(url: &str) -> Result<Reverse, ProxyError> {
    let refused = |reason: &str| ProxyError::Upstream { url: url.to_owned(), reason: reason.to_owned() };
    let uri: Uri = url.parse().map_err(|error: http::uri::InvalidUri| refused(&error.to_string()))?;
    let parts = uri.into_parts();
    let scheme = parts.scheme.filter(|scheme| *scheme == Scheme::HTTP || *scheme == Scheme::HTTPS);
    let (Some(scheme), Some(authority)) = (scheme, parts.authority) else {
        return Err(refused("it is no absolute URL of http or https"));
    };
    if authority.as_str().contains('@') {
        return Err(refused("it holds credentials"));
    }
    let prefix = parts.path_and_query.as_ref().map_or("", |path| path.path());
    if parts.path_and_query.as_ref().is_some_and(|path| path.query().is_some()) {
        return Err(refused("it has a query"));
    }
    Ok(Reverse { scheme, authority, prefix: prefix.trim_end_matches('/').to_owned() })
}

impl fmt::Debug for ProxyBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("ProxyBuilder");
        shown.field("listen", &self.bind).field("socket", &self.socket).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Mode, Recorder};

    fn builder() -> (ProxyBuilder, Tapes) {
        let folder = std::env::temp_dir().join("traffic-recorder-proxy-builder");
        let tapes = Recorder::at(folder).mode(Mode::Off).open().unwrap();
        (tapes.proxy_builder(), tapes)
    }

    #[test]
    fn an_address_that_others_reach_has_to_be_meant() {
        let (builder, _tapes) = builder();
        let error = builder.listen("0.0.0.0:0".parse().unwrap()).start().unwrap_err().to_string();
        assert!(error.contains("0.0.0.0:0") && error.contains("reachable()"), "{error}");
    }

    #[test]
    fn a_service_that_is_none_is_refused_with_the_reason() {
        for (url, reason) in [
            ("api.example.com", "no absolute URL"),
            ("ftp://api.example.com", "no absolute URL"),
            ("https://ann:pass@api.example.com", "credentials"),
            ("https://api.example.com/v1?x=1", "query"),
        ] {
            let (builder, _tapes) = builder();
            let error = builder.upstream(url).start().unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
        assert_eq!(reverse("https://a.test/v1/").unwrap().prefix, "/v1");
    }

    #[test]
    fn a_certificate_that_is_none_is_refused() {
        for pem in ["", "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"] {
            let (builder, _tapes) = builder();
            assert!(builder.trust_pem(pem).unwrap_err().to_string().contains("BEGIN CERTIFICATE"));
        }
    }
}
