//! Every destination against tapes of its partner. A case is a folder below `tapes/<destination>/`: `case.yaml` says what goes in and
//! what is to come out, the tapes beside it hold what the partner was sent and answered. Nothing is listed here: a folder more is a
//! test more, named `mixpanel::an_order_with_products`.
//!
//! ```console
//! cargo test -p destination-router --test destinations                       # replays; touches no network
//! cargo test -p destination-router --test destinations mixpanel::            # one destination
//! RECORD=1 cargo test -p destination-router --test destinations              # records the stand-in (`from: simulated`)
//! RECORD=1 MIXPANEL_PROJECT_TOKEN=… MIXPANEL_API_SECRET=… cargo test -p destination-router --test destinations mixpanel::
//! ```
//!
//! The last one records the partner itself (`from: live`): `tapes/<destination>/settings.yaml` names the variables. Cases with a
//! scenario (a partner that is down) stay as they are then.
//!
//! Besides, there is a test for each destination that every action has a tape of its own and that no usual failure is missing.

mod case;
mod coverage;
mod expectation;
mod instance;
mod play;
mod run;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let begin = Instant::now();
    let trials = match trials(&tapes()) {
        Ok(trials) => trials,
        Err(why) => {
            eprintln!("{why}");
            return ExitCode::FAILURE;
        }
    };
    let listing = arguments.list;
    let conclusion = libtest_mimic::run(&arguments, trials);
    if !listing {
        println!("{}; all in {} ms", run::summary(), begin.elapsed().as_millis());
    }
    conclusion.exit_code()
}

/// `tapes/` of the repository.
fn tapes() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tapes")
}

fn trials(tapes: &Path) -> Result<Vec<Trial>, String> {
    let mut trials = Vec::new();
    for slug in case::folders(tapes)? {
        let destination = case::Destination::load(tapes, &slug)?;
        for name in case::folders(&destination.folder)? {
            let destination = destination.clone();
            let title = format!("{slug}::{name}");
            trials.push(Trial::test(title, move || Ok(run::case(&destination, &name)?)));
        }
        trials.extend(coverage::trials(&destination));
    }
    let tapes = tapes.to_owned();
    trials.push(Trial::test("tapes::nothing_lies_about", move || Ok(coverage::nothing_lies_about(&tapes)?)));
    Ok(trials)
}
