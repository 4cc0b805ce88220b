//! A run: many tests behind one engine, named by the user of the proxy, by a field, or by who runs them.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use reqwest_0_13::blocking::Client;
use traffic_recorder::Mode;
use traffic_recorder::proxy::{Run, RunBuilder, RunEnd};

use crate::{Stage, curl};

impl Stage {
    fn root(&self) -> std::path::PathBuf {
        self.dir.path().join("tapes")
    }

    fn builder(&self, mode: Mode) -> RunBuilder {
        Run::builder(self.root()).mode(mode).trust_pem(self.secure.pem()).unwrap()
    }

    fn run(&self, mode: Mode) -> Run {
        self.builder(mode).start().unwrap()
    }

    /// The tapes below all, without the root.
    fn files(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut open = vec![self.root()];
        while let Some(folder) = open.pop() {
            for entry in std::fs::read_dir(&folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    open.push(path);
                } else if path.extension().is_some_and(|extension| extension == "yaml") {
                    found.push(path.strip_prefix(self.root()).unwrap().to_str().unwrap().to_owned());
                }
            }
        }
        found.sort();
        found
    }
}

/// What a plugin says to the engine; a status, and the JSON of the answer.
fn tell(run: &Run, what: &str, said: &str) -> (u16, String) {
    let client = Client::builder().no_proxy().build().unwrap();
    let answer = client.post(format!("{}/test/{what}", run.proxy().url())).body(said.to_owned()).send().unwrap();
    (answer.status().as_u16(), answer.text().unwrap())
}

/// The value of a member that is text.
fn member<'a>(json: &'a str, name: &str) -> &'a str {
    let after = json.split_once(&format!("\"{name}\": \"")).unwrap_or_else(|| panic!("no {name} in {json}")).1;
    after.split_once('"').unwrap().0
}

/// A client at a proxy that trusts this run.
fn client(run: &Run, proxy: &str) -> Client {
    let authority = reqwest_0_13::Certificate::from_pem(run.proxy().ca_pem().as_bytes()).unwrap();
    let proxy = reqwest_0_13::Proxy::all(proxy).unwrap();
    Client::builder().no_proxy().proxy(proxy).tls_certs_only([authority]).build().unwrap()
}

fn codes(ended: &RunEnd) -> Vec<(&str, Option<&str>)> {
    ended.tests.iter().map(|test| (test.test.as_str(), test.error.as_ref().map(|error| error.code()))).collect()
}

#[test]
fn r65_tests_that_are_on_at_once_have_their_own_tapes_also_inside_tls() {
    let stage = Stage::new();
    for mode in [Mode::Record, Mode::Replay] {
        let run = stage.run(mode);
        std::thread::scope(|scope| {
            for test in ["a.py::one", "a.py::two", "b.py::one"] {
                let (stage, run) = (&stage, &run);
                scope.spawn(move || {
                    let begun = tell(run, "begin", &format!("{{\"name\": \"{test}\"}}")).1;
                    let client = client(run, member(&begun, "proxy"));
                    for url in [stage.secure.url("/ok"), stage.origin.url("/ok")] {
                        let answer = client.get(format!("{url}?by={test}")).send().unwrap();
                        assert_eq!(answer.text().unwrap(), "ok");
                    }
                    let ended = tell(run, "end", &format!("{{\"name\": \"{test}\", \"passed\": true}}")).1;
                    assert!(ended.contains("\"ok\": true"), "{ended}");
                });
            }
        });
        let ended = run.finish(true);
        assert_eq!((ended.tests.len(), ended.errors().count(), ended.refused.len()), (3, 0, 0));
    }
    assert_eq!(stage.origin.hits(), 6, "replaying asks nobody");
    let folders: Vec<_> = stage.files().iter().map(|file| Path::new(file).parent().unwrap().to_owned()).collect();
    let expected = ["a.py/one", "a.py/two", "b.py/one"].map(|folder| [folder; 2]).concat();
    assert_eq!(folders, expected.iter().map(Path::new).collect::<Vec<_>>());
}

