/**
 * Keeps the tiles of all windows (lanes, minimap) coming: what is seen before what is near, the middle
 * before the edges, `MAX_RUNNING` at a time. A tile that nobody looks at any more is given up when
 * another waits for its place.
 *
 *     look ─▶ cover ─▶ asks ─▶ [ running: 3 ] ─▶ worker ─▶ store ─▶ windows draw what is new
 */
import { type ApiClient, ApiFailure, hexOf } from "../api/client.ts";
import { REQUEST_LIMIT_MS } from "../api/request-slot.ts";
import type { Host } from "../host.ts";
import type { Knowledge } from "./knowledge.ts";
import type { Tile } from "./tile.ts";
import { TILE_CELLS, type TileAddress, tileKey, tileRange } from "./tile-address.ts";
import type { TileReader } from "./tile-reader.ts";
import { TileStore } from "./tile-store.ts";
import { TileWindow } from "./tile-window.ts";

export const MAX_RUNNING = 3;
/** So long a tile that nobody looks at may keep its place while another waits. */
export const PATIENCE_MS = 300;
/** Lanes of a page of a tile. */
export const PAGE_LANES = 256;
/** Pages of a tile: systems of more nodes are drawn without the rest. */
const MAX_PAGES = 40;

interface Running {
  readonly address: TileAddress;
  readonly abort: AbortController;
  readonly sinceMs: number;
  readonly known: Knowledge;
}

export class TileLoader {
  readonly store: TileStore = new TileStore();
  readonly #host: Pick<Host, "after" | "nowMs">;
  readonly #client: Pick<ApiClient, "getBytes">;
  readonly #reader: TileReader;
  readonly #windows: TileWindow[] = [];
  readonly #running = new Map<string, Running>();
  /** Failed, until more is known or somebody asks for another try. */
  readonly #failed = new Map<string, Knowledge>();
  /** Stopped by hand, until somebody asks for another try. */
  readonly #stopped = new Set<string>();
  #cancelPatience: () => void = () => {};

  constructor(
    host: Pick<Host, "after" | "nowMs">,
    client: Pick<ApiClient, "getBytes">,
    reader: TileReader,
  ) {
    this.#host = host;
    this.#client = client;
    this.#reader = reader;
  }

  /** A further place where tiles are looked at. */
  window(): TileWindow {
    const window = new TileWindow(this.store, {
      changed: () => this.#pump(),
      retry: () => {
        this.#failed.clear();
        this.#stopped.clear();
        this.#refresh();
      },
      cancel: () => this.#cancel(window),
    });
    this.#windows.push(window);
    return window;
  }

  /** Requests that run. */
  get runningCount(): number {
    return this.#running.size;
  }

  #refresh(): void {
    for (const window of this.#windows) window.refresh();
    this.#pump();
  }

  #pump(): void {
    this.#cancelPatience();
    const seen = new Map<string, Wanted>();
    const near = new Map<string, Wanted>();
    for (const window of this.#windows) {
      const { cover, known } = window;
      if (cover === null || known === null) continue;
      for (const [place, address] of cover.asks.entries()) {
        const key = tileKey(address);
        if (this.#failed.get(key) === known || this.#stopped.has(key)) continue;
        (place < cover.seenAsks ? seen : near).set(key, { address, known });
      }
    }
    // What is near may come when all that is seen is there.
    const queue = seen.size > 0 ? seen : near;
    for (const [key, wanted] of queue) {
      if (this.#running.size >= MAX_RUNNING) break;
      if (!this.#running.has(key)) void this.#run(key, wanted);
    }
    const isWaiting = [...seen.keys()].some((key) => !this.#running.has(key));
    if (isWaiting) this.#makeRoom((key) => seen.has(key));
    for (const window of this.#windows) {
      window.setPending((key) => seen.has(key));
    }
  }

  /** Gives up what nobody looks at, once it has had its time. */
  #makeRoom(isWanted: (key: string) => boolean): void {
    const now = this.#host.nowMs();
    let next = Number.POSITIVE_INFINITY;
    for (const [key, { abort, sinceMs }] of this.#running) {
      if (isWanted(key)) continue;
      const left = sinceMs + PATIENCE_MS - now;
      if (left <= 0) abort.abort();
      else next = Math.min(next, left);
    }
    if (next < Number.POSITIVE_INFINITY) {
      this.#cancelPatience = this.#host.after(next, () => this.#pump());
    }
  }

  async #run(key: string, { address, known }: Wanted): Promise<void> {
    const run = { address, known, abort: new AbortController(), sinceMs: this.#host.nowMs() };
    this.#running.set(key, run);
    let timedOut = false;
    const cancelLimit = this.#host.after(REQUEST_LIMIT_MS, () => {
      timedOut = true;
      run.abort.abort();
    });
    try {
      const tile = await this.#fetch(address, run.abort.signal);
      this.#failed.delete(key);
      this.store.put({ address, tile, known });
      this.store.trim(this.#windows.flatMap(({ look }) => look ?? []));
      for (const window of this.#windows) window.setFailure(null);
    } catch (error) {
      if (run.abort.signal.aborted && !timedOut) return;
      this.#failed.set(key, known);
      const failure = timedOut ? timeout() : asFailure(error);
      for (const window of this.#windows) if (window.waitsFor(key)) window.setFailure(failure);
    } finally {
      cancelLimit();
      this.#running.delete(key);
      this.#refresh();
    }
  }

  /** All pages of a tile. */
  async #fetch(address: TileAddress, signal: AbortSignal): Promise<Tile> {
    const { from, to } = tileRange(address);
    const reading = this.#reader.begin();
    const range = { from: hexOf(from), to: hexOf(to), pixels: TILE_CELLS, limit: PAGE_LANES };
    let cursor: string | undefined;
    try {
      for (let page = 0; page < MAX_PAGES; page += 1) {
        const bytes = await this.#client.getBytes("/api/timeline", { ...range, cursor }, signal);
        const read = await reading.page(bytes);
        if (signal.aborted) throw signal.reason;
        if (read.tile !== undefined) return read.tile;
        cursor = read.next;
      }
    } finally {
      reading.end();
    }
    throw new ApiFailure(
      "too-many-lanes",
      200,
      `There are more than ${MAX_PAGES * PAGE_LANES} nodes.`,
      { hint: "The timeline does not draw so many." },
    );
  }

  /** Gives up what the window waits for, until somebody asks for another try. */
  #cancel(window: TileWindow): void {
    for (const address of window.cover?.asks ?? []) {
      const key = tileKey(address);
      this.#stopped.add(key);
      this.#running.get(key)?.abort.abort();
    }
    window.setFailure(
      new ApiFailure("stopped", 200, "Loading was stopped.", { hint: "What is there stays." }),
    );
    this.#pump();
  }
}

interface Wanted {
  readonly address: TileAddress;
  readonly known: Knowledge;
}

function timeout(): ApiFailure {
  return new ApiFailure("timeout", 0, `No answer within ${REQUEST_LIMIT_MS / 1000} s.`, {
    hint: "Try a narrower range, or ask again.",
  });
}

function asFailure(error: unknown): ApiFailure {
  if (error instanceof ApiFailure) return error;
  return new ApiFailure("bad-answer", 200, "The timeline could not be read.", {
    hint: "Does this address belong to a Retroscope collector of the same version?",
    cause: error,
  });
}
