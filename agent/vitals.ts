/**
 * How an agent is: counters since its start, whether all is well, and what it tells the collector about
 * itself. Reads the other parts, changes none.
 */
import {
  type AgentStatus,
  type EpochRef,
  EVENT_KINDS,
  type HookState,
  KindCode,
  type StreamMode,
  TICKS_PER_MS,
  type UnstampedChannel,
} from "./kernel/index.ts";
import type { AgentMessages } from "./message-recorder.ts";
import type { Shipper } from "./shipping/shipper.ts";
import type { Recording } from "./state/recording.ts";
import type { RedactionCounts } from "./state/redaction.ts";
import { AGENT_VERSION } from "./version.ts";

/** Of `maxDriftMs`: a lead beyond it is reported. */
const LEAD_WARNING = 0.8;

/** Hook states that leave an agent healthy. */
const WELL: ReadonlySet<HookState> = new Set<HookState>(["active", "absent", "off"]);

/** What OpenTelemetry would carry, the other hooks carry: that it is shadowed is said, but is no illness. */
function isIll([name, state]: readonly [string, HookState]): boolean {
  return !WELL.has(state) && !(name === "otel" && state === "shadowed");
}

/** `degraded`: it works, but something is missing or wrong (`healthReason` says what). `off`: it does nothing. */
export type Health = "ok" | "degraded" | "off";

/**
 * Counters since the start. Where a collector is named, recorded = acknowledged + dropped + queued + kept at
 * any time: `kept` is what an on-demand agent has in its window and nobody asked for. Asked for, it becomes
 * queued; unasked, it leaves the window one day and is dropped as `aged-out`.
 */
export interface AgentStats {
  /** Events recorded: also the sum of `counts`. */
  readonly recorded: number;
  /** Events recorded, by kind; kinds that never occurred are left out. */
  readonly counts: Readonly<Record<string, number>>;
  readonly acknowledged: number;
  readonly queued: number;
  /** On demand: events in the window that nobody asked for, and somebody still may. Else 0. */
  readonly kept: number;
  readonly dropped: number;
  /** Events dropped, by reason: overflow, refused, shed, aged-out, shutdown. */
  readonly drops: Readonly<Record<string, number>>;
  /** Shipments: requests to the collector that carried events, repeats too. Handled requests: `counts.request`. */
  readonly requests: number;
  /** Shipments and heartbeats that failed: no answer, or none that takes them. */
  readonly failures: number;
  /** Requests to the collector without events, which say up to when all was told. */
  readonly heartbeats: number;
  /** Commands of the collector that this agent does not know, or that were not for it. */
  readonly unsupportedCommands: number;
  /** Calls of `trigger` of which the collector was not told: within a second of another, or too many waiting. */
  readonly refusedTriggers: number;
  readonly windowEvents: number;
  readonly windowBytes: number;
  readonly queueBytes: number;
  /** How far the clock is ahead of physical time. */
  readonly leadMs: number;
  /** Steps of the wall clock, over 50 ms either way, that were followed. */
  readonly clockSteps: number;
  readonly hooks: Readonly<Record<string, HookState>>;
  /** Why hooks are as they are, of those for which there is more to say than the state. */
  readonly hookReasons: Readonly<Record<string, string>>;
  /** Channels whose messages carry no stamp of ours; bounded, most used first. */
  readonly unstamped: readonly UnstampedChannel[];
  /** Remote stamps beyond the gate, by the node that they name; bounded. */
  readonly refused: Readonly<Record<string, number>>;
  /** Headers that could not be read, by peer; bounded. */
  readonly malformed: Readonly<Record<string, number>>;
  /** Values that were masked or hashed before they were kept, and the service's own rules that threw. */
  readonly redacted: RedactionCounts;
  /** Commits that were too large for one timestamp and have several. */
  readonly partedCommits: number;
  /** Load, latencies and resources beside events (`requests`): blocks that wait, and that were given up. */
  readonly sideBlocks: { readonly waiting: number; readonly dropped: number };
  /** Errors of the agent's own; five turn it off. */
  readonly ownErrors: number;
}

/** What is looked at. */
export interface VitalParts {
  readonly recording: Recording;
  readonly messages: AgentMessages;
  readonly shipper: () => Shipper | undefined;
  readonly hookStates: () => Readonly<Record<string, HookState>>;
  readonly hookReasons: () => Readonly<Record<string, string>>;
  readonly clockSteps: () => number;
  readonly sideBlocks: () => AgentStats["sideBlocks"];
  readonly maxDriftMs: number;
}

