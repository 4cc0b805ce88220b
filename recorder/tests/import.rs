//! Other tools' recordings become tapes, and every exchange is asked of its tape again.
#![cfg(feature = "formats")]

use std::fs;
use std::path::Path;

use traffic_recorder::formats::{FileState, Import, ImportReport};

fn cassette(folder: &Path, name: &str, interactions: &[(&str, &str)]) {
    let mut text = String::from("interactions:\n");
    for (request, response) in interactions {
        text.push_str(&format!("- request: {request}\n  response: {response}\n"));
    }
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("as written")).expect("as written");
    fs::write(path, text).expect("as written");
}

const PING: (&str, &str) =
    ("{method: GET, uri: 'http://shop.test/ping'}", "{status: {code: 200}, headers: {a: [b]}, body: {string: pong}}");

fn import(folder: &Path) -> ImportReport {
    Import::to(folder.join("tapes")).run([folder.join("in")]).expect("as written")
}

#[test]
fn every_recording_becomes_a_folder_of_tapes_and_says_that_it_was_imported() {
    let folder = tempfile::tempdir().unwrap();
    cassette(folder.path(), "in/orders/list.yaml", &[PING, PING]);
    let report = import(folder.path());
    assert_eq!((report.totals().exchanges, report.totals().exact), (2, 2), "{report}");
    let tapes = folder.path().join("tapes/orders/list.yaml");
    assert_eq!(report.files[0].folder.as_deref(), Some(tapes.as_path()));
    let names: Vec<_> =
        fs::read_dir(&tapes).unwrap().map(|e| e.unwrap().path()).filter(|p| p.extension().is_some()).collect();
    assert_eq!(names.len(), 1, "{names:?}");
    let tape = fs::read_to_string(&names[0]).unwrap();
    assert_eq!(tape.matches("from: import").count(), 2, "{tape}");
}

#[test]
fn a_credential_is_hidden_and_its_exchange_is_counted_as_changed() {
    let folder = tempfile::tempdir().unwrap();
    let request = "{method: GET, uri: 'http://shop.test/ping', headers: {authorization: [Bearer not-a-real-token]}}";
    cassette(folder.path(), "in/a.yaml", &[(request, PING.1)]);
    let report = import(folder.path());
    assert_eq!((report.totals().exact, report.totals().changed, report.totals().lost), (0, 1, 0), "{report}");
    assert!(report.files[0].changed[0].reasons[0].starts_with("redacted"), "{report}");

    let report = Import::to(folder.path().join("as-is")).as_is(true).run([folder.path().join("in")]).unwrap();
    assert_eq!((report.totals().exact, report.totals().changed), (1, 0), "{report}");
}

#[test]
fn what_the_gate_finds_refuses_its_file_and_the_others_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let leaking = "{status: {code: 200}, body: {string: 'key AKIAFAKEFAKEFAKEFAKE end'}}";
    cassette(folder.path(), "in/a.yaml", &[(PING.0, leaking)]);
    cassette(folder.path(), "in/b.yaml", &[PING]);
    let report = import(folder.path());
    let FileState::Refused(reason) = &report.files[0].state else { panic!("{report}") };
    assert!(reason.contains("allow") && reason.contains("body"), "{reason}");
    assert_eq!(report.totals().exact, 1, "{report}");
    assert!(!folder.path().join("tapes/a.yaml").exists());
}

#[test]
fn of_a_folder_of_single_exchanges_only_the_file_with_the_secret_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let host = folder.path().join("in/shop.test");
    fs::create_dir_all(&host).unwrap();
    for (name, body) in [("1", "one"), ("2", "key AKIAFAKEFAKEFAKEFAKE end"), ("10", "ten")] {
        fs::write(host.join(name), format!("GET /list\n\nHTTP/1.1 200 OK\n\n{body}")).unwrap();
    }
    let report = import(folder.path());
    let states: Vec<bool> = report.files.iter().map(|file| matches!(file.state, FileState::Imported)).collect();
    assert_eq!(states, [true, false, true], "{report}");
    let FileState::Refused(reason) = &report.files[1].state else { panic!("{report}") };
    assert!(reason.starts_with("the fixture:") && reason.contains("--allow"), "{reason}");
    assert_eq!((report.totals().exact, report.totals().lost), (2, 0), "{report}");
    let tapes = folder.path().join("tapes/shop.test");
    let files: Vec<_> = fs::read_dir(&tapes).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    let tape = files.iter().filter(|name| name.to_string_lossy().ends_with(".yaml")).count();
    assert_eq!(tape, 1, "both answers are takes of one tape: {files:?}");
    let left: Vec<_> =
        fs::read_dir(folder.path().join("tapes")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().contains("trial")), "{left:?}");

    let report =
        Import::to(folder.path().join("tapes")).allow("value AKIAFAKE*").run([folder.path().join("in")]).unwrap();
    assert_eq!(report.totals().exact, 3, "{report}");
}

