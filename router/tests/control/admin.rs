//! The admin API beside what other files show of it.

use crate::support::{Folder, Sink, eventually, request, text};

fn hook(sink: &Sink) -> Folder {
    Folder::new(&format!(
        "sources: {{shop: {{write_keys: [fake-key], destinations: [hook]}}}}\ndestinations: {{hook: {}}}\n",
        sink.hook()
    ))
}

#[test]
fn metrics_count_what_came_in_and_what_went_out() {
    let sink = Sink::start();
    let folder = hook(&sink);
    let router = folder.start();
    for i in 0..3 {
        router.track("fake-key", &format!("id-{i}"));
    }
    router.track("fake-key", "id-0");
    router.track("wrong", "id-9");

    eventually("three deliveries to be counted", || {
        let delivered = router.metric("router_delivered_events_total{destination=\"hook\"}");
        (delivered == Some(3.0)).then_some(())
    });
    assert_eq!(router.metric("router_ingest_accepted_events_total"), Some(3.0));
    assert_eq!(router.metric("router_ingest_duplicate_events_total"), Some(1.0));
    assert_eq!(router.metric("router_ingest_requests_total{status=\"401\"}"), Some(1.0));
    assert_eq!(router.metric("router_ready"), Some(1.0));
}

#[test]
fn a_destination_is_paused_and_resumed() {
    let sink = Sink::start();
    let folder = hook(&sink);
    let router = folder.start();

    folder.ok(&["pause", "hook"]);
    router.track("fake-key", "first");
    let status = folder.ok(&["status"]);
    assert!(status.contains("hook") && status.contains("paused"), "{status}");
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert_eq!(sink.got().len(), 0);

    folder.ok(&["resume", "hook"]);
    eventually("the event to arrive", || (sink.ids() == ["first"]).then_some(()));

    let wrong = folder.command(&["pause", "hok"]);
    assert_eq!(wrong.status.code(), Some(1));
    assert_eq!(text(&wrong.stderr), "error: there is no destination `hok`; did you mean `hook`?\n");
}

#[test]
fn a_token_is_asked_for_everywhere_but_for_health() {
    let sink = Sink::start();
    let folder = hook(&sink);
    folder.write(
        "router.yaml",
        "listen: 127.0.0.1:0\nadmin: {listen: 127.0.0.1:0, token: fake-token}\nsources: {shop: {write_keys: [k], destinations: []}}\n",
    );
    let router = folder.start();

    for path in ["/metrics", "/v1/status", "/v1/explain/x", "/v1/dead-letters"] {
        assert_eq!(router.admin("GET", path, "").0, 401, "{path}");
    }
    assert_eq!(router.admin("GET", "/healthz", "").0, 200);
    let shown = request(router.admin, "GET", "/v1/status", &[("authorization", "Bearer fake-token")], "").unwrap();
    assert_eq!(shown.0, 200);
    assert!(folder.ok(&["status"]).contains("shop"), "the command shows the token of the configuration");
}

#[test]
fn what_is_not_there_is_said() {
    let sink = Sink::start();
    let folder = hook(&sink);
    let router = folder.start();

    let (status, body) = router.admin("GET", "/v1/explain/unknown", "");
    assert_eq!((status, body.as_str()), (404, r#"{"error":"no event with messageId \"unknown\" is in the log"}"#));
    assert_eq!(router.admin("GET", "/nowhere", "").0, 404);
    assert_eq!(router.admin("GET", "/v1/dead-letters?limit=x", "").0, 400);
    assert_eq!(router.admin("POST", "/v1/redrive", r#"{"dest": "hook"}"#).0, 400);
}
