//! rvcr (reqwest 0.11) and reqwest-vcr (reqwest 0.13): middlewares with one interface and one JSON file.

use bytes::Bytes;
use recorder_peers::{Ask, Error, Job, Peer, Task, run};

macro_rules! contender {
    ($name:ident, $vcr:ident, $reqwest:ident, $middleware:ident) => {
        struct $name($middleware::ClientWithMiddleware);

        impl Peer for $name {
            async fn open(job: &Job) -> Result<Self, Error> {
                use $vcr::{VCRMiddleware, VCRMode, VCRReplaySearch};
                std::fs::create_dir_all(&job.folder)?;
                let mode = if job.task == Task::Record { VCRMode::Record } else { VCRMode::Replay };
                // An answer may be asked for again: each is used in every run.
                let vcr = VCRMiddleware::try_from(job.folder.join("tape.vcr.json")).map_err(|e| format!("{e:?}"))?;
                let vcr = vcr.with_mode(mode).with_search(VCRReplaySearch::SearchAll);
                Ok(Self($middleware::ClientBuilder::new($reqwest::Client::new()).with(vcr).build()))
            }

            async fn ask(&self, ask: &Ask) -> Result<(u16, Bytes), Error> {
                let mut request = self.0.request(ask.method.parse()?, ask.url.as_str());
                for (name, value) in ask.headers {
                    request = request.header(*name, *value);
                }
                if let Some(body) = ask.fresh_body() {
                    request = request.body(body);
                }
                let response = request.send().await.map_err(|error| format!("{error:?}"))?;
                Ok((response.status().as_u16(), response.bytes().await?))
            }
        }
    };
}

contender!(Rvcr, rvcr, reqwest_0_11, reqwest_middleware_0_2);
contender!(ReqwestVcr, reqwest_vcr, reqwest, reqwest_middleware);

fn main() -> Result<(), Error> {
    if std::env::args().next_back().as_deref() == Some("rvcr") { run::<Rvcr>() } else { run::<ReqwestVcr>() }
}
