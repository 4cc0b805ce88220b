//! Instances: settings, routing, subscriptions and limits.

mod kit;

use destination_router::destination::{Instance, Mistake, Target};
use kit::{EXAMPLE, definition, instance, one_action, places};
use serde_json::{Value, json};
use std::time::Duration;

fn refused(text: &str, config: &Value) -> Vec<Mistake> {
    match Instance::new(definition(text), "test", config) {
        Ok(_) => panic!("the configuration is taken"),
        Err(mistakes) => mistakes,
    }
}

fn settings() -> Value {
    json!({ "apiKey": "fake-key" })
}

#[test]
fn every_mistake_in_a_configuration_is_named_with_its_place() {
    let config = json!({
        "setings": {}, "settings": { "apikey": "fake", "region": "mars" }, "filter": "type = \"trak\"", "send_to": "nowhere", "allow_internal": "yes",
        "limits": { "rate": "fast" },
        "actions": [{ "action": "trak" }, { "action": "track", "mapping": { "nam": "x", "name": { "@pth": "$.event" } }, "when": "type = " }],
    });
    let mistakes = refused(EXAMPLE, &config);
    let mut found = places(&mistakes);
    found.sort_unstable();
    let expected = [
        ("/actions/0/action", Some("track")),
        ("/actions/1/mapping/nam", Some("name")),
        ("/actions/1/mapping/name", None),
        ("/actions/1/when", None),
        ("/allow_internal", None),
        ("/filter", Some("track")),
        ("/limits/rate", None),
        ("/send_to", None),
        ("/setings", Some("settings")),
        ("/settings/apiKey", None),
        ("/settings/apikey", Some("apiKey")),
        ("/settings/region", None),
    ];
    assert_eq!(found, expected);
}

#[test]
fn settings_are_checked_and_filled_without_showing_secrets() {
    let wrong = refused(EXAMPLE, &json!({ "settings": { "apiKey": 7 } }));
    assert_eq!(wrong[0].message, "the setting \"apiKey\" is a text");
    // An export holds an empty text where nothing was filled in.
    assert_eq!(places(&refused(EXAMPLE, &json!({ "settings": { "apiKey": "" } }))), [("/settings/apiKey", None)]);
    let instance = instance(EXAMPLE, &json!({ "settings": settings() }));
    assert!(!format!("{instance:?}").contains("fake-key"));
}

#[test]
fn without_actions_those_of_the_file_are_on() {
    let all = instance(EXAMPLE, &json!({ "settings": settings() }));
    assert_eq!((all.action(0), all.action(1), all.action(2)), ("track", "identify", ""));
    let text = one_action("preset: false\nrequest: POST /x\njson: $");
    assert_eq!(instance(&text, &Value::Null).route(&json!({ "type": "track" })), 0);
    let on = instance(
        &text,
        &json!({ "actions": [{ "action": "act", "name": "mine" }, { "action": "act", "enabled": false }] }),
    );
    assert_eq!((on.route(&json!({ "type": "track" })), on.action(0)), (1, "mine"));
}

#[test]
fn an_event_goes_to_the_subscriptions_whose_filters_it_fits() {
    let config = json!({
        "settings": settings(), "filter": "userId != null",
        "actions": [{ "action": "track", "when": "type = track and event = \"Paid\"" }, { "action": "identify" }, { "action": "track" }],
    });
    let instance = instance(EXAMPLE, &config);
    assert_eq!(instance.route(&json!({ "type": "track", "event": "Paid", "userId": "u" })), 0b101);
    assert_eq!(instance.route(&json!({ "type": "identify", "userId": "u" })), 0b010);
    assert_eq!(instance.route(&json!({ "type": "track", "event": "Paid" })), 0);
    assert_eq!(instance.route(&json!("no event")), 0);
}

#[test]
fn an_events_integrations_are_obeyed() {
    let config = json!({ "settings": settings(), "integrations": ["Old Example"] });
    let instance = instance(EXAMPLE, &config);
    let wanted = |integrations: Value| instance.route(&json!({ "type": "track", "integrations": integrations })) != 0;
    for yes in [
        json!({}),
        json!(null),
        json!({ "All": true }),
        json!({ "Other": false }),
        json!({ "All": false, "Example (Actions)": true }),
        json!({ "All": false, "Example": {} }),
        json!({ "All": false, "test": true }),
        json!({ "All": false, "Old Example": { "option": 1 } }),
        json!({ "Example": null }),
    ] {
        assert!(wanted(yes.clone()), "{yes}");
    }
    for no in [
        json!({ "All": false }),
        json!({ "Example": false }),
        json!({ "Example (Actions)": false, "All": true }),
        json!({ "Example": false, "test": true }),
        json!({ "All": false, "Other": true }),
    ] {
        assert!(!wanted(no.clone()), "{no}");
    }
}

#[test]
fn limits_come_from_the_file_unless_an_instance_has_others() {
    let ours = instance(EXAMPLE, &json!({ "settings": settings() }));
    let limits = ours.limits(0);
    assert_eq!(
        (limits.events, limits.bytes, limits.linger, limits.timeout),
        (3, 10_000, Duration::from_secs(1), Duration::from_secs(10))
    );
    // A chain takes one event at a time and waits for no other.
    assert_eq!((ours.limits(1).events, ours.limits(1).linger), (1, Duration::ZERO));
    let config = json!({
        "settings": settings(), "limits": { "batch": { "events": 2 }, "rate": "10/s" },
        "actions": ["identify", { "action": "track", "limits": { "batch": { "events": 1 } } }],
    });
    let other = instance(EXAMPLE, &config);
    assert_eq!(
        (other.limits(1).events, other.limits(1).bytes, other.limits(1).rate, other.limits(0).rate),
        (1, 10_000, Some(10.0), Some(10.0))
    );
}

#[test]
fn an_action_that_must_be_mapped_says_so() {
    let text =
        one_action("preset: false\nfields:\n  a: {type: string, required: true}\nrequest: POST /x\njson: $payload");
    let mistakes = refused(&text, &json!({ "actions": ["act"] }));
    assert_eq!(mistakes[0].message, "the action \"act\" needs a mapping for a");
    assert!(
        Instance::new(
            definition(&text),
            "x",
            &json!({ "actions": [{ "action": "act", "mapping": { "a": { "@path": "$.x" } } }] })
        )
        .is_ok()
    );
}

#[test]
fn an_instance_has_so_many_subscriptions_as_a_number_has_bits() {
    let config = |n: usize| json!({ "settings": settings(), "actions": vec!["track"; n] });
    assert_eq!(instance(EXAMPLE, &config(64)).route(&json!({ "type": "track" })), u64::MAX);
    assert!(refused(EXAMPLE, &config(65))[0].message.contains("64"));
}

#[test]
fn settings_of_which_nothing_can_be_made_are_a_mistake() {
    let text = "name: T\nsettings: {url: {type: string}}\nbase: $settings.url\nactions:\n  a: {when: type = track, request: POST /x, json: $}\n";
    assert_eq!(refused(text, &Value::Null)[0].message, "these settings give no address to send to");
    let wrong = refused(text, &json!({ "settings": { "url": "ftp://files.example" } }));
    assert!(wrong[0].message.contains("is no URL"), "{wrong:?}");
}
