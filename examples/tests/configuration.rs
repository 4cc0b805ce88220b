//! Every example in `docs/configuration.md` is right: each block is a configuration that opens, and every pattern that it names
//! there is.

use std::fs;
use std::path::Path;

use traffic_recorder::policy::EXAMPLE;
use traffic_recorder::{Error, Mode, Recorder};

#[test]
fn every_block_of_the_documentation_is_a_configuration() {
    let blocks = blocks();
    assert!(blocks.len() > 10, "{} blocks", blocks.len());
    for block in blocks {
        open_with(&block).unwrap_or_else(|error| panic!("{error}\n\n{block}"));
    }
}

#[test]
fn the_whole_file_that_the_library_shows_is_a_configuration() {
    open_with(EXAMPLE).expect("it opens");
}

#[test]
fn every_pattern_that_the_documentation_names_is_known() {
    let page = page();
    let (_, list) = page.split_once("The patterns are ").expect("the page lists the patterns");
    let (list, _) = list.split_once(".\n").expect("the list ends");
    for pattern in list.split(',').map(|name| name.trim().trim_matches('`')) {
        open_with(&format!("allow: [pattern {pattern}]")).expect("it is known");
    }
}

#[test]
fn the_block_of_defaults_names_every_key() {
    let blocks = blocks();
    let keys = |text: &str| -> Vec<String> {
        text.lines().filter(|line| line.starts_with(char::is_alphabetic)).map(key).collect()
    };
    assert_eq!(keys(&blocks[0]), keys(EXAMPLE));
}

fn key(line: &str) -> String {
    line.split(':').next().unwrap_or(line).to_owned()
}

fn open_with(configuration: &str) -> Result<(), Error> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("recorder.yaml"), configuration).expect("it is writable");
    Recorder::at(folder.path().join("test")).mode(Mode::Off).open()?.finish().map(drop)
}

fn blocks() -> Vec<String> {
    let page = page();
    let parts = page.split("```yaml\n").skip(1);
    parts.map(|part| part.split("```").next().unwrap_or(part).to_owned()).collect()
}

fn page() -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");
    fs::read_to_string(page).expect("the page is there")
}
