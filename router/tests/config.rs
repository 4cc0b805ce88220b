//! The configuration: what is read of a right one, and what is said of a wrong one.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;
use std::time::Duration;

use destination_router::control::config::{self, Config, EXAMPLE};

/// The report on a configuration, or nothing where it is right.
fn report(text: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("router.yaml");
    std::fs::write(&file, text).unwrap();
    let found = match config::load(&file, &[], &variables) {
        Ok(_) => String::new(),
        Err(report) => report.to_string(),
    };
    found.replace(&format!("{}/", folder.path().display()), "")
}

fn read(text: &str) -> Config {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("router.yaml");
    std::fs::write(&file, text).unwrap();
    config::load(&file, &[], &variables).unwrap().config
}

fn variables(name: &str) -> Option<String> {
    match name {
        "KEY" => Some("fake-key".to_owned()),
        "TOKEN" => Some("fake-token".to_owned()),
        "EMPTY" => Some(String::new()),
        "PORTS" => Some("20".to_owned()),
        _ => None,
    }
}

const SOURCE: &str = "sources: {shop: {write_keys: [k], destinations: []}}\n";

#[test]
fn the_example_is_right_and_says_what_the_defaults_are() {
    let config = read(EXAMPLE);
    assert_eq!(config.sources[0].destinations, ["hook"]);
    assert!(config.destinations[0].allow_internal);

    // What is commented out, read: each key that shows a default shows the one that is in force without it.
    let uncommented: String = EXAMPLE
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(key)
                if [
                    "limits:",
                    "  event",
                    "  body",
                    "  batch",
                    "  backlog",
                    "  connections",
                    "dedupe:",
                    "retention:",
                    "delivery:",
                ]
                .iter()
                .any(|name| key.starts_with(name)) =>
            {
                format!("{key}\n")
            }
            _ => format!("{line}\n"),
        })
        .collect();
    assert!(uncommented.contains("\n  connections: 10000"), "{uncommented}");
    assert_eq!(read(&uncommented), config);
    let defaults = Config::default();
    assert_eq!((config.limits, config.dedupe), (defaults.limits, defaults.dedupe));
    assert_eq!((config.retention, config.delivery), (defaults.retention, defaults.delivery));
    assert_eq!((config.listen, config.admin), (defaults.listen, defaults.admin));
}

#[test]
fn sizes_durations_and_variables_are_read() {
    let config = read(
        "listen: localhost:9999
sources:
  shop: {write_keys: ['${KEY}', '${OTHER:-spare}'], destinations: all, strict: true}
destinations:
  a: {type: webhook, settings: {}, order: user, enabled: false}
limits: {event: 1KB, body: 2KiB, batch: '${PORTS}', backlog: {events: 1_000, bytes: 1.5GB}}
dedupe: {for: 90s}
retention: {age: 1d}
delivery: {window: 1h 30m}
",
    );
    assert_eq!(config.listen, ([127, 0, 0, 1], 9999).into());
    assert_eq!(config.sources[0].write_keys.iter().map(|key| key.expose()).collect::<Vec<_>>(), ["fake-key", "spare"]);
    assert_eq!(config.sources[0].destinations, ["a"]);
    assert!(config.sources[0].strict && config.destinations[0].ordered && !config.destinations[0].enabled);
    assert_eq!((config.limits.event, config.limits.body, config.limits.batch), (1_000, 2_048, 20));
    assert_eq!((config.limits.backlog_events, config.limits.backlog_bytes), (1_000, 1_500_000_000));
    assert_eq!(config.dedupe.window, Duration::from_secs(90));
    assert_eq!(config.retention.age, Duration::from_secs(86_400));
    assert_eq!(config.delivery.window, Duration::from_secs(5_400));
}

