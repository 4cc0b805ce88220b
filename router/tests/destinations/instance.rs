//! The kit, as these tests use it.

use std::sync::{Arc, LazyLock};

use destination_router::destination::{Catalog, Definition, Instance};
use serde_json::{Map, Value, json};

use super::case::Case;

/// Every destination, read once for all cases.
static CATALOG: LazyLock<Result<Catalog, String>> =
    LazyLock::new(|| Catalog::embedded().map_err(|report| report.to_string()));

fn definition(slug: &str) -> Result<&'static Arc<Definition>, String> {
    let catalog = CATALOG.as_ref().map_err(Clone::clone)?;
    catalog.get(slug).ok_or_else(|| format!("there is no destination `{slug}`"))
}

/// An instance with one subscription: the case's action.
pub(crate) fn of(slug: &str, case: &Case) -> Result<Instance, String> {
    let mut action = Map::from_iter([("action".to_owned(), Value::from(case.action.as_str()))]);
    action.extend(case.when.as_deref().map(|when| ("when".to_owned(), when.into())));
    if !case.mapping.is_empty() {
        action.insert("mapping".to_owned(), Value::Object(case.mapping.clone()));
    }
    let config = json!({"settings": case.settings, "actions": [action]});
    Instance::new(Arc::clone(definition(slug)?), slug, &config).map_err(|mistakes| {
        let mistakes: Vec<_> = mistakes.iter().map(ToString::to_string).collect();
        format!("{}: {}", case.folder.display(), mistakes.join("; "))
    })
}

pub(crate) fn slugs() -> Result<Vec<String>, String> {
    let catalog = CATALOG.as_ref().map_err(Clone::clone)?;
    Ok(catalog.iter().map(|definition| definition.slug().to_owned()).collect())
}

pub(crate) fn actions(slug: &str) -> Result<Vec<String>, String> {
    Ok(definition(slug)?.actions().map(str::to_owned).collect())
}
