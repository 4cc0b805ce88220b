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
