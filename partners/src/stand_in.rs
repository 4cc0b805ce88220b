//! All partners behind one door: by the host that a request names, and failing as it was told.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::task::{Context, Poll};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::Response;
use http_body::Frame;
use http_body_util::BodyExt;
use tower::Service;

use crate::answer::{Answer, Body, BoxError};
use crate::ledger::{Count, Ledger, Received};
use crate::partner::{Desk, Partner};
use crate::request::Request;
use crate::scenario::Scenario;

/// How many events of a partner are kept to be read.
const KEPT: usize = 100_000;

/// Plays all partners. Clones share what was taken.
#[derive(Clone)]
pub struct StandIn(Arc<Inner>);

struct Inner {
    partners: Vec<(Box<dyn Partner>, Ledger)>,
    /// A time that stands still, in milliseconds since 1970; `i64::MIN` for that of the machine.
    now_ms: AtomicI64,
    limited: AtomicBool,
    counting: AtomicBool,
}

impl Default for StandIn {
    fn default() -> Self {
        Self::new()
    }
}

impl StandIn {
    /// Every partner there is.
    #[must_use]
    pub fn new() -> Self {
        Self::of(crate::all::all())
    }

    /// These partners.
    #[must_use]
    pub fn of(partners: Vec<Box<dyn Partner>>) -> Self {
        let partners: Vec<_> = partners.into_iter().map(|partner| (partner, Ledger::default())).collect();
        let inner = Inner {
            partners,
            now_ms: AtomicI64::new(i64::MIN),
            limited: AtomicBool::new(true),
            counting: AtomicBool::new(false),
        };
        Self(Arc::new(inner)).keeping(KEPT)
    }

    /// Keeps so many events of each partner to be read, the newest; none, and taking one costs a counter.
    #[must_use]
    pub fn keeping(self, events: usize) -> Self {
        self.0.partners.iter().for_each(|(_, ledger)| ledger.keep(events));
        self
    }

    /// Lets the time stand still, so that what partners say of old and future events does not depend on today.
    #[must_use]
    pub fn at(self, unix_ms: i64) -> Self {
        self.0.now_ms.store(unix_ms, Ordering::Relaxed);
        self
    }

    /// Without the partners' rate limits: for measuring the sender.
    #[must_use]
    pub fn unlimited(self) -> Self {
        self.0.limited.store(false, Ordering::Relaxed);
        self
    }

    /// Counts events and looks at nothing else, where a partner can be played so: nothing is checked, kept or known again. For measuring
    /// the sender.
    #[must_use]
    pub fn counting(self) -> Self {
        self.0.counting.store(true, Ordering::Relaxed);
        self
    }

    /// The names of the partners, and the hosts of each.
    pub fn partners(&self) -> impl Iterator<Item = (&'static str, &'static [&'static str])> {
        self.0.partners.iter().map(|(partner, _)| (partner.name(), partner.hosts()))
    }

    /// What a partner does from now on: the script, a scenario for each request, and then another for good.
    ///
    /// # Panics
    /// Where there is no such partner.
    pub fn play(&self, partner: &str, script: impl IntoIterator<Item = Scenario>, then: Scenario) {
        self.ledger(partner).play(script, then);
    }

    /// Lets a partner remember something from before: what it would keep among its [`Desk::records`] under this key.
    ///
    /// # Panics
    /// Where there is no such partner.
    pub fn remember(&self, partner: &str, key: impl Into<String>, record: serde_json::Value) {
        self.ledger(partner).records().insert(key.into(), record);
    }

    /// How much a partner has taken.
    ///
    /// # Panics
    /// Where there is no such partner.
    #[must_use]
    pub fn count(&self, partner: &str) -> Count {
        self.ledger(partner).count()
    }

    /// What a partner has taken, the oldest first.
    ///
    /// # Panics
    /// Where there is no such partner.
    #[must_use]
    pub fn received(&self, partner: &str) -> Vec<Received> {
        self.ledger(partner).received()
    }

    /// Forgets what was taken and every scenario.
    pub fn reset(&self) {
        self.0.partners.iter().for_each(|(_, ledger)| ledger.reset());
    }

    fn ledger(&self, partner: &str) -> &Ledger {
        self.find(partner).unwrap_or_else(|| panic!("nobody plays `{partner}`"))
    }

    pub(crate) fn find(&self, partner: &str) -> Option<&Ledger> {
        self.0.partners.iter().find(|(p, _)| p.name() == partner).map(|(_, ledger)| ledger)
    }

    /// The partner that a request is for: by host; on a host that is nobody's, by the first part of the path.
    fn partner_of(&self, request: &mut Request) -> Option<&(Box<dyn Partner>, Ledger)> {
        let by_host = |(partner, _): &&(Box<dyn Partner>, Ledger)| {
            partner.hosts().iter().any(|pattern| is_host(pattern, &request.host))
        };
        if let Some(found) = self.0.partners.iter().find(by_host) {
            return Some(found);
        }
        let (name, rest) = request.path.strip_prefix('/')?.split_once('/')?;
        let found = self.0.partners.iter().find(|(partner, _)| partner.name() == name)?;
        request.path = format!("/{rest}");
        Some(found)
    }

    async fn answer<B>(self, request: http::Request<B>) -> Result<Response<Body>, BoxError>
    where
        B: http_body::Body,
        B::Error: Into<BoxError>,
    {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.map_err(Into::into)?.to_bytes();
        let mut request = match Request::new(&parts, body) {
            Ok(request) => request,
            Err(error) => return Ok(Answer::text(400, error.to_string()).into_response()),
        };
        if request.path.starts_with("/_") {
            return Ok(crate::admin::answer(&self, &request).into_response());
        }
        let Some((partner, ledger)) = self.partner_of(&mut request) else {
            let text = format!("nobody here answers for {} (see /_count for who does)\n", request.host);
            return Ok(Answer::text(421, text).into_response());
        };
        ledger.asked();
        if self.0.counting.load(Ordering::Relaxed)
            && let Some((events, answer)) = partner.at_a_glance(&request)
        {
            ledger.tally(events);
            return Ok(answer.into_response());
        }
        let scenario = ledger.scenario();
        let now_ms = match self.0.now_ms.load(Ordering::Relaxed) {
            i64::MIN => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX)),
            fixed => fixed,
        };
        let limited = self.0.limited.load(Ordering::Relaxed);
        let normal = || partner.answer(&request, &Desk { ledger, scenario: &scenario, now_ms, limited });
        Ok(match &scenario {
            Scenario::Normal | Scenario::PartialFailure => normal().into_response(),
            Scenario::Status { status, retry_after: None } => partner.failure(*status).into_response(),
            Scenario::Status { status, retry_after: Some(seconds) } => {
                partner.failure(*status).retry_after(*seconds).into_response()
            }
            Scenario::Timeout => std::future::pending().await,
            Scenario::Reset => return Err(reset().into()),
            Scenario::Cut => match normal() {
                // There is no middle in nothing.
                answer if answer.body.is_empty() => return Err(reset().into()),
                answer => cut(answer),
            },
            Scenario::Garbage => Answer::of(200, "text/html", "<html>\u{0}<b>It works!".to_owned()).into_response(),
            Scenario::Redirect(to) => Answer::empty(302).header("location", to).into_response(),
            Scenario::Endless => endless(),
        })
    }
}

