//! Changes that wait for a review, beside the tapes that they would change.
//!
//! `<tape>.pending.yaml` is a tape that is new or another one; `<tape>.pending-removal`, of no bytes, says that the recording did not
//! make this tape. Neither is a tape by its name, so that nothing takes one for it.

use super::folder::is_tape;

const CHANGE: &str = ".pending.yaml";
const REMOVAL: &str = ".pending-removal";

/// Where a tape waits that is new or another one.
pub(crate) fn change_of(tape: &str) -> String {
    format!("{}{CHANGE}", stem(tape))
}

/// Where the removal of a tape waits.
pub(crate) fn removal_of(tape: &str) -> String {
    format!("{}{REMOVAL}", stem(tape))
}

/// The tape that a file would change, and whether it would remove it; `None` for any other file.
pub(crate) fn tape_of(name: &str) -> Option<(String, bool)> {
    let change = name.strip_suffix(CHANGE).map(|stem| (stem, false));
    let (stem, removal) = change.or(name.strip_suffix(REMOVAL).map(|stem| (stem, true)))?;
    let tape = format!("{stem}.yaml");
    is_tape(&tape).then_some((tape, removal))
}

fn stem(tape: &str) -> &str {
    tape.strip_suffix(".yaml").unwrap_or(tape)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_no_tape_and_leads_back_to_one() {
        let tape = "get-a.test-0123456789ab.yaml";
        for (name, removal) in [(change_of(tape), false), (removal_of(tape), true)] {
            assert!(!is_tape(&name), "{name}");
            assert_eq!(tape_of(&name), Some((tape.to_owned(), removal)));
        }
        for other in [tape, "notes.pending.yaml", "recorder.yaml"] {
            assert_eq!(tape_of(other), None, "{other}");
        }
    }
}
