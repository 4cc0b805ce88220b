//! `tapes serve`: tapes as an HTTP/1.1 server on this machine, with latency and faults by rule.

mod answer;
mod shelf;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use traffic_recorder::Repeat;

use crate::output::say;
use crate::{Outcome, words};
use answer::Answer;
use shelf::Shelf;
use traffic_recorder::policy::{FaultRule, Faults};

/// Answers requests from tapes, as an HTTP/1.1 server on this machine
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  tapes serve tapes/orders/created\n  \
    tapes serve tapes/orders --port 8181 --rule 'delay 50ms..300ms' --rule '10% status 503 on api.example.com/v1/*' --seed 7\n  \
    curl http://127.0.0.1:8181/orders\n\n\
    A request that names the service (as to a proxy, `curl -x`) is asked as it is; else `--as` says which service this is, and without it \
    the tapes do where they are of one, or the Host header.\n\
    Rules: [N% | first N] delay TIME[..TIME] | status N | reset | timeout | cut BYTES, each with `on HOST/PATH` behind it where it is not for all. \
    All delays that apply are waited for; of the others the first counts. Requests are counted each by its method and URL: the same seed \
    gives the same faults, whatever the order.\n\
    A request that no tape answers gets 404 with what the recorder says of it.\n\
    JSON: a line {address, tapes}, then one for each request {method, url, status, rule}")]
pub(crate) struct Args {
    /// A folder of tapes
    #[arg(default_value = "tapes")]
    folder: PathBuf,
    /// The port on 127.0.0.1; 0 for any that is free
    #[arg(long, default_value_t = 8181)]
    port: u16,
    /// The service that this server stands for
    #[arg(long = "as", value_name = "URL")]
    service: Option<String>,
    /// A fault or a delay
    #[arg(long = "rule", value_name = "RULE")]
    rules: Vec<FaultRule>,
    /// Where the random numbers of the rules begin
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Waits as long as the recorded service did, times this
    #[arg(long, value_name = "FACTOR")]
    timing: Option<f64>,
    /// What comes after the last take: last, cycle or never
    #[arg(long, default_value = "last", value_parser = repeat)]
    repeat: Repeat,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

fn repeat(word: &str) -> Result<Repeat, String> {
    match word {
        "last" => Ok(Repeat::Last),
        "cycle" => Ok(Repeat::Cycle),
        "never" => Ok(Repeat::Never),
        _ => Err("it is `last`, `cycle` or `never`".to_owned()),
    }
}

/// What every connection needs.
struct Serving {
    shelf: Shelf,
    rules: Faults,
    json: bool,
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        let shelf = Shelf::open(&self.folder, self.service.as_deref(), self.repeat, self.timing)?;
        let tapes = shelf.tapes();
        let serving = Arc::new(Serving { shelf, rules: Faults::new(self.rules, self.seed), json: self.json });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
            let listener = TcpListener::bind(address)
                .await
                .with_context(|| format!("failed to listen on {address}; --port 0 takes any port that is free"))?;
            let address = listener.local_addr()?;
            if self.json {
                say!("{}", json!({"address": format!("http://{address}"), "tapes": tapes}));
            } else {
                say!("{} on http://{address}", words::count(tapes, "tape"));
            }
            // The connections are on this thread; one that fails is its own affair.
            let local = tokio::task::LocalSet::new();
            local
                .run_until(async {
                    loop {
                        if let Ok((stream, _)) = listener.accept().await {
                            tokio::task::spawn_local(connection(stream, Arc::clone(&serving)));
                        }
                    }
                })
                .await
        })
    }
}

async fn connection(stream: TcpStream, serving: Arc<Serving>) {
    let service = service_fn(|request: Request<Incoming>| {
        let serving = Arc::clone(&serving);
        async move { serving.answer(request).await }
    });
    let mut http1 = http1::Builder::new();
    // A tape has its own date, or none.
    http1.timer(TokioTimer::new()).auto_date_header(false);
    let _ = http1.serve_connection(TokioIo::new(stream), service).await;
}

impl Serving {
    /// An error closes the connection.
    async fn answer(&self, request: Request<Incoming>) -> Result<Answer, Closed> {
        let request = self.shelf.absolute(request);
        let (method, url) = (request.method().to_string(), request.uri().to_string());
        let planned = self.rules.plan(&format!("{method} {url}"), &url);
        if !planned.delay.is_zero() {
            tokio::time::sleep(planned.delay).await;
        }
        let answer = match planned.fault {
            None => self.shelf.ask(request).await,
            Some(fault) => answer::faulty(fault, || self.shelf.ask(request)).await,
        };
        let status = answer.as_ref().ok().map(|answer| answer.status().as_u16());
        self.log(&method, &url, status, planned.rule.as_deref());
        answer
    }

    fn log(&self, method: &str, url: &str, status: Option<u16>, rule: Option<&str>) {
        use std::io::Write as _;
        let mut out = std::io::stdout().lock();
        // Nobody may be reading any more; the server goes on.
        let _ = if self.json {
            writeln!(out, "{}", json!({"method": method, "url": url, "status": status, "rule": rule}))
        } else {
            let shown = status.map_or_else(|| "closed".to_owned(), |status| status.to_string());
            let rule = rule.map(|rule| format!(" ({rule})")).unwrap_or_default();
            writeln!(out, "{method} {} -> {shown}{rule}", words::printable(url))
        };
    }
}

/// The connection is closed: a recorded failure, or one by rule.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Closed(String);
