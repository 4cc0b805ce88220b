//! What the environment decides: modes by `RECORD`, continuous integration, test runners, where a crate lies, and the whole
//! run. Shown on a crate as a user has it (`throwaway/`).

use std::fs;
use std::path::Path;

use recorder_tests::throwaway::{Throwaway, said};
use traffic_recorder::session::RunReport;

fn crate_of_a_user() -> &'static Throwaway {
    Throwaway::built(env!("CARGO_TARGET_TMPDIR"))
}

fn tapes_in(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let files = entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_file());
    let named = files.map(|path| (path.file_name().expect("a name").to_string_lossy().into_owned(), path));
    let mut tapes: Vec<_> = named.map(|(name, path)| (name, fs::read(path).expect("a file"))).collect();
    tapes.sort();
    tapes
}

#[test]
fn r02_without_a_mode_nothing_is_recorded() {
    let user = crate_of_a_user();
    let folder = user.fresh("shop/r02_unset");
    for mode in [None, Some("")] {
        let mut command = user.shop("r02_unset");
        mode.map(|mode| command.env("RECORD", mode));
        let (passed, text) = said(&mut command);
        assert!(!passed && text.contains("ERROR no tape answers GET"), "{text}");
        assert!(!text.contains("LIVE"), "{text}");
        assert!(text.contains("RECORD=missing cargo test -p throwaway r02_unset"), "{text}");
        assert!(!folder.exists());
    }
    let (passed, text) = said(user.shop("r02_unset").env("RECORD", "1"));
    assert!(passed && text.contains("LIVE"), "{text}");
    let (passed, text) = said(&mut user.shop("r02_unset"));
    assert!(passed && text.contains("ANSWER hello") && !text.contains("LIVE"), "{text}");
}

#[test]
fn r03_in_ci_recording_is_refused_unless_it_is_forced() {
    let user = crate_of_a_user();
    let folder = user.fresh("shop/r03_ci");
    for mode in ["1", "all", "missing"] {
        let (passed, text) = said(user.shop("r03_ci").env("RECORD", mode).env("CI", "true"));
        assert!(!passed && !text.contains("LIVE") && text.contains("RECORD_IN_CI=1"), "{text}");
        assert!(!folder.exists());
    }
    let (passed, text) = said(user.shop("r03_ci").env("RECORD", "1").env("CI", "true").env("RECORD_IN_CI", "1"));
    assert!(passed && text.contains("LIVE"), "{text}");
    let (passed, text) = said(user.shop("r03_ci").env("CI", "true"));
    assert!(passed && !text.contains("LIVE"), "replaying is what CI is for: {text}");
}

#[test]
fn r04_an_unknown_mode_lists_the_valid_ones() {
    let user = crate_of_a_user();
    let (passed, text) = said(user.shop("r04_unknown").env("RECORD", "yes"));
    assert!(!passed && !text.contains("LIVE"), "{text}");
    for word in ["RECORD=yes", "unset", "1 or all", "missing", "check", "off"] {
        assert!(text.contains(word), "{word}: {text}");
    }
}

#[test]
fn r05_recording_one_test_leaves_the_tapes_of_the_others() {
    let user = crate_of_a_user();
    let (one, two) = (user.fresh("shop/r05_one"), user.fresh("shop/r05_two"));
    for test in ["r05_one", "r05_two"] {
        assert!(said(user.shop(test).env("RECORD", "1")).0);
    }
    let before = (tapes_in(&one), tapes_in(&two));
    assert!(said(user.shop("r05_one").env("RECORD", "1").env("GREETING", "good evening")).0);
    assert_ne!(tapes_in(&one), before.0);
    assert_eq!(tapes_in(&two), before.1);
}

#[test]
fn r62_orphans_are_named_also_by_a_filtered_run() {
    let user = crate_of_a_user();
    let (kept, gone) = (user.fresh("orphans/kept"), user.fresh("orphans/gone"));
    let look = || {
        let mut program = std::process::Command::new(user.program("orphans"));
        said(program.args(["--exact", "no_orphans"]).current_dir(user.tapes().parent().expect("the crate")))
    };
    for folder in [&kept, &gone] {
        fs::create_dir_all(folder).expect("a folder");
        fs::write(folder.join("get-api.example.com-000000000000.yaml"), "").expect("a tape");
    }
    let (passed, text) = look();
    assert!(!passed && text.contains("orphans/gone") && !text.contains("orphans/kept"), "{text}");
    fs::remove_dir_all(gone).expect("removed");
    let (passed, text) = look();
    assert!(passed, "{text}");
}

