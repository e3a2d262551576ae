/**
 * Writes history as event lines (design section 6).
 *
 * **All of it** (no `from`): every event with its epoch and seq, so that importing it anywhere stores
 * each event once, and importing it here stores nothing new.
 *
 * **A range** begins with what the cut at `from` holds, so that an import has equal cuts in the range:
 *
 *     joined            sends in flight            from                                     to
 *     | join, lost ------- | ---- | ---------------- | keyframes | events ... lost ... leave | closed
 *
 * What happened between the join and `from` is not in the file, and the `lost` line says so: an import
 * does not take the beginning of the file for the beginning of the world. A log of which something is
 * lost at `from` gets no keyframe, which would cover the loss, but one `set` for each variable that is
 * known. Events of a range are numbered anew by the import, as a file of its own.
 *
 * At the end each node is `closed` where its watermark was, or at `to`. An expired node has no goodbye:
 * after its last promise an import calls it lagging.
 */
import {
  formatHlc,
  type Hlc,
  type Json,
  parseHlc,
  parseTime,
  RetroError,
} from "../../agent/kernel/index.ts";
import type { CutJson, EventLineJson, EventsJson, H, NodesJson } from "../api/shapes.ts";
import type { CollectorDoor } from "./collector-door.ts";
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
}

type Line = { readonly [field: string]: Json };
type NodeJson = NodesJson["nodes"][number];

/** @throws RetroError as the collector's answers; `bad-time`; `bad-usage` if `from` is later than `to` */
export async function exportJsonl(options: ExportOptions): Promise<ExportReport> {
  const known = await options.door.ask<NodesJson>("/api/nodes", {});
  const now = ticksOf(known.now);
  const last = known.extent === null ? now : (Math.max(now, ticksOf(known.extent.last)) as Hlc);
  const to = options.to === undefined ? last : parseTime(options.to, now);
  const from = options.from === undefined ? undefined : parseTime(options.from, now);
  if (from !== undefined && from > to) {
    throw new RetroError("bad-usage", "--from is later than --to", { hint: "Exchange the two." });
  }
  const nodes = known.nodes.filter(({ epochs }) =>
    epochs.some(({ joined }) => ticksOf(joined) <= to),
  );
  return new Export(options, nodes, from, to).run();
}

class Export {
  readonly #options: ExportOptions;
  readonly #nodes: readonly NodeJson[];
  readonly #from: Hlc | undefined;
  readonly #to: Hlc;
  readonly #seqs = new SeqCounter();
  readonly #written = new Set<string>();
  #lineCount = 0;
  #eventCount = 0;

  constructor(options: ExportOptions, nodes: readonly NodeJson[], from: Hlc | undefined, to: Hlc) {
    this.#options = options;
    this.#nodes = nodes;
    this.#from = from;
    this.#to = to;
  }

  async run(): Promise<ExportReport> {
    if (this.#from !== undefined) await this.#writeStart(this.#from);
    await this.#writeEvents();
    await this.#writeEnds();
    const { size: nodeCount } = this.#written;
    return { lineCount: this.#lineCount, eventCount: this.#eventCount, nodeCount };
  }

  async #writeStart(from: Hlc): Promise<void> {
    const cut = await this.#cutAt(from);
    if (cut === undefined) return; // history begins inside the range
    for (const node of cut.members) {
      const { service, epoch, logs } = cut.nodes[node] as CutJson["nodes"][string];
      const joined = this.#joinedOf(node, epoch, from);
      const base = { node, service };
      await this.#write({ ...base, t: formatHlc(joined), kind: "join" });
      await this.#writeUnknownPast(base, joined, from, Object.keys(logs));
      for (const send of cut.inFlight) {
        if (send.from !== node) continue;
        const { id, to, peer, sentAt } = send;
        const where = peer === null ? {} : { peer };
        await this.#write({ ...base, t: sentAt.hlc, kind: "send", id, to, ...where });
      }
      await this.#writeState(base, from, logs, lostLogs(cut, node, Object.keys(logs)));
    }
  }

  /** Says that the stretch before the file is not in it, for all logs that have a state at `from`. */
  async #writeUnknownPast(
    base: { readonly node: string; readonly service: string },
    joined: Hlc,
    from: Hlc,
    logs: readonly string[],
  ): Promise<void> {
    if (joined >= from || logs.length === 0) return;
    const t = formatHlc(joined);
    await this.#write({ ...base, t, kind: "lost", events: 1, from: t, logs, messages: false });
  }

