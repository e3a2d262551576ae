/**
 * Why a cut is as it is, in sentences: for every reason of an incomplete cut what it means here, and what
 * to do about it. The facts are the cut's own; this is only the telling.
 */
import {
  formatHlcDisplay,
  formatIsoMicros,
  type Hlc,
  type LostRange,
  TICKS_PER_MS,
} from "../../agent/kernel/index.ts";
import type { Cut, Incomplete, NodeSummary, Violation } from "../cut/history.ts";

export interface Finding {
  readonly concerns: "state" | "order" | "messages";
  readonly entry: Incomplete;
  readonly why: string;
  readonly advice: string;
}

export interface Explanation {
  readonly summary: string;
  readonly findings: readonly Finding[];
}

/** Why and what to do. */
type Telling = readonly [why: string, advice: string];

/** A finding tells of one channel that contradicts; of so many, at most. */
const CHANNELS_TOLD = 100;

/** @param nodes of `history.nodes()`, for what is known of those who are named */
export function explain(cut: Cut, nodes: readonly NodeSummary[]): Explanation {
  const byNode = new Map(nodes.map((node) => [node.node, node]));
  const telling = (entry: Incomplete): Telling => tell(entry, byNode.get(entry.node), cut.at);
  const state = cut.incomplete.map((entry): Finding => {
    const [why, advice] = telling(entry);
    return { concerns: "state", entry, why, advice };
  });
  const known = new Set(cut.incomplete.map((entry) => JSON.stringify(entry)));
  const messages = cut.inFlightIncomplete
    .filter((entry) => !known.has(JSON.stringify(entry)))
    .map((entry): Finding => {
      const [why, advice] = telling(entry);
      const told = `${why} So messages in flight may be missing or shown in vain.`;
      return { concerns: "messages", entry, why: told, advice };
    });
  return { summary: summaryOf(cut), findings: [...state, ...orderOf(cut), ...messages] };
}

function summaryOf(cut: Cut): string {
  const at = `The cut at ${iso(cut.at)}`;
  const members = `${cut.members.length} ${cut.members.length === 1 ? "node" : "nodes"}`;
  const missing = new Set(cut.incomplete.map(({ node }) => node)).size;
  const isWhole = cut.complete
    ? cut.members.length === 0
      ? `${at} is complete: nobody was a member then`
      : `${at} is complete: nothing of its ${members} is missing`
    : `${at} is incomplete: something of ${missing} ${missing === 1 ? "node" : "nodes"} is missing`;
  const isOrdered = cut.consistent
    ? "no message was received in it that it does not see sent"
    : `it holds messages received but not sent`;
  const joint = cut.complete === cut.consistent ? "and" : "but";
  return `${isWhole}, ${joint} ${isOrdered}.`;
}

/** One finding per channel. */
function orderOf({ violations }: Cut): Finding[] {
  const byChannel = new Map<string, Violation[]>();
  for (const one of violations) {
    const key = `${one.channel.from}\n${one.channel.to}`;
    const list = byChannel.get(key);
    if (list === undefined) byChannel.set(key, [one]);
    else list.push(one);
  }
  return [...byChannel.values()].slice(0, CHANNELS_TOLD).map((list): Finding => {
    const [{ channel, send, receive }] = list as [Violation, ...Violation[]];
    const ahead = ((send.t - receive.t) / TICKS_PER_MS).toFixed(3);
    const entry: Incomplete = { node: channel.to, reason: "lagging", from: receive.t, to: send.t };
    return {
      concerns: "order",
      entry,
      why: `${channel.to} received ${list.length === 1 ? "a message" : `${list.length} messages`} of ${channel.from} before the stamp of its sending: the first by ${ahead} ms.`,
      advice: `${channel.to} did not merge the stamps of ${channel.from}, most likely since its clock is too far ahead. See \`retroscope causality\` for the clocks, \`refused\` of /api/nodes, and set the clock or \`maxDriftMs\`. Cuts before ${iso(receive.t)} and from ${iso(send.t)} on do not hold this contradiction.`,
    };
  });
}

function tell(entry: Incomplete, known: NodeSummary | undefined, t: Hlc): Telling {
  switch (entry.reason) {
    case "lagging":
      return lagging(entry, known);
    case "hole":
      return hole(entry);
    case "suspect":
      return [
        `${entry.node} is silent, and nothing of it is known ${after(entry.after)}.`,
        "See whether its process runs and reaches the collector. When it speaks again the cut becomes complete; if it stays silent it expires, 60 s after it spoke last unless configured otherwise.",
      ];
    case "expired":
      return [
        `${entry.node} fell silent after ${at(entry.from)} and was given up at ${at(entry.to)}: what it did between is not known.`,
        `Ask for a time up to ${at(entry.from)}, or from ${at(entry.to)} on, when it was no member. If its process still has the events, it sends them when it comes back.`,
      ];
    case "lost":
      return lost(entry, known);
    case "not-captured":
      return notCaptured(entry, t);
    case "outside-retention":
      return [
        `What ${entry.node} did ${entry.to === undefined ? "then" : `before ${at(entry.to)}`} is no longer kept.`,
        "Ask for a later time. To keep more, start the collector with a longer --retention or larger --max-bytes; a saved cut stays.",
      ];
    case "rebuilding":
      return [
        `This collector has taken over ${entry.node} and still reads its history.`,
        "Ask again in a moment: it answers as soon as it has caught up.",
      ];
    case "unknown-node":
      return [
        `A message that was received at ${at(entry.from)} names ${entry.node} as its sender, and nothing of that node has come.`,
        "Let its agent ship to this collector, or wait if it just started. If it never will, the node expires 60 s after it was last named.",
      ];
  }
}

