//! `docs/adapters.md` and the table of clients in `README.md` are made from what the adapters say of themselves and from the names of the
//! tests. This fails where they are stale; `UPDATE_DOCS=1 cargo test -p recorder-tests --test docs` writes them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use recorder_tests::adapters::ALL;
use traffic_recorder::tape::Layer;

/// The last behaviour of the list.
const LAST: u32 = 92;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

/// Every test that is named after a behaviour: number, name, file.
fn tests() -> Vec<(u32, String, String)> {
    let mut tests = Vec::new();
    let mut folders = vec![root().join("recorder/src"), root().join("recorder/tests"), root().join("tests/tests")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let file = path.strip_prefix(root()).expect("inside").to_string_lossy().replace('\\', "/");
                let text = fs::read_to_string(&path).expect("a source");
                for name in text.lines().filter_map(|line| line.trim().split_once("fn r")).filter_map(name_of) {
                    let number = name[1..].split('_').next().and_then(|digits| digits.parse().ok());
                    tests.extend(number.map(|number| (number, name, file.clone())));
                }
            }
        }
    }
    tests.sort();
    tests
}

/// `r07_a_panicking_test`, from what stands around `fn r`.
fn name_of((before, after): (&str, &str)) -> Option<String> {
    let declared = before.is_empty() || before.ends_with(' ');
    let name: String = after.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    (declared && name.starts_with(|c: char| c.is_ascii_digit())).then(|| format!("r{name}"))
}

fn page() -> String {
    let mut page = String::from(
        "# Clients\n\n\
         <!-- Made by tests/tests/docs.rs: UPDATE_DOCS=1 cargo test -p recorder-tests --test docs -->\n\n\
         One suite of tests, each named after a behaviour, runs over every client. Their names read `tower::r07_…`, `ureq::r07_…`.\n\n\
         | tests | client | what you write | feature | sits |\n|---|---|---|---|---|\n",
    );
    for adapter in ALL {
        let [seam, client, feature] = adapter.seam();
        let layer = match adapter.layer() {
            Layer::Wire => "on the wire, below redirects and decompression",
            Layer::Logical => "above redirects and decompression",
        };
        let _ = writeln!(page, "| `{}` | {client} | `{seam}` | `{feature}` | {layer} |", adapter.name());
    }
    page.push_str(
        "\n## What a client cannot show\n\n\
         Such a test runs all the same and has to fail: a limit that is gone has to go from this table.\n\n\
         | behaviour | clients | why |\n|---|---|---|\n",
    );
    let mut limits: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for adapter in ALL {
        for (test, why) in adapter.cannot() {
            limits.entry((test, why)).or_default().push(adapter.name());
        }
    }
    for ((test, why), adapters) in limits {
        let (number, words) = test.split_once('_').expect("a number and words");
        let (number, words) = (number.to_uppercase(), words.replace('_', " "));
        let _ = writeln!(page, "| {number}: {words} | `{}` | {why} |", adapters.join("`, `"));
    }
    page.push_str("\n## Where each behaviour is shown\n\n| behaviour | in |\n|---|---|\n");
    let tests = tests();
    for number in 1..=LAST {
        let own = tests.iter().filter(|(n, ..)| *n == number);
        let files: BTreeSet<_> = own.map(|(_, _, file)| format!("`{file}`")).collect();
        let place = match files.is_empty() {
            true => "no test of its own yet".to_owned(),
            false => files.into_iter().collect::<Vec<_>>().join(", "),
        };
        let _ = writeln!(page, "| R{number:02} | {place} |");
    }
    page
}

/// The behaviours that every client is tried on.
fn suite() -> BTreeSet<String> {
    let mut suite = BTreeSet::new();
    for entry in fs::read_dir(root().join("tests/tests")).expect("a folder") {
        let path = entry.expect("an entry").path();
        let Ok(text) = fs::read_to_string(&path) else { continue };
        for list in text.split("over_all_adapters!(").skip(1) {
            let names =
                list.split(");").next().unwrap_or_default().lines().map(|line| line.trim().trim_end_matches(','));
            suite.extend(names.filter(|name| name.starts_with('r')).map(str::to_owned));
        }
    }
    suite
}

