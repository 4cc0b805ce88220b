//! Braze: purchases are reported product by product; catalogs and currencies take a few characters only.

use serde_json::{Map, Value};

use crate::destination::{Code, Input, Refusal};

/// `code: products`: an item for each product of an order, beside all that the order has.
#[derive(Debug)]
pub(super) struct Products;

impl Code for Products {
    fn shape(&self, input: &Input<'_>) -> Result<Vec<Value>, Refusal> {
        let order = input.payload.as_object().cloned().unwrap_or_default();
        let products = order.get("products").and_then(Value::as_array).cloned().unwrap_or_default();
        if products.is_empty() {
            return Err(Refusal("products: there is none".to_owned()));
        }
        let with = |product: Value| {
            let mut item: Map<String, Value> = order.clone();
            item.insert("product".to_owned(), product);
            Value::Object(item)
        };
        Ok(products.into_iter().map(with).collect())
    }
}

/// `code: catalog`: the method for what is to be done, and an id that Braze takes.
#[derive(Debug)]
pub(super) struct Catalog;

impl Code for Catalog {
    fn shape(&self, input: &Input<'_>) -> Result<Vec<Value>, Refusal> {
        let mut payload = input.payload.as_object().cloned().unwrap_or_default();
        let id = payload.get("item_id").and_then(Value::as_str).unwrap_or_default();
        if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
            return Err(Refusal("item_id: only letters, digits, - and _ can stand in it".to_owned()));
        }
        let deletes = payload.get("__segment_internal_sync_mode").is_some_and(|mode| mode == "delete");
        payload.insert("method".to_owned(), if deletes { "DELETE" } else { "PUT" }.into());
        Ok(vec![Value::Object(payload)])
    }
}

/// `code: currency`: one of ISO 4217.
#[derive(Debug)]
pub(super) struct Currency;

impl Code for Currency {
    fn shape(&self, input: &Input<'_>) -> Result<Vec<Value>, Refusal> {
        let currency = input.payload.get("currency").and_then(Value::as_str).unwrap_or_default();
        if !CURRENCIES.split(' ').any(|known| known == currency) || currency.len() != 3 {
            return Err(Refusal(format!("currency: {currency:?} is none of ISO 4217, in upper case")));
        }
        Ok(vec![input.payload.clone()])
    }
}

const CURRENCIES: &str = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE \
    CHF CHW CLF CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF \
    IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR \
    MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE \
    SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD USN UYI UYU UYW UZS VED VES VND VUV WST XAD XAF XCD XCG \
    XDR XOF XPF XSU XUA YER ZAR ZMW ZWG";

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::destination::Env;

    fn shape(code: &dyn Code, payload: Value) -> Result<Vec<Value>, String> {
        let (event, settings, env) = (Value::Null, Value::Null, Env { now: Timestamp::UNIX_EPOCH, seed: 1 });
        let input = Input { event: &event, payload: &payload, settings: &settings, base: "", env, answers: &[] };
        code.shape(&input).map_err(|refusal| refusal.0)
    }

    #[test]
    fn each_product_of_an_order_is_an_item() {
        let items =
            shape(&Products, json!({"external_id": "u", "products": [{"product_id": "a"}, {"product_id": "b"}]}));
        let items = items.expect("two items");
        let products: Vec<_> =
            items.iter().map(|item| (&item["external_id"], &item["product"]["product_id"])).collect();
        assert_eq!(products, [(&json!("u"), &json!("a")), (&json!("u"), &json!("b"))]);
        assert_eq!(shape(&Products, json!({"products": []})), Err("products: there is none".to_owned()));
        assert!(shape(&Products, json!({})).is_err());
    }

    #[test]
    fn an_item_of_a_catalog_has_a_plain_id() {
        let method = |mode: &str| {
            let item = shape(&Catalog, json!({"item_id": "Pen-1_b", "__segment_internal_sync_mode": mode}));
            item.map(|items| items[0]["method"].clone())
        };
        assert_eq!((method("upsert"), method("delete")), (Ok(json!("PUT")), Ok(json!("DELETE"))));
        for id in ["", "pen 1", "pen/1", "stift-\u{fc}"] {
            assert!(shape(&Catalog, json!({"item_id": id})).is_err(), "{id}");
        }
    }

    #[test]
    fn a_currency_is_one_of_iso_4217() {
        for (currency, known) in
            [("EUR", true), ("ZWG", true), ("eur", false), ("EURO", false), ("EUR USD", false), ("", false)]
        {
            assert_eq!(shape(&Currency, json!({"currency": currency})).is_ok(), known, "{currency}");
        }
    }
}
