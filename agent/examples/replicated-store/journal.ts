/**
 * A process's own journal, in a file of its own: what it did, by its own account. The agent neither
 * writes nor reads it, so that a checker can hold the collector's answers against it.
 *
 * One JSON object a line, in the order in which things happened in the process:
 *
 *     {"kind":"start","node":"store-1","wall":...}
 *     {"kind":"change","log":"kv","key":"apples","value":{...},"t":"<hex stamp from the agent>","wall":...,"clock":{...}}
 *     {"kind":"send","id":"store-1-17","to":"store-2","wall":...,"clock":{...}}
 *     {"kind":"receive","id":"store-1-17","from":"store-1","wall":...,"clock":{...}}
 *     {"kind":"end","events":812,"dropped":0,"epoch":...}
 *
 * `wall` is what the process's own (skewed) wall clock showed, in Unix milliseconds; `clock` is the
 * vector clock (vector-clock.ts). Lines are written synchronously: a line that is not in the file did
 * not happen.
 */
import { closeSync, openSync, writeSync } from "node:fs";
import { formatHlc, type Hlc } from "retroscope";
import { ProcessClock, type VectorClock } from "./vector-clock.ts";

export interface JournalOptions {
  readonly file: string;
  readonly node: string;
  /** The process's own wall clock, Unix milliseconds. */
  readonly wallMs: () => number;
}

export class Journal {
  readonly #fd: number;
  readonly #node: string;
  readonly #wallMs: () => number;
  readonly #clock: ProcessClock;
  #messageCount = 0;

  constructor(options: JournalOptions) {
    this.#fd = openSync(options.file, "a");
    this.#node = options.node;
    this.#wallMs = options.wallMs;
    this.#clock = new ProcessClock(options.node);
    this.#write({ kind: "start", node: this.#node });
  }

  /** Notes a state change, with the stamp that the agent's recording call returned. */
  change(log: string, key: string, value: unknown, t: Hlc): void {
    this.#write({ kind: "change", log, key, value, t: formatHlc(t), clock: this.#clock.tick() });
  }

  /** Notes a send; returns the envelope that the message must carry in its body. */
  send(to: string): Envelope {
    this.#messageCount += 1;
    const id = `${this.#node}-${this.#messageCount}`;
    const clock = this.#clock.tick();
    this.#write({ kind: "send", id, to, clock });
    return { id, from: this.#node, clock };
  }

  receive(envelope: Envelope): void {
    const clock = this.#clock.receive(envelope.clock);
    this.#write({ kind: "receive", id: envelope.id, from: envelope.from, clock });
  }

  /** The last line: how many events the agent recorded, and how many of them it dropped. */
  end(events: number, dropped: number, epoch: number): void {
    this.#write({ kind: "end", events, dropped, epoch });
    closeSync(this.#fd);
  }

  #write(line: Record<string, unknown>): void {
    writeSync(this.#fd, `${JSON.stringify({ ...line, wall: this.#wallMs() })}\n`);
  }
}

/** Rides in the body of every message between the example's processes. */
export interface Envelope {
  readonly id: string;
  readonly from: string;
  readonly clock: VectorClock;
}
