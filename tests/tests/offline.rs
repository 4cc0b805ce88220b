//! Replaying needs no network (R90): `cargo xtask offline` runs these once more where there is none at all, not even loopback.
//! Their tapes are kept in `tests/tapes/offline`; `RECORD=1 cargo test -p recorder-tests --test offline` makes them anew, against
//! an origin in this process.

use std::sync::Arc;

use recorder_tests::adapters::{Adapter, Ask, Client, Options};
use recorder_tests::origin::{Origin, Reply};
use traffic_recorder::{Mode, Recorder, Tapes};

/// One test for each adapter of each program: its tapes are those of its name.
macro_rules! offline {
    ($($name:ident),* $(,)?) => {
        offline!(@each tower, TOWER, $($name),*);
        offline!(@each connector, CONNECTOR, $($name),*);
        offline!(@each connector_http2, CONNECTOR_HTTP2, $($name),*);
        offline!(@each reqwest_0_12, REQWEST_0_12, $($name),*);
        offline!(@each reqwest_0_13, REQWEST_0_13, $($name),*);
        offline!(@each ureq, UREQ, $($name),*);
    };
    (@each $module:ident, $adapter:ident, $($name:ident),*) => {
        mod $module {
            $(
                #[test]
                fn $name() {
                    super::run(&recorder_tests::adapters::$adapter, stringify!($name), super::$name);
                }
            )*
        }
    };
}

offline!(r90_offline_answers_of_all_kinds, r90_offline_a_stream_and_a_failure,);

/// A client on the tapes of a test.
struct Program {
    client: Arc<dyn Client>,
    base: String,
    tapes: Tapes,
}

impl Program {
    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }
}

fn run<F: Future<Output = Program>>(adapter: &'static dyn Adapter, name: &str, program: impl FnOnce(Program) -> F) {
    let folder = format!("{}/tapes/offline/{}_{}", env!("CARGO_MANIFEST_DIR"), adapter.name(), name);
    let tapes = Recorder::at(folder).open().expect("tapes");
    // Only who records needs somebody to answer. The port of a local service is not in the key.
    let origin = (tapes.mode() != Mode::Replay).then(origin);
    let base = origin.as_ref().map_or_else(|| "http://127.0.0.1:9".to_owned(), |origin| origin.url(""));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let tapes = runtime.block_on(async {
        let client = adapter.client(&tapes, &Options::default());
        program(Program { client, base, tapes }).await.tapes
    });
    tapes.finish().expect("a good end");
}

fn origin() -> Origin {
    let origin = Origin::start();
    origin.answer("/login", Reply::json(r#"{"access_token":"fake-token-of-the-offline-tests"}"#));
    origin
}

async fn r90_offline_answers_of_all_kinds(program: Program) -> Program {
    let send = async |ask: Ask| program.client.send(ask).await.expect("an answer");
    let json = send(Ask::get(program.url("/json"))).await;
    assert_eq!(json.text(), r#"{"id":9007199254740993,"b":1.0,"a":1,"a":2}"#);
    let coded = send(Ask::get(program.url("/gzip"))).await;
    assert_eq!(recorder_tests::origin::decode("gzip", &coded.body()), br#"{"coded":true}"#);
    let missing = send(Ask::get(program.url("/nowhere"))).await;
    assert_eq!((missing.status, &*missing.text()), (404, "no such place"));
    let binary = send(Ask::get(program.url("/all-bytes"))).await;
    assert!(binary.body().iter().copied().eq(0..=255));
    let login = send(Ask::post_json(program.url("/login"), r#"{"user":"ann","password":"fake-password"}"#)).await;
    assert_eq!(login.status, 200);
    for n in 1..=2 {
        assert_eq!(send(Ask::get(program.url("/count"))).await.text(), format!(r#"{{"n":{n}}}"#));
    }
    program
}

async fn r90_offline_a_stream_and_a_failure(program: Program) -> Program {
    let events = program.client.send(Ask::get(program.url("/sse"))).await.expect("an answer");
    assert_eq!(events.text(), "data: one\n\ndata: two\n\ndata: three\n\n");
    let failure = program.client.send(Ask::get(program.url("/close"))).await.expect_err("a failure");
    assert!(failure.refusal.is_none(), "{failure:?}");
    let cut = program.client.send(Ask::get(program.url("/cut"))).await.expect("a head");
    assert!(cut.cut.is_some() && cut.text() == "part of ", "{cut:?}");
    program
}

/// A miss resolves no name and opens no socket: with no interface there would be another error. Clients that are answered over loopback need
/// that; theirs is shown by r01.
#[test]
fn r90_offline_a_miss_is_a_miss() {
    for adapter in recorder_tests::adapters::ALL.into_iter().filter(|adapter| !adapter.is_over_loopback()) {
        let folder = tempfile::tempdir().expect("a folder");
        let tapes = Recorder::at(folder.path().join("none")).mode(Mode::Replay).open().expect("tapes");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let failed = runtime.block_on(async {
            let client = adapter.client(&tapes, &Options::default());
            client.send(Ask::get("http://no-such-name.invalid/")).await
        });
        assert!(failed.is_err(), "{}", adapter.name());
        assert_eq!(tapes.finish().expect_err("a miss").code(), "miss", "{}", adapter.name());
    }
}
