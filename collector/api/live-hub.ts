/**
 * What happens, told to whoever listens (`/api/live`): server-sent events, one stream of them for all.
 *
 *     id: 7f3a-12             of this collector's run, counted
 *     event: amended          watermark, nodes, amended, alert
 *     data: {"ranges": [...]}
 *
 * - Who connects gets `watermark` and `nodes` at once, and again whenever they change (looked at every
 *   250 ms while somebody listens). `amended` and `alert` are told as soon as they are durable.
 * - Who connects again with `Last-Event-ID` gets the `amended` and `alert` events missed. Where that cannot be said (another
 *   run of the collector, or too long ago) there is one with `all: true`: ask again whatever matters.
 * - Who reads too slowly is told `dropped` and let go: the queue for one listener is bounded.
 */
import type { ServerResponse } from "node:http";
import { type Hlc, RetroError } from "../../agent/kernel/index.ts";
import type { AmendedRange } from "../cut/amendments.ts";
import type { History } from "../cut/history.ts";
import type { CutTimers } from "../cut/timers.ts";
import type { LiveAmendedJson, LiveNodesJson, LiveWatermarkJson } from "./audit-shapes.ts";
import { hJson } from "./time-json.ts";

export interface LiveLimits {
  /** Listeners at a time; more are refused, `overloaded`. */
  readonly clients: number;
  /** Bytes that may wait for one listener. */
  readonly queuedBytes: number;
  /** `amended` and `alert` events remembered for those who come back. */
  readonly remembered: number;
  /** Ranges in one `amended` event; more are told as `all`. */
  readonly ranges: number;
  readonly lookMs: number;
  /** After so long without an event a comment shows that the connection stands. */
  readonly heartbeatMs: number;
  /** How long a dropped listener has to read what is left. */
  readonly goodbyeMs: number;
}

export const DEFAULT_LIVE_LIMITS: LiveLimits = {
  clients: 64,
  queuedBytes: 1024 * 1024,
  remembered: 256,
  ranges: 1_000,
  lookMs: 250,
  heartbeatMs: 15_000,
  goodbyeMs: 2_000,
};

export interface LiveHubOptions {
  readonly history: Pick<History, "nodes" | "liveWatermark" | "extent">;
  readonly now: () => Hlc;
  readonly timers: CutTimers;
  /** Tells this run of the collector from others. */
  readonly run: string;
  readonly limits?: Partial<LiveLimits>;
}

interface Told {
  readonly number: number;
  readonly text: string;
}

export class LiveHub {
  readonly #options: LiveHubOptions;
  readonly #limits: LiveLimits;
  readonly #clients = new Set<ServerResponse>();
  /** The latest `amended` and `alert` events. */
  #remembered: Told[] = [];
  #number = 0;
  #watermark = "";
  #nodes = "";
  #toldMs = 0;
  #cancelLook: (() => void) | undefined;
  #isClosed = false;

