/**
 * The hook `otel`: what this process has of OpenTelemetry, and the way from a propagator to the agent.
 *
 * The host gives our propagator to its SDK (otel-propagator.ts); nobody is patched. Here we only look,
 * by the public API of the host's own copy, whether it stands where messages pass:
 *
 *     propagation.fields()     empty             no SDK                -> absent
 *                              with our header   ours, or ours in it   -> active
 *                              without           another's alone       -> shadowed
 *
 * `shadowed` costs nothing where a hook of ours stands (http, fetch, ...); what only OpenTelemetry reaches
 * goes without a stamp. Looked at whenever somebody asks for the state, since an SDK may come at any time.
 */
import { CARRIER_HEADER } from "./carrier.ts";
import type { HookGuard, HookName } from "./hook-guard.ts";
import { type PackageWatch, watchPackages } from "./package-watch.ts";
import type { HookContext } from "./stamping.ts";

/** What is looked at of `@opentelemetry/api`. */
export interface OtelApi {
  readonly propagation: { fields(): readonly string[] };
  readonly trace: { getTracerProvider(): unknown };
  readonly ProxyTracerProvider: new () => { getDelegate(): unknown };
}

/** The file of the package that both module systems load. */
const API_ENTRY = "@opentelemetry/api/build/src/index.js";
/** Copies of the API that are asked; they share what is registered. */
const MAX_COPIES = 8;

export const SHADOWED_REASON: string =
  "another SDK registered its propagator, which does not carry the clock. The other hooks do their work; " +
  "for transports that only OpenTelemetry reaches, give the SDK " +
  "`textMapPropagator: withRetroscope(yours)`, from retroscope/otel";
export const SDK_REFUSED_REASON: string =
  "an OpenTelemetry SDK was set up after registerPropagator, and its own propagator was refused: traces end " +
  "at this process. Leave registerPropagator out, and give the SDK `textMapPropagator: withRetroscope(yours)`";

/** Where propagators find the hook of this process, whichever copy of the package made either. */
const SLOT = Symbol.for("retroscope.otel-hook");
/** Set once `registerPropagator` took the global place. */
const REGISTERED_ALONE = Symbol.for("retroscope.otel-registered");

interface Shared {
  [SLOT]?: OtelHook | undefined;
  [REGISTERED_ALONE]?: true;
}

export class OtelHook {
  readonly context: HookContext;
  readonly #guard: HookGuard;
  readonly #isOn: (hook: HookName) => boolean;
  readonly #apis: OtelApi[] = [];
  readonly #watch: PackageWatch;
  #isUsed = false;

  /** @param isOn whether another hook does its work */
  constructor(context: HookContext, guard: HookGuard, isOn: (hook: HookName) => boolean) {
    this.context = context;
    this.#guard = guard;
    this.#isOn = isOn;
    guard.awaitPackage();
    (globalThis as Shared)[SLOT] = this;
    this.#watch = watchPackages([API_ENTRY], (_entry, exports) => this.#connect(exports));
  }

  /** Whether every HTTP request of this process passes a hook that knows whither it goes. */
  get stampsHttp(): boolean {
    return this.#isOn("http-client") && this.#isOn("fetch");
  }

  /** Whether every request that an HTTP server takes was seen by a hook. */
  get mergesHttp(): boolean {
    return this.#isOn("http-server");
  }

  /** A propagator of ours is asked to work: then it stands somewhere. @returns whether it should */
  use(): boolean {
    const { state } = this.#guard;
    if (state === "off") return false;
    this.#isUsed = true;
    if (state !== "active" && state !== "degraded") this.#guard.activate();
    return true;
  }

  /** An error of ours in a propagator. Never throws. */
  caught(error: unknown): void {
    this.#guard.caught(error);
  }

  /** Looks at what is registered, and takes the state from it. Never throws. */
  look(): void {
    if (this.#guard.state === "off") return;
    this.#watch?.look(); // undefined while the constructor looks
    const { state } = this.#guard;
    const standing = this.#isUsed ? "ours" : this.#standing();
    if (standing === "ours" && state !== "active" && state !== "degraded") this.#guard.activate();
    if (standing === "none" && state !== "absent") this.#guard.awaitPackage();
    if (standing === "theirs" && state !== "shadowed") {
      this.#guard.giveUp("shadowed", SHADOWED_REASON);
    }
    if (standing === "ours" && this.#sdkWasRefused()) this.#guard.degrade(SDK_REFUSED_REASON);
  }

  close(): void {
    const shared = globalThis as Shared;
    if (shared[SLOT] === this) delete shared[SLOT];
    this.#watch.end();
    this.#guard.close();
  }

  #connect(exports: unknown): void {
    if (this.#apis.length < MAX_COPIES) this.#apis.push(exports as OtelApi);
    this.look();
  }

  #standing(): "none" | "ours" | "theirs" {
    for (const { propagation } of this.#apis) {
      const standing = standingOf(propagation);
      if (standing !== "none") return standing;
    }
    return "none";
  }

  #sdkWasRefused(): boolean {
    if ((globalThis as Shared)[REGISTERED_ALONE] !== true) return false;
    return this.#apis.some(hasTracerProvider);
  }
}

/** The hook of this process; undefined: no agent runs, or it was told to leave OpenTelemetry alone. */
export function otelHook(): OtelHook | undefined {
  return (globalThis as Shared)[SLOT];
}

/** Notes that the global place is taken by ours alone, for agents that start later too. */
export function rememberRegistration(): void {
  (globalThis as Shared)[REGISTERED_ALONE] = true;
}

/** Whose propagator is registered: a composite that holds ours is ours. Never throws. */
export function standingOf(propagation: OtelApi["propagation"]): "none" | "ours" | "theirs" {
  try {
    const fields = propagation.fields();
    if (fields.length === 0) return "none";
    return fields.some((field) => field.toLowerCase() === CARRIER_HEADER) ? "ours" : "theirs";
  } catch {
    return "none"; // a propagator of the host's that throws, or an API not known here
  }
}

/** Whether a tracer provider was registered. Never throws. */
function hasTracerProvider({ trace, ProxyTracerProvider }: OtelApi): boolean {
  try {
    const provider = trace.getTracerProvider() as { getDelegate?: () => unknown };
    if (typeof provider.getDelegate !== "function") return true;
    return provider.getDelegate() !== new ProxyTracerProvider().getDelegate();
  } catch {
    return false;
  }
}
