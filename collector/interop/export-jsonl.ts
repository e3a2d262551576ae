/**
 * Writes history as event lines: the format is in README.md of this folder.
 *
 * **All of it** (no `from`): every event with its epoch and seq, so that importing it anywhere stores
 * each event once, and importing it here stores nothing new.
 *
 * **A range** begins with what the cut at `from` holds (export-start.ts), so that an import of it has
 * equal cuts in the range. Its events are numbered anew by the import, so what is named by number is
 * renumbered, and seqs that are missing are declared lost: nobody will fill that hole.
 *
 * At the end each node is `closed` where its watermark was before the first page was asked for, or at
 * `to`; a live node may have shipped more by the time its page is read, so never before its last line.
 * An expired node has no goodbye: after its last promise an import calls it lagging.
 *
 * Channels without a stamp are counted by agents and are no events, so a file cannot say them: the
 * report does.
 */
import { formatHlc, type Hlc, type Json, parseTime, RetroError } from "../../agent/kernel/index.ts";
import type { CutJson, EventLineJson, EventsJson, NodesJson } from "../api/shapes.ts";
import type { CollectorDoor } from "./collector-door.ts";
import { type Loss, lossesOf, undeclared } from "./export-losses.ts";
import { type ExportLine, startLines, ticksOf } from "./export-start.ts";
import { SeqCounter } from "./seq-counter.ts";

const PAGE = 10_000;

export interface ExportOptions {
  readonly door: CollectorDoor;
  /** Any form of time; absent: from the beginning, with epochs and seqs. */
  readonly from?: string;
  /** Any form of time; absent: up to now. */
  readonly to?: string;
  /** Takes lines in order; export waits for each call. */
  readonly write: (text: string) => Promise<void> | void;
  readonly onProgress?: (eventCount: number) => void;
}

export interface ExportReport {
  readonly lineCount: number;
  readonly eventCount: number;
  readonly nodeCount: number;
  /** Channels without a stamp at the end of the range: not in the file. */
  readonly uncheckedCount: number;
}

/** @throws RetroError as the collector's answers; `bad-time`; `bad-usage` if `from` is later than `to` */
export async function exportJsonl(options: ExportOptions): Promise<ExportReport> {
  const known = await options.door.ask<NodesJson>("/api/nodes", { ranges: "all" });
  const now = ticksOf(known.now);
  const last = known.extent === null ? now : (Math.max(now, ticksOf(known.extent.last)) as Hlc);
  const to = options.to === undefined ? last : parseTime(options.to, now);
  const from = options.from === undefined ? undefined : parseTime(options.from, now);
  if (from !== undefined && from > to) {
    throw new RetroError("bad-usage", "--from is later than --to", { hint: "Exchange the two." });
  }
  return new Export(options, known.nodes, from, to).run();
}

class Export {
  readonly #options: ExportOptions;
  readonly #nodes: NodesJson["nodes"];
  readonly #from: Hlc | undefined;
  readonly #to: Hlc;
  readonly #losses: readonly Loss[];
  readonly #numbers = new SeqCounter();
  /** The time of the last line, by run. */
  readonly #lastT = new Map<string, Hlc>();
  /** Nodes that have lines. */
  readonly #written = new Set<string>();
  /** The last event of each epoch, by `node/epoch`. */
  readonly #before = new Map<string, EventLineJson>();
  #lineCount = 0;
  #eventCount = 0;

  constructor(options: ExportOptions, nodes: NodesJson["nodes"], from: Hlc | undefined, to: Hlc) {
    this.#options = options;
    this.#nodes = nodes;
    this.#from = from;
    this.#to = to;
    this.#losses = lossesOf(nodes, to).filter(({ t }) => from === undefined || t > from);
  }

