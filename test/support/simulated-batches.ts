/** What agents would ship of a simulation: events with their messages joined, and side blocks by the second. */
import {
  type Batch,
  BatchBuilder,
  type EventBody,
  encodeLoad,
  encodeResources,
  type Hlc,
  type SideBlock,
} from "../../agent/kernel/index.ts";
import type {
  Interval,
  NodeRecording,
  TracedRequest,
} from "../../collector/bottleneck/recording.ts";
import { hlcOfUs } from "../../collector/bottleneck/unix-us.ts";

const EPOCH = 1;
/** The join stands so long before the first request. */
const JOIN_BEFORE_US = 1_000_000;

interface Draft {
  readonly us: number;
  readonly make: () => EventBody;
  seq: number;
}

/** One batch a node. `leadUs`: how far all stamps are ahead of the raw clocks. */
export function batchesOf(recordings: readonly NodeRecording[], leadUs = 0): Batch[] {
  /** The send of a call, by the callee's request. */
  const sends = new Map<string, { readonly node: string; readonly draft: Draft }>();
  const drafts = new Map(recordings.map((one) => [one.node, draftsOf(one, sends, leadUs)]));
  for (const list of drafts.values()) {
    list.sort((a, b) => a.us - b.us);
    // Stamps of one node differ: as a clock would see to.
    list.forEach((draft, i) => {
      draft.seq = i + 1;
    });
  }
  return recordings.map((one) => {
    const builder = new BatchBuilder();
    let last = 0;
    for (const draft of drafts.get(one.node) ?? []) {
      last = Math.max(last + 1, hlcOfUs(draft.us + leadUs));
      builder.body(last as Hlc, draft.make());
    }
    const { node, service } = one;
    const batch = builder.build({ node, service, epoch: EPOCH, firstSeq: 1, closed: last as Hlc });
    return { ...batch, sideBlocks: sideBlocksOf(one) };
  });
}

function draftsOf(
  { node, service, requests }: NodeRecording,
  sends: Map<string, { readonly node: string; readonly draft: Draft }>,
  leadUs: number,
): Draft[] {
  const first = Math.min(...requests.map(({ startUs }) => startUs));
  const join: EventBody = { kind: "join", service, tags: {}, instance: `i-${node}` };
  const drafts: Draft[] = [{ us: first - JOIN_BEFORE_US, make: () => join, seq: 0 }];
  for (const request of requests) {
    const receive = receiveOf(node, request, sends, leadUs);
    drafts.push(receive);
    const calls = request.calls.map((call) => {
      const to = call.callee?.node ?? null;
      const draft: Draft = { us: call.startUs, make: () => sendBody(to, call.peer), seq: 0 };
      drafts.push(draft);
      sends.set(nameOf(call.callee?.node ?? "", call.callee?.arrivedUs ?? 0), { node, draft });
      return { call, draft };
    });
    const make = (): EventBody => ({
      kind: "request",
      operation: request.operation,
      residenceUs: request.endUs - request.startUs,
      outcome: "ok",
      arrived: hlcOfUs(request.startUs + leadUs),
      leadUs,
      calls: calls.map(({ call, draft }) => ({
        to: call.peer,
        startUs: call.startUs - request.startUs,
        us: call.endUs - call.startUs,
        sendSeq: draft.seq,
        leadUs,
      })),
      waits: [],
    });
    drafts.push({ us: request.endUs, make, seq: 0 });
  }
  return drafts;
}

function receiveOf(
  node: string,
  request: TracedRequest,
  sends: ReadonlyMap<string, { readonly node: string; readonly draft: Draft }>,
  leadUs: number,
): Draft {
  const make = (): EventBody => {
    const send = sends.get(nameOf(node, request.startUs));
    const from = send && { node: send.node, epoch: EPOCH, seq: send.draft.seq };
    const sentT = send === undefined ? null : hlcOfUs(send.draft.us + leadUs);
    const rest = { peer: null, id: null, unverified: false, relayed: false };
    return { kind: "receive", channel: "http", from: from ?? null, sentT, ...rest };
  };
  return { us: request.startUs, make, seq: 0 };
}

function sendBody(to: string | null, peer: string): EventBody {
  const rest = { id: null, replaces: null, failed: false, streamed: false };
  return { kind: "send", channel: "http", to, peer, ...rest };
}

function nameOf(node: string, arrivedUs: number): string {
  return `${arrivedUs} ${node}`;
}

function sideBlocksOf({ load, gaps, gc, signals }: NodeRecording): SideBlock[] {
  return load.flatMap(({ second, cells }): SideBlock[] => {
    const startUs = second * 1e6;
    const isIn = (us: number): boolean => us >= startUs && us < startUs + 1e6;
    const placed = (one: Interval) => {
      return { startUs: one.startUs - startUs, lengthUs: one.endUs - one.startUs };
    };
    const resources = encodeResources({
      gaps: gaps.filter((gap) => isIn(gap.startUs)).map(placed),
      gc: gc
        .filter((pause) => isIn(pause.startUs))
        .map((pause) => ({ ...placed(pause), kind: pause.kind, heapBytes: pause.heapBytes })),
      signals: [...signals].map(([name, { atUs, values }]) => {
        const mine = atUs.flatMap((at, i) => (isIn(at) ? [[at - startUs, values[i] ?? 0]] : []));
        return {
          name,
          atUs: mine.map(([at = 0]) => at),
          values: mine.map(([, value = 0]) => value),
        };
      }),
      unavailable: [],
      waits: [],
    });
    return [
      { stream: "load", second, part: 0, bytes: encodeLoad(cells) },
      { stream: "resource", second, part: 0, bytes: resources },
    ];
  });
}
