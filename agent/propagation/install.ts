/**
 * The door of this folder: puts the hooks into the process, once, and takes them out again.
 *
 * Prototypes and diagnostics channels are shared by all who import `node:http`, in both module systems,
 * whenever they did; so there is no load order to keep and no loader to install. Packages of the host's
 * are patched when it loads them.
 */
import type { HookState } from "../kernel/index.ts";
import { PeerList } from "./destinations.ts";
import { FetchHook } from "./fetch-hook.ts";
import { HookGuard, type HookName, type HookReport } from "./hook-guard.ts";
import { stampOfRequest } from "./http-client-hook.ts";
import { installHttpHooks } from "./http-hooks.ts";
import type { StampingPoint } from "./last-moment.ts";
import { OtelHook } from "./otel-hook.ts";
import type { PackageHook } from "./package-hook.ts";
import { PACKAGE_HOOKS } from "./package-hooks.ts";
import { watchPackages } from "./package-watch.ts";
import type { MessageRecorder, Stamp } from "./recorder.ts";
import { RefusedStamps } from "./refused-stamps.ts";
import { SpentStamps } from "./spent-stamps.ts";
import type { HookContext } from "./stamping.ts";

/** All hooks, in the order of the start line. */
export const HOOK_NAMES: readonly HookName[] = [
  "http-server",
  "http-client",
  "fetch",
  ...PACKAGE_HOOKS.map((hook) => hook.name),
  "otel",
];

export interface HookOptions {
  /** The agent, as hooks see it. */
  readonly recorder: MessageRecorder;
  /** Our stamps that belong to a message already, where others than hooks stamp too. */
  readonly spent?: SpentStamps;
  /** Which hooks; default: all. */
  readonly hooks?: readonly HookName[];
  /** Destinations that may see the header beside the local ones: destinations.ts has the forms. */
  readonly propagateTo?: readonly string[];
  /** Senders that are believed beside the local ones, by address. */
  readonly acceptFrom?: readonly string[];
  /** Told when a hook degrades or turns itself off. */
  readonly onReport?: HookReport;
  /** For tests and `doctor`: where heads are stamped, best first. */
  readonly stampingPoints?: readonly StampingPoint[];
}

export interface InstalledHooks {
  /** Every hook's state now; one that was not asked for is `off`. */
  states(): Readonly<Record<HookName, HookState>>;
  /** Why hooks are as they are, in words, of those for which there is more to say than the state. */
  reasons(): Readonly<Partial<Record<HookName, string>>>;
  /** Where http heads are stamped; `undefined`: nowhere. */
  readonly stampingPoint: StampingPoint | undefined;
  /**
   * Instruments a package that the watch cannot see: bundled into the service, or linked from elsewhere.
   * @param exports what `import * as` or `require` of it gives, as the hook's file says
   * @returns whether it is instrumented now; why not is in the report
   */
  instrument(name: HookName, exports: unknown): boolean;
  /** What was stamped on an outgoing request of Node's http or of undici; undefined: nothing. */
  stampOf(request: object): Stamp | undefined;
  /** Takes the hooks out. May be called twice. */
  close(): void;
}

/**
 * Packages and clients given by hand that `close` puts back as they were, the latest; a service may make a
 * client for each of its jobs. What is older stays patched, and passes calls through from then on.
 */
export const MAX_REMEMBERED_BY_HAND = 64;

/** Set while hooks stand in this process, by whichever copy of the package. */
const INSTALLED = Symbol.for("retroscope.hooks-installed");

/**
 * Installs the hooks. Only one installation per process stands at a time: a second one gets hooks that
 * are `shadowed` and do nothing, until the first is closed and it is tried again.
 *
 * @throws RetroError `bad-config` for a malformed `propagateTo` or `acceptFrom`; whatever a process throws that is
 *   not as Node makes it. Nothing is installed then
 * @example
 * const hooks = installHooks({ recorder, propagateTo: ["*.example.com"] });
 * hooks.states(); // { "http-server": "active", "http-client": "active", fetch: "active", ... }
 * hooks.close();
 */
