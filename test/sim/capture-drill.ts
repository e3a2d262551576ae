/**
 * Captures as users ask for them, at any range, and triggers as services call them; and what is held
 * against the answers. A part of a capture that names a range was promised to be readable there:
 *
 *     shipped, partial   every cut of the node in (from, to] lacks nothing, and every event of it is stored
 *     partial, silent    a reason is given
 *     asked              only until `to` and the time to give up have passed
 *
 * A capture that `ask` has answered with outlives every crash of the collector.
 */
import { type Hlc, RetroError } from "../../agent/kernel/index.ts";
import type { Cut } from "../../collector/cut/history.ts";
import type { Captures } from "../../collector/ingest/captures.ts";
import { Chance } from "./chance.ts";
import type { World } from "./world.ts";

type Capture = NonNullable<ReturnType<Captures["get"]>>;
type Part = Capture["nodes"][number];

const TICKS_PER_MS = 4096;
/** What `ask` may be refused with. */
const FAIR_REFUSALS: readonly string[] = ["overloaded", "disk-full", "closed", "unknown-node"];
/** Captures looked into at the end, and places in each. */
const MAX_JUDGED = 40;
const PLACES = 3;
/** After its end a capture is given up by the collector within 10 s, and one made by a trigger begins 2 s later. */
export const SETTLED_AFTER_MS = 14_000;
const RIVAL_MS = 5_000;

/** A range that was promised of a node. */
export interface Promised {
  readonly id: string;
  readonly node: string;
  readonly from: number;
  readonly to: number;
  readonly isPart: boolean;
}

export class CaptureDrill {
  readonly #world: World;
  readonly #chance: Chance;
  /** Captures that were answered with. */
  readonly #kept = new Set<string>();

  constructor(world: World) {
    this.#world = world;
    this.#chance = new Chance(Math.imul(world.scenario.seed + 1, 0xc2b2ae35) >>> 0);
  }

  /** One capture of a range somewhere around: past, half out of the window, to come. */
  ask(): void {
    const { nodes, scenario } = this.#world;
    const chance = this.#chance;
    const now = chance.isTrue(0.5) ? chance.pick(nodes).clock.ticks() : this.#world.collector.now();
    const reachMs = chance.pick([300, 3_000, 2 * scenario.windowMs]);
    const from = now + Math.round((chance.next() - 0.8) * reachMs * TICKS_PER_MS);
    const lengthMs = chance.pick([1, 200, 2_000, scenario.windowMs]);
    const to = from + 1 + chance.below(lengthMs * TICKS_PER_MS);
    const name = chance.isTrue(0.2) ? [chance.pick(scenario.nodes).name] : undefined;
    void this.askFor(from, to, name);
  }

  /** Resolves with its id; undefined: it was refused, or the collector died over it. */
  async askFor(from: number, to: number, nodes?: readonly string[]): Promise<string | undefined> {
    const { counts } = this.#world;
    counts.add("capture: asked for");
    try {
      const range = { from: from as Hlc, to: to as Hlc };
      const capture = await this.#captures?.ask(nodes === undefined ? range : { ...range, nodes });
      if (capture !== undefined) this.#kept.add(capture.id);
      return capture?.id;
    } catch (error) {
      if (!(error instanceof RetroError) || !FAIR_REFUSALS.includes(error.code)) throw error;
      counts.add(`capture: refused, ${error.code}`);
      return undefined;
    }
  }

  trigger(): void {
    this.#chance.pick(this.#world.nodes).trigger();
  }

  /** A question about a moment inside some capture, whatever has come of it. */
  lookInside(): void {
    const list = this.#captures?.list(20) ?? [];
    if (list.length === 0) return;
    const { from, to } = this.#chance.pick(list);
    const cut = this.#world.askAt(from + 1 + this.#chance.below(Math.max(1, to - from)));
    if (cut !== undefined) this.#countComplete(cut);
  }

