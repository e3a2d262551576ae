/** Audits and explanations in words. What is in order is said in one line; what is not comes first. */
import type { CausalityJson, ClockOffsetJson, ExplainJson } from "../api/audit-shapes.ts";
import { counted, plain, table } from "./text.ts";

/** Rows of a kind; the rest is counted. */
const LISTED = 20;

/** Why there is no send to a receive, for people. */
const NO_SEND: Readonly<Record<string, string>> = {
  unstamped: "carried no stamp",
  "unknown-node": "nothing of the sender has come",
  "unknown-epoch": "nothing of the sender's run has come",
  lost: "the send is lost",
  "not-captured": "the send was not captured",
  hole: "the send is missing",
  lagging: "the send has not come yet",
  contradiction: "what stands at its place is no such send",
  "unknown-id": "no send has that id",
};

export function causalityText(
  audit: CausalityJson,
  { columns }: { readonly columns: number | undefined },
): string {
  const { messages } = audit;
  const head =
    `From ${audit.from.time} to ${audit.to.time}\n` +
    `${counted(messages.sends, "send")}, ${counted(messages.receives, "receive")}, ${messages.joined.toLocaleString("en")} of them joined to their send.\n`;
  const missing = audit.complete
    ? ""
    : `Incomplete: ${plain([...new Set(audit.incomplete.map(({ node, reason }) => `${node} (${reason})`))].slice(0, LISTED).join(", "))}. What is missing may explain what follows.\n`;
  const sections = [
    section(
      `${counted(audit.violationCount, "message")} received before the stamp of the sending`,
      audit.violations.map(({ send, receive, channel }) => [
        `${channel.from} -> ${channel.to}`,
        `received ${receive.at.time}`,
        `sent ${send.at.time}`,
      ]),
      audit.violationCount,
      columns,
    ),
    section(
      "Stamps that went backward",
      audit.backward.map(({ event, before }) => [
        `${event.node}/${event.epoch}/${event.seq}`,
        event.at.time,
        `after ${before.time}`,
      ]),
      audit.backward.length,
      columns,
    ),
    section(
      "Two processes under one id",
      audit.overlapping.map(({ node, joined, reached }) => [
        node,
        `began ${joined.time}`,
        `the one before went on to ${reached.time}`,
      ]),
      audit.overlapping.length,
      columns,
    ),
    section(
      "Stamps that the receiver did not merge",
      audit.unmerged.map(({ from, to, count, first }) => [
        `${from} -> ${to}`,
        counted(count, "message"),
        `from ${first.time} on`,
      ]),
      audit.unmerged.length,
      columns,
    ),
    section(
      "Receives without a send",
      audit.receivesWithoutSend.map(({ from, to, peer, count, reason }) => [
        `${from ?? peer ?? "unknown"} -> ${to}`,
        counted(count, "message"),
        NO_SEND[reason] ?? reason,
      ]),
      audit.receivesWithoutSend.length,
      columns,
    ),
    section(
      `Sends that nobody received (of those up to ${audit.judgedTo.time})`,
      audit.sendsWithoutReceive.map(({ from, to, peer, count, first }) => [
        `${from} -> ${to ?? peer ?? "unknown"}`,
        counted(count, "message"),
        `first ${first.at.time}`,
      ]),
      audit.sendsWithoutReceive.length,
      columns,
    ),
    section(
      "Channels without stamps, over the whole run",
      audit.unstamped.map(({ from, to, peer, count }) => [
        `${from ?? peer} -> ${to ?? peer}`,
        counted(count, "message"),
      ]),
      audit.unstamped.length,
      columns,
    ),
  ].filter((text) => text !== "");
  const order = sections.length === 0 ? "Nothing is wrong with them.\n" : sections.join("");
  return head + missing + order + offsetsText(audit.offsets, columns) + cutShortText(audit);
}

function section(
  title: string,
  rows: readonly (readonly string[])[],
  total: number,
  columns: number | undefined,
): string {
  if (rows.length === 0) return "";
  const shown = rows.slice(0, LISTED);
  const more =
    total > shown.length ? `  and ${(total - shown.length).toLocaleString("en")} more\n` : "";
  return `\n${title}:\n${table(shown, { indent: 2, ...(columns === undefined ? {} : { columns }) })}${more}`;
}

function offsetsText(offsets: readonly ClockOffsetJson[], columns: number | undefined): string {
  if (offsets.length === 0)
    return "\nNo messages between nodes tell how far their clocks are apart.\n";
  const rows = offsets.map((one) => [
    `${one.to} over ${one.from}`,
    boundsText(one),
    counted(one.messages, "message"),
  ]);
  return section("Clocks, by how much the first is ahead", rows, rows.length, columns);
}

function boundsText({ lowerUs, upperUs, moved }: ClockOffsetJson): string {
  if (moved) return `was set or drifted: at least ${msText(lowerUs)}, at most ${msText(upperUs)}`;
  if (lowerUs === null) return upperUs === null ? "unknown" : `at most ${msText(upperUs)}`;
  return upperUs === null
    ? `at least ${msText(lowerUs)}`
    : `${msText(lowerUs)} to ${msText(upperUs)}`;
}

function msText(us: number | null): string {
  if (us === null) return "unknown";
  // No `-0.000`.
  return `${((Math.round(us) || 0) / 1_000).toFixed(3)} ms`;
}

function cutShortText({ cutShort }: CausalityJson): string {
  return cutShort.length === 0
    ? ""
    : `\nNot all is listed of: ${cutShort.join(", ")}. Ask for a shorter range, or for some nodes.\n`;
}

export function explainText({ summary, findings }: ExplainJson): string {
  const shown = findings.slice(0, LISTED);
  const told = shown.map(({ why, advice }) => `\n${plain(why)}\n  -> ${plain(advice)}\n`);
  const more = findings.length - shown.length;
  const rest = more === 0 ? "" : `\nAnd ${more} more: see them with --json.\n`;
  return `${summary}\n${told.join("")}${rest}`;
}
