import { expect, test } from "vitest";
import { AxiosShop } from "../shop.js";

const shop = new AxiosShop(process.env.SHOP_URL ?? "http://127.0.0.1:8180", process.env.SHOP_KEY ?? "nobody's key");

test("an order is placed", async () => {
  expect(await shop.order("pen", 2)).toEqual({ id: 17, status: "placed" });
});

test("an order that the shop refuses is an error", async () => {
  await expect(shop.order("pen", 1_000_000)).rejects.toThrow("so many are not in stock");
});

test("many prices are asked for at once", async () => {
  const prices = await Promise.all(["DE", "GB", "CH"].map((country) => shop.price("pen", country)));
  expect(prices.map((price) => price.currency)).toEqual(["EUR", "GBP", "CHF"]);
});
