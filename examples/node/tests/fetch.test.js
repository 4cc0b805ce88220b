import { describe, expect, test } from "vitest";
import { Shop } from "../shop.js";

const shop = new Shop(process.env.SHOP_URL ?? "http://127.0.0.1:8180", process.env.SHOP_KEY ?? "nobody's key");

test("an order is placed", async () => {
  expect(await shop.order("pen", 2)).toEqual({ id: 17, status: "placed" });
});

test("an order that the shop refuses is an error", async () => {
  await expect(shop.order("pen", 1_000_000)).rejects.toThrow("so many are not in stock");
});

describe("prices are in the currency of the country", () => {
  test.each([["DE", "EUR"], ["GB", "GBP"], ["CH", "CHF"]])("%s: %s", async (country, currency) => {
    expect(await shop.price("pen", country)).toEqual({ amount: 120, currency });
  });
});

test("an order is followed until it is shipped", async () => {
  expect(await shop.waitUntilShipped(17)).toEqual(["placed", "paid", "shipped"]);
});
