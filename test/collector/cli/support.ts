/** The command line in this process: words in, what was printed and the exit code out. */
import { unixMsFromTicks } from "../../../agent/kernel/index.ts";
import { runCli } from "../../../collector/cli/program.ts";
import { NOW } from "../support.ts";

export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs one command line against the collector at `url`, at the time NOW. */
export async function cli(url: string, line: string, input = ""): Promise<Ended> {
  let out = "";
  let err = "";
  const words = line.split(" ").filter((word) => word !== "");
  const code = await runCli(words, {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    isWatched: false,
    columns: undefined,
    environment: { RETROSCOPE_URL: url },
    nowMs: () => unixMsFromTicks(NOW),
    stdin: (async function* () {
      yield Buffer.from(input);
    })(),
    interrupted: () => new Promise(() => {}),
  });
  return { code, out, err };
}
