/**
 * Live detection: the same `diagnose` as for the past, on a book that goes on being filled.
 *
 *     something is durable -> look, no sooner than 100 ms after the last -> new blocks and requests into the
 *     book -> diagnose from where all was settled to where load is known -> tell what is new or has changed
 *
 * A look takes its time on the thread that ingest is on, so the next one waits for four times as long as it took.
 * Nothing is told twice unchanged. What comes too late for a look is seen by a question about the past.
 */
import type { EventRef, Hlc } from "../../agent/kernel/index.ts";
import type { History } from "../cut/history.ts";
import { diagnose } from "./diagnose.ts";
import type { Episode } from "./episode-shape.ts";
import { hlcOfUs, usOf } from "./past.ts";
import { RecordingBook } from "./recording-book.ts";
import { type BottleneckSettings, DEFAULT_BOTTLENECK_SETTINGS } from "./settings.ts";

/** Between two looks, at least. */
export const LOOK_MS = 100;
/** A look may take this share of the thread. */
const WORK_SHARE = 0.2;
/** Seconds of side blocks that are read again at each look: parts of them may come late. */
const AGAIN_SECONDS = 3;
/** Events read in one look; what is left waits for the next. */
const EVENTS_PER_LOOK = 20_000;
/** A node whose load is so far behind the others' is not waited for. */
const BEHIND_US = 3_000_000;
/** Before this much is settled anew nothing is: a flag of a window of a second comes so late. */
const SETTLE_US = 3_000_000;
/** Episodes told, of which it is remembered how. */
const MAX_TOLD = 1_000;
/** Time that a book reaches back before what is settled, beside the baseline. */
const MARGIN_MS = 5_000;

export interface EpisodeWatchOptions {
  readonly history: Pick<History, "side" | "events" | "nodes">;
  readonly now: () => Hlc;
  /** Monotonic or wall, ms. */
  readonly nowMs: () => number;
  readonly after: (ms: number, wake: () => void) => () => void;
  /** Told of each episode, when it is found and whenever it has changed. */
  readonly onEpisode: (episode: Episode) => void;
  readonly onFailure: (error: unknown) => void;
  readonly settings?: Partial<BottleneckSettings>;
}

type Place = EventRef & { readonly t: Hlc };

export class EpisodeWatch {
  readonly #options: EpisodeWatchOptions;
  readonly #settings: BottleneckSettings;
  readonly #book = new RecordingBook();
  /** Of each node: the last event read. */
  readonly #places = new Map<string, Place>();
  /** How each episode was told last. */
  readonly #told = new Map<string, { readonly text: string; readonly episode: Episode }>();
  #startUs = Number.NaN;
  #settledUs = Number.NaN;
  #hasNews = false;
  #isLooking = false;
  #isClosed = false;
  #cancel: () => void = () => {};

  constructor(options: EpisodeWatchOptions) {
    this.#options = options;
    this.#settings = { ...DEFAULT_BOTTLENECK_SETTINGS, ...options.settings };
  }

