//! What a test suite looks like that replays. Its tapes lie in `examples/tapes/shop/`; this recorded them:
//!
//! ```console
//! SHOP_KEY=fake-shop-key RECORD=1 cargo test -p recorder-examples
//! ```
//!
//! A suite of your own would ask the shop's sandbox then. Here a stand-in is asked, and `tapes/recorder.yaml` says so.

mod stand_in;

use std::sync::Arc;
use std::time::Duration;

use recorder_examples::{Line, Price, Shop, ShopError};
use stand_in::StandIn;
use tokio::net::TcpListener;
use traffic_recorder::{Mode, Repeat, Tapes, UnusedRule, orphans, recorder, tapes};

#[tokio::test]
async fn an_order_is_placed() {
    let tapes = tapes!();

    let order = shop(&tapes).await.order(&[pens(2)]).await.expect("the shop takes it");

    assert_eq!((order.id, order.status.as_str()), (17, "placed"));
    let sent = &tapes.exchanges()[0];
    assert_eq!(sent.status(), Some(201));
    let body: serde_json::Value = serde_json::from_str(sent.sent_text().expect("a text")).expect("JSON");
    assert_eq!(body["lines"], serde_json::json!([{"sku": "pen", "quantity": 2}]));
}

#[tokio::test]
async fn an_order_that_the_shop_refuses_is_an_error() {
    let tapes = tapes!();

    let refused = shop(&tapes).await.order(&[pens(1_000_000)]).await;

    assert!(matches!(refused, Err(ShopError::Refused(why)) if why == "so many are not in stock"));
}

/// One test for many cases: each has tapes of its own, below those of the test.
#[tokio::test]
async fn prices_are_in_the_currency_of_the_country() {
    for (country, currency) in [("DE", "EUR"), ("GB", "GBP"), ("CH", "CHF")] {
        let tapes = tapes!(case = country);

        let price = shop(&tapes).await.price("pen", country).await.expect("there is a price");

        assert_eq!(price, Price { amount: 120, currency: currency.to_owned() });
    }
}

/// The same request five times: five takes on one tape, played in their order.
#[tokio::test]
async fn an_order_is_followed_until_it_is_shipped() {
    let tapes = tapes!();

    let seen = shop(&tapes).await.wait_until_shipped(17, Duration::ZERO).await.expect("it is shipped in the end");

    assert_eq!(seen, ["placed", "paid", "shipped"]);
    assert_eq!(tapes.exchanges().len(), 5);
    // What went over the wire; the key is {{secret:SHOP_KEY}} here as well.
    insta::assert_snapshot!(tapes.exchanges()[4]);
}

/// How often the program asks is not what this test is about: the last answer goes for all that follow, and answers that
/// nobody asks for are no fault.
#[tokio::test]
async fn nobody_waits_for_ever() {
    let tapes = recorder!().repeat(Repeat::Last).unused(UnusedRule::Allow).start();

    let gave_up = shop(&tapes).await.wait_until_shipped(404, Duration::ZERO).await;

    assert!(matches!(gave_up, Err(ShopError::NotShipped(404))));
}

/// Fails when a test was renamed or removed and its tapes were not.
#[test]
fn no_tape_is_left_without_a_test() {
    orphans!();
}

/// The program with a client that records and replays, at a shop that is only there while recording.
async fn shop(tapes: &Tapes) -> Shop {
    let client = tapes.reqwest(reqwest::Client::new());
    Shop::new(client, url_for(tapes.mode()).await, tapes.secret("SHOP_KEY"))
}

/// Where the shop is. While replaying nothing listens there: the tapes know a listener on this machine under any port.
async fn url_for(mode: Mode) -> String {
    if mode == Mode::Replay {
        return "http://127.0.0.1:1".to_owned();
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let url = format!("http://{}", listener.local_addr().expect("it has an address"));
    tokio::spawn(Arc::new(StandIn::default()).serve(listener));
    url
}

fn pens(quantity: u32) -> Line {
    Line { sku: "pen".to_owned(), quantity }
}
