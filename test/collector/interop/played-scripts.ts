/**
 * Random histories of agents (fast-check prints the seed), as batches: commits, sets, deletes, messages,
 * restarts, goodbyes, lost ranges and holes.
 */
import fc from "fast-check";
import {
  addMs,
  type Batch,
  type Hlc,
  type LostRange,
  ValueSet,
} from "../../../agent/kernel/index.ts";
import { aBatch, type Row } from "../../support/batches.ts";
import { NOW } from "../support.ts";

export const START: Hlc = addMs(NOW, -60_000);
/** As agents number their starts: milliseconds since 2020. */
export const EPOCH = 217_000_000_000;
const NODES = ["n1", "n2", "n3"];
const message = { channel: "http", peer: null, id: null };

/** One thing that happens, on one node, some milliseconds after the one before. */
type Act =
  | {
      readonly do: "set" | "delete" | "add";
      readonly log: string;
      readonly key: string;
      readonly value: number;
    }
  | { readonly do: "commit" | "restart" | "lose" | "keyframe" }
  | { readonly do: "send"; readonly to: number; readonly delay: number | null };

const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom("set" as const, "set" as const, "delete" as const, "add" as const),
      log: fc.constantFrom("stock", "ring"),
      key: fc.constantFrom("a", "b", "__proto__"),
      value: fc.integer({ min: 0, max: 9 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("send" as const),
      to: fc.integer({ min: 0, max: 2 }),
      delay: fc.option(fc.integer({ min: 1, max: 300 }), { freq: 4 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom(
        "commit" as const,
        "restart" as const,
        "lose" as const,
        "keyframe" as const,
      ),
    }),
  },
);

/** What happens one after the other: on which node, and how many milliseconds after the one before. */
export const script: fc.Arbitrary<ScriptedAct[]> = fc.array(
  fc.record({ node: fc.integer({ min: 0, max: 2 }), gap: fc.nat(100), act }),
  {
    minLength: 3,
    maxLength: 60,
  },
);

interface Life {
  readonly node: string;
  epoch: number;
  seq: number;
  lastT: Hlc;
  rows: Row[];
  firstSeq: number;
  dropped: LostRange[];
  readonly batches: Batch[];
}

interface ScriptedAct {
  readonly node: number;
  readonly gap: number;
  readonly act: Act;
}

/** Plays a script; the batches are those that the agents would have sent. */
export function play(acts: readonly ScriptedAct[]): Batch[] {
  let t: number = START;
  const lives = NODES.map((node, i) => begin(node, EPOCH + i, addMs(START, i)));
  const arrivals: {
    at: Hlc;
    node: number;
    from: { node: string; epoch: number; seq: number };
    sentT: Hlc;
  }[] = [];
  const deliver = (until: Hlc): void => {
    arrivals.sort((a, b) => a.at - b.at);
    while (arrivals.length > 0 && (arrivals[0]?.at ?? 0) <= until) {
      const arrival = arrivals.shift();
      if (arrival === undefined) return;
      const { from, sentT } = arrival;
      record(lives[arrival.node] as Life, arrival.at, (at) => ({
        ...message,
        t: at,
        kind: "receive",
        from,
        sentT,
        unverified: false,
        relayed: false,
      }));
    }
  };
  for (const { node, gap, act: what } of acts) {
    t = addMs(t as Hlc, 10 + gap);
    deliver(t as Hlc);
    const life = lives[node] as Life;
    perform(life, t as Hlc, what, (to, delay) => {
      const from = { node: life.node, epoch: life.epoch, seq: life.seq };
      arrivals.push({ at: addMs(life.lastT, delay), node: to, from, sentT: life.lastT });
    });
  }
  const end = addMs(t as Hlc, 500);
  deliver(end);
  for (const life of lives) ship(life, Math.max(end, life.lastT) as Hlc);
  return lives.flatMap(({ batches }) => batches);
}

function begin(node: string, epoch: number, t: Hlc): Life {
  const join: Row = {
    t,
    kind: "join",
    service: `s-${node}`,
    tags: {},
    instance: `${node}-${epoch}`,
  };
  return { node, epoch, seq: 1, lastT: t, rows: [join], firstSeq: 1, dropped: [], batches: [] };
}

function record(life: Life, t: Hlc, row: (t: Hlc) => Row): void {
  const stamp = Math.max(t, life.lastT + 1) as Hlc;
  life.rows.push(row(stamp));
  life.seq += 1;
  life.lastT = stamp;
}

function ship(life: Life, closed: Hlc): void {
  const { node, epoch, firstSeq, dropped } = life;
  life.batches.push(
    aBatch(life.rows, { node, service: `s-${node}`, epoch, firstSeq, closed, dropped }),
  );
  life.rows = [];
  life.dropped = [];
  life.firstSeq = life.seq + 1;
}

function perform(life: Life, t: Hlc, what: Act, send: (to: number, delay: number) => void): void {
  switch (what.do) {
    case "set":
    case "delete":
    case "add": {
      const { log, key, value } = what;
      record(life, t, (at) =>
        what.do === "delete"
          ? { t: at, kind: "delete", log, key }
          : what.do === "add"
            ? { t: at, kind: "add", log, key: `${key}-members`, value }
            : { t: at, kind: "set", log, key, value: value === 0 ? ValueSet.of(["x", 1]) : value },
      );
      return;
    }
    case "commit":
      record(life, t, (at) => ({ t: at, kind: "set", log: "stock", key: "a", value: 1 }));
      life.rows.push({ t: life.lastT, kind: "set", log: "ring", key: "b", value: 2 });
      life.seq += 1;
      return;
    case "keyframe":
      record(life, t, (at) => ({
        t: at,
        kind: "keyframe",
        log: "stock",
        state: new Map([["a", 7]]),
      }));
      return;
    case "send":
      record(life, t, (at) => ({
        ...message,
        t: at,
        kind: "send",
        to: NODES[what.to] ?? null,
        replaces: null,
        failed: false,
        streamed: false,
      }));
      if (what.delay !== null) send(what.to, what.delay);
      return;
    case "lose": {
      ship(life, life.lastT);
      const firstT = Math.max(t, life.lastT + 1) as Hlc;
      const lastT = addMs(firstT, 1);
      const [firstSeq, lastSeq] = [life.seq + 1, life.seq + 3];
      const lost = {
        firstSeq,
        lastSeq,
        firstT,
        lastT,
        messages: true,
        reason: "overflow" as const,
      };
      life.dropped = [{ ...lost, logs: life.seq % 2 === 0 ? ["stock"] : null }];
      life.seq = lastSeq;
      life.firstSeq = lastSeq + 1;
      life.lastT = lastT;
      return;
    }
    case "restart": {
      const leave = life.seq % 2 === 0;
      if (leave) record(life, t, (at) => ({ t: at, kind: "leave" }));
      ship(life, life.lastT);
      const next = begin(life.node, life.epoch + 100, addMs(Math.max(t, life.lastT) as Hlc, 5));
      Object.assign(life, { ...next, batches: life.batches });
      return;
    }
  }
}
