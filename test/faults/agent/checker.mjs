/**
 * The judge: reads everything back through the public API, once all faults have stopped and all queues
 * have drained, and compares it with the ledger. It shares no code with the product.
 *
 *     loss            acknowledged and absent
 *     duplicate       one identity, or one value, twice
 *     silent gap      a hole in the seqs of an epoch that no lost range names
 *     lie             a node that a cut does not call incomplete has not the state of the ledger
 *     unexplained     stored, but never recorded so
 *     open books      created is not stored + dropped by reason + queued (+ died)
 *     clock fell      a stamp not above the one before
 */
import { LOAD_LOG } from "./ledger.mjs";
import { hexOfTicks, ticksOfHex } from "./stamps.mjs";

const MAX_CUTS = 60;

export class Verdict {
  failures = [];
  /** The books, one line per host. */
  books = [];
  counts = { created: 0, stored: 0, lost: 0, cuts: 0, complete: 0, states: 0 };

  fail(what, detail) {
    this.failures.push({ what, detail: String(detail).slice(0, 400) });
  }
}

/**
 * @param options.random chooses the cuts
 * @param options.mayStoreDropped replies may have been lost: an event may be stored that its agent gave up
 * @param options.askedCuts answers of `cutAt` given while faults were on
 */
export async function check({ verdict, ledger, collector, random, mayStoreDropped, askedCuts }) {
  const nodes = await collector.get("/api/nodes");
  const stored = new Map();
  for (const node of ledger.nodes) {
    const known = nodes.nodes.find((one) => one.node === node);
    for (const [name, epoch] of await readNode(verdict, ledger, collector, node))
      stored.set(name, epoch);
    if (known !== undefined) judgeGaps(verdict, known, stored);
  }
  judgeAcknowledged(verdict, ledger, stored);
  for (const life of ledger.lives) judgeBooks(verdict, life, stored, mayStoreDropped);
  for (const life of ledger.lives) {
    if (life.fallCount > 0 && !life.isBroken)
      verdict.fail("clock fell", `${life.name}: ${life.fallCount} times`);
  }
  for (const answer of askedCuts) judgeCut(verdict, ledger, answer);
  for (const t of timesToAsk(ledger, random)) judgeCut(verdict, ledger, await cutAt(collector, t));
  return stored;
}

/** Events by epoch: `node/epoch` -> { node, seqs, lost, kinds }. */
async function readNode(verdict, ledger, collector, node) {
  const epochs = new Map();
  const seenValues = new Set();
  for await (const event of collector.events(node)) {
    const name = `${event.node}/${event.epoch}`;
    let epoch = epochs.get(name);
    if (epoch === undefined) {
      epoch = { node, epoch: event.epoch, seqs: new Set(), lost: new Map(), kinds: {} };
      epochs.set(name, epoch);
    }
    if (epoch.seqs.has(event.seq)) verdict.fail("duplicate", `${name}/${event.seq}`);
    epoch.seqs.add(event.seq);
    epoch.kinds[event.kind] = (epoch.kinds[event.kind] ?? 0) + 1;
    if (event.kind === "set" && event.log === LOAD_LOG) {
      if (seenValues.has(event.value)) verdict.fail("duplicate", `value ${event.value} of ${node}`);
      seenValues.add(event.value);
      judgeChange(verdict, ledger.livesOf(node), event);
    }
  }
  return epochs;
}

function judgeChange(verdict, lives, event) {
  const n = event.value;
  const t = ticksOfHex(event.t.hlc);
  for (const life of lives) {
    const isOpen =
      life.open !== undefined && n >= life.open.first && n < life.open.first + life.open.count;
    const burst = life.burstOf(n);
    if (burst === undefined && !isOpen) continue;
    const isInTime = isOpen || (burst.firstT <= t && t <= burst.lastT);
    if (isInTime && event.key === `k${n % life.keys}`) return;
  }
  verdict.fail("unexplained", JSON.stringify(event));
}

