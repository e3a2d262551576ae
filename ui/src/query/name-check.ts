/**
 * What only the collector can say of a text: names that it does not know, kinds that do not fit. It is
 * asked to explain the text, which runs nothing; the answer is refused, or has warnings, or neither.
 */
import type { ResultLine, WarningLine } from "../../../collector/api/query-shapes.ts";
import { type ApiClient, ApiFailure } from "../api/client.ts";
import { readLines } from "../api/stream-lines.ts";

/** Either the text was refused, with its place, or these are the warnings and the plans. */
export type NameCheck =
  | { readonly refusal: ApiFailure; readonly warnings: readonly [] }
  | { readonly refusal: null; readonly warnings: readonly WarningLine[] };

/** @throws ApiFailure where nothing was said of the text: too many queries run, nobody answers */
export async function checkNames(
  client: Pick<ApiClient, "open">,
  text: string,
  signal: AbortSignal,
): Promise<NameCheck> {
  const warnings: WarningLine[] = [];
  try {
    const ask = { accept: "application/x-ndjson", body: { rql: text, explain: true } };
    const stream = await client.open("/api/query", ask, signal);
    await readLines(stream, signal, (lines) => {
      for (const line of lines) {
        if (line === "") continue;
        const told = JSON.parse(line) as ResultLine;
        if (told.type === "warning") warnings.push(told);
      }
    });
  } catch (error) {
    const isRefused = error instanceof ApiFailure && error.place !== undefined;
    if (isRefused) return { refusal: error, warnings: [] };
    throw error;
  }
  return { refusal: null, warnings };
}
