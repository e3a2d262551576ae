/**
 * Settings as texts of the environment: how they are read, and which names were probably mistyped.
 *
 * HAZARD: not every `RETROSCOPE_...` is ours. Kubernetes makes `RETROSCOPE_PORT` and
 * `RETROSCOPE_SERVICE_HOST` where a service is called retroscope; the collector and its command line have
 * variables of their own. So only names that are nearly one of the agent's are told.
 */
import { refuse, show } from "./config-error.ts";
import { editDistance, parseDurationMs } from "./kernel/index.ts";

/** The environment of a process. */
export type Environment = Readonly<Record<string, string | undefined>>;

const PREFIX = "RETROSCOPE_";
/** Without their prefix, as README.md lists them. */
const VARIABLES: readonly string[] = [
  ...["COLLECTOR", "SERVICE", "NODE", "TOKEN", "STREAM", "WINDOW", "MAX_DRIFT_MS", "DATA"],
  ...["PROPAGATE_TO", "REDACT", "REDACT_KEYS", "REDACT_KEY", "HOOKS", "REQUESTS", "QUIET"],
  "DISABLED",
];
/** Names that options suggest. */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  COLLECTOR_URL: "COLLECTOR",
  SERVICE_NAME: "SERVICE",
  NODE_ID: "NODE",
  WINDOW_MS: "WINDOW",
  WINDOW_BYTES: "WINDOW",
  MAX_DRIFT: "MAX_DRIFT_MS",
  DATA_DIR: "DATA",
  REDACT_HASH_KEY: "REDACT_KEY",
};
/** Letters too many, missing or wrong in a name that was mistyped. */
const MAX_SLIPS = 2;
const MAX_TOLD = 8;

/** Whether a switch of the environment is on: anything but empty, `0`, `false`. */
export function isOn(value: string | undefined): boolean {
  return value !== undefined && !["", "0", "false"].includes(value.toLowerCase());
}

/** Parts with commas between; empty ones are none. */
export function split(value: string | undefined): string[] {
  return (value ?? "")
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

/**
 * `30s`, `64MiB`, or both with a comma between.
 * @throws RetroError `bad-config` for a number without unit, and for two of a kind
 */
export function windowOf({ RETROSCOPE_WINDOW: value }: Environment): {
  readonly ms?: number;
  readonly bytes?: number;
} {
  const window: { ms?: number; bytes?: number } = {};
  for (const part of split(value)) {
    const bytes = bytesOf(part);
    if (bytes === undefined) {
      const ms = durationOf(part);
      if (window.ms !== undefined) badWindow(`holds two times: ${show(value)}`);
      window.ms = ms;
    } else {
      if (window.bytes !== undefined) badWindow(`holds two sizes: ${show(value)}`);
      window.bytes = bytes;
    }
  }
  return window;
}

function bytesOf(part: string): number | undefined {
  const size = /^(\d+(?:\.\d+)?)\s*([KMG])i?B$/i.exec(part);
  if (size === null) return undefined;
  const power = "KMG".indexOf((size[2] as string).toUpperCase()) + 1;
  return Math.floor(Number(size[1]) * 1024 ** power);
}

function durationOf(part: string): number {
  if (/^[\d.]+$/.test(part)) badWindow(`${show(part)} has no unit`);
  try {
    return parseDurationMs(part);
  } catch {
    return badWindow(`${show(part)} is neither a time nor a size`);
  }
}

function badWindow(what: string): never {
  return refuse(`${PREFIX}WINDOW`, what, "Use 60s, 32MiB or both: 60s,32MiB.");
}

/** A number, if the variable is set. @throws RetroError `bad-config`, showing the text */
export function numberOf(name: string, env: Environment): number | undefined {
  const value = env[name];
  if (value === undefined || value === "") return undefined;
  const number = Number(value);
  if (Number.isFinite(number) && number >= 1) return number;
  return refuse(name, `must be a number of at least 1, not ${show(value)}`);
}

/**
 * Variables that are nearly one of ours, each with the name that was probably meant.
 *
 * @example
 * mistypedIn({ RETROSCOPE_COLECTOR: "http://127.0.0.1:7700" });
 * // ["RETROSCOPE_COLECTOR is not known: RETROSCOPE_COLLECTOR?"]
 */
export function mistypedIn(env: Environment): readonly string[] {
  const told: string[] = [];
  for (const name of Object.keys(env)) {
    if (!name.startsWith(PREFIX) || told.length >= MAX_TOLD) continue;
    const tail = name.slice(PREFIX.length);
    if (VARIABLES.includes(tail)) continue;
    const meant = Object.hasOwn(OTHER_NAMES, tail) ? OTHER_NAMES[tail] : nearest(tail);
    if (meant !== undefined) told.push(`${name} is not known: ${PREFIX}${meant}?`);
  }
  return told;
}

function nearest(tail: string): string | undefined {
  const [best] = VARIABLES.filter((known) => Math.abs(known.length - tail.length) <= MAX_SLIPS)
    .map((known) => ({ known, slips: editDistance(known, tail) }))
    .filter(({ slips }) => slips <= MAX_SLIPS)
    .sort((a, b) => a.slips - b.slips);
  return best?.known;
}
