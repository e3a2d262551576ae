/**
 * What the engine found in a slice, passed to the runs of a query: turns in the order of time, and of one tick in
 * the order of the groups, as states are.
 */
import type { Hlc } from "../../../agent/kernel/index.ts";
import type { SliceResult } from "../engine/slice-result.ts";
import type { GroupRun } from "./group-run.ts";
import { type RunContext, RunEnded } from "./run-context.ts";

/** A run that may have enough. */
export interface PassedGroup {
  readonly service: string | undefined;
  readonly run: GroupRun;
  readonly isDone: boolean;
}

/** Gives each group as soon as it may have found rows: they are to be told before going on. @throws RunEnded */
export function* passSlice<Group extends PassedGroup>(
  groups: readonly Group[],
  result: SliceResult,
  context: RunContext,
): Generator<Group, void, undefined> {
  if (result.after !== undefined) yield* passTicks(groups, result.after);
  const passings = groups.map((group) => new Passing(group, ofGroup(result, group), context));
  for (;;) {
    const going = passings.filter(({ group }) => !group.isDone);
    const t = Math.min(...going.map(({ nextT }) => nextT));
    const next = going.find(({ nextT }) => nextT === t);
    if (next === undefined || t === Number.POSITIVE_INFINITY) break;
    next.turn();
    yield next.group;
  }
  const going = passings.filter(({ group }) => !group.isDone);
  for (const one of going) one.end();
  if (result.ended !== undefined && going.length > 0) throw new RunEnded(result.ended);
  for (const { group } of going) yield group;
}

/**
 * Passes what time alone turns up to `last`, a tick at a time, so that rows of all groups come in the order of
 * time; of one tick in the order of the groups. Gives each group as `passSlice` does.
 */
export function* passTicks<Group extends PassedGroup>(
  groups: readonly Group[],
  last: Hlc,
): Generator<Group, void, undefined> {
  const going = new Set(groups);
  for (;;) {
    let first: Group | undefined;
    let tick = Number.POSITIVE_INFINITY;
    for (const group of going) {
      const next = group.isDone ? Number.POSITIVE_INFINITY : group.run.nextTick;
      if (next < tick) [first, tick] = [group, next];
    }
    if (first === undefined || tick > last) return;
    first.run.passUntil(tick as Hlc);
    // It has enough, by what it waited for.
    if (first.run.nextTick <= tick) going.delete(first);
    yield first;
  }
}

/** Undefined: the slice has nothing of the group's nodes. */
function ofGroup(result: SliceResult, { service }: PassedGroup): SliceResult {
  if (result.groups === undefined) return result;
  const found = result.groups.find((one) => one.service === service)?.result;
  return found ?? { ...result, cuts: 0 };
}

class Passing<Group extends PassedGroup> {
  readonly group: Group;
  readonly #result: SliceResult;
  readonly #context: RunContext;
  /** Cuts before the slice. */
  readonly #before: number;
  #at = 0;
  #said = 0;

  constructor(group: Group, result: SliceResult, context: RunContext) {
    this.group = group;
    this.#result = result;
    this.#context = context;
    this.#before = group.run.totals.cuts;
  }

  /** Of the next turn; infinite: there is none. */
  get nextT(): number {
    return this.#result.turns[this.#at]?.t ?? Number.POSITIVE_INFINITY;
  }

  turn(): void {
    const turn = this.#result.turns[this.#at] as SliceResult["turns"][number];
    this.#at += 1;
    this.#sayUntil(turn.t - 1);
    if (this.group.run.turn(turn, this.#before)) this.#sayUntil(turn.t);
  }

  /** There are no more turns. @throws RunEnded */
  end(): void {
    const { reached, cuts, hasPulse } = this.#result;
    this.#sayUntil(reached);
    this.group.run.passed(reached, this.#before + cuts, hasPulse === true);
    this.#context.step(cuts);
  }

  #sayUntil(t: number): void {
    const { warnings } = this.#result;
    for (let next = warnings[this.#said]; next !== undefined && next.t <= t; ) {
      this.#context.say(next.warning);
      this.#said += 1;
      next = warnings[this.#said];
    }
  }
}
