//! What `router conform` finds in folders of cases, with a destination that does as it is told.

use std::path::Path;

use bytes::Bytes;
use destination_router::conform::case::{Body, Suite};
use destination_router::conform::{CannotPlan, Exchange, Listed, Options, Planner, Summary, run};
use destination_router::destination::Catalog;
use http::Request;
use serde_json::{Map, Value, json};

/// Sends to `partner` what the event holds under `send`, and refuses where the event says `refuse`.
struct Fake(Value);

fn listed(value: &Value) -> Vec<Listed> {
    let items = value.as_array().expect("a list").iter();
    let text = |item: &Value, name: &str, default: &str| item[name].as_str().unwrap_or(default).to_owned();
    items
        .map(|item| Listed {
            action: text(item, "action", "*"),
            case: text(item, "case", "*"),
            at: text(item, "at", ""),
            why: text(item, "why", ""),
        })
        .collect()
}

impl Planner for Fake {
    fn destination(&self, slug: &str) -> Option<Vec<Listed>> {
        (slug == "partner").then(|| listed(&self.0))
    }

    fn case(
        &self,
        _: &str,
        action: &str,
        settings: &Map<String, Value>,
        event: &Value,
    ) -> Result<Exchange, CannotPlan> {
        if action != "send" {
            return Err(CannotPlan::NoAction(action.to_owned()));
        }
        let key = settings
            .get("key")
            .and_then(Value::as_str)
            .ok_or_else(|| CannotPlan::Settings("key is needed".to_owned()))?;
        let requests = event["send"].as_array().into_iter().flatten();
        let requests = requests.map(|body| {
            let request = Request::post("https://partner.example/track?b=2&a=1");
            let request =
                request.header("authorization", format!("Bearer {key}")).header("content-type", "application/json");
            request.body(Bytes::from(body.to_string())).expect("a request")
        });
        Ok(Exchange { requests: requests.collect(), refused: event["refuse"].as_str().map(str::to_owned) })
    }
}

fn sent(body: &Value) -> Value {
    json!({
        "method": "POST", "url": "https://partner.example/track?a=1&b=2", "json": body,
        "headers": {"Authorization": "Bearer fake", "content-type": "application/json;charset=UTF-8", "user-agent": "Segment"},
    })
}

fn case(name: &str, event: &Value, requests: &[Value]) -> Value {
    json!({"action": "send", "case": name, "subscribe": "type = \"track\"", "event": event, "requests": requests})
}

fn file(folder: &Path, slug: &str, cases: &[Value]) {
    let file =
        json!({"destination": slug, "name": slug, "settings": {"key": "fake"}, "secrets": ["key"], "cases": cases});
    std::fs::write(folder.join(format!("{slug}.json")), format!("{file:#}")).expect("a file is written");
}

fn conform(differs: Value, cases: &[Value]) -> Summary {
    let folder = tempfile::tempdir().expect("a folder");
    file(folder.path(), "partner", cases);
    run(&Fake(differs), folder.path(), &Options::default()).unwrap_or_else(|report| panic!("{report}"))
}

fn found(summary: &Summary) -> Vec<&str> {
    summary.checked[0]
        .cases
        .iter()
        .flat_map(|case| &case.differences)
        .map(|difference| difference.at.as_str())
        .collect()
}

#[test]
fn the_same_requests_are_the_same_in_any_order_of_query_and_fields() {
    let summary =
        conform(json!([]), &[case("a", &json!({"send": [{"x": 1, "y": 2}]}), &[sent(&json!({"y": 2.0, "x": 1}))])]);
    assert_eq!(found(&summary), [""; 0]);
    assert_eq!(summary.checked[0].counts(), [1, 0, 0]);
    assert!(summary.passed(true));
}

