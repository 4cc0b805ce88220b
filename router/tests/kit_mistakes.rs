//! Mistakes in destination files: each is found at load, with its place and what was meant.

mod kit;

use destination_router::destination::Mistake;
use kit::{EXAMPLE, compile, one_action, places};

fn mistakes(text: &str) -> Vec<Mistake> {
    match compile(text) {
        Ok(_) => panic!("the file is taken:\n{text}"),
        Err(mistakes) => mistakes,
    }
}

/// The only mistake of an action of which these are the lines.
fn mistake(action: &str) -> Mistake {
    let mut found = mistakes(&one_action(action));
    assert_eq!(found.len(), 1, "{action}: {found:#?}");
    found.remove(0)
}

#[test]
fn the_example_has_none() {
    assert!(compile(EXAMPLE).is_ok());
}

#[test]
fn all_mistakes_of_a_file_are_found_at_once() {
    let text = "
nam: Test
docs: partner.example
settings: {key: {type: secrt, requird: true}, region: {enum: us}, n: {type: number, default: x}}
base: partner.example/v1
limits: {batch: {event: 5}}
headers: {\"bad name\": x}
actions:
  a:
    when: type = trak
    request: PSOT /x
    json: $setings.key
    form: {}
  b: {when: type = track, request: POST /x, jsn: {}}
";
    let found = mistakes(text);
    let mut found = places(&found);
    found.sort_unstable();
    let expected = [
        ("", None),
        ("/actions/a/form", None),
        ("/actions/a/json", Some("$settings")),
        ("/actions/a/request", Some("POST")),
        ("/actions/a/when", Some("track")),
        ("/actions/b/jsn", Some("json")),
        ("/base", None),
        ("/docs", None),
        ("/headers/bad name", None),
        ("/limits/batch/event", Some("events")),
        ("/nam", Some("name")),
        ("/settings/key/requird", Some("required")),
        ("/settings/key/type", Some("secret")),
        ("/settings/n/default", None),
        ("/settings/region/enum", None),
    ];
    assert_eq!(found, expected);
}

#[test]
fn what_a_path_names_must_be_there() {
    let fields = "fields: {name: $.event}\nrequest: POST /x\n";
    assert_eq!(mistake(&format!("{fields}json: $.nam")).suggestion.as_deref(), Some("name"));
    assert_eq!(mistake(&format!("{fields}json: $payload.event")).at, "/actions/act/json");
    assert_eq!(mistake("request: POST /{{$settings.regoin}}").suggestion.as_deref(), Some("region"));
    // In a list's items, and in the event, anything may be there.
    assert!(compile(&one_action(&format!("{fields}json: {{$each: $event.list, do: $.whatever}}"))).is_ok());
    let later =
        mistake("steps:\n- {name: one, request: GET /x, query: {a: $two.body}}\n- {name: two, request: GET /x}");
    assert_eq!(later.at, "/actions/act/steps/0/query/a");
    assert!(later.message.contains("nothing here is called $two"), "{later}");
}

#[test]
fn a_secret_stands_in_no_url_unless_the_partner_wants_it_so() {
    for line in ["request: POST /x/{{$settings.key}}", "request: GET /x\nquery: {k: [$settings.key, x]}"] {
        assert!(mistake(line).message.contains("the secret key would stand in a URL"), "{line}");
    }
    let text = |more: &str| {
        format!(
            "name: T\nsettings: {{key: {{type: secret{more}}}}}\nbase: https://p.example\nauth: {{query: {{k: $settings.key}}}}\nactions:\n  a: {{when: type = track, request: POST /x, json: $}}\n"
        )
    };
    assert_eq!(places(&mistakes(&text(""))), [("/auth/query/k", None)]);
    assert!(compile(&text(", secret_in_url: true")).is_ok());
    assert!(
        compile(&one_action("request: POST /x\nheaders: {x-key: $settings.key}\njson: {k: $settings.key}")).is_ok()
    );
}

#[test]
fn an_address_has_a_scheme_and_a_beginning() {
    let text = |base: &str, line: &str| {
        format!("name: T\n{base}\nactions:\n  a: {{when: type = track, request: \"{line}\", json: $}}\n")
    };
    assert_eq!(
        places(&mistakes(&text("base: \"{{$settings.x}}.example\"\nsettings: {x: {}}", "POST /x"))),
        [("/base", None)]
    );
    assert_eq!(places(&mistakes(&text("docs: []", "POST /x"))), [("/actions/a/request", None)]);
    assert_eq!(places(&mistakes(&text("base: https://p.example", "POST x"))), [("/actions/a/request", None)]);
    assert_eq!(places(&mistakes(&text("base: https://p.example", "POST"))), [("/actions/a/request", None)]);
    assert!(compile(&text("docs: []", "POST https://p.example/x")).is_ok());
    assert!(compile(&text("docs: []", "POST {{{$.url}}}")).is_ok());
}

#[test]
fn an_action_says_what_it_sends_and_when() {
    assert_eq!(mistake("request: POST /x\neach: $\njson: $").message, "a request has one body: `json` or `each`");
    assert!(mistake("request: POST /x\njson: $\nwrap: {a: $batch}").message.starts_with("`wrap` goes with `each`"));
    assert!(
        mistake("request: POST /x\neach: $\nwrap: {a: 1}").message.starts_with("`wrap` says where the list stands")
    );
    assert!(
        mistake("request: POST /x\njson: $\nbatch: true").message.starts_with("only an action with `each` can batch")
    );
    assert!(mistake("request: POST /x\njson: $\nalone: POST /y").message.starts_with("`alone` goes with `each`"));
    assert!(mistake("request: GET /x\nok: often").message.starts_with("`ok` is a status"));
    assert!(mistake("json: $").message.starts_with("`request` is a method"));
    assert!(mistake("request: POST /x\ncode: magic").message.contains("no Rust hook \"magic\""));
    assert!(mistake("request: POST /x\njson: $batch").message.contains("nothing here is called $batch"));
    let counted = "request: POST /x\nheaders: {a: \"{{$.x}}\", b: {$list: [$.x, {$size: $batch}]}}\neach: $";
    assert!(mistake(counted).message.starts_with("the size of a batch is known when"));
    let made = "request: POST /x\neach: $\nwrap: {first: \"$batch[0]\", user: $.user}";
    assert!(mistake(made).message.starts_with("something is made of $batch here"));
}

#[test]
fn required_fields_have_a_default_or_their_action_is_off() {
    let fields = "fields: {a: {type: string, required: true}}\nrequest: POST /x\njson: $payload";
    assert_eq!(mistake(fields).at, "/actions/act/fields/a");
    assert!(compile(&one_action(&format!("preset: false\n{fields}"))).is_ok());
}

#[test]
fn fields_are_checked_as_the_rest_is() {
    let at = |field: &str| {
        let found = mistake(&format!("fields: {{f: {field}}}\nrequest: POST /x\njson: $payload"));
        (found.at.trim_start_matches("/actions/act/fields/f").to_owned(), found.suggestion)
    };
    assert_eq!(at("{type: strin}"), ("/type".to_owned(), Some("string".to_owned())));
    assert_eq!(at("{type: string, requried: true}"), ("/requried".to_owned(), Some("required".to_owned())));
    assert_eq!(at("{type: string, format: emial}"), ("/format".to_owned(), Some("email".to_owned())));
    assert_eq!(at("{type: string, enum: []}"), ("/enum".to_owned(), None));
    assert_eq!(at("{type: string, default: {\"@pth\": $.x}}"), ("/default".to_owned(), Some("@path".to_owned())));
    assert_eq!(at("{type: string, properties: {a: {type: string}}}"), ("/properties".to_owned(), None));
    assert_eq!(
        at("{type: object, properties: {a: {typ: string}}}"),
        ("/properties/a/typ".to_owned(), Some("type".to_owned()))
    );
    assert_eq!(
        at("{type: string, required: {conditions: [{fieldKey: gone, operator: is}]}}"),
        ("/required/conditions".to_owned(), None)
    );
}

#[test]
fn steps_have_names_that_paths_can_name() {
    let name = |name: &str| mistake(&format!("steps:\n- {{{name}request: GET /x}}")).message;
    assert!(name("").starts_with("a step has a `name`"));
    assert!(name("name: event, ").starts_with("$event means something else"));
    assert!(name("name: two words, ").starts_with("\"two words\" is made of letters"));
    let twice = mistake("steps:\n- {name: a, request: GET /x}\n- {name: a, request: GET /x}");
    assert_eq!(
        (twice.at.as_str(), twice.message.as_str()),
        ("/actions/act/steps/1/name", "there are two steps called a")
    );
    let both = mistake("request: GET /x\nsteps:\n- {name: a, request: GET /x}");
    assert_eq!(both.at, "/actions/act/request");
}

#[test]
fn a_file_that_is_no_destination_says_what_one_is() {
    for text in ["[]", "text", "{}", "actions: []", "name: x\nactions: {}", "name: x\nactions: {a: 1}"] {
        assert!(!mistakes(text).is_empty(), "{text}");
    }
}

#[test]
fn deep_and_odd_values_are_refused_and_not_followed() {
    let deep = format!("{}1{}", "[".repeat(40), "]".repeat(40));
    assert!(compile(&one_action(&format!("request: POST /x\njson: {deep}"))).is_ok());
    let mut value = serde_json::json!(1);
    for _ in 0..200 {
        value = serde_json::json!({ "a": value });
    }
    let file = serde_json::json!({ "name": "x", "base": "https://p.example", "actions": { "a": { "when": "type = track", "request": "POST /x", "json": value } } });
    let mistakes = destination_router::destination::Definition::compile("x", &file).expect_err("too deep");
    assert!(mistakes[0].message.contains("levels deep"), "{mistakes:?}");
}
