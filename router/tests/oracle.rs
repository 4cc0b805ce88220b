//! What Segment's own mapping kit and filter language do, assertion by assertion.
//!
//! The assertions are not part of this repository: the variable `SHARED` names the folder that holds `oracle/`. Without it
//! these tests say that they were skipped.

use destination_router::filter::Filter;
use destination_router::mapping::{self, Mapping};
use serde_json::{Value, json};
use std::path::PathBuf;

#[test]
fn every_assertion_on_the_mapping_kit_and_the_filter_language_holds() {
    let Some(oracle) = oracle() else { return };
    let file = read(&oracle.join("mapping-kit.json"));
    let cases = file["cases"].as_array().expect("a list of cases");
    let failed: Vec<String> = cases.iter().enumerate().filter_map(|(i, case)| disagreement(i, case)).collect();
    assert!(failed.is_empty(), "{} of {} do not hold:\n{}", failed.len(), cases.len(), failed.join("\n"));
    println!("{} assertions hold", cases.len());
}

#[test]
fn every_default_mapping_and_trigger_compiles() {
    let Some(oracle) = oracle() else { return };
    let (mut mappings, mut triggers, mut failed) = (0, 0, Vec::new());
    for entry in std::fs::read_dir(oracle.join("mappings")).expect("a folder of mappings") {
        let path = entry.expect("an entry").path();
        let file = read(&path);
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        for (action, definition) in file["actions"].as_object().into_iter().flatten() {
            if let Some(subscribe) = definition["subscribe"].as_str() {
                triggers += 1;
                if let Err(error) = Filter::parse(subscribe) {
                    failed.push(format!("{name} {action}: {error}"));
                }
            }
            for (field, definition) in definition["fields"].as_object().into_iter().flatten() {
                let Some(default) = definition.get("default") else { continue };
                mappings += 1;
                if let Err(error) = Mapping::compile(default) {
                    failed.push(format!("{name} {action} {field}: {error}"));
                }
            }
        }
    }
    assert!(failed.is_empty(), "{} do not compile:\n{}", failed.len(), failed.join("\n"));
    assert!(mappings > 0 && triggers > 0, "there is nothing in the folder");
    println!("{mappings} default mappings and {triggers} triggers compile");
}

/// What is wrong with a case, if anything.
fn disagreement(number: usize, case: &Value) -> Option<String> {
    let name = case["fn"].as_str().expect("the name of a function");
    let args = case["args"].as_array().expect("arguments");
    let result = match name {
        "transform" => transform(&args[0], args.get(1).unwrap_or(&json!({}))),
        "render" => {
            let event = args.get(1).unwrap_or(&Value::Null);
            mapping::render(args[0].as_str().expect("a template"), event).map(Value::from).map_err(|e| e.to_string())
        }
        "flattenObject" => mapping::flatten(&args[0], ".", false).map_err(|e| e.to_string()),
        "parseFql" => {
            let text = args[0].as_str().expect("a filter");
            // The strict reader gives the same tree, or refuses.
            let tolerant =
                Filter::parse_as_segment(text).map(|(filter, _)| filter.to_tree()).map_err(|e| e.to_string());
            match Filter::parse(text).map(|filter| filter.to_tree()) {
                Ok(strict) if Ok(&strict) != tolerant.as_ref() => Ok(strict),
                _ => tolerant,
            }
        }
        "validate" => Filter::from_tree(&args[0]).map(|filter| Value::from(filter.matches(&args[1]))),
        other => panic!("case {number} calls {other}, which this test does not know"),
    };
    match (case["matcher"].as_str(), result) {
        (Some("toThrow"), Err(_)) => None,
        (Some("toThrow"), Ok(value)) => Some(format!("{number}: {args:?} is not refused but gives {value}")),
        (_, Ok(value)) if value == case["expected"][0] => None,
        (_, Ok(value)) => Some(format!("{number}: {args:?} gives {value} and not {}", case["expected"][0])),
        (_, Err(error)) => Some(format!("{number}: {args:?} is refused: {error}")),
    }
}

fn transform(mapping: &Value, event: &Value) -> Result<Value, String> {
    let mapping = Mapping::compile(mapping).map_err(|e| e.to_string())?;
    Ok(mapping.apply(event).map_err(|e| e.to_string())?.unwrap_or(Value::Null))
}

fn oracle() -> Option<PathBuf> {
    let Some(shared) = std::env::var_os("SHARED") else {
        println!("skipped: the variable SHARED does not name the folder with oracle/");
        return None;
    };
    Some(PathBuf::from(shared).join("oracle"))
}

fn read(path: &std::path::Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}
