//! An event from a client to a partner, and its way told.

use serde_json::Value;

use crate::support::{Folder, Sink, eventually, request, text};

fn one_hook(sink: &Sink) -> String {
    format!(
        "sources: {{shop: {{write_keys: [fake-key], destinations: [hook]}}}}\ndestinations: {{hook: {}}}\n",
        sink.hook()
    )
}

#[test]
fn an_event_arrives_and_its_way_is_told() {
    let sink = Sink::start();
    let folder = Folder::new(&one_hook(&sink));
    let router = folder.start();

    assert_eq!(router.track("fake-key", "first"), 200);

    eventually("the event to arrive", || (sink.ids() == ["first"]).then_some(()));
    assert_eq!(sink.got()[0].path, "/events");
    let told = eventually("its delivery to be noted", || {
        let told = router.json("/v1/explain/first");
        (told["events"][0]["destinations"][0]["state"] == "delivered").then_some(told)
    });
    let way = &told["events"][0]["destinations"][0];
    assert_eq!(told["events"][0]["source"], "shop");
    assert_eq!(told["events"][0]["event"]["event"], "Paid");
    assert_eq!((&way["destination"], &way["type"], &way["routed"]), (&"hook".into(), &"webhook".into(), &true.into()));
    assert_eq!(way["plans"][0]["requests"][0]["method"], "POST");
    assert_eq!(way["plans"][0]["requests"][0]["body"]["messageId"], "first");
    assert_eq!(way["history"][0]["status"], 200);

    let printed = folder.ok(&["explain", "first"]);
    assert!(printed.contains("hook (webhook): delivered"), "{printed}");
    let json: Value = serde_json::from_str(&folder.ok(&["explain", "first", "--json"])).unwrap();
    assert_eq!(json["events"][0]["seq"], told["events"][0]["seq"]);
}

