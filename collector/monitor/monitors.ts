/**
 * Standing queries: each is evaluated as history becomes known, and its rows are told as alerts.
 *
 *     known to all live nodes   ──────────────────────▶ W          every `lookMs`
 *     evaluated                 ─────────▶ E
 *     a round                      [ from ──────────── W ]         rows as they are now
 *                                  └ far enough before E that what was open or undecided is seen
 *     a repair before E         from = where it begins             rows that differ are amended
 *
 * A round is an ordinary query over [from, W]; what differs from what was told (told-rows.ts) is written
 * in one transaction with the alerts that tell it, and only then told. So an alert is stored once, under
 * an id that never changes, also if the collector is killed in the middle of a round. Rounds go one after
 * the other. Nodes that are suspect are not waited for; when they speak again that is a repair. Webhooks are
 * called behind the rounds, until they have taken an alert.
 */
import { type Hlc, type Json, RetroError } from "../../agent/kernel/index.ts";
import type { AmendedRange } from "../cut/amendments.ts";
import type { History } from "../cut/history.ts";
import type { CutTimers } from "../cut/timers.ts";
import { defaultRange } from "../rql/run/known-names.ts";
import type { QueryRunner } from "../rql/run/query-runner.ts";
import { parseProgram } from "../rql/text/parse.ts";
import type { HistoryStore } from "../store/history-store.ts";
import { deliverAlerts } from "./deliveries.ts";
import { MONITOR_LIMITS, type MonitorLimits } from "./limits.ts";
import { searchRound } from "./round.ts";
import type { Alert, MadeMonitor, MonitorRecord } from "./shapes.ts";
import { type Change, compareRound, type Outcome } from "./told-rows.ts";
import { checkWebhook, type WebhookSender } from "./webhooks.ts";

export interface MonitorsOptions {
  readonly store: Pick<HistoryStore, "monitors" | "writeMonitors">;
  readonly history: Pick<History, "nodes">;
  /** Runs rounds, with bounds of its own (MONITOR_RUN_LIMITS). */
  readonly runner: Pick<QueryRunner, "checkMonitor" | "prepare">;
  readonly timers: CutTimers;
  readonly newToken: () => string;
  readonly webhooks: WebhookSender;
  /** Hosts that webhooks may call. Default: none. */
  readonly webhookHosts?: readonly string[];
  /** Told once an alert is durable. Must not throw. */
  readonly onAlert: (alert: Alert) => void;
  readonly onFailure: (error: unknown) => void;
  readonly limits?: Partial<MonitorLimits>;
}

interface Watched {
  readonly number: number;
  record: MonitorRecord;
  /** Nodes that it names; undefined: all. */
  readonly nodes: readonly string[] | undefined;
  /** Something at or after this has changed. */
  repairFrom: number;
  savedMs: number;
  isRemoved: boolean;
  isDelivering: boolean;
  /** Changes of the record are made one after the other: each is durable before the next. */
  lastUpdate: Promise<unknown>;
}

const NEVER = Number.POSITIVE_INFINITY;
/** A round looks further back at most so often before it begins at the monitor's own beginning. */
const MAX_LOOKS_BACK = 4;

export class Monitors {
  readonly #options: MonitorsOptions;
  readonly #limits: MonitorLimits;
  readonly #watched = new Map<string, Watched>();
  readonly #closing = new AbortController();
  #lastNumber = 0;
  #cancelLook: () => void = () => {};
  #round: Promise<void> | undefined;

  constructor(options: MonitorsOptions) {
    this.#options = options;
    this.#limits = { ...MONITOR_LIMITS, ...options.limits };
  }

  /** Takes up what was kept. What it told last may have been repaired just before the end: it is looked at again. */
  start(): void {
    for (const { number, body } of this.#options.store.monitors()) {
      const record = body as unknown as MonitorRecord;
      const oldest = record.rows[0]?.from ?? record.evaluatedTo;
      this.#deliver(this.#watch(number, record, oldest));
    }
    this.#lookLater();
  }

