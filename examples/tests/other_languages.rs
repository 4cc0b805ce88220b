//! Tapes that the suites in `python/` and `node/` recorded under `tapes run`, replayed by a test in Rust of the same service: what
//! requests, httpx, fetch and axios sent and what reqwest sends are the same requests.

use std::path::Path;
use std::time::Duration;

use recorder_examples::{Line, Price, Shop, ShopError};
use traffic_recorder::{Mode, Recorder, Tapes};

/// The tapes of a test of another suite, which alone records them.
fn tapes(root: &str, test: &str) -> Tapes {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(root);
    Recorder::below(root, test).mode(Mode::Replay).start()
}

/// The program, with a plain client of reqwest: tapes of other languages are those of the wire, below redirects and decompression.
fn shop(tapes: &Tapes) -> Shop {
    // Nothing listens there.
    Shop::new(tapes.reqwest_client().into(), "http://127.0.0.1:1", tapes.secret("SHOP_KEY"))
}

fn pens(quantity: u32) -> Line {
    Line { sku: "pen".to_owned(), quantity }
}

#[tokio::test]
async fn an_order_that_another_language_recorded_is_placed() {
    for (root, test) in [
        ("python/tapes", "tests/test_requests.py::test_an_order_is_placed"),
        ("python/tapes", "tests/test_httpx.py::test_an_order_is_placed"),
        ("node/tapes", "tests/fetch.test.js::an order is placed"),
        ("node/tapes", "tests/axios.test.js::an order is placed"),
    ] {
        let tapes = tapes(root, test);

        let order = shop(&tapes).order(&[pens(2)]).await.unwrap_or_else(|error| panic!("{test}: {error}"));

        assert_eq!((order.id, order.status.as_str()), (17, "placed"));
    }
}

#[tokio::test]
async fn a_refusal_that_another_language_recorded_is_an_error() {
    for (root, test) in [
        ("python/tapes", "tests/test_httpx.py::test_an_order_that_the_shop_refuses_is_an_error"),
        ("node/tapes", "tests/axios.test.js::an order that the shop refuses is an error"),
    ] {
        let tapes = tapes(root, test);

        let refused = shop(&tapes).order(&[pens(1_000_000)]).await;

        assert!(matches!(refused, Err(ShopError::Refused(why)) if why == "so many are not in stock"), "{test}");
    }
}

#[tokio::test]
async fn prices_that_another_language_recorded_are_read() {
    for (root, test) in [
        ("python/tapes", "tests/test_requests.py::test_prices_are_in_the_currency_of_the_country[CH-CHF]"),
        ("node/tapes", "tests/fetch.test.js::prices are in the currency of the country > CH: CHF"),
    ] {
        let tapes = tapes(root, test);

        let price = shop(&tapes).price("pen", "CH").await.unwrap_or_else(|error| panic!("{test}: {error}"));

        assert_eq!(price, Price { amount: 120, currency: "CHF".to_owned() });
    }
}

/// Five takes, in their order.
#[tokio::test]
async fn an_order_that_another_language_followed_is_followed() {
    for (root, test) in [
        ("python/tapes", "tests/test_requests.py::test_an_order_is_followed_until_it_is_shipped"),
        ("node/tapes", "tests/fetch.test.js::an order is followed until it is shipped"),
    ] {
        let tapes = tapes(root, test);

        let seen = shop(&tapes).wait_until_shipped(17, Duration::ZERO).await.unwrap_or_else(|e| panic!("{test}: {e}"));

        assert_eq!(seen, ["placed", "paid", "shipped"]);
        assert_eq!(tapes.exchanges().len(), 5);
    }
}
