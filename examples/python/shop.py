"""A program that asks somebody else's service: clients of a shop, as they might stand in any program. They know nothing of the recorder."""

import time

import httpx
import requests


class Refused(Exception):
    """The shop understood and refused."""


def an_order(sku, quantity):
    return {"lines": [{"sku": sku, "quantity": quantity}], "placed_at": int(time.time())}


def placed(answer):
    if answer.status_code != 201:
        raise Refused(answer.json()["error"])
    return answer.json()


class Shop:
    """With requests."""

    def __init__(self, url, key):
        self.url = url
        self.http = requests.Session()
        self.key = {"authorization": f"Bearer {key}"}

    def order(self, sku, quantity):
        return placed(self.http.post(f"{self.url}/orders", json=an_order(sku, quantity), headers=self.key))

    def price(self, sku, country):
        answer = self.http.get(f"{self.url}/prices/{sku}", params={"country": country})
        answer.raise_for_status()
        return answer.json()

    def wait_until_shipped(self, number):
        seen = []
        while "shipped" not in seen:
            status = self.http.get(f"{self.url}/orders/{number}", headers=self.key).json()["status"]
            if status not in seen:
                seen.append(status)
        return seen


class AsyncShop:
    """With httpx."""

    def __init__(self, url, key):
        self.http = httpx.AsyncClient(base_url=url, headers={"authorization": f"Bearer {key}"})

    async def order(self, sku, quantity):
        return placed(await self.http.post("/orders", json=an_order(sku, quantity)))

    async def price(self, sku, country):
        answer = await self.http.get(f"/prices/{sku}", params={"country": country})
        return answer.raise_for_status().json()
