//! The seam of the AWS SDK, under smithy's own client for HTTP.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_async::time::SystemTimeSource;
use aws_smithy_runtime_api::client::http::{
    HttpClient as _, HttpConnector as _, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_types::body::SdkBody;
use http_body_util::BodyExt as _;
use traffic_recorder::Tapes;
use traffic_recorder::client::BoxError;
use traffic_recorder::tape::{FaultKind, Layer};

use super::chunks::Reading;
use super::tower::head;
use super::{Adapter, Ask, AskBody, Chunks, Client, Failure, Opened, Options, http_request};

/// `tapes.aws(..)` over smithy's client.
#[derive(Debug)]
pub struct Aws;

/// The adapter.
pub static AWS: Aws = Aws;

struct AwsClient(SharedHttpConnector);

impl Adapter for Aws {
    fn name(&self) -> &'static str {
        "aws"
    }

    fn seam(&self) -> [&'static str; 3] {
        ["tapes.aws(..)", "the AWS SDK, by smithy's `HttpClient`", "aws"]
    }

    fn layer(&self) -> Layer {
        Layer::Wire
    }

    fn cannot(&self) -> &'static [(&'static str, &'static str)] {
        &[
            super::LOWER_CASE,
            super::OWN_LIMIT,
            super::NO_REDIRECTS,
            ("r20_absent_empty_and_null_bodies_are_three_things", "the SDK's body of no bytes is none"),
            (
                "r78_header_values_that_are_no_utf8_are_kept",
                "a header of the SDK is text: it refuses what is not UTF-8, live as well",
            ),
            ("r38_the_version_survives", "the SDK's answer does not tell the version"),
        ]
    }

    fn client(&self, tapes: &Tapes, options: &Options) -> Arc<dyn Client> {
        let live = aws_smithy_http_client::Builder::new().build_http();
        let components = RuntimeComponentsBuilder::for_tests()
            .with_time_source(Some(SystemTimeSource::new()))
            .with_sleep_impl(Some(TokioSleep::new()))
            .build()
            .expect("components");
        let limit = options.timeout.unwrap_or(Duration::from_secs(600));
        let settings = HttpConnectorSettings::builder().read_timeout(limit).build();
        Arc::new(AwsClient(tapes.aws(live).http_connector(&settings, &components)))
    }
}

#[async_trait]
impl Client for AwsClient {
    async fn open(&self, ask: Ask) -> Result<Opened, Failure> {
        let body = match &ask.body {
            AskBody::Absent | AskBody::Empty => SdkBody::empty(),
            AskBody::Bytes(bytes) => SdkBody::from(bytes.to_vec()),
            AskBody::Stream(_) => SdkBody::from_body_1_x(Chunks::of(&ask).map_err(std::io::Error::other)),
        };
        let request = HttpRequest::try_from(http_request(&ask, body)?).map_err(|error| Failure::unsendable(&error))?;
        let answer = self.0.call(request).await.map_err(|error| failure(&error))?;
        let answer = answer.try_into_http1x().map_err(|error| Failure::unsendable(&error))?;
        let (parts, body) = answer.into_parts();
        Ok(Opened::new(head(&parts), Reading::new(body, |error: BoxError| Failure::of(&*error))))
    }
}

/// What a program asks of the SDK's error.
fn failure(error: &ConnectorError) -> Failure {
    let mut failure = Failure::of(error);
    failure.is_timeout = error.is_timeout();
    // It has no word for a connection that was never made; the chain of its sources has.
    use FaultKind as K;
    let unconnected = [K::Dns, K::Refused, K::Connect, K::ConnectTimeout, K::Tls];
    failure.is_connect =
        (error.is_io() || error.is_timeout()) && failure.kind.is_some_and(|kind| unconnected.contains(&kind));
    failure
}
