//! list, show, diff, explain, verify, stats, report: what only reads.

use crate::support::{Place, answered, posted, request, shop, tape};

#[test]
fn list_has_a_line_for_each_tape_and_filters() {
    let place = shop();
    insta::assert_snapshot!(place.run(["list"]).with_code(0), @r"
    tapes/down
      2aae7e78dbae 2026-01-01 GET    https://down.test/ -> fault refused
    tapes/orders
      13e7d1ee4fd5 2026-01-01 GET    https://shop.test/orders?page=1 -> 200, 200
      c5d284f1f039 2026-01-01 POST   https://shop.test/orders -> 201
    3 tapes
    ");
    let listed = place.run(["list", "--json", "--status", "2xx", "--method", "post"]).json(0);
    assert_eq!(listed.as_array().map(Vec::len), Some(1));
    assert_eq!(listed[0]["takes"][0]["status"], 201);
    assert_eq!(place.run(["list", "--status", "fault", "--json"]).json(0)[0]["takes"][0]["fault"], "refused");
}

#[test]
fn a_folder_without_tapes_is_an_error_that_says_how_to_go_on() {
    let place = Place::new();
    let ran = place.run(["list"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("no tapes in tapes") && ran.err.contains("RECORD=1"), "{}", ran.err);
    let ran = place.run(["list", "nowhere"]);
    assert!(ran.code == 2 && ran.err.contains("there is no nowhere"), "{}", ran.err);
}

#[test]
fn show_makes_bodies_readable_and_takes_a_key() {
    let place = shop();
    insta::assert_snapshot!(place.run(["show", "c5d284"]).with_code(0));
    let body = place.run(["show", "13e7d1", "--take", "2", "--body"]).with_code(0);
    assert_eq!(body, r#"{"orders":[{"id":1}],"next":null}"#);
    let ran = place.run(["show", "13e7d1", "--take", "3"]);
    assert!(ran.code == 2 && ran.err.contains("has 2 takes, there is no take 3"), "{}", ran.err);
    let shown = place.run(["show", "c5d284", "--json"]).json(0);
    assert_eq!(shown["request"]["body"]["text"], r#"{"id":1,"total":9.50}"#);
    let ran = place.run(["show", "ffff"]);
    assert!(ran.code == 2 && ran.err.contains("no tape has a key that begins with ffff"), "{}", ran.err);
}

#[test]
fn a_tape_cannot_steer_the_terminal() {
    let place = Place::new();
    let steering = answered(200, "text/plain", "red: \u{1b}[31m");
    let mut get = request("GET", "https://a.test/");
    get.headers.push("x-name", "a\u{1b}[2J");
    let file = place.tapes("t", vec![(get, steering)]).remove(0);
    let out = place.run(["show".as_ref(), file.as_os_str()]).with_code(0);
    assert!(!out.contains('\u{1b}') && out.contains("a\\u{1b}[2J"), "{out}");
}

#[test]
fn diff_says_what_changed_in_meaning() {
    let place = shop();
    place.tapes(
        "again",
        vec![(
            posted("https://shop.test/orders", r#"{"total":9.5,"id":1}"#),
            answered(200, "application/json", r#"{"id":1,"state":"paid","at":3}"#),
        )],
    );
    let (old, new) = (tape(&place, "orders", "post-"), tape(&place, "again", "post-"));
    insta::assert_snapshot!(place.run(["diff".as_ref(), old.as_os_str(), new.as_os_str()]).with_code(1));
    assert_eq!(
        place.run(["diff".as_ref(), old.as_os_str(), old.as_os_str()]).with_code(0),
        "nothing of meaning differs\n"
    );
}

#[test]
fn diff_compares_folders_tape_by_tape() {
    let (place, other) = (shop(), shop());
    std::fs::remove_file(tape(&other, "orders", "post-")).unwrap();
    let there = other.path().join("tapes");
    let out = place.run(["diff".as_ref(), "tapes".as_ref(), there.as_os_str()]).with_code(1);
    assert!(out.contains("only tapes/orders/post-shop.test-orders-"), "{out}");
    let json = place.run(["diff".as_ref(), "tapes".as_ref(), there.as_os_str(), "--json".as_ref()]).json(1);
    assert!(json[0]["b"].is_null());
}

#[test]
fn explain_takes_a_tape_or_the_arguments_of_curl() {
    let place = shop();
    place.write("tapes/recorder.yaml", "match: [ignore json $.total]\n");
    let curl = [
        "explain",
        "--in",
        "tapes",
        "--",
        "curl",
        "-sS",
        "https://shop.test/orders",
        "-H",
        "Content-Type: application/json",
        "-H",
        "accept:",
        "-H",
        "Authorization: Bearer fake-fake-fake",
        "-d",
        r#"{"total": 1, "id": 1}"#,
    ];
    let out = place.run(curl).with_code(0);
    insta::assert_snapshot!(out);
    let miss = place.run([
        "explain",
        "--in",
        "tapes",
        "--json",
        "--",
        "curl",
        "-H",
        "accept:",
        "https://shop.test/orders?page=2",
    ]);
    let miss = miss.json(1);
    assert_eq!(miss["nearest"]["differences"][0]["place"], "query page");
    assert_eq!(miss["nearest"]["differences"][0]["rule"], "ignore query page");
    let of_tape = place.run(["explain".as_ref(), tape(&place, "orders", "get-").as_os_str()]).with_code(0);
    assert!(of_tape.starts_with("key  13e7d1"), "{of_tape}");
    let ran = place.run(["explain"]);
    assert!(ran.code == 2 && ran.err.contains("curl's arguments"), "{}", ran.err);
}

#[test]
fn verify_finds_what_a_hand_changed() {
    let place = shop();
    assert_eq!(place.run(["verify"]).with_code(0), "3 tapes verified, 0 faults found\n");

    let post = tape(&place, "orders", "post-");
    let text = std::fs::read_to_string(&post).unwrap();
    std::fs::write(&post, text.replace("total: 9.50", "total: 9.51")).unwrap();
    let get = tape(&place, "orders", "get-");
    let text = std::fs::read_to_string(&get).unwrap();
    std::fs::write(&get, text.replace("status: 200", "status: '200'")).unwrap();
    let down = tape(&place, "down", "get-");
    std::fs::rename(&down, down.with_file_name("get-elsewhere-2aae7e78dbae.yaml")).unwrap();
    place.write("tapes/down/0123456789abcdef.json", "{}");

    let found = place.run(["verify", "--json"]).json(1);
    let codes: Vec<_> = found["findings"].as_array().unwrap().iter().map(|f| f["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["name", "unreadable", "key", "stray-body"]);
    let out = place.run(["verify"]).with_code(1);
    assert!(out.contains("`status` is") && out.contains("tapes rekey") && out.contains("4 faults found"), "{out}");
}

#[test]
fn verify_says_which_new_rule_gives_another_key() {
    let place = shop();
    place.write("tapes/recorder.yaml", "match: [ignore query page]\n");
    let out = place.run(["verify"]).with_code(1);
    assert!(out.contains("(`ignore query page`): run `tapes rekey`"), "{out}");
    place.write("tapes/recorder.yaml", "match: [ignore nothing]\n");
    let ran = place.run(["verify"]);
    assert!(ran.code == 2 && ran.err.contains("tapes/recorder.yaml:1:9"), "{}", ran.err);
}

#[test]
fn stats_count_takes_by_origin_and_name_the_slowest() {
    let place = shop();
    let stats = place.run(["stats", "--json"]).json(0);
    assert_eq!((stats["tapes"].as_u64(), stats["takes"].as_u64()), (Some(3), Some(4)));
    assert_eq!(stats["from"]["live"], 4);
    assert_eq!(stats["statuses"]["fault"], 1);
    let out = place.run(["stats", "--top", "1"]).with_code(0);
    assert!(out.contains("answers: 3 2xx, 1 fault") && out.contains("182 ms"), "{out}");
}

#[test]
fn report_without_a_run_says_what_to_do() {
    let ran = shop().run(["report"]);
    assert!(ran.code == 2 && ran.err.contains("run `cargo test` first"), "{}", ran.err);
}
