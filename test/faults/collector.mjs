/**
 * Faults of collector and store (rows 25-36 of the catalogue; R1, G1-G5, G9, G14), against the built
 * package: a real collector with a real store, writers over HTTP whose books no tested process opens, and a
 * judge that reads back through the public API.
 *
 *     npm run faults -- collector [--only 25,29] [--runs N] [--seed S] [--json]
 *
 * `--runs` is what a row repeats: kills, points, images, flips.
 */
import { ROWS } from "./collector/rows.mjs";
import { Stage } from "./collector/stage.mjs";
import { runRows } from "./run-rows.mjs";

const newScene = (random) => new Stage(random);
process.exitCode = await runRows({ name: "collector", rows: ROWS, newScene, lanes: 2 });
