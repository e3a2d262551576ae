/**
 * Waits for pools and locks: by hand (`agent.wait`), and of pools known by their shape:
 *
 *     generic-pool, tarn (knex)    acquire()             a promise, or an object with one as `promise`
 *     pg                           connect([callback])   which its own `query` goes through
 *     mysql, mysql2                getConnection([callback])
 *
 * undici's pools, and so `fetch`, need none of this: http-timing.ts sees from their channels when a call was made and
 * when it got a connection.
 *
 * The host's own values, errors and order pass unchanged. Where something is not as expected, nothing is timed.
 */
import type { OpenWait, RequestTimer } from "./request-timer.ts";

/** What a wait is for. */
export interface WaitOptions {
  /** The service that the pool leads to. With it the wait is a pool's, and no time of this service's own. */
  readonly downstream?: string;
  /** Default: `pool` if it leads downstream, else `lock`. */
  readonly kind?: "pool" | "lock";
}

type Method = (this: unknown, ...args: unknown[]) => unknown;

/** What a pool's way in may be called, the most telling first. */
const WAYS_IN = ["acquire", "getConnection", "connect"] as const;

/** Runs `work` and times it, to the end of its promise if it gives one. Returns, throws and rejects as it does. */
export function timeWait<T>(
  timer: RequestTimer,
  name: string,
  work: () => T,
  options: WaitOptions,
  onError: (error: unknown) => void,
): T {
  const wait = begun(timer, name, options, onError);
  if (wait === undefined) return work();
  const end = (): void => ended(timer, wait, onError);
  let result: T;
  try {
    result = work();
  } catch (error) {
    end();
    throw error;
  }
  return settled(result, end) as T;
}

/**
 * Wraps a pool's way in, on the object itself.
 * @returns puts back what was there; undefined: it has none that is known, or cannot be changed
 */
export function watchPool(
  timer: RequestTimer,
  name: string,
  pool: unknown,
  options: WaitOptions,
  onError: (error: unknown) => void,
): (() => void) | undefined {
  const holder = pool as Record<string, unknown> | null;
  if (holder === null || typeof holder !== "object") return undefined;
  try {
    const method = WAYS_IN.find((way) => typeof holder[way] === "function");
    if (method === undefined) return undefined;
    const original = holder[method] as Method;
    const wasOwn = Object.hasOwn(holder, method);
    const wrapper: Method = function (...args) {
      const wait = begun(timer, name, { kind: "pool", ...options }, onError);
      if (wait === undefined) return original.apply(this, args);
      const end = (): void => ended(timer, wait, onError);
      try {
        return settled(original.apply(this, withEnd(args, end)), end, args);
      } catch (error) {
        end();
        throw error;
      }
    };
    holder[method] = wrapper;
    return () => {
      if (holder[method] !== wrapper) return; // somebody wrapped it after us, and calls us
      if (wasOwn) holder[method] = original;
      else delete holder[method];
    };
  } catch (error) {
    onError(error); // frozen, or a Proxy that refuses
    return undefined;
  }
}

/** A callback, which stands last, is called as ever, and ends the wait before. */
function withEnd(args: unknown[], end: () => void): unknown[] {
  const callback = args.at(-1);
  if (typeof callback !== "function") return args;
  const told = function (this: unknown, ...results: unknown[]): unknown {
    end();
    return (callback as Method).apply(this, results);
  };
  return [...args.slice(0, -1), told];
}

/** The result as the caller is to get it, and `end` called once it is settled. */
function settled(result: unknown, end: () => void, args: readonly unknown[] = []): unknown {
  if (typeof args.at(-1) === "function") return result; // the callback ends it
  if (isPromise(result)) {
    // Ours is handed on, so that a rejection that nobody handles is still nobody's.
    return result.then(
      (value) => {
        end();
        return value;
      },
      (error: unknown) => {
        end();
        throw error;
      },
    );
  }
  const inner = (result as { readonly promise?: unknown } | null | undefined)?.promise;
  if (isPromise(inner)) inner.then(end, end);
  else end();
  return result;
}

function isPromise(value: unknown): value is Promise<unknown> {
  return typeof (value as { readonly then?: unknown } | null | undefined)?.then === "function";
}

function begun(
  timer: RequestTimer,
  name: string,
  { downstream, kind }: WaitOptions,
  onError: (error: unknown) => void,
): OpenWait | undefined {
  try {
    const request = timer.caller();
    const wait = { name, kind: kind ?? (downstream === undefined ? "lock" : "pool"), downstream };
    return timer.waitStarted(wait, request);
  } catch (error) {
    onError(error);
    return undefined;
  }
}

function ended(timer: RequestTimer, wait: OpenWait, onError: (error: unknown) => void): void {
  try {
    timer.waitEnded(wait);
  } catch (error) {
    onError(error);
  }
}
