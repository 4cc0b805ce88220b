//! How long a typical mapping takes to compile and to run, and a filter to read and to ask.
//!
//! ```text
//! cargo run --release -p destination-router --example mapping_speed
//! ```

use destination_router::filter::Filter;
use destination_router::mapping::Mapping;
use serde_json::{Value, json};
use std::hint::black_box;
use std::time::Instant;

const ROUNDS: usize = 2001;

fn main() {
    let (mapping, event) = (mapping(), event());
    let compiled = Mapping::compile(&mapping).expect("the mapping compiles");
    let filter = r#"type = "track" and event != "Signed Out" and (properties.total >= 10 or contains(event, "Order"))"#;
    let read = Filter::parse(filter).expect("the filter can be read");

    report("compile a mapping of 25 fields", || {
        let _ = black_box(Mapping::compile(black_box(&mapping)));
    });
    report("apply it to an event of 1 KB", || {
        let _ = black_box(compiled.apply(black_box(&event)));
    });
    report("read a filter of 4 conditions", || {
        let _ = black_box(Filter::parse(black_box(filter)));
    });
    report("ask it about an event", || {
        black_box(read.matches(black_box(&event)));
    });
}

/// Prints the median of many rounds of ten calls, in microseconds for one call.
fn report(what: &str, mut work: impl FnMut()) {
    let mut times: Vec<_> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            (0..10).for_each(|_| work());
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    println!("{what:<32} {:>8.2} µs", times[ROUNDS / 2].as_secs_f64() * 1e6 / 10.0);
}

fn mapping() -> Value {
    let first_of = |a: &str, b: &str| json!({ "@if": { "exists": { "@path": a }, "then": { "@path": a }, "else": { "@path": b } } });
    let path = |path: &str| json!({ "@path": path });
    json!({
        "name": path("$.event"), "time": path("$.timestamp"), "id": path("$.messageId"),
        "user": first_of("$.userId", "$.anonymousId"), "email": first_of("$.properties.email", "$.context.traits.email"),
        "phone": first_of("$.properties.phone", "$.context.traits.phone"), "label": { "@template": "{{event}} by {{userId}}" },
        "ip": path("$.context.ip"), "agent": path("$.context.userAgent"), "locale": path("$.context.locale"),
        "page": { "url": path("$.context.page.url"), "path": path("$.context.page.path"), "title": path("$.context.page.title") },
        "campaign": { "source": path("$.context.campaign.source"), "medium": path("$.context.campaign.medium") },
        "order": path("$.properties.order_id"), "total": path("$.properties.total"), "currency": path("$.properties.currency"),
        "items": { "@arrayPath": ["$.properties.products", {
            "id": first_of("$.product_id", "$.sku"), "name": path("$.name"), "price": path("$.price"), "quantity": path("$.quantity"),
        }] },
        "properties": path("$.properties"), "source": "server",
    })
}

fn event() -> Value {
    let product = |n: usize| json!({ "product_id": format!("p-{n}"), "sku": format!("s-{n}"), "name": "A thing", "price": 9.5, "quantity": n });
    json!({
        "type": "track", "event": "Order Completed", "userId": "user-1", "messageId": "m-1", "timestamp": "2026-01-01T00:00:00.000Z",
        "context": {
            "ip": "192.0.2.1", "userAgent": "Mozilla/5.0 (a browser of an ordinary length)", "locale": "en",
            "page": { "url": "https://shop.example/checkout", "path": "/checkout", "title": "Checkout" },
            "campaign": { "source": "letter", "medium": "email" }, "traits": { "email": "someone@shop.example" },
        },
        "properties": { "order_id": "o-1", "total": 57.0, "currency": "EUR", "products": [product(1), product(2), product(3)] },
    })
}
