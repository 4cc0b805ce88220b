//! `docs/tapes-reference.md` has the help of every command, word for word. `UPDATE_DOCS=1` writes it anew.

use std::path::PathBuf;

use crate::help::commands;
use crate::support::Place;

/// The text between the fence after a heading and the fence that closes it.
fn block<'a>(text: &'a str, heading: &str) -> Option<&'a str> {
    let from = text.find(&format!("\n{heading}\n"))?;
    let open = from + text[from..].find("```text\n")? + "```text\n".len();
    let close = open + text[open..].find("```")?;
    Some(&text[open..close])
}

#[test]
fn the_documentation_has_the_help_of_every_command() {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/tapes-reference.md");
    let mut text = std::fs::read_to_string(&file).expect("docs/tapes-reference.md").replace("\r\n", "\n");
    let update = std::env::var_os("UPDATE_DOCS").is_some();
    let place = Place::new();
    for command in commands(&place) {
        let heading = format!("## `tapes {command}`");
        let help = place.run([command.as_str(), "--help"]).with_code(0);
        let help = help.lines().map(str::trim_end).collect::<Vec<_>>().join("\n") + "\n";
        let shown =
            block(&text, &heading).unwrap_or_else(|| panic!("docs/tapes-reference.md has no block of {heading}"));
        if update && shown != help {
            let at = shown.as_ptr() as usize - text.as_ptr() as usize;
            let len = shown.len();
            text.replace_range(at..at + len, &help);
        } else {
            assert_eq!(shown, help, "run the tests with UPDATE_DOCS=1");
        }
    }
    if update {
        std::fs::write(&file, &text).expect("written");
    }
    for heading in text.lines().filter_map(|line| line.strip_prefix("## `tapes ")) {
        let name = heading.trim_end_matches('`').to_owned();
        assert!(commands(&place).contains(&name), "there is no command {name}");
    }
}
