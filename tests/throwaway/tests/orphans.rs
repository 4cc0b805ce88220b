//! A crate of tests that looks for tapes nobody owns.

#[test]
fn kept() {
    let _tapes = traffic_recorder::tapes!();
}

#[test]
fn no_orphans() {
    traffic_recorder::orphans!();
}
