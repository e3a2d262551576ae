/** A tiny preload: installs the hooks, and prints the kinds of what was recorded when the app ends. */
import { ticksFromUnixMs } from "../../agent/kernel/index.ts";
import { installHooks } from "../../agent/propagation/install.ts";
import { ArrayRecorder } from "./message-recorder.ts";

const recorder = new ArrayRecorder("app", 1, { now: () => ticksFromUnixMs(Date.now()) });
const hooks = installHooks({ recorder });
process.on("exit", () => {
  const kinds = recorder.events.map(({ kind }) => kind).join(" ");
  process.stdout.write(`${kinds}\n${JSON.stringify(hooks.states())}\n`);
});
