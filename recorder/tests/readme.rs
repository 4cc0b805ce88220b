//! The README's table of formats is made from the formats that there are and from the table in `docs/formats.md`, whose numbers
//! `corpus.rs` holds against the recordings. `UPDATE_DOCS=1 cargo test -p traffic-recorder --all-features --test readme` writes it.
#![cfg(feature = "formats")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use traffic_recorder::formats::{ExportFormat, Format};

/// The rows of the guide: who records, in what form, how many exchanges were tried, the name of the format.
fn rows(guide: &str) -> Vec<[String; 4]> {
    let (_, table) = guide.split_once("| recorded by |").expect("the table");
    let lines = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let cells = lines.map(|line| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>());
    cells.map(|cells| [cells[0], cells[1], cells[3], cells[4].trim_matches('`')].map(str::to_owned)).collect()
}

fn table(guide: &str) -> String {
    let rows = rows(guide);
    let mut table = String::from("| read as | what these tools recorded | exchanges |\n|---|---|---:|\n");
    for format in Format::all() {
        let own: Vec<_> = rows.iter().filter(|row| row[3] == format.name()).collect();
        assert!(!own.is_empty(), "docs/formats.md does not say what `{}` reads", format.name());
        let tools: Vec<_> = own.iter().map(|row| row[0].as_str()).collect();
        let exchanges: usize = own.iter().filter_map(|row| row[2].parse::<usize>().ok()).sum();
        let exchanges = if exchanges == 0 { "own fixtures".to_owned() } else { exchanges.to_string() };
        let _ = writeln!(table, "| `{}` | {} | {exchanges} |", format.name(), tools.join(", "));
    }
    let known = rows.iter().all(|row| Format::named(&row[3]).is_some());
    assert!(known, "docs/formats.md names a format that there is not");
    let written: Vec<_> = ExportFormat::all().map(|format| format!("`{}`", format.name())).collect();
    let _ = writeln!(table, "\n`tapes export` writes {}.", written.join(", "));
    table
}

#[test]
fn the_readmes_table_of_formats_is_up_to_date() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let guide = fs::read_to_string(root.join("docs/formats.md")).unwrap().replace("\r\n", "\n");
    let file = root.join("README.md");
    let there = fs::read_to_string(&file).unwrap().replace("\r\n", "\n");
    let (before, rest) = there.split_once("<!-- formats, by recorder/tests/readme.rs -->\n").unwrap();
    let (_, after) = rest.split_once("<!-- /formats -->").unwrap();
    let fresh =
        format!("{before}<!-- formats, by recorder/tests/readme.rs -->\n{}<!-- /formats -->{after}", table(&guide));
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&file, &fresh).unwrap();
    } else {
        assert!(
            there == fresh,
            "README.md is stale: UPDATE_DOCS=1 cargo test -p traffic-recorder --all-features --test readme"
        );
    }
}
