/**
 * Cuts that are saved under a name while all goes on, and let go again. What was acknowledged is there after
 * any crash, as it was saved, under its name, its id and exactly its T, also where retention has taken all
 * around it; what was let go is not; and nothing is there that nobody saved.
 *
 *     save ··········· acknowledged ─────────── let go ········ acknowledged
 *     may be there     is there, every time     may be there    is not
 *
 * Only where there is a retention: the other seeds keep their histories.
 */
import { RetroError } from "../../agent/kernel/index.ts";
import { cutJson } from "../../collector/api/to-json.ts";
import type { Cut, History } from "../../collector/cut/history.ts";
import type { SavedCut, SavedCuts } from "../../collector/retention/saved-cuts.ts";
import { Chance } from "./chance.ts";
import type { World } from "./world.ts";

const TICKS_PER_MS = 4096;
/** Mean time between two looks. */
const LOOK_MS = 400;
/** Saved in one run. */
const MOST = 16;
const FAIR_REFUSALS: readonly string[] = ["disk-full", "overloaded", "data-unusable", "closed"];

interface Mine {
  readonly name: string;
  readonly at: number;
  readonly text: string;
  state: "asked" | "kept" | "leaving" | "gone";
}

export class SavedDrill {
  readonly #world: World;
  readonly #chance: Chance;
  readonly #mine = new Map<string, Mine>();

  constructor(world: World) {
    this.#world = world;
    this.#chance = new Chance(Math.imul(world.scenario.seed + 5, 0x27d4eb2f) >>> 0);
  }

  /** Saves, lets go and looks now and then, as long as there are faults. */
  start(): void {
    const { scenario, time } = this.#world;
    if (scenario.retentionMs === undefined) return;
    const ms = Math.round(-Math.log(1 - this.#chance.next()) * LOOK_MS);
    time.after(ms, () => {
      if (this.#world.isOver || this.#world.isCalm) return;
      this.#happen();
      this.start();
    });
  }

  /** What is saved now is what it should be. */
  judge(): void {
    const { checker, collector, counts } = this.#world;
    const { history, keeping } = collector;
    if (history === undefined || keeping === undefined || this.#mine.size === 0) return;
    const { saved } = keeping;
    counts.add("saved cuts judged", this.#mine.size);
    const ids = new Set<string>();
    let isAnyOutside = false;
    for (const one of saved.list()) {
      if (ids.has(one.id)) checker.fail("two saved cuts of one id", one.id);
      ids.add(one.id);
      this.#judgeListed(saved, one);
    }
    for (const { name, at, state } of this.#mine.values()) {
      if (state !== "kept") continue;
      if (saved.find(name)?.at !== at) checker.fail("a saved cut is gone", name);
      if (saved.at(at as Cut["at"])?.at !== at)
        checker.fail("a saved cut is not at its time", name);
      isAnyOutside ||= isOutside(history, at);
    }
    if (isAnyOutside) counts.add("saved cuts outside retention");
    // There is room for all.
    if (saved.givenUpCount > 0) checker.fail("given up for no reason", `${saved.givenUpCount}`);
  }

  #judgeListed(saved: SavedCuts, one: SavedCut): void {
    const { checker } = this.#world;
    const mine = this.#mine.get(one.name);
    if (mine === undefined || mine.at !== one.at) {
      checker.fail("a saved cut that nobody saved", `${one.id} ${one.name}`);
      return;
    }
    if (mine.state === "gone") checker.fail("a saved cut that was let go is there", one.name);
    const bytes = saved.bytesOf(one);
    // What is leaving may be gone from the disk, and not from the list yet.
    if (bytes === undefined && mine.state !== "kept") return;
    if (bytes === undefined || new TextDecoder().decode(bytes) !== mine.text) {
      checker.fail("a saved cut is another", `${one.id} ${one.name}`);
    }
  }

  #happen(): void {
    this.judge();
    const { saved } = this.#world.collector.keeping ?? {};
    if (saved === undefined) return;
    if (this.#chance.isTrue(0.2)) this.#letGo(saved);
    else if (this.#mine.size < MOST) this.#save(saved);
  }

  #save(saved: SavedCuts): void {
    const { collector, counts, nodes } = this.#world;
    const chance = this.#chance;
    const at = chance.pick(nodes).clock.ticks() - chance.below(3_000) * TICKS_PER_MS;
    const cut = this.#world.askAt(at);
    if (cut === undefined) return;
    const text = JSON.stringify(cutJson(cut));
    const name = `cut of seed ${this.#world.scenario.seed}, ${this.#mine.size}`;
    const mine: Mine = { name, at, text, state: "asked" };
    this.#mine.set(name, mine);
    const { complete, consistent, members } = cut;
    const label = { name, at: cut.at, savedMs: collector.wallMs(), complete, consistent };
    const bytes = new TextEncoder().encode(text);
    this.#settle(saved.save({ ...label, memberCount: members.length }, bytes), () => {
      mine.state = "kept";
      counts.add("saved cuts");
    });
  }

  #letGo(saved: SavedCuts): void {
    const kept = [...this.#mine.values()].filter(({ state }) => state === "kept");
    if (kept.length === 0) return;
    const mine = this.#chance.pick(kept);
    const one = saved.find(mine.name);
    if (one === undefined) return;
    mine.state = "leaving";
    this.#settle(saved.remove(one), () => {
      mine.state = "gone";
      this.#world.counts.add("saved cuts let go");
    });
  }

  /** Of a write that was refused nobody knows whether it is there; of a crash nothing is heard. */
  #settle(write: Promise<unknown>, done: () => void): void {
    write.then(done, (error: unknown) => {
      if (!(error instanceof RetroError) || !FAIR_REFUSALS.includes(error.code)) throw error;
      this.#world.counts.add(`saved cut refused: ${error.code}`);
    });
  }
}

/** Whether history itself has nothing of that time any more. */
function isOutside(history: History, at: number): boolean {
  try {
    const { incomplete } = history.cutAt(at as Cut["at"]);
    return incomplete.some(({ reason }) => reason === "outside-retention");
  } catch (error) {
    if (error instanceof RetroError && error.code === "outside-retention") return true;
    throw error;
  }
}
