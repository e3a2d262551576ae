/**
 * The same question in RQL, over HTTP as anybody would ask it: when were the replicas k or more versions apart?
 *
 *     SELECT z1 FROM replica WHEN Max(z1) - Min(z1) >= 10
 *
 * RQL does not say which replica was behind: its rows are the stretches in which at least one was.
 */
import { formatHlc, type Hlc, parseTime } from "retroscope";
import type { Finding } from "./staleness.ts";

/** A stretch of time, by stamps. */
export interface Stretch {
  readonly from: Hlc;
  readonly to: Hlc;
}

export interface RqlRow extends Stretch {
  readonly znode: string;
  readonly complete: boolean;
}

interface Line {
  readonly type: string;
  readonly query?: number;
  readonly status?: string;
  readonly complete?: boolean;
  readonly message?: string;
  readonly from?: { readonly hlc: string };
  readonly to?: { readonly hlc: string };
}

/** One query per znode, in one text. @throws Error if an answer is not whole */
export async function askInRql(
  url: string,
  { from, to }: Stretch,
  znodes: readonly string[],
  k: number,
): Promise<readonly RqlRow[]> {
  const rql = znodes
    .map((znode) => `SELECT ${znode} FROM replica WHEN Max(${znode}) - Min(${znode}) >= ${k}`)
    .join("; ");
  const reply = await fetch(`${url}/api/query`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ rql, from: formatHlc(from), to: formatHlc(to) }),
  });
  const text = await reply.text();
  if (!reply.ok) throw new Error(`the query was refused: ${text}`);
  const lines = text.split("\n").filter((line) => line !== "");
  const rows: RqlRow[] = [];
  let done = 0;
  for (const line of lines.map((each) => JSON.parse(each) as Line)) {
    if (line.type === "error") throw new Error(`the query failed: ${line.message}`);
    if (line.type === "end" && line.status === "done") done += 1;
    if (line.type !== "row" || line.from === undefined || line.to === undefined) continue;
    rows.push({
      znode: znodes[line.query ?? 0] as string,
      from: parseTime(line.from.hlc, from),
      to: parseTime(line.to.hlc, from),
      complete: line.complete === true,
    });
  }
  if (done < znodes.length)
    throw new Error(`${done} of ${znodes.length} queries were answered whole`);
  return rows;
}

/** The stretches in which there is any finding; those that touch are one. */
export function unionOf(findings: readonly Finding[], ticksPerMs: number): readonly Stretch[] {
  const inOrder = [...findings].sort((a, b) => a.fromMs - b.fromMs);
  const union: { from: Hlc; to: Hlc }[] = [];
  for (const { fromMs, toMs } of inOrder) {
    const [from, to] = [fromMs * ticksPerMs, toMs * ticksPerMs] as [Hlc, Hlc];
    const last = union.at(-1);
    if (last === undefined || from > last.to) union.push({ from, to });
    else if (to > last.to) last.to = to;
  }
  return union;
}
