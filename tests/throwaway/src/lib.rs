//! A library whose documentation is tested.

/// Without a name a doc test cannot have tapes.
///
/// ```
/// let tapes = traffic_recorder::tapes!();
/// ```
pub fn unnamed() {}

/// With one it can.
///
/// ```
/// let tapes = traffic_recorder::tapes!("docs/named");
/// assert_eq!(tapes.mode(), traffic_recorder::Mode::Replay);
/// ```
pub fn named() {}