/** Every hole up to the highest seq known must be named by a lost range of its epoch. */
function judgeGaps(verdict, known, stored) {
  const starts = known.epochs.map(({ epoch, joined }) => ({ epoch, t: ticksOfHex(joined.hlc) }));
  for (const range of known.lost) {
    const from = ticksOfHex(range.from.hlc);
    // The list does not say of which epoch: the one that its time lies in. A first loss may begin with the join.
    const at = starts.filter(({ t }) => t <= Math.max(from, ticksOfHex(range.to.hlc)));
    const { epoch } = at.at(-1) ?? starts[0];
    const of = stored.get(`${known.node}/${epoch}`);
    if (of === undefined) continue;
    for (let seq = range.firstSeq; seq <= range.lastSeq; seq += 1)
      if (!of.seqs.has(seq)) of.lost.set(seq, range.reason);
  }
  for (const [name, { node, seqs, lost }] of stored) {
    if (node !== known.node) continue;
    let highest = 0;
    for (const seq of seqs) highest = Math.max(highest, seq);
    const holes = [];
    for (let seq = 1; seq <= highest; seq += 1)
      if (!seqs.has(seq) && !lost.has(seq)) holes.push(seq);
    if (holes.length > 0)
      verdict.fail(
        "silent gap",
        `${name}: ${holes.length} seqs, ${holes.slice(0, 8)} of ${highest}`,
      );
  }
}

function judgeAcknowledged(verdict, ledger, stored) {
  for (const [name, ranges] of ledger.acked) {
    const seqs = stored.get(name)?.seqs ?? new Set();
    const absent = [];
    for (const [first, last] of ranges)
      for (let seq = first; seq <= last; seq += 1) if (!seqs.has(seq)) absent.push(seq);
    if (absent.length > 0)
      verdict.fail("loss", `${name}: ${absent.length} acknowledged and absent`);
  }
}

/** created = stored + dropped by reason + queued; for a killed host, what is not stored died with it. */
function judgeBooks(verdict, life, stored, mayStoreDropped) {
  const epochs = life.epochs
    .map(({ node, epoch }) => stored.get(`${node}/${epoch}`))
    .filter((one) => one);
  const storedCount = epochs.reduce((sum, { seqs }) => sum + seqs.size, 0);
  const lostCount = epochs.reduce((sum, { lost }) => sum + lost.size, 0);
  verdict.counts.stored += storedCount;
  verdict.counts.lost += lostCount;
  const { stats } = life;
  if (life.isKilled || stats === undefined) {
    const sets = epochs.reduce((sum, { kinds }) => sum + (kinds.set ?? 0), 0);
    const died = life.changeCount - sets;
    verdict.counts.created += storedCount + Math.max(0, died);
    verdict.books.push(`${life.name}: changes ${life.changeCount} = stored ${sets} + died ${died}`);
    const open = life.open?.count ?? 0;
    if (died < -open) verdict.fail("open books", verdict.books.at(-1));
    return;
  }
  const dropped = Object.values(stats.drops).reduce((sum, count) => sum + count, 0);
  const overlap = storedCount + dropped + stats.queued - stats.recorded;
  const drops = Object.entries(stats.drops)
    .map(([reason, count]) => ` + ${reason} ${count}`)
    .join("");
  const twice = overlap === 0 ? "" : ` - given up but stored ${overlap}`;
  verdict.counts.created += stats.recorded;
  verdict.books.push(
    `${life.name}: created ${stats.recorded} = stored ${storedCount}${drops} + queued ${stats.queued}${twice}`,
  );
  const isClosed = overlap === 0 || (mayStoreDropped && overlap > 0 && overlap <= dropped);
  // What it gave up as it closed may have been on its way, where answers are slow.
  const isHasty = overlap > 0 && overlap <= (stats.drops.shutdown ?? 0);
  const what = isHasty ? "given up as it closed, and stored" : "open books";
  if (!isClosed) verdict.fail(what, verdict.books.at(-1));
  if (life.isBroken) return;
  // What the agent says of itself agrees with the account of whoever called it.
  const sets = (stats.counts.set ?? 0) + (stats.counts.shed ?? 0);
  if (sets < life.changeCount || (life.isPlain && sets !== life.changeCount))
    verdict.fail("open books", `${life.name}: ${life.changeCount} calls, ${sets} counted`);
  // Every drop is reported: declared to the collector, but for what could not be told any more.
  const untold = (stats.drops.shutdown ?? 0) + stats.queued;
  const undeclared = stats.recorded - storedCount - lostCount;
  if (undeclared > untold)
    verdict.fail(
      "drop not reported",
      `${life.name}: ${undeclared} neither stored nor declared lost`,
    );
}

