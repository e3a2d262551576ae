/**
 * A collector's face for the UI's tests: serves the built page under the product's policy and answers
 * the HTTP contract from a scenario. It can be told to hold its answers, to fail, to be silent, to be
 * empty or incomplete: the states that a real collector shows only on a bad day.
 */

import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import { type Hlc, parseHlc } from "../../agent/kernel/index.ts";
import type { EpisodeJson } from "../../collector/api/bottleneck-shapes.ts";
import type { SchemaJson } from "../../collector/api/shapes.ts";
import {
  cutAt,
  diffOf,
  eventsIn,
  historyOf,
  nodesOf,
  stepsFrom,
  timeJson,
  timelineOf,
} from "./naive-history.ts";
import type { Scenario } from "./ui-scenario.ts";

export interface FixtureServer {
  readonly url: string;
  /** Violations of the content policy that browsers reported. */
  readonly policyReports: readonly string[];
  scenario: Scenario;
  /** What `/api/bottlenecks` finds, by the stamps of their nodes. */
  episodes: readonly EpisodeJson[];
  /** No agent tells of its load. */
  isUnwatched: boolean;
  /** Tells it to whoever listens to `/api/live`, as soon as somebody does. */
  tell(name: string, data: unknown): Promise<void>;
  /** Which paths fail and how: with an error of the API, or by a dropped connection. */
  fail: { readonly path: RegExp; readonly how: "error" | "drop" | "retention" | "token" } | null;
  /** What `POST /api/query` streams; while `isOpen` the answer then goes on, with nothing more in it. */
  query: { readonly lines: readonly object[]; readonly isOpen: boolean };
  /** Queries whose connection was closed before their answer was whole. */
  readonly cancelled: readonly string[];
  /** While set, answers to these paths wait for `release`. */
  hold(path: RegExp): void;
  release(): void;
  close(): Promise<void>;
}

/** What the collector sends too: everything from here, nothing inline, Trusted Types. */
export const PAGE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
  "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
  "require-trusted-types-for 'script'; report-uri /policy-report";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

export async function startFixtureServer(
  pageFolder: string,
  scenario: Scenario,
): Promise<FixtureServer> {
  const policyReports: string[] = [];
  let held: RegExp | null = null;
  let waiting: (() => void)[] = [];
  const listeners = new Set<ServerResponse>();
  let onListener: () => void = () => {};
  const cancelled: string[] = [];
  const query = { lines: [], isOpen: false };
  const handle = {
    ...{ url: "", policyReports, scenario, fail: null, episodes: [], isUnwatched: false },
    ...{ query, cancelled },
  } as unknown as FixtureServer;

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? "/", "http://fixture");
    if (url.pathname === "/policy-report") {
      for await (const chunk of request) policyReports.push(String(chunk));
      response.writeHead(204).end();
      return;
    }
    if (!url.pathname.startsWith("/api/")) {
      await sendFile(pageFolder, url.pathname, response);
      return;
    }
    if (held?.test(url.pathname)) await new Promise<void>((go) => waiting.push(go));
    if (handle.fail?.path.test(url.pathname)) {
      failAs(handle.fail.how, handle.scenario, response);
      return;
    }
    if (url.pathname === "/api/live") {
      response.writeHead(200, { "content-type": "text/event-stream" }).write(": welcome\n\n");
      listeners.add(response);
      onListener();
      response.once("close", () => listeners.delete(response));
    } else if (url.pathname === "/api/query") await sendQuery(request, response);
    else sendJson(response, 200, route(handle, url));
  };

  const sendQuery = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const { rql, explain } = JSON.parse(body) as { rql: string; explain?: boolean };
    const { lines, isOpen } = handle.query;
    response.writeHead(200, { "content-type": "application/x-ndjson" });
    const told = explain === true ? [] : lines;
    response.write(told.map((line) => `${JSON.stringify(line)}\n`).join(""));
    if (!isOpen || explain === true) response.end();
    else response.once("close", () => cancelled.push(rql));
  };

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      sendJson(response, 400, { error: { code: "bad-request", message: String(error) } });
    });
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  return Object.assign(handle, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    hold(path: RegExp) {
      held = path;
    },
    release() {
      held = null;
      for (const go of waiting) go();
      waiting = [];
    },
    async tell(name: string, data: unknown) {
      while (listeners.size === 0) {
        await new Promise<void>((go) => {
          onListener = go;
        });
      }
      for (const one of listeners) one.write(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
    },
    async close() {
      handle.release();
      server.closeAllConnections();
      await new Promise<void>((closed) => server.close(() => closed()));
    },
  });
}

