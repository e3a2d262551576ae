/**
 * Server-sent events from text that comes in pieces, cut anywhere: the part of the format that `/api/live` uses.
 *
 *     event: bottleneck        a name, else `message`
 *     data: {"id": ...}        lines of data are joined by line breaks
 *                              an empty line ends the event; `:` begins a comment
 */
export interface StreamEvent {
  readonly name: string;
  readonly data: string;
}

/** One event may be so long; who sends more is not our collector. */
export const MAX_EVENT_CHARS: number = 4 * 1024 * 1024;

export class EventStream {
  #rest = "";
  #name = "";
  #data: string[] = [];

  /** The events that end in this piece. @throws RangeError if one grows beyond `MAX_EVENT_CHARS` */
  push(piece: string): StreamEvent[] {
    const lines = (this.#rest + piece).split("\n");
    this.#rest = lines.pop() ?? "";
    const events = lines.flatMap((line) => this.#line(line) ?? []);
    const held = this.#data.reduce((sum, line) => sum + line.length, this.#rest.length);
    if (held > MAX_EVENT_CHARS) throw new RangeError("an event of the stream does not end");
    return events;
  }

  #line(line: string): StreamEvent | undefined {
    if (line === "") {
      const event = { name: this.#name || "message", data: this.#data.join("\n") };
      const isEvent = this.#data.length > 0;
      this.#name = "";
      this.#data = [];
      return isEvent ? event : undefined;
    }
    const colon = line.indexOf(":");
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") this.#name = value;
    if (field === "data") this.#data.push(value);
    return undefined;
  }
}
