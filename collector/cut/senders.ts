/**
 * The runs of nodes that the receives of an epoch name as senders. A message from a run that nobody has
 * heard of, or from one that was thought to have ended, tells of a member whose state is missing.
 */
import type { EventRef, Hlc } from "../../agent/kernel/index.ts";

/** Runs remembered per epoch; beyond, only that there were more. */
export const MAX_SENDERS = 4_096;

export interface Sender {
  /** T of the first receive that names the run. */
  readonly firstT: Hlc;
  /** The latest sending named, of the receives that came later than their send. */
  readonly sentT: Hlc;
}

/** As it is written into directories: [node, epoch, firstT, sentT]; the times null where unknown. */
export type SenderRow = readonly [
  node: string,
  epoch: number,
  firstT: number,
  sentT: number | null,
];

const NEVER_SENT = Number.NEGATIVE_INFINITY as Hlc;

export class Senders {
  readonly #byNode = new Map<string, Map<number, { firstT: Hlc; sentT: Hlc }>>();
  #count = 0;
  /** T of the first receive whose sender was one too many to be remembered. */
  moreFrom: Hlc | undefined;

  get count(): number {
    return this.#count;
  }

  /** A receive at `t`. Receives are noted in order of time. Hot: no objects for a sender known. */
  note({ node, epoch }: EventRef, t: Hlc, sentT: Hlc | null): void {
    const sent = sentT !== null && sentT < t ? sentT : NEVER_SENT;
    const known = this.#byNode.get(node)?.get(epoch);
    if (known === undefined) this.#add(node, epoch, t, sent);
    else if (sent > known.sentT) known.sentT = sent;
  }

  #add(node: string, epoch: number, firstT: Hlc, sentT: Hlc): void {
    if (this.#count === MAX_SENDERS) {
      this.moreFrom ??= firstT;
      return;
    }
    const epochs = this.#byNode.get(node) ?? new Map<number, { firstT: Hlc; sentT: Hlc }>();
    this.#byNode.set(node, epochs);
    epochs.set(epoch, { firstT, sentT });
    this.#count += 1;
  }

  /** By node, each with its runs. */
  byNode(): ReadonlyMap<string, ReadonlyMap<number, Sender>> {
    return this.#byNode;
  }

  rows(): SenderRow[] {
    return [...this.#byNode].flatMap(([node, epochs]) =>
      [...epochs].map(([epoch, { firstT, sentT }]): SenderRow => {
        return [node, epoch, firstT, sentT === NEVER_SENT ? null : sentT];
      }),
    );
  }

  /** Takes in what a directory knew. Call before `note`. */
  addRows(rows: readonly SenderRow[], moreFrom: Hlc | undefined): void {
    for (const [node, epoch, firstT, sentT] of rows) {
      this.#add(node, epoch, firstT as Hlc, (sentT ?? NEVER_SENT) as Hlc);
    }
    this.moreFrom = moreFrom;
  }
}
