/**
 * What the collector must know of a batch beside its header. One pass over the columns; the rows of
 * changes are only counted. Hot: bench `ingest`.
 */
import {
  type Batch,
  type EventBody,
  type EventRef,
  type Hlc,
  KindCode,
  MIN_HLC,
  receivingGroup,
  TICKS_PER_MS,
} from "../../agent/kernel/index.ts";
import type { SlowMessageRecord, ViolationRecord } from "../store/history-store.ts";

import { MessageTally } from "./message-tally.ts";

/**
 * A message received later than this after its send is kept apart as slow: cuts look for sends no
 * further back. The same as the cut engine's `messageTimeoutMs`; collector.ts joins them.
 */
export const DEFAULT_MESSAGE_TIMEOUT_MS = 30_000;

/** Runs of one node that one batch names as senders; more are not looked at. */
const MAX_RUNS_PER_SENDER = 64;
/** Nodes that one batch names as senders: as many as there may be runs that only messages name. */
export const MAX_SENDERS_PER_BATCH = 4_096;

/** What a batch holds of one log. */
export interface LogTouch {
  readonly log: string;
  changeCount: number;
  firstT: Hlc;
  lastT: Hlc;
}

export interface JoinFacts {
  readonly t: Hlc;
  readonly service: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly instance: string;
}

export interface BatchFacts {
  readonly logs: readonly LogTouch[];
  readonly join: JoinFacts | undefined;
  readonly leaveT: Hlc | undefined;
  readonly violations: readonly ViolationRecord[];
  readonly slowMessages: readonly SlowMessageRecord[];
  /** The runs that receives name as senders. */
  readonly senders: readonly SenderFacts[];
}

/** One run that receives of a batch name. */
export interface SenderFacts {
  readonly node: string;
  readonly epoch: number;
  /** T of the first such receive. */
  readonly firstT: Hlc;
  /** The latest sending named by a receive that came later than it; else `MIN_HLC`. */
  sentT: Hlc;
}

const NONE: readonly never[] = [];

let changesOf = new Uint32Array(1_024);
let firstOf = new Uint32Array(1_024);
let lastOf = new Uint32Array(1_024);

/** Never throws; the batch is one that `decodeBatch` let through. */
export function scanBatch(
  { header, events }: Batch,
  messageTimeoutMs: number = DEFAULT_MESSAGE_TIMEOUT_MS,
): BatchFacts {
  const slowTicks = messageTimeoutMs * TICKS_PER_MS;
  const { count, kind, ref, t, variables, bodies } = events;
  if (variables.length > changesOf.length) {
    changesOf = new Uint32Array(variables.length * 2);
    firstOf = new Uint32Array(variables.length * 2);
    lastOf = new Uint32Array(variables.length * 2);
  }
  changesOf.fill(0, 0, variables.length);
  const touches = new Map<string, LogTouch>();
  let violations: MessageTally | undefined;
  let slowMessages: MessageTally | undefined;
  let senders: Map<string, SenderFacts[]> | undefined;
  let join: JoinFacts | undefined;
  let leaveT: Hlc | undefined;
  for (let i = 0; i < count; i += 1) {
    const code = kind[i] as number;
    const index = ref[i] as number;
    if (code <= KindCode.remove) {
      if (changesOf[index] === 0) firstOf[index] = i;
      changesOf[index] = (changesOf[index] as number) + 1;
      lastOf[index] = i;
      continue;
    }
    if (code === KindCode.send || code === KindCode.request || code === KindCode.mark) continue;
    const body = bodies[index] as EventBody;
    const at = t[i] as Hlc;
    if (body.kind === "receive") {
      const { from, sentT } = body;
      if (from !== null) senders = withSender(senders, from, at, sentT);
      // A relayed stamp came through a third party: it orders time, and is no edge.
      if (from === null || sentT === null || body.relayed) continue;
      if (sentT < at && at - sentT <= slowTicks) continue;
      const receive = { node: header.node, epoch: header.epoch, seq: header.firstSeq + i };
      const group = receivingGroup(body);
      const message = {
        receiveT: at,
        sendT: sentT,
        send: refOf(from),
        receive,
        ...(group === undefined ? {} : { group }),
      };
      if (sentT >= at) {
        violations ??= new MessageTally();
        violations.add(message);
      } else {
        slowMessages ??= new MessageTally();
        slowMessages.add(message);
      }
    } else if (body.kind === "keyframe") {
      touchLog(touches, body.log, 0, at, at);
    } else if (body.kind === "join") {
      join ??= { t: at, service: body.service, tags: body.tags, instance: body.instance };
    } else if (body.kind === "leave") {
      leaveT = at;
    }
  }
  for (let v = 0; v < variables.length; v += 1) {
    const changes = changesOf[v] as number;
    if (changes === 0) continue;
    const log = (variables[v] as { readonly log: string }).log;
    touchLog(touches, log, changes, t[firstOf[v] as number] as Hlc, t[lastOf[v] as number] as Hlc);
  }
  return {
    logs: [...touches.values()],
    join,
    leaveT,
    violations: violations?.records ?? NONE,
    slowMessages: slowMessages?.records ?? NONE,
    senders: senders === undefined ? NONE : [...senders.values()].flat(),
  };
}

/** Hot: no objects for a sender known. A node has few runs that still send. */
function withSender(
  known: Map<string, SenderFacts[]> | undefined,
  { node, epoch }: EventRef,
  t: Hlc,
  sentT: Hlc | null,
): Map<string, SenderFacts[]> {
  const senders = known ?? new Map<string, SenderFacts[]>();
  const sent = sentT !== null && sentT < t ? sentT : MIN_HLC;
  const runs = senders.get(node);
  for (const one of runs ?? NONE) {
    if (one.epoch !== epoch) continue;
    if (sent > one.sentT) one.sentT = sent;
    return senders;
  }
  const facts = { node, epoch, firstT: t, sentT: sent };
  if (runs === undefined) {
    if (senders.size < MAX_SENDERS_PER_BATCH) senders.set(node, [facts]);
  } else if (runs.length < MAX_RUNS_PER_SENDER) runs.push(facts);
  return senders;
}

function refOf({ node, epoch, seq }: EventRef): EventRef {
  return { node, epoch, seq };
}

function touchLog(
  touches: Map<string, LogTouch>,
  log: string,
  changeCount: number,
  firstT: Hlc,
  lastT: Hlc,
): void {
  const touch = touches.get(log);
  if (touch === undefined) {
    touches.set(log, { log, changeCount, firstT, lastT });
    return;
  }
  touch.changeCount += changeCount;
  if (firstT < touch.firstT) touch.firstT = firstT;
  if (lastT > touch.lastT) touch.lastT = lastT;
}
