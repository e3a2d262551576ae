/**
 * The history that the examples of the language search: for each one planted hit, and one near miss.
 * Ten seconds; times are milliseconds after `ZERO`.
 */
import type { Json } from "../../../agent/kernel/index.ts";
import { at, type Happening } from "./told-cuts.ts";

function set(ms: number, nodes: string, log: string, key: string, value: Json): Happening[] {
  return nodes.split(" ").map((node) => ({ t: at(ms), node, kind: "set", log, key, value }));
}

export const EXAMPLE_SERVICES: { readonly [node: string]: string } = {
  ...{ a: "kv", b: "kv", c: "kv", w1: "jobs", n1: "edge", n2: "edge" },
};

export const EXAMPLE_HISTORY: readonly Happening[] = [
  // raft: all follow b at once (near miss); c is followed 40 ms late by c itself (hit).
  ...set(-500, "a b c", "raft", "leader", "a"),
  ...set(1_000, "a b c", "raft", "leader", "b"),
  ...set(2_000, "a b", "raft", "leader", "c"),
  ...set(2_040, "c", "raft", "leader", "c"),
  // Two leaders in two terms (near miss), then in one (hit).
  ...set(-500, "a", "raft", "role", "leader"),
  ...set(-500, "b c", "raft", "role", "follower"),
  ...set(-500, "a b c", "raft", "term", 1),
  ...set(3_000, "b", "raft", "term", 2),
  ...set(3_000, "b", "raft", "role", "leader"),
  ...set(3_100, "a", "raft", "term", 2),
  ...set(3_150, "a", "raft", "role", "follower"),
  // setd: four versions behind for 40 ms (near miss), for 60 ms (hit).
  ...set(-500, "a b c", "setd", "vr1", 10),
  ...[...set(1_000, "a", "setd", "vr1", 14), ...set(1_040, "b c", "setd", "vr1", 14)],
  ...[...set(2_000, "a", "setd", "vr1", 18), ...set(2_060, "b c", "setd", "vr1", 18)],
  // bank: a transfer that is booked as it arrives (near miss), and one that is booked 5 ms later (hit).
  ...set(-500, "a b", "bank", "cash", 500),
  ...[...set(1_000, "a", "bank", "cash", 490), ...message(1_000, 1_020, "m1")],
  ...set(1_020, "b", "bank", "cash", 510),
  ...[...set(2_000, "a", "bank", "cash", 480), ...message(2_000, 2_030, "m2")],
  ...set(2_035, "b", "bank", "cash", 520),
  // w: one node loaded and another backed up (near miss), then both on one (hit).
  ...[...set(-500, "a", "w", "load", 10), ...set(-500, "a", "w", "queue", 50)],
  ...[...set(-500, "b", "w", "load", 5), ...set(-500, "b", "w", "queue", 200)],
  ...[...set(3_000, "a", "w", "queue", 150), ...set(3_100, "a", "w", "queue", 50)],
  // hb: still for two seconds (near miss), for three (hit).
  ...[0, 1, 2, 4, 5, 6, 9, 10].flatMap((s) => set(s * 1_000, "n1", "hb", "beat", s)),
  ...Array.from({ length: 11 }, (_, s) => set(s * 1_000, "n2", "hb", "beat", s)).flat(),
  // kv: set to an equal value (near miss), then backwards (hit).
  ...[1, 2, 3, 3].flatMap((ver, s) => set(s * 1_000, "a", "kv", "ver", ver)),
  ...[...set(5_000, "a", "kv", "ver", 2), ...set(6_000, "a", "kv", "ver", 3)],
  // ring: two services see two rings (near miss), the nodes of one service do (hit).
  ...set(-500, "a b", "ring", "members", { $set: ["a", "b"] }),
  ...set(-500, "n1 n2", "ring", "members", { $set: ["n1", "n2"] }),
  ...set(1_000, "n1", "ring", "members", { $set: ["n1"] }),
  ...set(1_100, "n1", "ring", "members", { $set: ["n2", "n1"] }),
  // job: done after two seconds (near miss), after five and a half (hit).
  ...["idle", "claimed", "claimed", "done"].flatMap((state, s) =>
    set(s * 1_000, "w1", "job", "state", state),
  ),
  ...[...set(4_000, "w1", "job", "state", "claimed"), ...set(9_500, "w1", "job", "state", "done")],
  // lock: handed over at once (near miss), and over 10 ms (hit); s is the fourth owner.
  ...[...set(-500, "a b c", "lock", "owner", "p"), ...set(1_000, "a b c", "lock", "owner", "q")],
  ...[...set(2_000, "a", "lock", "owner", "r"), ...set(2_010, "b c", "lock", "owner", "r")],
  ...set(3_000, "a b c", "lock", "owner", "s"),
  // net: two messages of term 3 beyond slot 5 (hit), one of term 2 (near miss).
  ...set(-500, "a b", "net", "msgs", { slot: 6, meta: { term: 3 } }),
  ...set(-500, "c", "net", "msgs", { slot: 6, meta: { term: 2 } }),
  // health: a is not well for 100 ms (hit); that c says null is no answer (near miss).
  ...set(-500, "a b c", "health", "ok", true),
  ...[...set(1_000, "a", "health", "ok", false), ...set(1_100, "a", "health", "ok", true)],
  ...[...set(2_000, "c", "health", "ok", null), ...set(2_050, "c", "health", "ok", true)],
];

function message(sent: number, received: number, id: string): Happening[] {
  return [
    { t: at(sent), node: "a", kind: "send", id, to: "b" },
    { t: at(received), node: "b", kind: "receive", id },
  ];
}
