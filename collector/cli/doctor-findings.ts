/** From what a watched process reported to what a person should know and do. Pure: reports in, findings out. */
import type { Watched } from "./doctor-child.ts";
import { REGISTER } from "./doctor-paths.ts";
import {
  type AgentReport,
  type HookReport,
  mainReports,
  type PackageReport,
  type Report,
} from "./doctor-reports.ts";
import { shippingFindings } from "./doctor-shipping.ts";
import { type Finding, finding } from "./finding.ts";
import { listed } from "./text.ts";

/** The packages that hooks are for. */
const PACKAGE_OF: Readonly<Record<string, string>> = {
  kafkajs: "kafkajs",
  grpc: "@grpc/grpc-js",
  ws: "ws",
};

/** @param isProbe it was our own small service: it need not listen, and ends by itself */
export function processFindings(watched: Watched, isProbe: boolean): readonly Finding[] {
  const reports = mainReports(watched.reports);
  return [
    ...(isProbe && !couldNotFinish(watched) ? [] : endFindings(watched, reports)),
    ...(reports.length === 0 ? [silence(watched)] : joined(reports, isProbe)),
  ];
}

/** What all processes and threads say is said once; else it is said of whom. */
function joined(reports: readonly Report[], isProbe: boolean): readonly Finding[] {
  const sayers = new Map<string, { readonly one: Finding; readonly by: Report[] }>();
  for (const report of reports) {
    for (const one of agentFindings(report, isProbe)) {
      const key = JSON.stringify(one);
      const known = sayers.get(key) ?? { one, by: [] };
      known.by.push(report);
      sayers.set(key, known);
    }
  }
  return [...sayers.values()].map(({ one, by }) => {
    if (by.length === reports.length) return one;
    const names = by.map(({ pid, threadId }) =>
      threadId === 0 ? `${pid}` : `${pid} thread ${threadId}`,
    );
    return { ...one, subject: `${one.subject} (${listed(names, 3)})` };
  });
}

/** Whether nobody can say how the command is: it did not get as far as being looked at. */
export function couldNotFinish(watched: Watched): boolean {
  const { ended } = watched;
  return ended !== undefined && (ended.code !== 0 || ended.signal !== null);
}

function endFindings({ ended, tookMs, tail }: Watched, reports: readonly Report[]): Finding[] {
  const after = `after ${(tookMs / 1_000).toFixed(1)} s`;
  if (ended !== undefined && ended.code === 0) {
    // Who closes its agent meant to end.
    const level = reports.some(({ agent }) => agent?.isClosed) ? "ok" : "note";
    return [finding(level, "command", `it ended by itself ${after}, with exit code 0`)];
  }
  if (ended !== undefined) {
    const how = ended.signal === null ? `with exit code ${ended.code}` : `by ${ended.signal}`;
    return [finding("bad", "command", `it ended ${after}, ${how}`, adviceOnEnd(tail))];
  }
  // Where nobody reported, nobody knows whether it listens.
  if (reports.length === 0 || reports.some(({ agent }) => agent?.isListening)) return [];
  return [
    finding(
      "note",
      "command",
      `it did not listen within ${(tookMs / 1_000).toFixed(1)} s`,
      "If it needs longer, watch longer: --for 30s.",
    ),
  ];
}

function adviceOnEnd(tail: string): string {
  const lost = /Cannot find (?:package|module) 'retroscope\S* imported from (\S+)/.exec(tail);
  if (lost !== null) {
    return (
      `Node looks for \`--import retroscope/register\` from the working directory (${lost[1]}), not from the ` +
      `application's. Start it in the folder that has node_modules/retroscope, or give the path: --import ${REGISTER.href}`
    );
  }
  return "See its last words. Does it run without doctor?";
}

function silence({ ended, preload, tookMs }: Watched): Finding {
  const hasFailed = ended !== undefined && (ended.code !== 0 || ended.signal !== null);
  if (!preload && hasFailed) {
    const what = "no agent reported from this command";
    return finding("bad", "agent", what, "It ended before it called startAgent.");
  }
  if (!preload) {
    const within = ended === undefined ? ` (within ${(tookMs / 1_000).toFixed(1)} s)` : "";
    const longer = ended === undefined ? " If it does so later, watch longer: --for 30s." : "";
    const what = `this application does not call startAgent${within}`;
    const advice = `Leave --as-is out: then doctor preloads the agent.${longer}`;
    return finding("bad", "agent", what, advice);
  }
  return finding(
    "bad",
    "agent",
    "no agent reported from this command",
    ended === undefined
      ? "Is it a Node process? One that clears NODE_OPTIONS must be given --import retroscope/register itself."
      : "It ended before the agent was loaded: is it a Node process?",
  );
}

