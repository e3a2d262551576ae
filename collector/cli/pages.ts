/** Reads an answer that comes in pages, up to a limit of rows. */
import type { CollectorClient, Query } from "./client.ts";

const PAGE = 10_000;

export interface PagedRows<Row, Answer = unknown> {
  /** The first page as it came: what it says of the whole. */
  readonly first: Answer;
  readonly rows: readonly Row[];
  /** Whether there is more than the limit. */
  readonly isCutShort: boolean;
  /** `next` for those who want to go on by themselves. */
  readonly rest: { readonly next?: string };
}

export async function pages<Answer extends { readonly next?: string }, Row>(
  client: CollectorClient,
  path: string,
  query: Query,
  limit: number,
  rowsOf: (answer: Answer) => readonly Row[],
): Promise<PagedRows<Row, Answer>> {
  const rows: Row[] = [];
  let first: Answer | undefined;
  let cursor: string | undefined;
  do {
    const size = Math.min(PAGE, limit - rows.length);
    const answer: Answer = await client.ask<Answer>(path, { ...query, limit: size, cursor });
    first ??= answer;
    for (const row of rowsOf(answer)) rows.push(row);
    cursor = answer.next;
  } while (cursor !== undefined && rows.length < limit);
  return {
    first,
    rows,
    isCutShort: cursor !== undefined,
    rest: cursor === undefined ? {} : { next: cursor },
  };
}
