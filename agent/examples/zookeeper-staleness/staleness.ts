/**
 * Staleness: how many versions a replica is behind the newest that any replica shows, at every cut.
 *
 *     z1    replica-1  7 . . 8 . 9 . . 10
 *           replica-2  7 . . . . . . 10 .
 *           replica-3  6 . 8 . . . . . 9       behind: 1 1 0 0 0 1 1 2 1
 *                          |---- a finding for k = 2: [first tick at 2 or more, first tick below)
 *
 * Pure, and free of any notion of time but order and distance: the same readings are put in order by the
 * agents' stamps, by each process's own clock, or by the one true clock of the machine.
 */

/** A replica's observer saw a version of a znode. */
export interface Reading {
  /** Milliseconds, by whichever clock they are put in order. */
  readonly atMs: number;
  readonly replica: string;
  readonly znode: string;
  readonly version: number;
}

/** A stretch in which a replica was `k` or more versions of a znode behind. */
export interface Finding {
  readonly replica: string;
  readonly znode: string;
  readonly fromMs: number;
  readonly toMs: number;
  /** What the replica showed when it began, and just before it ended: which stretch of its life this is. */
  readonly firstVersion: number;
  readonly lastVersion: number;
  /** The most versions that it was behind. */
  readonly worst: number;
}

/** How often, and how long, a replica was so many versions behind on the znode on which it was worst. */
export interface Share {
  readonly cuts: number;
  readonly ms: number;
}

export interface StalenessAnswer {
  /** Cuts looked at: one per time at which anything was read. */
  readonly cuts: number;
  /** By replica, then by versions behind. */
  readonly shares: ReadonlyMap<string, ReadonlyMap<number, Share>>;
  /** In the order in which they began. */
  readonly findings: readonly Finding[];
}

/**
 * Looks at every cut from the first at which all replicas have shown all znodes, to the last reading.
 * @param readings of any order; those of one time form one cut
 */
export function stalenessOf(
  readings: readonly Reading[],
  replicas: readonly string[],
  znodes: readonly string[],
  k: number,
): StalenessAnswer {
  const inOrder = [...readings].sort((a, b) => a.atMs - b.atMs);
  const fold = new StalenessFold(replicas, znodes, k);
  for (let i = 0; i < inOrder.length; ) {
    const { atMs } = inOrder[i] as Reading;
    const changed: Reading[] = [];
    for (; inOrder[i]?.atMs === atMs; i += 1) changed.push(inOrder[i] as Reading);
    fold.take(atMs, inOrder[i]?.atMs ?? atMs, changed);
  }
  return fold.answer(inOrder.at(-1)?.atMs ?? 0);
}

interface OpenFinding {
  readonly replica: string;
  readonly znode: string;
  readonly fromMs: number;
  readonly firstVersion: number;
  lastVersion: number;
  worst: number;
}

/** The state at a cut, moved on from one to the next. */
class StalenessFold {
  readonly #replicas: readonly string[];
  readonly #znodes: readonly string[];
  readonly #k: number;
  /** By replica and znode, as are open findings. */
  readonly #shown = new Map<string, number>();
  readonly #open = new Map<string, OpenFinding>();
  readonly #findings: Finding[] = [];
  readonly #shares: ReadonlyMap<string, Map<number, Share>>;
  #cuts = 0;

  constructor(replicas: readonly string[], znodes: readonly string[], k: number) {
    this.#replicas = replicas;
    this.#znodes = znodes;
    this.#k = k;
    this.#shares = new Map(replicas.map((replica) => [replica, new Map()]));
  }

  /** Moves on to the cut at `atMs`, which is that of all times before `untilMs`. */
  take(atMs: number, untilMs: number, changed: readonly Reading[]): void {
    for (const { replica, znode, version } of changed) {
      this.#shown.set(keyOf(replica, znode), version);
    }
    if (this.#shown.size < this.#replicas.length * this.#znodes.length) return;
    this.#cuts += 1;
    const worst = new Map(this.#replicas.map((replica) => [replica, 0]));
    for (const znode of this.#znodes) {
      const versions = this.#replicas.map((one) => this.#shown.get(keyOf(one, znode)) as number);
      const newest = Math.max(...versions);
      for (const [i, replica] of this.#replicas.entries()) {
        const version = versions[i] as number;
        this.#judge(replica, znode, version, newest - version, atMs);
        worst.set(replica, Math.max(worst.get(replica) as number, newest - version));
      }
    }
    for (const [replica, behind] of worst) this.#count(replica, behind, untilMs - atMs);
  }

  /** Findings that are still open end at `endMs`. */
  answer(endMs: number): StalenessAnswer {
    const still = [...this.#open.values()].map((one) => ({ ...one, toMs: endMs }));
    const findings = [...this.#findings, ...still].sort((a, b) => a.fromMs - b.fromMs);
    return { cuts: this.#cuts, shares: this.#shares, findings };
  }

  #judge(replica: string, znode: string, version: number, behind: number, atMs: number): void {
    const key = keyOf(replica, znode);
    const found = this.#open.get(key);
    if (behind >= this.#k) {
      if (found === undefined) {
        const versions = { firstVersion: version, lastVersion: version };
        this.#open.set(key, { replica, znode, fromMs: atMs, ...versions, worst: behind });
      } else {
        found.lastVersion = version;
        found.worst = Math.max(found.worst, behind);
      }
    } else if (found !== undefined) {
      this.#findings.push({ ...found, toMs: atMs });
      this.#open.delete(key);
    }
  }

  #count(replica: string, behind: number, ms: number): void {
    const shares = this.#shares.get(replica) as Map<number, Share>;
    const share = shares.get(behind) ?? { cuts: 0, ms: 0 };
    shares.set(behind, { cuts: share.cuts + 1, ms: share.ms + ms });
  }
}

function keyOf(replica: string, znode: string): string {
  return `${replica} ${znode}`;
}

/** The longest of some findings; undefined: there is none. */
export function longestOf(findings: readonly Finding[]): Finding | undefined {
  return findings.reduce<Finding | undefined>((longest, one) => {
    const isLonger = longest === undefined || one.toMs - one.fromMs > longest.toMs - longest.fromMs;
    return isLonger ? one : longest;
  }, undefined);
}