#[test]
fn every_difference_of_a_request_is_found() {
    let mut other = sent(&json!({"x": 1, "gone": null}));
    other["method"] = json!("PUT");
    other["url"] = json!("https://partner.example/other?a=1&b=3&c=4");
    other["headers"]["authorization"] = json!("Bearer other");
    other["headers"].as_object_mut().unwrap().remove("Authorization");
    other["headers"]["x-version"] = json!("2");
    let summary = conform(json!([]), &[case("a", &json!({"send": [{"x": 2}]}), &[other, sent(&json!({}))])]);
    let expected = [
        "/requests/0/method",
        "/requests/0/url/address",
        "/requests/0/url/query/b",
        "/requests/0/url/query/c",
        "/requests/0/headers/authorization",
        "/requests/0/headers/x-version",
        "/requests/0/json/x",
        "/requests/0/json/gone",
        "/requests/1",
    ];
    let mut found = found(&summary);
    let mut expected = expected.to_vec();
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected);
    assert!(!summary.passed(false));
}

#[test]
fn refusals_are_compared_with_refusals_and_so_is_what_was_sent_before() {
    let refused = |name: &str, event: Value, requests: &[Value]| {
        let mut case = case(name, &event, requests);
        case["error"] = json!({"name": "PayloadValidationError", "status": 400, "message": "theirs"});
        case
    };
    let summary = conform(
        json!([]),
        &[
            refused("both", json!({"refuse": "ours"}), &[]),
            refused("after one request", json!({"send": [1], "refuse": "ours"}), &[sent(&json!(1))]),
            refused("theirs alone", json!({}), &[]),
            case("ours alone", &json!({"refuse": "ours"}), &[]),
            refused("another request before", json!({"send": [1], "refuse": "ours"}), &[sent(&json!(2))]),
        ],
    );
    assert_eq!(found(&summary), ["/error", "/error", "/requests/0/json"]);
    assert_eq!(summary.checked[0].cases[2].differences[0].theirs, Some(json!("theirs")));
}

#[test]
fn what_differs_from_run_to_run_is_not_compared() {
    let mut volatile = case("a", &json!({"send": [{"id": 1, "x": 1}]}), &[sent(&json!({"id": 2, "x": 1}))]);
    volatile["volatile"] = json!(["/0/json/id"]);
    assert_eq!(found(&conform(json!([]), &[volatile])), [""; 0]);
}

#[test]
fn listed_differences_pass_with_their_reason_and_stale_ones_are_named() {
    let differs = json!([
        {"action": "se*", "case": "a", "at": "/requests/*/json/time", "why": "the partner wants seconds"},
        {"action": "other", "why": "never"},
    ]);
    let cases = [
        case("a", &json!({"send": [{"time": 1}]}), &[sent(&json!({"time": 1000}))]),
        case("b", &json!({"send": [{"time": 1}]}), &[sent(&json!({"time": 1000}))]),
    ];
    let summary = conform(differs, &cases);
    assert_eq!(summary.checked[0].counts(), [0, 1, 1]);
    assert_eq!(summary.checked[0].stale.len(), 1);
    let text = summary.to_string();
    for expected in [
        "partner send a\n  /requests/0/json/time (listed: the partner wants seconds)\n    ours:   1\n    theirs: 1000\n",
        "partner lists a difference that does not occur: action other, case *, at anywhere (never)\n",
        "destination  cases   same  listed  unlisted\npartner          2      0       1         1\nall              2      0       1         1\n",
    ] {
        assert!(text.contains(expected), "{text}");
    }
    let json = summary.to_json();
    assert_eq!(
        json["checked"][0]["differing"][1]["differences"],
        json!([{"at": "/requests/0/json/time", "ours": 1, "theirs": 1000}])
    );
    assert_eq!(json["checked"][0]["stale"][0]["why"], json!("never"));
}

#[test]
fn what_is_not_built_is_named_and_fails_only_where_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    file(folder.path(), "absent", &[case("a", &json!({}), &[])]);
    file(folder.path(), "partner", &[]);
    let summary = run(&Fake(json!([])), folder.path(), &Options::default()).unwrap();
    assert!(summary.passed(false) && !summary.passed(true));
    assert!(summary.to_string().ends_with("not built: 1 destinations with 1 cases: absent\n"));
    let only = Options { only: vec!["partner".to_owned()] };
    assert!(run(&Fake(json!([])), folder.path(), &only).unwrap().passed(true));
}