#[test]
fn the_way_of_an_event_is_told_from_the_folder_where_no_router_runs() {
    let sink = Sink::start();
    let folder = Folder::new(&one_hook(&sink));
    let mut router = folder.start();
    router.track("fake-key", "first");
    eventually("its delivery to be noted", || {
        (router.json("/v1/explain/first")["events"][0]["destinations"][0]["state"] == "delivered").then_some(())
    });
    router.signal("TERM");
    assert_eq!(router.wait(), Some(0));

    let printed = folder.ok(&["explain", "first"]);
    assert!(printed.contains("hook (webhook): delivered"), "{printed}");
    assert!(printed.contains("answer 200"), "{printed}");

    let unknown = folder.command(&["explain", "never-sent"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(text(&unknown.stderr).starts_with("error: no event with messageId \"never-sent\""));
}

#[test]
fn secrets_are_not_told() {
    let sink = Sink::start();
    let folder = Folder::new(&format!(
        "sources: {{shop: {{write_keys: [fake-key], destinations: [hook]}}}}\ndestinations: {{hook: {}}}\n",
        sink.hook_with("/events?k=fake-shared-secret", ", settings: {sharedSecret: fake-shared-secret}")
    ));
    let router = folder.start();
    router.track("fake-key", "first");
    eventually("the event to arrive", || (sink.ids() == ["first"]).then_some(()));

    let told = router.json("/v1/explain/first").to_string() + &router.json("/v1/status").to_string() + &router.said();
    assert!(!told.contains("fake-shared-secret") && !told.contains("fake-key"), "{told}");
}

#[test]
fn an_event_that_is_not_meant_for_a_destination_is_skipped_there() {
    let sink = Sink::start();
    let folder = Folder::new(&format!(
        "sources: {{shop: {{write_keys: [fake-key], destinations: all}}}}
destinations:
  hook: {}
  carts: {}
",
        sink.hook(),
        sink.hook_with("/carts", ", filter: 'event = \"Cart\"'")
    ));
    let router = folder.start();
    router.track("fake-key", "first");

    let way = eventually("both to be noted", || {
        let told = router.json("/v1/explain/first");
        let ways = told["events"][0]["destinations"].as_array().unwrap().clone();
        let state = |i: usize| ways[i]["state"].as_str().unwrap().to_owned();
        (state(0) == "delivered" && state(1) == "skipped").then(|| ways[1].clone())
    });
    assert_eq!(way["routed"], false);
    assert!(sink.got().iter().all(|got| got.path == "/events"));
}

#[test]
fn a_wrong_write_key_is_told_and_nothing_is_kept() {
    let sink = Sink::start();
    let folder = Folder::new(&one_hook(&sink));
    let router = folder.start();

    assert_eq!(router.track("wrong-key", "first"), 401);

    assert_eq!(router.admin("GET", "/v1/explain/first", "").0, 404);
}

#[test]
fn what_was_accepted_before_a_kill_is_delivered_after_the_restart() {
    let sink = Sink::start();
    sink.answer(503);
    let folder = Folder::new(&one_hook(&sink));
    let mut router = folder.start();
    let ids: Vec<String> = (0..200).map(|i| format!("id-{i:03}")).collect();
    for id in &ids {
        assert_eq!(router.track("fake-key", id), 200);
    }
    router.child.kill().unwrap();
    router.wait();

    sink.answer(200);
    let _router = folder.start();

    let got = eventually("all events to arrive", || {
        let mut got = sink.ids();
        got.dedup();
        (got.len() >= ids.len()).then_some(got)
    });
    assert_eq!(got, ids);
}

#[test]
fn what_was_answered_200_survives_a_kill_in_the_middle_of_it() {
    let sink = Sink::start();
    let folder = Folder::new(&one_hook(&sink));
    let mut router = folder.start();
    let listen = router.listen;
    let sender = std::thread::spawn(move || {
        let mut answered = Vec::new();
        for i in 0.. {
            let id = format!("id-{i:05}");
            let body = format!(r#"{{"writeKey":"fake-key","userId":"u1","event":"Paid","messageId":"{id}"}}"#);
            match request(listen, "POST", "/v1/track", &[], &body) {
                Some((200, _)) => answered.push(id),
                _ => break,
            }
        }
        answered
    });
    eventually("events to flow", || (sink.got().len() > 50).then_some(()));
    router.child.kill().unwrap();
    router.wait();
    let answered = sender.join().unwrap();

    let _router = folder.start();

    eventually("all that was answered to arrive", || {
        let got = sink.ids();
        answered.iter().all(|id| got.binary_search(id).is_ok()).then_some(())
    });
}

#[test]
fn two_routers_on_one_folder_are_one_too_many() {
    let sink = Sink::start();
    let folder = Folder::new(&one_hook(&sink));
    let router = folder.start();

    let second = folder.command(&["run"]);

    assert_eq!(second.status.code(), Some(1));
    assert!(text(&second.stderr).contains("is in use by another router"), "{}", text(&second.stderr));
    assert_eq!(router.track("fake-key", "still-here"), 200);
}

#[test]
fn a_full_backlog_is_answered_429_and_ends_when_it_is_delivered() {
    let sink = Sink::start();
    sink.answer(503);
    let folder = Folder::new(&format!("{}limits: {{backlog: {{events: 5}}}}\n", one_hook(&sink)));
    let router = folder.start();

    let accepted = eventually("the backlog to be full", || {
        let status = router.track("fake-key", &format!("id-{}", std::process::id()));
        assert!(status == 200 || status == 429, "{status}");
        (0..1000).position(|i| router.track("fake-key", &format!("id-{i}")) == 429)
    });
    assert!(accepted < 1000);
    assert_eq!(
        eventually("readiness to follow", || Some(router.admin("GET", "/readyz", "").0).filter(|s| *s == 503)),
        503
    );

    sink.answer(200);
    router.admin("POST", "/v1/resume/hook", "");
    eventually("events to be accepted again", || (router.track("fake-key", "later") == 200).then_some(()));
}

#[test]
fn an_address_inside_our_own_network_holds_the_destination_unless_it_is_allowed() {
    let sink = Sink::start();
    let hook = sink.hook().replace("allow_internal: true", "allow_internal: false");
    let folder = Folder::new(&format!(
        "sources: {{shop: {{write_keys: [fake-key], destinations: [hook]}}}}\ndestinations: {{hook: {hook}}}\n"
    ));
    let router = folder.start();
    router.track("fake-key", "first");

    let told = eventually("the destination to be held", || {
        let status = router.json("/v1/status");
        (status["destinations"][0]["state"] == "paused").then(|| status["destinations"][0]["detail"].to_string())
    });
    assert!(told.contains("is an internal address"), "{told}");
    assert_eq!(sink.got().len(), 0);
}

#[test]
fn logs_are_json_where_that_is_asked_for() {
    let sink = Sink::start();
    let folder = Folder::new(&one_hook(&sink));
    let router = folder.start_with(&["--log-format", "json"]);
    for line in router.said().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert!(line["level"].is_string() && line["message"].is_string(), "{line}");
    }
}

#[test]
fn the_example_runs_as_it_is() {
    let sink = Sink::start();
    let folder = Folder::new("");
    let example = destination_router::control::config::EXAMPLE;
    let ports = example.replace("127.0.0.1:8080", "127.0.0.1:0").replace("127.0.0.1:8081", "127.0.0.1:0");
    folder.write("router.yaml", &ports.replace(":9000/events", &format!(":{}/events", sink.port)));

    let router = folder.start();
    assert_eq!(router.track("example-write-key", "first"), 200);

    eventually("the event to arrive", || (sink.ids() == ["first"]).then_some(()));
}
