#!/usr/bin/env node
/** The binary `retroscope`: joins the command line (cli/) to this process. */
import { processIo } from "./cli/io.ts";
import { runCli } from "./cli/program.ts";

process.exitCode = await runCli(process.argv.slice(2), processIo());
