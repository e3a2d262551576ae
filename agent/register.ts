/**
 * The preload: `node --import retroscope/register app.js`, or `--require`. Settings come from the
 * environment alone (README.md of this folder). A bad one is printed, and the service goes on without agent.
 */
import { isOn } from "./config.ts";
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
    const hint = error instanceof RetroError && error.hint !== undefined ? ` ${error.hint}` : "";
    const message = error instanceof Error ? error.message : String(error);
    writeLine(`not started: ${message}.${hint}`);
    reportNotStarted(`${message}.${hint}`);
  }
}
