//! The production client.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::{self, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tower::util::BoxCloneSyncService;

use super::guard::{self, AllowInternal, Resolver};
use super::send_to::{self, SendTo};
use super::{Body, BoxError, Client};

/// How connections are made and kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// How long it may take to connect, over all addresses of a host.
    pub connect_time: Duration,
    /// How long a connection is kept that nobody uses.
    pub idle_time: Duration,
    /// The most such connections for each host.
    pub idle_connections: usize,
    /// A PEM file with certificate authorities to trust besides Mozilla's.
    pub certificates: Option<PathBuf>,
}

impl Default for Options {
    /// 10 seconds to connect; 64 idle connections a host for 45 seconds, less than the 60 after which load balancers cut them.
    fn default() -> Self {
        Self {
            connect_time: Duration::from_secs(10),
            idle_time: Duration::from_secs(45),
            idle_connections: 64,
            certificates: None,
        }
    }
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The file with certificates cannot be used.
    #[error("{path} has no certificates that can be used: {problem}: give a PEM file with at least one", path = path.display())]
    Certificates {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
}

/// Makes the client: HTTP/1.1 and HTTP/2, as the other end chooses. Its connections are kept in two pools, one for requests that may go
/// inside our own network and one for all others: none of those gets a connection that leads there.
///
/// # Errors
/// The file with certificates cannot be used.
pub fn open(options: &Options) -> Result<Client, OpenError> {
    let tls = tls(options.certificates.as_deref())?;
    let [inside, outside] = [true, false].map(|allow| pool(options, tls.clone(), Resolver::new(allow)));
    Ok(BoxCloneSyncService::new(tower::service_fn(move |mut request: Request<Full<Bytes>>| {
        let allowed = request.extensions_mut().remove::<AllowInternal>().is_some();
        let to = request.extensions_mut().remove::<SendTo>();
        let pool = if allowed || to.is_some() { &inside } else { &outside }.clone();
        async move {
            if !allowed {
                guard::check(request.uri())?;
            }
            if let Some(to) = to {
                send_to::redirect(&mut request, to)?;
            }
            let response: Response<hyper::body::Incoming> = pool.request(request).await?;
            Ok::<_, BoxError>(response.map(|body| Body::new(body.map_err(Into::into))))
        }
    })))
}

type Pool = legacy::Client<HttpsConnector<HttpConnector<Resolver>>, Full<Bytes>>;

fn pool(options: &Options, tls: ClientConfig, resolver: Resolver) -> Pool {
    let mut connector = HttpConnector::new_with_resolver(resolver);
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(options.connect_time));
    connector.set_keepalive(Some(Duration::from_secs(30)));
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_all_versions()
        .wrap_connector(connector);
    legacy::Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(options.idle_time)
        .pool_max_idle_per_host(options.idle_connections)
        .http2_keep_alive_interval(Duration::from_secs(30))
        .http2_keep_alive_timeout(Duration::from_secs(10))
        .build(connector)
}

fn tls(certificates: Option<&Path>) -> Result<ClientConfig, OpenError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = certificates {
        let unusable = |problem: String| OpenError::Certificates { path: path.to_owned(), problem };
        let mut count = 0;
        for certificate in CertificateDer::pem_file_iter(path).map_err(|error| unusable(error.to_string()))? {
            let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
            roots.add(certificate).map_err(|error| unusable(error.to_string()))?;
            count += 1;
        }
        if count == 0 {
            return Err(unusable("there is none in it".to_owned()));
        }
    }
    // Never the process's default provider: two of them in one graph panic.
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
