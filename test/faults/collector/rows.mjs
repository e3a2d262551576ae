/** Every row, by its number in the catalogue (or the goal's name). */

import { row32, row32Keys } from "./damage-rows.mjs";
import { row28 } from "./disk-rows.mjs";
import { rowJudge } from "./judge-row.mjs";
import { row25, row36 } from "./kill-rows.mjs";
import { row26, row29, row30 } from "./syscall-rows.mjs";
export const ROWS = [row25, row26, row28, row29, row30, row32, row32Keys, row36, rowJudge];
