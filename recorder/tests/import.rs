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
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

const PING: (&str, &str) =
    ("{method: GET, uri: 'http://shop.test/ping'}", "{status: {code: 200}, headers: {a: [b]}, body: {string: pong}}");

fn import(folder: &Path) -> ImportReport {
    Import::to(folder.join("tapes")).run([folder.join("in")]).unwrap()
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
