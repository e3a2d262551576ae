/**
 * The cut as the page shows it: straight where the collector calls it consistent; else the largest
 * consistent cut inside it, as soon as that is known. Until then, and where it is too much to find
 * out, its values stand under the word "inconsistent".
 */
import { TICKS_PER_MS } from "../../../agent/kernel/index.ts";
import { plural } from "../scale/time-words.ts";
import type { Answers, CutAnswer } from "./answers.ts";
import type { Bend } from "./bends.ts";

export interface ShownCut extends CutAnswer {
  /** Null: the line is straight. */
  readonly bends: ReadonlyMap<string, Bend> | null;
  /** Why an inconsistent cut is not bent; null while that is not known, or not needed. */
  readonly unbent: string | null;
}

/** A cut of which only some nodes are known. */
export interface GlancedCut extends ShownCut {
  readonly known: ReadonlySet<string>;
}

export function shownCutOf(answers: Answers): ShownCut | null {
  const cut = answers.cut.answered.value?.answer;
  if (cut === undefined) return null;
  const bent = answers.bent.answered.value;
  if (cut.json.consistent) return { ...cut, bends: null, unbent: null };
  if (bent?.question !== cut) {
    return { ...cut, bends: null, unbent: answers.bent.failure.value?.message ?? null };
  }
  const { answer } = bent;
  return "bends" in answer
    ? { at: cut.at, json: answer.json, bends: answer.bends, unbent: null }
    : { ...cut, bends: null, unbent: answer.why };
}

/**
 * What State draws of a glance: the nodes in sight as they were at its time, and of the others no more than
 * that they are there. `known` are the former.
 */
export function glancedCut(whole: ShownCut, { at, json }: CutAnswer): GlancedCut {
  const known = new Set(Object.keys(json.nodes));
  const nodes = Object.assign(Object.create(null), whole.json.nodes, json.nodes);
  const members = whole.json.members.filter((node) => !known.has(node));
  const seen = { ...json, nodes, members: [...members, ...json.members] };
  return { at, json: seen, bends: null, unbent: null, known };
}

/** `consistent`, `inconsistent`, or `3 nodes bent`. */
export function orderWords({ json, bends }: Pick<ShownCut, "json" | "bends">): string {
  if (json.consistent) return "consistent";
  return bends === null ? "inconsistent" : `${plural(bends.size, "node")} bent`;
}

/** Whether values of the cut must stand beside the word "inconsistent". */
export function isInconsistent({ json, bends }: Pick<ShownCut, "json" | "bends">): boolean {
  return !json.consistent && bends === null;
}

/** `bent −31 ms`: how far the node goes back; undefined where it does not. */
export function bendWords(cut: ShownCut, node: string): string | undefined {
  const by = bendText(cut, node);
  return by === undefined ? undefined : `bent ${by}`;
}

/** `−31 ms`: the same where there is room for no word. */
export function bendText({ at, bends }: ShownCut, node: string): string | undefined {
  const bend = bends?.get(node);
  if (bend === undefined) return undefined;
  const ms = (at - bend.at) / TICKS_PER_MS;
  return `−${ms >= 10 ? Math.round(ms) : ms.toFixed(1)} ms`;
}
