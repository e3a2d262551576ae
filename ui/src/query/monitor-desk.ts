/**
 * Standing queries of this collector: the list, making and deleting one, and their alerts, which come
 * with the list and then one by one from the live stream.
 */
import { batch, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { Alert, MadeMonitorJson, MonitorJson } from "../../../collector/api/query-shapes.ts";
import { type ApiClient, ApiFailure } from "../api/client.ts";
import type { LiveEvent, LiveEvents } from "../api/live-events.ts";
import { RequestSlot } from "../api/request-slot.ts";
import type { Host } from "../host.ts";
import { type AlertList, alertsOf, NO_ALERTS, ofMonitors, withAlerts } from "./alerts.ts";

/** A monitor is made or deleted within this, or it failed. */
const WRITE_LIMIT_MS = 20_000;

export class MonitorDesk {
  readonly #host: Pick<Host, "after">;
  readonly #client: ApiClient;
  readonly list: RequestSlot<null, readonly MonitorJson[]>;
  readonly #alerts: Signal<AlertList> = signal(NO_ALERTS);
  readonly #writing: Signal<string | null> = signal(null);
  readonly #failure: Signal<ApiFailure | null> = signal(null);
  readonly #made: Signal<MadeMonitorJson | null> = signal(null);
  #isFirst = true;

  constructor(host: Pick<Host, "after">, client: ApiClient, feed: Pick<LiveEvents, "onEvent">) {
    this.#host = host;
    this.#client = client;
    this.list = new RequestSlot(host, async (_: null, abort: AbortSignal) => {
      const { monitors } = await client.get<{ monitors: readonly MonitorJson[] }>(
        "/api/monitors",
        {},
        abort,
      );
      this.#takeList(monitors);
      return monitors;
    });
    feed.onEvent((event) => this.#onEvent(event));
  }

  get alerts(): ReadonlySignal<AlertList> {
    return this.#alerts;
  }
  /** What is being written: `new`, or the id of a monitor that is being deleted; null: nothing. */
  get writing(): ReadonlySignal<string | null> {
    return this.#writing;
  }
  /** Why the last monitor was not made or deleted. */
  get failure(): ReadonlySignal<ApiFailure | null> {
    return this.#failure;
  }
  /** The monitor made last, with what the collector said of it. */
  get made(): ReadonlySignal<MadeMonitorJson | null> {
    return this.#made;
  }

  ask(): void {
    this.list.ask(null);
  }

  /** Whether it was made. */
  async save(rql: string, name: string): Promise<boolean> {
    const body = { rql, ...(name.trim() === "" ? {} : { name: name.trim() }) };
    const made = await this.#write("new", (abort) =>
      this.#client.post<MadeMonitorJson>("/api/monitors", body, abort),
    );
    if (made !== undefined) this.#made.value = made;
    return made !== undefined;
  }

  async remove(id: string): Promise<void> {
    const path = `/api/monitors/${encodeURIComponent(id)}`;
    await this.#write(id, (abort) => this.#client.remove<MonitorJson>(path, abort));
  }

  forgetMade(): void {
    batch(() => {
      this.#made.value = null;
      this.#failure.value = null;
    });
  }

  readAlerts(): void {
    this.#alerts.value = { ...this.#alerts.peek(), unread: new Set() };
  }

  async #write<Answer>(
    what: string,
    run: (abort: AbortSignal) => Promise<Answer>,
  ): Promise<Answer | undefined> {
    if (this.#writing.peek() !== null) return undefined;
    const abort = new AbortController();
    const cancelLimit = this.#host.after(WRITE_LIMIT_MS, () => abort.abort());
    batch(() => {
      this.#writing.value = what;
      this.#failure.value = null;
    });
    try {
      return await run(abort.signal);
    } catch (error) {
      this.#failure.value =
        error instanceof ApiFailure
          ? error
          : new ApiFailure("timeout", 0, "The collector does not answer.", { cause: error });
      return undefined;
    } finally {
      cancelLimit();
      this.#writing.value = null;
      this.ask();
    }
  }

  #takeList(monitors: readonly MonitorJson[]): void {
    const ids = new Set(monitors.map(({ id }) => id));
    // What is there when the page is opened is no news; what a later list adds was missed.
    this.#alerts.value = withAlerts(
      ofMonitors(this.#alerts.peek(), ids),
      alertsOf(monitors),
      !this.#isFirst,
    );
    this.#isFirst = false;
  }

  #onEvent({ name, data }: LiveEvent): void {
    if (name === "alert") {
      this.#alerts.value = withAlerts(this.#alerts.peek(), [data as Alert], true);
      this.ask();
    } else if (name === "amended" && (data as { all?: boolean }).all === true) this.ask();
  }
}
