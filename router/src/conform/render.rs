//! The outcome as people read it, and as programs do.

use std::fmt;

use serde_json::{Value, json};

use super::summary::{Checked, CheckedCase, Difference, Summary};

/// More characters than this of a value are not shown.
const MAX_SHOWN: usize = 300;

impl fmt::Display for Summary {
    /// What differs, then a table by destination.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for checked in &self.checked {
            for case in checked.cases.iter().filter(|case| !case.is_same()) {
                differing(f, checked, case)?;
            }
        }
        for checked in &self.checked {
            for listed in &checked.stale {
                let at = if listed.at.is_empty() { "anywhere" } else { &listed.at };
                let (slug, action, case) = (&checked.slug, &listed.action, &listed.case);
                writeln!(
                    f,
                    "{slug} lists a difference that does not occur: action {action}, case {case}, at {at} ({})",
                    listed.why
                )?;
            }
        }
        table(f, self)?;
        if !self.absent.is_empty() {
            let cases: usize = self.absent.iter().map(|absent| absent.cases).sum();
            let names: Vec<&str> = self.absent.iter().map(|absent| absent.slug.as_str()).collect();
            writeln!(f, "not built: {} destinations with {cases} cases: {}", names.len(), names.join(", "))?;
        }
        Ok(())
    }
}

impl Summary {
    /// The outcome as JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let checked = self.checked.iter().map(|checked| {
            let [same, listed, unlisted] = checked.counts();
            let stale = checked.stale.iter();
            let stale = stale.map(|l| json!({ "action": l.action, "case": l.case, "at": l.at, "why": l.why }));
            let differing = checked.cases.iter().filter(|case| !case.is_same()).map(|case| {
                let differences: Vec<Value> = case.differences.iter().map(as_json).collect();
                json!({ "action": case.action, "case": case.name, "differences": differences })
            });
            json!({
                "destination": checked.slug, "cases": checked.cases.len(), "same": same, "listed": listed, "unlisted": unlisted,
                "differing": differing.collect::<Vec<_>>(), "stale": stale.collect::<Vec<_>>(),
            })
        });
        let absent = self.absent.iter().map(|absent| json!({ "destination": absent.slug, "cases": absent.cases }));
        json!({ "checked": checked.collect::<Vec<_>>(), "absent": absent.collect::<Vec<_>>() })
    }
}

/// What is absent is no field: a null may have been sent.
fn as_json(difference: &Difference) -> Value {
    let mut fields = serde_json::Map::new();
    fields.insert("at".to_owned(), difference.at.as_str().into());
    let parts = [("ours", &difference.ours), ("theirs", &difference.theirs)];
    fields.extend(parts.into_iter().filter_map(|(name, value)| value.clone().map(|value| (name.to_owned(), value))));
    fields.extend(difference.why.as_deref().map(|why| ("why".to_owned(), why.into())));
    fields.into()
}

fn differing(f: &mut fmt::Formatter<'_>, checked: &Checked, case: &CheckedCase) -> fmt::Result {
    writeln!(f, "{} {} {}", checked.slug, case.action, case.name)?;
    for Difference { at, ours, theirs, why } in &case.differences {
        match why {
            Some(why) => writeln!(f, "  {at} (listed: {why})")?,
            None => writeln!(f, "  {at}")?,
        }
        writeln!(f, "    ours:   {}", shown(ours.as_ref()))?;
        writeln!(f, "    theirs: {}", shown(theirs.as_ref()))?;
    }
    writeln!(f)
}

fn shown(value: Option<&Value>) -> String {
    let Some(value) = value else { return "nothing".to_owned() };
    let text = value.to_string();
    match text.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn table(f: &mut fmt::Formatter<'_>, summary: &Summary) -> fmt::Result {
    let width =
        summary.checked.iter().map(|checked| checked.slug.len()).chain(["destination".len()]).max().unwrap_or_default();
    writeln!(f, "{:width$}  cases   same  listed  unlisted", "destination")?;
    let mut all = [0; 4];
    for checked in &summary.checked {
        let [same, listed, unlisted] = checked.counts();
        let row = [checked.cases.len(), same, listed, unlisted];
        line(f, &checked.slug, width, row)?;
        all.iter_mut().zip(row).for_each(|(sum, n)| *sum += n);
    }
    line(f, "all", width, all)
}

fn line(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    width: usize,
    [cases, same, listed, unlisted]: [usize; 4],
) -> fmt::Result {
    writeln!(f, "{name:width$}  {cases:>5}  {same:>5}  {listed:>6}  {unlisted:>8}")
}
