//! Modes and the guard: R01 to R11.

use recorder_tests::{Bench, over_all_adapters};

over_all_adapters!(r00_smoke);

async fn r00_smoke(bench: Bench) {
    let run = bench.record();
    let live = run.get("/json").await;
    run.done();
    let run = bench.replay();
    let replayed = run.get("/json").await;
    assert_eq!(live.body(), replayed.body());
    assert_eq!((live.status, &live.version), (replayed.status, &replayed.version));
    run.done();
    assert_eq!(bench.origin.hits(), 1);
}
