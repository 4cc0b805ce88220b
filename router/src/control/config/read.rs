//! The configuration, of a document.

use std::collections::HashMap;
use std::net::SocketAddr;

use serde_json::Value;

use super::reader::{Fields, Node, Reader};
use super::units::show_size;
use super::{Admin, Config, Dedupe, Delivery, Destination, Limits, Retention, Secret, Source};
use crate::destination::Mistake;
use crate::destination::mistake::pointer;

/// The keys of the file, in its order.
const TOP: [&str; 11] = [
    "listen",
    "behind_proxy",
    "admin",
    "data",
    "destinations_from",
    "sources",
    "destinations",
    "limits",
    "dedupe",
    "retention",
    "delivery",
];

/// The keys of an instance.
const INSTANCE: [&str; 11] = [
    "type",
    "settings",
    "filter",
    "actions",
    "order",
    "enabled",
    "limits",
    "send_to",
    "allow_internal",
    "integrations",
    "description",
];

/// With less the log would be full of its own empty files.
const LEAST_BACKLOG: u64 = 256_000_000;

/// Reads a document whose environment variables have been put in. Answers what could be read, defaults for the rest, and every
/// mistake; the configuration is good where there is none. Instances are looked at from outside alone: the kit reads their settings.
#[must_use]
pub fn read(document: &Value) -> (Config, Vec<Mistake>) {
    let mut reader = Reader::default();
    let defaults = Config::default();
    let root = Node::root(document);
    let top = reader.fields(&root, &TOP);
    let destinations = destinations(&mut reader, &top.node("destinations"));
    let config = Config {
        listen: address(&mut reader, &top.node("listen"), defaults.listen),
        admin: admin(&mut reader, &top.node("admin")),
        data: reader.path(&top.node("data"), "./data"),
        destinations_from: reader
            .texts(&top.node("destinations_from"))
            .into_iter()
            .map(|(path, _)| path.into())
            .collect(),
        sources: sources(&mut reader, &top.node("sources"), &destinations),
        limits: limits(&mut reader, &top.node("limits")),
        dedupe: dedupe(&mut reader, &top.node("dedupe")),
        retention: retention(&mut reader, &top.node("retention")),
        delivery: delivery(&mut reader, &top.node("delivery")),
        behind_proxy: reader.boolean(&top.node("behind_proxy"), false),
        destinations,
    };
    if config.listen == config.admin.listen && config.listen.port() != 0 {
        let at = if top.node("listen").value.is_some() { "/listen" } else { "/admin/listen" };
        reader.wrong(at, "`listen` and `admin.listen` are the same address: give each a port of its own");
    }
    (config, reader.mistakes)
}

fn address(reader: &mut Reader, node: &Node<'_>, default: SocketAddr) -> SocketAddr {
    let Some(text) = reader.text(node) else { return default };
    let local = text.replacen("localhost:", "127.0.0.1:", 1);
    local.parse().unwrap_or_else(|_| {
        reader.wrong(
            &node.at,
            format!(
                "{text:?} is no address: write IP and port, like 127.0.0.1:8080, or 0.0.0.0:8080 for all interfaces"
            ),
        );
        default
    })
}

fn admin(reader: &mut Reader, node: &Node<'_>) -> Admin {
    let fields = reader.fields(node, &["listen", "token"]);
    let listen = address(reader, &fields.node("listen"), Admin::default().listen);
    let token = reader.text(&fields.node("token")).map(|text| Secret::from(text.to_owned()));
    if token.as_ref().is_some_and(|token| token.expose().is_empty()) {
        reader.wrong(&fields.node("token").at, "the token is empty: take a long random text, or leave `token` out");
    }
    if token.is_none() && !listen.ip().is_loopback() {
        reader.wrong(
            &fields.node("listen").at,
            "the admin API shows events and can pause delivery: on an address that others can reach it needs a `token` beside it",
        );
    }
    Admin { listen, token }
}

fn sources(reader: &mut Reader, node: &Node<'_>, destinations: &[Destination]) -> Vec<Source> {
    let names: Vec<&str> = destinations.iter().map(|destination| destination.name.as_str()).collect();
    let mut owners: HashMap<String, String> = HashMap::new();
    let entries = reader.named(node, "shop");
    if entries.is_empty() && node.value.is_none() {
        reader.wrong("", "no source is configured: write `sources: {NAME: {write_keys: [...], destinations: [...]}}`");
    }
    let mut sources = Vec::new();
    for (name, entry) in entries {
        let fields = reader.fields(&entry, &["write_keys", "destinations", "strict"]);
        let write_keys = write_keys(reader, &fields, name, &mut owners);
        sources.push(Source {
            name: name.to_owned(),
            write_keys,
            destinations: targets(reader, &fields.node("destinations"), &names),
            strict: reader.boolean(&fields.node("strict"), false),
        });
    }
    sources
}