  async run(): Promise<ExportReport> {
    const { door } = this.#options;
    if (this.#from !== undefined) {
      for (const line of await startLines(door, this.#nodes, this.#from)) await this.#write(line);
    }
    if (this.#from === undefined || this.#from < this.#to) await this.#writeEvents();
    for (const line of this.#endLines()) await this.#write(line);
    const { size: nodeCount } = this.#written;
    const uncheckedCount = await this.#uncheckedCount();
    return {
      lineCount: this.#lineCount,
      eventCount: this.#eventCount,
      nodeCount,
      uncheckedCount,
    };
  }

  async #uncheckedCount(): Promise<number> {
    if (this.#written.size === 0) return 0;
    try {
      const at = formatHlc(this.#to);
      return (await this.#options.door.ask<CutJson>("/api/cut", { at })).unchecked.length;
    } catch (error) {
      if (error instanceof RetroError && error.code === "outside-retention") return 0;
      throw error;
    }
  }

  async #writeEvents(): Promise<void> {
    const from = this.#from === undefined ? {} : { from: formatHlc((this.#from + 1) as Hlc) };
    const range = { ...from, to: formatHlc(this.#to), limit: PAGE };
    let losses = this.#losses;
    let cursor: string | undefined;
    do {
      const query = { ...range, cursor };
      const page: EventsJson = await this.#options.door.ask<EventsJson>("/api/events", query);
      for (const event of page.events) {
        const t = ticksOf(event.t);
        if ((losses[0]?.t ?? Number.POSITIVE_INFINITY) <= t) {
          const due = losses.filter((loss) => isBefore(loss, event, t));
          for (const loss of due) await this.#writeLoss(loss);
          losses = losses.filter((loss) => !due.includes(loss));
        }
        await this.#writeEvent(event);
      }
      this.#options.onProgress?.(this.#eventCount);
      cursor = page.next;
    } while (cursor !== undefined);
    for (const loss of losses) await this.#writeLoss(loss);
  }

  async #writeLoss({ line, epoch, firstSeq }: Loss): Promise<void> {
    await this.#write(this.#from === undefined ? { ...line, epoch, seq: firstSeq } : line);
  }

  async #writeEvent(event: EventLineJson): Promise<void> {
    const { t, epoch, seq, ...fields } = event;
    this.#eventCount += 1;
    if (this.#from === undefined) {
      await this.#write({ ...fields, t: t.hlc, epoch, seq } as ExportLine);
      return;
    }
    const { node, service, kind } = fields;
    const missing = await this.#missingBefore(event, this.#from);
    if (missing !== undefined) {
      const { events, from } = missing;
      await this.#write({ node, service, t: t.hlc, kind: "lost", events, from: formatHlc(from) });
    }
    this.#before.set(`${node}/${epoch}`, event);
    const line = { ...fields, t: t.hlc } as { [field: string]: Json } & ExportLine;
    const replaces = line["replaces"];
    if (replaces !== undefined) {
      const number = this.#numbers.numberOf(node, `${epoch}/${String(replaces)}`);
      if (number === undefined) delete line["replaces"];
      else line["replaces"] = number;
    }
    const number = await this.#write(line);
    if (kind === "send") this.#numbers.remember(node, `${epoch}/${seq}`, number);
  }

  /** Seqs missing between an event and the one before it, and the time from which they are. */
  async #missingBefore(
    event: EventLineJson,
    start: Hlc,
  ): Promise<{ readonly events: number; readonly from: Hlc } | undefined> {
    const { node, epoch, t } = event;
    const before = this.#before.get(`${node}/${epoch}`);
    if (before !== undefined) {
      const events = undeclared(this.#losses, before, event);
      return events === 0 ? undefined : { events, from: (ticksOf(before.t) + 1) as Hlc };
    }
    if (event.kind === "join") return undefined;
    // The first of its epoch in the range: the cut there knows of a hole that reaches into it.
    const cut = await this.#options.door.ask<CutJson>("/api/cut", { at: t.hlc, node });
    const hole = cut.incomplete.find(({ reason, to }) => reason === "hole" && to?.hlc === t.hlc);
    if (hole?.events === undefined) return undefined;
    const from = Math.max(start, hole.from === undefined ? start : ticksOf(hole.from));
    return { events: hole.events, from: Math.min(from + 1, ticksOf(t)) as Hlc };
  }

  *#endLines(): Generator<ExportLine> {
    for (const { node, service, epoch, epochs, status, watermark } of this.#nodes) {
      if (!this.#written.has(node)) continue;
      const end = epochs.at(-1)?.end ?? null;
      if (status === "left" && end !== null && ticksOf(end) <= this.#to) continue;
      const isWhole = this.#from === undefined;
      const lastT = this.#lastT.get(runName(node, isWhole ? epoch : undefined));
      const promised = Math.min(ticksOf(watermark), this.#to);
      const t = formatHlc(Math.max(promised, lastT ?? promised) as Hlc);
      yield { node, service, t, kind: "closed", ...(isWhole ? { epoch } : {}) };
    }
  }

  /** Returns the line's number among those of its node. */
  async #write(line: ExportLine): Promise<number> {
    this.#written.add(line.node);
    this.#lastT.set(runName(line.node, line["epoch"]), parseTime(line.t, this.#to));
    this.#lineCount += 1;
    await this.#options.write(`${JSON.stringify(line)}\n`);
    return this.#numbers.count(line);
  }
}

/** Whether a loss comes before an event. Of what is lost before a stored event only this is known: not later. */
function isBefore(loss: Loss, { node, epoch, seq }: EventLineJson, t: Hlc): boolean {
  if (loss.t !== t) return loss.t < t;
  return loss.node === node && loss.epoch === epoch && loss.lastSeq < seq;
}

/** The run that a line belongs to: lines without epoch are all of the node's latest. */
function runName(node: string, epoch: Json | undefined): string {
  return epoch === undefined ? node : `${node}/${String(epoch)}`;
}
