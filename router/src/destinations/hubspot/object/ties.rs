//! Records that other records are tied to.

use std::collections::BTreeMap;

use http::Method;
use serde_json::{Value, json};

use super::{BATCH, Record, ids};
use crate::destination::chain::{Draft, Next, Told};

/// Ties in one request.
const TIES: usize = 2_000;

/// What records of one kind, known by one property, are tied to.
struct Group<'a> {
    kind: &'a str,
    field: &'a str,
    /// HubSpot's id of the one, and how it names the other.
    ties: Vec<(&'a str, &'a Value)>,
}

/// Looks up (or makes) the records that others are tied to, and ties them.
pub(super) fn tie(
    records: &[Record<'_>],
    known: &BTreeMap<&str, &str>,
    kind: &str,
    answers: &mut Told<'_>,
) -> Result<(), Next> {
    let reads = records.first().is_some_and(|record| record.reads_ties);
    let mut inputs: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for group in groups(records, known) {
        let there = others(&group, reads, answers)?;
        for (from, tie) in group.ties {
            let Some(id) = there.get(text(tie, "id_field_value")) else { continue };
            let label = text(tie, "association_label");
            let (category, label) = label.split_once(':').unwrap_or((label, ""));
            let types = json!([{"associationCategory": category, "associationTypeId": label}]);
            let input = json!({"types": types, "from": {"id": from}, "to": {"id": id}});
            inputs.entry(group.kind).or_default().push(input);
        }
    }
    for (to, inputs) in inputs {
        for inputs in inputs.chunks(TIES) {
            let path = format!("/crm/v4/associations/{kind}/{}/batch/create", Draft::part(to));
            answers.or(|| Draft::new(Method::POST, path).json(json!({ "inputs": inputs })))?;
        }
    }
    Ok(())
}

fn groups<'a>(records: &'a [Record<'_>], known: &BTreeMap<&'a str, &'a str>) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    for record in records {
        let Some(from) = known.get(record.id) else { continue };
        for tie in &record.ties {
            let (kind, field) = (text(tie, "object_type"), text(tie, "id_field_name"));
            match groups.iter_mut().find(|group| group.kind == kind && group.field == field) {
                Some(group) => group.ties.push((from, tie)),
                None => groups.push(Group { kind, field, ties: vec![(from, tie)] }),
            }
        }
    }
    groups
}

/// HubSpot's ids of the others, by what they are named.
fn others<'t>(group: &Group<'_>, reads: bool, answers: &mut Told<'t>) -> Result<BTreeMap<&'t str, &'t str>, Next> {
    let field = group.field;
    let mut wanted: Vec<&str> = group.ties.iter().map(|(_, tie)| text(tie, "id_field_value")).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let (action, path) = (if reads { "read" } else { "upsert" }, Draft::part(group.kind));
    let mut there = BTreeMap::new();
    for wanted in wanted.chunks(BATCH) {
        let body = if reads {
            let inputs: Vec<Value> = wanted.iter().map(|id| json!({ "id": id })).collect();
            json!({"idProperty": field, "properties": [field], "inputs": inputs})
        } else {
            let input = |id: &&str| json!({"idProperty": field, "id": id, "properties": {field: id}});
            json!({"inputs": wanted.iter().map(input).collect::<Vec<_>>()})
        };
        let path = format!("/crm/v3/objects/{path}/batch/{action}");
        there.extend(ids(field, answers.or(|| Draft::new(Method::POST, path).json(body))?.body()));
    }
    Ok(there)
}

fn text<'t>(tie: &'t Value, name: &str) -> &'t str {
    tie.get(name).and_then(Value::as_str).unwrap_or_default()
}