function lagging(
  { node, from, after: until }: Incomplete,
  known: NodeSummary | undefined,
): Telling {
  if (until === undefined) {
    return [
      `A message that was received at ${at(from)} was sent by a run of ${node} of which nothing has come.`,
      "Its agent may have started just now, or cannot reach the collector: ask again in some seconds, then look at its log.",
    ];
  }
  if (from !== undefined) return twoProcesses(node, from);
  if (known?.status === "imported") {
    return [
      `The file that ${node} was imported from ends at ${iso(until)}.`,
      "Ask for a time inside the file, or import what comes after.",
    ];
  }
  return [
    `${node} is alive, and has told what it did up to ${iso(until)} so far.`,
    "Agents tell once a second: ask again, or let the question wait (wait=2s, --wait 2s).",
  ];
}

function twoProcesses(node: string, from: Hlc): Telling {
  return [
    `From ${iso(from)} on two processes recorded under the id ${node}: which of them the node was nobody can say.`,
    "Give each process an id of its own; the collector has told the younger one to take another.",
  ];
}

function hole({ node, from, to, seq, events }: Incomplete): Telling {
  const count = events === undefined ? "Events" : `${events} ${events === 1 ? "event" : "events"}`;
  const first = seq === undefined ? "" : `, from number ${seq} on,`;
  const since = from === undefined ? "before" : `between ${iso(from)} and`;
  return [
    `${count} of ${node}${first} ${since} ${at(to)} have not come, though later ones have.`,
    "Its agent sends them again until they are acknowledged: wait for it. If its process is gone they are lost; a time before them is complete.",
  ];
}

/** What became of events that an agent declared lost, and what helps against it. */
const LOSSES: Readonly<Record<LostRange["reason"], Telling>> = {
  overflow: [
    "its agent's queue was full, since it could not ship as fast as it recorded",
    "Enlarge the agent's window, or find out why the collector was slow or away then.",
  ],
  refused: [
    "the collector refused them, or could not read them back from its disk",
    "Look for refusals in the agent's and for damage in the collector's log; `retroscope verify` checks the store.",
  ],
  shed: [
    "its agent left them out to stay within its budget of time",
    "Record less at that place, or raise the agent's budget.",
  ],
  "aged-out": [
    "they left the agent's window before anybody asked for them",
    "Capture sooner, or let the agent keep a longer window.",
  ],
  shutdown: [
    "its process ended before they were shipped",
    "Call `agent.close()` and wait for it, or raise its budget at shutdown.",
  ],
  "not-captured": ["nobody asked for them", "Capture that time while the node still holds it."],
};

function lost(entry: Incomplete, known: NodeSummary | undefined): Telling {
  const { node, from, to, events, logs } = entry;
  if (events === undefined) {
    const begun = known?.epochs.some(({ joined }) => joined === from) === true;
    if (begun && from !== undefined) return twoProcesses(node, from);
    return [
      `${node} ended without a word after ${at(from)} and began anew at ${at(to)}: what it did between is not known.`,
      `Most likely its process was killed. Ask for a time up to ${at(from)} or from ${at(to)} on.`,
    ];
  }
  const range = known?.lost.find(({ firstT, lastT }) => firstT === from && lastT === to);
  const [why, advice] = LOSSES[range?.reason ?? "overflow"];
  const what = logs === undefined ? "" : ` of ${logs.map((log) => JSON.stringify(log)).join(", ")}`;
  const reason = range === undefined ? "they were declared lost" : why;
  return [
    `${events} ${events === 1 ? "event" : "events"} of ${node}${what} between ${at(from)} and ${at(to)} are gone: ${reason}. Variables that they may have changed are unknown until they are set or the agent sends the whole state.`,
    range === undefined ? "See `lost` of the node in /api/nodes for why." : advice,
  ];
}

function notCaptured({ node, from, to, events }: Incomplete, t: Hlc): Telling {
  const count = events === undefined ? "what it did" : `its ${events} events`;
  const start = formatHlcDisplay(((from ?? t) - 1) as Hlc);
  const end = formatHlcDisplay(Math.min(to ?? t, t) as Hlc);
  return [
    `${node} records on demand, and nobody asked for ${count} between ${at(from)} and ${at(to)}.`,
    `If the node still holds it: retroscope capture --from ${start} --to ${end} --node ${node}`,
  ];
}

function iso(t: Hlc): string {
  return formatIsoMicros(t);
}

function at(t: Hlc | undefined): string {
  return t === undefined ? "a time that is not known" : iso(t);
}

function after(t: Hlc | undefined): string {
  return t === undefined ? "then" : `after ${iso(t)}`;
}
