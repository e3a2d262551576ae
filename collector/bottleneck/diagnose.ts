/**
 * From recordings to episodes: one pure function, which live detection and questions about the past share.
 *
 *     recordings -> flags (six rules) -> clusters -> tier -> extent -> severity -> ledger -> path -> episode
 *
 * On the same recordings it says the same, whatever range is asked for: a baseline depends on fixed stretches
 * of time (baselines.ts), a cluster on its flags alone. A caller who goes on where it left off (`settledUs`)
 * therefore gets, piece by piece, what one look at all of it would have given (property test).
 */
import { addMs, formatHlc, ticksFromUnixMs } from "../../agent/kernel/index.ts";
import { finish, type Work } from "../cut/turns.ts";
import { burstRatio } from "./burst.ts";
import { type Cluster, clustersOf, flagsBetween } from "./clusters.ts";
import { causesOf } from "./episode-causes.ts";
import type { Episode, EpisodeCause, EpisodeTrigger } from "./episode-shape.ts";
import { extentOf } from "./extent.ts";
import type { Flag } from "./flags.ts";
import { pathTo } from "./path.ts";
import type { Interval, NodeRecording } from "./recording.ts";
import { type BottleneckSettings, DEFAULT_BOTTLENECK_SETTINGS } from "./settings.ts";
import { severityOf } from "./severity.ts";
import { leadAt } from "./stamped.ts";
import { type SystemView, systemOf } from "./system-view.ts";
import { chargeTier, shiftAt, tierOf } from "./tier.ts";

/** Flags of a window that is a second long may come so late. */
const LATE_FLAGS_US = 2_000_000;
/** An episode is followed for so long; of one that lasts longer the end is not told. */
const LONGEST_US = 60_000_000;
/** Candidates and triggers of one episode that are listed. */
const LISTED = 20;

export interface DiagnosisOptions {
  /** Episodes that begin in [fromUs, untilUs), by the reference's clock. */
  readonly fromUs: number;
  readonly untilUs: number;
  /** Up to where recordings are as complete as they will get; episodes beyond it are open. Default: all are. */
  readonly knownUntilUs?: number;
  readonly settings?: Partial<BottleneckSettings>;
}

export interface Diagnosis {
  /** Ascending by onset. */
  readonly episodes: readonly Episode[];
  /** Everything before this is settled: a later look may begin here. */
  readonly settledUs: number;
  /** Those of `episodes` that begin before that; others are seen by a later look again, which may say more of them. */
  readonly settled: readonly Episode[];
}

/**
 * The episodes of a stretch. Recordings must reach back one baseline (60 s) before it, or as far as there are any.
 * Costs some milliseconds a second of recordings and node. Never throws.
 */
export function diagnose(
  recordings: readonly NodeRecording[],
  options: DiagnosisOptions,
): Diagnosis {
  return finish(diagnosing(recordings, options));
}

/** The same, in steps of some milliseconds, for `History.inTurns`. */
export function* diagnosing(
  recordings: readonly NodeRecording[],
  options: DiagnosisOptions,
): Work<Diagnosis> {
  const { fromUs, untilUs, knownUntilUs = Number.POSITIVE_INFINITY } = options;
  const settings = { ...DEFAULT_BOTTLENECK_SETTINGS, ...options.settings };
  const system = yield* systemOf(recordings, settings);
  // A cluster that begins within may go on after; one that began before is not ours.
  const around = settings.onsetBackMs * 1_000 + LATE_FLAGS_US;
  const flags = yield* flagsBetween(system, fromUs - around, untilUs + around);
  const clusters = clustersOf(system, flags).filter(
    ({ startUs }) => startUs >= fromUs && startUs < untilUs,
  );
  const found: { readonly beganUs: number; readonly episode: Episode }[] = [];
  let settledUs = Math.min(untilUs, knownUntilUs - LATE_FLAGS_US);
  for (const cluster of clusters) {
    const isKnown = cluster.endUs + LATE_FLAGS_US <= knownUntilUs;
    const episode = episodeOf(system, cluster, isKnown);
    if (!isKnown) settledUs = Math.min(settledUs, cluster.startUs);
    if (episode !== undefined) found.push({ beganUs: cluster.startUs, episode });
    yield;
  }
  // What goes on for longer is no very short bottleneck, and must not keep all the recordings since.
  settledUs = Math.max(fromUs, settledUs, Math.min(untilUs, knownUntilUs) - LONGEST_US);
  const sorted = found.sort(
    (a, b) => a.episode.onsetUs - b.episode.onsetUs || (a.episode.id < b.episode.id ? -1 : 1),
  );
  return {
    episodes: sorted.map(({ episode }) => episode),
    settledUs,
    settled: sorted.filter(({ beganUs }) => beganUs < settledUs).map(({ episode }) => episode),
  };
}

