//! Recordings that somebody made to do harm: nothing is executed, nothing is written outside the target, memory and time are bounded.
//!
//! What a single reader refuses is in `formats.rs`; here whole imports are tried, and every reader with broken files.
#![cfg(feature = "formats")]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use base64::Engine as _;
use traffic_recorder::formats::{FileState, Format, Import, ImportReport, Source};
use traffic_recorder::tape::{Key, Layer, Tape};

const PING: &str = "interactions:\n- request: {method: GET, uri: 'http://shop.test/ping'}\n  response: {status: {code: 200}, body: {string: pong}}\n";

/// A folder to import from, and one beside it that nothing may reach.
fn folder() -> (tempfile::TempDir, PathBuf) {
    let root = tempfile::tempdir().expect("a folder");
    let input = root.path().join("in");
    fs::create_dir_all(&input).expect("a folder");
    (root, input)
}

fn import(root: &tempfile::TempDir) -> ImportReport {
    Import::to(root.path().join("tapes")).run([root.path().join("in")]).expect("the folder is there")
}

/// Everything below a folder, but what is below `in` and `tapes`.
fn outside(root: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(root).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.filter(|path| !path.ends_with("in") && !path.ends_with("tapes")).collect()
}

fn tapes_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(tapes_below(&path));
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            found.push(path);
        }
    }
    found
}

#[test]
fn names_of_files_never_lead_out_of_the_target_and_never_meet() {
    let (root, input) = folder();
    let mut names: Vec<Vec<u8>> = [
        "..yaml",
        "...yaml",
        "..\\..\\evil.yaml",
        "C:evil.yaml",
        "CON.yaml",
        "aux",
        "a:b.yaml",
        "a::b.yaml",
        "a: :b.yaml",
        " .yaml ",
        "-rf.yaml",
        "new\nline.yaml",
        "tab\t.yaml",
        "{{secret:x}}.yaml",
        "%2e%2e%2fevil.yaml",
        "recorder.yaml",
        "A.yaml",
        "a.yaml",
        "e\u{301}.yaml",
        "\u{e9}.yaml",
        "\u{202e}lmay.yaml",
    ]
    .iter()
    .map(|name| name.as_bytes().to_vec())
    .collect();
    names.push(vec![b'n'; 250]);
    // Two names that are the same text where what is no UTF-8 is replaced, and a third.
    names.extend([b"\xff.yaml".to_vec(), b"\xfe.yaml".to_vec(), b"\xfd.yaml".to_vec()]);
    #[cfg(unix)]
    for name in &names {
        use std::os::unix::ffi::OsStrExt as _;
        fs::write(input.join(std::ffi::OsStr::from_bytes(name)), PING).expect("a name that the system takes");
    }
    let report = import(&root);
    let target = fs::canonicalize(root.path().join("tapes")).expect("it was made");
    let visible = names.iter().filter(|name| !name.starts_with(b".")).count();
    assert_eq!((report.files.len(), report.totals().exact), (visible, visible), "{report}");
    let mut folders: Vec<PathBuf> = Vec::new();
    for file in &report.files {
        let folder = fs::canonicalize(file.folder.as_ref().expect("it was imported")).expect("it is there");
        assert!(folder.starts_with(&target) && folder != target, "{}", folder.display());
        folders.push(folder);
    }
    folders.sort();
    folders.dedup();
    assert_eq!(folders.len(), visible);
    assert_eq!(outside(root.path()), Vec::<PathBuf>::new());
}

#[test]
fn methods_hosts_and_paths_name_tapes_and_no_other_files() {
    let (root, input) = folder();
    let mut text = String::from("interactions:\n");
    for (method, url) in [
        ("../../../evil", "http://shop.test/"),
        ("GET", "http://shop.test/../../../../evil"),
        ("GET", "http://shop.test/..%2f..%2f..%2fevil"),
        ("GET", "http://../../evil"),
        ("GET", "http://..%2f..%2fevil/"),
        ("GET", "http://shop.test/\\..\\..\\evil"),
        ("GET", "file:///etc/passwd"),
        ("GET", "http://shop.test/%00evil"),
        ("GET", "http://shop.test/CON"),
        ("GET", "//evil/../../x"),
    ] {
        text.push_str(&format!(
            "- request: {{method: '{method}', uri: '{url}'}}\n  response: {{status: {{code: 200}}, body: {{string: pong}}}}\n"
        ));
    }
    text.push_str(&format!(
        "- request: {{method: GET, uri: 'http://shop.test/{}'}}\n  response: {{status: {{code: 200}}, body: {{string: pong}}}}\n",
        "long/".repeat(2_000)
    ));
    fs::write(input.join("a.yaml"), text).expect("a file");
    let report = import(&root);
    let tapes = tapes_below(&root.path().join("tapes"));
    assert!(tapes.len() >= 6, "{report}");
    for tape in &tapes {
        let name = tape.file_name().and_then(|name| name.to_str()).expect("a name of text");
        assert!(name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)), "{name}");
        assert!(!name.starts_with('.') && name.len() < 200, "{name}");
        assert_eq!(tape.parent(), report.files[0].folder.as_deref());
    }
    assert_eq!(outside(root.path()), Vec::<PathBuf>::new());
}

