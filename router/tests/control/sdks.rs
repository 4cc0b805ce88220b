//! Segment's own libraries, unmodified, send to the router: the partners' stand-in gets each of their events, and each once.
//!
//! `SDK_PYTHON` names a Python that has `segment-analytics-python`, `SDK_NODE` a folder whose `node_modules` has
//! `@segment/analytics-node` (`.ci/run` installs both). What is missing is skipped and named; with `CI` set that is a failure.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use partners::StandIn;
use serde_json::Value;

use crate::support::{Folder, Router, eventually, request, text};

/// From each library.
const EVENTS: u64 = 10_000;

/// The stand-in, on a port, with a runtime of its own.
struct Partners {
    stand_in: StandIn,
    port: u16,
    _runtime: tokio::runtime::Runtime,
}

impl Partners {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let port = listener.local_addr().unwrap().port();
        let stand_in = StandIn::new().keeping(100_000).unlimited();
        let serving = stand_in.clone();
        runtime.spawn(async move { serving.serve(listener).await });
        Self { stand_in, port, _runtime: runtime }
    }

    /// A router whose Mixpanel is played here.
    fn router(&self) -> (Folder, Router) {
        let folder = Folder::new(&format!(
            "sources: {{shop: {{write_keys: [fake-key], destinations: [mixpanel]}}}}\n\
             destinations:\n  mixpanel:\n    type: mixpanel\n    send_to: http://127.0.0.1:{}\n    \
             settings: {{projectToken: fake-token, apiSecret: fake-secret}}\n    actions: [trackEvent]\n",
            self.port
        ));
        let router = folder.start();
        (folder, router)
    }

    /// The `messageId`s of what Mixpanel took, which it has as `$insert_id`.
    fn ids(&self) -> Vec<String> {
        let id = |event: &Value| event["properties"]["$insert_id"].as_str().map(str::to_owned);
        self.stand_in.received("mixpanel").iter().filter_map(|received| id(&received.event)).collect()
    }
}

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdks")
}

/// What a library needs, where the environment names it.
fn provided(variable: &str, what: &str) -> Option<PathBuf> {
    let found = std::env::var_os(variable).map(PathBuf::from);
    if found.is_none() {
        assert!(
            std::env::var_os("CI").is_none(),
            "{variable} must say where {what} is: with CI set nothing is skipped"
        );
        println!("skipped: {variable} does not say where {what} is");
    }
    found
}

fn every_event_arrives_once(program: &mut Command, prefix: &str) {
    let partners = Partners::start();
    let (_folder, router) = partners.router();
    let host = format!("http://127.0.0.1:{}", router.listen);

    let sent = program.args([&host, "fake-key", "0", &EVENTS.to_string()]).output().unwrap();
    assert!(sent.status.success(), "the library reports: {}", text(&sent.stderr));

    eventually("all events to be delivered", || {
        (router.metric("router_delivered_events_total{destination=\"mixpanel\"}")? >= EVENTS as f64).then_some(())
    });
    let ids = partners.ids();
    let expected: HashSet<String> = (0..EVENTS).map(|number| format!("{prefix}-{number}")).collect();
    assert_eq!(ids.len() as u64, EVENTS, "as many as were sent");
    assert_eq!(ids.into_iter().collect::<HashSet<_>>(), expected, "each of them");
    assert_eq!(partners.stand_in.count("mixpanel").duplicates, 0, "none twice");
}

#[test]
fn ten_thousand_events_of_segments_python_library_arrive_once_each() {
    let Some(python) = provided("SDK_PYTHON", "a Python with segment-analytics-python") else { return };
    every_event_arrives_once(Command::new(python).arg(scripts().join("with_python.py")), "py");
}

#[test]
fn ten_thousand_events_of_segments_node_library_arrive_once_each() {
    let Some(folder) = provided("SDK_NODE", "a folder with @segment/analytics-node in its node_modules") else {
        return;
    };
    every_event_arrives_once(Command::new("node").arg(scripts().join("with_node.mjs")).env("SDK_NODE", folder), "js");
}

#[test]
fn a_browser_of_another_origin_may_send() {
    let partners = Partners::start();
    let (_folder, router) = partners.router();
    let origin = ("origin", "https://shop.example");

    // What a browser asks before it sends JSON with credentials to somebody else's origin.
    let asks = [
        origin,
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "authorization,content-type"),
    ];
    let (status, _) = request(router.listen, "OPTIONS", "/v1/t", &asks, "").unwrap();
    assert!(matches!(status, 200 | 204), "{status}");

    // What Segment's browser library sends: the short path, the key in the body, text/plain.
    let body = r#"{"writeKey":"fake-key","event":"Order Completed","messageId":"browser-1","anonymousId":"a-1","properties":{"total":1}}"#;
    let (status, _) = request(router.listen, "POST", "/v1/t", &[origin], body).unwrap();
    assert_eq!(status, 200);
    eventually("the event to arrive", || (partners.ids() == ["browser-1"]).then_some(()));
}
