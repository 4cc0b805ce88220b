//! run: the suites in `examples/python` and `examples/node`, with the real pytest and the real vitest, from tapes alone.
//!
//! `TAPES_PYTHON` names a Python that has what `examples/python/requirements.txt` says, `TAPES_NODE` a folder with the `node_modules` of
//! `examples/node/package.json`. `.ci/run` sets both; without them, what is beside the suites is looked at, and else they are skipped.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::Place;

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples")
}

/// What a variable names, or what is said in its place; not there it is a failure in continuous integration.
fn provided(variable: &str, otherwise: &str, is_there: impl Fn(&str) -> bool) -> Option<String> {
    let named = std::env::var(variable).unwrap_or_else(|_| otherwise.to_owned());
    if is_there(&named) {
        return Some(named);
    }
    assert!(std::env::var_os("CI").is_none(), "{variable}={named} has not what the suite needs");
    println!("skipped: {variable} is not set, or {named} has not what the suite needs");
    None
}

/// The suite in a folder of its own, so that nothing is written into the repository.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).unwrap();
        if name == "node_modules" || name == "__pycache__" {
            continue;
        }
        if path.is_dir() {
            copy(&path, &to.join(name));
        } else {
            std::fs::copy(&path, to.join(name)).unwrap();
        }
    }
}

/// Runs a suite from its tapes, and says how many tests the recorder saw. A service that listens, and would count, is never asked.
fn replayed(place: &Place, suite: &[&str]) -> usize {
    let shop = TcpListener::bind("127.0.0.1:0").unwrap();
    shop.set_nonblocking(true).unwrap();
    let mut command = place.command();
    command.args(["run", "--json", "--"]).args(suite).env("CI", "1");
    command.env("SHOP_URL", format!("http://{}", shop.local_addr().unwrap())).env_remove("SHOP_KEY");
    let ran = place.ran(&command.output().unwrap());
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let report = ran.err.lines().last().unwrap_or_default();
    let report: serde_json::Value = serde_json::from_str(report).unwrap_or_else(|error| panic!("{error}: {}", ran.err));
    let tests = report["tests"].as_array().unwrap();
    for test in tests {
        assert_eq!((test["ok"].as_bool(), test["live"].as_u64()), (Some(true), Some(0)), "{test}");
        assert!(test["replayed"].as_u64() > Some(0), "{test}");
    }
    let asked = shop.accept().map(|(_, from)| from);
    assert!(asked.is_err(), "{asked:?} was let through to the service");
    tests.len()
}

/// What the suite says where it asks for something that is on no tape.
fn missed(place: &Place, suite: &[&str], file: &str, was: &str, is: &str) -> String {
    let file = place.path().join(file);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains(was));
    std::fs::write(&file, text.replacen(was, is, 1)).unwrap();
    let mut command = place.command();
    command.args(["run", "--"]).args(suite);
    let ran = place.ran(&command.output().unwrap());
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    ran.out + &ran.err
}

#[test]
fn r90_pytest_passes_with_tapes_alone_one_by_one_and_in_parallel() {
    let has = |python: &str| {
        let modules = Command::new(python).args(["-c", "import pytest, xdist, requests, httpx"]).output();
        modules.is_ok_and(|output| output.status.success())
    };
    let Some(python) = provided("TAPES_PYTHON", "python3", has) else { return };
    let place = Place::new();
    copy(&examples().join("python"), place.path());
    let suite = [&*python, "-B", "-m", "pytest", "-q"];
    assert_eq!(replayed(&place, &suite), 10);
    assert_eq!(replayed(&place, &[&suite[..], &["-n", "3"]].concat()), 10);
    let said = missed(&place, &suite, "tests/test_requests.py", "order(\"pen\", 2)", "order(\"pen\", 3)");
    for words in
        ["no tape answers POST", "test:   tests/test_requests.py::test_an_order_is_placed", "1 failed, 9 passed"]
    {
        assert!(said.contains(words), "{words} is not in: {said}");
    }
}

#[test]
fn r90_vitest_passes_with_tapes_alone() {
    let has = |folder: &str| {
        let modules = ["vitest", "axios", "undici"].map(|module| Path::new(folder).join("node_modules").join(module));
        let node = Command::new("node").arg("--version").output().is_ok_and(|output| output.status.success());
        node && modules.iter().all(|module| module.exists())
    };
    let beside = examples().join("node");
    let Some(node) = provided("TAPES_NODE", &beside.to_string_lossy(), has) else { return };
    let place = Place::new();
    copy(&beside, place.path());
    let modules = Path::new(&node).canonicalize().unwrap().join("node_modules");
    #[cfg(unix)]
    std::os::unix::fs::symlink(&modules, place.path().join("node_modules")).unwrap();
    #[cfg(windows)]
    std::os::windows::fs::symlink_dir(&modules, place.path().join("node_modules")).unwrap();
    let vitest = modules.join("vitest/vitest.mjs");
    let suite = ["node", &*vitest.to_string_lossy(), "run", "--no-color"];
    assert_eq!(replayed(&place, &suite), 9);
    let said = missed(&place, &suite, "tests/axios.test.js", "order(\"pen\", 2)", "order(\"pen\", 3)");
    for words in ["no tape answers POST", "test:   tests/axios.test.js::an order is placed", "1 failed | 8 passed"] {
        assert!(said.contains(words), "{words} is not in: {said}");
    }
}