export class Vitals {
  readonly #parts: VitalParts;

  constructor(parts: VitalParts) {
    this.#parts = parts;
  }

  get health(): Health {
    if (this.#parts.recording.guard.offReason !== undefined) return "off";
    return this.healthReason === undefined ? "ok" : "degraded";
  }

  get healthReason(): string | undefined {
    const { recording, shipper, hookStates, maxDriftMs } = this.#parts;
    const { guard } = recording;
    if (guard.offReason !== undefined) return guard.offReason;
    if (guard.errorCount > 0) return `own error in ${guard.lastError}`;
    const problem = shipper()?.problem;
    if (problem !== undefined) return problem;
    const ill = Object.entries(hookStates()).find(isIll);
    if (ill !== undefined) return `hook ${ill[0]} is ${ill[1]}`;
    const leadMs = this.#leadMs();
    if (leadMs <= LEAD_WARNING * maxDriftMs) return undefined;
    return `the clock is ${Math.round(leadMs)} ms ahead of physical time`;
  }

  stats(): AgentStats {
    const { recording, messages, shipper, hookStates, hookReasons } = this.#parts;
    const { window, guard } = recording;
    const shipping = shipper()?.stats;
    return {
      recorded: window.nextIndex,
      counts: this.#counts(),
      acknowledged: shipping?.acknowledged ?? 0,
      queued: shipping?.queued ?? 0,
      kept: shipping?.kept ?? 0,
      dropped: shipping?.dropped ?? 0,
      drops: shipping?.drops ?? {},
      requests: shipping?.requests ?? 0,
      failures: shipping?.failures ?? 0,
      heartbeats: shipping?.heartbeats ?? 0,
      unsupportedCommands: shipping?.unsupportedCommands ?? 0,
      refusedTriggers: shipping?.refusedTriggers ?? 0,
      windowEvents: window.nextIndex - window.firstIndex,
      windowBytes: window.bytes,
      queueBytes: shipping?.queueBytes ?? 0,
      leadMs: this.#leadMs(),
      clockSteps: this.#parts.clockSteps(),
      hooks: hookStates(),
      hookReasons: hookReasons(),
      unstamped: messages.unstampedChannels,
      refused: messages.refusedCounts,
      malformed: messages.malformedCounts,
      redacted: recording.redaction.counts,
      partedCommits: recording.partedCommitCount,
      sideBlocks: this.#parts.sideBlocks(),
      ownErrors: guard.errorCount,
    };
  }

  /** The line that tells a person what runs. */
  startLine(
    agent: EpochRef & { readonly service: string },
    target: string | undefined,
    stream: StreamMode,
  ): string {
    const hooks = Object.entries(this.#parts.hookStates())
      .filter(([, state]) => state !== "absent")
      .map(([name, state]) => `${name} ${state}`);
    const parts = [
      `node ${agent.node}`,
      `service ${agent.service}`,
      `epoch ${agent.epoch}`,
      target === undefined ? "no collector, nothing is shipped" : `collector ${target}`,
      `stream ${stream}`,
      `hooks: ${hooks.length === 0 ? "none" : hooks.join(", ")}`,
    ];
    return parts.join(" · ");
  }

  /** For the collector. */
  status(): AgentStatus {
    const { hooks, counts, drops, leadMs, clockSteps, unstamped, refused, malformed } =
      this.stats();
    return {
      ...{ pid: process.pid, version: AGENT_VERSION, health: this.health },
      ...{ hooks, counts, drops, leadMs, clockSteps, unstamped, refused, malformed },
    };
  }

  #counts(): Record<string, number> {
    const { window, shedCount } = this.#parts.recording;
    const counts: Record<string, number> = {};
    for (const kind of EVENT_KINDS) {
      const count = window.kindCounts[KindCode[kind]] as number;
      if (count > 0) counts[kind] = count;
    }
    return shedCount === 0 ? counts : { ...counts, shed: shedCount };
  }

  #leadMs(): number {
    try {
      return this.#parts.recording.clock.leadTicks() / TICKS_PER_MS;
    } catch {
      return 0; // a clock that throws is counted where it is read for a stamp
    }
  }
}
