/** Every row, by its number in the catalogue (or the goal's name). */
import { row40, row41, row43, row44, rowG12 } from "./clock-stamp-rows.mjs";
import { row37, row38, row39, row42 } from "./clock-step-rows.mjs";
import { row10 } from "./disk-rows.mjs";
import { row5, row6, row7, rowG8 } from "./host-rows.mjs";
import { rowJudge } from "./judge-rows.mjs";
import { row14, row15 } from "./network-rows.mjs";
import { row1, row1Idle, row2 } from "./outage-rows.mjs";
import { row8, row9 } from "./process-rows.mjs";
import { row3, row4 } from "./refusal-rows.mjs";
import { rowG16 } from "./secret-rows.mjs";
import { row11, row12, row13, row16 } from "./wire-rows.mjs";

export const ROWS = [
  ...[row1, row1Idle, row2, row3, row4, row5, row6, row7, row8, row9, row10, rowG8],
  ...[row11, row12, row13, row14, row15, row16],
  ...[row37, row38, row39, row40, row41, row42, row43, row44, rowG12, rowG16, rowJudge],
];
