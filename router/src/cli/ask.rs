//! Asking: a router that runs, through its admin API, or the folder of one that does not.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::net::TcpStream;

use super::{Failed, Where};
use crate::control::config::{self, Config};
use crate::control::running::Running;

pub(super) use crate::control::percent::encoded;

/// How long an answer may take: finding dead letters among millions reads the disk.
const PATIENCE: Duration = Duration::from_secs(60);

/// The configuration as far as it can be read, and the router that it belongs to.
#[derive(Debug)]
pub(super) struct Located {
    /// The configuration. Mistakes in it do not matter here: a router may run on an older one.
    pub(super) config: Config,
    /// The folder of the log.
    pub(super) data: PathBuf,
    admin: SocketAddr,
}

/// Reads where the router is.
pub(super) fn locate(place: &Where) -> Result<Located, Failed> {
    let config = config::glance(&place.config).map_err(Failed::could_not)?;
    let data = place.config.parent().unwrap_or(Path::new("")).join(&config.data);
    // The file of a router that was killed names an address where nobody listens: then there is none.
    let admin = Running::read(&data).map_or(config.admin.listen, |running| running.admin);
    Ok(Located { config, data, admin })
}

impl Located {
    /// Asks the router that runs; `None` where none does.
    pub(super) async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Option<Value>, Failed> {
        let Ok(stream) = TcpStream::connect(reachable(self.admin)).await else { return Ok(None) };
        match tokio::time::timeout(PATIENCE, self.talk(stream, method, path, body)).await {
            Ok(answer) => answer.map(Some),
            Err(_) => Err(Failed::could_not(format_args!(
                "the router at {} took the question and did not answer within {}",
                self.admin,
                humantime::format_duration(PATIENCE)
            ))),
        }
    }

    /// Asks the router, which must run.
    pub(super) async fn must(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Failed> {
        self.ask(method, path, body).await?.ok_or_else(|| {
            Failed::could_not(format_args!(
                "no router runs here (nobody listens on {}): start it with `router run`, or name its configuration with `--config`",
                self.admin
            ))
        })
    }

    async fn talk(&self, stream: TcpStream, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Failed> {
        let failed = |problem: &dyn std::fmt::Display| {
            Failed::could_not(format_args!("asking the router at {} failed: {problem}", self.admin))
        };
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, self.admin.to_string());
        if let Some(token) = &self.config.admin.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", token.expose()));
        }
        let body = body.map(ToString::to_string).unwrap_or_default();
        let request = request
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| failed(&error))?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| failed(&error))?;
        tokio::spawn(connection);
        let answer = sender.send_request(request).await.map_err(|error| failed(&error))?;
        let status = answer.status();
        let body = answer.into_body().collect().await.map_err(|error| failed(&error))?.to_bytes();
        let value: Value = serde_json::from_slice(&body)
            .map_err(|_| failed(&format_args!("it answered {status}, and not as a router does")))?;
        if status.is_success() {
            return Ok(value);
        }
        let error = value.get("error").and_then(Value::as_str).unwrap_or("no reason given");
        Err(if status.is_server_error() { Failed::could_not(error) } else { Failed::refused(error) })
    }
}

/// Where to reach a listener: one on all interfaces is reached on this machine's own.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

/// An answer as what it should be.
pub(super) fn read<T: DeserializeOwned>(answer: Value) -> Result<T, Failed> {
    serde_json::from_value(answer).map_err(|error| {
        Failed::could_not(format_args!(
            "the router answered in a form that this release does not know ({error}): is it of the same release?"
        ))
    })
}
