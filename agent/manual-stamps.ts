/** Stamps on anything that holds headers, for transports without a hook: `agent.stamp`, `agent.merge`. */
import type { Hlc } from "./kernel/index.ts";
import { readCarrier } from "./propagation/carrier.ts";
import { type HeaderBag, readFromBag, writeToBag } from "./propagation/header-bag.ts";
import { failMessage, type HookContext, spendOwn, stampMessage } from "./propagation/stamping.ts";

/** A plain object, a `Headers`, a `Map`: names to texts, or to lists of texts. */
export type HeadersLike = HeaderBag;

const CHANNEL = "manual";

/** What is shared with the hooks: they see what was stamped by hand, and stamp what is stamped again. */
export type ManualContext = Pick<HookContext, "recorder" | "spent">;

/**
 * Records a send and writes its stamp. null: the agent is off, or there is nothing to write on. Headers
 * that refuse the stamp are the host's mistake: the send is recorded as one that did not go out stamped.
 */
export function stampHeaders({ recorder, spent }: ManualContext, headers: unknown): Hlc | null {
  if (!isBag(headers)) {
    recorder.unstamped(CHANNEL, "out");
    return null;
  }
  const present = readFromBag(headers);
  const text = typeof present === "string" ? present : present?.[0];
  const message = stampMessage(recorder, CHANNEL, null, false, text, spent, false);
  if (message === null) return null;
  if (!writeToBag(headers, message.text)) {
    failMessage(recorder, CHANNEL, message);
    recorder.unstamped(CHANNEL, "out");
  }
  return message.stamp.t;
}

/** Merges the stamp and records the arrival. null: the agent is off, or there was no stamp. */
export function mergeHeaders(context: ManualContext, headers: unknown): Hlc | null {
  const { recorder } = context;
  const values = isBag(headers) ? readFromBag(headers) : undefined;
  if (values === undefined || (Array.isArray(values) && values.length === 0)) {
    recorder.unstamped(CHANNEL, "in");
    return null;
  }
  const { stamp, malformedCount } = readCarrier(values);
  for (let i = 0; i < malformedCount; i += 1) recorder.malformed(CHANNEL);
  if (stamp === undefined) {
    recorder.unstamped(CHANNEL, "in");
    return null;
  }
  const t = recorder.receive(stamp, CHANNEL, null, false);
  spendOwn(context, stamp);
  return t;
}

/**
 * A message without headers, as some clients give it, is none. Nor is a list or the message's own bytes: to look for
 * a name in those takes as long as they are.
 */
function isBag(headers: unknown): headers is HeaderBag {
  if (typeof headers !== "object" || headers === null || ArrayBuffer.isView(headers)) return false;
  try {
    return !Array.isArray(headers);
  } catch {
    return false; // a proxy that was revoked
  }
}
