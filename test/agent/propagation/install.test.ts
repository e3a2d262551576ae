/** What the installation promises beyond what the tests of each hook show. */
import { afterEach, expect, it } from "vitest";
import { MAX_REMEMBERED_BY_HAND } from "../../../agent/propagation/install.ts";
import { type HookedProcess, hookUp } from "../../support/http-exchange.ts";

let hooked: HookedProcess;
afterEach(() => hooked.close());

class Client {
  producer(): object {
    return {};
  }
  consumer(): object {
    return {};
  }
}

it("of clients given by hand it holds the latest only, and close puts those back", () => {
  hooked = hookUp({ hooks: ["kafkajs"] });
  const clients = Array.from({ length: 3 * MAX_REMEMBERED_BY_HAND }, () => new Client());
  for (const client of clients) {
    expect(hooked.hooks.instrument("kafkajs", client)).toBe(true);
    expect(Object.hasOwn(client, "producer")).toBe(true);
  }
  hooked.hooks.close();
  const stillPatched = clients.map((client) => Object.hasOwn(client, "producer"));
  expect(stillPatched.filter((each) => !each)).toHaveLength(MAX_REMEMBERED_BY_HAND);
  expect(stillPatched.lastIndexOf(true)).toBe(clients.length - MAX_REMEMBERED_BY_HAND - 1);
  expect(clients[0]?.producer()).toEqual({}); // passes through
  expect(hooked.hooks.instrument("kafkajs", new Client())).toBe(false);
});

it("closes to its end though a package cannot be put back", () => {
  hooked = hookUp({ hooks: ["kafkajs", "http-client"] });
  const frozen = new Client();
  const other = new Client();
  for (const client of [other, frozen]) hooked.hooks.instrument("kafkajs", client);
  Object.freeze(frozen);
  hooked.hooks.close();
  expect(Object.hasOwn(other, "producer")).toBe(false);
  hooked = hookUp(); // would be shadowed, had the first not ended
  expect(hooked.hooks.states()["http-client"]).toBe("active");
});
