/**
 * Joins calls to the requests they became on the other side. A call names its `send`; the receive that names
 * the same send has the time at which the callee's request arrived. What has not come yet is looked for again,
 * and given up when it is old.
 */
import {
  type EventRef,
  type Hlc,
  type ReceiveEvent,
  type RequestEvent,
  TICKS_PER_MS,
} from "../../agent/kernel/index.ts";
import type { Work } from "../cut/turns.ts";
import type { TracedCall, TracedRequest } from "./recording.ts";
import { TICKS_PER_US, usOf } from "./unix-us.ts";

/** A request's arrival is read from the clock next to its receive: no further apart than this. */
const NEAR_TICKS = 2 * TICKS_PER_MS;

/** Receives whose call has not come yet: beyond, the oldest are forgotten, and their calls stay without a callee. */
const MAX_RECEIVES = 300_000;
/** Calls joined before one may pause. */
const CALLS_PER_STEP = 2_000;

type Callee = NonNullable<TracedCall["callee"]>;
type OpenCall = TracedCall & { callee: Callee | null };

/** A call whose callee is looked for, by its send. */
interface WantedCall {
  readonly call: OpenCall;
  readonly send: string;
}

interface Arrived extends Callee {
  readonly t: Hlc;
}

export class CallJoiner {
  readonly #receives = new Map<string, { readonly node: string; readonly t: Hlc }>();
  /** By node, in order of arrival as far as they came so. */
  readonly #arrived = new Map<string, Arrived[]>();
  readonly #isSorted = new Set<string>();
  #open: WantedCall[] = [];

  addReceive(node: string, { from, t }: ReceiveEvent & { readonly t: Hlc }): void {
    if (from === null) return;
    this.#receives.set(nameOf(from), { node, t });
    for (const oldest of this.#receives.keys()) {
      if (this.#receives.size <= MAX_RECEIVES) break;
      this.#receives.delete(oldest);
    }
  }

  addRequest(node: string, epoch: number, event: RequestEvent): TracedRequest {
    const { residenceUs, operation, t, leadUs = 0 } = event;
    const arrived = event.arrived ?? ((t - residenceUs * TICKS_PER_US) as Hlc);
    const startUs = usOf(arrived) - leadUs;
    const calls = event.calls.map((one): OpenCall => {
      const call: OpenCall = {
        peer: one.to,
        startUs: startUs + one.startUs,
        endUs: startUs + one.startUs + one.us,
        callee: null,
      };
      if (one.sendSeq !== undefined) {
        this.#open.push({ call, send: nameOf({ node, epoch, seq: one.sendSeq }) });
      }
      return call;
    });
    const waits = event.waits.map((wait) => ({
      name: wait.to,
      kind: wait.kind ?? ("pool" as const),
      downstream: wait.downstream ?? null,
      startUs: startUs + wait.startUs,
      endUs: startUs + wait.startUs + wait.us,
    }));
    const list = this.#arrived.get(node) ?? [];
    this.#arrived.set(node, list);
    this.#isSorted.delete(node);
    list.push({ node, t: arrived, arrivedUs: startUs, residenceUs });
    return { operation, leadUs, startUs, endUs: startUs + residenceUs, calls, waits };
  }

  /** Joins what can be joined by now. */
  *join(): Work<void> {
    const left: WantedCall[] = [];
    for (const [i, one] of this.#open.entries()) {
      if (!this.#isJoined(one)) left.push(one);
      if (i % CALLS_PER_STEP === CALLS_PER_STEP - 1) yield;
    }
    this.#open = left;
  }

  #isJoined({ call, send }: WantedCall): boolean {
    const receive = this.#receives.get(send);
    const callee = receive && this.#nearest(receive.node, receive.t);
    if (callee === undefined) return false;
    const { node, arrivedUs, residenceUs } = callee;
    call.callee = { node, arrivedUs, residenceUs };
    this.#receives.delete(send);
    return true;
  }

  dropBefore(us: number): void {
    this.#open = this.#open.filter(({ call }) => call.endUs > us);
    for (const [send, { t }] of this.#receives) if (usOf(t) <= us) this.#receives.delete(send);
    for (const [node, list] of this.#arrived) {
      const kept = list.filter((one) => one.arrivedUs + one.residenceUs > us);
      if (kept.length > 0) this.#arrived.set(node, kept);
      else this.#arrived.delete(node);
    }
  }

  #nearest(node: string, t: number): Arrived | undefined {
    const list = this.#arrived.get(node);
    if (list === undefined) return undefined;
    if (!this.#isSorted.has(node)) {
      list.sort((a, b) => a.t - b.t);
      this.#isSorted.add(node);
    }
    let low = 0;
    let high = list.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((list[middle] as Arrived).t < t) low = middle + 1;
      else high = middle;
    }
    const found = [list[low - 1], list[low]]
      .filter((one) => one !== undefined)
      .filter((one) => Math.abs(one.t - t) <= NEAR_TICKS)
      .sort((a, b) => Math.abs(a.t - t) - Math.abs(b.t - t));
    return found[0];
  }
}

function nameOf({ node, epoch, seq }: EventRef): string {
  return `${epoch}/${seq}/${node}`;
}
