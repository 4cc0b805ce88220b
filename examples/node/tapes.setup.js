// Each test has tapes of its own under `tapes run`. Without it, requests go out.
import { ProxyAgent, setGlobalDispatcher } from "undici";
import { afterEach, beforeEach, expect } from "vitest";

const PROXIES = ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"];

async function tell(what, said) {
  const answer = await fetch(`${process.env.TAPES_CONTROL}/test/${what}`, { method: "POST", body: JSON.stringify(said) });
  return answer.json();
}

if (process.env.TAPES_CONTROL) {
  const name = (task) => `${task.file.name}::${expect.getState().currentTestName}`;

  beforeEach(async ({ task }) => {
    const { proxy, error } = await tell("begin", { name: name(task) });
    if (error) throw new Error(error);
    PROXIES.forEach((variable) => (process.env[variable] = proxy)); // axios
    setGlobalDispatcher(new ProxyAgent(proxy)); // fetch
  });

  afterEach(async ({ task }) => {
    const { error } = await tell("end", { name: name(task), passed: task.result?.state === "pass" });
    if (error) throw new Error(error);
  });
}
