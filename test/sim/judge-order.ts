/**
 * Happened-before: by the ledger's own pairs of send and receive, and by its vector clocks.
 *
 * A cut by time is closed under happened-before exactly if no process in it knows more of another than
 * the cut holds of that one. What nobody told the collector of cannot be held against it.
 */
import type { Cut, Selection } from "../../collector/cut/history.ts";
import { at, type Judge } from "./judge.ts";
import type { ProcessLedger } from "./ledger.ts";

/** How an answer calls those whose names nobody knows any more. */
const FORGOTTEN = "(forgotten nodes)";

export function judgeOrder(judge: Judge, cut: Cut, selection: Selection): void {
  judgeFalseAlarms(judge, cut);
  if (selection.nodes !== undefined || !cut.consistent) return;
  const { ledger } = judge;
  const t = cut.at;
  for (const { message, receive } of ledger.violating) {
    const sentT = message.forgedT ?? message.t;
    if (receive.t > t || sentT <= t || !receive.epoch.isAcked(receive.seq)) continue;
    // A violation goes with its receive, once all history begins later: the cut lacks that node then.
    const { node, epoch } = receive.epoch;
    // Or its run is gone, and the cut shows a later one.
    const isOther = (cut.nodes.get(node)?.epoch ?? epoch) > epoch;
    const isOut = isOther || isAbsent(cut, node, receive.t);
    if (isOut && judge.mayBeGone(receive.epoch, receive.seq)) continue;
    judge.fail(
      "called consistent, holds a receive without its send",
      `${message.id} sent ${sentT}, received ${receive.t} ${at(cut)}`,
    );
    return;
  }
  if (cut.complete) judgeVectors(judge, cut);
}

/** Whether the node is no member, or what it did at `t` is not kept. */
function isAbsent({ incomplete, members }: Cut, node: string, t: number): boolean {
  const isOutside = incomplete.some(({ node: of, reason, from, to, seq }) => {
    // Nor need it be said by name: violations go when everybody's history begins after them.
    if (of === FORGOTTEN) return reason === "outside-retention";
    if (of !== node) return false;
    // Of a run that was forgotten and then came again, what was forgotten is a hole at its beginning, or
    // several, beside what was dropped (seed 20270931).
    const isInside =
      (from ?? Number.NEGATIVE_INFINITY) <= t && t <= (to ?? Number.NEGATIVE_INFINITY);
    const isGap = reason === "hole" || reason === "lost";
    return (
      reason === "outside-retention" || (isGap && isInside) || (reason === "hole" && seq === 1)
    );
  });
  return isOutside || !members.includes(node);
}

function judgeVectors(judge: Judge, cut: Cut): void {
  const { processes } = judge.ledger;
  const counts = processes.map((process) => process.countAt(cut.at));
  if (processes.some((one, i) => !isToldUpTo(one, counts[i] as number))) return;
  judge.counts.add("cuts judged by vector clocks");
  for (const [i, process] of processes.entries()) {
    const vector = process.vectorAt(counts[i] as number);
    for (const [j, known] of vector.entries()) {
      if (j === i || known <= (counts[j] as number)) continue;
      judge.fail(
        "called consistent, is not closed under happened-before",
        `process ${i} knows ${known} events of process ${j}, the cut holds ${counts[j]} ${at(cut)}`,
      );
      return;
    }
  }
}

/** Whether the collector acknowledged all of these events. */
function isToldUpTo(process: ProcessLedger, count: number): boolean {
  for (let i = count - 1; i >= 0; i -= 1) {
    const place = process.places[i];
    if (place !== undefined && !place.epoch.isAcked(place.seq)) return false;
  }
  return true;
}

function judgeFalseAlarms(judge: Judge, cut: Cut): void {
  for (const { send, receive } of cut.violations) {
    const id = `${send.node}/${send.epoch}/${send.seq}`;
    const ofReceiver = judge.ledger.violating.filter(
      (one) => one.receive.epoch.node === receive.node && one.receive.epoch.epoch === receive.epoch,
    );
    const sentT = ({ message }: (typeof ofReceiver)[number]): number =>
      message.forgedT ?? message.t;
    const holds = (one: (typeof ofReceiver)[number]): boolean =>
      one.receive.t <= cut.at && sentT(one) > cut.at;
    const named = ofReceiver.filter((one) => one.receive.seq === receive.seq);
    if (named.some(holds)) continue;
    // Of very many that are added up the two ends are named, each with its own time (75003803).
    const isEnd = named.some((one) => one.receive.t === receive.t && receive.t <= cut.at);
    const hasSend = ofReceiver.some(
      (one) => one.message.id === id && sentT(one) === send.t && send.t > cut.at,
    );
    const isFrom = (one: (typeof ofReceiver)[number]): boolean =>
      one.message.id.startsWith(`${send.node}/`);
    if (isEnd && hasSend && ofReceiver.some((one) => isFrom(one) && holds(one))) continue;
    judge.fail("a violation that is none", `${id} ${at(cut)}`);
    return;
  }
}
