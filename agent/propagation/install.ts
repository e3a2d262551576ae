/**
 * The door of this folder: puts the hooks into the process, once, and takes them out again.
 *
 * Prototypes and diagnostics channels are shared by all who import `node:http`, in both module systems,
 * whenever they did; so there is no load order to keep and no loader to install.
 */
import { ClientRequest } from "node:http";
import type { HookState } from "../kernel/index.ts";
import { PeerList } from "./destinations.ts";
import { FetchHook } from "./fetch-hook.ts";
import { HookGuard, type HookName, type HookReport } from "./hook-guard.ts";
import { HttpClientHook } from "./http-client-hook.ts";
import { HttpServerHook } from "./http-server-hook.ts";
import { LastMoment, type OutgoingHead, type StampingPoint } from "./last-moment.ts";
import type { MessageRecorder } from "./recorder.ts";
import type { HookContext } from "./stamping.ts";

/** All hooks, in the order of the start line. */
export const HOOK_NAMES: readonly HookName[] = ["http-server", "http-client", "fetch"];

export interface HookOptions {
  /** The agent, as hooks see it. */
  readonly recorder: MessageRecorder;
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
  /** Where http heads are stamped; `undefined`: nowhere. */
  readonly stampingPoint: StampingPoint | undefined;
  /** Takes the hooks out. May be called twice. */
  close(): void;
}

/** So many heads in a row must leave unseen before a stamping point is given up. */
const MISSES_BEFORE_NEXT_POINT = 3;

/** Set while hooks stand in this process, by whichever copy of the package. */
const INSTALLED = Symbol.for("retroscope.hooks-installed");

/**
 * Installs the hooks. Only one installation per process stands at a time: a second one gets hooks that
 * are `shadowed` and do nothing, until the first is closed and it is tried again.
 *
 * @throws RetroError `bad-config` for a malformed `propagateTo` or `acceptFrom`; nothing is installed
 * @example
 * const hooks = installHooks({ recorder, propagateTo: ["*.example.com"] });
 * hooks.states(); // { "http-server": "active", "http-client": "active", fetch: "active" }
 * hooks.close();
 */
export function installHooks(options: HookOptions): InstalledHooks {
  const context: HookContext = {
    recorder: options.recorder,
    destinations: new PeerList(options.propagateTo ?? [], "propagateTo"),
    senders: new PeerList(options.acceptFrom ?? [], "acceptFrom"),
  };
  const wanted = new Set(options.hooks ?? HOOK_NAMES);
  const guards = HOOK_NAMES.map((name) => new HookGuard(name, options.onReport));
  const [serverGuard, clientGuard, fetchGuard] = guards as [HookGuard, HookGuard, HookGuard];
  for (const guard of guards) if (!wanted.has(guard.name)) guard.close();

  const shared = globalThis as { [INSTALLED]?: true };
  if (shared[INSTALLED] === true) {
    const reason = "hooks of another agent stand in this process";
    for (const guard of guards) if (wanted.has(guard.name)) guard.giveUp("shadowed", reason);
    return handle(guards, () => undefined, undefined);
  }
  shared[INSTALLED] = true;

  const calls = { seenCount: 0, missedCount: 0 };
  const replies = { seenCount: 0, missedCount: 0 };
  const server = wanted.has("http-server")
    ? new HttpServerHook(context, serverGuard, () => onMissed(replies))
    : undefined;
  const client = wanted.has("http-client")
    ? new HttpClientHook(context, clientGuard, () => onMissed(calls))
    : undefined;
  const fetch = wanted.has("fetch") ? new FetchHook(context, fetchGuard) : undefined;
  const lastMoment =
    server === undefined && client === undefined
      ? undefined
      : new LastMoment(onHead, options.stampingPoints);
  judgePoint();

  function onHead(message: OutgoingHead): void {
    if (message instanceof ClientRequest) {
      calls.seenCount += 1;
      client?.stampRequest(message);
    } else {
      replies.seenCount += 1;
      server?.stampReply(message);
    }
  }

  /**
   * A head left unseen. If none of its kind was ever seen, this Node does not do what we rely on, and
   * the next way is tried. One or two may have left before we came; a lower point is known to miss some.
   */
  function onMissed(kind: { seenCount: number; missedCount: number }): void {
    kind.missedCount += 1;
    if (kind.seenCount > 0 || kind.missedCount < MISSES_BEFORE_NEXT_POINT) return;
    for (const each of [calls, replies]) each.seenCount = each.missedCount = 0;
    lastMoment?.next();
    judgePoint();
  }

  function judgePoint(): void {
    if (lastMoment === undefined || lastMoment.point === "_send") return;
    for (const guard of [serverGuard, clientGuard]) {
      if (lastMoment.point !== undefined) guard.degrade(`heads are stamped in ${lastMoment.point}`);
      else if (guard === serverGuard) guard.degrade("replies cannot be stamped");
      else if (guard.isOn) guard.giveUp("unavailable", "requests cannot be stamped");
    }
  }

  function close(): void {
    server?.close();
    client?.close();
    fetch?.close();
    lastMoment?.close();
    delete shared[INSTALLED];
  }
  return handle(guards, close, lastMoment);
}

function handle(
  guards: readonly HookGuard[],
  close: () => void,
  lastMoment: LastMoment | undefined,
): InstalledHooks {
  let isOpen = true;
  return {
    states: () => {
      const states = guards.map((guard) => [guard.name, guard.state] as const);
      return Object.fromEntries(states) as Record<HookName, HookState>;
    },
    get stampingPoint() {
      return lastMoment?.point;
    },
    close: () => {
      if (isOpen) close();
      isOpen = false;
    },
  };
}
