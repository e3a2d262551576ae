/**
 * What keeps a hook from ever harming the host: its errors end here, and after five of them it turns
 * itself off and says so. A hook that is off is a plain pass-through.
 */
import type { HookState } from "../kernel/index.ts";

/** Own errors after which a hook turns itself off. */
export const MAX_HOOK_ERRORS = 5;

/** The hooks of this folder, as `/api/nodes` and `doctor` name them. */
export type HookName = "http-server" | "http-client" | "fetch" | "kafkajs" | "grpc" | "ws" | "otel";

/** Told when a hook degrades or turns itself off. Called inside the host's calls: be quick. */
export type HookReport = (hook: HookName, state: HookState, reason: string) => void;

export class HookGuard {
  readonly name: HookName;
  readonly #report: HookReport | undefined;
  #state: HookState = "unavailable";
  #reason: string | undefined;
  #errorCount = 0;
  #partFailure: string | undefined;

  constructor(name: HookName, report: HookReport | undefined) {
    this.name = name;
    this.#report = report;
  }

  get state(): HookState {
    return this.#state;
  }

  /** Why the state is what it is, in words; undefined: it needs none. */
  get reason(): string | undefined {
    return this.#reason;
  }

  get errorCount(): number {
    return this.#errorCount;
  }

  /** Whether the hook should do its work. */
  get isOn(): boolean {
    return this.#state === "active" || this.#state === "degraded";
  }

  /** The hook stands. */
  activate(): void {
    this.#state = "active";
    this.#reason = undefined;
  }

  /** What the hook hooks is not in this process, or not yet. */
  awaitPackage(): void {
    this.#state = "absent";
    this.#reason = undefined;
  }

  /**
   * One of several parts of what the hook hooks (files of a package, copies of it) is instrumented. One that
   * is not as expected takes nothing from those that are: the hook is `degraded` then, whoever came first.
   */
  partStands(): void {
    if (this.#state !== "absent" && this.#state !== "unavailable") return;
    const failure = this.#partFailure;
    this.activate();
    if (failure !== undefined) this.degrade(failure);
  }

  /** One of several parts cannot be instrumented. */
  partFailed(reason: string): void {
    this.#partFailure = reason;
    if (this.isOn) this.degrade(reason);
    else if (this.#state !== "off") this.giveUp("unavailable", reason);
  }

  /** The hook stands, but misses something. */
  degrade(reason: string): void {
    if (this.#state !== "active") return;
    this.#become("degraded", reason);
  }

  /** The hook cannot do its work here. */
  giveUp(state: "unavailable" | "shadowed", reason: string): void {
    this.#become(state, reason);
  }

  /** Takes note of an error of ours that was caught. Never throws. */
  caught(error: unknown): void {
    this.#errorCount += 1;
    if (this.#errorCount < MAX_HOOK_ERRORS || !this.isOn) return;
    const last = error instanceof Error ? error.message : String(error);
    this.#become("off", `${this.#errorCount} own errors, the last: ${last}`);
  }

  /** The hook was taken out. */
  close(): void {
    this.#state = "off";
    this.#reason = undefined;
  }

  #become(state: HookState, reason: string): void {
    this.#state = state;
    this.#reason = reason;
    try {
      this.#report?.(this.name, state, reason);
    } catch {
      // Whoever listens to reports must not reach the host either.
    }
  }
}
