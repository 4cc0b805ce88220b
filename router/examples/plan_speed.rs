//! How long it takes to plan one event, for every destination.
//!
//! ```text
//! cargo run --release -p destination-router --example plan_speed [FOLDER]
//! ```
//!
//! One event of 1 KB with 40 values goes through routing, fields, values and request building, credentials included: once by itself and once as one of a
//! hundred. For each destination the action that takes longest is shown. Destinations are those that came with the program, and those in the folder.

use destination_router::destination::{Catalog, Definition, Env, Instance, Setting, SettingKind, Target};
use serde_json::{Map, Value, json};
use std::hint::black_box;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

/// The same as the command has.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 501;

fn main() {
    let mut catalog = Catalog::embedded().unwrap_or_else(|report| panic!("{report}"));
    if let Some(folder) = std::env::args().nth(1)
        && let Err(report) = catalog.add_folder(&PathBuf::from(folder))
    {
        eprintln!("{report}");
    }
    println!("{:<34} {:<26} {:>12} {:>12}", "destination", "action", "alone, µs", "of 100, µs");
    let mut medians: Vec<f64> = catalog.iter().filter_map(measure).collect();
    medians.sort_by(f64::total_cmp);
    if let Some(median) = medians.get(medians.len() / 2) {
        println!("{:<34} {:<26} {:>12} {median:>12.2}", "median", "", "");
    }
}

/// Prints a destination's slowest action, and gives its time for one event of a hundred.
fn measure(definition: &Arc<Definition>) -> Option<f64> {
    let mut slowest: Option<(String, f64, f64)> = None;
    for action in definition.actions() {
        for kind in ["track", "identify", "page", "group"] {
            let event = event(kind);
            let config = json!({ "settings": settings(definition.settings()), "actions": [{ "action": action, "when": "type != \"none\"" }] });
            let Ok(instance) = Instance::new(Arc::clone(definition), "speed", &config) else { continue };
            let env = Env { now: jiff::Timestamp::UNIX_EPOCH, seed: 1 };
            if instance.route(&event) == 0 || !instance.plan(0, &[&event], &env).refused.is_empty() {
                continue;
            }
            let events: Vec<&Value> = std::iter::repeat_n(&event, 100).collect();
            let alone = time(|| {
                black_box(instance.route(black_box(&event)));
                black_box(instance.plan(0, black_box(&[&event]), &env));
            });
            let batch = time(|| {
                for event in &events {
                    black_box(instance.route(black_box(event)));
                }
                black_box(instance.plan(0, black_box(&events), &env));
            }) / 100.0;
            if slowest.as_ref().is_none_or(|(_, _, so_far)| batch > *so_far) {
                slowest = Some((format!("{action} ({kind})"), alone, batch));
            }
        }
    }
    let Some((action, alone, batch)) = slowest else {
        println!("{:<34} no action takes the standard event with made-up settings", definition.slug());
        return None;
    };
    println!("{:<34} {action:<26} {alone:>12.2} {batch:>12.2}", definition.slug());
    Some(batch)
}

/// The median of many rounds, in microseconds.
fn time(mut work: impl FnMut()) -> f64 {
    let mut times: Vec<_> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[ROUNDS / 2].as_secs_f64() * 1e6
}

/// Something for every setting.
fn settings(settings: &[Setting]) -> Value {
    let value = |setting: &Setting| match (setting.choices.first(), setting.kind) {
        _ if setting.default.is_some() => None,
        (Some(choice), _) => Some(choice.clone()),
        (None, SettingKind::String | SettingKind::Secret) if setting.name.to_lowercase().contains("url") => {
            Some("https://partner.example/".into())
        }
        (None, SettingKind::String | SettingKind::Secret) => Some("x123456789".into()),
        (None, SettingKind::Boolean) => Some(false.into()),
        (None, SettingKind::Number) => Some(1.into()),
        (None, SettingKind::List) => Some(json!(["x"])),
        (None, SettingKind::Object) => Some(self::settings(&setting.properties)),
    };
    let filled = settings.iter().filter_map(|setting| Some((setting.name.clone(), value(setting)?)));
    Value::Object(filled.collect::<Map<_, _>>())
}

fn event(kind: &str) -> Value {
    let details = json!({
        "email": "someone@shop.example", "name": "Someone Else", "order_id": "o-1", "total": 57.5, "revenue": 57.5, "currency": "EUR", "coupon": "SPRING",
        "category": "shoes", "phone": "+15551234567", "plan": "pro", "url": "https://shop.example/checkout", "quantity": 2, "price": 28.75,
        "product_id": "p-1", "sku": "s-1", "query": "shoes", "list": "summer",
    });
    json!({
        "type": kind, "event": "Order Completed", "name": "Checkout", "userId": "user-1", "anonymousId": "a-1", "groupId": "g-1", "messageId": "m-1",
        "timestamp": "2026-01-02T03:04:05.678Z", "sentAt": "2026-01-02T03:04:05.900Z", "receivedAt": "2026-01-02T03:04:06.000Z", "integrations": {},
        "context": {
            "ip": "192.0.2.1", "userAgent": "Mozilla/5.0 (a browser of an ordinary length)", "locale": "en-GB", "timezone": "Europe/London",
            "page": { "url": "https://shop.example/checkout", "path": "/checkout", "title": "Checkout" },
            "campaign": { "source": "letter", "medium": "email" }, "traits": { "email": "someone@shop.example" },
            "library": { "name": "analytics-node", "version": "3.1.0" }, "device": { "id": "d-1", "type": "ios" }, "os": { "name": "iOS" },
        },
        "properties": details, "traits": details,
    })
}
