//! wiremock, httpmock and mockito: servers on loopback with one stub for each request, asked by reqwest.

use bytes::Bytes;
use recorder_peers::{Ask, Error, Job, Peer, Task, Workload, read_fixtures, run, write_fixtures};

/// A server, its base, and the client that asks it.
struct Asked<S> {
    _server: S,
    base: String,
    recorded: usize,
    client: reqwest::Client,
}

/// Fills a server with stubs.
trait Server: Sized + 'static {
    async fn start(stubs: Vec<(Ask, Bytes)>, workload: Workload) -> Result<(Self, String), Error>;
}

impl<S: Server> Peer for Asked<S> {
    async fn open(job: &Job) -> Result<Self, Error> {
        if job.task == Task::Record {
            write_fixtures(job)?;
        }
        let (server, base) = S::start(read_fixtures(job)?, job.workload).await?;
        Ok(Self { _server: server, base, recorded: job.base.len(), client: reqwest::Client::new() })
    }

    async fn ask(&self, ask: &Ask) -> Result<(u16, Bytes), Error> {
        // The server has an address of its own in each process.
        let url = format!("{}{}", self.base, &ask.url[self.recorded..]);
        let mut request = self.client.request(ask.method.parse()?, url);
        for (name, value) in ask.headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = ask.fresh_body() {
            request = request.body(body);
        }
        let response = request.send().await?;
        Ok((response.status().as_u16(), response.bytes().await?))
    }
}

/// The path of a request, without its query.
fn path(ask: &Ask) -> String {
    let url = ask.url.split('?').next().unwrap_or_default();
    url.splitn(4, '/').nth(3).map(|path| format!("/{path}")).unwrap_or_default()
}

/// A body as the text that it is.
fn text(body: &Bytes) -> Result<String, Error> {
    Ok(String::from_utf8(body.to_vec())?)
}

fn media(workload: Workload) -> &'static str {
    if workload == Workload::Blob { "application/octet-stream" } else { "application/json" }
}

impl Server for wiremock::MockServer {
    async fn start(stubs: Vec<(Ask, Bytes)>, workload: Workload) -> Result<(Self, String), Error> {
        use wiremock::{Mock, ResponseTemplate, matchers};
        let server = Self::start().await;
        for (ask, answer) in stubs {
            let mut mock = Mock::given(matchers::method(ask.method)).and(matchers::path(path(&ask)));
            if workload == Workload::Items {
                mock = mock.and(matchers::query_param("expand", "all"));
            }
            if let Some(body) = &ask.body {
                mock = mock.and(matchers::body_string(text(body)?));
            }
            let answer = ResponseTemplate::new(200).set_body_raw(answer.to_vec(), media(workload));
            mock.respond_with(answer).mount(&server).await;
        }
        let base = server.uri();
        Ok((server, base))
    }
}

impl Server for httpmock::MockServer {
    async fn start(stubs: Vec<(Ask, Bytes)>, workload: Workload) -> Result<(Self, String), Error> {
        let server = Self::start_async().await;
        for (ask, answer) in stubs {
            let body = ask.body.as_ref().map(text).transpose()?;
            server
                .mock_async(|when, then| {
                    let mut when = when.method(ask.method).path(path(&ask));
                    if workload == Workload::Items {
                        when = when.query_param("expand", "all");
                    }
                    if let Some(body) = body {
                        when.body(body);
                    }
                    then.status(200).header("content-type", media(workload)).body(&answer[..]);
                })
                .await;
        }
        let base = server.base_url();
        Ok((server, base))
    }
}

impl Server for (mockito::ServerGuard, Vec<mockito::Mock>) {
    async fn start(stubs: Vec<(Ask, Bytes)>, workload: Workload) -> Result<(Self, String), Error> {
        let mut server = mockito::Server::new_async().await;
        let mut mocks = Vec::new();
        for (ask, answer) in stubs {
            let query = ask.url.split_once('?').map(|(_, query)| format!("?{query}")).unwrap_or_default();
            let mut mock = server.mock(ask.method, format!("{}{query}", path(&ask)).as_str());
            if let Some(body) = &ask.body {
                mock = mock.match_body(text(body)?.as_str());
            }
            let mock = mock.with_status(200).with_header("content-type", media(workload)).with_body(answer);
            mocks.push(mock.create_async().await);
        }
        let base = server.url();
        Ok(((server, mocks), base))
    }
}

fn main() -> Result<(), Error> {
    match std::env::args().next_back().as_deref() {
        Some("wiremock") => run::<Asked<wiremock::MockServer>>(),
        Some("httpmock") => run::<Asked<httpmock::MockServer>>(),
        Some("mockito") => run::<Asked<(mockito::ServerGuard, Vec<mockito::Mock>)>>(),
        other => Err(format!("no such server: {other:?}").into()),
    }
}
