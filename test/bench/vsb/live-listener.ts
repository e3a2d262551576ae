/** Listens to `/api/live` while a run goes on, and notes when each episode was told. */
import { get } from "node:http";
import { monotonicMs } from "./processes/monotonic.ts";
import type { EpisodeJson, LiveEpisode } from "./recording.ts";

/** Events kept; a collector that tells more of a run of minutes is no longer measured. */
const MAX_EVENTS = 20_000;
const MAX_EVENT_BYTES = 4 * 1024 * 1024;

export class LiveListener {
  /** `receivedMs` is `monotonicMs`. */
  readonly episodes: LiveEpisode[] = [];
  readonly #close: () => void;

  constructor(url: string) {
    const request = get(`${url}/api/live`, { agent: false }, (response) => {
      const parser = new EventParser((name, data) => {
        if (name !== "bottleneck" || this.episodes.length >= MAX_EVENTS) return;
        this.episodes.push({ receivedMs: monotonicMs(), episode: episodeOf(data) });
      });
      response.setEncoding("utf8");
      response.on("data", (text: string) => parser.take(text));
      response.on("error", () => undefined);
    });
    // A run without live events is still a run: nothing told is what the report then shows.
    request.on("error", () => undefined);
    this.#close = () => request.destroy();
  }

  close(): void {
    this.#close();
  }
}

/** The event's data: the episode, or an object that holds it. */
function episodeOf(data: string): EpisodeJson {
  const value = JSON.parse(data) as EpisodeJson & { readonly episode?: EpisodeJson };
  return value.episode ?? value;
}

/** Server-sent events out of text that comes in pieces. */
export class EventParser {
  #text = "";
  readonly #take: (name: string, data: string) => void;

  constructor(take: (name: string, data: string) => void) {
    this.#take = take;
  }

  /** @throws if an event has no end */
  take(piece: string): void {
    this.#text += piece;
    const blocks = this.#text.split("\n\n");
    this.#text = blocks.pop() ?? "";
    if (this.#text.length > MAX_EVENT_BYTES) throw new Error("an event of /api/live has no end");
    for (const block of blocks) this.#block(block);
  }

  #block(block: string): void {
    let name = "message";
    const data: string[] = [];
    for (const line of block.split("\n")) {
      if (line.startsWith("event:")) name = line.slice(6).trim();
      else if (line.startsWith("data:")) data.push(line.slice(5).trimStart());
    }
    if (data.length > 0) this.#take(name, data.join("\n"));
  }
}
