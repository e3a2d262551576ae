/**
 * The state at the cut where a walk stands (walk-shapes.ts): one object over the nodes' own states
 * (node-replay.ts), which move on under it. What is asked seldom (completeness, consistency, messages in
 * flight) is worked out when it is asked for.
 */
import { type Hlc, RetroError, type Value } from "../../agent/kernel/index.ts";
import type { ViolationRecord } from "../store/history-store.ts";
import type { Incomplete, InFlightMessage, UnknownReason } from "./answers.ts";
import { countsAt } from "./completeness.ts";
import type { CutContext } from "./context.ts";
import { gapsAt, unknownRuns } from "./cut-at.ts";
import type { EpochView } from "./epoch-view.ts";
import { inFlightAt } from "./in-flight.ts";
import { type Membership, spanAt } from "./membership.ts";
import type { NodeReplay } from "./node-replay.ts";
import { beginningOf, forgottenMessages, goneMembers } from "./pruned.ts";
import { type Chosen, nearestNames } from "./selection.ts";
import { unknownSenders } from "./unknown-senders.ts";
import { violationsAt } from "./violations-at.ts";
import type { WalkChange, WalkView } from "./walk-shapes.ts";

const NO_VARIABLES: ReadonlyMap<string, Value> = new Map();

/** What a view looks at beside the nodes' states. */
export interface WalkScene {
  readonly context: CutContext;
  readonly membership: Membership;
  readonly chosen: Chosen;
  /** Violations that touch the range and the selection; undefined: too many to keep. */
  readonly violations: readonly ViolationRecord[] | undefined;
}

export class MovingView implements WalkView {
  time: Hlc;
  changed: WalkChange[] = [];
  readonly #scene: WalkScene;
  readonly #replays: ReadonlyMap<string, NodeReplay>;
  /** As of `#judgedAt`. */
  #incomplete: readonly Incomplete[] = [];
  #judgedAt = Number.NaN;

  constructor(scene: WalkScene, replays: ReadonlyMap<string, NodeReplay>, time: Hlc) {
    this.#scene = scene;
    this.#replays = replays;
    this.time = time;
  }

  get nodes(): readonly string[] {
    const found: string[] = [];
    for (const [node, { view }] of this.#replays) if (view !== undefined) found.push(node);
    return found;
  }

  get(node: string, log: string, key: string): Value | undefined {
    return this.#viewOf(node, log)?.logs.get(log)?.get(key);
  }

  unknown(node: string, log: string, key: string): UnknownReason | undefined {
    return this.#viewOf(node, log)?.unknownOf(log, key);
  }

  values(log: string, key: string): ReadonlyMap<string, Value> {
    this.#checkLog(log);
    const found = new Map<string, Value>();
    for (const [node, { view }] of this.#replays) {
      const value = view?.logs.get(log)?.get(key);
      if (value !== undefined) found.set(node, value);
    }
    return found;
  }

  variables(node: string, log: string): ReadonlyMap<string, Value> {
    return this.#viewOf(node, log)?.logs.get(log) ?? NO_VARIABLES;
  }

  inFlight(): readonly InFlightMessage[] {
    const { context, membership, chosen } = this.#scene;
    const isChosen = (node: string): boolean => !chosen.namesNodes || this.#replays.has(node);
    return inFlightAt(context, membership, this.#settledViews(this.time), this.time, isChosen);
  }

  get complete(): boolean {
    return this.incomplete.length === 0;
  }

  get incomplete(): readonly Incomplete[] {
    if (this.#judgedAt !== this.time) {
      this.#incomplete = this.incompleteAt(this.time);
      this.#judgedAt = this.time;
    }
    return this.#incomplete;
  }

  get consistent(): boolean {
    const { context, violations } = this.#scene;
    const t = this.time;
    const isSplit = ({ receiveT, sendT }: ViolationRecord): boolean => receiveT <= t && t < sendT;
    if (violations !== undefined) return !violations.some(isSplit);
    const { namesNodes } = this.#scene.chosen;
    if (!namesNodes) return context.store.violationsAt(t, 1).length === 0;
    return violationsAt(context, t, namesNodes, (node) => this.#replays.has(node)).length === 0;
  }

  /** What is missing at `t`, which lies at the cut or after it and before the next. */
  incompleteAt(t: Hlc): Incomplete[] {
    const { context, membership, chosen } = this.#scene;
    const views = this.#settledViews(t);
    const found: Incomplete[] = [];
    for (const { spans, span, view } of this.#replays.values()) {
      const now = span ?? spanAt(spans, t);
      found.push(...unknownRuns(context, spans, now, t, chosen, membership));
      if (span === undefined || view === undefined) continue;
      const isKnown = t >= beginningOf(context.store, span.record);
      if (isKnown && countsAt(span.record, t, chosen, membership)) {
        found.push(...gapsAt(context, span, view, t, chosen));
      }
    }
    if (!chosen.namesNodes) {
      found.push(...goneMembers(context.store, (node) => membership.has(node), t));
    }
    found.push(...forgottenMessages(context.store, t));
    for (const one of unknownSenders(context, membership, views, t, chosen)) found.push(one);
    return found;
  }

  #settledViews(t: Hlc): Map<number, EpochView> {
    const views = new Map<number, EpochView>();
    for (const replay of this.#replays.values()) {
      replay.settle(t);
      const { span, view } = replay;
      if (span !== undefined && view !== undefined) views.set(span.record.id, view);
    }
    return views;
  }

  #viewOf(node: string, log: string): EpochView | undefined {
    this.#checkLog(log);
    const replay = this.#replays.get(node);
    if (replay !== undefined) return replay.view;
    const known = nearestNames(node, [...this.#replays.keys()]).slice(0, 10);
    throw notWalked("node", node, known);
  }

  #checkLog(log: string): void {
    const { logs } = this.#scene.chosen;
    if (logs !== undefined && !logs.has(log))
      throw notWalked("log", log, nearestNames(log, [...logs]));
  }
}

function notWalked(what: string, name: string, walked: readonly string[]): RetroError {
  return new RetroError(
    "bad-parameter",
    `${what} ${JSON.stringify(name.slice(0, 256))} is not walked`,
    {
      hint: walked.length === 0 ? "No node is known yet." : `Walked are ${walked.join(", ")}.`,
    },
  );
}