#[test]
fn every_mistake_is_told_at_once_with_its_place() {
    insta::assert_snapshot!(report(
        "listen: 8080
limts: {event: 32KB}
admin: {listen: 0.0.0.0:8081}
sources:
  shop: {write_keys: [a, a], destinations: [hoook, hook, hook]}
  till: {write_keys: a, destination: [hook]}
  'no good': {write_keys: []}
destinations:
  hook: {type: webhook, settings: {}, order: users, enabled: 'yes'}
  none: {}
limits: {event: lots, batch: 0, backlog: 7}
dedupe: {for: 5}
delivery: [256]
"
    ), @r#"
    router.yaml:1:9: expected a text, found a number: write it in quotes
      1 | listen: 8080
        |         ^^^^
    router.yaml:2:1: there is no key "limts"; known: listen, behind_proxy, admin, data, destinations_from, sources, destinations, limits, dedupe, retention, delivery
      2 | limts: {event: 32KB}
        | ^^^^^
        = did you mean "limits"?
    router.yaml:3:17: the admin API shows events and can pause delivery: on an address that others can reach it needs a `token` beside it
      3 | admin: {listen: 0.0.0.0:8081}
        |                 ^^^^^^^^^^^^
    router.yaml:5:26: this write key stands here twice
      5 |   shop: {write_keys: [a, a], destinations: [hoook, hook, hook]}
        |                          ^
    router.yaml:5:45: there is no destination "hoook"; known: hook, none
      5 |   shop: {write_keys: [a, a], destinations: [hoook, hook, hook]}
        |                                             ^^^^^
        = did you mean "hook"?
    router.yaml:5:58: `hook` stands here twice
      5 |   shop: {write_keys: [a, a], destinations: [hoook, hook, hook]}
        |                                                          ^^^^
    router.yaml:6:9: a source needs `destinations`: the names of those that get its events, `all`, or [] for none yet
      6 |   till: {write_keys: *, destination: [hook]}
        |         ^
    router.yaml:6:22: this write key also belongs to the source `shop`: an event could not be told apart
      6 |   till: {write_keys: *, destination: [hook]}
        |                      ^
    router.yaml:6:25: there is no key "destination"; known: write_keys, destinations, strict
      6 |   till: {write_keys: *, destination: [hook]}
        |                         ^^^^^^^^^^^
        = did you mean "destinations"?
    router.yaml:7:3: a name has 1 to 100 letters, digits, `-`, `_` or `.`: it stands in metrics and in addresses
      7 |   'no good': {write_keys: *]}
        |   ^^^^^^^^^
    router.yaml:7:14: a source needs `write_keys`: the texts by which its clients are known
      7 |   'no good': {write_keys: *]}
        |              ^
    router.yaml:7:14: a source needs `destinations`: the names of those that get its events, `all`, or [] for none yet
      7 |   'no good': {write_keys: *]}
        |              ^
    router.yaml:9:46: `order` is `user` (the events of one user one after the other) or `none`
      9 |   hook: {type: webhook, settings: {}, order: users, enabled: 'yes'}
        |                                              ^^^^^
    router.yaml:9:62: expected true or false, found a text
      9 |   hook: {type: webhook, settings: {}, order: users, enabled: 'yes'}
        |                                                              ^^^^^
    router.yaml:10:9: a destination needs a `type`: the name of its definition, like `webhook`
      10 |   none: {}
         |         ^
    router.yaml:11:17: expected a size like 500KB, 32KiB or 20GB, found "lots"
      11 | limits: {event: lots, batch: 0, backlog: 7}
         |                 ^^^^
    router.yaml:11:30: expected a whole number from 1 on, found 0
      11 | limits: {event: lots, batch: 0, backlog: 7}
         |                              ^
    router.yaml:11:42: expected keys with values (`events: …`), found a number
      11 | limits: {event: lots, batch: 0, backlog: 7}
         |                                          ^
    router.yaml:12:15: expected a duration like 90s, 4h or 7d, found 5
      12 | dedupe: {for: 5}
         |               ^
    router.yaml:13:11: expected keys with values (`concurrency: …`), found a list
      13 | delivery: [256]
         |           ^
    "#);
}

