/**
 * Keeps asking `/api/nodes`: what there is, how far it is known, and whether the collector is there
 * at all. Once a second while the view is live, less often while it is paused; after a failure with
 * growing pauses, counted down on screen.
 */
import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { NodesJson } from "../../../collector/api/shapes.ts";
import { ApiFailure, type ApiReader } from "../api/client.ts";
import type { Host } from "../host.ts";
import { type NodesFacts, readNodes } from "./nodes.ts";

export const LIVE_POLL_MS = 1_000;
export const PAUSED_POLL_MS = 2_000;
const FIRST_RETRY_S = 1;
const LONGEST_RETRY_S = 16;
/** A poll that hangs longer counts as a lost collector. */
const POLL_LIMIT_MS = 10_000;

export class CollectorWatch {
  readonly #host: Host;
  readonly #client: ApiReader;
  readonly #isLive: ReadonlySignal<boolean>;
  readonly #facts: Signal<NodesFacts | null> = signal(null);
  readonly #failure: Signal<ApiFailure | null> = signal(null);
  readonly #retryInS: Signal<number> = signal(0);
  #pauseS = FIRST_RETRY_S;
  #cancel: () => void = () => {};
  #isAsking = false;

  constructor(host: Host, client: ApiReader, isLive: ReadonlySignal<boolean>) {
    this.#host = host;
    this.#client = client;
    this.#isLive = isLive;
  }

  /** The last good answer; it stays when the collector is lost. */
  get facts(): ReadonlySignal<NodesFacts | null> {
    return this.#facts;
  }
  /** Why the last question failed; null while the collector answers. */
  get failure(): ReadonlySignal<ApiFailure | null> {
    return this.#failure;
  }
  get retryInS(): ReadonlySignal<number> {
    return this.#retryInS;
  }

  /** Asks at once; what was scheduled is replaced. */
  askNow(): void {
    this.#cancel();
    if (!this.#isAsking) void this.#ask();
  }

  async #ask(): Promise<void> {
    this.#isAsking = true;
    this.#retryInS.value = 0;
    const abort = new AbortController();
    const cancelLimit = this.#host.after(POLL_LIMIT_MS, () => abort.abort());
    try {
      const json = await this.#client.get<NodesJson>("/api/nodes", {}, abort.signal);
      this.#facts.value = readNodes(json);
      this.#failure.value = null;
      this.#pauseS = FIRST_RETRY_S;
      const pauseMs = this.#isLive.peek() ? LIVE_POLL_MS : PAUSED_POLL_MS;
      this.#cancel = this.#host.after(pauseMs, () => this.askNow());
    } catch (error) {
      this.#failure.value =
        error instanceof ApiFailure
          ? error
          : new ApiFailure("timeout", 0, "The collector does not answer.", { cause: error });
      this.#countDown(this.#pauseS);
      this.#pauseS = Math.min(LONGEST_RETRY_S, this.#pauseS * 2);
    } finally {
      cancelLimit();
      this.#isAsking = false;
    }
  }

  #countDown(seconds: number): void {
    this.#retryInS.value = seconds;
    this.#cancel = this.#host.after(1_000, () => {
      if (seconds <= 1) this.askNow();
      else this.#countDown(seconds - 1);
    });
  }
}
