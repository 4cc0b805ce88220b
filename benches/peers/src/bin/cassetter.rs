//! cassetter: a client around reqwest's; what was replayed is used up.

use bytes::Bytes;
use cassetter::{RecordMode, Recorder};
use recorder_peers::{Ask, Error, Job, Peer, Task, run};

struct Cassetter {
    client: cassetter::reqwest::Client,
    recorder: Recorder,
}

impl Peer for Cassetter {
    const USED_UP: bool = true;

    async fn open(job: &Job) -> Result<Self, Error> {
        std::fs::create_dir_all(&job.folder)?;
        let mode = if job.task == Task::Record { RecordMode::Rewrite } else { RecordMode::None };
        let recorder = Recorder::builder(job.folder.join("cassette.yaml")).record_mode(mode);
        let recorder = recorder.match_on(["method", "uri", "body"])?.build()?;
        Ok(Self { client: cassetter::reqwest::Client::new(reqwest::Client::new(), recorder.clone()), recorder })
    }

    async fn ask(&self, ask: &Ask) -> Result<(u16, Bytes), Error> {
        let mut request = self.client.inner().request(ask.method.parse()?, ask.url.as_str());
        for (name, value) in ask.headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = ask.fresh_body() {
            request = request.body(body);
        }
        let response = self.client.execute(request.build()?).await?;
        Ok((response.status().as_u16(), response.bytes().await?))
    }

    async fn close(self) -> Result<(), Error> {
        self.recorder.finish().await?;
        Ok(())
    }
}

fn main() -> Result<(), Error> {
    run::<Cassetter>()
}
