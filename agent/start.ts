/**
 * One agent per process. The instance lives under a `Symbol.for` key, so that two copies of the package
 * share it; starting again gives the running one.
 */
import { threadId } from "node:worker_threads";
import { Agent } from "./agent.ts";
import { resolveConfig, type Settings } from "./config.ts";
import { refuse, show } from "./config-error.ts";
import { mistypedIn } from "./environment.ts";
import { flushAtExit } from "./exit.ts";
import { HOOK_NAMES } from "./propagation/install.ts";
import type { AgentPorts } from "./runtime.ts";
import { reportToDoctor } from "./self-report.ts";

/** What `startAgent` takes: plain settings, and ports for tests. */
export interface AgentOptions extends Settings, AgentPorts {}

const RUNNING = Symbol.for("retroscope.agent");

interface Running {
  readonly agent: Agent;
  readonly options: AgentOptions;
  /** Whether somebody wanted other options since. */
  otherOptions: boolean;
}

interface Shared {
  [RUNNING]?: Running | undefined;
}

/**
 * Starts the agent of this process, or returns the one that runs. All settings are optional; the
 * environment (`RETROSCOPE_COLLECTOR`, `RETROSCOPE_SERVICE`, ...) fills in what code leaves out.
 *
 * @throws RetroError `bad-config`, naming the field. The only call that throws for a mistake of settings.
 *
 * @example
 * const agent = startAgent({ service: "cart", collector: "http://127.0.0.1:7700" });
 * agent.log("stock").set("apples", 12);
 */
export function startAgent(options: AgentOptions = {}): Agent {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    refuse("startAgent", "takes an object of settings", 'Write startAgent({ service: "cart" }).');
  }
  const shared = globalThis as Shared;
  const running = shared[RUNNING];
  if (running !== undefined && running.agent.health !== "off") {
    if (!areAlike(options, running.options)) {
      running.otherOptions = true;
      running.agent.notice(
        "started-twice",
        "startAgent was called again with other options; the first stand",
      );
    }
    return running.agent;
  }
  checkPorts(options);
  const { clock, transport, scheduler, ...settings } = options;
  const config = resolveConfig(settings, surroundings());
  checkHooks(options.hooks === undefined ? "RETROSCOPE_HOOKS" : "hooks", config.hooks ?? []);
  const agent = new Agent(config, { clock, transport, scheduler });
  const started: Running = { agent, options, otherOptions: false };
  shared[RUNNING] = started;
  flushAtExit(agent);
  agent.notice("start", agent.startLine);
  warnOf(agent, config.collector);
  reportToDoctor(agent, {
    collector: config.collector?.href,
    otherOptions: () => started.otherOptions,
  });
  return agent;
}

let inert: Agent | undefined;

/**
 * The running agent; before `startAgent`, and after `close`, one with the same interface that records
 * nothing. What is obtained from such a one (a log, a handle) stays without effect.
 *
 * @example
 * getAgent().mark("cache cleared"); // in code that does not know who started the agent
 */
export function getAgent(): Agent {
  const running = (globalThis as Shared)[RUNNING];
  if (running !== undefined && !running.agent.isClosed) return running.agent;
  inert ??= new Agent(resolveConfig({ hooks: "none" }, { ...surroundings(), env: {} }), {}, true);
  return inert;
}

function surroundings(): Parameters<typeof resolveConfig>[1] {
  return {
    env: process.env,
    pid: process.pid,
    script: process.argv[1],
    threadId,
    isFork: process.env["NODE_UNIQUE_ID"] !== undefined || process.channel !== undefined,
  };
}

/** Tells of settings that are valid, and hardly meant. */
function warnOf(agent: Agent, collector: URL | undefined): void {
  const mistyped = mistypedIn(process.env);
  if (mistyped.length > 0) agent.notice("variables", mistyped.join("; "));
  if (collector === undefined || collector.pathname === "/") return;
  const path = collector.pathname.replace(/\/+$/, "");
  agent.notice(
    "collector-path",
    `the collector's address has a path: batches go to ${collector.origin}${path}/v1/batches; without a proxy there, leave out ${path}`,
  );
}

/** Ports are objects with the right methods; a wrong one is a mistake of settings, not of ours. */
function checkPorts({ clock, transport, scheduler }: AgentOptions): void {
  const wanted: ReadonlyArray<readonly [field: string, port: unknown, methods: readonly string[]]> =
    [
      ["clock", clock, ["now"]],
      ["transport", transport, ["send", "close"]],
      ["scheduler", scheduler, ["nowMs", "after", "random"]],
    ];
  for (const [field, port, methods] of wanted) {
    if (port === undefined) continue;
    const missing = methods.find(
      (method) => typeof (port as Record<string, unknown> | null)?.[method] !== "function",
    );
    if (missing === undefined) continue;
    refuse(field, `has no method ${missing}`);
  }
}

function checkHooks(field: string, names: readonly string[]): void {
  const unknown = names.find((name) => !(HOOK_NAMES as readonly string[]).includes(name));
  if (unknown === undefined) return;
  const hint = `Use "none", or a list of ${HOOK_NAMES.join(", ")}.`;
  refuse(field, `has ${show(unknown)}, and there is no such hook`, hint);
}

/** Whether a second start asks for what the first one asked for; what it leaves out is no difference. */
function areAlike(again: AgentOptions, first: AgentOptions): boolean {
  return Object.entries(again).every(([field, value]) => {
    const before = first[field as keyof AgentOptions];
    if (value === before) return true;
    try {
      return JSON.stringify(value) === JSON.stringify(before);
    } catch {
      return false; // a port that holds itself
    }
  });
}
