//! The seam for reqwest, by reqwest-middleware: above redirects and decompression. Both supported versions are the same text
//! with other names, so the text is written once.

use crate::tape::FaultKind;

macro_rules! seam {
    ($module:ident, $reqwest:ident, $middleware:ident, $tapes:ident, $builder:ident, $version:literal) => {
        mod $module {
            use std::future::Future;
            use std::pin::Pin;
            use std::task::{Context, Poll};

            use $middleware::{ClientBuilder, ClientWithMiddleware, Error, Middleware, Next};
            use $reqwest::{Body, Client, Request, Response, ResponseBuilderExt};
            use http::Extensions;

            use crate::client::{FinalUrl, Payload, ReplayedFault, Stop, Translate, classify, exchange};
            use crate::session::{Head, Session, Tapes};
            use crate::tape::{Fault, FaultKind, Layer};

            #[doc = concat!("Middleware for reqwest ", $version, ": answers from tapes, or records what the client gets.")]
            #[derive(Debug, Clone)]
            pub struct TapesMiddleware {
                session: Session,
            }

            impl Tapes {
                #[doc = concat!("A reqwest ", $version, " client whose requests go through these tapes.")]
                ///
                /// The tapes are above redirects and decompression: one request of the program is one take. Retry middleware belongs in
                /// front of it.
                #[must_use]
                pub fn $tapes(&self, client: Client) -> ClientWithMiddleware {
                    let middleware = TapesMiddleware { session: self.session().clone() };
                    ClientBuilder::new(client).with(middleware).build()
                }

                #[doc = concat!("As [`", stringify!($tapes), "`](Self::", stringify!($tapes), "), and while replaying the client cannot open a connection at all, not even for a")]
                /// request that goes round the recorder.
                ///
                /// # Errors
                /// As [`reqwest::ClientBuilder::build`](https://docs.rs/reqwest/latest/reqwest/struct.ClientBuilder.html#method.build).
                pub fn $builder(&self, client: $reqwest::ClientBuilder) -> $reqwest::Result<ClientWithMiddleware> {
                    let client = if self.session().is_offline() { client.connector_layer(NoNetwork) } else { client };
                    Ok(self.$tapes(client.build()?))
                }
            }

            #[async_trait::async_trait]
            impl Middleware for TapesMiddleware {
                async fn handle(
                    &self,
                    mut request: Request,
                    extensions: &mut Extensions,
                    next: Next<'_>,
                ) -> $middleware::Result<Response> {
                    let (method, url) = (request.method().clone(), request.url().clone());
                    let (version, headers) = (request.version(), request.headers().clone());
                    let head = Head::with_url(method.as_str(), url.as_str(), version, &headers);
                    let payload = match request.body_mut() {
                        None => Payload::Absent,
                        Some(body) => match body.as_bytes() {
                            Some(bytes) => Payload::Ready(bytes::Bytes::copy_from_slice(bytes)),
                            None => Payload::Stream(std::mem::take(body)),
                        },
                    };
                    let errors = Errors { url: &url };
                    let send = |sent| async {
                        if let Some(sent) = sent {
                            *request.body_mut() = Some(Body::wrap(sent));
                        }
                        let response = next.run(request, extensions).await?;
                        let answered = response.url().clone();
                        let mut response = http::Response::<Body>::from(response);
                        if answered != url {
                            response.extensions_mut().insert(FinalUrl(answered.to_string()));
                        }
                        Ok(response)
                    };
                    let result = exchange(&self.session, Layer::Logical, head, payload, &errors, send).await;
                    let mut response = match result {
                        Ok(response) => response,
                        Err(error) => return Err(errors.as_reqwest_would(error).await),
                    };
                    let answered = response.extensions_mut().remove::<FinalUrl>();
                    let answered = answered.and_then(|url| url.0.parse().ok()).unwrap_or(url);
                    let (parts, body) = response.into_parts();
                    let url_carrier = http::Response::builder().url(answered).body(());
                    let mut response = http::Response::from_parts(parts, Body::wrap(body));
                    if let Ok(carrier) = url_carrier {
                        response.extensions_mut().extend(carrier.into_parts().0.extensions);
                    }
                    Ok(Response::from(response))
                }
            }

            /// reqwest's errors, as faults and back.
            struct Errors<'a> {
                url: &'a $reqwest::Url,
            }

            impl Translate for Errors<'_> {
                type Error = Error;

                fn fault(&self, error: &Error) -> Fault {
                    let Error::Reqwest(error) = error else {
                        return classify(error);
                    };
                    let mut fault = classify(error);
                    fault.kind = match fault.kind {
                        FaultKind::Timeout | FaultKind::Other if error.is_timeout() && error.is_connect() => {
                            FaultKind::ConnectTimeout
                        }
                        FaultKind::Other if error.is_timeout() => FaultKind::Timeout,
                        FaultKind::ConnectTimeout if !error.is_connect() => FaultKind::Timeout,
                        FaultKind::Other if error.is_connect() => FaultKind::Connect,
                        kind => kind,
                    };
                    fault
                }

                fn error(&self, stop: Stop) -> Error {
                    Error::Middleware(match stop {
                        Stop::Recorder(error) => error.into(),
                        Stop::Fault(fault) => ReplayedFault::new(fault).into(),
                    })
                }
            }

            impl Errors<'_> {
                /// A recorded failure as the `reqwest::Error` that the live client gave, so that `is_connect()` and `is_timeout()`
                /// answer as they did: a client that cannot reach the network makes it. Only reqwest itself can.
                async fn as_reqwest_would(&self, error: Error) -> Error {
                    let Error::Middleware(inner) = &error else { return error };
                    let Some(replayed) = inner.downcast_ref::<ReplayedFault>() else { return error };
                    let fault = replayed.fault().clone();
                    if !super::reqwest_can_say(fault.kind) {
                        return error;
                    }
                    let timeout = (fault.kind == FaultKind::Timeout).then_some(std::time::Duration::from_nanos(1));
                    let client = Client::builder().no_proxy().connector_layer(Failing(fault));
                    let client = match timeout {
                        Some(timeout) => client.timeout(timeout),
                        None => client,
                    };
                    let Ok(client) = client.build() else { return error };
                    match client.get(self.url.clone()).send().await {
                        Err(real) => Error::Reqwest(real),
                        Ok(_) => error,
                    }
                }
            }

            /// A connector layer under which nothing connects.
            #[derive(Debug, Clone, Copy)]
            struct NoNetwork;

            /// A connector layer under which every connection fails like this one did.
            #[derive(Debug, Clone)]
            struct Failing(Fault);

            /// The service of both layers.
            #[derive(Debug, Clone)]
            struct Refusing<S> {
                fault: Option<Fault>,
                inner: std::marker::PhantomData<fn() -> S>,
            }

            impl<S> tower_layer::Layer<S> for NoNetwork {
                type Service = Refusing<S>;

                fn layer(&self, _: S) -> Refusing<S> {
                    Refusing { fault: None, inner: std::marker::PhantomData }
                }
            }

            impl<S> tower_layer::Layer<S> for Failing {
                type Service = Refusing<S>;

                fn layer(&self, _: S) -> Refusing<S> {
                    Refusing { fault: Some(self.0.clone()), inner: std::marker::PhantomData }
                }
            }

            impl<S, R> tower_service::Service<R> for Refusing<S>
            where
                S: tower_service::Service<R>,
            {
                type Response = S::Response;
                type Error = crate::client::BoxError;
                type Future = Pin<Box<dyn Future<Output = Result<S::Response, Self::Error>> + Send>>;

                fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
                    Poll::Ready(Ok(()))
                }

                fn call(&mut self, _: R) -> Self::Future {
                    let fault = self.fault.clone();
                    Box::pin(async move {
                        match fault {
                            // The request's own time limit is what must run out.
                            Some(fault) if fault.kind == FaultKind::Timeout => std::future::pending().await,
                            Some(fault) => Err(ReplayedFault::new(fault).into()),
                            None => Err(super::OFFLINE.into()),
                        }
                    })
                }
            }
        }
    };
}

const OFFLINE: &str = "this client replays tapes and has no network; the request went round the recorder";

/// Failures that a reqwest client without a network can be made to have. A reset or a truncated answer needs a connection.
fn reqwest_can_say(kind: FaultKind) -> bool {
    use FaultKind as K;
    matches!(kind, K::Dns | K::Refused | K::Connect | K::ConnectTimeout | K::Tls | K::Timeout)
}

#[cfg(feature = "reqwest-0_12")]
seam!(v0_12, reqwest_0_12, reqwest_middleware_0_4, reqwest_0_12, reqwest_0_12_builder, "0.12");
#[cfg(feature = "reqwest-0_13")]
seam!(v0_13, reqwest_0_13, reqwest_middleware_0_5, reqwest, reqwest_builder, "0.13");

#[cfg(feature = "reqwest-0_12")]
pub use v0_12::TapesMiddleware as TapesMiddleware012;
#[cfg(feature = "reqwest-0_13")]
pub use v0_13::TapesMiddleware;