export function installHooks(options: HookOptions): InstalledHooks {
  const context: HookContext = {
    recorder: options.recorder,
    destinations: new PeerList(options.propagateTo ?? [], "propagateTo"),
    senders: new PeerList(options.acceptFrom ?? [], "acceptFrom"),
    refused: new RefusedStamps(),
    spent: options.spent ?? new SpentStamps(),
  };
  const guards = new Map(HOOK_NAMES.map((name) => [name, new HookGuard(name, options.onReport)]));
  const names = new Set(options.hooks ?? HOOK_NAMES);
  for (const guard of guards.values()) if (!names.has(guard.name)) guard.close();
  const wanted = (name: HookName): HookGuard | undefined =>
    names.has(name) ? guards.get(name) : undefined;

  const shared = globalThis as { [INSTALLED]?: true };
  if (shared[INSTALLED] === true) {
    const reason = "hooks of another agent stand in this process";
    for (const name of names) guards.get(name)?.giveUp("shadowed", reason);
    return handle(guards, {
      ...{ close: () => undefined, instrument: () => false, stampOf: () => undefined },
    });
  }
  shared[INSTALLED] = true;
  const ends: (() => void)[] = [];
  const close = (): void => {
    for (const end of ends) end();
    delete shared[INSTALLED];
  };
  try {
    const http = installHttpHooks(
      context,
      wanted("http-server"),
      wanted("http-client"),
      options.stampingPoints,
    );
    ends.push(() => http.close());
    const fetchGuard = wanted("fetch");
    const fetch = fetchGuard && new FetchHook(context, fetchGuard);
    ends.push(() => fetch?.close());
    const packages = installPackageHooks(context, wanted);
    ends.push(() => packages.close());
    const otelGuard = wanted("otel");
    const isOn = (name: HookName): boolean => guards.get(name)?.isOn === true;
    const otel = otelGuard && new OtelHook(context, otelGuard, isOn);
    ends.push(() => otel?.close());

    return handle(guards, {
      look: () => {
        packages.look();
        otel?.look();
      },
      stampingPoint: () => http.stampingPoint,
      instrument: packages.instrument,
      stampOf: (request) => stampOfRequest(request) ?? fetch?.stampOf(request),
      close,
    });
  } catch (error) {
    close();
    throw error;
  }
}

interface InstalledPackages {
  look(): void;
  instrument(name: HookName, exports: unknown): boolean;
  close(): void;
}

function installPackageHooks(
  context: HookContext,
  wanted: (name: HookName) => HookGuard | undefined,
): InstalledPackages {
  const byEntry = new Map<string, readonly [PackageHook, HookGuard]>();
  const removals: (() => void)[] = [];
  const removalsByHand: (() => void)[] = [];
  let isOpen = true;
  for (const hook of PACKAGE_HOOKS) {
    const guard = wanted(hook.name);
    if (guard === undefined) continue;
    guard.awaitPackage();
    for (const entry of hook.entries) byEntry.set(`${hook.packageName}/${entry}`, [hook, guard]);
  }

  const watch = watchPackages([...byEntry.keys()], (entry, exports) => {
    const [hook, guard] = byEntry.get(entry) as readonly [PackageHook, HookGuard];
    install(hook, guard, exports, removals);
  });

  function install(
    hook: PackageHook,
    guard: HookGuard,
    exports: unknown,
    removed: (() => void)[],
  ): boolean {
    try {
      removed.push(hook.install(exports, context, guard));
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      guard.partFailed(`${hook.packageName} is not as expected: ${why}`);
      return false;
    }
    guard.partStands();
    return guard.isOn;
  }

  return {
    look: watch.look,
    instrument: (name, exports) => {
      const hook = PACKAGE_HOOKS.find((each) => each.name === name);
      const guard = wanted(name);
      if (!isOpen || hook === undefined || guard === undefined) return false;
      if (removalsByHand.length >= MAX_REMEMBERED_BY_HAND) removalsByHand.shift();
      return install(hook, guard, exports, removalsByHand);
    },
    close: () => {
      isOpen = false;
      watch.end();
      for (const remove of [...removals, ...removalsByHand].reverse()) {
        try {
          remove();
        } catch {
          // Frozen since. What stays patched passes calls through.
        }
      }
      for (const [, guard] of byEntry.values()) guard.close();
    },
  };
}

interface Handled extends Omit<InstalledPackages, "look"> {
  readonly stampOf: InstalledHooks["stampOf"];
  readonly stampingPoint?: () => StampingPoint | undefined;
  /** Before states are told: some are found out by looking. */
  readonly look?: () => void;
}

function handle(guards: ReadonlyMap<HookName, HookGuard>, hooks: Handled): InstalledHooks {
  let isOpen = true;
  return {
    states: () => {
      if (isOpen) hooks.look?.();
      const states = [...guards.values()].map((guard) => [guard.name, guard.state] as const);
      return Object.fromEntries(states) as Record<HookName, HookState>;
    },
    reasons: () => {
      const reasons = [...guards.values()].map((guard) => [guard.name, guard.reason] as const);
      return Object.fromEntries(reasons.filter(([, reason]) => reason !== undefined));
    },
    get stampingPoint() {
      return hooks.stampingPoint?.();
    },
    instrument: (name, exports) => hooks.instrument(name, exports),
    stampOf: (request) => hooks.stampOf(request),
    close: () => {
      if (isOpen) hooks.close();
      isOpen = false;
    },
  };
}
