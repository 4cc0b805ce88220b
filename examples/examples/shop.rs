//! `cargo run --example shop [ADDRESS]`: the stand-in for a shop that the suites in `python/` and `node/` are recorded against, at
//! 127.0.0.1:8180 without an address, until it is interrupted.

#[path = "../tests/shop/stand_in.rs"]
mod stand_in;

use std::sync::Arc;

use stand_in::StandIn;
use tokio::net::TcpListener;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), std::io::Error> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8180".to_owned());
    let listener = TcpListener::bind(&address).await?;
    println!("the shop listens at http://{}", listener.local_addr()?);
    Arc::new(StandIn::default()).serve(listener).await;
    Ok(())
}
