/**
 * The preload: `node --import retroscope/register app.js`, or `--require`. Settings come from the
 * environment alone (README.md of this folder). A bad one is printed, and the service goes on without agent.
 */
import { isOn } from "./environment.ts";
import { RetroError } from "./kernel/index.ts";
import { writeLine } from "./notices.ts";
import { reportNotStarted } from "./self-report.ts";
import { startAgent } from "./start.ts";

if (isOn(process.env["RETROSCOPE_DISABLED"])) {
  reportNotStarted("RETROSCOPE_DISABLED is set");
} else {
  try {
    startAgent();
  } catch (error) {
    const told = error instanceof RetroError ? error.toString() : `Error: ${error}`;
    const why = told.slice(told.indexOf(": ") + 2).replace(/\.?$/, ".");
    writeLine(`not started: ${why}`);
    reportNotStarted(why);
  }
}
