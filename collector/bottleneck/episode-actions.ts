/**
 * What an episode sets off, beside being told: the cut at its onset is pinned, and agents in on-demand mode are
 * asked for their windows around it. Bounded, so that a storm of episodes does not become one of captures:
 *
 *     one capture per tier and cause in 5 s, 12 a minute, overlapping ones merged; 200 pins, oldest released
 *
 * The first episode of a storm is kept whole. What was left out is counted, and said of the episode.
 */
import { addMs, type Hlc } from "../../agent/kernel/index.ts";
import type { Episode } from "./episode-shape.ts";
import { hlcOfUs } from "./unix-us.ts";

/** Of one tier and cause a capture is asked for no more often. */
export const CAPTURE_PAUSE_MS = 5_000;
export const CAPTURES_PER_MINUTE = 12;
export const MAX_PINS = 200;
/** So much is asked for before the onset and after the end. */
export const CAPTURE_BEFORE_MS = 2_000;
export const CAPTURE_AFTER_MS = 1_000;
/** Episodes of which it is remembered what they set off. */
const MAX_REMEMBERED = 1_000;

/** The rest of the collector, as far as it is needed here. */
export interface EpisodePort {
  /** Names of the cuts that `pin` keeps, oldest first: those of runs of the collector before this one as well. */
  pinned(): readonly string[];
  /** Keeps the cut at `at` under a name; resolves to whether it is complete. Rejects where there is no room. */
  pin(name: string, at: Hlc): Promise<boolean>;
  release(name: string): Promise<void>;
  /** Asks on-demand agents; resolves to the capture's id, or undefined where there is nobody to ask. */
  capture(from: Hlc, to: Hlc, reason: string): Promise<string | undefined>;
}

/** What became of an episode. */
export interface EpisodeTraces {
  readonly at: Hlc;
  readonly pin: "pinned" | "waiting" | "released" | "refused";
  readonly complete: boolean | null;
  readonly captureId: string | null;
  /** Why no capture was asked for. */
  readonly left: "limit" | "merged" | "nobody" | "refused" | null;
}

interface Asked {
  readonly ms: number;
  readonly key: string;
  readonly from: Hlc;
  readonly to: Hlc;
  /** Undefined: there was nobody to ask. */
  readonly id: Promise<string | undefined>;
}

/** Of the name of a pinned cut. */
export const PIN_PREFIX = "episode ";
/** Saved cuts have names no longer than this; a node's may be. */
const MAX_NAME_LENGTH = 200;

export class EpisodeActions {
  readonly #port: EpisodePort;
  readonly #nowMs: () => number;
  readonly #traces = new Map<string, EpisodeTraces>();
  /** Names of pinned cuts, oldest first. */
  #pins: { readonly id: string; readonly name: string }[];
  /** Pins on their way. */
  #pinningCount = 0;
  #asked: readonly Asked[] = [];

  constructor(port: EpisodePort, nowMs: () => number) {
    this.#port = port;
    this.#nowMs = nowMs;
    this.#pins = port.pinned().map((name) => ({ id: name.slice(PIN_PREFIX.length), name }));
  }

  /** What became of it; undefined: nothing was set off. */
  of(id: string): EpisodeTraces | undefined {
    return this.#traces.get(id);
  }

  /** An episode was found, or is over now. Never rejects. */
  async told(episode: Episode): Promise<void> {
    if (!this.#traces.has(episode.id)) await this.#pin(episode);
    await this.#capture(episode);
  }

  async #pin(episode: Episode): Promise<void> {
    const at = snapshotAt(episode);
    const traces: EpisodeTraces = {
      ...{ at, pin: "waiting", complete: null, captureId: null, left: null },
    };
    this.#remember(episode.id, traces);
    const name = `${PIN_PREFIX}${episode.id}`.slice(0, MAX_NAME_LENGTH);
    const isFull = this.#pins.length + this.#pinningCount >= MAX_PINS;
    if (isFull && this.#pins.length === 0) {
      this.#change(episode.id, { pin: "refused" });
      return;
    }
    this.#pinningCount += 1;
    try {
      if (isFull) await this.#releaseOldest();
      const complete = await this.#port.pin(name, at);
      this.#pins.push({ id: episode.id, name });
      this.#change(episode.id, { pin: "pinned", complete });
    } catch {
      this.#change(episode.id, { pin: "refused" });
    } finally {
      this.#pinningCount -= 1;
    }
  }

  async #releaseOldest(): Promise<void> {
    const [oldest, ...rest] = this.#pins;
    if (oldest === undefined) return;
    this.#pins = rest;
    this.#change(oldest.id, { pin: "released" });
    await this.#port.release(oldest.name);
  }

  /** Once while it is open, and again for its end: what an agent has sent already it does not send again. */
  async #capture(episode: Episode): Promise<void> {
    const nowMs = this.#nowMs();
    this.#asked = this.#asked.filter(({ ms }) => nowMs - ms < 60_000);
    const from = addMs(hlcOfUs(episode.onsetUs), -CAPTURE_BEFORE_MS);
    const to = addMs(hlcOfUs(episode.endUs), CAPTURE_AFTER_MS);
    const covering = this.#asked.find((one) => one.from <= from && to <= one.to);
    if (covering !== undefined) {
      const id = await covering.id.catch(() => undefined);
      if (id !== undefined) this.#change(episode.id, { captureId: id, left: "merged" });
      return;
    }
    const mine = this.of(episode.id)?.captureId ?? null;
    const key = `${episode.tier.node} ${episode.causes[0]?.cause ?? ""}`;
    const isRecent = this.#asked.some(
      (one) => one.key === key && nowMs - one.ms < CAPTURE_PAUSE_MS,
    );
    const isOwnEnd = mine !== null && episode.status !== "open";
    if (this.#asked.length >= CAPTURES_PER_MINUTE || (isRecent && !isOwnEnd)) {
      if (mine === null) this.#change(episode.id, { left: "limit" });
      return;
    }
    const id = this.#port.capture(from, to, `episode ${episode.id}`);
    // Counted before it is known what came of it: others of a storm are told meanwhile.
    const asked: Asked = { ms: nowMs, key, from, to, id };
    this.#asked = [...this.#asked, asked];
    try {
      const captureId = await id;
      if (captureId !== undefined) {
        this.#change(episode.id, { captureId, left: null });
        return;
      }
      this.#change(episode.id, { left: "nobody" });
    } catch {
      this.#change(episode.id, { left: "refused" });
    }
    this.#asked = this.#asked.filter((one) => one !== asked);
  }

  #remember(id: string, traces: EpisodeTraces): void {
    this.#traces.set(id, traces);
    for (const oldest of this.#traces.keys()) {
      if (this.#traces.size <= MAX_REMEMBERED) break;
      this.#traces.delete(oldest);
    }
  }

  #change(id: string, change: Partial<EpisodeTraces>): void {
    const known = this.#traces.get(id);
    if (known !== undefined) this.#traces.set(id, { ...known, ...change });
  }
}

/** The moment before it began, by every clock involved: onset minus the clock bound. */
export function snapshotAt({ onsetUs, skew }: Pick<Episode, "onsetUs" | "skew">): Hlc {
  return hlcOfUs(onsetUs - (skew.boundMs ?? 0) * 1_000);
}
