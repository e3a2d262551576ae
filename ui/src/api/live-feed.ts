/**
 * Listens to `/api/live` while it is open: one connection, made again after growing pauses when it is lost. Whoever
 * follows it asks anew for what was told meanwhile: each time that listening begins has a number of its own.
 */
import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { Host } from "../host.ts";
import type { ApiClient } from "./client.ts";
import { EventStream, type StreamEvent } from "./event-stream.ts";

const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 30_000;

export class LiveFeed {
  readonly #host: Pick<Host, "after">;
  readonly #client: Pick<ApiClient, "listen">;
  readonly #onEvent: (event: StreamEvent) => void;
  readonly #hearing: Signal<number> = signal(0);
  #begun = 0;
  #abort: AbortController | null = null;
  #cancelRetry: () => void = () => {};

  constructor(
    host: Pick<Host, "after">,
    client: Pick<ApiClient, "listen">,
    onEvent: (event: StreamEvent) => void,
  ) {
    this.#host = host;
    this.#client = client;
    this.#onEvent = onEvent;
  }

  /** 0 while nothing is heard; else which time this is that listening began. */
  get hearing(): ReadonlySignal<number> {
    return this.#hearing;
  }

  /** Begins to listen; may be called again. */
  open(): void {
    if (this.#abort !== null) return;
    this.#abort = new AbortController();
    void this.#listen(this.#abort, FIRST_RETRY_MS);
  }

  /** Stops; may be called again. */
  close(): void {
    this.#cancelRetry();
    this.#abort?.abort();
    this.#abort = null;
    this.#hearing.value = 0;
  }

  /** Never rejects. */
  async #listen(abort: AbortController, pauseMs: number): Promise<void> {
    let wasHeard = false;
    try {
      const stream = new EventStream();
      for await (const piece of this.#client.listen("/api/live", abort.signal)) {
        if (abort.signal.aborted) return;
        if (!wasHeard) this.#hearing.value = ++this.#begun;
        wasHeard = true;
        for (const event of stream.push(piece)) this.#onEvent(event);
      }
    } catch {
      // Whether the collector is there at all is said by who asks it for nodes.
    }
    if (this.#abort !== abort) return;
    this.#hearing.value = 0;
    const nextMs = wasHeard ? FIRST_RETRY_MS : Math.min(LONGEST_RETRY_MS, pauseMs * 2);
    this.#cancelRetry = this.#host.after(wasHeard ? FIRST_RETRY_MS : pauseMs, () => {
      void this.#listen(abort, nextMs);
    });
  }
}