#[test]
fn an_action_or_settings_that_a_destination_lacks_are_differences() {
    let mut action = case("a", &json!({}), &[]);
    action["action"] = json!("sned");
    let summary = conform(json!([]), &[action]);
    assert_eq!(found(&summary), ["/action"]);
    let folder = tempfile::tempdir().unwrap();
    let file = json!({"destination": "partner", "settings": {}, "cases": [case("a", &json!({}), &[])]});
    std::fs::write(folder.path().join("partner.json"), file.to_string()).unwrap();
    let summary = run(&Fake(json!([])), folder.path(), &Options::default()).unwrap();
    assert_eq!(found(&summary), ["/settings"]);
}

#[test]
fn a_file_that_is_no_case_file_is_refused_with_its_place() {
    let problem = |text: &str| {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("x.json"), text).unwrap();
        let report = run(&Fake(json!([])), folder.path(), &Options::default()).unwrap_err().to_string();
        report.replace(&folder.path().display().to_string(), "")
    };
    let cases = [
        ("", "/x.json:1:1: the file is empty"),
        ("{\"a\": 1, \"a\": 2}", "/x.json:1:10: \"a\" stands here twice"),
        ("[]", "/x.json:1:1: an object was expected"),
        ("{\"settings\": {},\n \"cases\": {}}", "/x.json:2:11: a list was expected"),
        (
            "{\"settings\": {},\n \"cases\": [\n  {\"action\": \"a\", \"case\": 7, \"event\": {}, \"requests\": []}]}",
            "/x.json:3:27: a text was expected",
        ),
        ("{\"settings\": {}, \"cases\": [{\"event\": [], \"requests\": []}]}", "/x.json:1:38: an object was expected"),
        (
            "{\"settings\": {}, \"cases\": [{\"event\": {}, \"action\": \"a\", \"case\": \"c\", \"requests\": [{}]}]}",
            "there is no \"method\" here",
        ),
        ("{\"settings\": {}, \"cases\": []}", "/x.json:1:1: there is no \"destination\" here"),
    ];
    for (text, expected) in cases {
        let report = problem(text);
        assert!(report.contains(expected), "{text}: {report}");
    }
}

#[test]
fn a_folder_without_cases_says_where_they_may_be() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("cases")).unwrap();
    let report = run(&Fake(json!([])), folder.path(), &Options::default()).unwrap_err().to_string();
    assert!(report.contains("holds no cases (*.json): did you mean") && report.contains("/cases?"), "{report}");
    assert!(run(&Fake(json!([])), &folder.path().join("none"), &Options::default()).is_err());
}

const FILE: &str = r#"
name: Partner
settings:
  key: {type: secret, required: true}
  oauth: {type: object, properties: {access_token: {type: secret}, refresh_token: {type: secret}}}
