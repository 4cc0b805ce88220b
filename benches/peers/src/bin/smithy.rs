//! The AWS SDK's `StaticReplayClient`: a list of answers given out in order, whatever is asked.

use aws_smithy_http_client::test_util::{ReplayEvent, StaticReplayClient};
use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http_body_util::BodyExt;
use recorder_peers::{Ask, Error, Job, Peer, Task, read_fixtures, run, write_fixtures};

struct Smithy(StaticReplayClient);

impl Peer for Smithy {
    const USED_UP: bool = true;
    const IN_ORDER: bool = true;

    async fn open(job: &Job) -> Result<Self, Error> {
        if job.task == Task::Record {
            write_fixtures(job)?;
        }
        let event = |(ask, answer): (Ask, Bytes)| {
            Ok(ReplayEvent::new(request(&ask)?, http::Response::builder().status(200).body(SdkBody::from(answer))?))
        };
        let events = read_fixtures(job)?.into_iter().map(event).collect::<Result<Vec<_>, Error>>()?;
        Ok(Self(StaticReplayClient::new(events)))
    }

    async fn ask(&self, ask: &Ask) -> Result<(u16, Bytes), Error> {
        let response = self.0.call(request(ask)?.try_into()?).await?;
        Ok((response.status().as_u16(), response.into_body().collect().await?.to_bytes()))
    }
}

fn request(ask: &Ask) -> Result<http::Request<SdkBody>, Error> {
    let mut request = http::Request::builder().method(ask.method).uri(ask.url.as_str());
    for (name, value) in ask.headers {
        request = request.header(*name, *value);
    }
    Ok(request.body(ask.fresh_body().map_or_else(SdkBody::empty, SdkBody::from))?)
}

fn main() -> Result<(), Error> {
    run::<Smithy>()
}
