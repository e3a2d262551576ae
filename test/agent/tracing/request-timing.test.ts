import { channel } from "node:diagnostics_channel";
import { once } from "node:events";
import { Agent, createServer, get, type RequestListener, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import express from "express";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { MAX_OPERATIONS, OperationNames } from "../../../agent/tracing/operation-names.ts";
import type { RequestBody } from "../../../agent/tracing/request-timer.ts";
import { RequestTiming } from "../../../agent/tracing/request-timing.ts";

const opened: { close(): unknown }[] = [];
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) {
    if ("closeAllConnections" in each) (each as Server).closeAllConnections();
    each.close();
  }
});

/** Requests in the order of their departure; `next` waits for so many. */
function timed(restAfter?: number): {
  readonly requests: RequestBody[];
  next(count: number): Promise<void>;
} {
  const requests: RequestBody[] = [];
  let wake: () => void = () => undefined;
  const timing = new RequestTiming({
    record: (request) => {
      requests.push(request);
      wake();
    },
    onError: (error) => {
      throw error;
    },
    ...(restAfter === undefined ? {} : { restAfter }),
  });
  opened.push(timing);
  const next = async (count: number): Promise<void> => {
    while (requests.length < count) await new Promise<void>((resolve) => (wake = resolve));
  };
  return { requests, next };
}

