/**
 * Events: everything that an agent records. These are the nouns of the whole house.
 *
 * An event is identified by (node, epoch, seq). Within an epoch seq counts from 1 without holes, and
 * seq order is time order. Events of one commit share a timestamp and follow each other directly.
 * Between nodes order is by t, then node id, then epoch, then seq (`compareEvents`).
 *
 * This is the row form, for reading and for tests. On hot paths the same events travel in columns
 * (batch.ts).
 */
import type { Hlc } from "./hlc.ts";
import type { Json, Value } from "./value.ts";

/** One run of a node. `epoch` is milliseconds since 2020, or higher; imports may use any safe integer >= 0. */
export interface EpochRef {
  readonly node: string;
  readonly epoch: number;
}

/** Names one event for good. */
export interface EventRef extends EpochRef {
  readonly seq: number;
}

interface EventBase {
  /** From 1, without holes within an epoch. */
  readonly seq: number;
  readonly t: Hlc;
}

/** A variable got a value. `cutShort`: the value was too large, hostile or secret, and is marked so. */
export interface SetEvent extends EventBase {
  readonly kind: "set";
  readonly log: string;
  readonly key: string;
  readonly value: Value;
  readonly cutShort?: true;
}

/** A variable went away. */
export interface DeleteEvent extends EventBase {
  readonly kind: "delete";
  readonly log: string;
  readonly key: string;
}

/** A value entered or left a set; the set itself need not have existed. */
export interface MemberEvent extends EventBase {
  readonly kind: "add" | "remove";
  readonly log: string;
  readonly key: string;
  readonly value: Json;
  readonly cutShort?: true;
}

/** How a message travelled: `"http"`, `"fetch"`, `"manual"`, `"import"`, later `"kafka"` and others. */
export type Channel = string;

/**
 * A message left. `replaces` names an earlier send of this epoch that this one stands for (a header
 * stamped anew), so that one message never makes two edges. With `failed` the message is known not
 * to have gone out: the event says so about `replaces`, or about itself.
 */
export interface SendEvent extends EventBase {
  readonly kind: "send";
  readonly channel: Channel;
  /** Receiver's node id where known, else null. */
  readonly to: string | null;
  /** Receiver's address as the sender saw it (`127.0.0.1:8080`), else null. */
  readonly peer: string | null;
  /** A foreign message id (imports); our own messages are named by (node, epoch, seq). */
  readonly id: string | null;
  readonly replaces: number | null;
  readonly failed: boolean;
  /** Chunks after the head are not covered by the stamp. */
  readonly streamed: boolean;
}

/**
 * A message arrived. `from` names the send, `sentT` is the stamp it carried: both null where the
 * message carried none (an unstamped channel). `unverified`: the stamp was beyond the gate and was
 * not merged. `relayed`: it came through a third party; merged for time, no edge.
 */
export interface ReceiveEvent extends EventBase {
  readonly kind: "receive";
  readonly channel: Channel;
  readonly from: EventRef | null;
  readonly sentT: Hlc | null;
  readonly peer: string | null;
  readonly id: string | null;
  readonly unverified: boolean;
  readonly relayed: boolean;
}

/**
 * One downstream call of a request; times in microseconds from the request's arrival. What is absent was
 * not recorded (imports, older agents), or is not known.
 */
export interface DownstreamCall {
  /** The callee's address as the caller saw it, or its node. */
  readonly to: string;
  /** When it was sent (DS): a connection was at hand. */
  readonly startUs: number;
  /** From then to the end of the response (DR). */
  readonly us: number;
  /** What was asked: `GET`, never an address. */
  readonly operation?: string;
  /** The `send` event of this call, in the same epoch. */
  readonly sendSeq?: number;
  /** At the send: HLC minus raw physical clock, in microseconds. */
  readonly leadUs?: number;
  /** When the response began, from the request's arrival. */
  readonly firstByteUs?: number;
  /** `ok`, `error`, `aborted`. */
  readonly outcome?: string;
}

