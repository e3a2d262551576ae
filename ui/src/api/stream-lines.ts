/**
 * Bytes of a stream, as they come, to lines of text. A line that goes over a chunk's end waits for the
 * rest; a last line without an end is a line too. Bounded: a line longer than `MAX_LINE_CHARS` is a
 * broken answer, not something to wait for.
 */
import { ApiFailure } from "./client.ts";

/** A row's values take 64 KiB at most; what else stands in a line is far less than this. */
export const MAX_LINE_CHARS: number = 4 * 1024 * 1024;

/** Text that comes in pieces, to whole lines without their ends (`\n` or `\r\n`). */
export class LineSplitter {
  #rest = "";

  /** The lines that this piece completes. */
  take(piece: string): readonly string[] {
    const lines = (this.#rest + piece).split("\n");
    this.#rest = lines.pop() ?? "";
    if (this.#rest.length > MAX_LINE_CHARS) {
      throw new ApiFailure("bad-answer", 200, "The collector sent a line without an end.");
    }
    return lines.map((line) => (line.endsWith("\r") ? line.slice(0, -1) : line));
  }

  /** What came after the last line's end; "" mostly. */
  get rest(): string {
    return this.#rest;
  }
}

/**
 * Reads to the end, and hands on the lines of each chunk together, so that whoever shows them does so
 * once a chunk. Rejects with the signal's reason when it is aborted, and with whatever `onLines` throws;
 * the stream is let go.
 * @throws ApiFailure `cut-short` where the connection broke
 */
export async function readLines(
  stream: ReadableStream<Uint8Array>,
  signal: AbortSignal,
  onLines: (lines: readonly string[]) => void,
): Promise<void> {
  const splitter = new LineSplitter();
  const decoder = new TextDecoder();
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((cause: unknown) => {
        throw signal.aborted ? signal.reason : brokenOff(cause);
      });
      // Nobody waits for it any more, whatever has still arrived.
      if (signal.aborted) throw signal.reason;
      const lines = splitter.take(
        done ? decoder.decode() : decoder.decode(value, { stream: true }),
      );
      const all = done && splitter.rest !== "" ? [...lines, splitter.rest] : lines;
      if (all.length > 0) onLines(all);
      if (done) return;
    }
  } catch (cause) {
    await reader.cancel().catch(() => {});
    throw cause;
  }
}

function brokenOff(cause: unknown): ApiFailure {
  return new ApiFailure("cut-short", 0, "The connection broke before the answer was whole.", {
    hint: "What came before stays. Ask again for the rest.",
    cause,
  });
}
