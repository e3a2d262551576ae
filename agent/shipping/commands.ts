/**
 * What a collector may ask of us. Only what is listed here is done; all else is counted. No command
 * runs code, or changes host or token, and each has a bound of ours.
 */
import { type AgentCommand, type Hlc, parseHlc } from "../kernel/index.ts";
import type { ReopenRequest } from "./event-source.ts";
import type { Scheduler } from "./scheduler.ts";

/** The longest interval that `slow` can ask for, and how long it holds unless repeated. */
const MAX_SLOW_MS = 10_000;
const SLOW_HOLDS_MS = 60_000;
const POLL_MS = 250;
const MAX_POLL_FOR_MS = 10 * 60_000;
const MAX_ID_LENGTH = 128;
/** Commands looked at in one reply. */
const MAX_COMMANDS = 64;

export interface CommandsOptions {
  readonly scheduler: Scheduler;
  readonly keyframe: (logs: readonly string[] | null) => void;
  readonly reopen: (request: ReopenRequest) => void;
  /** Whether the capture was taken. */
  readonly capture: (id: string, from: Hlc, to: Hlc) => boolean;
}

export class Commands {
  readonly #options: CommandsOptions;
  #slowMs = 0;
  #slowUntilMs = 0;
  #pollUntilMs = 0;
  #unsupportedCount = 0;

  constructor(options: CommandsOptions) {
    this.#options = options;
  }

  /** Commands not known here, not for us, or malformed. */
  get unsupportedCount(): number {
    return this.#unsupportedCount;
  }

  /** The flush interval now. */
  intervalMs(usualMs: number): number {
    const isSlow = this.#options.scheduler.nowMs() < this.#slowUntilMs;
    return isSlow ? Math.max(usualMs, this.#slowMs) : usualMs;
  }

  /** The heartbeat interval now. */
  heartbeatMs(usualMs: number): number {
    return this.#options.scheduler.nowMs() < this.#pollUntilMs ? POLL_MS : usualMs;
  }

  /**
   * Obeys the commands of one reply.
   * @param isCurrent whether the request told of our epoch: else a word about epochs is out of date
   */
  obey(commands: unknown, node: string, isCurrent: boolean): void {
    if (!Array.isArray(commands)) return;
    for (const command of commands.slice(0, MAX_COMMANDS) as readonly (AgentCommand | null)[]) {
      if (command?.node !== node || !this.#obeyOne(command, isCurrent)) {
        this.#unsupportedCount += 1;
      }
    }
  }

  #obeyOne(command: AgentCommand, isCurrent: boolean): boolean {
    const now = this.#options.scheduler.nowMs();
    switch (command.command) {
      case "keyframe": {
        const { logs } = command;
        if (logs !== null && !(Array.isArray(logs) && logs.every(isText))) return false;
        this.#options.keyframe(logs);
        return true;
      }
      case "rejoin": {
        if (!Number.isSafeInteger(command.aboveEpoch)) return false;
        const aboveT = parseHlc(String(command.aboveT)) ?? null;
        const { aboveEpoch } = command;
        if (isCurrent) this.#options.reopen({ aboveEpoch, aboveT, nodeInUse: false });
        return true;
      }
      case "window": {
        const from = parseHlc(String(command.from));
        const to = parseHlc(String(command.to));
        const { id } = command;
        if (!isText(id) || id.length > MAX_ID_LENGTH) return false;
        if (from === undefined || to === undefined) return false;
        return this.#options.capture(id, from, to);
      }
      case "node-in-use":
        if (isCurrent) this.#options.reopen({ aboveEpoch: 0, aboveT: null, nodeInUse: true });
        return true;
      case "slow":
        if (!(command.intervalMs >= 0)) return false;
        this.#slowMs = Math.min(MAX_SLOW_MS, command.intervalMs);
        this.#slowUntilMs = now + SLOW_HOLDS_MS;
        return true;
      case "poll":
        if (!(command.forMs >= 0)) return false;
        this.#pollUntilMs = now + Math.min(MAX_POLL_FOR_MS, command.forMs);
        return true;
      default:
        return false;
    }
  }
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}