async function serve(handler: RequestListener): Promise<string> {
  const server = createServer(handler);
  opened.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function getText(url: string, agent?: Agent): Promise<string> {
  return new Promise((resolve, reject) => {
    get(url, { agent }, (response) => {
      let text = "";
      response.on("data", (chunk) => (text += chunk));
      response.on("end", () => resolve(text));
    }).on("error", reject);
  });
}

describe("request timing", () => {
  it("records a request with the calls it made, by http and by fetch, in microseconds", async () => {
    const { requests, next } = timed();
    const slow = await serve((_, response) => setTimeout(() => response.end("slow"), 30));
    const front = await serve(async (_, response) => {
      await getText(slow);
      await (await fetch(slow)).text();
      response.end("done");
    });
    await getText(front);
    await next(3);
    const own = requests.at(-1) as RequestBody;
    expect(own).toMatchObject({ operation: "GET *", outcome: "ok" });
    expect(own.calls.map((call) => call.to)).toEqual([new URL(slow).host, new URL(slow).host]);
    const [first, second] = own.calls as [(typeof own.calls)[0], (typeof own.calls)[0]];
    for (const call of own.calls) {
      expect(call.us).toBeGreaterThanOrEqual(29_000);
      expect(call.startUs + call.us).toBeLessThanOrEqual(own.residenceUs);
    }
    expect(second.startUs).toBeGreaterThanOrEqual(first.startUs + first.us);
    // The callees' own residence lies inside the calls.
    for (const callee of requests.slice(0, 2)) expect(callee.residenceUs).toBeGreaterThan(28_000);
  });

  it("gives each of many requests in flight its own calls", async () => {
    const { requests, next } = timed();
    const back = await serve((_, response) => setTimeout(() => response.end(), 5));
    const front = await serve(async (request, response) => {
      const count = Number((request.url ?? "").slice(1));
      for (let i = 0; i < count; i += 1) await getText(back);
      response.end();
    });
    const counts = Array.from({ length: 30 }, (_, i) => i % 5);
    await Promise.all(counts.map((count) => getText(`${front}/${count}`)));
    const called = counts.reduce((sum, count) => sum + count, 0);
    await next(counts.length + called);
    const seen = requests.map((request) => request.calls.length).sort();
    expect(seen).toEqual([...counts, ...new Array(called).fill(0)].sort());
  });

  it("gives a fetch that waited for a connection to the request that made it", async () => {
    const { requests, next } = timed();
    // undici sends what waited from wherever the connection became free: here, from outside of all requests.
    let arrived: () => void = () => undefined;
    const both = new Promise<void>((resolve) => (arrived = resolve));
    const waiting: { readonly call: { origin: string }; readonly end: () => void }[] = [];
    const front = await serve((request, response) => {
      const call = { origin: `http://back${request.url?.replace("/", "-")}` };
      channel("undici:request:create").publish({ request: call });
      waiting.push({ call, end: () => response.end() });
      if (waiting.length === 2) arrived();
    });
    const replies = Promise.all([getText(`${front}/a`), getText(`${front}/b`)]);
    await both;
    for (const { call } of waiting) channel("undici:client:sendHeaders").publish({ request: call });
    for (const { call } of waiting) channel("undici:request:trailers").publish({ request: call });
    for (const { end } of waiting) end();
    await replies;
    await next(2);
    const called = requests.map(({ calls }) => calls.map(({ to }) => to));
    expect(called.flat().sort()).toEqual(["back-a", "back-b"]);
    expect(called.map((each) => each.length)).toEqual([1, 1]);
  });

  it("names the operation by the route's pattern, never by the address", async () => {
    const { requests, next } = timed();
    const app = express();
    const mounted = express.Router();
    mounted.get("/items/:item", (_, response) => void response.send("ok"));
    app.get("/carts/:id", (_, response) => void response.send("ok"));
    app.use("/users/:user", mounted);
    const base = await serve(app as RequestListener);
    await getText(`${base}/carts/4711`);
    await getText(`${base}/users/alice/items/7`);
    await getText(`${base}/nowhere/alice`);
    await next(3);
    expect(requests.map((request) => request.operation)).toEqual([
      ...["GET /carts/:id", "GET */items/:item", "GET *"],
    ]);
  });

  it("tells errors and requests given up from the others", async () => {
    const { requests, next } = timed();
    const base = await serve((request, response) => {
      if (request.url === "/hang") return;
      response.statusCode = 503;
      response.end();
    });
    await getText(`${base}/fails`);
    const hanging = get(`${base}/hang`).on("error", () => undefined);
    await new Promise((resolve) => hanging.once("finish", resolve));
    setTimeout(() => hanging.destroy(), 10);
    await next(2);
    expect(requests.map((request) => request.outcome)).toEqual(["error", "aborted"]);
  });

  it("ends a call that is refused, and one that outlives the reply, with the reply", async () => {
    const { requests, next } = timed();
    const back = await serve((_, response) => setTimeout(() => response.end(), 40));
    const front = await serve(async (_, response) => {
      await getText("http://127.0.0.1:1").catch(() => undefined);
      void getText(back);
      setTimeout(() => response.end(), 5);
    });
    await getText(front);
    await next(1);
    const own = requests[0] as RequestBody;
    for (const call of own.calls) {
      expect(call.startUs + call.us).toBeLessThanOrEqual(own.residenceUs);
    }
    await next(2);
  });

  it("keeps to its limits: calls of a request, operations of a node", async () => {
    const { requests, next } = timed();
    const back = await serve((_, response) => response.end());
    const front = await serve(async (_, response) => {
      for (let i = 0; i < 300; i += 1) await getText(back);
      response.end();
    });
    await getText(front);
    await next(301);
    expect(requests.at(-1)?.calls.length).toBe(256);
    const app = express();
    for (let i = 0; i < 70; i += 1) app.get(`/r${i}/:id`, (_, response) => void response.send(""));
    const many = await serve(app as RequestListener);
    for (let i = 0; i < 70; i += 1) await getText(`${many}/r${i}/1`);
    await next(371);
    expect(new Set(requests.map((request) => request.operation)).size).toBe(65);
    expect(requests.at(-1)?.operation).toBe("other");
  });

  it("follows no callers after many requests that called nobody, until there is a call", async () => {
    const { requests, next } = timed(3);
    const back = await serve((_, response) => response.end());
    const front = await serve(async (request, response) => {
      if (request.url === "/calls") await getText(back);
      response.end();
    });
    const { port } = new URL(front);
    const callsOf = async (path: string, others: number): Promise<number> => {
      const before = requests.length;
      // By hand: a client of this process would be a call.
      const socket = connect(Number(port), "127.0.0.1");
      socket.resume().write(`GET ${path} HTTP/1.1\r\nHost: front\r\nConnection: close\r\n\r\n`);
      await once(socket, "close");
      await next(before + 1 + others);
      return requests.at(-1)?.calls.length ?? Number.NaN;
    };
    expect(await callsOf("/calls", 1)).toBe(1);
    for (let i = 0; i < 4; i += 1) expect(await callsOf("/", 0)).toBe(0);
    expect(await callsOf("/calls", 1)).toBe(0); // it tells that there are calls again
    expect(await callsOf("/calls", 1)).toBe(1);
    expect(await callsOf("/calls", 1)).toBe(1);
  });

  it("gives no request another's call, whenever callers are followed and when not", async () => {
    const { requests, next } = timed(2);
    const backs = [0, 1, 2].map((i) =>
      serve((_, response) => setTimeout(() => response.end(), 2 * i)),
    );
    const urls = await Promise.all(backs);
    const app = express();
    app.get("/quiet", (_, response) => void response.send("ok"));
    for (const [i, url] of urls.entries()) {
      app.get(`/asks${i}`, async (_, response) => {
        if (i > 0) await new Promise((resolve) => setImmediate(resolve));
        await getText(url);
        await getText(url);
        response.send("ok");
      });
    }
    const base = await serve(app as RequestListener);
    // Few connections, used again: what one leaves behind must not be found by the next.
    const agent = new Agent({ keepAlive: true, maxSockets: 4 });
    opened.push({ close: () => agent.destroy() });
    const paths = fc.array(fc.constantFrom("/quiet", "/asks0", "/asks1", "/asks2"), {
      ...{ minLength: 40, maxLength: 80 },
    });
    let attributed = 0;
    await fc.assert(
      fc.asyncProperty(paths, async (asked) => {
        requests.length = 0;
        await Promise.all(asked.map((path) => getText(base + path, agent)));
        await next(asked.length + 2 * asked.filter((path) => path !== "/quiet").length);
        for (const { operation, calls } of requests) {
          const own = /^GET \/asks(\d)$/.exec(operation)?.[1];
          const peer = own === undefined ? undefined : new URL(urls[Number(own)] as string).host;
          expect(calls.filter(({ to }) => to !== peer)).toEqual([]);
          expect(calls.length).toBeLessThanOrEqual(2);
          attributed += calls.length;
        }
      }),
      { numRuns: 10 },
    );
    expect(attributed).toBeGreaterThan(0);
  });

  it("asks once a name what must not be recorded of it", async () => {
    const asked: string[] = [];
    const names = new OperationNames((operation) => {
      asked.push(operation);
      return operation.replace("secret", "***");
    });
    for (let i = 0; i < 3; i += 1) {
      expect(names.nameOf("GET", "/secret", false)).toBe("GET /***");
      expect(names.nameOf("GET", "/secret", true)).toBe("GET */***");
      expect(names.nameOf("POST", "/secret", false)).toBe("POST /***");
      expect(names.nameOf("GET", undefined, false)).toBe("GET *");
      expect(names.nameOf("GET", undefined, true)).toBe("GET *");
    }
    expect(asked).toEqual(["GET /secret", "GET */secret", "POST /secret", "GET *"]);
    for (let i = 0; i < MAX_OPERATIONS - 4; i += 1)
      expect(names.nameOf("PUT", `/${i}`, false)).toBe(`PUT /${i}`);
    for (let i = 0; i < 2; i += 1) expect(names.nameOf("PUT", "/more", false)).toBe("other");
    expect(names.nameOf("GET", "/secret", false)).toBe("GET /***");
  });

  it("leaves nothing behind when closed", async () => {
    const { requests } = timed();
    (opened.pop() as { close(): void }).close();
    await getText(await serve((_, response) => response.end()));
    expect(requests).toEqual([]);
  });
});
