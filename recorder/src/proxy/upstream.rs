//! The way out: hyper-util's client over TLS that verifies. It is asked only where the session says that a request goes out.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response, Version};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use tower_service::Service;

use super::ProxyError;
use super::authority::provider;
use crate::client::SentBody;

type Sender = Client<HttpsConnector<HttpConnector>, SentBody<Incoming>>;

/// Sends a request on in the version it came in: a service is asked as the client would have asked it.
#[derive(Clone)]
pub(super) struct Upstream(Arc<Clients>);

struct Clients {
    /// HTTP/1.1.
    one: Sender,
    /// HTTP/2 where the handshake says so, else HTTP/1.1.
    negotiated: Sender,
    /// HTTP/2 without a handshake.
    known: Sender,
}

impl Upstream {
    /// Trusts what browsers trust, and these authorities besides.
    pub(super) fn new(extra: &[CertificateDer<'static>]) -> Result<Self, ProxyError> {
        let failed = |error: rustls::Error| ProxyError::Certificate { reason: error.to_string() };
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        for certificate in extra {
            roots.add(certificate.clone()).map_err(failed)?;
        }
        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(failed)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut network = HttpConnector::new();
        network.set_nodelay(true);
        network.enforce_http(false);
        let https = || HttpsConnectorBuilder::new().with_tls_config(config.clone()).https_or_http();
        let mut builder = Client::builder(TokioExecutor::new());
        builder.pool_timer(TokioTimer::new());
        Ok(Self(Arc::new(Clients {
            one: builder.build(https().enable_http1().wrap_connector(network.clone())),
            negotiated: builder.build(https().enable_http1().enable_http2().wrap_connector(network.clone())),
            known: builder.http2_only(true).build(https().enable_http2().wrap_connector(network)),
        })))
    }
}

impl Service<Request<SentBody<Incoming>>> for Upstream {
    type Response = Response<Incoming>;
    type Error = hyper_util::client::legacy::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<SentBody<Incoming>>) -> Self::Future {
        let client = match (request.version(), request.uri().scheme_str()) {
            (Version::HTTP_2, Some("https")) => &self.0.negotiated,
            (Version::HTTP_2, _) => &self.0.known,
            _ => &self.0.one,
        };
        // The connection decides; the client refuses a request that says something else.
        *request.version_mut() = Version::HTTP_11;
        Box::pin(client.request(request))
    }
}
