/** The rivals: what else one could do with the same data. Each sees a recording without its truth. */
import type { Detection, Observed } from "../recording.ts";
import { alertP99 } from "./alert-p99.ts";
import { longestQueue } from "./longest-queue.ts";
import { loopDelayAlert } from "./loop-delay.ts";
import { congestionPoint } from "./n-star.ts";
import { pointInTime } from "./point-in-time.ts";
import { threeSigma } from "./three-sigma.ts";

export interface Baseline {
  readonly name: string;
  readonly detect: (observed: Observed) => Detection[];
}

export const BASELINES: readonly Baseline[] = [
  { name: "1 s p99 alert", detect: alertP99 },
  { name: "10 s loop p99", detect: loopDelayAlert },
  { name: "N* at 50 ms", detect: congestionPoint },
  { name: "point in time", detect: pointInTime },
  { name: "three sigma", detect: threeSigma },
  { name: "longest queue", detect: longestQueue },
];
