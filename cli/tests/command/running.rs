//! run: programs of a shell and curl behind the recorder.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::live::service;
use crate::support::{Place, Ran};

/// Runs `tapes run OPTIONS -- sh -c SCRIPT`; `None` where there is no curl, which is a failure in continuous integration.
fn run(place: &Place, options: &[&str], variables: &[(&str, &str)], script: &str) -> Option<Ran> {
    if let Err(error) = Command::new("curl").arg("--version").output() {
        assert!(std::env::var_os("CI").is_none(), "curl does not run: {error}");
        println!("skipped: curl does not run: {error}");
        return None;
    }
    let mut command = place.command();
    command.env_remove("RECORD_IN_CI").arg("run").args(options).args(["--", "sh", "-c", script]);
    let output = command.envs(variables.iter().copied()).output().unwrap();
    Some(place.ran(&output))
}

/// Asks `$URL` for paths, and prints what comes.
const GET: &str = "get() { curl --silent --show-error --max-time 20 \"$@\"; echo; }; ";
/// Says something to the recorder.
const TELL: &str = "tell() { curl --silent --noproxy '*' --data \"$2\" \"$TAPES_CONTROL/test/$1\"; }; ";

fn files(place: &Place) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![place.path().to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.push(path.strip_prefix(place.path()).unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

/// An address of this machine where nobody listens.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

const ANSWERS: &[(&str, u16, &str, &str)] =
    &[("/a", 200, "text/plain", "first"), ("/b", 200, "text/plain", "second"), ("/new", 200, "text/plain", "new")];

#[test]
fn what_a_program_recorded_once_it_gets_from_tapes_afterwards() {
    let place = Place::new();
    let script = format!("{GET} get $URL/a; get $URL/b?x=1 -H 'authorization: Bearer fake-token-of-nobody'");
    let live = service(&[("/a", 200, "text/plain", "first"), ("/b?x=1", 200, "text/plain", "second")]);
    let Some(recorded) = run(&place, &[], &[("RECORD", "1"), ("URL", &live)], &script) else { return };
    assert!(
        recorded.err.contains("traffic-recorder (record): 1 test, 2 requests sent, 2 tapes written"),
        "{}",
        recorded.err
    );
    assert_eq!(recorded.with_code(0), "first\nsecond\n");
    let written = files(&place);
    assert!(written.iter().filter(|file| file.starts_with("tapes/run")).count() == 2, "{written:?}");
    let tape = std::fs::read_to_string(place.path().join(written.last().unwrap())).unwrap();
    assert!(tape.contains("Bearer {{secret:") && !tape.contains("fake-token"), "{tape}");

    let replayed = run(&place, &[], &[("URL", &nobody()), ("CI", "1")], &script).unwrap();
    assert!(
        replayed.err.contains("traffic-recorder (replay): 1 test, 2 requests answered from tapes"),
        "{}",
        replayed.err
    );
    assert_eq!(replayed.with_code(0), "first\nsecond\n");
    // With --offline, whatever the environment says.
    let offline = run(&place, &["--offline"], &[("URL", &nobody()), ("RECORD", "1")], &script).unwrap();
    assert_eq!(offline.with_code(0), "first\nsecond\n");
    assert_eq!(files(&place), written);
}

#[test]
fn every_mode_means_what_it_means_in_rust() {
    let place = Place::new();
    let live = service(ANSWERS);
    let with = |mode: &str, url: &str, paths: &str| {
        let script = format!("{GET} for path in {paths}; do get $URL/$path; done");
        run(&place, &[], &[("RECORD", mode), ("URL", url)], &script)
    };
    let Some(recorded) = with("1", &live, "a") else { return };
    recorded.with_code(0);
    assert_eq!(with("missing", &live, "a b").unwrap().with_code(0), "first\nsecond\n");
    let tapes = |name: &str| files(&place).iter().filter(|file| file.to_string_lossy().contains(name)).count();
    assert_eq!(tapes(".yaml"), 2);
    assert_eq!(with("off", &live, "new").unwrap().with_code(0), "new\n");
    assert_eq!(tapes(".yaml"), 2);
    assert_eq!(with("check", &live, "a b").unwrap().with_code(0), "first\nsecond\n");
    let checked = with("check", &nobody(), "a").unwrap();
    assert!(checked.err.contains("traffic-recorder: run"), "{}", checked.err);
    checked.with_code(1);
    with("review", &live, "a new").unwrap().with_code(0);
    assert_eq!((tapes("new-"), tapes(".pending")), (1, 2), "{:?}", files(&place));

    let wrong = with("yes", &live, "a").unwrap();
    assert!(wrong.code == 2 && wrong.out.is_empty() && wrong.err.contains("review"), "R04: {}", wrong.err);
    let in_ci = run(&place, &[], &[("RECORD", "1"), ("CI", "true")], "echo ran").unwrap();
    assert!(in_ci.code == 2 && in_ci.out.is_empty() && in_ci.err.contains("RECORD_IN_CI"), "R03: {}", in_ci.err);
}

#[test]
fn a_miss_that_the_program_swallows_is_told_and_ends_with_1() {
    let place = Place::new();
    let script = format!("{GET} get $URL/nothing > /dev/null; exit 0");
    let Some(ran) = run(&place, &[], &[("URL", &nobody())], &script) else { return };
    assert!(ran.err.contains("no tape answers GET http://127.0.0.1:"), "{}", ran.err);
    assert!(ran.err.contains("RECORD=missing tapes run -- sh -c '"), "{}", ran.err);
    ran.with_code(1);
    // The program's own code is the better one.
    let ran =
        run(&place, &["--json"], &[("URL", &nobody())], "curl --silent $URL/nothing > /dev/null; exit 7").unwrap();
    let report: serde_json::Value =
        serde_json::from_str(&ran.err).unwrap_or_else(|error| panic!("{error}: {}", ran.err));
    assert_eq!((report["exit"].as_u64(), report["tests"][0]["code"].as_str()), (Some(7), Some("miss")));
    ran.with_code(7);
}

#[test]
fn a_plugin_gives_each_test_its_tapes_and_hears_what_is_wrong() {
    let place = Place::new();
    let live = service(ANSWERS);
    let suite = format!(
        "{GET}{TELL} one() {{ proxy=$(tell begin '{{\"name\": \"'$1'\"}}' | sed 's/.*\"proxy\": \"\\([^\"]*\\).*/\\1/'); \
         get --proxy $proxy $URL/$2; tell end '{{\"name\": \"'$1'\", \"passed\": '$3'}}'; }}; \
         one spec::first $FIRST true; one spec::second b true"
    );
    let with = |variables: &[(&str, &str)]| run(&place, &["--into", "spec/tapes"], variables, &suite);
    let Some(recorded) = with(&[("RECORD", "1"), ("URL", &live), ("FIRST", "a")]) else { return };
    recorded.with_code(0);
    let yaml =
        || files(&place).into_iter().filter(|file| file.extension().is_some_and(|e| e == "yaml")).collect::<Vec<_>>();
    let tapes = yaml();
    assert!(tapes.len() == 2 && tapes[0].starts_with("spec/tapes/spec/first"), "{tapes:?}");
    let replayed = with(&[("URL", &nobody()), ("FIRST", "a")]).unwrap().with_code(0);
    assert!(replayed.starts_with("first\n{") && replayed.contains("\"replayed\": 1"), "{replayed}");
    // This plugin fails nothing for what it hears, and the run does.
    let missed = with(&[("URL", &nobody()), ("FIRST", "new")]).unwrap();
    assert!(missed.err.contains("traffic-recorder: spec::first\n  no tape answers"), "{}", missed.err);
    let told = missed.with_code(1);
    assert!(told.contains("\"code\": \"miss\"") && told.contains("\"replayed\": 1"), "{told}");
}

#[test]
fn r07_a_program_that_fails_leaves_the_old_tapes() {
    let place = Place::new();
    let live = service(ANSWERS);
    let record = |script: &str| run(&place, &[], &[("RECORD", "1"), ("URL", &live)], &format!("{GET}{TELL}{script}"));
    let Some(recorded) = record("get $URL/a") else { return };
    recorded.with_code(0);
    record("tell begin '{\"name\": \"t\"}'; get $URL/b; tell end '{\"name\": \"t\"}'").unwrap().with_code(0);
    let before: Vec<_> = files(&place).iter().map(|file| std::fs::read(place.path().join(file)).unwrap()).collect();
    let failed =
        record("get $URL/new; tell begin '{\"name\": \"t\"}'; get $URL/new; tell end '{\"passed\": false}'; exit 3");
    assert!(failed.as_ref().unwrap().err.contains("tapes of 2 failed tests left as they were"));
    failed.unwrap().with_code(3);
    record("get $URL/new; kill -KILL $$").unwrap().with_code(128 + 9);
    let after: Vec<_> = files(&place).iter().map(|file| std::fs::read(place.path().join(file)).unwrap()).collect();
    assert_eq!(after, before);
}

#[test]
fn a_program_that_cannot_be_run_ends_with_2() {
    let place = Place::new();
    let ran = place.run(["run", "--", "./no-such-program"]);
    assert!(ran.code == 2 && ran.err.contains("failed to run ./no-such-program"), "{}", ran.err);
    assert_eq!(place.run(["run"]).code, 2);
    let ran = place.run(["run", "--listen", "0.0.0.0:0", "--", "true"]);
    assert!(ran.code == 2 && ran.err.contains("--reachable"), "{}", ran.err);
    let ran = place.run(["run", "--trust", "no.pem", "--", "true"]);
    assert!(ran.code == 2 && ran.err.contains("--trust no.pem"), "{}", ran.err);
    let told = place.run(["run", "true"]);
    assert!(told.err.contains("no request came through the proxy"), "{}", told.err);
    told.with_code(0);
}

/// Whoever ends the recorder ends the program, which tidies up; what it recorded is not lost halfway.
#[test]
fn a_signal_reaches_the_program_and_its_own_end_counts() {
    for signal in ["INT", "TERM", "HUP"] {
        let place = Place::new();
        let mut command = place.command();
        let script = "trap 'echo tidied; exit 5' INT TERM HUP; echo ready; while :; do sleep 0.05; done";
        command
            .args(["run", "--", "sh", "-c", script])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut running = command.spawn().unwrap();
        let mut out = BufReader::new(running.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        let kill = Command::new("kill").args([format!("-{signal}"), running.id().to_string()]).status().unwrap();
        assert!(kill.success());
        line.clear();
        out.read_to_string(&mut line).unwrap();
        assert_eq!((line.as_str(), running.wait().unwrap().code()), ("tidied\n", Some(5)), "{signal}");
    }
}

#[test]
fn the_variables_alone_are_printed_for_a_shell() {
    let place = Place::new();
    let mut command = place.command();
    command.args(["run", "--print-env", "--no-proxy", "db.internal"]).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut running = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(running.stdout.take().unwrap()).lines();
    let printed: Vec<String> =
        lines.by_ref().map(Result::unwrap).take_while(|line| !line.contains("TAPES_MODE")).collect();
    assert!(printed.contains(&"export NO_PROXY='db.internal'".to_owned()), "{printed:?}");
    let proxy = printed.iter().find_map(|line| line.strip_prefix("export HTTP_PROXY='http://")).unwrap();
    assert!(std::net::TcpStream::connect(proxy.trim_end_matches('\'')).is_ok(), "it listens: {proxy}");
    Command::new("kill").args(["-INT", &running.id().to_string()]).status().unwrap();
    assert_eq!(running.wait().unwrap().code(), Some(0));
}
