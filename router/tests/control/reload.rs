//! A configuration that changes while events flow.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::support::{Folder, Sink, eventually};

fn hooks(names: &[(&str, &Sink)]) -> String {
    let list: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
    let entries: String = names.iter().map(|(name, sink)| format!("  {name}: {}\n", sink.hook())).collect();
    format!(
        "sources: {{shop: {{write_keys: [fake-key], destinations: [{}]}}}}\ndestinations:\n{entries}",
        list.join(", ")
    )
}

#[test]
fn a_destination_is_added_while_events_flow_and_none_is_lost() {
    let (first, second) = (Sink::start(), Sink::start());
    let folder = Folder::new(&hooks(&[("a", &first)]));
    let router = Arc::new(folder.start());
    let (stop, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let sender = std::thread::spawn({
        let (router, stop, sent) = (router.clone(), stop.clone(), sent.clone());
        move || {
            while !stop.load(Ordering::SeqCst) {
                let i = sent.load(Ordering::SeqCst);
                assert_eq!(router.track("fake-key", &format!("id-{i:05}")), 200);
                sent.store(i + 1, Ordering::SeqCst);
            }
        }
    });
    eventually("events to flow", || (sent.load(Ordering::SeqCst) > 20).then_some(()));

    folder.configure(&hooks(&[("a", &first), ("b", &second)]));
    router.signal("HUP");

    eventually("events to reach the new destination", || (second.got().len() > 20).then_some(()));
    stop.store(true, Ordering::SeqCst);
    sender.join().unwrap();
    let ids: Vec<String> = (0..sent.load(Ordering::SeqCst)).map(|i| format!("id-{i:05}")).collect();
    eventually("all events to arrive", || {
        let mut got = first.ids();
        got.dedup();
        (got == ids).then_some(())
    });
}

#[test]
fn a_change_of_the_file_is_seen_without_a_signal() {
    let (first, second) = (Sink::start(), Sink::start());
    let folder = Folder::new(&hooks(&[("a", &first)]));
    let router = folder.start();

    folder.configure(&hooks(&[("a", &second)]));

    eventually("the change to be applied", || router.said().contains("configuration applied").then_some(()));
    router.track("fake-key", "first");
    eventually("the event to arrive at the new address", || (second.ids() == ["first"]).then_some(()));
    assert_eq!(first.got().len(), 0);
}

#[test]
fn a_wrong_file_is_told_and_the_one_before_stays() {
    let sink = Sink::start();
    let right = hooks(&[("a", &sink)]);
    let folder = Folder::new(&right);
    let router = folder.start();

    folder.configure(&right.replace("write_keys", "write_kyes"));
    router.signal("HUP");

    eventually("the mistake to be told", || (router.metric("router_config_wrong") == Some(1.0)).then_some(()));
    eventually("its place to be told", || {
        let said = router.said();
        (said.contains("router.yaml:3:18") && said.contains("did you mean \"write_keys\"?")).then_some(())
    });
    assert_eq!(router.track("fake-key", "first"), 200);
    eventually("the event to arrive", || (sink.ids() == ["first"]).then_some(()));

    folder.configure(&right);
    router.signal("HUP");
    eventually("all to be well again", || (router.metric("router_config_wrong") == Some(0.0)).then_some(()));
}

#[test]
fn what_cannot_change_while_running_is_said() {
    let sink = Sink::start();
    let folder = Folder::new(&hooks(&[("a", &sink)]));
    let router = folder.start();

    folder.configure(&format!("{}data: ./elsewhere\n", hooks(&[("a", &sink)])));
    router.signal("HUP");

    eventually("the change to be seen", || router.said().contains("`data` needs a restart").then_some(()));
    assert!(!folder.path().join("elsewhere").exists());
}

#[test]
fn a_source_that_is_taken_out_is_refused() {
    let sink = Sink::start();
    let folder = Folder::new(&format!(
        "sources:\n  shop: {{write_keys: [fake-key], destinations: [a]}}\n  till: {{write_keys: [other-key], destinations: [a]}}\ndestinations: {{a: {}}}\n",
        sink.hook()
    ));
    let router = folder.start();
    assert_eq!(router.track("other-key", "first"), 200);

    folder.configure(&hooks(&[("a", &sink)]));
    router.signal("HUP");

    eventually("the source to be refused", || (router.track("other-key", "second") == 401).then_some(()));
    assert_eq!(router.track("fake-key", "third"), 200);
}

#[test]
fn a_disabled_destination_gets_its_events_once_it_is_enabled() {
    let sink = Sink::start();
    let with = |enabled: bool| {
        format!(
            "sources: {{shop: {{write_keys: [fake-key], destinations: [a]}}}}\ndestinations: {{a: {}}}\n",
            sink.hook_with("/events", &format!(", enabled: {enabled}"))
        )
    };
    let folder = Folder::new(&with(true));
    let router = folder.start();
    router.track("fake-key", "first");
    eventually("the first event to arrive", || (sink.ids() == ["first"]).then_some(()));

    folder.configure(&with(false));
    eventually("the destination to be disabled", || {
        (router.json("/v1/status")["destinations"][0]["state"] == "disabled").then_some(())
    });
    router.track("fake-key", "second");
    assert_eq!(router.admin("POST", "/v1/resume/a", "").0, 409);
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert_eq!(sink.ids(), ["first"]);

    folder.configure(&with(true));
    eventually("the second event to arrive", || (sink.ids() == ["first", "second"]).then_some(()));
}

#[test]
fn a_definition_file_that_changes_is_applied() {
    let sink = Sink::start();
    let definition = |path: &str| {
        format!(
            "name: Acme\ndocs: https://acme.example/docs\nbase: https://acme.example\nactions:\n  send:\n    when: type = \"track\"\n    \
             request: POST {path}\n    json: $.\n"
        )
    };
    let folder = Folder::new(&format!(
        "destinations_from: [mine]\nsources: {{shop: {{write_keys: [fake-key], destinations: all}}}}\n\
         destinations: {{acme: {{type: acme, send_to: 'http://127.0.0.1:{}'}}}}\n",
        sink.port
    ));
    folder.write("mine/acme.yaml", &definition("/old"));
    let router = folder.start();
    router.track("fake-key", "first");
    eventually("the first event to arrive", || (sink.got().len() == 1).then_some(()));

    folder.write("mine/acme.yaml", &definition("/new").replace("json:", "jsn:"));
    eventually("the mistake to be told", || router.said().contains("mine/acme.yaml:8:").then_some(()));
    folder.write("mine/acme.yaml", &definition("/new"));
    eventually("the change to be applied", || router.said().contains("configuration applied").then_some(()));
    router.track("fake-key", "second");

    eventually("the second event to arrive", || (sink.got().len() == 2).then_some(()));
    let paths: Vec<String> = sink.got().into_iter().map(|got| got.path).collect();
    assert_eq!(paths, ["/old", "/new"]);
}

#[test]
fn a_mistake_in_a_folder_that_is_new_is_seen_mended() {
    let sink = Sink::start();
    let folder = Folder::new(&hooks(&[("a", &sink)]));
    let router = folder.start();

    folder.write("mine/acme.yaml", "name: Acme\nactoins: {}\n");
    folder.configure(&format!("destinations_from: [mine]\n{}", hooks(&[("a", &sink)])));
    eventually("the mistake to be told", || router.said().contains("mine/acme.yaml:2:").then_some(()));
    folder.write(
        "mine/acme.yaml",
        "name: Acme\ndocs: https://acme.example/docs\nbase: https://acme.example\nactions: {send: {when: type = \"track\", request: POST /a}}\n",
    );

    eventually("the change to be applied", || router.said().contains("configuration applied").then_some(()));
}
