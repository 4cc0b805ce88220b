// A program that asks somebody else's service: clients of a shop, as they might stand in any program. They know nothing of the recorder.
import axios from "axios";

function anOrder(sku, quantity) {
  return { placed_at: Math.floor(Date.now() / 1000), lines: [{ quantity, sku }] };
}

/** With fetch. */
export class Shop {
  constructor(url, key) {
    this.url = url;
    this.key = { authorization: `Bearer ${key}` };
  }

  async order(sku, quantity) {
    const answer = await fetch(`${this.url}/orders`, {
      method: "POST",
      headers: { ...this.key, "content-type": "application/json" },
      body: JSON.stringify(anOrder(sku, quantity)),
    });
    const said = await answer.json();
    if (answer.status !== 201) throw new Error(said.error);
    return said;
  }

  async price(sku, country) {
    const answer = await fetch(`${this.url}/prices/${sku}?${new URLSearchParams({ country })}`);
    return answer.json();
  }

  async waitUntilShipped(number) {
    const seen = [];
    while (!seen.includes("shipped")) {
      const { status } = await (await fetch(`${this.url}/orders/${number}`, { headers: this.key })).json();
      if (!seen.includes(status)) seen.push(status);
    }
    return seen;
  }
}

/** With axios. */
export class AxiosShop {
  constructor(url, key) {
    this.http = axios.create({ baseURL: url, headers: { authorization: `Bearer ${key}` } });
  }

  async order(sku, quantity) {
    const answer = await this.http.post("/orders", anOrder(sku, quantity), { validateStatus: () => true });
    if (answer.status !== 201) throw new Error(answer.data.error);
    return answer.data;
  }

  async price(sku, country) {
    return (await this.http.get(`/prices/${sku}`, { params: { country } })).data;
  }
}
