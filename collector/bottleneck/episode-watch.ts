/**
 * Live detection: the same `diagnose` as for the past, on a book that goes on being filled.
 *
 *     something is durable -> read, no sooner than 100 ms after the last: new blocks and requests into the book
 *     something stirs, an episode is open, or 3 s are over -> look: diagnose from where all was settled to where
 *     load is known -> tell what is new or has changed
 *
 * Reading costs what is new, a look what a minute holds: so calm is looked at seldom, and what stirs at once. It takes
 * its time on the thread that ingest is on, in turns with the questions, and the next one waits for four times as long
 * as it worked: what it waited for its turns was others' time. Only events of nodes that say what load they have are read. Nothing is told twice unchanged. What comes
 * too late for a look is seen by a question about the past.
 */
import type { EventRef, Hlc } from "../../agent/kernel/index.ts";
import type { History } from "../cut/history.ts";
import type { Work } from "../cut/turns.ts";
import type { Episode } from "./episode-shape.ts";
import { BEHIND_US, lookAt } from "./past.ts";
import { RecordingBook } from "./recording-book.ts";
import { type BottleneckSettings, DEFAULT_BOTTLENECK_SETTINGS } from "./settings.ts";
import { hlcOfUs, usOf } from "./unix-us.ts";

/** Between two looks, at least. */
export const LOOK_MS = 100;
/** Where nothing stirs all is looked at so often: load may be up although no single request shows it. */
export const CALM_LOOK_MS = 3_000;
/** A look may take this share of the thread. */
const WORK_SHARE = 0.2;
/** Seconds of side blocks that are read again at each look: parts of them may come late. */
const AGAIN_SECONDS = 3;
/** Events read in one look; what is left waits for the next. */
const EVENTS_PER_LOOK = 20_000;
/** Events asked of the history at a time. */
const PAGE = 10_000;
/** A node's clock may be so far ahead of ours: so much later is still asked for. */
const AHEAD_SECONDS = 5;
/** Side blocks that come so late are not looked for any more: nodes may be gone. */
const LATE_US = 10_000_000;
/** Before this much is settled anew nothing is: a flag of a window of a second comes so late. */
const SETTLE_US = 3_000_000;
/** Episodes told, of which it is remembered how. */
const MAX_TOLD = 1_000;
/** Time that a book reaches back before what is settled, beside the baseline. */
const MARGIN_MS = 5_000;

export interface EpisodeWatchOptions {
  readonly history: Pick<History, "side" | "events" | "nodes" | "inTurns">;
  readonly now: () => Hlc;
  /** Monotonic or wall, ms. */
  readonly nowMs: () => number;
  readonly after: (ms: number, wake: () => void) => () => void;
  /** Told of each episode, when it is found and whenever it has changed. */
  readonly onEpisode: (episode: Episode) => void;
  readonly onFailure: (error: unknown) => void;
  readonly settings?: Partial<BottleneckSettings>;
}

/** Where a node's events are to be read on. */
interface Reading {
  readonly from: Hlc;
  /** In the middle of what lies at `from`. */
  readonly after?: EventRef & { readonly t: Hlc };
}

export class EpisodeWatch {
  readonly #options: EpisodeWatchOptions;
  readonly #settings: BottleneckSettings;
  readonly #book = new RecordingBook();
  readonly #readings = new Map<string, Reading>();
  readonly #abort = new AbortController();
  /** How each episode was told last. */
  readonly #told = new Map<string, { readonly text: string; readonly episode: Episode }>();
  #startUs = Number.NaN;
  #settledUs = Number.NaN;
  #hasNews = false;
  #isLooking = false;
  #hasOpen = false;
  /** Up to where something is to be looked at, and was; us. */
  #wantedUs = 0;
  #lookedToUs = 0;
  /** What the last look took of the thread, reading included. */
  #workedMs = 0;
  #calmUntilMs = Number.NEGATIVE_INFINITY;
  #cancel: () => void = () => {};

  constructor(options: EpisodeWatchOptions) {
    this.#options = options;
    this.#settings = { ...DEFAULT_BOTTLENECK_SETTINGS, ...options.settings };
  }