#[test]
fn importing_again_changes_nothing_on_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let dated = "{status: {code: 200}, headers: {date: ['Mon, 21 Apr 2014 23:13:40 GMT']}, body: {string: pong}}";
    cassette(folder.path(), "in/a.yaml", &[(PING.0, dated)]);
    let tape = || {
        let tapes = fs::read_dir(folder.path().join("tapes/a.yaml")).unwrap().map(|entry| entry.unwrap().path());
        let tape =
            tapes.into_iter().find(|path| path.extension().is_some_and(|extension| extension == "yaml")).unwrap();
        fs::read_to_string(tape).unwrap()
    };
    import(folder.path());
    let first = tape();
    assert!(first.contains("at: 2014-04-21T23:13:40Z"), "{first}");
    import(folder.path());
    assert_eq!(tape(), first);
}

#[test]
fn the_report_is_json_lines_with_the_totals_last() {
    let folder = tempfile::tempdir().unwrap();
    cassette(folder.path(), "in/a.yaml", &[PING, ("{method: GET, uri: 'data:x'}", PING.1)]);
    fs::write(folder.path().join("in/notes.txt"), "nothing \"of\" interest").unwrap();
    fs::write(folder.path().join("in/b.har"), "{\"log\": {\"entries\": [{\"request\"").unwrap();
    let report = import(folder.path());
    let lines: Vec<serde_json::Value> =
        report.to_json_lines().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 4, "{report}");
    assert_eq!(lines[0]["state"], "imported");
    assert_eq!((&lines[0]["exact"], &lines[0]["skipped"][0]["place"]), (&1.into(), &"interaction 2".into()));
    assert_eq!(lines[1]["state"], "refused");
    assert!(lines[1]["reason"].as_str().unwrap().contains("line 1"), "{}", lines[1]);
    assert_eq!(lines[2]["state"], "not-a-recording");
    assert_eq!((&lines[3]["totals"]["files"], &lines[3]["totals"]["refused"]), (&2.into(), &1.into()));
    assert_eq!(lines[3]["formats"]["vcr"]["exchanges"], 1);
    assert!(!report.is_clean());
}

#[test]
fn what_is_imported_answers_a_client_of_today() {
    let folder = tempfile::tempdir().unwrap();
    let decoded =
        "{status: {code: 200}, headers: {content-encoding: [gzip], content-length: ['99']}, body: {string: pong}}";
    cassette(folder.path(), "in/a.yaml", &[(PING.0, decoded)]);
    let report = import(folder.path());
    let reasons = &report.files[0].changed[0].reasons;
    assert!(reasons[0].starts_with("coding:") && reasons[1].starts_with("length:"), "{reasons:?}");
    let report = Import::to(folder.path().join("as-is")).as_is(true).run([folder.path().join("in")]).unwrap();
    assert_eq!(report.totals().exact, 1, "{report}");
}

#[test]
fn a_base_names_the_host_and_has_to_be_a_url() {
    let folder = tempfile::tempdir().unwrap();
    cassette(folder.path(), "in/a.yaml", &[("{method: GET, uri: '/ping'}", PING.1)]);
    let import = Import::to(folder.path().join("tapes")).base("https://api.shop.test/v1/");
    let report = import.run([folder.path().join("in/a.yaml")]).unwrap();
    assert!(report.files[0].notes.is_empty(), "{report}");
    let tapes = fs::read_dir(folder.path().join("tapes/a.yaml")).unwrap();
    assert!(
        tapes
            .map(|entry| entry.unwrap().file_name())
            .any(|name| name.to_string_lossy().starts_with("get-api.shop.test-v1-ping"))
    );
    let error = Import::to(folder.path().join("tapes")).base("api.shop.test").run([folder.path()]).unwrap_err();
    assert!(error.to_string().contains("https://"), "{error}");
    assert!(Import::to(folder.path().join("tapes")).run([folder.path().join("nowhere")]).is_err());
}

#[test]
fn the_configuration_of_the_target_counts() {
    let folder = tempfile::tempdir().unwrap();
    let tapes = folder.path().join("tapes");
    fs::create_dir_all(&tapes).unwrap();
    fs::write(tapes.join("recorder.yaml"), "redact:\n- hide json $.email\n").unwrap();
    let answer = "{status: {code: 200}, headers: {content-type: [application/json]}, body: {string: '{\"email\": \"a@shop.test\"}'}}";
    cassette(folder.path(), "in/deep/er/a.yaml", &[(PING.0, answer)]);
    let report = import(folder.path());
    assert_eq!((report.totals().changed, report.totals().lost), (1, 0), "{report}");
}
