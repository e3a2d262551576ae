/**
 * What the services do for a request.
 *
 *     gateway  /pages   from its own memory
 *              /orders  -> service (pool) -> store (lock, a write to its journal) -> backend
 *              /offers  -> prices and stock at the same time
 *              /reports -> service, which takes its time
 */
import { open } from "node:fs/promises";
import type { Agent as Connections, get } from "node:http";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Express, Response } from "express";
import type { Agent } from "retroscope";
import type { Place, Tier } from "../faults.ts";
import { monotonicMs } from "./monotonic.ts";
import type { Gate, Slots } from "./slots.ts";

export interface TierParts {
  readonly agent: Agent;
  readonly next: Readonly<Partial<Record<Place, string>>>;
  readonly gate: Gate;
  readonly pool: Slots;
  readonly lock: Slots;
  readonly busyUs: number;
  readonly directory: string;
  readonly connections: Connections;
  readonly get: typeof get;
}

/** What /reports takes, always: slow and normal. */
const REPORT_MS = 60;
const JOURNAL_BYTES = 128;
const ANSWER_MS = 30_000;

export async function routesOf(tier: Tier, app: Express, parts: TierParts): Promise<void> {
  if (tier === "gateway") gateway(app, parts);
  else if (tier === "service") service(app, parts);
  else if (tier === "store") await store(app, parts);
  else if (tier === "prices" || tier === "stock") leaf(app);
}

function gateway(app: Express, parts: TierParts): void {
  app.get("/pages/:id", (request, response) => {
    answer(response, { id: request.params.id, title: "page" });
  });
  app.get("/orders/:id", async (request, response) => {
    answer(response, await ask(parts, "service", `/orders/${request.params.id}`));
  });
  app.get("/offers/:id", async (request, response) => {
    const { id } = request.params;
    const [price, left] = await Promise.all([
      ask(parts, "prices", `/items/${id}`),
      ask(parts, "stock", `/items/${id}`),
    ]);
    answer(response, { price, left });
  });
  app.get("/reports/:id", async (request, response) => {
    answer(response, await ask(parts, "service", `/reports/${request.params.id}`));
  });
}

function service(app: Express, parts: TierParts): void {
  app.get("/orders/:id", async (request, response) => {
    const release = await waited(parts.agent, "store-pool", () => parts.pool.take(), "store");
    try {
      const row = await ask(parts, "store", `/rows/${request.params.id}`);
      work(parts.busyUs);
      answer(response, { row });
    } finally {
      release();
    }
  });
  app.get("/reports/:id", async (_request, response) => {
    await sleep(REPORT_MS);
    answer(response, { pages: 3 });
  });
}

async function store(app: Express, parts: TierParts): Promise<void> {
  const journal = await open(join(parts.directory, `journal-${process.pid}`), "w");
  const line = Buffer.alloc(JOURNAL_BYTES, 46);
  const rows = new Map<string, number>();
  app.get("/rows/:id", async (request, response) => {
    const { id } = request.params;
    const release = await waited(parts.agent, "row-lock", () => parts.lock.take());
    const count = (rows.get(id) ?? 0) + 1;
    rows.set(id, count);
    release();
    await journal.write(line, 0, JOURNAL_BYTES, 0);
    await ask(parts, "backend", `/blocks/${id}`);
    answer(response, { id, count });
  });
}

function leaf(app: Express): void {
  app.get("/items/:id", (request, response) => {
    answer(response, { id: request.params.id, value: 7 });
  });
}

/** As `response.json`, without what a framework does besides: that is most of a handler's work. */
function answer(response: Response, body: unknown): void {
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(body));
}

/** Timed by the agent, as a service would have it. */
function waited<T>(
  agent: Agent,
  name: string,
  wait: () => Promise<T>,
  downstream?: string,
): Promise<T> {
  return agent.wait(name, wait, downstream === undefined ? {} : { downstream });
}

/** Of the processor, on the loop. */
function work(us: number): void {
  if (us === 0) return;
  const until = monotonicMs() + us / 1_000;
  while (monotonicMs() < until);
}

function ask({ next, connections, get }: TierParts, tier: Place, path: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const request = get(`${next[tier]}${path}`, { agent: connections }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () => {
        if (response.statusCode === 200) resolve(JSON.parse(text));
        else reject(new Error(`${tier} answered ${response.statusCode}`));
      });
      response.on("error", reject);
    });
    request.setTimeout(ANSWER_MS, () => request.destroy(new Error(`${tier} does not answer`)));
    request.on("error", reject);
  });
}
