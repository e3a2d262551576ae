/**
 * Keyframes in the stream: made at an epoch's start, when asked for, and once per as many changes as a
 * log has variables; the count is looked at when a flush begins, so no recording call pays for one.
 *
 * A keyframe is an event like others: it has to fit into the window until it is cut, and into the queue
 * after that, else it pushes out what it was to heal, and asking again would never end. So one flush
 * makes only as many as there is room for, the others wait their turn; and a log whose state is larger
 * than there can ever be room for goes without, is named (`tooLarge`), and is looked at again seldom: its
 * state may shrink. What is lost of such a log stays lost until each variable is set anew.
 */
import { type Hlc, TICKS_PER_MS, type Value, ValueTag } from "../kernel/index.ts";
import type { CutColumns } from "./cut-columns.ts";
import { STATE_LIMITS } from "./limits.ts";
import type { Recording } from "./recording.ts";
import { utf8Bytes } from "./texts.ts";
import type { LogRecord } from "./variable-table.ts";

/** Memory of a variable in a keyframe beside its key and value, roughly. */
export const VARIABLE_BYTES = 24;
/** A log that was too large is looked at again after so long. */
export const TOO_LARGE_RETRY_MS = 10_000;

export class Keyframes {
  readonly #recording: Recording;
  /** Counts each log's changes since its latest keyframe. */
  readonly #columns: CutColumns;
  readonly #maxBytes: number;
  readonly #asked = new Set<number>();
  /** By log that was too large: when to look again. */
  readonly #tooLarge = new Map<number, number>();
  #skippedCount = 0;
  /** The log that the next round begins with, so that none waits for ever behind others. */
  #turn = 0;

  /** @param maxBytes no keyframe is larger, nor all those of one round together */
  constructor(recording: Recording, columns: CutColumns, maxBytes: number) {
    this.#recording = recording;
    this.#columns = columns;
    this.#maxBytes = Math.min(maxBytes, STATE_LIMITS.keyframeBytes);
  }

  /** Keyframes not made because the log's state would not fit. */
  get skippedCount(): number {
    return this.#skippedCount;
  }

  /** A log whose state does not fit into a keyframe; undefined: all do, as far as was looked. */
  get tooLarge(): string | undefined {
    const [index] = this.#tooLarge.keys();
    return index === undefined ? undefined : this.#recording.table.logs[index]?.name;
  }

  /** Asks for keyframes of these logs (null: all). Unknown names are ignored. */
  ask(names: readonly string[] | null): void {
    const { table } = this.#recording;
    if (names === null) for (const log of table.logs) this.#asked.add(log.index);
    for (const name of names ?? []) {
      const log = table.findLog(name);
      if (log !== undefined) this.#asked.add(log.index);
    }
  }

  /** Records those that were asked for or are due, as far as `roomBytes` goes. */
  addDue(roomBytes: number): void {
    const { logs } = this.#recording.table;
    let room = Math.min(roomBytes, this.#maxBytes);
    const start = this.#turn;
    let waiting: LogRecord | undefined;
    for (let i = 0; i < logs.length && room > 0; i += 1) {
      const log = logs[(start + i) % logs.length] as LogRecord;
      if (!this.#isDue(log)) continue;
      const bytes = this.#add(log, room);
      room -= bytes ?? 0;
      if (bytes === undefined) waiting ??= log;
      else this.#turn = log.index + 1;
    }
    // Behind smaller ones it would never find room.
    if (waiting !== undefined) this.#turn = waiting.index;
  }

  /** Records those of a new epoch; a log whose state finds no room begins as lost, and is asked for. */
  addAll(): void {
    this.#asked.clear();
    let room = this.#maxBytes;
    for (const log of this.#recording.table.logs) {
      const bytes = log.missing.isEmpty ? this.#add(log, room) : undefined;
      room -= bytes ?? 0;
      if ((bytes ?? 0) > 0) continue;
      // The epoch would seem to begin with this log empty: say that nobody knows what is in it.
      this.#recording.loseLog(log);
      this.#asked.add(log.index);
    }
  }

  #isDue(log: LogRecord): boolean {
    const count = this.#columns.changeCounts[log.index] ?? 0;
    const isDue = count > 0 && count >= log.keys.size;
    if (!isDue && !this.#asked.has(log.index)) return false;
    if (!log.missing.isEmpty) return false; // its state is not known: asked again when it is
    return this.#recording.clock.last >= (this.#tooLarge.get(log.index) ?? 0);
  }

  /** Its bytes; 0: too large for any room, given up; undefined: no room now, it waits. */
  #add(log: LogRecord, room: number): number | undefined {
    const { clock } = this.#recording;
    const state = new Map<string, Value>();
    const bytes = this.#stateOf(log, state, this.#maxBytes);
    if (bytes > room && bytes <= this.#maxBytes) return undefined;
    const { changeCounts } = this.#columns;
    if (log.index < changeCounts.length) changeCounts[log.index] = 0;
    if (bytes > this.#maxBytes) {
      this.#skippedCount += 1;
      this.#tooLarge.set(log.index, clock.last + TOO_LARGE_RETRY_MS * TICKS_PER_MS);
      return 0;
    }
    this.#asked.delete(log.index);
    this.#tooLarge.delete(log.index);
    const t: Hlc = clock.now();
    this.#recording.body(t, { kind: "keyframe", log: log.name, state }, bytes, false);
    return Math.max(1, bytes);
  }

  /** Fills in the state now, and says its bytes; past `maxBytes` it stops. */
  #stateOf(log: LogRecord, state: Map<string, Value>, maxBytes: number): number {
    const { table } = this.#recording;
    let bytes = 0;
    for (const [key, id] of log.keys) {
      const tag = table.tag[id] as number;
      if (tag === ValueTag.none) continue;
      bytes += VARIABLE_BYTES + utf8Bytes(key);
      if (tag > ValueTag.number) bytes += table.number[id] as number;
      if (bytes > maxBytes) break;
      state.set(key, table.value(id) as Value);
    }
    return bytes;
  }
}