#[test]
fn r62_the_whole_run_is_told_whichever_process_a_test_was_in() {
    let user = crate_of_a_user();
    let (unused, _used) = (user.fresh("shop/r62_unused"), user.fresh("shop/r62_used"));
    let orphan = user.fresh("shop/r62_orphan");
    // A target folder of its own, so that no other test's run is told of.
    let target = tempfile::tempdir().expect("a folder");
    fs::write(target.path().join("CACHEDIR.TAG"), "").expect("a tag");
    let program = target.path().join("shop");
    fs::copy(user.program("shop"), &program).expect("a copy");
    let run = |id: &str, test: &str, variable: (&str, &str)| {
        let mut command = std::process::Command::new(&program);
        command.args(["--exact", test]).env_remove("RECORD").env_remove("CI").env("NEXTEST_RUN_ID", id);
        let (passed, text) = said(command.env(variable.0, variable.1));
        assert!(passed, "{text}");
    };
    run("first", "r62_unused", ("RECORD", "1"));
    run("first", "r62_used", ("RECORD", "1"));
    let first = RunReport::newest(target.path()).expect("a ledger").expect("a run");
    assert_eq!((first.sessions, first.unused.len()), (2, 0), "{first}");

    fs::create_dir_all(&orphan).expect("a folder");
    fs::write(orphan.join("get-api.example.com-000000000000.yaml"), "").expect("a tape");
    run("second", "r62_unused", ("SHORT", "1"));
    run("second", "r62_used", ("SHORT", "1"));
    let second = RunReport::newest(target.path()).expect("a ledger").expect("a run");
    fs::remove_dir_all(&orphan).expect("removed");
    assert_eq!(second.sessions, 2, "{second}");
    assert!(second.unused.len() == 1 && second.unused[0].contains("get-api.example.com-greeting-"), "{second}");
    assert!(second.orphans.contains(&orphan) && !second.orphans.contains(&unused), "{second}");
}

#[test]
fn r71_an_old_tape_is_recorded_anew_where_that_is_chosen_but_never_in_ci() {
    let user = crate_of_a_user();
    let folder = user.fresh("shop/r71_old");
    assert!(said(user.shop("r71_old").env("RECORD", "1")).0);
    fs::write(folder.join("recorder.yaml"), "max_age: 90d\non_expiry: rerecord\n").expect("a configuration");
    let (name, bytes) = tapes_in(&folder).into_iter().find(|(name, _)| name.starts_with("get-")).expect("a tape");
    let text = String::from_utf8(bytes).expect("text");
    let at = text.find("at: 20").expect("a time") + 4;
    fs::write(folder.join(name), format!("{}2020{}", &text[..at], &text[at + 4..])).expect("an old tape");

    let (passed, text) = said(user.shop("r71_old").env("CI", "true").env("GREETING", "anew"));
    assert!(passed && !text.contains("LIVE") && text.contains("was recorded on 2020-"), "{text}");
    let (passed, text) = said(user.shop("r71_old").env("GREETING", "anew"));
    assert!(passed && text.contains("LIVE") && text.contains("are recorded anew"), "{text}");
    let (passed, text) = said(&mut user.shop("r71_old"));
    assert!(passed && text.contains("ANSWER anew") && !text.contains("LIVE"), "{text}");
}

/// Runs `cargo nextest` on one test; `None` where it is not installed, which is refused in continuous integration.
fn nextest(test: &str, args: &[&str], variables: &[(&str, &str)]) -> Option<(bool, String)> {
    let user = crate_of_a_user();
    if !said(&mut user.cargo(&["nextest", "--version"])).0 {
        assert!(std::env::var_os("CI").is_none(), "cargo-nextest is needed");
        eprintln!("skipped: cargo-nextest is not installed");
        return None;
    }
    let filter = format!("test(={test})");
    let all = ["nextest", "run", "--offline", "--no-capture", "--test", "shop", "-E", &filter];
    let mut command = user.cargo(&[&all[..], args].concat());
    Some(said(command.envs(variables.iter().copied())))
}

