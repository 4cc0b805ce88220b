import os

import pytest

from shop import Refused, Shop

URL = os.environ.get("SHOP_URL", "http://127.0.0.1:8180")
KEY = os.environ.get("SHOP_KEY", "nobody's key")


@pytest.fixture
def shop():
    return Shop(URL, KEY)


def test_an_order_is_placed(shop):
    assert shop.order("pen", 2) == {"id": 17, "status": "placed"}


def test_an_order_that_the_shop_refuses_is_an_error(shop):
    with pytest.raises(Refused, match="so many are not in stock"):
        shop.order("pen", 1_000_000)


@pytest.mark.parametrize("country, currency", [("DE", "EUR"), ("GB", "GBP"), ("CH", "CHF")])
def test_prices_are_in_the_currency_of_the_country(shop, country, currency):
    assert shop.price("pen", country) == {"amount": 120, "currency": currency}


def test_an_order_is_followed_until_it_is_shipped(shop):
    assert shop.wait_until_shipped(17) == ["placed", "paid", "shipped"]
