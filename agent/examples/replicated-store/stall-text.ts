/** Planted stalls, and what was told of them, in words. */
import {
  isProved,
  type PlantedStall,
  type StallResult,
  type StallVerdict,
  type ToldEpisode,
} from "./stall-verdict.ts";

const CAUSES_SHOWN = 3;
const INDENT = "                ";

export function plantedText({ node, kind, startMs, lastedMs }: PlantedStall): string {
  const lasted = lastedMs === null ? "that it never came to" : `${Math.round(lastedMs)} ms`;
  return `  ${timeOf(startMs)}  planted: ${node} ${DONE[kind]}, ${lasted}`;
}

const DONE = { run: "computes", freeze: "is stopped", gc: "collects garbage" } as const;

export function toldText(told: ToldEpisode): string {
  return `${INDENT}told:    ${placeOf(told)} stood still for ${Math.round(told.durationMs)} ms: ${causesOf(told)}`;
}

function placeOf({ tier }: ToldEpisode): string {
  return tier.edge === undefined ? tier.node : `the way from ${tier.edge.from} to ${tier.edge.to}`;
}

function causesOf({ causes, unexplainedMs }: ToldEpisode): string {
  const named = causes
    .slice(0, CAUSES_SHOWN)
    .map(({ cause, ms }) => `${cause} ${Math.round(ms)} ms`);
  return [...named, `unexplained ${Math.round(unexplainedMs)} ms`].join(", ");
}

/** The table at the end. */
export function resultText({ judged, others }: StallResult): string {
  const count = (verdict: StallVerdict) => judged.filter((one) => one.verdict === verdict).length;
  const rows = judged.map(({ planted, verdict, told, why }) => {
    const said = told === null ? "nothing was told" : toldText(told).trim();
    const because = why === undefined ? "" : ` (${verdict === "right" ? "although " : ""}${why})`;
    return `${plantedText(planted)}\n${INDENT}${said}\n${INDENT}${verdict}${because}`;
  });
  const beside = others.map(({ skew, ...told }) => {
    const at = timeOf(Date.parse(skew.adjustedOnset.time));
    return `  ${at}  ${toldText({ skew, ...told }).trim()}`;
  });
  return `
What was told of each stall, all being known:

${rows.join("\n")}

Stalls planted                                    ${judged.length}
  charged to the process and to what was done     ${count("right")}
  to the process, to another cause                ${count("wrong cause")}
  to somebody else                                ${count("wrong tier")}
  missed                                          ${count("missed")}
  not judged, as the machine took part            ${count("prevented")}
Stalls told that nobody planted                   ${others.length}
${beside.join("\n")}${beside.length > 0 ? "\n" : ""}
${conclusion({ judged, others })}`;
}

function conclusion({ judged }: StallResult): string {
  const proved = isProved(judged);
  if (proved === undefined) return "Stalls: none could be judged; the machine is too busy.";
  return `Stalls: ${proved ? "PASS" : "FAIL"}`;
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString().slice(11, 23);
}
