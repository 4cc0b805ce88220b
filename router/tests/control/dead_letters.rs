//! What could not be delivered: listed, shown, sent again.

use serde_json::Value;

use crate::support::{Folder, Router, Sink, eventually, text};

/// A router with one dead letter.
fn refused(sink: &Sink) -> (Folder, Router) {
    sink.answer(400);
    let folder = Folder::new(&format!(
        "sources: {{shop: {{write_keys: [fake-key], destinations: [hook]}}}}\ndestinations: {{hook: {}}}\n",
        sink.hook()
    ));
    let router = folder.start();
    router.track("fake-key", "first");
    eventually("the event to be refused", || {
        let listed = router.json("/v1/dead-letters");
        (listed["letters"].as_array().unwrap().len() == 1).then_some(())
    });
    (folder, router)
}

#[test]
fn a_refused_event_is_listed_shown_and_sent_again() {
    let sink = Sink::start();
    let (folder, router) = refused(&sink);

    let listed = folder.ok(&["dead-letters", "list"]);
    assert!(listed.contains("shop → hook  track \"Paid\"  first"), "{listed}");
    assert!(listed.contains("400"), "{listed}");
    let shown = folder.ok(&["dead-letters", "show", "first"]);
    assert!(shown.contains("dead letter") && shown.contains("\"total\": 12.5"), "{shown}");

    sink.answer(200);
    assert_eq!(
        folder.ok(&["dead-letters", "redrive", "--destination", "hook"]),
        "1 dead letters are on their way again\n"
    );

    eventually("the event to arrive", || (sink.ids() == ["first"]).then_some(()));
    eventually("the list to be empty", || {
        router.json("/v1/dead-letters")["letters"].as_array().unwrap().is_empty().then_some(())
    });
    assert_eq!(folder.ok(&["dead-letters", "list"]), "no dead letters\n");
}

#[test]
fn dead_letters_are_listed_from_the_folder_where_no_router_runs() {
    let sink = Sink::start();
    let (folder, mut router) = refused(&sink);
    router.signal("TERM");
    router.wait();

    let listed: Value = serde_json::from_str(&folder.ok(&["dead-letters", "list", "--json"])).unwrap();

    assert_eq!(listed["letters"][0]["message_id"], "first");
    assert_eq!(listed["letters"][0]["destination"], "hook");
    let redrive = folder.command(&["dead-letters", "redrive"]);
    assert_eq!(redrive.status.code(), Some(2));
    assert!(text(&redrive.stderr).starts_with("error: no router runs here"), "{}", text(&redrive.stderr));
}

#[test]
fn many_are_listed_page_by_page() {
    let sink = Sink::start();
    let (_folder, router) = refused(&sink);
    for i in 0..4 {
        router.track("fake-key", &format!("more-{i}"));
    }
    eventually("all to be refused", || {
        (router.json("/v1/dead-letters")["letters"].as_array().unwrap().len() == 5).then_some(())
    });

    let mut ids = Vec::new();
    let mut after = String::new();
    loop {
        let page = router.json(&format!("/v1/dead-letters?limit=2{after}"));
        ids.extend(page["letters"].as_array().unwrap().iter().map(|l| l["message_id"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    assert_eq!(ids, ["first", "more-0", "more-1", "more-2", "more-3"]);
}

#[test]
fn names_that_are_none_are_told_with_the_nearest() {
    let sink = Sink::start();
    let (folder, _router) = refused(&sink);

    let wrong = folder.command(&["dead-letters", "list", "--destination", "hok"]);

    assert_eq!(wrong.status.code(), Some(1));
    assert_eq!(text(&wrong.stderr), "error: there is no destination `hok`; did you mean `hook`?\n");
}
