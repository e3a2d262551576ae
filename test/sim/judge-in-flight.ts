/**
 * Messages in flight, where the answer says that it names them all: sent by T, and not received by T, or
 * never received and younger than the time-out. A receive that no acknowledgement tells of may have been
 * unknown when the answer was made, and one with a forged stamp tells nothing of when its message was sent:
 * then a message that is old by T may be in it or not.
 */
import type { Cut, Selection } from "../../collector/cut/history.ts";
import { at, type Judge } from "./judge.ts";
import type { Message, Receive } from "./ledger.ts";

type Verdict = "in" | "out" | "either";

export function judgeInFlight(judge: Judge, cut: Cut, selection: Selection): void {
  const found = new Set(cut.inFlight.map(({ id }) => id));
  for (const id of found) {
    const message = judge.ledger.messageById.get(id);
    // Two processes of one epoch give the same ids: the ledger finds the later message only.
    if (message?.epoch.isDouble === true) continue;
    if (message === undefined || message.t > cut.at) {
      judge.fail("in flight, but never sent by then", `${id} ${at(cut)}`);
    }
  }
  if (!cut.complete || !cut.inFlightComplete || selection.nodes !== undefined) return;
  judge.counts.add("messages in flight compared");
  for (const message of judge.ledger.messages) {
    const verdict = verdictOf(judge, message, cut.at);
    const isIn = found.has(message.id);
    if (verdict === "either" || isIn === (verdict === "in")) continue;
    const what = isIn ? "in flight, but was not" : "not in flight, but was";
    judge.fail(what, `${message.id} sent ${message.t}, ${receivesOf(message)} ${at(cut)}`);
    return;
  }
}

function verdictOf(judge: Judge, message: Message, t: number): Verdict {
  if (message.t > t) return "out";
  const { epoch } = message;
  // A send that nobody told of, or of a run that was over by then on paper.
  if (!epoch.isAcked(message.seq) || judge.activeAt(epoch.node, message.t) !== epoch) {
    return "either";
  }
  const timeout = judge.scenario.messageTimeoutMs * 4096;
  const age = t - message.t;
  const isTold = ({ epoch: one, seq, isForged }: Receive) => one.isAcked(seq) && isForged !== true;
  const told = message.receives.filter(isTold);
  const untold = message.receives.filter((one) => !isTold(one));
  if (told.some((one) => one.t <= t)) return "out";
  if (untold.some((one) => one.t <= t)) return "either";
  if (told.length > 0) return "in";
  if (untold.length > 0 && age >= timeout) return "either";
  return age < timeout ? "in" : "out";
}

function receivesOf({ receives }: Message): string {
  if (receives.length === 0) return "never received";
  return `received ${receives.map((one) => one.t).join(", ")}`;
}
