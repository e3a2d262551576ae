/**
 * Faults of agent, network and clock (rows 1-16 and 37-44 of the catalogue; R5, G5, G7, G8, G12, G16),
 * against the built package: real hosts that embed the agent under load, a real collector, a proxy between
 * them, a ledger that no tested process opens, and a judge that reads back through the HTTP API.
 *
 *     npm run faults -- agent [--only 1,2,R5] [--runs N] [--seed S] [--minutes M] [--json]
 *
 * `--runs` is what a row repeats (kills, scenarios), `--minutes` how long an outage lasts. Each row draws
 * from the seed by itself, so one that failed is played again alone.
 *
 * Exit codes: 0 all promises kept; 1 one was broken; 2 usage; 4 kept, but rows were skipped and RETROSCOPE_NO_SKIP is set.
 */
import { ROWS } from "./agent/rows.mjs";
import { Scene } from "./agent/scene.mjs";
import { runRows } from "./run-rows.mjs";

const newScene = (random) => new Scene(random);
process.exitCode = await runRows({ name: "agent", rows: ROWS, newScene, lanes: 4 });
