/**
 * Looks at the tiers from beside them, through /proc, as a monitoring tool of the machine does: what the
 * baselines know of resources, and how it is known that somebody else's work disturbed an injection.
 *
 *     node host-sampler.js '{"pids":[...]}'
 *
 * Descriptors are kept open: opening costs more than reading. A file that is not there reads as NaN.
 */
import { openSync, readSync } from "node:fs";
import { GrowingColumns, writeColumns } from "../columns-file.ts";
import type { Order } from "./messages.ts";
import { monotonicMs } from "./monotonic.ts";

const PERIOD_MS = 20;
/** The dearer files are read every so many periods, and stand still in between. */
const SLOW_EVERY = 5;

const { pids } = JSON.parse(process.argv[2] ?? "{}") as { readonly pids: readonly number[] };
const buffer = Buffer.alloc(4_096);
const rows = new GrowingColumns(6, 65_536);
const tiers = pids.map((pid) => ({
  schedule: opened(`/proc/${pid}/task/${pid}/schedstat`),
  io: opened(`/proc/${pid}/io`),
  writtenBytes: Number.NaN,
}));
const pressure = opened("/proc/pressure/io");
let ioStallMs = Number.NaN;
let round = 0;

const timer = setInterval(() => {
  const isSlowRound = round % SLOW_EVERY === 0;
  round += 1;
  if (isSlowRound) ioStallMs = numberAfter(textOf(pressure), /some .*total=(\d+)/) / 1_000;
  for (const [index, tier] of tiers.entries()) {
    if (isSlowRound) tier.writtenBytes = numberAfter(textOf(tier.io), /\nwrite_bytes: (\d+)/);
    const atMs = monotonicMs();
    const [runNs = Number.NaN, waitNs = Number.NaN] = textOf(tier.schedule).split(" ").map(Number);
    rows.push(index, atMs, runNs / 1e6, waitNs / 1e6, tier.writtenBytes, ioStallMs);
  }
}, PERIOD_MS);

process.on("message", (order: Order) => {
  if (order.do !== "dump") return;
  clearInterval(timer);
  writeColumns(order.file, rows.all());
  process.send?.({ dumped: true });
});
process.on("disconnect", () => process.exit(0));
process.send?.({ port: 0 });

function opened(path: string): number | undefined {
  try {
    return openSync(path, "r");
  } catch {
    return undefined;
  }
}

function textOf(file: number | undefined): string {
  if (file === undefined) return "";
  try {
    return buffer.toString("latin1", 0, readSync(file, buffer, 0, buffer.length, 0));
  } catch {
    return ""; // the tier has gone
  }
}

function numberAfter(text: string, pattern: RegExp): number {
  const found = pattern.exec(text)?.[1];
  return found === undefined ? Number.NaN : Number(found);
}