  get #captures(): Captures | undefined {
    return this.#world.collector.captures;
  }

  capture(id: string): Capture | undefined {
    return this.#captures?.get(id);
  }

  /** Triggers that this collector took, and made no capture of. */
  get turnedAway(): number {
    const counts = this.#captures?.triggerCounts;
    return counts === undefined ? 0 : counts.limited + counts.refused;
  }

  hasTrigger(node: string, t: number): boolean {
    const list = this.#captures?.list(1_000) ?? [];
    return list.some(({ triggers }) => triggers.some((one) => one.node === node && one.t === t));
  }

  /** A capture that is still asked, long after it should have been settled; undefined: none is. */
  get late(): string | undefined {
    const now = this.#world.collector.now();
    const late = this.#captures?.list(1_000).find((capture) => {
      const isOver = now > capture.to + SETTLED_AFTER_MS * TICKS_PER_MS;
      const isOld = this.#world.collector.wallMs() > capture.askedMs + SETTLED_AFTER_MS;
      return isOver && isOld && capture.nodes.some(({ state }) => state === "asked");
    });
    return late && `capture ${late.id} waits for ${JSON.stringify(late.nodes)}`;
  }

  /** Looks into all that was promised; the ranges, for the audit. */
  judge(): readonly Promised[] {
    const { checker, counts } = this.#world;
    const list = this.#captures?.list(1_000) ?? [];
    const known = new Set(list.map(({ id }) => id));
    for (const id of this.#kept) {
      if (!known.has(id)) checker.fail("a capture that was kept is gone", id);
    }
    const promised: Promised[] = [];
    for (const capture of list) {
      for (const part of capture.nodes) {
        counts.add(`capture: ${part.state}`);
        const one = this.#judgePart(capture, part);
        if (one !== undefined) promised.push(one);
      }
    }
    for (const one of promised.slice(0, MAX_JUDGED)) this.#lookInto(one);
    return promised;
  }

  #judgePart(capture: Capture, part: Part): Promised | undefined {
    const { checker } = this.#world;
    const { node, state, from, to, why } = part;
    const where = `${capture.id} ${JSON.stringify(part)} of (${capture.from}, ${capture.to}]`;
    const isGood = state === "shipped" || state === "streaming" || state === "asked";
    if (isGood !== (why === undefined)) checker.fail("a capture without true words", where);
    if (state === "shipped" && (from !== capture.from || to !== capture.to)) {
      checker.fail("called shipped, and is a part", where);
    }
    if (from === undefined || to === undefined) return undefined;
    if (from < capture.from || to > capture.to || from >= to) {
      checker.fail("a capture of what was not asked for", where);
    }
    return { id: capture.id, node, from, to, isPart: state !== "shipped" };
  }

  #lookInto(one: Promised): void {
    const { checker, counts } = this.#world;
    const { id, node, from, to, isPart } = one;
    for (let place = 0; place < PLACES; place += 1) {
      const t = place === 0 ? to : from + 1 + this.#chance.below(to - from);
      // Of a log that came later nobody promised anything.
      const logs = checker.ledger.logsAt(node, t);
      const cut = this.#world.askAt(
        t,
        logs.length === 0 ? { nodes: [node] } : { nodes: [node], logs },
      );
      if (cut === undefined) continue;
      counts.add("cuts inside captures");
      if (checker.activeAt(node, t) === "uncertain") continue;
      if (checker.ledger.isContended(node, from - this.#rivalTicks, to)) continue;
      // When a run before it expired, by the collector's clock, is no word on the run that shipped.
      const missing = cut.incomplete.filter(
        (entry) =>
          entry.node === node &&
          entry.reason !== "expired" &&
          // Where there was none yet the question was for all, those that came later among them.
          !(logs.length === 0 && (entry.logs?.length ?? 0) > 0),
      );
      // Of a part a log may be missing that is too large for a keyframe.
      const mayLack = isPart && this.#world.scenario.bigValues > 0;
      if (missing.length === 0 || mayLack) continue;
      const what = `${id} ${node} (${from}, ${to}] at ${t}: ${JSON.stringify(missing)}`;
      checker.fail("captured, and not complete", what);
      return;
    }
  }

  /** For so long after its last event a rival may still promise, or has not expired. */
  get #rivalTicks(): number {
    return (this.#world.scenario.expireAfterMs + RIVAL_MS) * TICKS_PER_MS;
  }

  #countComplete(cut: Cut): void {
    const incomplete = new Set(cut.incomplete.map(({ node }) => node));
    for (const plan of this.#world.scenario.nodes) {
      if (plan.stream !== "on-demand" || !cut.nodes.has(plan.name)) continue;
      const isKnown = !incomplete.has(plan.name);
      this.#world.counts.add(isKnown ? "on demand: state known" : "on demand: state not known");
    }
  }
}
