/**
 * A recorded history for the UI's tests, the same on every run: a gateway and three stores that
 * replicate writes over messages, for twelve seconds. `makeScenario` can damage it in named ways.
 */
import { type Hlc, parseTime, TICKS_PER_MS } from "../../agent/kernel/index.ts";

export interface ScenarioEvent {
  readonly node: string;
  readonly service: string;
  readonly epoch: number;
  readonly seq: number;
  readonly t: Hlc;
  readonly kind: string;
  readonly fields: Readonly<Record<string, unknown>>;
  /** For a receive: its send. */
  readonly send?: { readonly node: string; readonly seq: number };
}

export interface Scenario {
  readonly events: readonly ScenarioEvent[];
  readonly nodes: readonly {
    readonly node: string;
    readonly service: string;
    readonly epoch: number;
    readonly closed: Hlc;
  }[];
  readonly unchecked: readonly {
    from: string | null;
    to: string | null;
    peer: string;
    count: number;
  }[];
}

export type Damage = "none" | "lagging" | "violation" | "unchecked" | "empty";

export const SCENARIO_START: Hlc = parseTime("2026-11-21T16:00:00.000Z", 0 as Hlc);
export const SCENARIO_MS = 12_000;
export const SCENARIO_END = (SCENARIO_START + SCENARIO_MS * TICKS_PER_MS) as Hlc;
const STORES = ["store-1", "store-2", "store-3"];

/** A linear congruential generator: enough to scatter times and values. */
function dice(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** `writes` client writes; each is one request, four messages and up to seven changes. */
export function makeScenario(damage: Damage = "none", writes = 60, seed = 7): Scenario {
  if (damage === "empty") return { events: [], nodes: [], unchecked: [] };
  const roll = dice(seed);
  const events: ScenarioEvent[] = [];
  const seqs = new Map<string, number>();
  const last = new Map<string, number>();
  const add = (
    node: string,
    ms: number,
    kind: string,
    fields: Record<string, unknown> = {},
    options: { send?: ScenarioEvent["send"]; sameTime?: boolean } = {},
  ): ScenarioEvent => {
    const seq = (seqs.get(node) ?? 0) + 1;
    seqs.set(node, seq);
    const wanted = SCENARIO_START + Math.round(ms * TICKS_PER_MS);
    const floor = (last.get(node) ?? 0) + (options.sameTime ? 0 : 1);
    const t = (options.sameTime ? (last.get(node) as number) : Math.max(wanted, floor)) as Hlc;
    last.set(node, t);
    const service = node.startsWith("store") ? "store" : "gateway";
    const event = {
      node,
      service,
      epoch: 1,
      seq,
      t,
      kind,
      fields,
      ...(options.send && { send: options.send }),
    };
    events.push(event);
    return event;
  };
  const message = (from: string, to: string, ms: number, delayMs: number): ScenarioEvent => {
    const send = add(from, ms, "send", { channel: "http", to, peer: null });
    const arrival = Math.max(ms + delayMs, (send.t - SCENARIO_START) / TICKS_PER_MS + 0.05);
    return add(
      to,
      arrival,
      "receive",
      { channel: "http", from },
      { send: { node: from, seq: send.seq } },
    );
  };

  for (const [place, node] of ["gateway-1", ...STORES].entries()) {
    add(node, place * 20, "join", {
      service: node.startsWith("store") ? "store" : "gateway",
      tags: {},
    });
    if (node !== "gateway-1") {
      add(node, place * 20 + 5, "set", { log: "cluster", key: "leader", value: "store-1" });
      add(node, place * 20 + 5, "add", { log: "cluster", key: "members", value: node });
    }
  }
  for (let write = 0; write < writes; write += 1) {
    const at = 300 + (write * (SCENARIO_MS - 900)) / writes + roll(60);
    const key = ["apples", "pears", "plums", "figs", "dates"][roll(5)] as string;
    const value = roll(100);
    const took = 20 + roll(30);
    add("gateway-1", at, "set", { log: "client", key: "open", value: write });
    message("gateway-1", "store-1", at + 1, 3 + roll(6));
    add("store-1", at + 11, "set", { log: "stock", key, value });
    add(
      "store-1",
      at + 11,
      "set",
      { log: "stock", key: "version", value: write },
      { sameTime: true },
    );
    for (const replica of ["store-2", "store-3"]) {
      message("store-1", replica, at + 12, 4 + roll(40));
      add(replica, at + 60, roll(12) === 0 ? "delete" : "set", { log: "stock", key, value });
    }
    add("gateway-1", at + took + 1, "request", {
      operation: `PUT /stock/${key}`,
      residenceUs: took * 1_000,
      outcome: "ok",
      calls: [{ to: "store-1", startUs: 1_000, us: 9_000 }],
      waits: [],
    });
    if (write % 20 === 10) add("store-2", at + 80, "mark", { text: `checkpoint ${write / 10}` });
  }
  if (damage === "violation") {
    // store-3 receives, by its clock, 400 ms before store-2 sends: nobody merged the stamp.
    const receive = add("store-3", SCENARIO_MS - 500, "receive", {
      channel: "http",
      from: "store-2",
    });
    const send = add("store-2", SCENARIO_MS - 100, "send", {
      channel: "http",
      to: "store-3",
      peer: null,
    });
    events[events.indexOf(receive)] = { ...receive, send: { node: "store-2", seq: send.seq } };
  }
  events.sort((a, b) => a.t - b.t || (a.node < b.node ? -1 : a.node > b.node ? 1 : a.seq - b.seq));
  const end = (SCENARIO_START + SCENARIO_MS * TICKS_PER_MS) as Hlc;
  return {
    events:
      damage === "lagging"
        ? events.filter((one) => !(one.node === "store-3" && one.t > lagAt()))
        : events,
    nodes: ["gateway-1", ...STORES].map((node) => ({
      node,
      service: node.startsWith("store") ? "store" : "gateway",
      epoch: 1,
      closed: damage === "lagging" && node === "store-3" ? lagAt() : end,
    })),
    unchecked:
      damage === "unchecked"
        ? [{ from: "gateway-1", to: null, peer: "10.0.0.9:5432", count: 14 }]
        : [],
  };
}

/** Until when store-3 has reported, where it lags. */
export function lagAt(): Hlc {
  return (SCENARIO_START + (SCENARIO_MS - 3_000) * TICKS_PER_MS) as Hlc;
}
