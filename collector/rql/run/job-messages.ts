/**
 * What a reader and an evaluating thread say to each other. Messages are cloned on their way, and a clone
 * forgets classes: sets travel as their members.
 */
import { type Json, type Value, ValueSet } from "../../../agent/kernel/index.ts";
import type { FeedHeld, FeedStep } from "../../cut/history.ts";
import type { SliceResult } from "../engine/slice-result.ts";
import type { RunFailure } from "../interpret/interpretation.ts";
import type { JobState, QueryJob } from "./job.ts";

export type ToThread =
  /** `cancelled`: one Int32; anything but 0 ends the run. */
  | { readonly kind: "start"; readonly job: PlainJob; readonly cancelled: SharedArrayBuffer }
  | { readonly kind: "take"; readonly steps: readonly PlainStep[]; readonly resumes: boolean }
  | { readonly kind: "pass"; readonly result: SliceResult }
  | { readonly kind: "finish" }
  | { readonly kind: "fail"; readonly failure: RunFailure }
  /** The lines written last were taken. */
  | { readonly kind: "taken" };

export type FromThread =
  | { readonly kind: "lines"; readonly text: string }
  /** What was asked is done; but for `taken`, each message is answered with one. */
  | { readonly kind: "done"; readonly state: JobState }
  | { readonly kind: "broken"; readonly message: string };

type PlainHeld =
  | Exclude<FeedHeld, { readonly is: "known" }>
  | { readonly is: "known"; readonly value: Json }
  | { readonly is: "set"; readonly members: readonly Json[] };

type PlainStep = Omit<FeedStep, "changes"> & {
  readonly changes: readonly {
    readonly node: number;
    readonly column: number;
    readonly held: PlainHeld;
  }[];
};

type PlainJob = Omit<QueryJob, "head"> & {
  readonly head: Omit<QueryJob["head"], "lastChanges"> & {
    readonly lastChanges: readonly {
      readonly node: number;
      readonly column: number;
      readonly at: QueryJob["now"] | undefined;
      readonly previous: PlainHeld;
    }[];
  };
};

export function plainJob(job: QueryJob): PlainJob {
  const lastChanges = job.head.lastChanges.map((one) => {
    return { ...one, previous: plainHeld(one.previous) };
  });
  return { ...job, head: { ...job.head, lastChanges } };
}

export function jobFrom(plain: PlainJob): QueryJob {
  const lastChanges = plain.head.lastChanges.map((one) => {
    return { ...one, previous: heldFrom(one.previous) };
  });
  return { ...plain, head: { ...plain.head, lastChanges } };
}

export function plainSteps(steps: readonly FeedStep[]): PlainStep[] {
  return steps.map((step) => ({
    ...step,
    changes: step.changes.map((one) => ({ ...one, held: plainHeld(one.held) })),
  }));
}

export function stepsFrom(steps: readonly PlainStep[]): FeedStep[] {
  return steps.map((step) => ({
    ...step,
    changes: step.changes.map((one) => ({ ...one, held: heldFrom(one.held) })),
  }));
}

function plainHeld(held: FeedHeld): PlainHeld {
  if (held.is !== "known") return held;
  const { value } = held;
  return value instanceof ValueSet ? { is: "set", members: value.members } : { is: "known", value };
}

function heldFrom(held: PlainHeld): FeedHeld {
  if (held.is !== "set") return held;
  const value: Value = ValueSet.ofAscending(held.members) ?? ValueSet.of(held.members);
  return { is: "known", value };
}
