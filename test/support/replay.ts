/**
 * What a collector could know from batches, the slow and obvious way: events by seq, replayed from the
 * first, with lost ranges. The twin of window, feed and shipping together.
 */
import {
  type Batch,
  canonicalText,
  eventsOf,
  type Json,
  type LostRange,
  type RetroEvent,
  toJsonForm,
  type Value,
  ValueSet,
} from "../../agent/kernel/index.ts";

export class EpochReplay {
  readonly events = new Map<number, RetroEvent>();
  readonly lost: LostRange[] = [];
  /** Promises: after all events up to `lastSeq`, nothing is at or before `closed`. */
  readonly promises: { readonly lastSeq: number; readonly closed: number }[] = [];

  take({ header, events }: Batch): void {
    for (const event of eventsOf({ header, events })) this.events.set(event.seq, event);
    this.lost.push(...header.dropped);
    this.promises.push({ lastSeq: header.lastSeq, closed: header.closed });
  }

  /** Whether the seq is there, or was declared lost. */
  accounts(seq: number): boolean {
    return this.events.has(seq) || this.isLost(seq);
  }

  isLost(seq: number): boolean {
    return (
      !this.events.has(seq) && this.lost.some((one) => one.firstSeq <= seq && seq <= one.lastSeq)
    );
  }

  /** Up to this seq everything is accounted for. */
  get contiguousSeq(): number {
    let seq = 0;
    while (this.accounts(seq + 1)) seq += 1;
    return seq;
  }

  /** The state after the events up to `lastSeq`, and the variables and logs that are lost there. */
  stateAt(lastSeq: number): ReplayedState {
    const state = new ReplayedState();
    for (let seq = 1; seq <= lastSeq; seq += 1) {
      const event = this.events.get(seq);
      if (event !== undefined) state.apply(event);
      else state.lose(this.lost.filter((one) => one.firstSeq <= seq && seq <= one.lastSeq));
    }
    return state;
  }
}

export class ReplayedState {
  readonly #logs = new Map<string, Map<string, Value>>();
  /** Logs about which something is lost, with the variables known all the same. */
  readonly #lostLogs = new Map<string, Set<string>>();
  #allLost: Set<string> | undefined;

  apply(event: RetroEvent): void {
    switch (event.kind) {
      case "set":
        this.#log(event.log).set(event.key, event.value);
        this.#know(event.log, event.key);
        return;
      case "delete":
        this.#log(event.log).delete(event.key);
        this.#know(event.log, event.key);
        return;
      case "add":
      case "remove": {
        const held = this.#log(event.log).get(event.key);
        const text = canonicalText(event.value);
        const others = (held instanceof ValueSet ? held.members : []).filter(
          (member) => canonicalText(member) !== text,
        );
        const members = event.kind === "add" ? [...others, event.value] : others;
        this.#log(event.log).set(event.key, ValueSet.of(members));
        return;
      }
      case "keyframe":
        this.#logs.set(event.log, new Map(event.state));
        this.#lostLogs.delete(event.log);
        if (this.#allLost !== undefined) this.#framed.add(event.log);
        return;
      default:
    }
  }

  readonly #framed = new Set<string>();

  lose(ranges: readonly LostRange[]): void {
    for (const { logs } of ranges) {
      if (logs === null) {
        this.#allLost = new Set();
        this.#framed.clear();
      }
      for (const log of logs ?? []) {
        this.#lostLogs.set(log, new Set());
        this.#framed.delete(log);
      }
    }
  }

  isKnown(log: string, key: string): boolean {
    const name = JSON.stringify([log, key]);
    if (this.#lostLogs.has(log)) return this.#lostLogs.get(log)?.has(key) === true;
    return this.#allLost === undefined || this.#framed.has(log) || this.#allLost.has(name);
  }

  value(log: string, key: string): Json | undefined {
    const value = this.#logs.get(log)?.get(key);
    return value === undefined ? undefined : toJsonForm(value);
  }

  /** As a local snapshot has it: logs without variables left out. */
  get logs(): Record<string, Record<string, Json>> {
    const logs: Record<string, Record<string, Json>> = Object.create(null);
    for (const [log, variables] of this.#logs) {
      if (variables.size === 0) continue;
      const state: Record<string, Json> = Object.create(null);
      for (const [key, value] of variables) state[key] = toJsonForm(value);
      logs[log] = state;
    }
    return logs;
  }

  get keys(): [log: string, key: string][] {
    return [...this.#logs].flatMap(([log, state]) =>
      [...state.keys()].map((key) => [log, key] as [string, string]),
    );
  }

  #know(log: string, key: string): void {
    this.#lostLogs.get(log)?.add(key);
    this.#allLost?.add(JSON.stringify([log, key]));
  }

  #log(name: string): Map<string, Value> {
    let log = this.#logs.get(name);
    if (log === undefined) {
      log = new Map();
      this.#logs.set(name, log);
    }
    return log;
  }
}
