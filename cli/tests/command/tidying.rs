//! What changes tapes or removes them: rekey, prune.

use crate::support::{Place, answered, posted, request, shop, tape};

#[test]
fn r60_rekey_names_files_by_todays_rules_and_loses_no_take() {
    let place = Place::new();
    let large = "x".repeat(70_000);
    let get = |page: u8| request("GET", &format!("https://shop.test/orders?page={page}"));
    place.tapes(
        "t",
        vec![
            (get(1), answered(200, "text/plain", "one")),
            (get(2), answered(200, "text/plain", &large)),
            (posted("https://shop.test/orders", "{}"), answered(201, "text/plain", "new")),
        ],
    );
    assert!(place.run(["rekey"]).with_code(0).contains("3 tapes have the keys of today's rules"));
    place.write("tapes/recorder.yaml", "match: [ignore query page]\n");
    place.run(["verify"]).with_code(1);

    let dry = place.run(["rekey", "--json"]).json(1);
    assert_eq!(dry["changes"].as_array().map(Vec::len), Some(1));
    assert_eq!((dry["changes"][0]["takes"].as_u64(), dry["done"].as_bool()), (Some(2), Some(false)));
    assert_eq!(place.run(["list", "--json"]).json(0).as_array().map(Vec::len), Some(3));

    let refused = place.run(["rekey", "--yes"]);
    assert!(refused.code == 2 && refused.err.contains("become the same: nothing was written"), "{}", refused.err);
    assert_eq!(place.run(["list", "--json"]).json(0).as_array().map(Vec::len), Some(3));

    let out = place.run(["rekey", "--yes", "--join"]).with_code(0);
    assert!(out.contains("one request now, 2 takes"), "{out}");
    place.run(["verify"]).with_code(0);
    let one = tape(&place, "t", "get-");
    let mut show = place.command();
    show.arg("show").arg(&one).args(["--take", "2", "--body"]);
    assert_eq!(place.ran(&show.output().unwrap()).out, large);
}

#[test]
fn rekey_writes_anew_what_a_hand_changed_and_leaves_keys_of_code() {
    let place = shop();
    let post = tape(&place, "orders", "post-");
    let text = std::fs::read_to_string(&post).unwrap();
    std::fs::write(&post, text.replace("total: 9.50", "total: 1")).unwrap();
    let get = tape(&place, "orders", "get-");
    let text = std::fs::read_to_string(&get).unwrap();
    std::fs::write(&get, text.replace("request:\n", "rules: [custom by hand]\nrequest:\n")).unwrap();
    let out = place.run(["rekey", "--yes"]).with_code(0);
    assert!(out.contains("stays: its key depends on code (`custom by hand`)"), "{out}");
    assert!(!post.exists() && get.exists());
    assert_eq!(place.run(["verify", "tapes/orders", "--json"]).json(0)["findings"][0]["code"], "custom-rule");
}

#[test]
fn rekey_touches_nothing_where_one_tape_cannot_be_read() {
    let place = shop();
    place.write("tapes/recorder.yaml", "match: [ignore query page]\n");
    let down = tape(&place, "down", "get-");
    std::fs::write(&down, "tape: 99\n").unwrap();
    let ran = place.run(["rekey", "--yes"]);
    assert!(ran.code == 2 && ran.err.contains("update traffic-recorder"), "{}", ran.err);
    assert_eq!(place.run(["list", "tapes/orders", "--json"]).json(0).as_array().map(Vec::len), Some(2));
}

/// The ledger of a run in which one test of two still exists.
#[cfg(unix)]
fn ran(place: &Place) {
    use std::os::unix::fs::PermissionsExt as _;
    let exe = place.write("target/debug/deps/shop-0123", "#!/bin/sh\necho 'orders: test'\n");
    std::fs::set_permissions(&exe, std::fs::Permissions::from_mode(0o755)).expect("made executable");
    let root = place.path().join("tapes");
    let line = format!(
        "root={0}\tfolder={0}/shop/orders\ttest=shop::orders\tderived=true\texe={1}\t\n",
        root.display(),
        exe.display()
    );
    place.write("target/traffic-recorder/cargo-1/1", &line);
}

#[cfg(unix)]
#[test]
fn r62_prune_removes_tapes_of_tests_that_are_gone_when_told_to() {
    let place = Place::new();
    let some = || vec![(request("GET", "https://a.test/"), answered(200, "text/plain", "ok"))];
    place.tapes("shop/orders", some());
    place.tapes("shop/gone/deep", some());
    place.tapes("named", some());
    place.write("tapes/shop/gone/deep/0123456789abcdef.json", "{}");
    place.write("tapes/named/0123456789abcdef.json", "{}");
    ran(&place);

    let out = place.run(["prune"]).with_code(1);
    assert!(out.contains("tapes/shop/gone/deep: 1 tape, 1 body: its test is gone"), "{out}");
    assert!(out.contains("tapes/named/0123456789abcdef.json: no tape refers to it") && out.contains("--yes"), "{out}");
    assert!(place.path().join("tapes/shop/gone/deep").exists());

    place.run(["prune", "--yes"]).with_code(0);
    assert!(!place.path().join("tapes/shop/gone").exists());
    assert!(place.path().join("tapes/shop/orders").exists() && place.path().join("tapes/named").exists());
    assert_eq!(place.run(["prune"]).with_code(0), "nothing to remove\n");
    let ledger = place.path().join("target/traffic-recorder/cargo-1/1");
    let line = std::fs::read_to_string(&ledger).unwrap().replace("\t\n", "\tunused=get-a.test.yaml, take 2\t\n");
    std::fs::write(&ledger, line).unwrap();
    let out = place.run(["prune", "--yes"]).with_code(0);
    assert_eq!(out, "shop::orders: get-a.test.yaml, take 2: stays\nnothing to remove\n");
    assert!(place.run(["prune", "--idle"]).with_code(1).contains("tapes/named: 1 tape"));
}

#[cfg(unix)]
#[test]
fn r56_prune_leaves_a_folder_with_a_newer_releases_tape_alone() {
    let place = Place::new();
    let some = vec![(request("GET", "https://a.test/"), answered(200, "text/plain", "ok"))];
    place.tapes("shop/gone", some);
    place.write("tapes/shop/gone/get-b.test-0123456789ab.yaml", "tape: 99\n");
    ran(&place);
    let out = place.run(["prune", "--yes"]).with_code(1);
    assert!(out.contains("stays:") && out.contains("update traffic-recorder"), "{out}");
    assert!(place.path().join("tapes/shop/gone").exists());
}
