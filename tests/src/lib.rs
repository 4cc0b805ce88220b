//! What the tests of the recorder share: a small HTTP service that misbehaves on demand, one adapter for each client that the
//! recorder knows, and a bench on which a behaviour is shown over all of them.
//!
//! ```text
//! tests/*.rs ──► over_all_adapters! ──► Bench ┬ Origin    who really answers, and counts
//!                                             └ Adapter   one client, on the recorder's tapes
//! ```
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

pub mod adapters;
mod bench;
pub mod origin;
pub mod secure;
pub mod throwaway;

pub use bench::{Bench, Run, run};

/// Makes one `#[test]` for each adapter of each `async fn(Bench)` named here: `tower::r01_…`, `ureq::r01_…`.
#[macro_export]
macro_rules! over_all_adapters {
    ($($name:ident),* $(,)?) => {
        $crate::over_all_adapters!(@each tower, TOWER, $($name),*);
        $crate::over_all_adapters!(@each connector, CONNECTOR, $($name),*);
        $crate::over_all_adapters!(@each connector_http2, CONNECTOR_HTTP2, $($name),*);
        $crate::over_all_adapters!(@each reqwest_0_12, REQWEST_0_12, $($name),*);
        $crate::over_all_adapters!(@each reqwest_0_13, REQWEST_0_13, $($name),*);
        $crate::over_all_adapters!(@each ureq, UREQ, $($name),*);
        $crate::over_all_adapters!(@each aws, AWS, $($name),*);
        $crate::over_all_adapters!(@each reqwest_client, REQWEST_CLIENT, $($name),*);
        $crate::over_all_adapters!(@each reqwest_blocking, REQWEST_BLOCKING, $($name),*);
        $crate::over_all_adapters!(@each isahc, ISAHC, $($name),*);
    };
    (@each $module:ident, $adapter:ident, $($name:ident),*) => {
        mod $module {
            $(
                #[test]
                fn $name() {
                    $crate::run(&$crate::adapters::$adapter, stringify!($name), super::$name);
                }
            )*
        }
    };
}
