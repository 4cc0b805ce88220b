//! Which of an instance's subscriptions want an event.

use serde_json::Value;

use super::super::instance::Instance;

/// A bit for each subscription, from the lowest.
pub(super) fn route(instance: &Instance, event: &Value) -> u64 {
    if !wanted(instance, event) || instance.filter.as_ref().is_some_and(|filter| !filter.matches(event)) {
        return 0;
    }
    let subscriptions = instance.subscriptions.iter().enumerate();
    subscriptions
        .filter(|(_, subscription)| subscription.when.matches(event))
        .fold(0, |bits, (place, _)| bits | 1 << place)
}

/// What keeps an event from all subscriptions.
pub(super) fn why_not(instance: &Instance, event: &Value) -> Option<String> {
    if route(instance, event) != 0 {
        return None;
    }
    if !wanted(instance, event) {
        return Some("its `integrations` say no".to_owned());
    }
    if instance.filter.as_ref().is_some_and(|filter| !filter.matches(event)) {
        return Some("the destination's `filter` does not let it through".to_owned());
    }
    let names: Vec<&str> = instance.subscriptions.iter().map(|subscription| subscription.name.as_str()).collect();
    if names.is_empty() {
        return Some("the destination has no actions: name some in the configuration under `actions`".to_owned());
    }
    Some(format!("`when` does not let it through for any action ({})", names.join(", ")))
}

/// What the event's `integrations` object says: a destination's own entry counts before `All`, and without either it is wanted. An
/// object as entry holds options, and means yes.
fn wanted(instance: &Instance, event: &Value) -> bool {
    let Some(entries) = event.get("integrations").and_then(Value::as_object).filter(|entries| !entries.is_empty())
    else {
        return true;
    };
    let own = instance
        .called
        .iter()
        .chain([&instance.name])
        .filter_map(|name| entries.get(name))
        .filter(|entry| !entry.is_null());
    let mut found = None;
    for entry in own {
        // Where it is called by several names, a no counts.
        found = Some(found.unwrap_or(true) && is_yes(entry));
    }
    let all = || entries.get("All").or_else(|| entries.get("all")).is_none_or(is_yes);
    found.unwrap_or_else(all)
}

fn is_yes(entry: &Value) -> bool {
    !matches!(entry, Value::Bool(false)) && entry.as_str() != Some("false")
}
