/**
 * Pages of events and diffs, asked for while all goes on: answered in turns, between which batches come, are
 * sealed and go. What was acknowledged before the question is in the page, once, as it was made; and no diff
 * counts more changes than there were.
 *
 *     asked      | turn | ingest | turn | sealing | turn | answer
 *     judged     by what was acknowledged here ^ at the latest when it was asked
 */
import { type Hlc, RetroError } from "../../agent/kernel/index.ts";
import type { EventPage, History } from "../../collector/cut/history.ts";
import { checkEvent, isInOrder } from "./audit.ts";
import { Chance } from "./chance.ts";
import type { World } from "./world.ts";

const TICKS_PER_MS = 4096;
/** Mean time between two questions. */
const ASK_MS = 700;
const FAIR_REFUSALS: readonly string[] = ["outside-retention", "overloaded"];

interface Asked {
  readonly from: Hlc;
  readonly to: Hlc;
  /** `node/epoch/seq` of what has to be there, with its time. */
  readonly due: ReadonlyMap<string, number>;
}

export class PageDrill {
  readonly #world: World;
  readonly #chance: Chance;

  constructor(world: World) {
    this.#world = world;
    // Apart from the world's, so that older seeds keep their histories.
    this.#chance = new Chance(Math.imul(world.scenario.seed + 3, 0x27d4eb2f) >>> 0);
  }

  /** Asks now and then, until the world ends. */
  start(): void {
    const ms = Math.round(-Math.log(1 - this.#chance.next()) * ASK_MS);
    this.#world.time.after(ms, () => {
      if (this.#world.isOver) return;
      this.#ask();
      this.start();
    });
  }

  /** One page of the last seconds. Who crashes over it is heard of no more. */
  #ask(): void {
    const { collector, nodes } = this.#world;
    const { history } = collector;
    if (history === undefined) return;
    const chance = this.#chance;
    const to = chance.pick(nodes).clock.ticks() - chance.below(2_000) * TICKS_PER_MS;
    const from = to - chance.between(100, 6_000) * TICKS_PER_MS;
    const limit = chance.pick([20, 200, 5_000]);
    if (chance.isTrue(0.5)) {
      void this.#diff(history, { from: from as Hlc, to: to as Hlc });
      return;
    }
    void this.#page(history, { from: from as Hlc, to: to as Hlc, due: this.#due(from, to) }, limit);
  }

  async #diff(
    history: History,
    { from, to }: { readonly from: Hlc; readonly to: Hlc },
  ): Promise<void> {
    const { counts, checker } = this.#world;
    try {
      const { changes } = await history.diff(from, to, {}, { all: true });
      counts.add("diffs judged");
      const made = this.#changesMade(from, to);
      for (const { node, log, key, count } of changes) {
        const most = made.get(`${node}\0${log}\0${key}`) ?? 0;
        if (count <= most || made.has(node)) continue;
        checker.fail("changes counted twice", `${node} ${log}.${key}: ${count} of ${most}`);
        return;
      }
    } catch (error) {
      if (!(error instanceof RetroError) || !FAIR_REFUSALS.includes(error.code)) throw error;
      counts.add(`diff refused: ${error.code}`);
    }
  }

  /** By `node NUL log NUL key`; a node by itself if two processes under its id cannot be told apart. */
  #changesMade(from: number, to: number): ReadonlyMap<string, number> {
    const made = new Map<string, number>();
    for (const epoch of this.#world.ledger.epochs.values()) {
      if (epoch.isDouble) made.set(epoch.node, 1);
      for (const { t, log, key } of epoch.known.values()) {
        if (log === undefined || t <= from || t > to) continue;
        const name = `${epoch.node}\0${log}\0${key}`;
        made.set(name, (made.get(name) ?? 0) + 1);
      }
    }
    return made;
  }

  async #page(history: History, asked: Asked, limit: number): Promise<void> {
    const { counts } = this.#world;
    try {
      const page = await history.events({ from: asked.from, to: asked.to, limit });
      counts.add("pages judged");
      this.#judge(page, asked);
    } catch (error) {
      if (!(error instanceof RetroError) || !FAIR_REFUSALS.includes(error.code)) throw error;
      counts.add(`page refused: ${error.code}`);
    }
  }

  #judge({ events, more }: EventPage, { from, to, due }: Asked): void {
    const { checker } = this.#world;
    const seen = new Set<string>();
    for (const [index, one] of events.entries()) {
      const name = `${one.node}/${one.epoch}/${one.event.seq}`;
      if (seen.has(name)) checker.fail("twice in a page", name);
      seen.add(name);
      const before = events[index - 1];
      if (before !== undefined && !isInOrder(before, one)) {
        checker.fail("a page out of order", `${name} at ${one.event.t}`);
      }
      if (one.event.t < from || one.event.t > to) {
        checker.fail("outside of a page's range", `${name} at ${one.event.t}`);
      }
      checkEvent(checker, one);
    }
    const end = more ? (events.at(-1)?.event.t ?? from) : to + 1;
    for (const [name, t] of due) {
      if (t >= end || seen.has(name)) continue;
      checker.fail("acknowledged, and not in a page", `${name} at ${t} of [${from}, ${to}]`);
      return;
    }
  }

  #due(from: number, to: number): ReadonlyMap<string, number> {
    const due = new Map<string, number>();
    const { ledger, scenario } = this.#world;
    if (scenario.retentionMs !== undefined) return due;
    for (const [run, epoch] of ledger.epochs) {
      if (epoch.isDouble) continue;
      for (const [seq, { t }] of epoch.known) {
        if (t >= from && t <= to && epoch.isAcked(seq)) due.set(`${run}/${seq}`, t);
      }
    }
    return due;
  }
}
