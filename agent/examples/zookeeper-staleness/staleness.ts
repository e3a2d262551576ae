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
  cuts: number;
  ms: number;
}

export interface StalenessAnswer {
  /** Cuts looked at: one per time at which anything was read. */
  readonly cuts: number;
  /** By replica, then by versions behind. */
  readonly shares: ReadonlyMap<string, ReadonlyMap<number, Share>>;
  /** In the order in which they began. */
  readonly findings: readonly Finding[];
}

interface OpenFinding {
  readonly fromMs: number;
  readonly firstVersion: number;
  worst: number;
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
  const shares = new Map(replicas.map((replica) => [replica, new Map<number, Share>()]));
  const shown = new Map<string, number>();
  const open = new Map<string, OpenFinding>();
  const findings: Finding[] = [];
  const inOrder = [...readings].sort((a, b) => a.atMs - b.atMs);
  let cuts = 0;
  for (let i = 0; i < inOrder.length; ) {
    const { atMs } = inOrder[i] as Reading;
    const before = new Map(shown);
    for (; inOrder[i]?.atMs === atMs; i += 1) {
      const { replica, znode, version } = inOrder[i] as Reading;
      shown.set(keyOf(replica, znode), version);
    }
    if (shown.size < replicas.length * znodes.length) continue;
    cuts += 1;
    const untilMs = inOrder[i]?.atMs ?? atMs;
    const worst = new Map(replicas.map((replica) => [replica, 0]));
    for (const znode of znodes) {
      const newest = Math.max(...replicas.map((one) => shown.get(keyOf(one, znode)) as number));
      for (const replica of replicas) {
        const key = keyOf(replica, znode);
        const version = shown.get(key) as number;
        const behind = newest - version;
        worst.set(replica, Math.max(worst.get(replica) as number, behind));
        const found = open.get(key);
        if (behind >= k) {
          if (found) found.worst = Math.max(found.worst, behind);
          else open.set(key, { fromMs: atMs, firstVersion: version, worst: behind });
        } else if (found) {
          const lastVersion = before.get(key) as number;
          findings.push({ replica, znode, ...found, toMs: atMs, lastVersion });
          open.delete(key);
        }
      }
    }
    for (const [replica, behind] of worst) {
      const share = shareOf(shares.get(replica) as Map<number, Share>, behind);
      share.cuts += 1;
      share.ms += untilMs - atMs;
    }
  }
  const endMs = inOrder.at(-1)?.atMs ?? 0;
  for (const [key, found] of open) {
    const [replica, znode] = key.split(" ") as [string, string];
    findings.push({ replica, znode, ...found, toMs: endMs, lastVersion: shown.get(key) as number });
  }
  return { cuts, shares, findings: findings.sort((a, b) => a.fromMs - b.fromMs) };
}

function keyOf(replica: string, znode: string): string {
  return `${replica} ${znode}`;
}

function shareOf(shares: Map<number, Share>, behind: number): Share {
  let share = shares.get(behind);
  if (share === undefined) {
    share = { cuts: 0, ms: 0 };
    shares.set(behind, share);
  }
  return share;
}

/** The longest of some findings; undefined: there is none. */
export function longestOf(findings: readonly Finding[]): Finding | undefined {
  return findings.reduce<Finding | undefined>((longest, one) => {
    const isLonger = longest === undefined || one.toMs - one.fromMs > longest.toMs - longest.fromMs;
    return isLonger ? one : longest;
  }, undefined);
}
