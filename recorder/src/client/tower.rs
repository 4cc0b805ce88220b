//! The seam for everything that is a `tower::Service` over `http` types: hyper-util's client, axum-style stacks, the inside of a
//! middleware chain.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use http::{Request, Response};
use http_body::Body as HttpBody;
use tower_layer::Layer as TowerLayer;
use tower_service::Service;

use super::collect::Collector;
use super::drive::{answer, exchange, open};
use super::{BoxError, Boxed, Payload, SentBody, Stop, TapedBody, Translate};
use crate::session::{Head, Reply, Session, Step, Tapes};
use crate::tape::Layer;

/// Makes [`TapesService`]s.
#[derive(Debug, Clone)]
pub struct TapesLayer {
    session: Session,
    layer: Layer,
}

/// Answers from tapes, or records what the inner service answers.
///
/// Errors are boxed: those of the inner service as they are, a miss as [`Error`](crate::Error), a recorded failure as
/// [`ReplayedFault`](super::ReplayedFault). Request bodies must be `Unpin`; `http_body_util::combinators::BoxBody` is.
#[derive(Debug, Clone)]
pub struct TapesService<S> {
    inner: S,
    session: Session,
    layer: Layer,
}

/// The answer, now or later.
pub struct TapedFuture<R> {
    /// An answer that is there at once must not cost an allocation.
    ready: Option<Answered<R>>,
    later: Option<Pin<Box<dyn Future<Output = Answered<R>> + Send>>>,
}

type Answered<R> = Result<Response<TapedBody<R>>, BoxError>;

impl Tapes {
    /// A layer that sits where the bytes are: below redirects and decompression.
    ///
    /// ```
    /// # use traffic_recorder::{Mode, Recorder};
    /// use tower::{Layer, ServiceExt, service_fn};
    ///
    /// # let folder = tempfile::tempdir().unwrap();
    /// let tapes = Recorder::at(folder.path().join("greets")).mode(Mode::Record).open()?;
    /// let network = service_fn(|_: http::Request<_>| async {
    ///     Ok::<_, std::convert::Infallible>(http::Response::new(String::from("hello")))
    /// });
    /// let client = tapes.layer().layer(network);
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let request = http::Request::get("https://api.example.com/greeting").body(String::new()).unwrap();
    /// let response = client.oneshot(request).await.unwrap();
    /// assert_eq!(response.status(), 200);
    /// # });
    /// tapes.finish()?;
    /// # Ok::<(), traffic_recorder::Error>(())
    /// ```
    #[must_use]
    pub fn layer(&self) -> TapesLayer {
        TapesLayer { session: self.session().clone(), layer: Layer::Wire }
    }
}

impl TapesLayer {
    /// For a place above redirects or decompression.
    #[must_use]
    pub fn logical(mut self) -> Self {
        self.layer = Layer::Logical;
        self
    }

    #[cfg(feature = "hyper-util")]
    pub(crate) fn of(session: Session) -> Self {
        Self { session, layer: Layer::Wire }
    }
}

impl<S> TowerLayer<S> for TapesLayer {
    type Service = TapesService<S>;

    fn layer(&self, inner: S) -> TapesService<S> {
        TapesService { inner, session: self.session.clone(), layer: self.layer }
    }
}

impl<S, B, R> Service<Request<B>> for TapesService<S>
where
    S: Service<Request<SentBody<B>>, Response = Response<R>> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
    B: HttpBody + Unpin + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
    R: HttpBody + Send + 'static,
    R::Error: Into<BoxError>,
{
    type Response = Response<TapedBody<R>>;
    type Error = BoxError;
    type Future = TapedFuture<R>;

    /// Always ready: whether the inner service is needed shows when the request is there.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> TapedFuture<R> {
        let (parts, body) = request.into_parts();
        if self.session.is_offline() {
            return self.replay(parts, body);
        }
        let (mut inner, session, layer) = (self.inner.clone(), self.session.clone(), self.layer);
        TapedFuture::later(async move {
            let again = parts.clone();
            let send = async move |sent: Option<SentBody<B>>| {
                let sent = sent.unwrap_or_else(|| SentBody::read(None, None));
                std::future::poll_fn(|cx| inner.poll_ready(cx)).await.map_err(Into::into)?;
                inner.call(Request::from_parts(again, sent)).await.map_err(Into::into)
            };
            exchange(&session, layer, Head::from_parts(&parts), Payload::Stream(body), &Boxed, |sent| {
                Box::pin(send(sent)) as Pin<Box<dyn Future<Output = _> + Send>>
            })
            .await
        })
    }
}

impl<S> TapesService<S> {
    /// Offline, an answer is nearly always there at once: then nothing is allocated for the way to it.
    fn replay<B, R>(&self, parts: http::request::Parts, body: B) -> TapedFuture<R>
    where
        B: HttpBody + Unpin + Send + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
        R: HttpBody + Send + 'static,
        R::Error: Into<BoxError>,
    {
        let refused = |error| TapedFuture::ready(Err(Boxed.error(Stop::Recorder(error))));
        let head = Head::from_parts(&parts);
        let ask = match self.session.start(&head, self.layer) {
            Ok(Step::Ask(ask)) => ask,
            Ok(_) => unreachable!("an offline session asks for every request"),
            Err(error) => return refused(error),
        };
        let mut collector = Collector::new(Payload::Stream(body), &head, &ask);
        match collector.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(reason)) => return refused(ask.unreadable(&head, &reason)),
            Poll::Pending => return TapedFuture::later(later(self.session.clone(), self.layer, collector, parts)),
        }
        let whole = match collector.finish() {
            Ok((whole, _)) => whole,
            Err(reason) => return refused(ask.unreadable(&head, &reason)),
        };
        match ask.answer_spooled(&head, whole) {
            Ok(Reply::Play(playback)) => {
                let delay = playback.delay();
                if delay.is_zero() {
                    return TapedFuture::ready(open(playback, &Boxed));
                }
                TapedFuture::later(async move {
                    super::sleep::Sleep::new(delay).await;
                    open(playback, &Boxed)
                })
            }
            Ok(Reply::Record(_)) => unreachable!("an offline session records nothing"),
            Err(error) => refused(error),
        }
    }
}

async fn later<B, R>(
    session: Session,
    layer: Layer,
    collector: Collector<B>,
    parts: http::request::Parts,
) -> Result<Response<TapedBody<R>>, BoxError>
where
    B: HttpBody + Unpin,
    B::Error: Into<BoxError>,
    R: HttpBody + Send + 'static,
    R::Error: Into<BoxError>,
{
    let never = |_: Option<SentBody<B>>| std::future::pending::<Result<Response<R>, BoxError>>();
    answer(&session, session.ask(layer), collector, &Head::from_parts(&parts), &Boxed, never).await
}

impl<R> TapedFuture<R> {
    fn ready(result: Answered<R>) -> Self {
        Self { ready: Some(result), later: None }
    }

    fn later(future: impl Future<Output = Answered<R>> + Send + 'static) -> Self {
        Self { ready: None, later: Some(Box::pin(future)) }
    }
}

impl<R> Unpin for TapedFuture<R> {}

impl<R> Future for TapedFuture<R> {
    type Output = Answered<R>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.later {
            Some(future) => future.as_mut().poll(cx),
            None => Poll::Ready(self.ready.take().expect("polled again after it was ready")),
        }
    }
}

impl<R> fmt::Debug for TapedFuture<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TapedFuture")
    }
}
