//! Plain clients of reqwest, wired to an engine of their own: for libraries that take nothing else. No environment variable is read
//! or set, and the engine lives exactly as long as the client.

use std::sync::Arc;
use std::task::{Context, Poll};

use super::engine::Engine;
use super::{Proxy, ProxyError};

/// Keeps the engine while a client is there: a client keeps its connector, and this is part of it.
#[derive(Debug, Clone)]
struct Kept(Arc<Engine>);

/// A connector of which an engine is part.
#[derive(Debug, Clone)]
struct Keeping<S> {
    inner: S,
    _engine: Arc<Engine>,
}

impl<S> tower_layer::Layer<S> for Kept {
    type Service = Keeping<S>;

    fn layer(&self, inner: S) -> Keeping<S> {
        Keeping { inner, _engine: Arc::clone(&self.0) }
    }
}

impl<S, R> tower_service::Service<R> for Keeping<S>
where
    S: tower_service::Service<R>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: R) -> S::Future {
        self.inner.call(request)
    }
}

impl Proxy {
    /// TLS that trusts this engine and nobody else.
    fn client_tls(&self) -> Result<rustls::ClientConfig, ProxyError> {
        let failed = |error: rustls::Error| ProxyError::Certificate { reason: error.to_string() };
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.engine().shared.authority.certificate().clone()).map_err(failed)?;
        let config = rustls::ClientConfig::builder_with_provider(super::authority::provider());
        let config = config.with_safe_default_protocol_versions().map_err(failed)?;
        Ok(config.with_root_certificates(roots).with_no_client_auth())
    }
}

macro_rules! plain_clients {
    ($module:ident, $reqwest:ident, $preconfigured:ident, $version:literal, $client:ident, $builder:ident, $blocking:ident, $blocking_builder:ident) => {
        mod $module {
            use std::sync::Arc;

            use super::Kept;
            use crate::proxy::Proxy;
            use crate::session::Tapes;

            impl Proxy {
                #[doc = concat!("Wires a builder of reqwest ", $version, " to this engine, which runs as long as the client does, whatever becomes of this guard. The builder's own proxies and")]
                /// TLS are replaced.
                ///
                /// # Panics
                /// Where reqwest takes no proxy on loopback or no certificate of this run, which it does.
                pub fn $builder(&self, client: $reqwest::ClientBuilder) -> $reqwest::ClientBuilder {
                    let (proxy, tls, kept) = wiring(self);
                    client.no_proxy().proxy(proxy).$preconfigured(tls).connector_layer(kept)
                }

                #[doc = concat!("As [`", stringify!($builder), "`](Self::", stringify!($builder), "), for a blocking client.")]
                ///
                /// # Panics
                /// As that does.
                pub fn $blocking_builder(&self, client: $reqwest::blocking::ClientBuilder) -> $reqwest::blocking::ClientBuilder {
                    let (proxy, tls, kept) = wiring(self);
                    client.no_proxy().proxy(proxy).$preconfigured(tls).connector_layer(kept)
                }
            }

            impl Tapes {
                #[doc = concat!("A plain client of reqwest ", $version, " on these tapes, for a program or library that takes no other: its requests go through an")]
                /// engine on loopback that runs as long as the client. The tapes are below redirects and decompression, each hop
                /// is an exchange.
                ///
                /// # Panics
                /// Where the engine does not start, and as `reqwest::Client::new` does.
                #[must_use]
                #[track_caller]
                pub fn $client(&self) -> $reqwest::Client {
                    build(self.$builder($reqwest::Client::builder()).build())
                }

                #[doc = concat!("As [`", stringify!($client), "`](Self::", stringify!($client), "), from a builder with settings of your own. Its proxies and its TLS are replaced.")]
                ///
                /// # Panics
                /// Where the engine does not start.
                #[track_caller]
                pub fn $builder(&self, client: $reqwest::ClientBuilder) -> $reqwest::ClientBuilder {
                    self.proxy().$builder(client)
                }

                #[doc = concat!("As [`", stringify!($client), "`](Self::", stringify!($client), "), blocking. Outside of async code.")]
                ///
                /// # Panics
                /// Where the engine does not start, and as `reqwest::blocking::Client::new` does.
                #[must_use]
                #[track_caller]
                pub fn $blocking(&self) -> $reqwest::blocking::Client {
                    build(self.$blocking_builder($reqwest::blocking::Client::builder()).build())
                }

                #[doc = concat!("As [`", stringify!($blocking), "`](Self::", stringify!($blocking), "), from a builder with settings of your own.")]
                ///
                /// # Panics
                /// Where the engine does not start.
                #[track_caller]
                pub fn $blocking_builder(&self, client: $reqwest::blocking::ClientBuilder) -> $reqwest::blocking::ClientBuilder {
                    self.proxy().$blocking_builder(client)
                }
            }

            fn wiring(proxy: &Proxy) -> ($reqwest::Proxy, rustls::ClientConfig, Kept) {
                let tls = proxy.client_tls().unwrap_or_else(|error| panic!("{error}"));
                (build($reqwest::Proxy::all(proxy.url())), tls, Kept(Arc::clone(proxy.engine())))
            }

            #[track_caller]
            fn build<T>(built: $reqwest::Result<T>) -> T {
                match built {
                    Ok(built) => built,
                    Err(error) => panic!("failed to build a client of reqwest: {error}"),
                }
            }
        }
    };
}

#[cfg(feature = "reqwest-client-0_12")]
plain_clients!(
    v0_12,
    reqwest_0_12,
    use_preconfigured_tls,
    "0.12",
    reqwest_0_12_client,
    reqwest_0_12_client_builder,
    reqwest_0_12_blocking_client,
    reqwest_0_12_blocking_client_builder
);
#[cfg(feature = "reqwest-client-0_13")]
plain_clients!(
    v0_13,
    reqwest_0_13,
    tls_backend_preconfigured,
    "0.13",
    reqwest_client,
    reqwest_client_builder,
    reqwest_blocking_client,
    reqwest_blocking_client_builder
);
