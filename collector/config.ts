/**
 * Settings of the collector: one table for flags, environment and defaults. A flag wins over the
 * environment, the environment over the default.
 *
 *     --port   RETROSCOPE_COLLECTOR_PORT   7700              0 takes a free one
 *     --host   RETROSCOPE_COLLECTOR_HOST   127.0.0.1         loopback only, until there are tokens
 *     --data   RETROSCOPE_COLLECTOR_DATA   ./retroscope-data made if it does not exist
 *     --retention  RETROSCOPE_COLLECTOR_RETENTION   none   what came longer ago goes: 24h, 7d
 *     --webhook-hosts  RETROSCOPE_COLLECTOR_WEBHOOK_HOSTS  none   whom monitors may tell: alerts.example:8080,localhost
 *     --max-bytes  RETROSCOPE_COLLECTOR_MAX_BYTES   none   above this the oldest goes: 500MB, 10GB
 *
 * (`RETROSCOPE_DATA` is the agents' own.)
 */
import { resolve } from "node:path";
import { parseDurationMs, RetroError } from "../agent/kernel/index.ts";

export interface CollectorConfig {
  /** 0: a free one. */
  readonly port: number;
  readonly host: string;
  /** Absolute path. */
  readonly data: string;
  /** What came longer ago is removed; undefined: nothing for its age. */
  readonly retentionMs: number | undefined;
  /** Above this the oldest is removed; undefined: nothing for its size. */
  readonly maxBytes: number | undefined;
  /** Hosts that webhooks of monitors may call. */
  readonly webhookHosts: readonly string[];
}

export interface Setting {
  readonly name: "port" | "host" | "data" | "retention" | "maxBytes" | "webhookHosts";
  readonly flag: string;
  readonly environment: string;
  readonly otherwise: string;
  readonly help: string;
}

export const DEFAULT_PORT = 7700;
export const DEFAULT_HOST = "127.0.0.1";
/** Keeps everything. */
export const NO_LIMIT = "none";
/** A shorter retention would remove what nodes have not told completely yet. */
export const MIN_RETENTION_MS = 1_000;
/** Room for a history of any use. */
export const MIN_MAX_BYTES: number = 1024 * 1024;
/** Below the working directory. */
export const DEFAULT_DATA = "retroscope-data";

export const SETTINGS: readonly Setting[] = [
  {
    name: "port",
    flag: "--port <number>",
    environment: "RETROSCOPE_COLLECTOR_PORT",
    otherwise: String(DEFAULT_PORT),
    help: "Port of agents, API and timeline; 0 takes a free one",
  },
  {
    name: "host",
    flag: "--host <address>",
    environment: "RETROSCOPE_COLLECTOR_HOST",
    otherwise: DEFAULT_HOST,
    help: "Address to listen on; loopback only for now",
  },
  {
    name: "data",
    flag: "--data <directory>",
    environment: "RETROSCOPE_COLLECTOR_DATA",
    otherwise: DEFAULT_DATA,
    help: "Where history is kept; made if it does not exist",
  },
  {
    name: "retention",
    flag: "--retention <duration>",
    environment: "RETROSCOPE_COLLECTOR_RETENTION",
    otherwise: NO_LIMIT,
    help: "Remove what came longer ago: 24h, 7d",
  },
  {
    name: "maxBytes",
    flag: "--max-bytes <size>",
    environment: "RETROSCOPE_COLLECTOR_MAX_BYTES",
    otherwise: NO_LIMIT,
    help: "Above this size of the history remove the oldest: 500MB, 10GB",
  },
  {
    name: "webhookHosts",
    flag: "--webhook-hosts <hosts>",
    environment: "RETROSCOPE_COLLECTOR_WEBHOOK_HOSTS",
    otherwise: NO_LIMIT,
    help: "Hosts that webhooks of monitors may call: alerts.example:8080,localhost",
  },
];

/**
 * @param given what was typed, by setting
 * @throws RetroError `bad-config`, naming the flag or the variable
 */
