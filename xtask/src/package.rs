//! What a user of the library gets: the package, its features, how many crates they compile.

use std::collections::BTreeSet;

use crate::{Result, shell};

/// The default features compile fewer crates than this.
const MOST_CRATES: usize = 40;

/// `cargo publish --dry-run`, and that the package holds what it must.
///
/// # Errors
/// A file that is missing, or one that does not belong; what cargo finds.
pub(crate) fn publishes() -> Result<String> {
    let listed = shell::output(&mut shell::command("cargo package --list --allow-dirty -p traffic-recorder", []))?;
    let files: Vec<&str> = listed.lines().collect();
    for must in ["Cargo.toml", "LICENSE-APACHE", "LICENSE-MIT", "README.md", "src/lib.rs"] {
        if !files.contains(&must) {
            return Err(format!("the package lacks {must}").into());
        }
    }
    // --allow-dirty: a developer runs this before the commit; in CI the clone is clean anyway.
    shell::run(&mut shell::command("cargo publish --dry-run --allow-dirty -p traffic-recorder", []))?;
    Ok(format!("{} files", files.len()))
}

/// That the default features stay under [`MOST_CRATES`].
///
/// # Errors
/// Where they don't, with the list.
pub(crate) fn stays_small() -> Result<String> {
    let crates = crates("")?;
    for name in &crates {
        println!("  {name}");
    }
    let count = crates.len();
    if count >= MOST_CRATES {
        return Err(
            format!("the default features compile {count} other crates; under {MOST_CRATES} is the rule").into()
        );
    }
    Ok(format!("{count} crates besides ours"))
}

/// Every crate but ours that is compiled for a user who writes `features = ["..."]`, build scripts and macros included.
///
/// # Errors
/// Those of `cargo tree`.
pub(crate) fn crates(features: &str) -> Result<BTreeSet<String>> {
    let line = "cargo tree -p traffic-recorder --edges normal,build --prefix none --no-dedupe --features";
    let tree = shell::output(&mut shell::command(line, [features]))?;
    let names = tree.lines().map(|line| line.split(" (").next().unwrap_or(line).trim());
    Ok(names.filter(|name| !name.is_empty() && !name.starts_with("traffic-recorder ")).map(str::to_owned).collect())
}

/// The names in the library's `[features]`, `default` left out.
///
/// # Errors
/// Where its manifest cannot be read.
pub(crate) fn features() -> Result<Vec<String>> {
    let path = shell::root().join("recorder/Cargo.toml");
    let manifest =
        std::fs::read_to_string(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    Ok(named_features(&manifest))
}

fn named_features(manifest: &str) -> Vec<String> {
    let section = manifest.lines().map(str::trim).skip_while(|line| *line != "[features]").skip(1);
    let lines = section.take_while(|line| !line.starts_with('['));
    let named = lines.filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(" = ["));
    named.map(|(name, _)| name.trim_matches('"').to_owned()).filter(|name| name != "default").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_are_read_without_default_and_comments() {
        let manifest = "[package]\nname = \"x\"\n\n[features]\ndefault = [\"a\"]\n## About a.\na = [\"dep:a\"]\nb-1 = []\n\n\
                        [dependencies]\nc = [\"no\"]\n";
        assert_eq!(named_features(manifest), ["a", "b-1"]);
    }
}
