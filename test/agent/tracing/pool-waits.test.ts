import { createServer, get, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import type { RequestBody } from "../../../agent/tracing/request-timer.ts";
import { RequestTiming } from "../../../agent/tracing/request-timing.ts";

const opened: { close(): unknown }[] = [];
afterEach(() => {
  for (const each of opened.splice(0).reverse()) each.close();
});

/** Runs `handle` inside a request of a real server; the record of that request. */
async function recordOf(
  handle: (timing: RequestTiming) => unknown,
): Promise<RequestBody & { readonly answer: string }> {
  let told: (request: RequestBody) => void;
  const recorded = new Promise<RequestBody>((resolve) => (told = resolve));
  const timing = new RequestTiming({
    record: (request) => told(request),
    onError: (error) => {
      throw error;
    },
  });
  opened.push(timing);
  const server: Server = createServer(async (_, response) => {
    try {
      response.end(String(await handle(timing)));
    } catch (error) {
      response.end(String(error));
    }
  });
  opened.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const answer = await new Promise<string>((resolve, reject) => {
    get(`http://127.0.0.1:${port}/`, { agent: false }, (response) => {
      let text = "";
      response.on("data", (chunk) => (text += chunk));
      response.on("end", () => resolve(text));
    }).on("error", reject);
  });
  return { ...(await recorded), answer };
}

const later = <T>(ms: number, value: T): Promise<T> =>
  new Promise((resolve) => setTimeout(() => resolve(value), ms));

describe("waits", () => {
  it("are recorded with the request that waits: a pool's by where it leads, else a lock's", async () => {
    const { waits, residenceUs, answer } = await recordOf(async (timing) => {
      const one = await timing.wait("db-pool", () => later(20, "connection"), { downstream: "db" });
      const two = timing.wait("stock", () => "held");
      return `${one} ${two}`;
    });
    expect(answer).toBe("connection held");
    expect(waits).toMatchObject([
      { to: "db-pool", kind: "pool", downstream: "db" },
      { to: "stock", kind: "lock" },
    ]);
    expect(waits[0]?.us).toBeGreaterThanOrEqual(19_000);
    expect(waits[0]?.us).toBeLessThanOrEqual(residenceUs);
  });

  it("that fail are over, and their errors are the caller's", async () => {
    const { waits, answer } = await recordOf(async (timing) => {
      const thrown = (): never => timing.wait("lock", () => expect.fail("thrown"));
      expect(thrown).toThrow("thrown");
      return timing.wait("pool", () => later(5, 0).then(() => Promise.reject("rejected")));
    });
    expect(answer).toBe("rejected");
    expect(waits.map(({ to }) => to)).toEqual(["lock", "pool"]);
  });

  it("outside of a request, or without timing, are calls and nothing else", async () => {
    const timing = new RequestTiming({ record: () => undefined, onError: () => undefined });
    opened.push(timing);
    expect(timing.wait("x", () => 7)).toBe(7);
    timing.close();
    await expect(timing.wait("x", () => later(1, 8))).resolves.toBe(8);
    expect(timing.watchPool("x", { acquire: () => 1 })).toBe(false);
  });

  it("of pools known by their shape are recorded, by promise and by callback", async () => {
    class PromisePool {
      acquire(): Promise<string> {
        return later(5, "a");
      }
    }
    const pg = {
      connect(callback?: (error: null, client: string) => void): Promise<string> | undefined {
        if (callback === undefined) return later(5, "c");
        setTimeout(() => callback(null, "c"), 5);
        return undefined;
      },
      // As pg's own, which goes through its `connect`.
      query(callback: (client: string) => void): void {
        void this.connect((_, client) => callback(client));
      },
    };
    const tarn = { acquire: () => ({ promise: later(5, "t") }) };
    const generic = new PromisePool();
    const { waits, answer } = await recordOf(async (timing) => {
      for (const [name, pool] of Object.entries({ generic, pg, tarn })) {
        expect(timing.watchPool(name, pool, { downstream: "db" })).toBe(true);
      }
      const texts = [
        await generic.acquire(),
        await pg.connect(),
        await new Promise<string>((resolve) => pg.query(resolve)),
        await tarn.acquire().promise,
      ];
      timing.close();
      await generic.acquire();
      return texts.join("");
    });
    expect(answer).toBe("acct");
    expect(waits.map(({ to, kind, downstream }) => [to, kind, downstream])).toEqual([
      ["generic", "pool", "db"],
      ["pg", "pool", "db"],
      ["pg", "pool", "db"],
      ["tarn", "pool", "db"],
    ]);
    for (const { us } of waits) expect(us).toBeGreaterThan(3_000);
    // Put back as they were.
    expect(Object.hasOwn(generic, "acquire")).toBe(false);
    expect(Object.hasOwn(pg, "connect")).toBe(true);
  });

  it("of what is no pool, or cannot be changed, are not: and nothing throws", () => {
    const errors: unknown[] = [];
    const timing = new RequestTiming({
      record: () => undefined,
      onError: (error) => errors.push(error),
    });
    opened.push(timing);
    const frozen = Object.freeze({ acquire: () => 1 });
    const strange = [null, undefined, 5, "pool", {}, { acquire: 1 }, frozen];
    expect(strange.map((pool) => timing.watchPool("x", pool))).toEqual(strange.map(() => false));
    expect(errors).toHaveLength(1);
  });
});
