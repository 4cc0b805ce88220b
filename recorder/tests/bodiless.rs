//! An answer that has no body by its status, and whose connection breaks all the same.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::BodyExt;
use tower::{Layer, ServiceExt, service_fn};
use traffic_recorder::{Mode, Recorder, Tapes};

/// Neither ends nor has a byte: it breaks.
struct Broken;

impl http_body::Body for Broken {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Poll::Ready(Some(Err(std::io::ErrorKind::ConnectionReset.into())))
    }
}

/// Whether the body of the answer can be read to its end.
async fn ends_well(tapes: &Tapes) -> bool {
    let service = service_fn(|_: Request<_>| async {
        let mut answer = Response::new(Broken);
        *answer.status_mut() = StatusCode::NO_CONTENT;
        Ok::<_, Infallible>(answer)
    });
    let client = tapes.layer().layer(service);
    let answer = client
        .oneshot(Request::get("https://api.example.com/").body(String::new()).expect("a request"))
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 204);
    answer.into_body().collect().await.is_ok()
}

#[tokio::test]
async fn an_answer_without_a_body_breaks_off_again() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("bodiless");

    let tapes = Recorder::at(&folder).mode(Mode::Record).open().unwrap();
    assert!(!ends_well(&tapes).await, "live");
    tapes.finish().unwrap();

    let tapes = Recorder::at(&folder).mode(Mode::Replay).open().unwrap();
    assert!(!ends_well(&tapes).await, "replayed");
    tapes.finish().unwrap();
}