  /** Something is durable. Returns at once, never throws. */
  notify(): void {
    this.#hasNews = true;
    if (this.#isLooking || this.#abort.signal.aborted) return;
    this.#isLooking = true;
    this.#cancel = this.#options.after(LOOK_MS, () => void this.#lookAndOn());
  }

  /** The episodes told lately, oldest first. */
  get episodes(): readonly Episode[] {
    return [...this.#told.values()].map(({ episode }) => episode);
  }

  close(): void {
    this.#abort.abort();
    this.#cancel();
  }

  async #lookAndOn(): Promise<void> {
    const startMs = this.#options.nowMs();
    this.#workedMs = 0;
    this.#hasNews = false;
    try {
      const isKnown = await this.#read();
      this.#workedMs = this.#options.nowMs() - startMs;
      if (isKnown && (this.#isStirred() || startMs >= this.#calmUntilMs)) {
        this.#calmUntilMs = startMs + CALM_LOOK_MS;
        await this.#diagnose();
      }
    } catch (error) {
      if (!this.#abort.signal.aborted) this.#options.onFailure(error);
    }
    this.#isLooking = false;
    if (this.#abort.signal.aborted || !this.#hasNews) return;
    this.#isLooking = true;
    const restMs = Math.max(LOOK_MS, this.#workedMs * (1 / WORK_SHARE - 1));
    this.#cancel = this.#options.after(restMs, () => void this.#lookAndOn());
  }

  /** One look, now. Rejects as history does. */
  async look(): Promise<void> {
    if (await this.#read()) await this.#diagnose();
  }

  /** Whether what stirred has not been looked at yet, as load is told of by some nodes later, or goes on. */
  #isStirred(): boolean {
    if (this.#book.takeStir()) this.#wantedUs = this.#book.knownUntil()?.mostUs ?? 0;
    return this.#lookedToUs < this.#wantedUs || this.#hasOpen;
  }

  /** Takes what is new into the book; false: no load is known yet. */
  async #read(): Promise<boolean> {
    const nowUs = usOf(this.#options.now());
    if (Number.isNaN(this.#startUs)) {
      this.#startUs = nowUs - (this.#settings.baselineMs + MARGIN_MS) * 1_000;
      this.#settledUs = nowUs - SETTLE_US;
    }
    await this.#readSide(nowUs);
    await this.#readRequests(nowUs);
    return this.#book.knownUntil() !== undefined;
  }

  async #diagnose(): Promise<void> {
    const known = this.#book.knownUntil();
    if (known === undefined) return;
    const leastUs = known.mostUs - known.leastUs > BEHIND_US ? known.mostUs : known.leastUs;
    this.#book.shedRequests();
    const { episodes, settledUs } = await this.#options.history.inTurns(
      this.#timed(
        lookAt(this.#book, {
          ...{ fromUs: this.#settledUs, untilUs: leastUs, knownUntilUs: leastUs },
          settings: this.#settings,
        }),
      ),
      this.#abort.signal,
    );
    this.#settledUs = Math.max(this.#settledUs, Math.min(settledUs, leastUs - SETTLE_US));
    this.#book.dropBefore(this.#oldestUs);
    for (const episode of episodes) this.#tell(episode);
    this.#lookedToUs = leastUs;
    this.#hasOpen = episodes.some(({ status }) => status === "open");
  }

  /** The same work; its steps are counted, and not the time between them. */
  *#timed<Answer>(work: Work<Answer>): Work<Answer> {
    try {
      for (;;) {
        const startMs = this.#options.nowMs();
        const step = work.next();
        this.#workedMs += this.#options.nowMs() - startMs;
        if (step.done === true) return step.value;
        yield;
      }
    } finally {
      work.return(undefined as never);
    }
  }

  /** What is before this is not needed any more. */
  get #oldestUs(): number {
    const reachUs = (this.#settings.baselineMs + MARGIN_MS) * 1_000;
    return Math.max(this.#startUs, this.#settledUs - reachUs);
  }

  async #readSide(nowUs: number): Promise<void> {
    const known = this.#book.knownUntil();
    const sinceUs =
      known === undefined
        ? this.#startUs
        : Math.max(known.leastUs, known.mostUs - LATE_US) - AGAIN_SECONDS * 1e6;
    const sides = await this.#options.history.side(
      {
        fromSecond: Math.max(0, Math.floor(Math.max(sinceUs, this.#startUs) / 1e6)),
        untilSecond: Math.ceil(nowUs / 1e6) + AHEAD_SECONDS,
        streams: ["load", "resource"],
      },
      this.#abort.signal,
    );
    for (const { node, service, epoch, blocks } of sides) {
      for (const block of blocks) this.#book.addBlock(node, service, epoch, block);
    }
  }

  async #readRequests(nowUs: number): Promise<void> {
    const { history } = this.#options;
    const latest = hlcOfUs(nowUs + AHEAD_SECONDS * 1e6);
    let left = EVENTS_PER_LOOK;
    for (const { node, lastT } of history.nodes()) {
      if (!this.#book.hasLoad(node)) continue;
      const { from, after } = this.#readings.get(node) ?? { from: hlcOfUs(this.#oldestUs) };
      // What comes while a page is read is left for the next look: so each event is read once.
      const to = Math.min(lastT, latest) as Hlc;
      if (to < from) continue;
      if (left <= 0) {
        this.#hasNews = true;
        return;
      }
      const page = await history.events(
        {
          ...{ from, to, kinds: ["request", "receive"], limit: Math.min(left, PAGE) },
          selection: { nodes: [node] },
          ...(after === undefined ? {} : { after }),
        },
        this.#abort.signal,
      );
      for (const one of page.events) this.#book.addEvent(one);
      left -= page.events.length;
      const last = page.events.at(-1);
      if (!page.more || last === undefined) {
        this.#readings.set(node, { from: (to + 1) as Hlc });
        continue;
      }
      this.#hasNews = true;
      const { epoch, event } = last;
      this.#readings.set(node, {
        from: event.t,
        after: { node, epoch, seq: event.seq, t: event.t },
      });
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
