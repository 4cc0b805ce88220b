//! A destination that is easy to read.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use destination_router::client::{Answer, Failure};
use destination_router::delivery::Instance;
use destination_router::destination::target::{Token, TokenSource};
use destination_router::destination::{Blame, Call, Env, Judged, Limits, Planned, Target, Verdict};
use serde_json::{Value, json};

use crate::world::*;

/// A destination that sends the numbers of its events as a JSON list to `http://HOST/`.
pub(crate) struct Fake {
    pub(crate) name: String,
    pub(crate) host: String,
    pub(crate) limits: Vec<Limits>,
    pub(crate) oauth: Option<FakeTokens>,
    /// Ends loops that do not end.
    pub(crate) release: Arc<AtomicBool>,
}

impl Fake {
    pub(crate) fn new(name: &str) -> Self {
        let limits = Limits { timeout: 30 * SECOND, ..Limits::default() };
        Self { name: name.into(), host: name.into(), limits: vec![limits], oauth: None, release: Arc::default() }
    }

    pub(crate) fn batch(mut self, events: usize, linger: Duration) -> Self {
        self.limits.iter_mut().for_each(|limits| (limits.events, limits.linger) = (events, linger));
        self
    }

    pub(crate) fn limit(mut self, change: impl Fn(&mut Limits)) -> Self {
        self.limits.iter_mut().for_each(change);
        self
    }

    pub(crate) fn host(mut self, host: &str) -> Self {
        self.host = host.into();
        self
    }

    /// An instance that is not watched, for these sources.
    pub(crate) fn from(self, sources: &[&str]) -> Instance {
        let subscriptions = self.limits.len();
        let sources = sources.iter().map(|source| (*source).to_owned()).collect();
        Instance { watched: false, ..Instance::new(Arc::new(self), subscriptions, sources) }
    }
}

impl Target for Fake {
    fn name(&self) -> &str {
        &self.name
    }

    fn slug(&self) -> &str {
        "fake"
    }

    /// `to` names the subscriptions, as bits; without it, all want the event.
    fn route(&self, event: &Value) -> u64 {
        assert!(event.get("poison") != Some(&json!("route")), "cannot route {event}");
        self.spin(event, "route");
        event.get("to").and_then(Value::as_u64).unwrap_or(u64::MAX)
    }

    fn action(&self, _subscription: usize) -> &str {
        "send"
    }

    fn limits(&self, subscription: usize) -> &Limits {
        &self.limits[subscription]
    }

    fn plan(&self, subscription: usize, events: &[&Value], _env: &Env) -> Planned {
        let mut planned = Planned::default();
        let mut numbers = Vec::new();
        let mut places = Vec::new();
        for (place, event) in events.iter().enumerate() {
            assert!(event.get("poison") != Some(&json!("plan")), "cannot plan {event}");
            self.spin(event, "plan");
            if event.get("refuse").is_some() {
                planned.refused.push((place, "n is missing".into()));
            } else {
                numbers.push(event["n"].as_u64().unwrap());
                places.push(place);
            }
        }
        if !places.is_empty() {
            let request = http::Request::post(format!("http://{}/{subscription}", self.host));
            let request = request.body(Bytes::from(json!(numbers).to_string())).unwrap();
            planned.calls.push(Call { subscription, events: places, request, step: 0, memory: None });
        }
        planned
    }

    fn judge(&self, call: Call, outcome: Result<&Answer, &Failure>, _env: &Env) -> Judged {
        let answer = match outcome {
            Ok(answer) => answer,
            Err(failure) => {
                let reason = failure.to_string();
                return Judged::All(Verdict::Retry { blame: Blame::Host, after: None, reason });
            }
        };
        let after = answer
            .headers
            .get("retry-after")
            .map(|value| Duration::from_secs(value.to_str().unwrap().parse().unwrap()));
        let reason = answer.status.as_u16().to_string();
        let retry = |blame| Judged::All(Verdict::Retry { blame, after, reason: reason.clone() });
        match answer.status.as_u16() {
            207 => {
                let failed: Vec<usize> = serde_json::from_slice(&answer.body).unwrap();
                let verdict = || Verdict::Retry { blame: Blame::Event, after, reason: reason.clone() };
                Judged::Each(failed.into_iter().map(|place| (call.events[place], verdict())).collect())
            }
            206 => Judged::Next(Box::new(Call {
                request: http::Request::post(format!("http://{}/next", self.host))
                    .body(call.request.body().clone())
                    .unwrap(),
                step: call.step + 1,
                ..call
            })),
            200..=299 => Judged::All(Verdict::Delivered),
            401 => Judged::All(Verdict::Reauthenticate(reason)),
            403 => Judged::All(Verdict::Pause("the key was revoked".into())),
            413 => Judged::Split(reason),
            418 => panic!("a teapot"),
            429 => retry(Blame::Instance),
            500 => retry(Blame::Event),
            503 => retry(Blame::Host),
            _ => Judged::All(Verdict::Reject(reason)),
        }
    }

    fn oauth(&self) -> Option<&dyn TokenSource> {
        self.oauth.as_ref().map(|tokens| tokens as &dyn TokenSource)
    }
}

impl Fake {
    fn spin(&self, event: &Value, place: &str) {
        while event.get("loop") == Some(&json!(place)) && !self.release.load(Ordering::Relaxed) {
            std::thread::sleep(MS);
        }
    }
}

/// Gets tokens from `http://tokens/`: the body of a good answer is the token.
pub(crate) struct FakeTokens {
    pub(crate) key: String,
}

impl TokenSource for FakeTokens {
    fn key(&self) -> &str {
        &self.key
    }

    fn request(&self, refresh_token: Option<&str>) -> http::Request<Bytes> {
        http::Request::post(format!("http://tokens/{}", refresh_token.unwrap_or_default())).body(Bytes::new()).unwrap()
    }

    fn answer(&self, outcome: Result<&Answer, &Failure>) -> Result<Token, Verdict> {
        match outcome {
            Ok(answer) if answer.status == 200 => {
                let access_token = String::from_utf8(answer.body.to_vec()).unwrap();
                Ok(Token { access_token, refresh_token: Some("refresh".into()), expires_in: Some(HOUR) })
            }
            Ok(answer) if answer.status == 400 => Err(Verdict::Pause("the grant was revoked".into())),
            _ => Err(Verdict::Retry { blame: Blame::Instance, after: None, reason: "no token".into() }),
        }
    }

    fn authorize(&self, request: &mut http::Request<Bytes>, access_token: &str) {
        request.headers_mut().insert("authorization", access_token.parse().unwrap());
    }
}
