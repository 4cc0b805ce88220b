//! The command line: what each command says, and with which exit code it ends.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;
use std::process::{Command, Output};

fn router(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_router"));
    command.args(arguments).current_dir(folder).env_remove("ROUTER_CONFIG").env_remove("RUST_LOG");
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What a command wrote to standard error, and its exit code.
fn failed(folder: &Path, arguments: &[&str]) -> (String, Option<i32>) {
    let output = router(folder, arguments);
    (text(&output.stderr), output.status.code())
}

fn write(folder: &Path, name: &str, content: &str) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

const DEFINITION: &str = "name: Acme
docs: https://acme.example/docs
settings: {apiKey: {type: secret, required: true}}
base: http://127.0.0.1:1
auth: {bearer: $settings.apiKey}
actions:
  send:
    when: type = \"track\"
    request: POST /events
    json: {event: $.event}
";

#[test]
fn every_command_has_examples_in_its_help() {
    let folder = tempfile::tempdir().unwrap();
    let commands: [&[&str]; 13] = [
        &[],
        &["run"],
        &["check"],
        &["conform"],
        &["explain"],
        &["dead-letters"],
        &["dead-letters", "list"],
        &["dead-letters", "show"],
        &["dead-letters", "redrive"],
        &["status"],
        &["pause"],
        &["resume"],
        &["bench"],
    ];
    for command in commands {
        let output = router(folder.path(), &[command, &["--help"]].concat());
        let help = text(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{command:?}");
        assert!(help.contains("Examples:\n  router "), "{command:?}: {help}");
    }
}

#[test]
fn a_wrong_command_line_ends_with_2() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(failed(folder.path(), &["explian", "x"]).1, Some(2));
    let (said, code) = failed(folder.path(), &["run", "--grace", "soon"]);
    assert_eq!(code, Some(2));
    assert!(said.contains("soon"), "{said}");
}

#[test]
fn a_configuration_that_is_not_there_ends_with_2_and_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    for command in ["run", "check"] {
        let (said, code) = failed(folder.path(), &[command]);
        assert_eq!(code, Some(2), "{said}");
        assert!(
            said.starts_with("error: there is no router.yaml: name the configuration with `--config FILE`"),
            "{said}"
        );
    }
    let (said, code) = failed(folder.path(), &["status", "-c", "elsewhere.yaml"]);
    assert_eq!(code, Some(2));
    assert!(said.starts_with("error: elsewhere.yaml: cannot be read"), "{said}");
}

#[test]
fn check_and_run_tell_the_same_mistakes() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "definitions/acme.yaml", DEFINITION);
    write(
        folder.path(),
        "router.yaml",
        "destinations_from: [definitions]
sources: {shop: {write_keys: ['${NO_SUCH_VARIABLE_HERE:-k}'], destinations: [acme]}}
destinations:
  acme: {type: acme, settings: {apiKye: fake-key}, filter: 'type = '}
  other: {type: acmee}
",
    );

    let checked = failed(folder.path(), &["check"]);

    assert_eq!(checked.1, Some(1));
    assert_eq!(failed(folder.path(), &["run"]), checked);
    assert!(checked.0.starts_with("error: "), "{}", checked.0);
    for expected in [
        "router.yaml:4:32: ",
        "did you mean \"apiKey\"?",
        "router.yaml:4:60: ",
        "router.yaml:5:17: there is no definition \"acmee\"",
        "did you mean \"acme\"?",
    ] {
        assert!(checked.0.contains(expected), "{expected:?} is not in\n{}", checked.0);
    }
    assert!(!folder.path().join("data").exists(), "nothing is begun with a wrong configuration");
}

#[test]
fn a_variable_that_is_not_set_is_told_before_anything_runs() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        "router.yaml",
        "sources: {shop: {write_keys: ['${NO_SUCH_VARIABLE_HERE}'], destinations: []}}\n",
    );

    let (said, code) = failed(folder.path(), &["run"]);

    assert_eq!(code, Some(1));
    assert!(said.contains("router.yaml:1:31: the environment variable NO_SUCH_VARIABLE_HERE is not set"), "{said}");
}

#[test]
fn definition_files_are_checked_by_themselves_with_file_line_and_column() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "acme.yaml", DEFINITION);
    write(
        folder.path(),
        "wrong.yaml",
        &DEFINITION.replace("json:", "jsn:").replace("$settings.apiKey", "$settings.apiKye"),
    );

    let right = router(folder.path(), &["check", "acme.yaml"]);
    assert_eq!(text(&right.stdout), "1 definition: acme: no mistakes\n");

    let (said, code) = failed(folder.path(), &["check", "acme.yaml", "wrong.yaml"]);
    assert_eq!(code, Some(1));
    assert!(said.contains("wrong.yaml:5:") && said.contains("wrong.yaml:10:"), "{said}");
    assert!(said.contains("did you mean \"json\"?") && said.contains("apiKey"), "{said}");
    assert!(!said.contains("acme.yaml"), "{said}");
}

#[test]
fn a_folder_of_definitions_needs_no_configuration_to_be_checked() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "mine/acme.yaml", DEFINITION);
    let right = router(folder.path(), &["check", "--destinations", "mine"]);
    assert_eq!(text(&right.stdout), "1 definition: acme: no mistakes\n");

    let (said, code) = failed(folder.path(), &["check", "--destinations", "nowhere"]);
    assert_eq!(code, Some(2));
    assert!(said.contains("nowhere cannot be read"), "{said}");
}

#[test]
fn an_action_without_a_tape_is_told() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "acme.yaml", DEFINITION);

    let (said, code) = failed(folder.path(), &["check", "acme.yaml", "--tapes", "tapes"]);
    assert_eq!(code, Some(1));
    assert!(said.contains("acme.yaml: there is no tape for the action `send` in tapes/acme"), "{said}");

    write(folder.path(), "tapes/acme/sent/case.yaml", "use: send\n");
    assert_eq!(router(folder.path(), &["check", "acme.yaml", "--tapes", "tapes"]).status.code(), Some(0));
}

#[test]
fn a_port_that_is_taken_is_named_and_the_log_is_not_touched() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        "router.yaml",
        &format!("listen: {address}\nsources: {{shop: {{write_keys: [k], destinations: []}}}}\n"),
    );

    let (said, code) = failed(folder.path(), &["run"]);

    assert_eq!(code, Some(2));
    assert!(said.contains(&format!("cannot listen on {address}")) && said.contains("`listen`"), "{said}");
    assert!(!folder.path().join("data").exists());
}

#[test]
fn commands_for_a_running_router_say_that_there_is_none() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        "router.yaml",
        "admin: {listen: 127.0.0.1:1}\nsources: {shop: {write_keys: [k], destinations: []}}\n",
    );
    for command in [&["status"][..], &["pause", "a"], &["resume", "a"], &["dead-letters", "redrive"]] {
        let (said, code) = failed(folder.path(), command);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.starts_with("error: no router runs here (nobody listens on 127.0.0.1:1)"), "{said}");
    }
    let (said, code) = failed(folder.path(), &["explain", "x"]);
    assert_eq!(code, Some(2));
    assert!(said.starts_with("error: no router runs here, and there is no log in "), "{said}");
    assert!(!folder.path().join("data").exists(), "looking makes no folder");
}

#[test]
fn a_small_bench_measures_and_cleans_up() {
    let folder = tempfile::tempdir().unwrap();

    let output =
        router(folder.path(), &["bench", "--events", "500", "--batch", "10", "--connections", "4", "--data", "."]);

    let said = text(&output.stdout);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(said.contains("accepted ") && said.contains("end to end "), "{said}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
