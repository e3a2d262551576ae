/** A thread that goes through slices of one query, then of the next. Loaded by worker-slices.ts alone. */
import { type MessagePort, parentPort } from "node:worker_threads";
import { sliceRunOf } from "./slice-evaluation.ts";
import { type FromSliceThread, sliceFrom, type ToSliceThread } from "./slice-messages.ts";
import type { SliceEvaluation } from "./slice-result.ts";

function serve(port: MessagePort): void {
  let run: SliceEvaluation | undefined;
  const say = (message: FromSliceThread): void => port.postMessage(message);
  port.on("message", (message: ToSliceThread) => {
    try {
      if (message.kind === "open") {
        const flag = new Int32Array(message.cancelled);
        run = sliceRunOf(message.setup, () => Atomics.load(flag, 0) !== 0);
      } else if (run === undefined) throw new Error("no query was opened");
      else say({ kind: "result", result: run.run(sliceFrom(message.slice)) });
    } catch (error) {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      say({ kind: "broken", message: text });
    }
  });
}

if (parentPort !== null) serve(parentPort);
