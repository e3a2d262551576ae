/**
 * Times and durations as they are asked, before they are sent: what would silently mean another time
 * is refused here, with what was probably meant; and how long to wait for a time that is nearly now.
 *
 * Every node tells at least once a second how far it is known. A snapshot of `now` would nearly always
 * be incomplete by a fraction of a second; so what is younger than a second is waited for.
 */
import {
  formatHlc,
  type Hlc,
  parseDurationMs,
  parseHlc,
  parseTime,
  RetroError,
  TICKS_PER_MS,
  ticksFromUnixMs,
} from "../../agent/kernel/index.ts";
import type { CutJson, NodesJson } from "../api/shapes.ts";
import type { CollectorClient, Query } from "./client.ts";
import { flagOf } from "./command.ts";

export const TIME_FORMS =
  "ISO 8601, a time as printed, Unix ms, hex stamp, now, or relative: -5s, -250ms";
export const WAIT_HELP = "Wait so long for late nodes, at most 60s; 0 for not at all";
export const WAIT_DEFAULT = "1.5s for a time younger than 1s, else 0";
/** For nodes to say that they are known up to a time that is young: a heartbeat, and its way here. */
const YOUNG_WAIT_MS = 1_500;
const YOUNG_MS = 1_000;
/** As WAIT_HELP says; the collector waits no longer. */
const MAX_WAIT_MS = 60_000;

const CLOCK_TIME = /^\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?Z?$/;
const UNIX_SECONDS = /^\d{9,10}(\.\d+)?$/;

/** The word, if it is a time; a clock time has a date, and a number a unit. @throws RetroError `bad-time` */
export function askedTime(word: string, name: string, nowMs: number): string {
  if (/^[+-]\d+(\.\d+)?$/.test(word)) {
    throw new RetroError("bad-time", `${name}: ${word} has no unit`, {
      hint: `A relative time has a unit: ${word}s, ${word}ms.`,
    });
  }
  if (/^\d+(\.\d+)?(ms|s|m|h|d)$/.test(word)) {
    throw new RetroError("bad-time", `${name}: not a time: "${word}"`, {
      hint: `So long ago is -${word}.`,
    });
  }
  if (!CLOCK_TIME.test(word)) {
    readAs(name, word, nowMs);
    return word;
  }
  const today = new Date(nowMs).toISOString().slice(0, 10);
  const clock = word.replace(/Z$/, "").replace(/^\d:/, "0$&");
  throw new RetroError("bad-time", `${name}: a clock time without a date: "${word}"`, {
    hint: `Give day and zone: ${today}T${clock}Z (UTC); or a relative time such as -5m.`,
  });
}

/** What is wrong with a time is said of what was typed: `--at`, where the collector would say `at`. */
function readAs(name: string, word: string, nowMs: number): void {
  try {
    parseTime(word, ticksFromUnixMs(nowMs));
  } catch (error) {
    if (!(error instanceof RetroError)) throw error;
    const { message, hint } = error;
    const told = { cause: error, ...(hint === undefined ? {} : { hint }) };
    throw new RetroError(error.code, `${name}: ${message}`, told);
  }
}

/** A duration with its unit; 0 needs none. @throws RetroError `bad-time` */
export function askedDurationMs(word: string, name: string): number {
  const text = word.trim();
  if (/^\d+(\.\d+)?$/.test(text) && Number(text) !== 0) {
    throw new RetroError("bad-time", `${flagOf(name)} ${text} has no unit`, {
      hint: `Say ${text}s or ${text}ms.`,
    });
  }
  return parseDurationMs(text);
}

function askedWaitMs(told: string): number {
  const waitMs = askedDurationMs(told, "wait");
  if (waitMs <= MAX_WAIT_MS) return waitMs;
  throw new RetroError("bad-usage", `--wait ${told} is too long`, { hint: "Wait at most 60s." });
}

/** How long to wait for the cut at `word`: as told, else a moment if it is nearly now. */
export function waitMsFor(word: string, told: string | undefined, nowMs: number): number {
  if (told !== undefined) return askedWaitMs(told);
  const now = ticksFromUnixMs(nowMs);
  try {
    const ageMs = (now - parseTime(word, now)) / TICKS_PER_MS;
    return Math.abs(ageMs) < YOUNG_MS ? YOUNG_WAIT_MS : 0;
  } catch {
    return 0; // no time: the collector says so, naming the parameter
  }
}

/**
 * Waits until the cut at the later of two times is complete or the time is up. Returns both as
 * stamps: the wait must not move what `-5s` and `now` mean.
 */
export async function waitForRange(
  client: CollectorClient,
  words: readonly [from: string, to: string],
  selection: Query,
  waitMs: number,
): Promise<readonly [from: string, to: string]> {
  const asked = await client.ask<NodesJson>("/api/nodes");
  const now = parseHlc(asked.now.hlc) as Hlc;
  let times: readonly Hlc[];
  try {
    times = words.map((word) => parseTime(word, now));
  } catch {
    return words; // as above
  }
  const [from, to] = times as [Hlc, Hlc];
  const range = [formatHlc(from), formatHlc(to)] as const;
  if (from > to) return range;
  const query = { at: formatHlc(to), ...selection, wait: `${waitMs}ms` };
  await client.ask<CutJson>("/api/cut", query, waitMs);
  return range;
}

/** The error of a time before all history, where the time was typed in seconds: what was meant. */
export function withSecondsHint(error: RetroError, words: readonly string[]): RetroError {
  if (error.code !== "outside-retention") return error;
  const seconds = words.find((word) => UNIX_SECONDS.test(word));
  if (seconds === undefined) return error;
  return new RetroError(error.code, error.message, {
    hint: `${seconds} is read as Unix milliseconds. If it is seconds, ask for ${Math.round(Number(seconds) * 1_000)}.`,
    cause: error,
  });
}
