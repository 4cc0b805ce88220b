//! reqwest 0.12 and 0.13 behind the recorder's middleware: the same text with other names.

macro_rules! reqwest_adapter {
    ($module:ident, $static:ident, $reqwest:ident, $middleware:ident, $name:literal, $builder:ident, $client:literal, $feature:literal) => {
        mod $module {
            use std::sync::Arc;

            use async_trait::async_trait;
            use traffic_recorder::tape::Layer;
            use traffic_recorder::{Error as Refusal, Tapes};
            use $middleware::{ClientWithMiddleware, Error};
            use $reqwest::{Body, Method};

            use crate::adapters::chunks::Reading;
            use crate::adapters::tower::head_of;
            use crate::adapters::{Adapter, Answer, Ask, AskBody, Chunks, Client, Failure, Opened, Options, refusal};

            #[doc = concat!("The recorder's middleware in a client of ", $name, ".")]
            #[derive(Debug)]
            pub struct Reqwest;

            struct ReqwestClient(ClientWithMiddleware);

            impl Adapter for Reqwest {
                fn name(&self) -> &'static str {
                    $name
                }

                fn seam(&self) -> [&'static str; 3] {
                    [concat!("tapes.", stringify!($builder), "(..)"), $client, $feature]
                }

                fn layer(&self) -> Layer {
                    Layer::Logical
                }

                fn cannot(&self) -> &'static [(&'static str, &'static str)] {
                    super::CANNOT
                }

                fn client(&self, tapes: &Tapes, options: &Options) -> Arc<dyn Client> {
                    let mut client = $reqwest::Client::builder().no_proxy();
                    if let Some(limit) = options.timeout {
                        client = client.timeout(limit);
                    }
                    Arc::new(ReqwestClient(tapes.$builder(client).expect("a client")))
                }
            }

            #[async_trait]
            impl Client for ReqwestClient {
                async fn open(&self, ask: Ask) -> Result<Opened, Failure> {
                    let method = Method::from_bytes(ask.method.as_bytes()).map_err(|e| Failure::unsendable(&e))?;
                    let mut request = self.0.request(method, &ask.url);
                    for (name, value) in &ask.headers {
                        request = request.header(name, &value[..]);
                    }
                    request = match &ask.body {
                        AskBody::Absent => request,
                        AskBody::Empty => request.body(""),
                        AskBody::Bytes(bytes) => request.body(bytes.clone()),
                        AskBody::Stream(_) => request.body(Body::wrap(Chunks::of(&ask))),
                    };
                    let response = request.send().await.map_err(|error| failure(&error))?;
                    let head =
                        head_of(response.status(), response.version(), response.headers(), response.extensions());
                    let answer = Answer { url: Some(response.url().to_string()), ..head };
                    let body = Body::from(response);
                    let read = |error: $reqwest::Error| failure(&Error::Reqwest(error));
                    Ok(Opened::new(answer, Reading::new(body, read)))
                }
            }

            fn failure(error: &Error) -> Failure {
                let mut failure = Failure::of(error);
                // It hides the inner error from `source()`.
                if let Error::Middleware(inner) = error {
                    failure = Failure::of(inner.as_ref());
                    failure.refusal = failure.refusal.or_else(|| inner.downcast_ref::<Refusal>().cloned());
                }
                failure.refusal = failure.refusal.or_else(|| refusal(error));
                failure.is_connect = error.is_connect();
                failure.is_timeout = error.is_timeout();
                failure
            }
        }

        #[doc = concat!("The adapter for ", $name, ".")]
        pub static $static: $module::Reqwest = $module::Reqwest;
    };
}

const CANNOT: &[(&str, &str)] = &[
    crate::adapters::LOWER_CASE,
    crate::adapters::REDIRECTS_BELOW,
    crate::adapters::OWN_LIMIT,
    (
        "r10_a_redirect_to_a_host_off_the_list_is_not_followed",
        "reqwest follows redirects below its middleware: set `redirect::Policy::none()` where a host must not be reached",
    ),
];

reqwest_adapter!(
    v0_12,
    REQWEST_0_12,
    reqwest_0_12,
    reqwest_middleware_0_4,
    "reqwest_0_12",
    reqwest_0_12_builder,
    "reqwest 0.12, by reqwest-middleware",
    "reqwest-0_12"
);
reqwest_adapter!(
    v0_13,
    REQWEST_0_13,
    reqwest_0_13,
    reqwest_middleware_0_5,
    "reqwest_0_13",
    reqwest_builder,
    "reqwest 0.13, by reqwest-middleware",
    "reqwest-0_13"
);