#[test]
fn r82_a_second_attempt_starts_from_the_first_take_and_records_over_nothing() {
    let user = crate_of_a_user();
    let folder = user.fresh("shop/r82_flaky");
    let (passed, text) = said(user.shop("r82_flaky").env("RECORD", "1"));
    assert!(passed && text.matches("LIVE").count() == 2, "{text}");
    let before = tapes_in(&folder);
    let dir = tempfile::tempdir().expect("a folder");
    let attempts = |flag: &str, record: &str, greeting: &str| {
        let flag = dir.path().join(flag);
        let variables = [("FLAG", flag.to_str().expect("a path")), ("RECORD", record), ("GREETING", greeting)];
        nextest("r82_flaky", &["--retries", "1"], &variables)
    };
    let Some((passed, text)) = attempts("replayed", "", "other") else { return };
    assert!(passed && text.contains("FLAKY") && !text.contains("LIVE"), "{text}");
    assert_eq!(text.matches("ANSWER hello").count(), 3, "{text}");
    assert_eq!(tapes_in(&folder), before);

    let Some((passed, text)) = attempts("recorded", "1", "anew") else { return };
    assert!(passed && text.contains("FLAKY"), "{text}");
    let (passed, text) = said(&mut user.shop("r82_flaky"));
    assert!(passed && text.matches("ANSWER anew").count() == 2, "only what passed is on the tapes: {text}");
}

#[test]
fn r83_a_test_has_the_same_tapes_under_every_runner() {
    let user = crate_of_a_user();
    let folder = user.fresh("shop/r83/name");
    let (passed, text) = said(user.shop("r83::name").env("RECORD", "1"));
    assert!(passed, "{text}");
    assert_eq!(tapes_in(&folder).len(), 1);
    let cargo = |args: &[&str]| said(&mut user.cargo(&[&["test", "--offline", "--test", "shop"][..], args].concat()));
    for args in [
        &["r83::name", "--", "--nocapture"][..],
        &["--", "--exact", "r83::name", "--nocapture"],
        &["r83::name", "--", "--nocapture", "--test-threads=1"],
    ] {
        let (passed, text) = cargo(args);
        assert!(passed && text.contains("ANSWER hello") && !text.contains("LIVE"), "{args:?}: {text}");
    }
    if let Some((passed, text)) = nextest("r83::name", &[], &[]) {
        assert!(passed && text.contains("ANSWER hello") && !text.contains("LIVE"), "{text}");
    }
}

#[test]
fn r83_cases_and_closures_have_tapes_of_their_test() {
    let user = crate_of_a_user();
    let (cases, closure) = (user.fresh("shop/r83/cases"), user.fresh("shop/r83/in_a_closure"));
    for test in ["r83::cases", "r83::in_a_closure"] {
        let (passed, text) = said(user.shop(test).env("RECORD", "1"));
        assert!(passed, "{text}");
    }
    let folders = fs::read_dir(&cases).expect("cases").map(|entry| entry.expect("an entry").path());
    let mut folders: Vec<_> = folders.collect();
    folders.sort();
    assert_eq!(folders.len(), 2);
    for (folder, case) in folders.iter().zip(["eu-", "us-"]) {
        assert!(folder.file_name().expect("a name").to_string_lossy().starts_with(case), "{}", folder.display());
        assert_eq!(tapes_in(folder).len(), 1);
    }
    assert_eq!(tapes_in(&closure).len(), 1);
    assert!(said(&mut user.shop("r83::cases")).0);
}

#[test]
fn r83_a_doc_test_is_asked_for_a_name() {
    let (passed, text) = said(&mut crate_of_a_user().cargo(&["test", "--doc", "--offline"]));
    assert!(!passed && text.contains("1 passed; 1 failed"), "{text}");
    assert!(text.contains("a doc test has no name of its own"), "{text}");
    assert!(text.contains("tapes!(\"docs/"), "{text}");
}

#[test]
fn r84_tapes_lie_beside_the_manifest_whatever_the_working_folder() {
    let user = crate_of_a_user();
    let folder = user.fresh("shop/r84_any_folder");
    let elsewhere = tempfile::tempdir().expect("a folder");
    let (passed, text) = said(user.shop("r84_any_folder").env("RECORD", "1").current_dir(elsewhere.path()));
    assert!(passed, "{text}");
    assert_eq!(tapes_in(&folder).len(), 1);
    assert_eq!(fs::read_dir(elsewhere.path()).expect("a folder").count(), 0);
    assert!(said(user.shop("r84_any_folder").current_dir("/")).0);
}
