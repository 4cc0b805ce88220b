//! Writes the cases of `tapes/usual.yaml` that a destination does not have yet.
//!
//! ```text
//! cargo run -p destination-router --example usual_cases -- mixpanel
//! ```

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use serde::Deserialize;
use serde::de::DeserializeOwned;

#[derive(Deserialize)]
struct Settings {
    usual: Usual,
}

/// What is put into the templates.
#[derive(Deserialize)]
struct Usual {
    /// The action, and what else a case says of it.
    r#use: String,
    /// The shared event that is sent.
    event: String,
    /// Where its own data are: `properties` or `traits`.
    data: String,
    /// An event that lacks something, and what is said of it.
    missing: String,
}

fn main() -> ExitCode {
    let slugs: Vec<String> = std::env::args().skip(1).collect();
    if slugs.is_empty() {
        eprintln!("usage: usual_cases SLUG...");
        return 2.into();
    }
    match slugs.iter().try_for_each(|slug| write(slug)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn write(slug: &str) -> Result<(), String> {
    let tapes = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tapes");
    let templates: BTreeMap<String, String> = read(&tapes.join("usual.yaml"))?;
    let Settings { usual } = read(&tapes.join(slug).join("settings.yaml"))?;
    for (name, template) in templates {
        let folder = tapes.join(slug).join(&name);
        let path = folder.join("case.yaml");
        if path.exists() {
            continue;
        }
        let parts = [
            ("{use}", &usual.r#use),
            ("{event}", &usual.event),
            ("{data}", &usual.data),
            ("{missing}", &usual.missing),
        ];
        let text = parts.into_iter().fold(template, |text, (place, with)| text.replace(place, with.trim_end()));
        std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
        println!("{slug}/{name}");
    }
    Ok(())
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    serde_saphyr::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
}