#[test]
fn a_variable_that_is_not_set_is_named_and_nothing_else() {
    insta::assert_snapshot!(report(
        "sources:
  shop:
    write_keys: ['${SHOP_KEY}']
    destinations: all
admin: {token: '${ADMIN'}
"
    ), @r#"
    router.yaml:3:18: the environment variable SHOP_KEY is not set: set it, or write ${SHOP_KEY:-default}
      3 |     write_keys: ['${SHOP_KEY}']
        |                  ^^^^^^^^^^^^^
    router.yaml:5:16: this ${ has no }: write $${ for a literal ${
      5 | admin: {token: '${ADMIN'}
        |                ^^^^^^^^^
    "#);
}

#[test]
fn a_document_that_is_none_says_where() {
    insta::assert_snapshot!(report("sources: {shop: [\n"), @r#"
    router.yaml:1:17: this is no YAML: unclosed bracket '['
      1 | sources: {shop: [
        |                 ^
    "#);
    insta::assert_snapshot!(report(""), @r#"router.yaml:1:1: the file is empty"#);
    insta::assert_snapshot!(report("- 1\n"), @r#"
    router.yaml:1:1: expected keys with values (`listen: …`), found a list
      1 | - 1
        | ^
    router.yaml:1:1: no source is configured: write `sources: {NAME: {write_keys: [...], destinations: [...]}}`
      1 | - 1
        | ^
    "#);
    insta::assert_snapshot!(report("listen: 127.0.0.1:1\nlisten: 127.0.0.1:2\n"), @r#"
    router.yaml:2:1: "listen" stands here twice
      2 | listen: 127.0.0.1:2
        | ^^^^^^
        = remove one of the two
    "#);
}

#[test]
fn a_key_of_two_sources_and_an_empty_one_are_refused() {
    insta::assert_snapshot!(report(
        "sources:
  shop: {write_keys: [same-fake-key], destinations: []}
  till: {write_keys: ['${EMPTY}', same-fake-key], destinations: []}
"
    ), @r#"
    router.yaml:3:23: a write key is empty: any text will do, as long as only this source's clients know it
      3 |   till: {write_keys: ['${EMPTY}', same-fake-key], destinations: []}
        |                       ^^^^^^^^^^
    router.yaml:3:35: this write key also belongs to the source `shop`: an event could not be told apart
      3 |   till: {write_keys: ['${EMPTY}', same-fake-key], destinations: []}
        |                                   ^^^^^^^^^^^^^
    "#);
}

#[test]
fn two_listeners_need_two_addresses() {
    insta::assert_snapshot!(report(&format!("{SOURCE}listen: 127.0.0.1:8081\n")), @r#"
    router.yaml:2:9: `listen` and `admin.listen` are the same address: give each a port of its own
      2 | listen: 127.0.0.1:8081
        |         ^^^^^^^^^^^^^^
    "#);
    assert_eq!(report(&format!("{SOURCE}listen: 127.0.0.1:0\nadmin: {{listen: 127.0.0.1:0}}\n")), "");
}

#[test]
fn an_admin_api_that_others_reach_needs_a_token() {
    let open = format!("{SOURCE}admin: {{listen: '0.0.0.0:8081'}}\n");
    assert!(report(&open).contains("needs a `token`"), "{}", report(&open));
    assert_eq!(report(&format!("{SOURCE}admin: {{listen: '0.0.0.0:8081', token: '${{TOKEN}}'}}\n")), "");
    assert!(report(&format!("{SOURCE}admin: {{token: '${{EMPTY}}'}}\n")).contains("the token is empty"));
}

#[test]
fn secrets_are_not_shown() {
    let config = read(
        "sources: {shop: {write_keys: ['${KEY}'], destinations: all}}
admin: {token: '${TOKEN}'}
destinations: {a: {type: webhook, settings: {sharedSecret: '${KEY}'}}}
",
    );
    let shown = format!("{config:?}");
    assert!(!shown.contains("fake"), "{shown}");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = config::load(Path::new("/nowhere/router.yaml"), &[], &variables).unwrap_err().to_string();
    assert!(error.starts_with("/nowhere/router.yaml: cannot be read: "), "{error}");
}