/// Clients that have tests of their own: what they are, what is written or run, by which feature, and the tests, or the tapes that they made.
const ELSEWHERE: [(&str, &str, &str, &str); 7] = [
    ("tonic (gRPC), unary and streaming", "tapes.connector_http2(..)", "`hyper-util`", "tests/tests/grpc.rs"),
    ("awc, and what else knows no proxy", "tapes.proxy_builder().upstream(..)", "`proxy`", "tests/tests/proxy/awc.rs"),
    ("curl, and what else takes a proxy", "tapes.proxy()", "`proxy`", "tests/tests/proxy/clients.rs"),
    ("requests (Python)", "tapes run -- pytest", "", "examples/python/tapes/tests/test_requests.py"),
    ("httpx (Python)", "tapes run -- pytest", "", "examples/python/tapes/tests/test_httpx.py"),
    ("fetch, undici (Node)", "tapes run -- npx vitest", "", "examples/node/tapes/tests/fetch.test.js"),
    ("axios (Node)", "tapes run -- npx vitest", "", "examples/node/tapes/tests/axios.test.js"),
];

/// The table of clients for the README.
fn clients() -> String {
    let suite = suite();
    let mut table =
        String::from("| client | in a test | feature | is tapped | behaviours shown |\n|---|---|---|---|---:|\n");
    for adapter in ALL {
        let [seam, client, feature] = adapter.seam();
        let layer = match adapter.layer() {
            Layer::Wire => "on the wire",
            Layer::Logical => "above redirects",
        };
        let cannot = adapter.cannot().iter().filter(|(test, _)| suite.contains(*test)).count();
        let shown = suite.len() - cannot;
        let _ = writeln!(table, "| {client} | `{seam}` | `{feature}` | {layer} | {shown} of {} |", suite.len());
    }
    for (client, written, feature, shown) in ELSEWHERE {
        let path = root().join(shown);
        assert!(path.exists(), "{client}: {shown} is not there");
        let word = if path.is_dir() { "its tapes" } else { "its tests" };
        let _ = writeln!(table, "| {client} | `{written}` | {feature} | on the wire | [{word}]({shown}) |");
    }
    table
}

#[test]
fn the_readmes_table_of_clients_is_up_to_date() {
    let file = root().join("README.md");
    let there = fs::read_to_string(&file).expect("the README").replace("\r\n", "\n");
    let (before, rest) = there.split_once("<!-- clients, by tests/tests/docs.rs -->\n").expect("a beginning");
    let (_, after) = rest.split_once("<!-- /clients -->").expect("an end");
    let fresh = format!("{before}<!-- clients, by tests/tests/docs.rs -->\n{}<!-- /clients -->{after}", clients());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&file, &fresh).expect("written");
    } else {
        assert!(there == fresh, "README.md is stale: UPDATE_DOCS=1 cargo test -p recorder-tests --test docs");
    }
}

#[test]
fn the_page_about_clients_is_up_to_date() {
    let file = root().join("docs/adapters.md");
    let page = page();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&file, &page).expect("written");
    }
    let there = fs::read_to_string(&file).unwrap_or_default().replace("\r\n", "\n");
    assert!(there == page, "docs/adapters.md is stale: UPDATE_DOCS=1 cargo test -p recorder-tests --test docs");
}

#[test]
fn every_limit_names_a_test_that_there_is() {
    let tests: BTreeSet<_> = tests().into_iter().map(|(_, name, _)| name).collect();
    for adapter in ALL {
        for (test, why) in adapter.cannot() {
            assert!(tests.contains(*test), "{} cannot do {test}, which is no test", adapter.name());
            assert!(!why.is_empty());
        }
    }
}