#[test]
fn a_test_is_named_by_a_field_by_the_user_of_the_proxy_or_not_at_all() {
    let stage = Stage::new();
    for mode in [Mode::Record, Mode::Replay] {
        let run = stage.run(mode);
        let get = |proxy: &str, path: &str, field: Option<&str>| {
            let mut request = client(&run, proxy).get(stage.origin.url(path));
            if let Some(name) = field {
                request = request.header("x-tapes-test", name);
            }
            request.send().unwrap().text().unwrap()
        };
        let url = run.proxy().url();
        let named = url.replace("http://", "http://by%2Fuser:x@");
        assert_eq!(get(&named, "/ok/user", None), "ok");
        assert_eq!(get(url, "/ok/field", Some("by/field")), "ok");
        assert_eq!(get(url, "/ok/nobody", None), "ok");
        // The one that is on takes what says nothing.
        tell(&run, "begin", r#"{"name": "by/control"}"#);
        assert_eq!(get(url, "/ok/control", None), "ok");
        tell(&run, "end", "");
        let ended = run.finish(true);
        let mut tests: Vec<_> = codes(&ended);
        tests.sort_unstable();
        assert_eq!(tests, ["by/control", "by/field", "by/user", "run"].map(|test| (test, None)));
    }
    let files = stage.files();
    for (file, folder) in files.iter().zip(["by/control/", "by/field/", "by/user/", "run/"]) {
        assert!(file.starts_with(folder), "{files:?}");
    }
    let tape = std::fs::read_to_string(stage.root().join(&files[1])).unwrap();
    assert!(!tape.contains("x-tapes-test"), "the name is not part of the request: {tape}");
}

#[test]
fn a_request_that_may_be_of_several_tests_is_refused_and_told() {
    let stage = Stage::new();
    let run = stage.run(Mode::Record);
    for test in ["one", "two"] {
        tell(&run, "begin", &format!("{{\"name\": \"{test}\"}}"));
    }
    let answer = client(&run, run.proxy().url()).get(stage.origin.url("/ok")).send().unwrap();
    assert_eq!(answer.status(), 400);
    assert!(answer.text().unwrap().contains("2 tests are on at once (one, two"));
    let ended = run.finish(true);
    assert!(ended.refused.len() == 1 && stage.origin.hits() == 0, "{ended:?}");
}

#[test]
fn r64_a_request_after_the_end_of_its_test_is_refused_and_told() {
    let stage = Stage::new();
    let run = stage.run(Mode::Record);
    let begun = tell(&run, "begin", r#"{"name": "early"}"#).1;
    tell(&run, "end", r#"{"name": "early"}"#);
    for proxy in [member(&begun, "proxy"), &run.proxy().url().replace("http://", "http://early:x@")] {
        let answer = client(&run, proxy).get(stage.origin.url("/ok")).send().unwrap();
        assert!(answer.text().unwrap().contains("has ended"));
    }
    let ended = run.finish(true);
    assert_eq!((ended.refused.len(), stage.origin.hits()), (2, 0));
}

#[test]
fn r82_a_test_that_is_tried_again_does_not_record_over_what_passed() {
    let stage = Stage::new();
    let run = stage.run(Mode::Record);
    let attempt = |path: &str, passed: bool| {
        let (status, begun) = tell(&run, "begin", r#"{"name": "flaky"}"#);
        if status != 200 {
            return (status, begun);
        }
        client(&run, member(&begun, "proxy")).get(stage.origin.url(path)).send().unwrap();
        tell(&run, "end", &format!("{{\"name\": \"flaky\", \"passed\": {passed}}}"))
    };
    assert_eq!(attempt("/ok/first", false).0, 200);
    assert_eq!(stage.files(), [""; 0], "R07: what failed is not kept");
    assert_eq!(attempt("/ok/second", true).0, 200);
    let (status, reason) = attempt("/ok/third", true);
    assert!(status == 409 && reason.contains("would record over them"), "{reason}");
    drop(run);
    let files = stage.files();
    assert!(files.len() == 1 && files[0].contains("second"), "{files:?}");
    // Replaying begins at the first take again.
    let run = stage.run(Mode::Replay);
    for _ in 0..2 {
        let begun = tell(&run, "begin", r#"{"name": "flaky"}"#).1;
        client(&run, member(&begun, "proxy")).get(stage.origin.url("/ok/second")).send().unwrap();
        assert!(tell(&run, "end", "{}").1.contains("\"ok\": true"));
    }
}

#[test]
fn r58_two_names_never_have_one_folder() {
    let stage = Stage::new();
    let run = stage.run(Mode::Record);
    assert_eq!(tell(&run, "begin", r#"{"name": "a::b"}"#).0, 200);
    let (status, reason) = tell(&run, "begin", r#"{"name": "a/b"}"#);
    assert!(status == 409 && reason.contains("a/b would have the folder of a::b"), "{reason}");
    let (status, reason) = tell(&run, "begin", r#"{"name": "a::b"}"#);
    assert!(status == 409 && reason.contains("is on already"), "{reason}");
    for (said, status) in [(r#"{"name": ""}"#, 409), (r#"{"name": "/::/"}"#, 409), ("{}", 400), ("[", 400)] {
        assert_eq!(tell(&run, "begin", said).0, status, "{said}");
    }
    let up = tell(&run, "begin", r#"{"name": "../../../etc/../x"}"#).1;
    let folder = Path::new(member(&up, "folder"));
    let below = folder.strip_prefix(stage.root()).unwrap();
    assert!(below.components().all(|part| matches!(part, std::path::Component::Normal(_))), "{up}");
    assert_eq!(tell(&run, "end", r#"{"name": "nobody"}"#).0, 409);
    assert_eq!(tell(&run, "end", "").0, 409, "two are on");
}

#[test]
fn the_end_of_a_test_says_what_is_wrong_with_its_tapes() {
    let stage = Stage::new();
    let run = stage.run(Mode::Record);
    tell(&run, "begin", r#"{"name": "t"}"#);
    client(&run, run.proxy().url()).get(stage.origin.url("/ok")).send().unwrap();
    let ended = tell(&run, "end", "{}").1;
    assert!(ended.contains("\"live\": 1") && ended.contains("\"written\": [\"get-127.0.0.1-ok-"), "{ended}");
    drop(run);

    let run = stage.builder(Mode::Replay).command("tapes run -- pytest").start().unwrap();
    tell(&run, "begin", r#"{"name": "t"}"#);
    let ended = tell(&run, "end", "{}").1;
    assert_eq!(member(&ended, "code"), "unused");
    assert!(ended.contains("RECORD=1 tapes run -- pytest"), "{ended}");
    tell(&run, "begin", r#"{"name": "t"}"#);
    // The program makes nothing of it.
    let answer = client(&run, run.proxy().url()).get(stage.origin.url("/other")).send().unwrap();
    assert_eq!(answer.status(), 470);
    let ended = tell(&run, "end", r#"{"passed": true}"#).1;
    assert_eq!(member(&ended, "code"), "miss");
    assert!(ended.contains("no tape answers GET") && ended.contains("\\n  test:   t\\n"), "{ended}");
    // Of a test that failed by itself, what was refused may be the reason.
    tell(&run, "begin", r#"{"name": "t"}"#);
    client(&run, run.proxy().url()).get(stage.origin.url("/other")).send().unwrap();
    assert_eq!(member(&tell(&run, "end", r#"{"passed": false}"#).1, "code"), "miss");
    let ended = run.finish(true);
    assert_eq!(codes(&ended), [("t", Some("unused")), ("t", Some("miss")), ("t", Some("miss"))]);
    assert_eq!(ended.errors().count(), 2, "a test that failed anyway does not count");
    assert_eq!(stage.origin.hits(), 1);
}

#[test]
fn r07_a_run_that_failed_or_was_lost_leaves_the_old_tapes() {
    let stage = Stage::new();
    let ask = |run: &Run, path: &str| {
        client(run, run.proxy().url()).get(stage.origin.url(path)).send().unwrap();
    };
    let run = stage.run(Mode::Record);
    ask(&run, "/ok/old");
    assert_eq!(run.finish(true).errors().count(), 0);
    let before = stage.files();
    assert_eq!(before.len(), 1);
    let run = stage.run(Mode::Record);
    ask(&run, "/ok/new");
    let ended = run.finish(false);
    assert!(ended.tests.len() == 1 && ended.tests[0].report.is_none() && ended.errors().next().is_none());
    let run = stage.run(Mode::Record);
    ask(&run, "/ok/new");
    drop(run);
    assert_eq!(stage.files(), before);
}

#[test]
fn the_engine_is_told_of_tests_through_itself_as_well() {
    let stage = Stage::new();
    let run = stage.run(Mode::Replay);
    let authority = run.proxy().address().to_string();
    let begin = ["--data", r#"{"name": "t"}"#, "--noproxy", "", "--proxy", run.proxy().url()];
    for (how, url) in [("--http1.1", "http://tapes.control"), ("--proxytunnel", &*format!("http://{authority}"))] {
        let url = format!("{url}/test/begin");
        let Some((0, text)) = curl(&[&begin[..], &[how, &url]].concat()) else { return };
        assert!(text.contains("\"proxy\": \"http://tapes-"), "{text}");
        tell(&run, "end", "{}");
    }
}

/// The variables that a program gets.
fn variables(run: &Run, direct: &[&str]) -> Vec<(String, OsString)> {
    let direct: Vec<String> = direct.iter().map(|host| (*host).to_owned()).collect();
    run.environment(&direct).unwrap()
}

#[test]
fn r91_a_program_needs_nothing_but_the_variables() {
    let stage = Stage::new();
    if curl(&["--version"]).is_none() {
        return;
    }
    for mode in [Mode::Record, Mode::Replay] {
        let run = stage.run(mode);
        let output = Command::new("curl")
            .args(["--silent", "--show-error", "--max-time", "20", &stage.secure.url("/ok"), &stage.origin.url("/ok")])
            .envs(variables(&run, &[]))
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&[output.stdout, output.stderr].concat()), "okok");
        let ended = run.finish(true);
        assert_eq!(codes(&ended), [("run", None)]);
    }
    assert_eq!(stage.origin.hits(), 2);
}

#[test]
fn the_files_of_the_variables_hold_certificates_alone_and_go_with_the_run() {
    let stage = Stage::new();
    let run = stage.run(Mode::Replay);
    let variables = variables(&run, &["db.internal", ".example.com"]);
    let value = |name: &str| {
        let found = variables.iter().find(|(known, _)| known == name);
        found.unwrap_or_else(|| panic!("no {name}")).1.to_str().unwrap().to_owned()
    };
    for name in ["HTTP_PROXY", "https_proxy", "ALL_PROXY", "TAPES_PROXY", "TAPES_CONTROL"] {
        assert_eq!(value(name), run.proxy().url());
    }
    assert_eq!(value("NO_PROXY"), "db.internal,.example.com");
    assert_eq!(value("TAPES_MODE"), "replay");
    let java = value("JAVA_TOOL_OPTIONS");
    assert!(java.contains("-Dhttp.nonProxyHosts=db.internal|*.example.com "), "{java}");
    let store = java.split("-Djavax.net.ssl.trustStore=").nth(1).unwrap().split(' ').next().unwrap().to_owned();
    let files = ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "TAPES_CA"].map(value);
    for file in &files {
        let text = std::fs::read_to_string(file).unwrap();
        assert!(text.starts_with(run.proxy().ca_pem()) && !text.contains("PRIVATE"), "{file}");
    }
    assert!(Path::new(&store).exists());
    drop(run);
    for file in files.iter().chain([&store]) {
        assert!(!Path::new(file).exists(), "{file}");
    }
}

/// Java's own tool reads the store, checks its sum, and has our certificate first.
#[test]
fn java_reads_its_trust_store() {
    let stage = Stage::new();
    let run = stage.run(Mode::Replay);
    let java = variables(&run, &[]).into_iter().find(|(name, _)| name == "JAVA_TOOL_OPTIONS").unwrap().1;
    let java = java.to_str().unwrap();
    let store = java.split("-Djavax.net.ssl.trustStore=").nth(1).unwrap().split(' ').next().unwrap();
    let mut keytool = Command::new("keytool");
    keytool.args(["-list", "-rfc", "-alias", "ca-0", "-storepass", "changeit", "-keystore", store]);
    let Ok(output) = keytool.output() else {
        assert!(std::env::var_os("CI").is_none(), "there is no keytool");
        println!("skipped: there is no keytool");
        return;
    };
    let text = String::from_utf8_lossy(&output.stdout).replace("\r\n", "\n");
    let pem = run.proxy().ca_pem().trim_end();
    assert!(text.contains(pem), "{text}{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_secret_that_replaying_lacks_is_a_placeholder() {
    let stage = Stage::new();
    std::fs::create_dir_all(stage.root()).unwrap();
    std::fs::write(stage.root().join("recorder.yaml"), "secrets: [FAKE_KEY_THAT_NOBODY_SETS]\n").unwrap();
    for (mode, value) in [(Mode::Replay, Some("{{secret:FAKE_KEY_THAT_NOBODY_SETS}}")), (Mode::Record, None)] {
        let variables = variables(&stage.run(mode), &[]);
        let found = variables.iter().find(|(name, _)| name == "FAKE_KEY_THAT_NOBODY_SETS");
        assert_eq!(found.map(|(_, value)| value.to_str().unwrap()), value);
    }
    std::fs::write(stage.root().join("recorder.yaml"), "secret: []\n").unwrap();
    let error = stage.builder(Mode::Replay).start().unwrap_err().to_string();
    assert!(error.contains("recorder.yaml"), "{error}");
}

/// The program sees a connection that ends; the run says what was behind it.
#[test]
fn a_service_that_cannot_be_asked_is_named_with_the_reason() {
    let stage = Stage::new();
    // Its certificate is of nobody that this run trusts.
    let run = Run::builder(stage.root()).mode(Mode::Record).start().unwrap();
    assert!(client(&run, run.proxy().url()).get(stage.secure.url("/ok?token=fake-token-of-nobody")).send().is_err());
    let ended = run.finish(true);
    let [line] = &ended.tests[0].unanswered[..] else { panic!("{ended:?}") };
    assert!(
        line.starts_with("GET https://localhost") && line.contains(": tls (") && line.contains("UnknownIssuer"),
        "{line}"
    );
    assert!(!line.contains("fake-token"), "{line}");
    assert!(ended.tests[0].json().contains("\"unanswered\": [\"GET https"), "{}", ended.tests[0].json());
}

#[test]
fn r69_other_languages_have_the_clock_and_the_values_of_the_recording() {
    let stage = Stage::new();
    let world = |mode: Mode, order: &str| {
        let run = stage.run(mode);
        tell(&run, "begin", r#"{"name": "t"}"#);
        let now = tell(&run, "now", "");
        let var = tell(&run, "var", &format!("{{\"name\": \"t\", \"var\": \"order\", \"value\": \"{order}\"}}"));
        assert_eq!((now.0, var.0), (200, 200), "{now:?} {var:?}");
        assert!(tell(&run, "end", "{}").1.contains("\"ok\": true"));
        (member(&now.1, "now").to_owned(), member(&var.1, "value").to_owned())
    };
    let recorded = world(Mode::Record, "o-17");
    assert_eq!(recorded.1, "o-17");
    std::thread::sleep(std::time::Duration::from_millis(1100));
    assert_eq!(world(Mode::Replay, "o-18"), recorded);

    let run = stage.run(Mode::Replay);
    tell(&run, "begin", r#"{"name": "never recorded"}"#);
    let (status, reason) = tell(&run, "now", "");
    assert!(status == 409 && reason.contains("RECORD=1 tapes run"), "{reason}");
    assert_eq!(tell(&run, "var", r#"{"var": "order"}"#).0, 409);
}