#[test]
fn code_in_a_recording_is_text() {
    let (root, input) = folder();
    let mark = root.path().join("mark");
    let touch = format!("touch {}", mark.display());
    for (name, text) in [
        (
            "erb.yml",
            format!(
                "---\nhttp_interactions:\n- request:\n    method: get\n    uri: http://shop.test/<%= `{touch}` %>\n    body: {{encoding: UTF-8, string: ''}}\n    headers: {{}}\n  response:\n    status: {{code: 200, message: OK}}\n    headers: {{}}\n    body: {{encoding: UTF-8, string: '<%= system(\"{touch}\") %>'}}\nrecorded_with: VCR 6.2.0\n"
            ),
        ),
        (
            "ruby.yml",
            format!(
                "---\nhttp_interactions:\n- !ruby/object:Gem::Installer\n  request: !ruby/object:Gem::Requirement\n    method: get\n    uri: http://shop.test/\n  response: !ruby/struct:VCR::Response\n    status: {{code: 200, message: OK}}\n    body: !ruby/object:Net::BufferedIO {{string: '{touch}'}}\nrecorded_with: VCR 6.2.0\n"
            ),
        ),
        (
            "python.yaml",
            format!(
                "interactions:\n- request: {{method: GET, uri: 'http://shop.test/'}}\n  response: {{status: {{code: 200}}, body: {{string: !!python/object/apply:os.system ['{touch}']}}}}\nversion: 1\n"
            ),
        ),
        (
            "yakbak.js",
            format!(
                "var path = require('path');\nrequire('child_process').execSync('{touch}');\n/**\n * GET /\n *\n * host: shop.test\n */\nmodule.exports = function (req, res) {{\n  res.statusCode = 200;\n  require('fs').writeFileSync('{}', '');\n  res.end();\n  return __filename;\n}};\n",
                mark.display()
            ),
        ),
        (
            "wiremock.json",
            format!(
                "{{\"request\": {{\"method\": \"GET\", \"url\": \"/\"}}, \"response\": {{\"status\": 200, \"body\": \"{{{{systemValue type='ENVIRONMENT' key='HOME'}}}} {touch}\", \"transformers\": [\"response-template\"]}}}}"
            ),
        ),
    ] {
        fs::write(input.join(name), text).expect("a file");
    }
    let report = import(&root);
    assert!(!mark.exists());
    let folder_of = |name: &str| {
        let file = report.files.iter().find(|file| file.path.ends_with(name)).expect("a line for each file");
        file.folder.clone().unwrap_or_default()
    };
    let erb = tapes_below(&folder_of("erb.yml"));
    let text = fs::read_to_string(erb.first().expect("it is data like any other")).expect("a tape");
    assert!(text.contains("<%= system("), "{text}");
    let home = std::env::var("HOME").unwrap_or_default();
    for tape in tapes_below(&folder_of("wiremock.json")) {
        let text = fs::read_to_string(tape).expect("a tape");
        assert!(home.len() < 2 || !text.contains(&format!("{home} touch")), "{text}");
    }
}

#[test]
fn a_bomb_in_a_coded_body_is_kept_packed_and_costs_bounded_time() {
    let (root, input) = folder();
    let base64 = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    let cassette = |coding: &str, body: &[u8]| {
        format!(
            "interactions:\n- request: {{method: GET, uri: 'http://shop.test/{coding}'}}\n  response: {{status: {{code: 200}}, headers: {{content-encoding: [{coding}]}}, body: {{string: !!binary '{}'}}}}\n",
            base64(body)
        )
    };
    // Nine MiB of nothing, forty times: more than is unpacked.
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(&vec![0; 9 << 20]).expect("memory takes it");
    let member = gzip.finish().expect("memory takes it");
    fs::write(input.join("gzip.yaml"), cassette("gzip", &member.repeat(40))).expect("a file");
    // A frame of zstd that says it has 2^63 bytes, and a window to match.
    let frame = [0x28, 0xb5, 0x2f, 0xfd, 0xc0, 0xff, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x01, 0, 0];
    fs::write(input.join("zstd.yaml"), cassette("zstd", &frame)).expect("a file");
    fs::write(input.join("br.yaml"), cassette("br", &[0x1b, 0xff, 0xff, 0xff, 0x7f])).expect("a file");
    let start = Instant::now();
    let report = import(&root);
    assert!(start.elapsed() < Duration::from_secs(240), "{:?}", start.elapsed());
    assert_eq!(report.totals().lost, 0, "{report}");
    let written: u64 =
        tapes_below(&root.path().join("tapes")).iter().filter_map(|tape| Some(tape.metadata().ok()?.len())).sum();
    assert!(written < 4 << 20, "{written} bytes are on the disk");
}

