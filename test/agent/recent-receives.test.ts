import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { REMEMBERED_RECEIVES, RecentReceives } from "../../agent/recent-receives.ts";

interface Arrival {
  readonly node: string;
  readonly epoch: number;
  readonly seq: number;
  readonly group: string | undefined;
}

/** The obvious way: a list of the last arrivals that were new. */
class NaiveReceives {
  #last: Arrival[] = [];

  isRepeated(arrival: Arrival): boolean {
    const isKnown = this.#last.some(
      ({ node, epoch, seq, group }) =>
        `${node} ${epoch} ${seq}` === `${arrival.node} ${arrival.epoch} ${arrival.seq}` &&
        (group === undefined || arrival.group === undefined || group === arrival.group),
    );
    if (!isKnown) this.#last = [...this.#last, arrival].slice(-REMEMBERED_RECEIVES);
    return isKnown;
  }
}

const arrivals = fc.array(
  fc.record<Arrival>({
    node: fc.constantFrom("n1", "n2", "cart@host-1"),
    epoch: fc.constantFrom(1, 513, 217_000_000_000, 2 ** 53 - 1),
    seq: fc.oneof(fc.nat(400), fc.constantFrom(2 ** 31, 2 ** 32 + 7, 2 ** 53 - 1)),
    group: fc.constantFrom(undefined, "a", "b"),
  }),
  { minLength: 1, maxLength: 1_500, size: "max" },
);

describe("RecentReceives", () => {
  it("remembers exactly the last 256 of any sequence of arrivals", () => {
    fc.assert(
      fc.property(arrivals, (sequence) => {
        const [ours, naive] = [new RecentReceives(), new NaiveReceives()];
        for (const arrival of sequence) {
          expect(ours.isRepeated(arrival, arrival.group)).toBe(naive.isRepeated(arrival));
        }
      }),
      { numRuns: 60 },
    );
  });
});
