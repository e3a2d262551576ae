/** Every row, by its number in the catalogue (or the goal's name). */

import { row26Behind, row27Behind } from "./behind-rows.mjs";
import { row44 } from "./clock-rows.mjs";
import { row32, row32Keys } from "./damage-rows.mjs";
import { row28 } from "./disk-rows.mjs";
import { rowJudge } from "./judge-row.mjs";
import { row25, row36 } from "./kill-rows.mjs";
import { row31, row34, row35 } from "./load-rows.mjs";
import { row27 } from "./power-rows.mjs";
import { row33 } from "./retention-rows.mjs";
import { row26, row29, row30 } from "./syscall-rows.mjs";

export const ROWS = [
  row25,
  row26,
  row26Behind,
  row27,
  row27Behind,
  row28,
  row29,
  row30,
  row31,
  row32,
  row32Keys,
  row33,
  row34,
  row35,
  row36,
  row44,
  rowJudge,
];
