/**
 * The two hooks on HTTP/1 together: server and client share the point at which heads are stamped, and
 * find out together whether it works on this Node.
 */
import { ClientRequest } from "node:http";
import type { HookGuard } from "./hook-guard.ts";
import { HttpClientHook } from "./http-client-hook.ts";
import { HttpServerHook } from "./http-server-hook.ts";
import { LastMoment, type OutgoingHead, type StampingPoint } from "./last-moment.ts";
import type { HookContext } from "./stamping.ts";

/** So many heads in a row must leave unseen before a stamping point is given up. */
const MISSES_BEFORE_NEXT_POINT = 3;

export interface HttpHooks {
  /** Where http heads are stamped; `undefined`: nowhere. */
  readonly stampingPoint: StampingPoint | undefined;
  close(): void;
}

/** @param serverGuard,clientGuard `undefined`: that hook is not wanted */
export function installHttpHooks(
  context: HookContext,
  serverGuard: HookGuard | undefined,
  clientGuard: HookGuard | undefined,
  stampingPoints: readonly StampingPoint[] | undefined,
): HttpHooks {
  const calls = { seenCount: 0, missedCount: 0 };
  const replies = { seenCount: 0, missedCount: 0 };
  const server = serverGuard && new HttpServerHook(context, serverGuard, () => onMissed(replies));
  const client = clientGuard && new HttpClientHook(context, clientGuard, () => onMissed(calls));
  const lastMoment =
    server || client ? new LastMoment(onHead, onRemade, stampingPoints) : undefined;
  judgePoint();

  function onHead(
    message: OutgoingHead,
    first?: unknown,
    encoding?: unknown,
    byteLength?: unknown,
  ): void {
    if (message instanceof ClientRequest) {
      calls.seenCount += 1;
      client?.stampRequest(message, first, encoding, byteLength);
    } else {
      replies.seenCount += 1;
      server?.stampReply(message, first, encoding, byteLength);
    }
  }

  function onRemade(message: OutgoingHead): void {
    if (message instanceof ClientRequest) client?.restampRequest(message);
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
    const point = lastMoment?.point;
    if (lastMoment === undefined || point === "_send") return;
    if (point !== undefined) {
      for (const guard of [serverGuard, clientGuard])
        guard?.degrade(`heads are stamped in ${point}`);
      return;
    }
    serverGuard?.degrade("replies cannot be stamped");
    if (clientGuard?.isOn) clientGuard.giveUp("unavailable", "requests cannot be stamped");
  }

  return {
    get stampingPoint() {
      return lastMoment?.point;
    },
    close: () => {
      server?.close();
      client?.close();
      lastMoment?.close();
    },
  };
}