export function readCollectorConfig(
  given: Readonly<Partial<Record<Setting["name"], string>>>,
  environment: Readonly<Record<string, string | undefined>>,
): CollectorConfig {
  const text = new Map<string, string>();
  const source = new Map<string, string>();
  for (const { name, flag, environment: variable, otherwise } of SETTINGS) {
    const typed = given[name];
    const set = environment[variable];
    const isFromEnvironment = typed === undefined && set !== undefined && set !== "";
    text.set(name, typed ?? (isFromEnvironment ? set : otherwise));
    source.set(name, isFromEnvironment ? variable : (flag.split(" ")[0] as string));
  }
  const port = text.get("port") ?? "";
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) {
    throw badConfig(`${source.get("port")} is no port: ${JSON.stringify(port)}`, "Use 0 to 65535.");
  }
  const data = text.get("data") ?? "";
  if (data.trim() === "") {
    throw badConfig(`${source.get("data")} is empty`, "Name a directory on a local disk.");
  }
  const host = text.get("host") ?? "";
  checkHost(host, source.get("host") ?? "host");
  const retention = text.get("retention") ?? NO_LIMIT;
  const maxBytes = text.get("maxBytes") ?? NO_LIMIT;
  return {
    port: Number(port),
    host,
    data: resolve(data),
    retentionMs: retentionOf(retention, source.get("retention") ?? ""),
    maxBytes: sizeOf(maxBytes, source.get("maxBytes") ?? ""),
    webhookHosts: hostsOf(text.get("webhookHosts") ?? NO_LIMIT, source.get("webhookHosts") ?? ""),
  };
}

function retentionOf(text: string, source: string): number | undefined {
  if (text === NO_LIMIT) return undefined;
  const days = /^(\d{1,6}(?:\.\d+)?)d$/.exec(text)?.[1];
  const ms = days === undefined ? durationMs(text) : Number(days) * 86_400_000;
  if (ms !== undefined && ms >= MIN_RETENTION_MS) return ms;
  throw badConfig(
    `${source} is no duration of 1s or more: ${JSON.stringify(text)}`,
    "Use 24h, 7d, 90m, or none to keep everything.",
  );
}

function durationMs(text: string): number | undefined {
  try {
    return parseDurationMs(text);
  } catch {
    return undefined;
  }
}

const UNITS: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KIB: 2 ** 10,
  MIB: 2 ** 20,
  GIB: 2 ** 30,
  TIB: 2 ** 40,
};

/** `10GB`, `500 MiB`; a bare number is bytes. */
function sizeOf(text: string, source: string): number | undefined {
  if (text === NO_LIMIT) return undefined;
  const [, number, unit = ""] = /^(\d{1,15}(?:\.\d+)?) ?([a-z]*)$/i.exec(text) ?? [];
  const factor = UNITS[unit.toUpperCase() || "B"];
  const bytes =
    number === undefined || factor === undefined ? 0 : Math.floor(Number(number) * factor);
  if (bytes >= MIN_MAX_BYTES) return bytes;
  throw badConfig(
    `${source} is no size of 1 MiB or more: ${JSON.stringify(text)}`,
    "Use 500MB, 10GB or 2TiB, or none for no limit.",
  );
}

/** Names with or without a port, between commas. */
function hostsOf(text: string, source: string): readonly string[] {
  if (text === NO_LIMIT) return [];
  const hosts = text.split(",").map((one) => one.trim());
  if (hosts.every((one) => /^(?:[\w.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i.test(one))) return hosts;
  throw badConfig(
    `${source} is no list of hosts: ${JSON.stringify(text)}`,
    "Use names with or without a port, between commas: alerts.example:8080,localhost.",
  );
}

/** @throws RetroError `bad-config` unless `host` can only be reached from this machine */
export function checkHost(host: string, source = "host"): void {
  if (host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host)) return;
  throw badConfig(
    `${source} must be a loopback address, not ${JSON.stringify(host)}`,
    "Access tokens and TLS come with a later version; until then nothing but this machine may reach" +
      " a collector. Use 127.0.0.1, and a tunnel from elsewhere (ssh -L 7700:127.0.0.1:7700).",
  );
}

function badConfig(message: string, hint: string): RetroError {
  return new RetroError("bad-config", message, { hint });
}
