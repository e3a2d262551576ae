/**
 * Measuring side by side.
 *
 * A machine gets warm, another program wakes up, the heap grows: two candidates measured one after
 * the other met two different machines. So they take turns, in rounds, and each round starts with
 * another candidate; what is reported is the median over the rounds.
 */

export interface Interleaving<Name extends string> {
  readonly rounds: number;
  /** Rounds run first and thrown away, for the just-in-time compiler; 1 unless given. */
  readonly warmUpRounds?: number;
  /** Each measures itself once and returns its figure, all in one unit. */
  readonly candidates: Readonly<Record<Name, () => number | Promise<number>>>;
}

export interface Measured {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** In the order of the rounds. */
  readonly rounds: readonly number[];
}

/** Runs the candidates in turns; the result has the same names. */
export async function interleave<Name extends string>(
  plan: Interleaving<Name>,
): Promise<Record<Name, Measured>> {
  const names = Object.keys(plan.candidates) as Name[];
  const taken = new Map<Name, number[]>(names.map((name) => [name, []]));
  const warmUpRounds = plan.warmUpRounds ?? 1;
  for (let round = -warmUpRounds; round < plan.rounds; round += 1) {
    for (const name of rotated(names, round + warmUpRounds)) {
      const figure = await plan.candidates[name]();
      if (round >= 0) taken.get(name)?.push(figure);
    }
  }
  const entries = names.map((name) => [name, measured(taken.get(name) ?? [])] as const);
  return Object.fromEntries(entries) as Record<Name, Measured>;
}

/** Middle value; of an even count the mean of the two in the middle. NaN for none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN;
  return (lower + upper) / 2;
}

/** Nanoseconds per operation of a synchronous `work` that performs `count` of them. */
export function nsPerOperation(count: number, work: () => void): number {
  const start = process.hrtime.bigint();
  work();
  return Number(process.hrtime.bigint() - start) / count;
}

function measured(rounds: readonly number[]): Measured {
  return { median: median(rounds), min: Math.min(...rounds), max: Math.max(...rounds), rounds };
}

function rotated<T>(items: readonly T[], by: number): T[] {
  const start = by % items.length;
  return [...items.slice(start), ...items.slice(0, start)];
}