  /** Something is durable. Returns at once, never throws. */
  notify(): void {
    this.#hasNews = true;
    if (this.#isLooking || this.#isClosed) return;
    this.#isLooking = true;
    this.#cancel = this.#options.after(LOOK_MS, () => void this.#lookAndOn());
  }

  /** The episodes told lately, oldest first. */
  get episodes(): readonly Episode[] {
    return [...this.#told.values()].map(({ episode }) => episode);
  }

  close(): void {
    this.#isClosed = true;
    this.#cancel();
  }

  async #lookAndOn(): Promise<void> {
    const startMs = this.#options.nowMs();
    this.#hasNews = false;
    try {
      await this.look();
    } catch (error) {
      if (!this.#isClosed) this.#options.onFailure(error);
    }
    this.#isLooking = false;
    if (this.#isClosed || !this.#hasNews) return;
    const tookMs = this.#options.nowMs() - startMs;
    this.#isLooking = true;
    const restMs = Math.max(LOOK_MS, tookMs * (1 / WORK_SHARE - 1));
    this.#cancel = this.#options.after(restMs, () => void this.#lookAndOn());
  }

  /** One look, now. Rejects as history does. */
  async look(): Promise<void> {
    const nowUs = usOf(this.#options.now());
    if (Number.isNaN(this.#startUs)) {
      this.#startUs = nowUs - (this.#settings.baselineMs + MARGIN_MS) * 1_000;
      this.#settledUs = nowUs - SETTLE_US;
    }
    await this.#readSide(nowUs);
    await this.#readRequests(nowUs);
    const known = this.#book.knownUntil();
    if (known === undefined) return;
    const leastUs = known.mostUs - known.leastUs > BEHIND_US ? known.mostUs : known.leastUs;
    const { episodes, settledUs } = diagnose(this.#book.recordings(), {
      fromUs: this.#settledUs,
      untilUs: leastUs,
      knownUntilUs: leastUs,
      settings: this.#settings,
    });
    this.#settledUs = Math.max(this.#settledUs, Math.min(settledUs, leastUs - SETTLE_US));
    this.#book.dropBefore(this.#settledUs - (this.#settings.baselineMs + MARGIN_MS) * 1_000);
    for (const episode of episodes) this.#tell(episode);
  }

  async #readSide(nowUs: number): Promise<void> {
    const known = this.#book.knownUntil();
    const sinceUs = known === undefined ? this.#startUs : known.leastUs - AGAIN_SECONDS * 1e6;
    const sides = await this.#options.history.side({
      fromSecond: Math.max(0, Math.floor(Math.max(sinceUs, this.#startUs) / 1e6)),
      // A clock may be ahead of ours.
      untilSecond: Math.ceil(nowUs / 1e6) + AHEAD_SECONDS,
      streams: ["load", "resource"],
    });
    for (const { node, service, epoch, blocks } of sides) {
      for (const block of blocks) this.#book.addBlock(node, service, epoch, block);
    }
  }

  async #readRequests(nowUs: number): Promise<void> {
    const { history } = this.#options;
    const to = hlcOfUs(nowUs + AHEAD_SECONDS * 1e6);
    let left = EVENTS_PER_LOOK;
    for (const { node, lastT } of history.nodes()) {
      const place = this.#places.get(node);
      const from = place?.t ?? hlcOfUs(this.#startUs);
      if (lastT < from || (place !== undefined && lastT <= place.t) || left <= 0) continue;
      const page = await history.events({
        ...{ from, to, kinds: ["request", "receive"], limit: Math.min(left, PAGE) },
        selection: { nodes: [node] },
        ...(place === undefined ? {} : { after: place }),
      });
      for (const one of page.events) this.#book.addEvent(one);
      left -= page.events.length;
      if (page.more) this.#hasNews = true;
      const last = page.events.at(-1);
      if (last === undefined) continue;
      const { epoch, event } = last;
      this.#places.set(node, { node, epoch, seq: event.seq, t: event.t });
    }
  }

  #tell(episode: Episode): void {
    const known = this.#told.get(episode.id);
    const { revision: _, ...rest } = episode;
    const text = JSON.stringify(rest);
    if (known?.text === text) return;
    const isRevised = known !== undefined && known.episode.status !== "open";
    const told: Episode = {
      ...episode,
      status: isRevised && episode.status === "closed" ? "revised" : episode.status,
      revision: (known?.episode.revision ?? 0) + 1,
    };
    this.#told.delete(episode.id);
    this.#told.set(episode.id, { text, episode: told });
    for (const oldest of this.#told.keys()) {
      if (this.#told.size <= MAX_TOLD) break;
      this.#told.delete(oldest);
    }
    this.#options.onEpisode(told);
  }
}

const PAGE = 10_000;
const AHEAD_SECONDS = 5;