fn write_keys(
    reader: &mut Reader,
    fields: &Fields<'_>,
    source: &str,
    owners: &mut HashMap<String, String>,
) -> Vec<Secret> {
    let node = fields.node("write_keys");
    let mut keys = Vec::new();
    for (key, at) in reader.texts(&node) {
        if key.is_empty() {
            reader.wrong(&at, "a write key is empty: any text will do, as long as only this source's clients know it");
        } else if let Some(owner) = owners.insert(key.to_owned(), source.to_owned()) {
            let text = if owner == source {
                "this write key stands here twice".to_owned()
            } else {
                format!("this write key also belongs to the source `{owner}`: an event could not be told apart")
            };
            reader.wrong(&at, text);
        } else {
            keys.push(Secret::from(key.to_owned()));
        }
    }
    let nothing = match node.value {
        None => true,
        Some(Value::Array(items)) => items.is_empty(),
        Some(_) => false,
    };
    if nothing {
        reader.wrong(&fields.at, "a source needs `write_keys`: the texts by which its clients are known");
    }
    keys
}

fn targets(reader: &mut Reader, node: &Node<'_>, names: &[&str]) -> Vec<String> {
    if node.value.is_none() {
        let parent = node.at.trim_end_matches("/destinations").to_owned();
        reader.wrong(
            &parent,
            "a source needs `destinations`: the names of those that get its events, `all`, or [] for none yet",
        );
    }
    if node.value.and_then(Value::as_str) == Some("all") {
        return names.iter().map(|&name| name.to_owned()).collect();
    }
    let mut targets: Vec<String> = Vec::new();
    for (name, at) in reader.texts(node) {
        if !names.contains(&name) {
            reader.mistakes.push(Mistake::unknown(at, "destination", name, names));
        } else if targets.iter().any(|target| target == name) {
            reader.wrong(&at, format!("`{name}` stands here twice"));
        } else {
            targets.push(name.to_owned());
        }
    }
    targets
}

fn destinations(reader: &mut Reader, node: &Node<'_>) -> Vec<Destination> {
    let mut destinations = Vec::new();
    for (name, entry) in reader.named(node, "webhook") {
        let fields = reader.fields(&entry, &INSTANCE);
        let kind = fields.node("type");
        let slug = reader.text(&kind).unwrap_or_default().to_owned();
        if kind.value.is_none() {
            reader.wrong(&entry.at, "a destination needs a `type`: the name of its definition, like `webhook`");
        }
        let order = fields.node("order");
        let ordered = match reader.text(&order) {
            None | Some("none") => false,
            Some("user") => true,
            Some(_) => {
                reader.wrong(&order.at, "`order` is `user` (the events of one user one after the other) or `none`");
                false
            }
        };
        destinations.push(Destination {
            name: name.to_owned(),
            slug,
            enabled: reader.boolean(&fields.node("enabled"), true),
            ordered,
            allow_internal: reader.boolean(&fields.node("allow_internal"), false),
            entry: entry.value.cloned().unwrap_or_default(),
        });
    }
    destinations
}

fn limits(reader: &mut Reader, node: &Node<'_>) -> Limits {
    let default = Limits::default();
    let fields = reader.fields(node, &["event", "body", "batch", "backlog", "connections"]);
    let backlog = reader.fields(&fields.node("backlog"), &["events", "bytes"]);
    let limits = Limits {
        event: count(reader.size(&fields.node("event"), default.event as u64)),
        body: count(reader.size(&fields.node("body"), default.body as u64)),
        batch: count(reader.count(&fields.node("batch"), default.batch as u64, 1)),
        backlog_events: reader.count(&backlog.node("events"), default.backlog_events, 1),
        backlog_bytes: reader.size(&backlog.node("bytes"), default.backlog_bytes),
        connections: count(reader.count(&fields.node("connections"), default.connections as u64, 1)),
    };
    if limits.backlog_bytes < LEAST_BACKLOG {
        let least = show_size(LEAST_BACKLOG);
        reader.wrong(&backlog.node("bytes").at, format!("the log's files are large ones: give it {least} at least"));
    }
    if limits.event > limits.body {
        reader.wrong(
            &pointer(&node.at, "event"),
            "an event may not be larger than a body: raise `body`, or lower `event`",
        );
    }
    limits
}

fn dedupe(reader: &mut Reader, node: &Node<'_>) -> Dedupe {
    let default = Dedupe::default();
    let fields = reader.fields(node, &["for", "ids"]);
    Dedupe {
        window: reader.duration(&fields.node("for"), default.window),
        ids: count(reader.count(&fields.node("ids"), default.ids as u64, 0)),
    }
}

fn retention(reader: &mut Reader, node: &Node<'_>) -> Retention {
    let default = Retention::default();
    let fields = reader.fields(node, &["age", "bytes"]);
    Retention {
        age: reader.duration(&fields.node("age"), default.age),
        bytes: reader.size(&fields.node("bytes"), default.bytes),
    }
}

fn delivery(reader: &mut Reader, node: &Node<'_>) -> Delivery {
    let default = Delivery::default();
    let fields = reader.fields(node, &["concurrency", "window"]);
    Delivery {
        concurrency: count(reader.count(&fields.node("concurrency"), default.concurrency as u64, 1)),
        window: reader.duration(&fields.node("window"), default.window),
    }
}

fn count(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