  /** By the order in which they were made. */
  list(): readonly MonitorRecord[] {
    return [...this.#watched.values()]
      .sort((a, b) => a.number - b.number)
      .map(({ record }) => record);
  }

  /**
   * A monitor of the cuts from now on; resolves when it is durable, with what there is to say of its text.
   * @throws RqlError if the text is refused; RetroError `too-many`, `bad-parameter` and `forbidden` (webhook)
   */
  async create(
    rql: string,
    name: string | null,
    webhook: string | null = null,
  ): Promise<MadeMonitor> {
    if (webhook !== null) checkWebhook(webhook, this.#options.webhookHosts ?? []);
    const { runner } = this.#options;
    const { warnings } = await runner.checkMonitor(rql, this.#closing.signal);
    if (this.#watched.size >= this.#limits.monitors) {
      throw new RetroError("too-many", `there are ${this.#watched.size} monitors`, {
        retriable: true,
        hint: "Delete one that nobody needs.",
      });
    }
    const since = this.#knownTo(nodesNamed(rql));
    const id = `m${this.#lastNumber + 1}-${this.#options.newToken()}`;
    const record: MonitorRecord = {
      ...{ id, name, rql, webhook, delivered: 0 },
      ...{ since, evaluatedTo: since, finalTo: since, nextN: 1, nextAlert: 1 },
      ...{ rows: [], alerts: [], laggards: [], trouble: null },
    };
    const watched = this.#watch(this.#lastNumber + 1, record, NEVER);
    try {
      await this.#update(watched, () => record);
    } catch (error) {
      this.#watched.delete(id);
      throw error;
    }
    return { ...record, warnings, nodes: this.#members(watched.nodes) };
  }

  /** Undefined: there is none of that id. Resolves when it is gone for good. */
  async remove(id: string): Promise<MonitorRecord | undefined> {
    const watched = this.#watched.get(id);
    if (watched === undefined) return undefined;
    watched.isRemoved = true;
    this.#watched.delete(id);
    await this.#options.store.writeMonitors({ put: [], remove: [watched.number] });
    return watched.record;
  }

  /** The past has changed. */
  amended(ranges: readonly AmendedRange[]): void {
    for (const watched of this.#watched.values()) {
      for (const { node, from } of ranges) {
        if (watched.nodes?.includes(node) === false) continue;
        if (from < watched.record.evaluatedTo) {
          watched.repairFrom = Math.min(watched.repairFrom, from);
        }
      }
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#cancelLook();
    await this.#round;
  }

  #watch(number: number, record: MonitorRecord, repairFrom: number): Watched {
    this.#lastNumber = Math.max(this.#lastNumber, number);
    const nodes = nodesNamed(record.rql);
    const watched: Watched = {
      ...{ number, record, nodes, repairFrom, savedMs: 0 },
      ...{ isRemoved: false, isDelivering: false, lastUpdate: Promise.resolve() },
    };
    this.#watched.set(record.id, watched);
    return watched;
  }

  #lookLater(): void {
    if (this.#closing.signal.aborted) return;
    this.#cancelLook = this.#options.timers.after(this.#limits.lookMs, () => {
      this.#round = this.look().then(() => this.#lookLater());
    });
  }

  /** One round of each monitor about which more is known. Called by itself; tests call it. */
  async look(): Promise<void> {
    for (const watched of [...this.#watched.values()]) {
      if (this.#closing.signal.aborted) return;
      try {
        await this.#lookAt(watched);
      } catch (error) {
        if (!this.#closing.signal.aborted) await this.#troubled(watched, error);
      }
    }
  }

  async #lookAt(watched: Watched): Promise<void> {
    const { record } = watched;
    const nodes = this.#options.history.nodes();
    for (const { node, watermark } of record.laggards) {
      const now = nodes.find((one) => one.node === node);
      if (now === undefined || now.watermark > watermark) {
        watched.repairFrom = Math.min(watched.repairFrom, watermark);
      }
    }
    const knownTo = Math.max(record.evaluatedTo, this.#knownTo(watched.nodes)) as Hlc;
    if (knownTo === record.evaluatedTo && watched.repairFrom === NEVER) return;
    const changedFrom = watched.repairFrom;
    watched.repairFrom = NEVER;
    try {
      await this.#evaluate(watched, Math.min(changedFrom, record.evaluatedTo) as Hlc, knownTo);
    } catch (error) {
      watched.repairFrom = Math.min(watched.repairFrom, changedFrom);
      throw error;
    }
  }

  /** Evaluates again from `changedFrom` on, or from further back. */
  async #evaluate(watched: Watched, changedFrom: Hlc, to: Hlc): Promise<void> {
    const { record } = watched;
    const base = Math.max(record.since, record.finalTo) as Hlc;
    let lookFrom = changedFrom;
    for (let looks = 0; ; looks += 1) {
      const earliest = looks >= MAX_LOOKS_BACK ? base : lookFrom;
      const found = await searchRound(this.#options.runner, record, {
        ...{ base, changedFrom: earliest, to, signal: this.#closing.signal },
      });
      const outcome = compareRound(record.rows, record.nextN, found);
      if ("lookFrom" in outcome) {
        lookFrom = outcome.lookFrom;
        continue;
      }
      await this.#note(watched, outcome, found.to, found.trouble);
      return;
    }
  }

  async #note(
    watched: Watched,
    { changes, rows, nextN }: Outcome,
    evaluatedTo: Hlc,
    trouble: MonitorRecord["trouble"],
  ): Promise<void> {
    const { record } = watched;
    const { timers } = this.#options;
    const fresh = changes.map((change, index) => alertOf(record, change, index));
    const kept = rows.slice(-this.#limits.rows);
    const dropped = rows.slice(0, rows.length - kept.length);
    const ends = dropped.map(({ from, to }) => to ?? from);
    const next: MonitorRecord = {
      ...record,
      ...{ evaluatedTo, nextN, trouble, rows: kept },
      finalTo: Math.max(record.finalTo, ...ends) as Hlc,
      nextAlert: record.nextAlert + fresh.length,
      alerts: [...record.alerts, ...fresh].slice(-this.#limits.alerts),
      laggards: this.#laggards(watched.nodes, evaluatedTo),
    };
    const isNews = fresh.length > 0 || trouble?.code !== record.trouble?.code;
    const isDue = timers.nowMs() - watched.savedMs >= this.#limits.saveMs;
    const change = ({ delivered }: MonitorRecord): MonitorRecord => ({ ...next, delivered });
    if (isNews || isDue) await this.#update(watched, change);
    else watched.record = change(watched.record);
    if (watched.isRemoved) return;
    for (const alert of fresh) this.#options.onAlert(alert);
    if (fresh.length > 0) this.#deliver(watched);
  }

  async #troubled(watched: Watched, error: unknown): Promise<void> {
    const { code, message } = error as { readonly code?: unknown; readonly message?: unknown };
    if (typeof code !== "string") this.#options.onFailure(error);
    const trouble = { code: typeof code === "string" ? code : "internal", message: `${message}` };
    if (watched.record.trouble?.code === trouble.code) return;
    // A store that refuses is told of by whoever wrote first; the next round tries again.
    await this.#update(watched, (record) => ({ ...record, trouble })).catch(() => undefined);
  }

  /** Changes the record as it is when its turn comes; resolves when that is durable. */
  #update(watched: Watched, change: (record: MonitorRecord) => MonitorRecord): Promise<void> {
    const done = watched.lastUpdate.then(async () => {
      if (watched.isRemoved) return;
      const record = change(watched.record);
      const put = [{ number: watched.number, body: record as unknown as Json }];
      await this.#options.store.writeMonitors({ put, remove: [] });
      watched.record = record;
      watched.savedMs = this.#options.timers.nowMs();
    });
    watched.lastUpdate = done.catch(() => undefined);
    return done;
  }

  /** Behind the rounds: nobody waits for a webhook. */
  #deliver(watched: Watched): void {
    if (watched.isDelivering) return;
    watched.isDelivering = true;
    const { signal } = this.#closing;
    const { webhooks, webhookHosts = [], timers } = this.#options;
    const rest = { webhooks, webhookHosts, timers, signal, ...this.#limits };
    void deliverAlerts({
      ...rest,
      record: () => (watched.isRemoved ? undefined : watched.record),
      taken: (delivered) => this.#update(watched, (record) => ({ ...record, delivered })),
    })
      .catch((error: unknown) => (signal.aborted ? undefined : this.#troubled(watched, error)))
      .finally(() => {
        watched.isDelivering = false;
      });
  }

  /** Where the slowest of the live nodes that it looks at is known to. */
  #knownTo(nodes: readonly string[] | undefined): Hlc {
    return defaultRange(this.#options.history.nodes(), nodes).to;
  }

  /** Who is neither left nor expired, of those that it looks at. */
  #members(named: readonly string[] | undefined): readonly string[] {
    return this.#options.history
      .nodes()
      .filter(({ status }) => status !== "left" && status !== "expired")
      .flatMap(({ node }) => (named?.includes(node) === false ? [] : [node]));
  }

  #laggards(named: readonly string[] | undefined, evaluatedTo: Hlc): MonitorRecord["laggards"] {
    return this.#options.history
      .nodes()
      .filter(({ node }) => named?.includes(node) ?? true)
      .filter(({ status, watermark }) => status === "suspect" && watermark < evaluatedTo)
      .map(({ node, watermark }) => ({ node, watermark }));
  }
}

/** Of AT NODES. The text was checked when the monitor was made. */
function nodesNamed(rql: string): readonly string[] | undefined {
  return parseProgram(rql).queries[0]?.nodes?.map(({ name }) => name);
}

function alertOf(record: MonitorRecord, { event, n, row }: Change, index: number): Alert {
  const id = `${record.id}/${record.nextAlert + index}`;
  return { type: "alert", id, monitor: record.id, event, n, row };
}
