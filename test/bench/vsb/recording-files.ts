/**
 * A recording as a directory, so that scoring and baselines run again on the same data:
 *
 *     recording.json   everything that is not a long column: run, truths, episodes, live events, ...
 *     clients.f64      columns (columns-file.ts): intended, sent, done, ok, route
 *     tier-NAME.f64    arrived, departed
 *     host-NAME.f64    at, run, wait, written, I/O stall
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readColumns, writeColumns } from "./columns-file.ts";
import type { Tier } from "./faults.ts";
import type { HostLog, Recording, TierLog } from "./recording.ts";

/** Raised when a reader of an older layout would misread. */
const VERSION = 2;
type Columns5 = [Float64Array, Float64Array, Float64Array, Float64Array, Float64Array];

type Small = Omit<Recording, "clients" | "tiers" | "hosts"> & {
  readonly version: number;
  readonly tierNames: readonly Tier[];
};

export function writeRecording(directory: string, recording: Recording): void {
  mkdirSync(directory, { recursive: true });
  const { clients, tiers, hosts, ...small } = recording;
  const text = JSON.stringify({ version: VERSION, tierNames: [...tiers.keys()], ...small });
  writeFileSync(join(directory, "recording.json"), text);
  const { intendedMs, sentMs, doneMs, ok, route } = clients;
  writeColumns(join(directory, "clients.f64"), [intendedMs, sentMs, doneMs, ok, route]);
  for (const [tier, { arrivedMs, departedMs }] of tiers) {
    writeColumns(join(directory, `tier-${tier}.f64`), [arrivedMs, departedMs]);
  }
  for (const [tier, { atMs, runMs, waitMs, writtenBytes, ioStallMs }] of hosts) {
    const columns = [atMs, runMs, waitMs, writtenBytes, ioStallMs];
    writeColumns(join(directory, `host-${tier}.f64`), columns);
  }
}

/** @throws if there is no recording, or one of another layout */
export function readRecording(directory: string): Recording {
  const text = readFileSync(join(directory, "recording.json"), "utf8");
  const { version, tierNames, ...small } = JSON.parse(text) as Small;
  if (version !== VERSION) throw new Error(`${directory} has layout ${version}, not ${VERSION}`);
  const [intendedMs, sentMs, doneMs, ok, route] = columns(directory, "clients", 5);
  const tiers = new Map<Tier, TierLog>();
  const hosts = new Map<Tier, HostLog>();
  for (const tier of tierNames) {
    const [arrivedMs, departedMs] = columns(directory, `tier-${tier}`, 2);
    tiers.set(tier, { arrivedMs, departedMs });
    const [atMs, runMs, waitMs, writtenBytes, ioStallMs] = columns(directory, `host-${tier}`, 5);
    hosts.set(tier, { atMs, runMs, waitMs, writtenBytes, ioStallMs });
  }
  return {
    ...small,
    episodes: small.episodes, // JSON has no undefined: absent is what it was
    ...{ clients: { intendedMs, sentMs, doneMs, ok, route }, tiers, hosts },
  };
}

function columns(directory: string, name: string, count: number): Columns5 {
  return readColumns(join(directory, `${name}.f64`), count) as Columns5;
}
