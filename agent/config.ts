/**
 * Settings: what the code says beats the environment, which beats the defaults. A bad one throws and
 * names the field; nothing is guessed.
 *
 * No validation library: the SDK's main door loads no third-party code.
 */
import { hostname } from "node:os";
import { basename } from "node:path";
import { refuse as bad, show } from "./config-error.ts";
import { type Environment, isOn, numberOf, split, windowOf } from "./environment.ts";
import { AGENT_NODE_ID, DEFAULT_MAX_DRIFT_MS, type StreamMode } from "./kernel/index.ts";
import { type RedactConfig, type RedactSettings, resolveRedact } from "./redact-config.ts";

/** Settings that are plain values. Ports (clock, transport) stand in `AgentOptions`. */
export interface Settings {
  /** The name shared by processes that do the same job. Default: the script's name. */
  readonly service?: string;
  /** This process, unique and, for what has an identity (a replica), stable. Default: `service@host.pid`. */
  readonly node?: string;
  /** Said once, at the join: version, zone, ... */
  readonly tags?: Readonly<Record<string, string>>;
  /** Where to ship: `http://127.0.0.1:7700`. Default: nowhere, and everything local works. */
  readonly collector?: string;
  /** For the collector. Better from the environment than in code. */
  readonly token?: string;
  /**
   * What is shipped: everything (`all`, the default), or only joins and heartbeats, and the window when the
   * collector asks for a capture (`on-demand`).
   */
  readonly stream?: StreamMode;
  /** The window's age. Default: 60,000 ms. */
  readonly windowMs?: number;
  /** The window's memory. Default: 32 MiB. */
  readonly windowBytes?: number;
  /** Remote stamps further ahead are not merged. Default: 60,000 ms; 500 on one site. */
  readonly maxDriftMs?: number;
  /** Where the epoch is kept over restarts. Default: nowhere. */
  readonly dataDir?: string;
  /** Destinations that may see our header, beside the local ones: `*.example.com`. */
  readonly propagateTo?: readonly string[];
  /** Senders that are believed, beside the local ones, by address. */
  readonly acceptFrom?: readonly string[];
  /** What is masked or hashed before it is kept. Default: what looks like a secret is masked. */
  readonly redact?: RedactSettings;
  /** Which message hooks. Default: all that this Node has. */
  readonly hooks?: "none" | readonly string[];
  /**
   * Whether each handled HTTP request is timed and recorded, with load, latencies and resources beside. Default: no.
   * Costs an `AsyncLocalStorage` and a thread. `"spans"`: requests are made of OpenTelemetry's spans instead, as
   * `RetroscopeSpanProcessor` sees them.
   */
  readonly requests?: boolean | "spans";
  /** No start line and no notices on standard error. */
  readonly quiet?: boolean;
  /** Encoded batches that may wait for the collector. Default: 8 MiB. */
  readonly queueBytes?: number;
  /** How often recorded events are shipped. Default: 100 ms; on demand 50, for captures. */
  readonly flushIntervalMs?: number;
}

/** Settings with everything decided. */
export interface Config {
  readonly service: string;
  readonly node: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly collector: URL | undefined;
  readonly token: string | undefined;
  readonly stream: StreamMode;
  readonly windowMs: number;
  readonly windowBytes: number;
  readonly maxDriftMs: number;
  readonly dataDir: string | undefined;
  readonly propagateTo: readonly string[];
  readonly acceptFrom: readonly string[];
  readonly redact: RedactConfig;
  readonly hooks: readonly string[] | undefined;
  readonly requests: boolean | "spans";
  readonly quiet: boolean;
  readonly queueBytes: number;
  readonly flushIntervalMs: number;
}

/** What settings are read from beside the code. */
export interface Surroundings {
  readonly env: Environment;
  readonly pid: number;
  /** The script that runs, for a default name. */
  readonly script: string | undefined;
  /** 0 in the main thread. */
  readonly threadId: number;
  /** Whether the process was forked by another Node process, whose environment it has. */
  readonly isFork: boolean;
}

export const MIN_WINDOW_BYTES: number = 64 * 1024;
const DEFAULT_WINDOW_MS = 60_000;
const DEFAULT_WINDOW_BYTES = 32 * 1024 * 1024;
const DEFAULT_QUEUE_BYTES = 8 * 1024 * 1024;
/** A request costs more than the events in it, so that half as many are felt by a busy service. */
const DEFAULT_FLUSH_INTERVAL_MS = 100;
/** Nothing is sent at these, unless a capture is asked for. */
const ON_DEMAND_INTERVAL_MS = 50;
/** Node's timers take 2^31 ms; a longer interval would be none at all. */
const MAX_FLUSH_INTERVAL_MS = 60_000;
const MAX_NODE_LENGTH = 80;
/** In UTF-8, as it travels: a service, a tag's name or its value. */
const MAX_NAME_BYTES = 200;
const MAX_TAGS = 64;
const FIELDS: ReadonlySet<string> = new Set([
  ...["service", "node", "tags", "collector", "token", "stream", "windowMs", "windowBytes"],
  ...[
    "maxDriftMs",
    "dataDir",
    "propagateTo",
    "acceptFrom",
    "redact",
    "hooks",
    "quiet",
    "queueBytes",
  ],
  ...["requests", "flushIntervalMs", "clock", "transport", "scheduler"],
]);

