/**
 * The last moment at which the head of an HTTP/1 message can still be changed, for requests and
 * replies alike.
 *
 * Node keeps the finished head as text (`_header`) and glues it to the first piece of the body in
 * `OutgoingMessage.prototype._send`, which every way of sending goes through: `end`, `write`,
 * `flushHeaders`, `pipe`, heads given as arrays, `Expect: 100-continue`. There we add our line. So a
 * head written early (`writeHead`, then work, then `end`) gets its stamp late, and no header object of
 * the host is touched.
 *
 *     point            when                          misses
 *     _send            head and first bytes leave    nothing that was seen
 *     _storeHeader     head is serialised            Expect: 100-continue; stamp older than the body
 *     _implicitHeader  head is serialised, unasked   array heads, Expect, explicit writeHead
 *
 * Agents for forward proxies (http-proxy-agent) make the head anew once they have a socket, and put it in the
 * place of the one that waits: `_storeHeader` tells of that too.
 *
 * Whichever is there and is seen to work is used; `next` goes on to the one below.
 */
import { ClientRequest, OutgoingMessage, ServerResponse } from "node:http";

/** A message whose head is finished. The fields that begin with `_` are Node's own. */
export interface OutgoingHead extends OutgoingMessage {
  _header?: string | null;
  _headerSent?: boolean;
  _contentLength?: number | null;
  _hasBody?: boolean;
}

export type StampingPoint = "_send" | "_storeHeader" | "_implicitHeader";

/** Best first. */
export const STAMPING_POINTS: readonly StampingPoint[] = [
  "_send",
  "_storeHeader",
  "_implicitHeader",
];

/**
 * Called with a message whose `_header` stands and has not left, and with what leaves right behind it, as Node hands it
 * to `_send`. At the lower points that is not known. Must not throw.
 */
export type OnHead = (
  message: OutgoingHead,
  first?: unknown,
  encoding?: unknown,
  byteLength?: unknown,
) => void;

type Method = (this: OutgoingHead, ...args: unknown[]) => unknown;

/** Marks our wrappers, in this copy of the package and in others. */
const OURS = Symbol.for("retroscope.hook");

interface Patch {
  readonly holder: Record<string, unknown>;
  readonly method: string;
  readonly original: Method;
  readonly wrapper: Method;
}

export class LastMoment {
  readonly #onHead: OnHead;
  readonly #onRemade: (message: OutgoingHead) => void;
  readonly #points: StampingPoint[];
  #patches: readonly Patch[] = [];
  #point: StampingPoint | undefined;
  #isOpen = true;

  /**
   * @param onRemade called with one whose `_header` was made anew after that, by whoever waits for a socket
   *   and replaces what waits to be sent. Must not throw.
   * @param points for tests: which to try, in this order
   */
  constructor(
    onHead: OnHead,
    onRemade: (message: OutgoingHead) => void,
    points: readonly StampingPoint[] = STAMPING_POINTS,
  ) {
    this.#onHead = onHead;
    this.#onRemade = onRemade;
    this.#points = [...points];
    this.next();
  }

  /** What is in use; `undefined`: nothing works here. */
  get point(): StampingPoint | undefined {
    return this.#point;
  }

  /** Takes the present point out and puts the next one in, if there is any. */
  next(): void {
    this.#takeOut();
    this.#point = undefined;
    for (let point = this.#points.shift(); point !== undefined; point = this.#points.shift()) {
      const patches = holdersOf(point).map((holder) => this.#patch(holder, point));
      this.#patches = patches.filter((patch) => patch !== undefined);
      if (this.#patches.length === patches.length) {
        this.#point = point;
        if (point === "_send") this.#watchRemaking();
        return;
      }
      this.#takeOut();
    }
  }

  /** Restores what was patched. */
  close(): void {
    this.#isOpen = false;
    this.#takeOut();
    this.#point = undefined;
  }

  #patch(holder: Record<string, unknown>, point: StampingPoint): Patch | undefined {
    const original = holder[point];
    if (typeof original !== "function" || OURS in original) return undefined;
    const self = this;
    const call = original as Method;
    const wrapper: Method =
      point === "_send"
        ? // As many arguments as Node gives: a list would be made at each call until V8 has compiled this.
          function (this: OutgoingHead, data, encoding, callback, byteLength, ...more): unknown {
            if (this._headerSent !== true) self.#see(this, data, encoding, byteLength);
            return more.length === 0
              ? call.call(this, data, encoding, callback, byteLength)
              : call.call(this, data, encoding, callback, byteLength, ...more);
          }
        : function (this: OutgoingHead, ...args: unknown[]): unknown {
            const isRemade = this._headerSent === true; // making it sets that back
            const result = call.apply(this, args);
            if (isRemade) self.#seeAgain(this);
            else if (self.#point !== "_send" && this._headerSent !== true) self.#see(this);
            return result;
          };
    Object.defineProperty(wrapper, OURS, { value: true });
    Object.defineProperty(wrapper, "name", { value: point });
    try {
      holder[point] = wrapper;
    } catch {
      return undefined; // fixed, by whoever hardens the process
    }
    return { holder, method: point, original: call, wrapper };
  }

  #watchRemaking(): void {
    const holder = OutgoingMessage.prototype as unknown as Record<string, unknown>;
    const patch = this.#patch(holder, "_storeHeader");
    if (patch !== undefined) this.#patches = [...this.#patches, patch];
  }

  #see(message: OutgoingHead, first?: unknown, encoding?: unknown, byteLength?: unknown): void {
    if (this.#isOpen && typeof message._header === "string") {
      this.#onHead(message, first, encoding, byteLength);
    }
  }

  #seeAgain(message: OutgoingHead): void {
    if (this.#isOpen && typeof message._header === "string") this.#onRemade(message);
  }

  #takeOut(): void {
    for (const { holder, method, original, wrapper } of this.#patches) {
      // Somebody who wrapped ours keeps it; it passes calls through from now on.
      try {
        if (holder[method] === wrapper) holder[method] = original;
      } catch {
        // Fixed since: it passes calls through too.
      }
    }
    this.#patches = [];
  }
}

function holdersOf(point: StampingPoint): readonly Record<string, unknown>[] {
  const holders =
    point === "_implicitHeader"
      ? [ClientRequest.prototype, ServerResponse.prototype]
      : [OutgoingMessage.prototype];
  return holders as unknown as readonly Record<string, unknown>[];
}