  async #writeState(
    base: { readonly node: string; readonly service: string },
    from: Hlc,
    logs: CutJson["nodes"][string]["logs"],
    lost: ReadonlySet<string>,
  ): Promise<void> {
    const t = formatHlc(from);
    for (const log of lost) {
      await this.#write({
        ...base,
        t,
        kind: "lost",
        events: 1,
        from: t,
        logs: [log],
        messages: false,
      });
    }
    for (const [log, state] of Object.entries(logs)) {
      if (!lost.has(log)) await this.#write({ ...base, t, kind: "keyframe", log, state });
      else {
        for (const [key, value] of Object.entries(state)) {
          await this.#write({ ...base, t, kind: "set", log, key, value });
        }
      }
    }
  }

  async #writeEvents(): Promise<void> {
    const range = {
      from: this.#from === undefined ? undefined : formatHlc((this.#from + 1) as Hlc),
      to: formatHlc(this.#to),
    };
    if (this.#from !== undefined && this.#from >= this.#to) return;
    const losses = this.#losses();
    let cursor: string | undefined;
    do {
      const query = { ...range, limit: PAGE, cursor };
      const page: EventsJson = await this.#options.door.ask<EventsJson>("/api/events", query);
      for (const event of page.events) {
        while (losses.length > 0 && (losses[0] as Loss).t < ticksOf(event.t)) {
          await this.#write((losses.shift() as Loss).line);
        }
        await this.#write(this.#eventLine(event));
        this.#eventCount += 1;
      }
      this.#options.onProgress?.(this.#eventCount);
      cursor = page.next;
    } while (cursor !== undefined);
    for (const { line } of losses) await this.#write(line);
  }

  /** Declared losses inside the range, in order of their last time. */
  #losses(): Loss[] {
    const after = this.#from ?? Number.NEGATIVE_INFINITY;
    return this.#nodes
      .flatMap((node) => node.lost.map((range) => lossOf(node, range, this.#from === undefined)))
      .filter(({ t }) => t > after && t <= this.#to)
      .sort((a, b) => a.t - b.t);
  }

  #eventLine({ t, epoch, seq, ...fields }: EventLineJson): Line {
    if (this.#from === undefined) return { ...fields, t: t.hlc, epoch, seq } as Line;
    const line = { ...fields, t: t.hlc } as Line;
    const replaced = fields["replaces"];
    const isSend = fields.kind === "send";
    if (isSend) this.#seqs.remember(fields.node, epoch, seq);
    if (typeof replaced !== "number") return line;
    // Numbers of the file, not of the agent.
    const replaces = this.#seqs.seqInFile(fields.node, epoch, replaced);
    const { replaces: _, ...rest } = line;
    return replaces === undefined ? rest : { ...rest, replaces };
  }

  async #writeEnds(): Promise<void> {
    for (const { node, service, epoch, epochs, status, watermark } of this.#nodes) {
      if (!this.#written.has(node)) continue;
      const end = epochs.at(-1)?.end ?? null;
      if (status === "left" && end !== null && ticksOf(end) <= this.#to) continue;
      const t = formatHlc(Math.min(ticksOf(watermark), this.#to) as Hlc);
      const identity = this.#from === undefined ? { epoch } : {};
      await this.#write({ node, service, t, kind: "closed", ...identity });
    }
  }

  async #cutAt(from: Hlc): Promise<CutJson | undefined> {
    try {
      return await this.#options.door.ask<CutJson>("/api/cut", { at: formatHlc(from) });
    } catch (error) {
      if (error instanceof RetroError && error.code === "outside-retention") return undefined;
      throw error;
    }
  }

  #joinedOf(node: string, epoch: number, otherwise: Hlc): Hlc {
    const { epochs = [] } = this.#nodes.find((one) => one.node === node) ?? {};
    const joined = epochs.find((one) => one.epoch === epoch)?.joined;
    return joined === undefined ? otherwise : ticksOf(joined);
  }

  async #write(line: Line): Promise<void> {
    this.#written.add(line["node"] as string);
    this.#seqs.count(line);
    this.#lineCount += 1;
    await this.#options.write(`${JSON.stringify(line)}\n`);
  }
}

interface Loss {
  readonly t: Hlc;
  readonly line: Line;
}

function lossOf(
  { node, service, epochs }: NodeJson,
  { firstSeq, lastSeq, from, to, logs }: NodeJson["lost"][number],
  withIdentity: boolean,
): Loss {
  const t = ticksOf(to);
  const owner = epochs.findLast(({ joined }) => ticksOf(joined) <= ticksOf(from));
  const identity: Line =
    withIdentity && owner !== undefined ? { epoch: owner.epoch, seq: firstSeq } : {};
  const events = lastSeq - firstSeq + 1;
  const named: Line = logs === null ? {} : { logs: [...logs] };
  return {
    t,
    line: { node, service, t: to.hlc, kind: "lost", events, from: from.hlc, ...named, ...identity },
  };
}

/** Logs of a node of which something is lost in the cut. */
function lostLogs(cut: CutJson, node: string, all: readonly string[]): ReadonlySet<string> {
  const entries = cut.incomplete.filter((entry) => entry.node === node && entry.reason === "lost");
  return new Set(entries.flatMap(({ logs }) => logs ?? all));
}

function ticksOf(time: H): Hlc {
  const t = parseHlc(time.hlc);
  if (t === undefined) throw new RetroError("bad-time", `the collector sent no time: ${time.hlc}`);
  return t;
}