/**
 * @throws RetroError `bad-config`, naming the field (or the variable of the environment)
 */
export function resolveConfig(settings: Settings, around: Surroundings): Config {
  for (const field of Object.keys(settings)) {
    if (!FIELDS.has(field)) bad(field, "is not known", `Known are ${[...FIELDS].join(", ")}.`);
  }
  const { env } = around;
  /** What was given under which name: a mistake is told where it was made. */
  const given = (
    field: "collector" | "token" | "stream" | "hooks",
    variable: string,
  ): [string, unknown] =>
    settings[field] === undefined ? [variable, env[variable]] : [field, settings[field]];
  const window = windowOf(env);
  const service = text("service", settings.service ?? serviceOf(around));
  const stream = streamOf(...given("stream", "RETROSCOPE_STREAM"));
  return {
    service,
    node: nodeOf(settings, around, service),
    tags: tagsOf(settings, env["OTEL_RESOURCE_ATTRIBUTES"]),
    collector: collectorOf(...given("collector", "RETROSCOPE_COLLECTOR")),
    token: tokenOf(...given("token", "RETROSCOPE_TOKEN")),
    stream,
    windowMs: number("windowMs", settings.windowMs ?? window.ms ?? DEFAULT_WINDOW_MS, 1),
    windowBytes: number(
      "windowBytes",
      settings.windowBytes ?? window.bytes ?? DEFAULT_WINDOW_BYTES,
      MIN_WINDOW_BYTES,
    ),
    maxDriftMs: number(
      "maxDriftMs",
      settings.maxDriftMs ?? numberOf("RETROSCOPE_MAX_DRIFT_MS", env) ?? DEFAULT_MAX_DRIFT_MS,
      1,
    ),
    dataDir: optionalText("dataDir", settings.dataDir ?? env["RETROSCOPE_DATA"]),
    propagateTo: list("propagateTo", settings.propagateTo ?? split(env["RETROSCOPE_PROPAGATE_TO"])),
    acceptFrom: list("acceptFrom", settings.acceptFrom ?? []),
    redact: resolveRedact(settings.redact, env),
    hooks: hooksOf(...given("hooks", "RETROSCOPE_HOOKS")),
    requests: requestsOf(settings.requests, env["RETROSCOPE_REQUESTS"]),
    quiet: aSwitch("quiet", settings.quiet ?? isOn(env["RETROSCOPE_QUIET"])),
    queueBytes: number("queueBytes", settings.queueBytes ?? DEFAULT_QUEUE_BYTES, MIN_WINDOW_BYTES),
    flushIntervalMs: number(
      "flushIntervalMs",
      settings.flushIntervalMs ??
        (stream === "all" ? DEFAULT_FLUSH_INTERVAL_MS : ON_DEMAND_INTERVAL_MS),
      1,
      MAX_FLUSH_INTERVAL_MS,
    ),
  };
}

function serviceOf({ env, script }: Surroundings): string {
  const named = env["RETROSCOPE_SERVICE"] || env["OTEL_SERVICE_NAME"];
  if (named) return named;
  const name = script === undefined ? "" : basename(script).replace(/\.[cm]?[jt]sx?$/, "");
  return firstBytes(name) || "node"; // what nobody chose is cut, never refused
}

function streamOf(field: string, stream: unknown): StreamMode {
  if (stream === undefined || (stream === "" && field !== "stream")) return "all";
  if (stream === "all" || stream === "on-demand") return stream;
  return bad(field, `must be "all" or "on-demand", not ${show(stream)}`);
}

function nodeOf(settings: Settings, around: Surroundings, service: string): string {
  const { env, pid, threadId, isFork } = around;
  const thread = threadId === 0 ? "" : `.t${threadId}`;
  if (settings.node !== undefined) return nodeId("node", settings.node, thread);
  const inherited = env["RETROSCOPE_NODE"];
  if (inherited !== undefined && inherited !== "") {
    return nodeId("RETROSCOPE_NODE", inherited, (isFork ? `.${pid}` : "") + thread);
  }
  const tail = `.${pid}${thread}`;
  const plain = `${service}@${hostname()}`.replace(/[^A-Za-z0-9._:@-]/g, "-");
  return plain.slice(0, MAX_NODE_LENGTH - tail.length) + tail;
}

