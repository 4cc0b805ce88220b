//! Tests of a program that asks a service for a greeting.

use std::convert::Infallible;
use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use http_body_util::{BodyExt, Full};
use tower::{Layer, ServiceExt, service_fn};
use traffic_recorder::{Tapes, recorder, tapes};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Everything here is ready at once.
fn wait<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return output;
        }
    }
}

/// Says `LIVE` where the service is really asked; it greets with what `GREETING` holds.
fn ask(tapes: &Tapes, path: &str) -> Result<String, BoxError> {
    let service = service_fn(|_: http::Request<_>| async {
        println!("LIVE");
        let greeting = std::env::var("GREETING").unwrap_or_else(|_| "hello".to_owned());
        Ok::<_, Infallible>(http::Response::new(Full::new(bytes::Bytes::from(greeting))))
    });
    let request = http::Request::get(format!("https://api.example.com{path}")).body(Full::<bytes::Bytes>::default())?;
    wait(async {
        let response = tapes.layer().layer(service).oneshot(request).await?;
        let body = response.into_body().collect().await?.to_bytes();
        Ok(String::from_utf8_lossy(&body).into_owned())
    })
}

fn greet(tapes: &Tapes) {
    match ask(tapes, "/greeting") {
        Ok(text) => println!("ANSWER {text}"),
        Err(error) => println!("ERROR {error}"),
    }
}

#[test]
fn r02_unset() {
    greet(&tapes!());
}

#[test]
fn r03_ci() {
    greet(&tapes!());
}

#[test]
fn r04_unknown() {
    greet(&tapes!());
}

#[test]
fn r05_one() {
    greet(&tapes!());
}

#[test]
fn r05_two() {
    greet(&tapes!());
}

#[test]
fn r71_old() {
    greet(&tapes!());
}

/// Fails after its request where the file that `FLAG` names is not there yet.
#[test]
fn r82_flaky() {
    let tapes = tapes!();
    greet(&tapes);
    if let Some(flag) = std::env::var_os("FLAG") {
        let second = Path::new(&flag).exists();
        std::fs::write(flag, "").expect("a flag");
        assert!(second, "the first attempt fails");
    }
    greet(&tapes);
}

mod r83 {
    #[test]
    fn name() {
        super::greet(&super::tapes!());
    }

    #[test]
    fn cases() {
        for case in ["EU", "US"] {
            super::greet(&super::tapes!(case = case));
        }
    }

    #[test]
    fn in_a_closure() {
        let closure = || super::greet(&super::tapes!());
        closure();
    }
}

#[test]
fn r84_any_folder() {
    greet(&tapes!());
}

#[test]
fn r62_unused() {
    let tapes = recorder!().unused(traffic_recorder::UnusedRule::Warn).start();
    if std::env::var_os("SHORT").is_none() {
        greet(&tapes);
    }
    let _ = ask(&tapes, "/always");
}

#[test]
fn r62_used() {
    greet(&tapes!());
}
