/** Messages on their way, as the parts that find them tell of them (in-flight.ts, slow-messages.ts). */
import { type EventRef, messageId } from "../../agent/kernel/index.ts";
import type { InFlightMessage } from "./answers.ts";

/** A message in flight, and when its next receiver has it; Infinity: nobody is known to. */
export interface Underway {
  readonly message: InFlightMessage;
  readonly until: number;
}

/** One send as one consumer group receives it. No text that is a message's id has a line break in front. */
export function groupKey(send: EventRef, group: string | undefined): string {
  return `\n${group ?? ""}\n${messageId(send)}`;
}