function agentFindings(report: Report, isProbe: boolean): Finding[] {
  const { agent, notStarted } = report;
  if (agent === null) {
    return [finding("bad", "agent", `not started: ${notStarted ?? "for no reason known"}`)];
  }
  const hooks = Object.entries(agent.hooks);
  const unseen = hooks.filter(([name, { state }]) => state === "absent" && suspect(name, agent));
  const findings = hooks
    .filter((hook) => !unseen.includes(hook))
    // An agent that turned itself off took its hooks out.
    .filter(([, { state, reason }]) => agent.health !== "off" || state !== "off" || reason !== null)
    .map(([name, hook]) => hookFinding(name, hook, agent));
  if (unseen.length > 0) findings.push(unseenFinding(unseen, agent));
  if (agent.isClosed) findings.push(finding("ok", "agent", "it closed by itself"));
  if (agent.health === "off") {
    findings.push(finding("bad", "agent", `off: ${agent.healthReason ?? "for no reason known"}`));
  } else if (Object.keys(agent.hooks).length === 0) {
    findings.push(finding("note", "agent", "no hooks: RETROSCOPE_HOOKS or `hooks` says none"));
  }
  if (agent.otherOptions) {
    findings.push(
      finding(
        "note",
        "agent",
        "the application calls startAgent itself, with options that did not count here",
        "Run `retroscope doctor --as-is -- ...`, which leaves the preload out.",
      ),
    );
  }
  if (isProbe) findings.push(...probeFindings(agent));
  const peers = agent.unstamped.map(({ peer, direction }) => `${direction} ${peer}`);
  if (peers.length > 0) {
    const which = listed(peers, 5);
    findings.push(finding("note", "messages", `some went without a stamp: ${which}`, UNSTAMPED));
  }
  if (!isProbe) findings.push(...shippingFindings(agent));
  return findings;
}

/** Requests and replies of the probe's calls, three by `http.get` and one by `fetch`. */
const PROBE_MESSAGES = 8;

/** A hook that stands and sees nothing is none. */
function probeFindings({ hooks, sends, receives }: AgentReport): Finding[] {
  const http = ["http-server", "http-client", "fetch"].map((name) => hooks[name]?.state);
  const isAsked = http.every((state) => state === "active" || state === "degraded");
  if (!isAsked || (sends >= PROBE_MESSAGES && receives >= PROBE_MESSAGES)) return [];
  const what = `of ${PROBE_MESSAGES} over HTTP, ${sends} sends and ${receives} receives were recorded`;
  return [finding("bad", "messages", what, "Please report it, with the version of Node.")];
}

const UNSTAMPED =
  "Does the other side have an agent? Peers beyond the local network are let in by `propagateTo` and `acceptFrom`.";

function hookFinding(name: string, { state, reason }: HookReport, agent: AgentReport): Finding {
  const subject = `hook ${name}`;
  const said = reason === null ? state : `${state}: ${reason}`;
  if (state === "active") return finding("ok", subject, said);
  if (state === "degraded") {
    return finding(
      "note",
      subject,
      said,
      "Messages are stamped, some of them early or not at all.",
    );
  }
  if (state === "absent") return absent(name, subject, agent);
  if (state === "shadowed") {
    // What OpenTelemetry would carry the other hooks carry; a hook of ours in the shadow carries nothing.
    return name === "otel"
      ? finding("note", subject, said, "See agent/README.md, OpenTelemetry.")
      : finding("bad", subject, said, "Two copies of the agent run in one process: leave one out.");
  }
  if (state === "off") {
    return reason === null
      ? finding("note", subject, "off: not asked for")
      : finding("bad", subject, said, "Five errors of our own: please report them.");
  }
  return finding(
    "bad",
    subject,
    said,
    "Stamp by hand: agent.stamp(headers), agent.merge(headers).",
  );
}

/** Absent is well. */
function absent(name: string, subject: string, { packages }: AgentReport): Finding {
  const found = packages.find((each) => each.name === PACKAGE_OF[name]);
  const why = found === undefined ? "not in use" : `${versioned(found)} is not loaded`;
  return finding("ok", subject, `absent: ${why}`);
}

/** The package of an absent hook that the application has or asks for, and that we did not see come. */
function suspect(name: string, { packages }: AgentReport): PackageReport | undefined {
  const found = packages.find((each) => each.name === PACKAGE_OF[name]);
  return found !== undefined && (found.loaded.length > 0 || found.isDependency) ? found : undefined;
}

function unseenFinding(
  hooks: readonly (readonly [name: string, unknown])[],
  agent: AgentReport,
): Finding {
  const names = hooks.map(([name]) => name);
  const found = names.flatMap((name) => suspect(name, agent) ?? []).map(versioned);
  const isOne = names.length === 1;
  const are = isOne ? "is a dependency: it was" : "are dependencies: they were";
  return finding(
    "note",
    `hook${isOne ? "" : "s"} ${names.join(", ")}`,
    `absent, but ${found.join(", ")} ${are} not seen to be loaded`,
    "Not used is well. If bundled into the application, hand it over: " +
      `${names.map((name) => `agent.instrument("${name}", ...)`).join(", ")}. ` +
      "If it is loaded later, watch longer: --for 30s.",
  );
}

function versioned({ name, installed }: PackageReport): string {
  return installed === null ? name : `${name} ${installed}`;
}
