//! Recordings in and out.

use crate::support::Place;

const CASSETTE: &str = "http_interactions:
- request:
    method: get
    uri: https://shop.test/pens
    body: {encoding: UTF-8, string: ''}
    headers: {Accept: ['*/*']}
  response:
    status: {code: 200, message: OK}
    headers: {Content-Type: [application/json]}
    body: {encoding: UTF-8, string: '{\"pens\":2}'}
  recorded_at: Fri, 02 Jan 2026 03:04:05 GMT
recorded_with: VCR 6.2.0
";

#[test]
fn a_cassette_becomes_tapes_and_goes_out_again() {
    let place = Place::new();
    place.write("spec/pens.yml", CASSETTE);

    let said = place.run(["import", "spec", "--into", "tapes"]).with_code(0);
    assert!(said.contains("vcr"), "{said}");
    let listed = place.run(["list"]).with_code(0);
    assert!(listed.contains("shop.test/pens"), "{listed}");
    place.run(["verify"]).with_code(0);

    let said = place.run(["export", "tapes", "--as", "har", "--into", "out"]).with_code(0);
    assert!(said.contains("1 exchange"), "{said}");
    let again = place.run(["export", "tapes", "--as", "har", "--into", "out"]);
    assert_eq!(again.code, 2, "what is there is not written over: {}", again.out);
}

/// The cassette with something in its answer that looks like a token.
fn careless() -> String {
    CASSETTE.replace("\"pens\":2", "\"pens\":\"ghp_FAKEfakeFAKEfakeFAKEfakeFAKEfake1234\"")
}

#[test]
fn a_recording_with_a_secret_is_refused_unless_it_is_let_pass() {
    let place = Place::new();
    place.write("pens.yml", &careless());

    let said = place.run(["import", "pens.yml", "--into", "tapes"]).with_code(1);
    assert!(said.contains("pens.yml: refused: interaction 1") && !said.contains("fakeFAKE"), "{said}");
    assert_eq!(place.run(["list"]).code, 2, "no tape was written");

    let args = ["import", "pens.yml", "--into", "tapes"];
    place.run(args.iter().chain(&["--allow", "pattern github-token"])).with_code(0);
    assert_eq!(place.run(["export", "tapes", "--as", "curl", "--into", "out"]).code, 0);
}

#[test]
fn as_is_hides_nothing() {
    let place = Place::new();
    place.write("pens.yml", &careless());
    place.run(["import", "pens.yml", "--into", "tapes", "--as-is"]).with_code(0);
    let tape = crate::support::tape(&place, "pens.yml", "get-shop.test-pens");
    assert!(std::fs::read_to_string(tape).unwrap().contains("ghp_FAKE"));
}

#[test]
fn json_has_a_line_for_each_file_and_then_the_totals() {
    let place = Place::new();
    place.write("spec/broken.yml", "http_interactions: [\n");
    place.write("spec/pens.yml", CASSETTE);
    let said = place.run(["import", "spec", "--into", "tapes", "--json"]).with_code(1);
    let lines: Vec<serde_json::Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3, "{said}");
    let state = |name: &str| {
        let line = lines.iter().find(|line| line["file"].as_str().is_some_and(|file| file.ends_with(name)));
        line.unwrap_or_else(|| panic!("{name} in {said}"))["state"].clone()
    };
    assert_eq!((state("broken.yml"), state("pens.yml")), ("refused".into(), "imported".into()));
    assert_eq!((&lines[2]["totals"]["files"], &lines[2]["totals"]["exact"]), (&2.into(), &1.into()));
}

#[test]
fn the_layer_and_the_host_of_bare_paths_can_be_said() {
    let place = Place::new();
    let mapping = r#"{"request": {"method": "GET", "url": "/pens"}, "response": {"status": 200, "body": "2"}}"#;
    place.write("mappings/pens.json", mapping);
    let args = ["import", "mappings", "--into", "tapes", "--format", "wiremock", "--layer", "logical"];
    place.run(args.iter().chain(&["--base", "https://shop.test"])).with_code(0);
    let listed = place.run(["list", "--json"]).with_code(0);
    assert!(listed.contains("https://shop.test/pens"), "{listed}");
    let file = crate::support::tape(&place, "mappings", "get-shop.test-pens");
    assert!(place.run([std::ffi::OsStr::new("show"), file.as_os_str()]).with_code(0).contains("(logical)"));

    let ran = place.run(args.iter().chain(&["--base", "shop.test"]));
    assert_eq!(ran.code, 2, "{}", ran.out);
}

#[test]
fn every_format_is_written_and_an_unknown_one_is_told() {
    let place = crate::support::shop();
    for (format, file) in [("har", "tapes.har"), ("curl", "requests.sh"), ("vcr", "tapes.yml")] {
        let said = place.run(["export", "tapes/orders", "--as", format, "--into", format, "--json"]).json(0);
        assert_eq!(said["exchanges"], 3, "{said}");
        assert!(std::fs::read_to_string(place.path().join(format).join(file)).unwrap().contains("shop.test/orders"));
    }
    let said = place.run(["export", "tapes/orders", "--as", "wiremock", "--into", "wiremock", "--json"]).json(0);
    assert_eq!(said["files"].as_array().unwrap().len(), 3, "{said}");

    let ran = place.run(["export", "tapes", "--as", "postman", "--into", "out"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("there is no format \"postman\" to write; known: "), "{}", ran.err);
}

#[test]
fn what_was_exported_is_imported_again() {
    let place = crate::support::shop();
    for format in ["har", "vcr"] {
        place.run(["export", "tapes/orders", "--as", format, "--into", format]).with_code(0);
        let again = format!("again-{format}");
        place.run(["import", format, "--into", &again]).with_code(0);
        place.run(["verify", &again]).with_code(0);
    }
}

#[test]
fn what_is_not_there_is_told_once() {
    let place = Place::new();
    let ran = place.run(["import", "gone.yml", "--into", "tapes"]);
    assert_eq!(ran.code, 2);
    assert_eq!(ran.err, "error: failed to read gone.yml: No such file or directory (os error 2)\n");
}

#[test]
fn what_cannot_be_imported_is_told_with_its_reason() {
    let place = Place::new();
    place.write("broken.yml", "http_interactions: [\n");
    let ran = place.run(["import", "broken.yml", "--into", "tapes"]);
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("broken.yml"), "{}", ran.out);

    let ran = place.run(["import", "broken.yml", "--into", "tapes", "--format", "cvr"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("there is no format \"cvr\"; known: ") && ran.err.contains("wiremock"), "{}", ran.err);
}