const WHOLE = { complete: true, incomplete: [] };

function route({ scenario, episodes, isUnwatched }: FixtureServer, url: URL): unknown {
  const query = url.searchParams;
  const time = (name: string): number => {
    const t = parseHlc(query.get(name) ?? "");
    if (t === undefined) throw new Error(`${name} is not a time: ${query.get(name)}`);
    return t;
  };
  switch (url.pathname) {
    case "/api/monitors":
      return { monitors: [] };
    case "/api/schema":
      return schemaOf(scenario);
    case "/api/nodes":
      return nodesOf(scenario);
    case "/api/cut":
      return cutAt(scenario, time("at"), { node: query.get("node") ?? undefined });
    case "/api/diff":
      return diffOf(scenario, time("from"), time("to"));
    case "/api/step":
      return stepsFrom(
        scenario,
        time("from"),
        query.get("direction") === "prev" ? "prev" : "next",
        Number(query.get("count") ?? 1),
        query.get("node") ?? undefined,
      );
    case "/api/events":
      return eventsIn(
        scenario,
        time("from"),
        time("to"),
        query.getAll("node"),
        Number(query.get("limit") ?? 1_000),
        query.getAll("kind"),
      );
    case "/api/history":
      return historyOf(
        scenario,
        {
          node: query.get("node") ?? "",
          log: query.get("log") ?? "",
          key: query.get("key") ?? "",
        },
        parseHlc(query.get("cursor") ?? "") ?? time("from"),
        query.has("to") ? time("to") : Number.MAX_SAFE_INTEGER,
        Number(query.get("limit") ?? 1_000),
      );
    case "/api/bottlenecks": {
      const [from, to] = [time("from"), time("to")];
      const inside = episodes.filter(({ stamped }) => {
        const onset = parseHlc(stamped.onset.hlc) ?? 0;
        return onset >= from && onset < to;
      });
      const unwatched = isUnwatched ? { unwatched: true } : {};
      return {
        ...{ from: timeJson(from), to: timeJson(to), ...WHOLE, ...unwatched },
        episodes: inside,
      };
    }
    case "/api/timeline":
      return timelineOf(scenario, time("from"), time("to"), Number(query.get("pixels")));
    default:
      throw new Error(`no such path: ${url.pathname}`);
  }
}

/** Every variable that is ever written, per node. */
function schemaOf({ events, nodes }: Scenario): SchemaJson {
  const logs = nodes.flatMap(({ node, service }) => {
    const own = events.filter((event) => event.node === node && "log" in event.fields);
    const names = new Set(own.map(({ fields }) => String(fields["log"])));
    return [...names].sort().map((log) => {
      const of = own.filter(({ fields }) => fields["log"] === log);
      const types = new Map(
        of.map(({ fields }) => [String(fields["key"]), typeof fields["value"]]),
      );
      const variables = [...types].map(([key, type]) => ({ key, type }));
      return { node, service, log, changes: of.length, variableCount: types.size, variables };
    });
  });
  return {
    services: [...new Set(nodes.map(({ service }) => service))],
    nodes: nodes.map(({ node }) => node),
    logs,
  };
}

function failAs(
  how: "error" | "drop" | "retention" | "token",
  scenario: Scenario,
  response: ServerResponse,
): void {
  const earliest = timeJson(scenario.events[0]?.t ?? (0 as Hlc));
  if (how === "drop") response.destroy();
  else if (how === "token") {
    sendJson(response, 401, {
      error: {
        code: "token-needed",
        message: "A token is needed.",
        hint: "Ask whoever runs the collector.",
      },
    });
  } else if (how === "retention") {
    sendJson(response, 410, {
      error: {
        code: "outside-retention",
        message: "That time is no longer kept.",
        hint: "Ask for a later one.",
      },
      earliest,
    });
  } else {
    sendJson(response, 500, {
      error: {
        code: "store-failed",
        message: "The store could not be read.",
        hint: "See the collector's log.",
      },
    });
  }
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

async function sendFile(folder: string, path: string, response: ServerResponse): Promise<void> {
  const name = normalize(path === "/" ? "/index.html" : path);
  try {
    const bytes = await readFile(join(folder, name));
    response.writeHead(200, {
      "content-type": TYPES[extname(name)] ?? "application/octet-stream",
      "content-security-policy": PAGE_POLICY,
      "x-content-type-options": "nosniff",
    });
    response.end(bytes);
  } catch {
    response.writeHead(404).end();
  }
}
