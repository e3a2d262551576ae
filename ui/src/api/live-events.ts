/**
 * `/api/live`, read with `fetch` (which, unlike EventSource, can carry a token): server-sent events,
 * one stream for the whole page. A broken stream is taken up again where it ended, with growing pauses;
 * what was missed comes again, or an `amended` event says that everything must be asked anew. A page
 * that nobody sees lets go of its stream: browsers grant few connections to one collector.
 */
import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { Host } from "../host.ts";
import type { ApiClient } from "./client.ts";
import { readLines } from "./stream-lines.ts";

const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 16_000;

export interface LiveEvent {
  readonly name: string;
  readonly data: unknown;
}

/** Lines to events, by the rules of server-sent events: a blank line ends one, `:` begins a comment. */
export class EventReader {
  #id = "";
  #name = "";
  #data: string[] = [];

  /** The last id that was read; "" before the first. */
  get lastId(): string {
    return this.#id;
  }

  /** The event that this line completes. Data that is no JSON is none of ours. */
  take(line: string): LiveEvent | null {
    if (line === "") return this.#finished();
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "id") this.#id = value;
    else if (field === "event") this.#name = value;
    else if (field === "data") this.#data.push(value);
    return null;
  }

  #finished(): LiveEvent | null {
    const name = this.#name === "" ? "message" : this.#name;
    const text = this.#data.join("\n");
    this.#name = "";
    this.#data = [];
    if (text === "") return null;
    try {
      return { name, data: JSON.parse(text) };
    } catch {
      return null;
    }
  }
}

export class LiveEvents {
  readonly #host: Pick<Host, "after" | "onShown">;
  readonly #client: Pick<ApiClient, "open">;
  readonly #listeners = new Set<(event: LiveEvent) => void>();
  readonly #isConnected: Signal<boolean> = signal(false);
  #abort: AbortController | null = null;
  #lastId = "";
  #retryMs = FIRST_RETRY_MS;
  #cancelRetry: () => void = () => {};
  #isStarted = false;

  constructor(host: Pick<Host, "after" | "onShown">, client: Pick<ApiClient, "open">) {
    this.#host = host;
    this.#client = client;
  }

  get isConnected(): ReadonlySignal<boolean> {
    return this.#isConnected;
  }

  /** Calls back with every event; the answer ends that. */
  onEvent(run: (event: LiveEvent) => void): () => void {
    this.#listeners.add(run);
    return () => this.#listeners.delete(run);
  }

  /** Connects, and stays so while the page is seen. A second call does nothing. */
  start(): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    this.#host.onShown((isShown) => {
      if (isShown) this.#connect();
      else this.#letGo();
    });
  }

  #letGo(): void {
    this.#cancelRetry();
    this.#abort?.abort();
    this.#abort = null;
    this.#isConnected.value = false;
  }

  #connect(): void {
    this.#letGo();
    const abort = new AbortController();
    this.#abort = abort;
    void this.#read(abort).then(() => {
      if (this.#abort !== abort) return;
      this.#isConnected.value = false;
      this.#cancelRetry = this.#host.after(this.#retryMs, () => this.#connect());
      this.#retryMs = Math.min(LONGEST_RETRY_MS, this.#retryMs * 2);
    });
  }

  /** Reads to the end, whatever that is. */
  async #read(abort: AbortController): Promise<void> {
    const reader = new EventReader();
    const lastEventId = this.#lastId === "" ? undefined : this.#lastId;
    try {
      const ask = { accept: "text/event-stream", lastEventId };
      const stream = await this.#client.open("/api/live", ask, abort.signal);
      this.#isConnected.value = true;
      await readLines(stream, abort.signal, (lines) => {
        // Something was said: the next break is a new one.
        this.#retryMs = FIRST_RETRY_MS;
        for (const line of lines) {
          const event = reader.take(line);
          if (reader.lastId !== "") this.#lastId = reader.lastId;
          if (event !== null) for (const listen of this.#listeners) listen(event);
        }
      });
    } catch {
      // Lost, refused or let go: it is tried again in any case, and nothing on screen depends on it.
    }
  }
}
