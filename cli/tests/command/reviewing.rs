//! review: what `RECORD=review` left beside the tapes.

use std::io::Write as _;
use std::process::Stdio;

use traffic_recorder::tape::{Layer, Request, Take};
use traffic_recorder::{Mode, Recorder};

use crate::support::{Place, Ran, answered, request, shop, tape};

/// Records again for a review: the list of orders has changed, the order is not asked any more, a new thing is.
fn recorded_for_review(place: &Place, more: Vec<(Request, Take)>) {
    let tapes = Recorder::at(place.path().join("tapes/orders")).mode(Mode::Review).open().unwrap();
    for (request, take) in more {
        tapes.session().import(request, take, Layer::Wire).unwrap();
    }
    tapes.finish().unwrap();
}

fn changed() -> Vec<(Request, Take)> {
    let orders = request("GET", "https://shop.test/orders?page=1");
    let json = "application/json";
    vec![
        (orders.clone(), answered(200, json, r#"{"orders":[],"next":2}"#)),
        (orders, answered(200, json, r#"{"orders":[{"id":1}],"next":null}"#)),
        (request("GET", "https://shop.test/large"), answered(200, "text/plain", &"x".repeat(70_000))),
    ]
}

fn reviewed(place: &Place, answers: &str) -> Ran {
    let mut command = place.command();
    let mut child =
        command.arg("review").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(answers.as_bytes()).unwrap();
    place.ran(&child.wait_with_output().unwrap())
}

#[test]
fn a_recording_for_review_leaves_the_tapes_as_they_are() {
    let place = shop();
    let before = place.run(["list", "--json"]).json(0);
    recorded_for_review(&place, changed());
    assert_eq!(place.run(["list", "--json"]).json(0), before);
    place.run(["verify"]).with_code(0);
    insta::assert_snapshot!(place.run(["review", "--list"]).with_code(1));
}

#[test]
fn review_takes_answers_one_by_one() {
    let place = shop();
    recorded_for_review(&place, changed());
    let ran = reviewed(&place, "a\nwhat\ns\nr\n");
    let out = ran.with_code(1);
    assert!(out.ends_with("1 accepted, 1 rejected, 1 waiting\n"), "{out}");
    // Sorted by file: the large one is new, the list has changed, the order is gone.
    assert!(tape(&place, "orders", "get-shop.test-large-").exists());
    assert!(tape(&place, "orders", "post-").exists());
    place.run(["verify"]).with_code(0);
    let out = reviewed(&place, "").with_code(1);
    assert!(out.contains("changed tapes/orders/get-shop.test-orders-") && out.ends_with("1 waiting\n"), "{out}");
    reviewed(&place, "a\n").with_code(0);
    let body = place.run(["show", "13e7d1", "--take", "1", "--body"]).with_code(0);
    assert_eq!(body, r#"{"orders":[],"next":2}"#);
    assert!(place.run(["review"]).with_code(0).contains("nothing waits"));
}

#[test]
fn accepting_all_makes_the_tapes_what_a_recording_would_have_made() {
    let (place, other) = (shop(), shop());
    recorded_for_review(&place, changed());
    let done = place.run(["review", "--accept-all", "--json"]).json(0);
    assert_eq!(done.as_array().map(Vec::len), Some(3));
    std::fs::remove_dir_all(other.path().join("tapes/orders")).unwrap();
    other.tapes("orders", changed());
    let there = other.path().join("tapes");
    place.run(["diff".as_ref(), "tapes".as_ref(), there.as_os_str(), "--all".as_ref()]).with_code(0);
    place.run(["verify"]).with_code(0);
}

#[test]
fn rejecting_all_leaves_no_litter() {
    let place = shop();
    let names = || {
        let entries = std::fs::read_dir(place.path().join("tapes/orders")).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = names();
    recorded_for_review(&place, changed());
    assert_eq!(names().len(), before.len() + 4);
    place.run(["review", "--reject-all"]).with_code(0);
    assert_eq!(names(), before);
}

#[test]
fn a_second_recording_takes_the_place_of_what_waited() {
    let place = shop();
    recorded_for_review(&place, changed());
    recorded_for_review(&place, changed().into_iter().take(2).collect());
    let waiting = place.run(["review", "--list", "--json"]).json(1);
    let kinds: Vec<_> = waiting.as_array().unwrap().iter().map(|w| w["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["changed", "removed"]);
    place.tapes("orders", changed());
    assert!(place.run(["review", "--list"]).with_code(0).contains("nothing waits"));
}

#[test]
fn an_unchanged_service_leaves_nothing_to_review() {
    let place = Place::new();
    let same = || vec![(request("GET", "https://a.test/"), answered(200, "text/plain", "ok"))];
    place.tapes("orders", same());
    recorded_for_review(&place, same());
    place.run(["review"]).with_code(0);
}
