/**
 * Settings of the collector: one table for flags, environment and defaults. A flag wins over the
 * environment, the environment over the default.
 *
 *     --port   RETROSCOPE_COLLECTOR_PORT   7700              0 takes a free one
 *     --host   RETROSCOPE_COLLECTOR_HOST   127.0.0.1         loopback only, until there are tokens
 *     --data   RETROSCOPE_COLLECTOR_DATA   ./retroscope-data made if it does not exist
 *
 * (`RETROSCOPE_DATA` is the agents' own.)
 */
import { resolve } from "node:path";
import { RetroError } from "../agent/kernel/index.ts";

export interface CollectorConfig {
  /** 0: a free one. */
  readonly port: number;
  readonly host: string;
  /** Absolute path. */
  readonly data: string;
}

export interface Setting {
  readonly name: keyof CollectorConfig;
  readonly flag: string;
  readonly environment: string;
  readonly otherwise: string;
  readonly help: string;
}

export const DEFAULT_PORT = 7700;
export const DEFAULT_HOST = "127.0.0.1";
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
];

/**
 * @param given what was typed, by setting
 * @throws RetroError `bad-config`, naming the flag or the variable
 */
export function readCollectorConfig(
  given: Readonly<Partial<Record<keyof CollectorConfig, string>>>,
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
  return { port: Number(port), host, data: resolve(data) };
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
