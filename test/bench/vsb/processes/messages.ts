/** What the run (record.ts) and its processes say to each other over IPC. Times are `monotonicMs`. */
import type { FaultName } from "../faults.ts";

/** To a tier, the proxy or a burner: do it now. */
export interface Inject {
  readonly do: "inject";
  readonly id: number;
  readonly fault: FaultName;
  readonly durationMs: number;
}

/** It is over. From the injector's own log. */
export interface Injected {
  readonly injected: number;
  readonly startMs: number;
  readonly endMs: number;
  readonly detail: Readonly<Record<string, number>>;
}

/** Write down what you noted, and say so. */
export interface Dump {
  readonly do: "dump";
  readonly file: string;
}

export interface Dumped {
  readonly dumped: true;
  readonly extra?: Readonly<Record<string, unknown>>;
}

/** The first word of a process that listens. */
export interface Listening {
  readonly port: number;
}

/** To the load: the first request is due at `originMs` + its place in the list. */
export interface Begin {
  readonly do: "begin";
  readonly originMs: number;
}

export type Order = Inject | Dump | Begin;