fn is_host(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix('*') {
        Some(end) => host.len() > end.len() && host.ends_with(end),
        None => host == pattern,
    }
}

fn reset() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionReset, "connection reset by peer")
}

/// The first half of an answer.
fn cut(answer: Answer) -> Response<Body> {
    let half = answer.body.slice(..answer.body.len() / 2);
    let parts = [Ok(half), Err(reset().into())];
    answer.into_response().map(|_| Parts(parts.into_iter()).boxed_unsync())
}

fn endless() -> Response<Body> {
    let chunk = Bytes::from(vec![b'a'; 64 << 10]);
    Response::new(Parts(std::iter::repeat_with(move || Ok(chunk.clone()))).boxed_unsync())
}

/// A body that comes in parts of which one may be an error.
struct Parts<I>(I);

impl<I: Iterator<Item = Result<Bytes, BoxError>> + Unpin> http_body::Body for Parts<I> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Poll::Ready(self.0.next().map(|part| part.map(Frame::data)))
    }
}

impl<B> Service<http::Request<B>> for StandIn
where
    B: http_body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        Box::pin(self.clone().answer(request))
    }
}

impl fmt::Debug for StandIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.partners().map(|(name, _)| name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use tower::ServiceExt;

    use super::*;

    /// Takes everything, and says how many bytes it had.
    struct Echo;

    impl Partner for Echo {
        fn name(&self) -> &'static str {
            "echo"
        }

        fn hosts(&self) -> &'static [&'static str] {
            &["echo.test", "*.echo.test"]
        }

        fn answer(&self, request: &Request, desk: &Desk<'_>) -> Answer {
            desk.take(None, &serde_json::Value::Null);
            Answer::text(200, format!("{} bytes at {}", request.body.len(), request.path))
        }
    }

    async fn ask(stand_in: &StandIn, uri: &str) -> Result<(u16, String), String> {
        let request = http::Request::post(uri).body(String::from("hello")).expect("a request");
        let response = stand_in.clone().oneshot(request).await.map_err(|error| error.to_string())?;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.map_err(|error| error.to_string())?.to_bytes();
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    }

    fn echo() -> StandIn {
        StandIn::of(vec![Box::new(Echo)])
    }

    #[tokio::test]
    async fn a_partner_is_found_by_host_and_by_the_first_part_of_the_path() {
        let stand_in = echo();
        for uri in ["http://echo.test:1/a", "https://eu.echo.test/a", "http://127.0.0.1:9000/echo/a"] {
            assert_eq!(ask(&stand_in, uri).await, Ok((200, "5 bytes at /a".to_owned())), "{uri}");
        }
        assert_eq!(ask(&stand_in, "http://other.test/a").await.expect("an answer").0, 421);
        assert_eq!(stand_in.count("echo"), Count { requests: 3, events: 3, duplicates: 0 });
    }

    #[tokio::test]
    async fn a_scenario_fails_in_its_own_way() {
        let stand_in = echo();
        let then = Scenario::Status { status: 503, retry_after: None };
        stand_in.play("echo", [Scenario::Normal, Scenario::Reset, Scenario::Cut, Scenario::Garbage], then);
        assert_eq!(ask(&stand_in, "http://echo.test/").await.expect("an answer").0, 200);
        for _ in [Scenario::Reset, Scenario::Cut] {
            let error = ask(&stand_in, "http://echo.test/").await.expect_err("broken");
            assert!(error.contains("reset"), "{error}");
        }
        assert!(ask(&stand_in, "http://echo.test/").await.expect("an answer").1.contains("It works"));
        for _ in 0..2 {
            assert_eq!(ask(&stand_in, "http://echo.test/").await.expect("an answer").0, 503);
        }
        stand_in.reset();
        assert_eq!(ask(&stand_in, "http://echo.test/").await.expect("an answer").0, 200);
        assert_eq!(stand_in.count("echo").requests, 1);
    }
}
