//! A program that asks somebody else's service: a client of a shop, as it might stand in any program. It knows nothing of the
//! recorder; `tests/shop.rs` shows how it is tested.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::StatusCode;
use reqwest_middleware::ClientWithMiddleware;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// A client of the shop. Any reqwest client will do: `reqwest::Client::new().into()`.
#[derive(Debug)]
pub struct Shop {
    client: ClientWithMiddleware,
    url: String,
    key: String,
}

/// What is bought, and how much of it.
#[derive(Debug, Clone, Serialize)]
pub struct Line {
    /// The shop's name for it.
    pub sku: String,
    /// How many.
    pub quantity: u32,
}

/// An order as the shop sees it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Order {
    /// The shop's number.
    pub id: u64,
    /// `placed`, `paid`, `shipped`.
    pub status: String,
}

/// A price in one country.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Price {
    /// In the smallest unit of the currency.
    pub amount: u64,
    /// ISO 4217.
    pub currency: String,
}

/// Why the shop did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShopError {
    /// The shop understood and refused.
    #[error("the shop refuses: {0}")]
    Refused(String),
    /// The order took longer than anybody waits.
    #[error("order {0} is not shipped yet")]
    NotShipped(u64),
    /// The shop could not be asked, or its answer not be read.
    #[error(transparent)]
    Http(#[from] reqwest_middleware::Error),
}

impl Shop {
    /// The shop at a URL, asked with a key.
    pub fn new(client: ClientWithMiddleware, url: impl Into<String>, key: impl Into<String>) -> Self {
        Self { client, url: url.into(), key: key.into() }
    }

    /// Places an order.
    ///
    /// # Errors
    /// [`ShopError::Refused`] with the shop's reason.
    pub async fn order(&self, lines: &[Line]) -> Result<Order, ShopError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let order = json!({"lines": lines, "placed_at": now.as_secs()});
        let request = self.client.post(format!("{}/orders", self.url)).bearer_auth(&self.key).json(&order);
        let answer = request.send().await?;
        if answer.status() == StatusCode::CREATED {
            return Ok(json_of(answer).await?);
        }
        let refusal: Refusal = json_of(answer).await?;
        Err(ShopError::Refused(refusal.error))
    }

    /// The price of a thing in a country.
    ///
    /// # Errors
    /// [`ShopError::Http`] where there is none.
    pub async fn price(&self, sku: &str, country: &str) -> Result<Price, ShopError> {
        let request = self.client.get(format!("{}/prices/{sku}?country={country}", self.url));
        let answer = request.send().await?.error_for_status().map_err(reqwest_middleware::Error::Reqwest)?;
        Ok(json_of(answer).await?)
    }

    /// Asks again and again until an order is shipped, and returns each status once.
    ///
    /// # Errors
    /// [`ShopError::NotShipped`] after ten questions.
    pub async fn wait_until_shipped(&self, id: u64, pause: Duration) -> Result<Vec<String>, ShopError> {
        let mut seen = Vec::new();
        for _ in 0..10 {
            let request = self.client.get(format!("{}/orders/{id}", self.url)).bearer_auth(&self.key);
            let order: Order = json_of(request.send().await?).await?;
            if seen.last() != Some(&order.status) {
                seen.push(order.status.clone());
            }
            if order.status == "shipped" {
                return Ok(seen);
            }
            tokio::time::sleep(pause).await;
        }
        Err(ShopError::NotShipped(id))
    }
}

#[derive(Deserialize)]
struct Refusal {
    error: String,
}

async fn json_of<T: serde::de::DeserializeOwned>(answer: reqwest::Response) -> Result<T, reqwest_middleware::Error> {
    answer.json().await.map_err(reqwest_middleware::Error::Reqwest)
}