#[test]
fn links_are_not_followed_and_a_file_without_an_end_is_refused() {
    let (root, input) = folder();
    fs::write(input.join("a.yaml"), PING).expect("a file");
    let secret = tempfile::tempdir().expect("a folder");
    fs::write(secret.path().join("b.yaml"), PING).expect("a file");
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(secret.path(), input.join("folder")).expect("a link");
        std::os::unix::fs::symlink(secret.path().join("b.yaml"), input.join("b.yaml")).expect("a link");
        std::os::unix::fs::symlink(&input, input.join("loop")).expect("a link");
    }
    let report = import(&root);
    assert_eq!(report.files.len(), 1, "{report}");

    // A gigabyte and a byte, of which none is on the disk.
    let large = input.join("large.yaml");
    fs::File::create(&large).and_then(|file| file.set_len((1 << 30) + 1)).expect("a file with a hole");
    let report = Import::to(root.path().join("tapes")).run([&large]).expect("it is there");
    let FileState::Refused(reason) = &report.files[0].state else { panic!("{report}") };
    assert!(reason.contains("1073741825"), "{reason}");
}

#[test]
fn aliases_of_aliases_deep_nesting_and_huge_numbers_are_refused_or_data() {
    let (root, input) = folder();
    let mut bomb = String::from("interactions:\n- x0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
    for i in 1..12 {
        bomb.push_str(&format!("- x{i}: &a{i} [{}]\n", vec![format!("*a{}", i - 1); 9].join(", ")));
    }
    fs::write(input.join("lol.yaml"), bomb).expect("a file");
    fs::write(input.join("deep.json"), format!("{{\"interactions\": {}", "[".repeat(200_000))).expect("a file");
    fs::write(input.join("deep.har"), format!("{{\"log\": {{\"entries\": {}", "{\"a\":".repeat(200_000)))
        .expect("a file");
    let body = format!("{}{}", "[".repeat(50_000), "]".repeat(50_000));
    fs::write(input.join("body.yaml"), PING.replace("pong", &format!("'{body}'"))).expect("a file");
    for (i, number) in ["1e400", "-1", "99999999999999999999999999", "0x7fffffffffffffff", "1_000"].iter().enumerate() {
        fs::write(input.join(format!("number-{i}.yaml")), PING.replace("200", number)).expect("a file");
    }
    let report = import(&root);
    for file in &report.files {
        let name = file.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match name.as_str() {
            "body.yaml" => assert_eq!(file.exact, 1, "{report}"),
            _ => assert_eq!((file.exact, file.changed.len()), (0, 0), "{name}: {report}"),
        }
    }
}

/// The seeds of the fuzzer, with the format that their first byte chooses.
fn seeds() -> Vec<(Format, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/read_recording");
    let mut seeds = Vec::new();
    for entry in fs::read_dir(&folder).expect("the seeds are in the repository") {
        let bytes = fs::read(entry.expect("an entry").path()).expect("a seed");
        let (choice, bytes) = bytes.split_first().expect("it is not empty");
        let format = Format::all().nth(usize::from(*choice) % Format::all().count()).expect("a format");
        seeds.push((format, bytes.to_vec()));
    }
    seeds
}

/// What is found can be written as a tape; how many exchanges that is.
fn read(format: Format, bytes: &[u8]) -> usize {
    let source = Source { path: Path::new("/nonexistent/mappings/broken"), bytes, base: None };
    let Ok(found) = format.read(source) else { return 0 };
    for exchange in &found.exchanges {
        let (key, layer, rules) = (Key([0; 32]), Layer::Wire, Vec::new());
        let tape = Tape { key, layer, rules, request: exchange.request.clone(), takes: vec![exchange.take.clone()] };
        tape.render().expect("an exchange that was read can be written as a tape");
    }
    found.exchanges.len()
}

#[test]
fn every_reader_has_a_seed_from_which_it_reads_an_exchange() {
    let mut formats: Vec<Format> =
        seeds().into_iter().filter(|(format, seed)| read(*format, seed) > 0).map(|(format, _)| format).collect();
    formats.sort_unstable();
    formats.dedup();
    assert_eq!(formats, Format::all().collect::<Vec<_>>());
}

#[test]
fn no_reader_panics_on_a_file_that_ends_early_or_is_damaged_in_one_place() {
    for (format, seed) in seeds() {
        // Every end and every place of a small seed; of a larger one so many that the test stays short.
        let step = seed.len() / 100 + 1;
        for at in (0..seed.len()).step_by(step) {
            read(format, &seed[..at]);
            for byte in [0xff, b'"'] {
                let mut damaged = seed.clone();
                damaged[at] = byte;
                read(format, &damaged);
            }
        }
    }
}

#[test]
fn no_reader_panics_on_another_formats_file() {
    for (_, seed) in seeds() {
        for format in Format::all() {
            read(format, &seed);
        }
    }
}
