#!/usr/bin/env node
/** The binary `retroscope`: joins the command line (cli/) to this process. */
import { EXIT } from "./cli/exit.ts";
import { processIo } from "./cli/io.ts";
import { runCli } from "./cli/program.ts";

const code = await runCli(process.argv.slice(2), processIo());
// What could not be finished may have left something open: nothing waits for it, and no native code
// cleans up behind it.
if (code === EXIT.failed) process.exit(code);
process.exitCode = code;