/** @param given by whom does not know better, anything: null with something behind it would be a name too */
function nodeId(field: string, given: unknown, suffix: string): string {
  const id = typeof given === "string" && given !== "" ? given + suffix : undefined;
  if (id !== undefined && AGENT_NODE_ID.test(id)) return id;
  return bad(
    field,
    `${show(id ?? given)} is no node id`,
    "Use 1 to 80 letters, digits and . _ : @ - in it.",
  );
}

function tagsOf(settings: Settings, attributes: string | undefined): Record<string, string> {
  const tags: Record<string, string> = {};
  const given: unknown = settings.tags ?? {};
  // Those of the environment are nobody's choice: they are cut, and stand back behind those given in code.
  const room = MAX_TAGS - Object.keys(given ?? {}).length;
  for (const pair of split(attributes)) {
    const equals = pair.indexOf("=");
    if (equals <= 0 || Object.keys(tags).length >= room) continue;
    tags[firstBytes(pair.slice(0, equals).trim())] = decoded(pair.slice(equals + 1).trim());
  }
  if (typeof given !== "object" || given === null) bad("tags", "must be an object of texts");
  for (const [key, value] of Object.entries(given)) {
    tags[text("tags", key)] = text(`tags.${key}`, value);
  }
  const entries = Object.entries(tags);
  if (entries.length > MAX_TAGS) bad("tags", `are ${entries.length}, more than ${MAX_TAGS}`);
  return tags;
}

function decoded(value: string): string {
  try {
    return firstBytes(decodeURIComponent(value));
  } catch {
    return firstBytes(value);
  }
}

/** The longest start of a text that may travel as a name. */
function firstBytes(value: string): string {
  let end = Math.min(value.length, MAX_NAME_BYTES);
  while (Buffer.byteLength(value.slice(0, end)) > MAX_NAME_BYTES) end -= 1;
  // Not the first half of a pair.
  const isHalf = end < value.length && /[\ud800-\udbff]$/.test(value.slice(0, end));
  return value.slice(0, isHalf ? end - 1 : end);
}

function collectorOf(field: string, value: unknown): URL | undefined {
  if (value === undefined || value === "") return undefined;
  const hint = "Use an address such as http://127.0.0.1:7700.";
  if (typeof value !== "string" || !URL.canParse(value)) {
    // An address with a password in it is not shown, however wrong it is.
    const mayHoldSecret = typeof value === "string" && value.includes("@");
    return bad(field, mayHoldSecret ? "is no URL" : `${show(value)} is no URL`, hint);
  }
  const url = new URL(value);
  if (!["http:", "https:"].includes(url.protocol)) bad(field, "must be http or https", hint);
  if (url.username !== "" || url.password !== "") {
    bad(field, "must hold no password", "Give the secret as `token`.");
  }
  return url;
}

function hooksOf(field: string, value: unknown): readonly string[] | undefined {
  if (value === undefined || value === "" || value === "all") return undefined;
  if (value === "none") return [];
  return list(field, typeof value === "string" ? split(value) : value);
}

function text(field: string, value: unknown): string {
  const bytes = typeof value === "string" ? Buffer.byteLength(value) : 0;
  if (typeof value === "string" && bytes > 0 && bytes <= MAX_NAME_BYTES) return value;
  return bad(field, `must be a text of 1 to ${MAX_NAME_BYTES} bytes of UTF-8, not ${show(value)}`);
}

function optionalText(field: string, value: unknown): string | undefined {
  if (value === undefined || value === "") return undefined;
  if (typeof value === "string") return value;
  return bad(field, "must be a text"); // never shown: it may be the token
}

/**
 * Without the blanks around it: files that hold a secret end with a line. A header takes no other characters than
 * these; Node would refuse each shipment, which looks like an error of ours. Never shown.
 */
function tokenOf(field: string, value: unknown): string | undefined {
  const token = optionalText(field, value)?.trim();
  if (token === undefined || token === "") return undefined;
  if (/^[\x20-\x7e]+$/.test(token)) return token;
  return bad(field, "holds characters that no header takes", "Use visible ASCII in one line.");
}

function list(field: string, value: unknown): readonly string[] {
  if (Array.isArray(value) && value.every((part) => typeof part === "string")) return value;
  return bad(field, `must be a list of texts, not ${show(value)}`);
}

function requestsOf(given: unknown, variable: string | undefined): boolean | "spans" {
  if ((given ?? variable) === "spans") return "spans";
  if (given === undefined || typeof given === "boolean") return given ?? isOn(variable);
  return bad("requests", `must be true, false or "spans", not ${show(given)}`);
}

function aSwitch(field: string, value: unknown): boolean {
  return typeof value === "boolean"
    ? value
    : bad(field, `must be true or false, not ${show(value)}`);
}

function number(
  field: string,
  value: unknown,
  min: number,
  max: number = Number.MAX_VALUE,
): number {
  if (typeof value === "number" && value >= min && value <= max) return value;
  const range = max === Number.MAX_VALUE ? `at least ${min}` : `${min} to ${max}`;
  return bad(field, `must be a number of ${range}, not ${show(value)}`);
}
