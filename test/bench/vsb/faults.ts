/**
 * The faults that can be injected: where each may strike, and which answers name it rightly.
 *
 * What is accepted is written down here, once, before anything is scored. A cause is right if the ledger of
 * `bottlenecks.md` section 8 would name it for a fault of this kind, and wrong in every other case.
 * `unexplained` is right where nothing could explain it (`slow-handler`), and nowhere else.
 */

/** The services of the topology (scene.ts). `spare` takes no traffic. */
export const TIERS = ["gateway", "service", "store", "prices", "stock", "spare"] as const;
export type Tier = (typeof TIERS)[number];

/** What `store` asks and nobody looks into: it has no agent. */
export const BACKEND = "backend";
export type Place = Tier | typeof BACKEND;

/** Those that requests pass through. */
export const USED_TIERS: readonly Tier[] = ["gateway", "service", "store", "prices", "stock"];
/** The way of most requests; faults strike here unless they need another place. */
const MAIN_WAY: readonly Tier[] = ["gateway", "service", "store"];

/** The link with a proxy in it: who asks, who answers. */
export const LINK: readonly [caller: Tier, callee: Tier] = ["service", "store"];

export type FaultName =
  | "loop-block"
  | "gc"
  | "gc-storm"
  | "sync-io"
  | "async-io"
  | "pool"
  | "lock"
  | "libuv-pool"
  | "cpu-contention"
  | "throttle"
  | "freeze"
  | "net-delay"
  | "net-drop"
  | "stalled-read"
  | "slow-downstream"
  | "slow-handler"
  | "gc-in-slow-downstream"
  | "two-tiers"
  | "burst-2"
  | "burst-5"
  | "unused-tier"
  | "under-noise"
  | "clock-step";

/** single: one fault; compound: two at once; burst: load, not a fault; negative: nothing may be said. */
export type FaultKind = "single" | "compound" | "burst" | "negative";

export interface Fault {
  readonly name: FaultName;
  readonly kind: FaultKind;
  /** Where it may strike; of a compound, where its first part does. */
  readonly tiers: readonly Tier[];
  /** Causes that name it; a compound's parts have their own. Empty: nothing would be right. */
  readonly causes: readonly string[];
  /** Which tiers are right: the struck one (or the backend that it asked), both ends of the link, or any (the whole machine). */
  readonly charge: "tier" | "backend" | "link" | "any";
  /** Who does it: the tier itself, its backend, a signal or other processes, the proxy, or the load. */
  readonly by: "tier" | "backend" | "outside" | "link" | "load";
  /** A compound's first part, and its second, which starts so long after it. */
  readonly first?: FaultName;
  readonly second?: {
    readonly fault: FaultName;
    readonly tier: Tier;
    readonly afterMs: number;
  };
}

/** What an answer says that names a tier and no cause. */
export const UNEXPLAINED = "unexplained";

const single = (
  name: FaultName,
  causes: readonly string[],
  rest: Partial<Omit<Fault, "name" | "causes">> = {},
): Fault => ({
  ...{ name, causes, kind: "single", tiers: MAIN_WAY, charge: "tier", by: "tier" },
  ...rest,
});

const FAULT_LIST: readonly Fault[] = [
  single("loop-block", ["run"]),
  single("gc", ["gc"]),
  // A storm is collected while it is made: whichever takes longer by V8's own trace (truth.ts).
  single("gc-storm", ["gc", "run"]),
  single("sync-io", ["sync-io"]),
  single("async-io", ["async-io", "libuv-pool"], { tiers: ["store"] }),
  single("pool", ["pool"], { tiers: ["service"] }),
  single("lock", ["lock"], { tiers: ["store"] }),
  single("libuv-pool", ["libuv-pool"], { tiers: ["store"] }),
  single("cpu-contention", ["run-queue"], { charge: "any", by: "outside" }),
  // By SIGSTOP and SIGCONT in turns, not by a quota: what a sampler sees of it is a row of freezes.
  single("throttle", ["throttled", "freeze", "run-queue"], { by: "outside" }),
  single("freeze", ["freeze"], { by: "outside" }),
  single("net-delay", ["network"], { tiers: ["store"], charge: "link", by: "link" }),
  single("net-drop", ["network"], { tiers: ["store"], charge: "link", by: "link" }),
  single("stalled-read", ["network"], { tiers: ["store"], charge: "link", by: "link" }),
  single("slow-downstream", ["downstream"], {
    ...{ tiers: ["store"], charge: "backend", by: "backend" },
  }),
  // A handler that sleeps: its exclusive time is up and all signals of its process are healthy. The tier is right,
  // and to say that nothing there explains it.
  single("slow-handler", [UNEXPLAINED]),
  single("gc-in-slow-downstream", [], {
    ...{ kind: "compound", tiers: ["store"] },
    first: "slow-downstream",
    second: { fault: "gc", tier: "service", afterMs: 10 },
  }),
  single("two-tiers", [], {
    ...{ kind: "compound", tiers: ["store"] },
    first: "loop-block",
    second: { fault: "loop-block", tier: "gateway", afterMs: 30 },
  }),
  single("burst-2", [], { kind: "burst", by: "load", tiers: ["gateway"] }),
  single("burst-5", [], { kind: "burst", by: "load", tiers: ["gateway"] }),
  single("unused-tier", [], { kind: "negative", tiers: ["spare"] }),
  single("under-noise", [], { kind: "negative" }),
  single("clock-step", [], { kind: "negative" }),
];

/** By how much a burst multiplies the rate. */
export const BURST_FACTORS: Readonly<Partial<Record<FaultName, number>>> = {
  "burst-2": 2,
  "burst-5": 5,
};
/** Length of a loop block that must drown in what is normal. */
export const UNDER_NOISE_MS = 4;
/** How far a clock is stepped, ahead and back again when the injection ends. */
export const CLOCK_STEP_MS = 200;

export const FAULTS: ReadonlyMap<FaultName, Fault> = new Map(
  FAULT_LIST.map((fault) => [fault.name, fault]),
);

/** @throws if there is no such fault; it names those that there are */
export function faultOf(name: string): Fault {
  const fault = FAULTS.get(name as FaultName);
  if (fault !== undefined) return fault;
  throw new Error(`there is no fault ${name}; there are ${[...FAULTS.keys()].join(", ")}`);
}
