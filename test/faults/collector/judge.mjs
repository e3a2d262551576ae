/**
 * The judge: asks a collector for everything, through its public API alone, once the faults are over and
 * the writers have drained, and compares it with their books. It shares no code with the product.
 *
 *     loss          acknowledged and absent
 *     duplicate     one identity twice
 *     unexplained   stored and never recorded, or with another content or time
 *     silent gap    absent below the watermark, and in no lost range
 *     false loss    called lost, and recorded and sent
 *     lie           a cut that does not name the node incomplete and shows another state
 *     false alarm   a node called incomplete at a time at which nothing of it is missing
 */
import { hexOfTicks, ticksOfHex } from "../agent/stamps.mjs";
import { isSameState, LOG } from "./book.mjs";

const CUTS = 25;
const MAX_NAMED = 8;

/**
 * @param options.damaged by node, ranges { first, last } that may be absent if they are called lost
 * @param options.isPruned events before the time from which the collector says that it retains may be gone
 * @param options.cuts how many times are asked for
 */
export async function judge(options) {
  const { verdict, books, collector, random, damaged = new Map(), cuts = CUTS } = options;
  const { isPruned = false } = options;
  const read = new Map();
  for (const book of books) read.set(book, await readEvents(verdict, book, collector));
  // Asked for afterwards: damage is met by reading.
  const { nodes } = await collector.get("/api/nodes");
  for (const book of books) {
    const known = nodes.find(({ node }) => node === book.node);
    if (known !== undefined)
      judgeEvents(verdict, book, known, read.get(book), damaged.get(book.node) ?? [], isPruned);
    else if (book.acknowledged > 0) verdict.fail("loss", `${book.node} is not known at all`);
  }
  const full = books.filter(({ acknowledged }) => acknowledged > 1);
  for (let i = 0; i < cuts && full.length > 0; i += 1) {
    const book = full[Math.floor(random() * full.length)];
    const seq = 1 + Math.floor(random() * book.acknowledged);
    await judgeCut(options, book.timeOf(seq) + Math.floor(random() * 3));
  }
}

/** How often each seq is there. */
async function readEvents(verdict, book, collector) {
  const { node } = book;
  const seen = new Uint8Array(book.recorded + 2);
  let foreign = 0;
  for await (const event of collector.events(node)) {
    if (!book.isOurs(event)) {
      foreign += 1;
      if (foreign <= MAX_NAMED) verdict.fail("unexplained", JSON.stringify(event).slice(0, 300));
      continue;
    }
    if (seen[event.seq] > 0) verdict.fail("duplicate", `${node}/${event.seq}`);
    seen[event.seq] += 1;
  }
  return seen;
}

function judgeEvents(verdict, book, known, seen, damaged, isPruned) {
  const { node } = book;
  const lost = lostSeqs(known);
  const storedCount = seen.reduce((sum, count) => sum + Math.min(count, 1), 0);
  const watermark = known.watermark === null ? 0 : book.seqAt(ticksOfHex(known.watermark.hlc));
  const absent = { loss: [], "silent gap": [] };
  const falseLoss = [];
  let lostCount = 0;
  let goneCount = 0;
  const from = known.retainedFrom;
  const goneTo = isPruned && from !== null ? book.seqAt(ticksOfHex(from.hlc)) : 0;
  for (let seq = 1; seq <= book.recorded; seq += 1) {
    if (seen[seq] === 1) continue;
    if (seq <= goneTo) {
      goneCount += 1;
      continue;
    }
    const isLost = lost.some(({ first, last }) => first <= seq && seq <= last);
    if (isLost) lostCount += 1;
    if (book.isDropped(seq)) {
      if (!isLost && seq <= Math.min(watermark, book.acknowledged)) absent["silent gap"].push(seq);
      continue;
    }
    const isDamaged = damaged.some(({ first, last }) => first <= seq && seq <= last);
    if (isDamaged && isLost) continue;
    if (seq <= book.acknowledged) absent.loss.push(seq);
    else if (seq <= watermark && !isLost) absent["silent gap"].push(seq);
    if (isLost && !isDamaged) falseLoss.push(seq);
  }
  for (const [what, seqs] of Object.entries(absent))
    if (seqs.length > 0)
      verdict.fail(
        what,
        `${node}: ${seqs.length}, ${seqs.slice(0, MAX_NAMED)} of ${book.recorded}`,
      );
  if (falseLoss.length > 0)
    verdict.fail("false loss", `${node}: ${falseLoss.length}, ${falseLoss.slice(0, MAX_NAMED)}`);
  const { counts } = verdict;
  counts.created += book.recorded;
  counts.stored += storedCount;
  counts.lost += lostCount;
  counts.gone = (counts.gone ?? 0) + goneCount;
  const rest = book.recorded - storedCount - lostCount - goneCount;
  verdict.books.push(
    `${node}: recorded ${book.recorded} = stored ${storedCount} + lost ${lostCount}${goneCount > 0 ? ` + retained no longer ${goneCount}` : ""} + never acknowledged ${rest}; acknowledged ${book.acknowledged}`,
  );
}

/** Ranges of the one epoch that writers have. */
function lostSeqs(known) {
  return known.lost.map(({ firstSeq, lastSeq }) => ({ first: firstSeq, last: lastSeq }));
}

/** One cut of all nodes at t, against the books. */
export async function judgeCut(options, t) {
  const { verdict, books, collector, damaged = new Map(), isPruned = false } = options;
  const path = `/api/cut?at=${hexOfTicks(t)}&log=${LOG}`;
  const cut = await collector.get(path);
  // Gone by retention, and said so: for all nodes at once, or below for some.
  if (isPruned && cut.httpStatus === 410 && cut.error.code === "outside-retention") return "gone";
  if (cut.httpStatus !== 200) {
    verdict.fail("no cut", `${path}: ${cut.httpStatus} ${JSON.stringify(cut.error)}`);
    return;
  }
  verdict.counts.cuts += 1;
  if (cut.complete) verdict.counts.complete += 1;
  if (cut.complete !== (cut.incomplete.length === 0))
    verdict.fail("lie", `${path}: complete ${cut.complete}, reasons ${cut.incomplete.length}`);
  for (const book of books) {
    const seq = book.seqAt(t);
    if (seq < 1 || book.acknowledged < 1) continue;
    const named = cut.incomplete.filter(({ node }) => node === book.node);
    const isMissing = seq > book.acknowledged || book.isDropped(seq);
    // What is damaged is missing until a keyframe or a checkpoint: which can be read is not for us to say.
    const mayMiss =
      isMissing ||
      t > book.timeOf(book.acknowledged) ||
      (damaged.get(book.node) ?? []).some(({ first }) => first <= seq);
    if (named.length > 0) {
      if (isPruned && named.some(({ reason }) => reason === "outside-retention")) continue;
      if (!mayMiss) verdict.fail("false alarm", `${path}: ${JSON.stringify(named)} at seq ${seq}`);
      continue;
    }
    if (seq > book.acknowledged) continue; // what was not acknowledged may be there or not
    const node = cut.nodes[book.node];
    const shown = node?.logs?.[LOG] ?? {};
    verdict.counts.states += 1;
    if (isMissing) verdict.fail("lie", `${path}: ${book.node} is called complete at seq ${seq}`);
    else if (!isSameState(shown, book.stateAt(seq)))
      verdict.fail("lie", `${path}: ${book.node} at seq ${seq} shows ${JSON.stringify(shown)}`);
  }
}