  constructor(options: LiveHubOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_LIVE_LIMITS, ...options.limits };
  }

  get clientCount(): number {
    return this.#clients.size;
  }

  /**
   * A listener, whose head is not sent yet.
   * @throws RetroError `overloaded` if there are too many, `closed`
   */
  add(response: ServerResponse, lastEventId: string | undefined): void {
    if (this.#isClosed) throw stopping();
    if (this.#clients.size >= this.#limits.clients) {
      throw new RetroError("overloaded", `${this.#clients.size} listen already`, {
        retriable: true,
        hint: "Close a window that shows the timeline, or ask /api/nodes now and then.",
      });
    }
    response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
    response.once("close", () => this.#clients.delete(response));
    if (this.#clients.size === 0) {
      this.#watermark = this.#watermarkText();
      this.#nodes = this.#nodesText();
      this.#lookLater();
    }
    this.#clients.add(response);
    response.write(this.#missed(lastEventId));
    response.write(this.#eventText("watermark", this.#watermark, this.#number));
    response.write(this.#eventText("nodes", this.#nodes, this.#number));
  }

  /** The past has changed. Nothing to say of it: something was stored. */
  amended(ranges: readonly AmendedRange[]): void {
    if (ranges.length === 0 || this.#isClosed) return;
    const told = ranges.length > this.#limits.ranges ? ALL : { ranges: ranges.map(rangeJson) };
    this.#remember("amended", told);
  }

  /** A monitor has fired (monitor/monitors.ts), and that is durable. */
  alert(alert: object): void {
    if (!this.#isClosed) this.#remember("alert", alert);
  }

  /** An episode was found, or has changed (bottleneck/episode-watch.ts). */
  bottleneck(episode: object): void {
    if (!this.#isClosed) this.#remember("bottleneck", episode);
  }

  #remember(name: string, told: object): void {
    this.#number += 1;
    const text = this.#eventText(name, JSON.stringify(told), this.#number);
    this.#remembered = [...this.#remembered, { number: this.#number, text }].slice(
      -this.#limits.remembered,
    );
    this.#tell(text);
  }

  /** Lets all listeners go. May be called twice. */
  close(): void {
    this.#isClosed = true;
    this.#cancelLook?.();
    for (const client of this.#clients) client.end();
    this.#clients.clear();
  }

  #missed(lastEventId: string | undefined): string {
    const [, run, digits] = /^(.+)-(\d{1,15})$/.exec(lastEventId ?? "") ?? [];
    if (lastEventId === undefined || lastEventId === "") return ": welcome\n\n";
    const number = Number(digits);
    const first = this.#number - this.#remembered.length;
    if (run !== this.#options.run || !(number >= first && number <= this.#number)) {
      return this.#eventText("amended", JSON.stringify(ALL), this.#number);
    }
    const missed = this.#remembered.filter((one) => one.number > number);
    return `: welcome back\n\n${missed.map(({ text }) => text).join("")}`;
  }

  /** One look at a time is awaited: who comes and goes quickly must not leave one behind each time. */
  #lookLater(): void {
    const { timers } = this.#options;
    this.#cancelLook?.();
    this.#cancelLook = timers.after(this.#limits.lookMs, () => {
      if (this.#clients.size === 0 || this.#isClosed) return;
      this.#look();
      this.#lookLater();
    });
  }

  #look(): void {
    const watermark = this.#watermarkText();
    const nodes = this.#nodesText();
    if (sameButNow(watermark, this.#watermark) && nodes === this.#nodes) {
      if (this.#options.timers.nowMs() - this.#toldMs >= this.#limits.heartbeatMs) {
        this.#tell(": still here\n\n");
      }
      return;
    }
    if (!sameButNow(watermark, this.#watermark)) {
      this.#watermark = watermark;
      this.#tell(this.#eventText("watermark", watermark, this.#number));
    }
    if (nodes === this.#nodes) return;
    this.#nodes = nodes;
    this.#tell(this.#eventText("nodes", nodes, this.#number));
  }

  #tell(text: string): void {
    this.#toldMs = this.#options.timers.nowMs();
    for (const client of this.#clients) {
      if (client.writableLength + text.length <= this.#limits.queuedBytes) client.write(text);
      else this.#drop(client);
    }
  }

  #drop(client: ServerResponse): void {
    this.#clients.delete(client);
    client.end('event: dropped\ndata: {"reason":"read too slowly; connect again"}\n\n');
    const cancel = this.#options.timers.after(this.#limits.goodbyeMs, () => client.destroy());
    client.once("close", cancel);
  }

  #eventText(name: string, data: string, number: number): string {
    return `id: ${this.#options.run}-${number}\nevent: ${name}\ndata: ${data}\n\n`;
  }

  #watermarkText(): string {
    const { history, now } = this.#options;
    const watermark = history.liveWatermark();
    const last = history.extent()?.last;
    const told: LiveWatermarkJson = {
      watermark: watermark === undefined ? null : hJson(watermark),
      last: last === undefined ? null : hJson(last),
      now: hJson(now()),
    };
    return JSON.stringify(told);
  }

  #nodesText(): string {
    const nodes = this.#options.history.nodes().map(({ node, service, epoch, status }) => {
      return { node, service, epoch, status };
    });
    return JSON.stringify({ nodes } satisfies LiveNodesJson);
  }
}

function stopping(): RetroError {
  return new RetroError("closed", "the collector is stopping", {
    retriable: true,
    hint: "Connect again once it has been started anew.",
  });
}

const ALL: LiveAmendedJson = { ranges: [], all: true };

function rangeJson({ node, from, to }: AmendedRange): LiveAmendedJson["ranges"][number] {
  return { node, from: hJson(from), to: hJson(to) };
}

/** `now` comes last, and is no news. */
function sameButNow(a: string, b: string): boolean {
  return a.slice(0, a.lastIndexOf('"now"')) === b.slice(0, b.lastIndexOf('"now"'));
}