function episodeOf(system: SystemView, cluster: Cluster, isKnown: boolean): Episode | undefined {
  const { suspects, boundUs, orderUsed } = chargeTier(system, cluster);
  const [charged] = suspects;
  if (charged === undefined) return undefined;
  const extent = extentOf(system, cluster, charged);
  const observer = charged.edge?.from ?? charged.node;
  const frame = system.toFrame(observer, { ...extent, endUs: extent.endUs + extent.drainUs });
  const whole = {
    startUs: Math.min(frame.startUs, cluster.startUs),
    endUs: Math.max(frame.endUs, cluster.endUs),
  };
  const severity = severityOf(system, cluster.group, whole);
  if (severity.requestMs < system.settings.severityFloorRequestMs) return undefined;
  const durationMs = (extent.endUs - extent.startUs) / 1_000;
  const { causes, unexplainedMs } = causesOf(system, charged, extent, boundUs ?? 0);
  const involved = new Set([observer, charged.node, ...cluster.flags.map(({ node }) => node)]);
  const unavailable = [...involved].flatMap((node) => {
    return system.nodes.get(node)?.recording.unavailable ?? [];
  });
  const isOver = isKnown && extent.isOver;
  return {
    id: idOf(cluster),
    status: isOver ? "closed" : "open",
    revision: 1,
    class: classOf(system, cluster, whole, causes, durationMs),
    onsetUs: extent.startUs,
    endUs: extent.endUs,
    adjustedOnsetUs: extent.startUs - shiftAt(system, observer, extent.startUs),
    leadUs: leadOf(system, observer, extent.startUs),
    durationMs,
    drainMs: extent.drainUs / 1_000,
    tier: tierOf(charged),
    severity,
    triggers: triggersOf(cluster),
    causes,
    unexplainedMs,
    candidates: suspects.slice(0, LISTED).map((suspect) => {
      return { ...tierOf(suspect), z: suspect.z, excessRequestMs: suspect.excessRequestMs };
    }),
    path: pathTo(system, charged, whole),
    skew: {
      boundMs: boundUs === null ? null : boundUs / 1_000,
      orderUsed,
      reference: system.reference,
    },
    signals: { unavailable: [...new Set(unavailable)].sort() },
  };
}

function leadOf(system: SystemView, node: string, us: number): number {
  const view = system.nodes.get(node);
  return view === undefined ? 0 : leadAt(view.recording, us);
}

/** Of the first flag: the same whatever is found out about the rest. */
function idOf({ startUs, flags }: Cluster): string {
  const first = flags.find(({ opens }) => opens);
  const t = addMs(ticksFromUnixMs(0), startUs / 1_000);
  return `ep-${formatHlc(t)}-${first?.node ?? ""}`;
}

/** What requests that come too fast do by themselves: they run, wait for a CPU, and lie in sockets. */
const OF_LOAD: ReadonlySet<string> = new Set(["run", "run-queue", "network", "downstream"]);

/** Raised arrivals that nothing but the requests themselves explains are load, and no fault. */
function classOf(
  system: SystemView,
  cluster: Cluster,
  whole: Interval,
  causes: readonly EpisodeCause[],
  durationMs: number,
): Episode["class"] {
  const isBurst = system
    .entriesOf(cluster.group)
    .some(
      (entry) =>
        burstRatio(entry, system.fromFrame(entry.node, whole)) >= system.settings.burstFactor,
    );
  if (!isBurst) return "fault";
  const held = causes
    .filter(({ cause }) => !OF_LOAD.has(cause))
    .reduce((sum, { ms }) => sum + ms, 0);
  return held < durationMs / 2 ? "burst" : "fault";
}

/** The strongest flag of each rule on each node or edge, strongest first. */
function triggersOf({ flags }: Cluster): EpisodeTrigger[] {
  const best = new Map<string, Flag>();
  for (const flag of flags) {
    const key = JSON.stringify([flag.rule, flag.node, flag.to]);
    const known = best.get(key);
    if (known === undefined || flag.score > known.score) best.set(key, flag);
  }
  return [...best.values()]
    .sort((a, b) => b.score - a.score)
    .slice(0, LISTED)
    .map(({ rule, node, to, operation, windowMs, value, median, score }) => {
      const isTime = rule !== "load" && rule !== "freeze";
      const scale = isTime ? 1_000 : 1;
      return {
        ...{ rule, node, windowMs, value: value / scale, median: median / scale, score },
        ...(to === null ? {} : { to }),
        ...(operation === null ? {} : { operation }),
      };
    });
}
