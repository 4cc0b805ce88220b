import asyncio
import os

import httpx
import pytest

from shop import AsyncShop, Refused

URL = os.environ.get("SHOP_URL", "http://127.0.0.1:8180")
KEY = os.environ.get("SHOP_KEY", "nobody's key")


def test_an_order_is_placed():
    assert asyncio.run(AsyncShop(URL, KEY).order("pen", 2)) == {"id": 17, "status": "placed"}


def test_an_order_that_the_shop_refuses_is_an_error():
    with pytest.raises(Refused, match="so many are not in stock"):
        asyncio.run(AsyncShop(URL, KEY).order("pen", 1_000_000))


def test_many_prices_are_asked_for_at_once():
    async def prices():
        shop = AsyncShop(URL, KEY)
        return await asyncio.gather(*(shop.price("pen", country) for country in ["DE", "GB", "CH"]))

    assert [price["currency"] for price in asyncio.run(prices())] == ["EUR", "GBP", "CHF"]


def test_httpx_without_async_is_served_as_well():
    answer = httpx.get(f"{URL}/prices/pen", params={"country": "CH"})
    assert answer.json() == {"amount": 120, "currency": "CHF"}
