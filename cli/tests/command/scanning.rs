//! scan: secrets on disk and in history.

use std::process::Command;

use crate::support::{Place, answered, posted, request, shop};

/// Obviously fake, of the shape that GitHub gives its tokens.
const TOKEN: &str = "ghp_FAKEfakeFAKEfakeFAKEfakeFAKEfake1234";

fn careless() -> Place {
    let place = Place::new();
    let mut get = request("GET", "https://a.test/");
    get.headers.push("authorization", "Bearer fake-but-there");
    place.careless_tapes(
        "t",
        vec![
            (get, answered(200, "application/json", &format!(r#"{{"a":[{{"b":"{TOKEN}"}}]}}"#))),
            (posted("https://a.test/login", r#"{"password":"fake-password"}"#), answered(200, "text/plain", "ok")),
        ],
    );
    place
}

#[test]
fn scan_finds_what_is_left_and_never_prints_it() {
    assert_eq!(shop().run(["scan"]).with_code(0), "3 tapes scanned, 0 secrets found\n");

    let place = careless();
    let out = place.run(["scan"]).with_code(1);
    for hidden in [TOKEN, "fake-but-there", "fake-password"] {
        assert!(!out.contains(hidden), "{out}");
    }
    let found = place.run(["scan", "--json"]).json(1);
    let places: Vec<_> = found["findings"].as_array().unwrap().iter().map(|f| f["place"].as_str().unwrap()).collect();
    assert_eq!(places, ["request header authorization", "takes[0].body $.a[0].b", "request.body $.password"]);
}

#[test]
fn the_world_beside_the_tapes_is_scanned_verified_and_removed_with_them() {
    let place = shop();
    let world = place.write("tapes/orders/world.yaml", &format!("world: 1\nvars:\n  token: {TOKEN}\n"));
    let out = place.run(["scan"]).with_code(1);
    assert!(out.contains("world.vars.token holds what looks like a github token") && !out.contains(TOKEN), "{out}");
    place.run(["verify"]).with_code(0);
    std::fs::write(&world, "world: 1\nclock: 1\n").unwrap();
    let out = place.run(["verify"]).with_code(1);
    assert!(out.contains("world.yaml:2:1: `clock` is not a field"), "{out}");
    traffic_recorder::tools::remove_tapes(world.parent().unwrap(), false).unwrap();
    assert!(!world.exists());
}

#[test]
fn a_line_under_allow_lets_a_find_pass() {
    let place = Place::new();
    place.careless_tapes("t", vec![(request("GET", "https://a.test/"), answered(200, "text/plain", TOKEN))]);
    assert_eq!(place.run(["scan"]).code, 1);
    place.write("tapes/recorder.yaml", "allow: [pattern github-token]\n");
    assert_eq!(place.run(["scan"]).code, 0);
}

#[test]
fn scan_looks_through_the_history_if_asked() {
    let place = careless();
    let git = |args: &[&str]| {
        let mut git = Command::new("git");
        git.current_dir(place.path()).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
        git.args(["-c", "user.name=Fake", "-c", "user.email=fake@example.com"]).args(args);
        let output = git.output().expect("git");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&["commit", "-qm", "careless"]);
    let commit = git(&["rev-parse", "--short", "HEAD"]);
    std::fs::remove_dir_all(place.path().join("tapes/t")).unwrap();
    place.tapes("clean", vec![(request("GET", "https://a.test/"), answered(200, "text/plain", "ok"))]);
    git(&["add", "."]);
    git(&["commit", "-qm", "clean"]);

    assert_eq!(place.run(["scan"]).code, 0);
    let out = place.run(["scan", "--history"]).with_code(1);
    assert!(out.contains(&format!("in commit {commit}")) && out.contains("3 secrets found"), "{out}");
    assert!(!out.contains(TOKEN), "{out}");
}

#[test]
fn history_without_a_repository_is_an_error() {
    let place = shop();
    let output = place.command().args(["scan", "--history"]).env("GIT_CEILING_DIRECTORIES", "/").output().unwrap();
    let ran = place.ran(&output);
    assert!(ran.code == 2 && ran.err.contains("git cannot tell the history of tapes"), "{}", ran.err);
}
