/**
 * Where the watched application ships to: whether it gets there, and whether that is the collector that the
 * doctor asks. Pure.
 */

import type { AgentReport, Report } from "./doctor-reports.ts";
import { type Finding, finding } from "./finding.ts";
import { listed } from "./text.ts";

/** What the agent's own words begin with where requests fail (agent/shipping/reach.ts). */
const NOT_TAKEN = "the collector does not take batches: ";

/** What stands between an agent and its collector. Our own service ships nothing, and is not asked. */
export function shippingFindings(agent: AgentReport): readonly Finding[] {
  const { collector, shippingProblem } = agent;
  if (collector !== null && shippingProblem !== null) {
    const what = `it cannot ship to ${shown(collector)} (${reasonOf(shippingProblem)})`;
    return [finding("bad", "shipping", what, adviceOn(shippingProblem, collector))];
  }
  // With other options in code, which may name a collector, nothing is known of where it ships.
  if (collector !== null || agent.otherOptions) return [];
  const advice = "Set RETROSCOPE_COLLECTOR=http://127.0.0.1:7700.";
  return [finding("note", "agent", "it ships nowhere", advice)];
}

/** What the agent itself advises behind its reason (agent/shipping/http-transport.ts): we do so apart. */
const AGENT_ADVICE =
  /: ((?:the collector's address|another service|no TLS|what answers there) .*)$/;

/** `ECONNREFUSED`; `404, there is no /api/v1/batches`; else as the agent says it. */
function reasonOf(problem: string): string {
  if (!problem.startsWith(NOT_TAKEN)) return problem;
  const reason = problem.slice(NOT_TAKEN.length).replace(AGENT_ADVICE, "");
  return reason.replace(/^(\d{3}) (?:[a-z-]+: )?(?=.)/, "$1, ");
}

function adviceOn(problem: string, collector: string): string {
  const { origin, pathname } = new URL(collector);
  if (/token \(/.test(problem)) return "Give it the collector's token: RETROSCOPE_TOKEN.";
  if (/: 404\b/.test(problem) && pathname !== "/") {
    return `Leave the path ${pathname} out, unless a proxy wants it: ${origin}.`;
  }
  const told = AGENT_ADVICE.exec(problem)?.[1];
  if (told !== undefined) return `${told[0]?.toUpperCase()}${told.slice(1)}.`;
  if (/: \d{3}\b|is not a collector's/.test(problem)) {
    return `Is it a collector that answers at ${origin}?`;
  }
  if (!problem.startsWith(NOT_TAKEN)) return "See its standard error.";
  return "Start a collector there (`npx retroscope collector`), or name another with RETROSCOPE_COLLECTOR.";
}

/** What is to be known where the application ships elsewhere than to the collector that was asked. */
export function otherCollectorFindings(reports: readonly Report[], asked: string): Finding[] {
  const agents = reports.flatMap(({ agent }) => agent ?? []);
  const isIll = agents.some(({ shippingProblem }) => shippingProblem !== null);
  const targets = agents.flatMap(({ collector }) => collector ?? []);
  const others = [...new Set(targets.map(shown))].filter((url) => !isSame(url, asked));
  if (others.length === 0) return [];
  const advice = isIll
    ? `If the first is meant, set RETROSCOPE_COLLECTOR=${shown(asked)}.`
    : `Ask that one: --url ${others[0]}`;
  const what = `asked is ${shown(asked)}, but the application ships to ${listed(others, 3)}`;
  return [finding("note", "collector", what, advice)];
}

function isSame(one: string, other: string): boolean {
  return plainAddress(one) === plainAddress(other);
}

/** The names of this machine's loopback are one. */
function plainAddress(url: string): string {
  const parsed = new URL(url);
  if (/^(localhost|127\.0\.0\.1|\[::1\])$/.test(parsed.hostname)) parsed.hostname = "127.0.0.1";
  return shown(parsed.href);
}

/** Without a slash at its end, and without what might be secret. */
function shown(url: string): string {
  const { origin, pathname } = new URL(url);
  return (origin + pathname).replace(/\/+$/, "");
}