/** One wait of a request for a pool or a lock; times in microseconds from the request's arrival. */
export interface RequestWait {
  /** The pool or lock, by the name it was given. */
  readonly to: string;
  readonly startUs: number;
  readonly us: number;
  readonly kind?: "pool" | "lock";
  /** The service that the pool leads to. */
  readonly downstream?: string;
}

/** One handled request, recorded at its departure. Durations come from the monotonic clock. */
export interface RequestEvent extends EventBase {
  readonly kind: "request";
  readonly operation: string;
  readonly residenceUs: number;
  readonly outcome: string;
  readonly calls: readonly DownstreamCall[];
  readonly waits: readonly RequestWait[];
  /** At arrival; absent where it was not recorded, as are the next two. */
  readonly arrived?: Hlc;
  /** At arrival: HLC minus raw physical clock, in microseconds. */
  readonly leadUs?: number;
  /** Made of an OpenTelemetry span. */
  readonly derived?: true;
}

/** A note by the user. */
export interface MarkEvent extends EventBase {
  readonly kind: "mark";
  readonly text: string;
}

/** The full state of one log at t. Any reader may start here. */
export interface KeyframeEvent extends EventBase {
  readonly kind: "keyframe";
  readonly log: string;
  readonly state: ReadonlyMap<string, Value>;
}

/** First event of an epoch. `instance` is random per start and tells two live twins apart. */
export interface JoinEvent extends EventBase {
  readonly kind: "join";
  readonly service: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly instance: string;
}

/** Last event of an epoch: a goodbye. */
export interface LeaveEvent extends EventBase {
  readonly kind: "leave";
}

export type ChangeEvent = SetEvent | DeleteEvent | MemberEvent;
export type MessageEvent = SendEvent | ReceiveEvent;
/** One recorded event, whatever its kind. */
export type RetroEvent =
  | ChangeEvent
  | MessageEvent
  | RequestEvent
  | MarkEvent
  | KeyframeEvent
  | JoinEvent
  | LeaveEvent;

export type EventKind = RetroEvent["kind"];

/** Kinds by their code on the wire and in columns. Codes are for good; append only. */
export const EVENT_KINDS: readonly EventKind[] = [
  "set",
  "delete",
  "add",
  "remove",
  "send",
  "receive",
  "request",
  "mark",
  "keyframe",
  "join",
  "leave",
];

/** Columns hold kinds as these codes: `KindCode.set === 0`. */
export const KindCode: { readonly [kind in EventKind]: number } = Object.freeze({
  set: 0,
  delete: 1,
  add: 2,
  remove: 3,
  send: 4,
  receive: 5,
  request: 6,
  mark: 7,
  keyframe: 8,
  join: 9,
  leave: 10,
});

/** Whether an event of that code changes a variable. */
export function isChangeCode(code: number): boolean {
  return code <= 3;
}

/** The id of one of our own messages: `node/epoch/seq` of its send. */
export function messageId(send: EventRef): string {
  return `${send.node}/${send.epoch}/${send.seq}`;
}

/** The channel of messages that a broker hands to each consumer group for itself. */
const GROUPED_CHANNEL = "kafka";

/**
 * On whose behalf a message was received. Every consumer group receives a message for itself, so its
 * receive says nothing of other groups: `kafka:orders@billing`. Of other channels, and of hand-written
 * lines without `peer`, all receives count as one: undefined.
 */
export function receivingGroup(
  receive: Pick<ReceiveEvent, "channel" | "peer">,
): string | undefined {
  return receive.channel === GROUPED_CHANNEL ? (receive.peer ?? undefined) : undefined;
}

/** Node ids that agents may use; imported history may name its nodes with any text up to 256 bytes. */
export const AGENT_NODE_ID: RegExp = /^[A-Za-z0-9._:@-]{1,80}$/;
export const MAX_NODE_ID_BYTES = 256;
