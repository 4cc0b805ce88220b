//! One exchange of an async client: asks the session, sends if it says so, and tells what came of it.

use std::future::{Future, poll_fn};

use http::Response;
use http_body::Body as HttpBody;

use super::collect::Collector;
use super::drain::Draining;
use super::sleep::Sleep;
use super::{BoxError, Payload, SentBody, Stop, TapedBody, Translate};
use crate::session::{AnswerHead, AnswerTap, Ask, Error, Head, Opening, Playback, Recording, Reply, Session, Step};
use crate::tape::{Body, Layer};

/// Sends one request through the session.
///
/// `send` gets the body to send in place of the client's own: `None` where the client keeps what it had
/// ([`Payload::Absent`], [`Payload::Ready`]). It is not called at all where a tape answers.
///
/// # Errors
/// The client's own error: from `send`, or made by `translate` of a refusal or a recorded failure.
pub async fn exchange<B, R, T, F, S>(
    session: &Session,
    layer: Layer,
    head: Head<'_>,
    payload: Payload<B>,
    translate: &T,
    send: S,
) -> Result<Response<TapedBody<R>>, T::Error>
where
    B: HttpBody + Unpin,
    B::Error: Into<BoxError>,
    R: HttpBody + Send + 'static,
    R::Error: Into<BoxError>,
    T: Translate,
    S: FnOnce(Option<SentBody<B>>) -> F,
    F: Future<Output = Result<Response<R>, T::Error>>,
{
    match session.start(&head, layer).map_err(|error| translate.error(Stop::Recorder(error)))? {
        Step::Pass => {
            let body = match payload {
                Payload::Absent | Payload::Ready(_) => None,
                Payload::Stream(inner) => Some(SentBody::untouched(inner)),
            };
            Ok(send(body).await?.map(TapedBody::untouched))
        }
        Step::Record(recording) => {
            let body = match payload {
                Payload::Absent => None,
                Payload::Ready(bytes) => {
                    recording.sent_whole(Body::Bytes(bytes));
                    None
                }
                Payload::Stream(inner) => Some(tapped(inner, &head, &recording)),
            };
            record(session, recording, translate, send(body)).await
        }
        Step::Ask(ask) => {
            let collector = Collector::new(payload, &head, &ask);
            answer(session, ask, collector, &head, translate, send).await
        }
    }
}

/// The rest of an exchange whose body decides about its answer.
pub(super) async fn answer<B, R, T, F, S>(
    session: &Session,
    ask: Ask<'_>,
    mut collector: Collector<B>,
    head: &Head<'_>,
    translate: &T,
    send: S,
) -> Result<Response<TapedBody<R>>, T::Error>
where
    B: HttpBody + Unpin,
    B::Error: Into<BoxError>,
    R: HttpBody + Send + 'static,
    R::Error: Into<BoxError>,
    T: Translate,
    S: FnOnce(Option<SentBody<B>>) -> F,
    F: Future<Output = Result<Response<R>, T::Error>>,
{
    let refuse = |error: Error| translate.error(Stop::Recorder(error));
    let read = poll_fn(|cx| collector.poll(cx)).await.and_then(|()| collector.finish());
    let (body, again) = read.map_err(|reason| refuse(ask.unreadable(head, &reason)))?;
    match ask.answer_spooled(head, body).map_err(refuse)? {
        Reply::Play(playback) => {
            let delay = playback.delay();
            if !delay.is_zero() {
                Sleep::new(delay).await;
            }
            open(playback, translate)
        }
        Reply::Record(recording) => record(session, recording, translate, send(again)).await,
    }
}

/// A replayed answer, or the recorded failure as the client's own error.
pub(super) fn open<R, T: Translate>(playback: Playback, translate: &T) -> Result<Response<TapedBody<R>>, T::Error> {
    let answered = playback.final_url().map(|url| FinalUrl(url.to_owned()));
    match playback.open() {
        Opening::Answer(mut response) => {
            if let Some(url) = answered {
                response.extensions_mut().insert(url);
            }
            Ok(response.map(TapedBody::replayed))
        }
        Opening::Fault(fault) => Err(translate.error(Stop::Fault(fault))),
    }
}

fn tapped<B: HttpBody>(inner: B, head: &Head<'_>, recording: &Recording) -> SentBody<B> {
    let tap = recording.request_tap();
    if !inner.is_end_stream() || head.announces_empty_body() {
        tap.sent(b"");
    }
    SentBody::tapped(inner, tap)
}

async fn record<R, T, F>(
    session: &Session,
    recording: Recording,
    translate: &T,
    sent: F,
) -> Result<Response<TapedBody<R>>, T::Error>
where
    R: HttpBody + Send + 'static,
    R::Error: Into<BoxError>,
    T: Translate,
    F: Future<Output = Result<Response<R>, T::Error>>,
{
    let response = match sent.await {
        Ok(response) => response,
        Err(error) => {
            recording.failed(translate.fault(&error));
            return Err(error);
        }
    };
    let (parts, body) = response.into_parts();
    let tap = recording.answered(&AnswerHead {
        status: parts.status,
        reason: reason(&parts),
        version: parts.version,
        headers: &parts.headers,
        url: parts.extensions.get::<FinalUrl>().map(|url| url.0.as_str()),
        bodiless: body.is_end_stream(),
    });
    let parts = with_upgrade(parts, &tap, session);
    let body = match session.drain_limit() {
        0 => TapedBody::live(body, tap),
        _ => TapedBody::draining(Draining::new(body, tap, session)),
    };
    Ok(Response::from_parts(parts, body))
}

/// Put into a response's extensions by a seam above redirects: the URL that answered, where it is not the one that was asked.
#[derive(Debug, Clone)]
pub struct FinalUrl(pub String);

/// An answer that is an upgrade brings the handle by which what follows it is recorded.
#[cfg(feature = "proxy")]
fn with_upgrade(mut parts: http::response::Parts, tap: &AnswerTap, session: &Session) -> http::response::Parts {
    if parts.status == http::StatusCode::SWITCHING_PROTOCOLS {
        parts.extensions.insert(tap.upgrade(session));
    }
    parts
}

#[cfg(not(feature = "proxy"))]
fn with_upgrade(parts: http::response::Parts, _: &AnswerTap, _: &Session) -> http::response::Parts {
    parts
}

#[cfg(feature = "hyper-util")]
fn reason(parts: &http::response::Parts) -> Option<&str> {
    let reason = parts.extensions.get::<hyper::ext::ReasonPhrase>()?;
    std::str::from_utf8(reason.as_bytes()).ok()
}

#[cfg(not(feature = "hyper-util"))]
fn reason(_: &http::response::Parts) -> Option<&str> {
    None
}
