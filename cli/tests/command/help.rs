//! Help, completions, man page; the documentation is held against them.

use crate::support::Place;

/// Every command, as `tapes --help` lists them.
pub(crate) fn commands(place: &Place) -> Vec<String> {
    let help = place.run(["--help"]).with_code(0);
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    // What is indented further goes on from the line before.
    let names = listed.filter_map(|line| line.strip_prefix("  ").filter(|line| !line.starts_with(' ')));
    names.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

#[test]
fn every_command_has_an_example_in_its_help_and_a_man_page() {
    let place = Place::new();
    let commands = commands(&place);
    assert!(commands.len() >= 10, "{commands:?}");
    for command in &commands {
        let help = place.run([command, "--help"]).with_code(0);
        assert!(help.contains("Example") && help.contains(&format!("tapes {command}")), "{help}");
        let page = place.run(["man", command]).with_code(0);
        assert!(page.contains(&format!(".TH tapes-{command}")), "{page}");
    }
    assert!(place.run(["man"]).with_code(0).contains(".SH NAME"));
}

#[test]
fn every_command_stands_in_the_documentation_with_an_example() {
    let page = include_str!("../../../docs/tapes-command.md");
    for command in commands(&Place::new()) {
        assert!(page.contains(&format!("| `tapes {command}")), "docs/tapes-command.md has no row of `tapes {command}`");
        let is_example = |line: &str| line.starts_with("$ ") && line.contains(&format!("tapes {command} "));
        assert!(page.lines().any(is_example), "docs/tapes-command.md has no example of `tapes {command}`");
    }
}

#[test]
fn completions_know_every_shell_and_every_command() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let text = place.run(["completions", shell]).with_code(0);
        for command in commands(&place) {
            assert!(text.contains(&command), "{shell} does not know {command}");
        }
    }
}

#[test]
fn a_wrong_command_line_ends_with_2() {
    let place = Place::new();
    for args in [vec!["nonsense"], vec!["list", "--nonsense"], vec![], vec!["completions", "sh"]] {
        assert_eq!(place.run(&args).code, 2, "{args:?}");
    }
    assert_eq!(place.run(["man", "nonsense"]).code, 2);
}

#[test]
fn cargo_tapes_is_the_same_command() {
    let place = crate::support::shop();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_cargo-tapes"))
        .args(["tapes", "list"])
        .current_dir(place.path())
        .output()
        .unwrap();
    assert_eq!(place.ran(&output).with_code(0), place.run(["list"]).with_code(0));
}