base: https://partner.example
auth: {oauth: {token_url: "https://partner.example/token", refresh_token: $settings.oauth.refresh_token, access_token: $settings.oauth.access_token}}
differs:
  - {at: /requests/*/headers/x-client, why: the partner asks who we are}
actions:
  send:
    when: type = "track"
    fields:
      id: {type: string, required: true, default: $.userId}
    steps:
      - name: found
        request: GET /users/{{$.id}}
      - name: update
        if: $found.body.id
        request: PUT /users/{{$found.body.id}}
      - name: create
        if: {$absent: $found.body.id}
        request: POST /users
        headers: {x-client: router, x-key: $settings.key}
        json: {id: $.id}
  map:
    when: type = "track"
    preset: false
    fields: {id: {type: string, required: true}}
    request: POST /map
    json: {id: $.id}
"#;

#[test]
fn the_catalog_plans_chains_with_empty_answers_and_the_token_of_the_case() {
    let files = tempfile::tempdir().unwrap();
    std::fs::write(files.path().join("partner.yaml"), FILE).unwrap();
    let mut catalog = Catalog::default();
    catalog.add_folder(files.path()).unwrap_or_else(|report| panic!("{report}"));
    let with_token =
        |method: &str, url: &str| json!({"method": method, "url": url, "headers": {"authorization": "Bearer AT"}});
    let mut created = with_token("POST", "https://partner.example/users");
    created["json"] = json!({"id": "u"});
    created["headers"]["x-key"] = json!("fake");
    created["headers"]["content-type"] = json!("application/json");
    let refused = |mut case: Value| {
        case["error"] = json!({"name": "AggregateAjvError", "message": "id is missing"});
        case
    };
    let mut unmapped = refused(case("unmapped", &json!({"type": "track"}), &[]));
    unmapped["action"] = json!("map");
    let cases = json!({
        "destination": "partner",
        "settings": {"key": "fake", "oauth": {"access_token": "AT", "refresh_token": "RT"}},
        "cases": [
            case("a", &json!({"type": "track", "userId": "u"}), &[with_token("GET", "https://partner.example/users/u"), created]),
            refused(case("no id", &json!({"type": "track"}), &[])),
            unmapped,
        ],
    });
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("partner.json"), cases.to_string()).unwrap();
    let summary = run(&catalog, folder.path(), &Options::default()).unwrap_or_else(|report| panic!("{report}"));
    assert!(summary.passed(true), "{summary}");
    assert_eq!(summary.checked[0].counts(), [2, 1, 0], "{summary}");
}

#[test]
fn every_destination_that_has_cases_passes_them() {
    let Some(shared) = std::env::var_os("SHARED") else {
        println!("skipped: the variable SHARED does not name the folder with oracle/");
        return;
    };
    let catalog = Catalog::embedded().unwrap_or_else(|report| panic!("{report}"));
    let cases = Path::new(&shared).join("oracle/cases");
    let summary = run(&catalog, &cases, &Options::default()).unwrap_or_else(|report| panic!("{report}"));
    assert!(summary.passed(false), "{summary}");
}

/// Sends what a case holds: nothing may differ.
struct Echo(Vec<Suite>);

impl Planner for Echo {
    fn destination(&self, _: &str) -> Option<Vec<Listed>> {
        Some(Vec::new())
    }

    fn case(&self, slug: &str, action: &str, _: &Map<String, Value>, event: &Value) -> Result<Exchange, CannotPlan> {
        let suite = self.0.iter().find(|suite| suite.slug == slug).expect("a suite");
        let case = suite.cases.iter().find(|case| case.action == action && case.event == *event).expect("a case");
        let requests = case.requests.iter().map(|sent| {
            let mut request = Request::builder().method(sent.method.as_str()).uri(&sent.url);
            for (name, value) in &sent.headers {
                request = request.header(name, value);
            }
            let body = match &sent.body {
                Body::Empty => String::new(),
                Body::Json(json) => json.to_string(),
                Body::Text(text) => text.clone(),
            };
            request.body(Bytes::from(body)).expect("a request")
        });
        Ok(Exchange { requests: requests.collect(), refused: case.error.clone() })
    }
}

#[test]
fn what_segment_sends_does_not_differ_from_itself() {
    let Some(shared) = std::env::var_os("SHARED") else {
        println!("skipped: the variable SHARED does not name the folder with oracle/");
        return;
    };
    let folder = Path::new(&shared).join("oracle/cases");
    let files = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let echo = Echo(files.map(|path| Suite::read(&path).unwrap_or_else(|report| panic!("{report}"))).collect());
    let summary = run(&echo, &folder, &Options::default()).unwrap_or_else(|report| panic!("{report}"));
    assert!(summary.passed(true), "{summary}");
    assert!(!summary.checked.is_empty(), "there are no cases");
}