/** A cut of the load logs, reduced to what is judged. */
export async function cutAt(collector, t) {
  const path = `/api/cut?at=${hexOfTicks(t)}&log=${LOAD_LOG}`;
  const cut = await collector.get(path);
  if (cut.httpStatus !== 200)
    throw new Error(`${path}: ${cut.httpStatus} ${JSON.stringify(cut.error)}`);
  const { complete, incomplete, members, nodes, consistent, violations } = cut;
  return { t, complete, incomplete, members, nodes, consistent, violations };
}

/** Ends of bursts, the last of each life, and times beside them. */
function timesToAsk(ledger, random) {
  const full = ledger.lives.filter(({ bursts, isBroken }) => bursts.length > 0 && !isBroken);
  const times = full.flatMap(({ bursts }) => {
    const { lastT } = bursts.at(-1);
    return [lastT, lastT + 1];
  });
  while (full.length > 0 && times.length < MAX_CUTS) {
    const { bursts } = full[Math.floor(random() * full.length)];
    const { lastT } = bursts[Math.floor(random() * bursts.length)];
    times.push(lastT + Math.floor(random() * 3));
  }
  return times.slice(0, MAX_CUTS);
}

/** A node that is not called incomplete is taken at its word. */
export function judgeCut(verdict, ledger, { t, complete, incomplete, nodes }) {
  verdict.counts.cuts += 1;
  if (complete) verdict.counts.complete += 1;
  const named = new Set(incomplete.map(({ node }) => node));
  if (complete && named.size > 0) verdict.fail("lie", `complete, yet ${[...named]} are not`);
  for (const node of ledger.nodes) {
    const expected = expectedAt(ledger, node, t);
    if (named.has(node) || expected === "uncertain") continue;
    const shown = nodes[node]?.logs?.[LOAD_LOG] ?? {};
    // A node that left, or has not joined, shows nothing.
    const isGone = ["left", "expired"].includes(nodes[node]?.status);
    if (expected === undefined || (isGone && Object.keys(shown).length === 0)) continue;
    verdict.counts.states += 1;
    const keys = Object.keys(shown);
    const isSame =
      keys.length === expected.size && keys.every((key) => shown[key] === expected.get(key));
    if (isSame) continue;
    const difference = [...expected].find(([key, value]) => shown[key] !== value);
    verdict.fail(
      "lie",
      `${node} at ${hexOfTicks(t)}: ${difference} is shown as ${shown[difference?.[0]]}`,
    );
  }
}

/** The state of a node at t: of its last life that had begun by then. */
function expectedAt(ledger, node, t) {
  const lives = ledger.livesOf(node).filter(({ bursts }) => bursts.length > 0);
  let expected;
  for (const life of lives) {
    if (life.isOutOfOrder || life.isBroken) return "uncertain";
    if (life.epochs.some((epoch) => epoch.node !== node)) return "uncertain"; // renamed in mid-life
    const state = life.stateAt(t);
    if (state !== undefined) expected = state;
    // Between its join, which the ledger does not know, and its first burst.
    else if (lives.indexOf(life) > 0) return expected === undefined ? undefined : "uncertain";
  }
  return expected;
}
