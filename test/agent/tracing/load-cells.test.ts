import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type LoadCell, latencyBucketUs, SLOT_US } from "../../../agent/kernel/index.ts";
import { LoadCells, type LoadSecond } from "../../../agent/tracing/load-cells.ts";
import { OpenRequests } from "../../../agent/tracing/open-requests.ts";
import { RawTime } from "../../../agent/tracing/raw-time.ts";
import {
  type OpenRequest,
  type RequestBody,
  RequestTimer,
} from "../../../agent/tracing/request-timer.ts";
import { SlotLine } from "../../../agent/tracing/slot-line.ts";
import { type NaiveRequest, timesOf } from "../../support/load-naive.ts";

/** A second of physical time, at which the tests begin; monotonic time begins elsewhere. */
const SECOND = 1_795_276_800;
const OFFSET_US = SECOND * 1e6 - 5_000_000;

/** Timer and cells on a clock that is moved by hand. */
function recorded() {
  const clock = { us: 5_000_000, offsetUs: OFFSET_US };
  const time = new RawTime({
    nowUs: () => clock.us,
    physicalUs: () => clock.us + clock.offsetUs,
  });
  const slots = new SlotLine(time);
  const open = new OpenRequests<OpenRequest>(64);
  const operationOf = ({ response }: OpenRequest): string => String(response);
  const cells = new LoadCells({ slots, open, operationOf });
  const requests: RequestBody[] = [];
  const timer = new RequestTimer({
    record: (request) => requests.push(request),
    nowUs: () => clock.us,
    restAfter: Number.POSITIVE_INFINITY,
    follower: {
      arrived: (request) => {
        request.place = open.add(request, request.arrivedUs);
      },
      departed: (request, body) => {
        open.remove(request.place);
        slots.advance(request.arrivedUs + body.residenceUs);
        cells.departed(request, body);
      },
    },
  });
  const take = (ofWholeSeconds = false): LoadSecond[] => {
    slots.advance(time.nowUs());
    return cells.take(ofWholeSeconds);
  };
  return { clock, timer, requests, open, slots, take };
}

const lengths = fc.integer({ min: 0, max: 45_000 });
const parts = fc.array(fc.tuple(fc.nat({ max: 50_000 }), fc.nat({ max: 30_000 })), {
  maxLength: 3,
});
const script: fc.Arbitrary<NaiveRequest[]> = fc.array(
  fc
    .record({
      operation: fc.constantFrom("GET /a", "GET /b"),
      start: fc.nat({ max: 200_000 }),
      length: lengths,
      calls: parts,
      pools: parts,
    })
    .map(({ operation, start, length, calls, pools }): NaiveRequest => {
      const startUs = 5_000_000 + start;
      const inside = (all: [number, number][]): [number, number][] =>
        all
          .map(([from, long]): [number, number] => [from, Math.min(from + long, length)])
          .filter(([from, to]) => to > from);
      const times = { startUs, endUs: startUs + length };
      return { operation, ...times, calls: inside(calls), pools: inside(pools) };
    }),
  { maxLength: 12 },
);

type Step = readonly [atUs: number, order: number, run: () => void];

/** Runs the requests on the timer, takes cells at `takes` and at the end; returns all cells. */
function play(
  requests: readonly NaiveRequest[],
  takes: readonly number[],
): Map<string, LoadCell[]> {
  const { clock, timer, take } = recorded();
  const bySlot = new Map<string, LoadCell[]>();
  const steps: Step[] = requests.flatMap((request): Step[] => {
    const at = (us: number): number => request.startUs + us;
    let open: OpenRequest;
    const arrive = (): void => {
      open = timer.arrived(request.operation);
    };
    const calls = request.calls.flatMap(([from, to]): Step[] => {
      let end: () => void = () => undefined;
      const start = (): void => {
        const call = timer.callStarted("peer", open);
        end = () => call && timer.callEnded(call);
      };
      return [
        [at(from), 1, start],
        [at(to), 2, () => end()],
      ];
    });
    const waits = request.pools.flatMap(([from, to]): Step[] => {
      let end: () => void = () => undefined;
      const start = (): void => {
        const wait = timer.waitStarted({ name: "p", kind: "pool", downstream: "db" }, open);
        end = () => wait && timer.waitEnded(wait);
      };
      return [
        [at(from), 1, start],
        [at(to), 2, () => end()],
      ];
    });
    const depart = (): void => timer.departed(open, request.operation, "ok");
    return [[request.startUs, 0, arrive], ...calls, ...waits, [request.endUs, 3, depart]];
  });
  const keep = (): void => {
    for (const { second, cells } of take()) {
      for (const cell of cells) {
        const key = `${cell.operation} ${second - SECOND} ${cell.slot}`;
        bySlot.set(key, [...(bySlot.get(key) ?? []), cell]);
      }
    }
  };
  steps.push(...takes.map((us): Step => [5_000_000 + us, 4, keep]));
  steps.push([5_400_000, 5, keep]);
  for (const [us, , run] of steps.sort((a, b) => a[0] - b[0] || a[1] - b[1])) {
    clock.us = us;
    run();
  }
  return bySlot;
}

describe("load cells", () => {
  it("say what each microsecond of each request says, whenever they are taken", () => {
    fc.assert(
      fc.property(
        script,
        fc.array(fc.nat({ max: 300_000 }), { maxLength: 4 }),
        (requests, takes) => {
          const cells = play(requests, takes);
          for (let slot = 0; slot < 40; slot += 1) {
            const fromUs = 5_000_000 + slot * SLOT_US;
            const toUs = fromUs + SLOT_US;
            for (const operation of ["GET /a", "GET /b"]) {
              const own = requests.filter((request) => request.operation === operation);
              const times = own.map((request) => timesOf(request, fromUs, toUs));
              const sum = (kind: "downstream" | "pool" | "itself"): number =>
                times.reduce((total, one) => total + one[kind], 0);
              const isIn = (us: number): boolean => us >= fromUs && us < toUs;
              const done = own.filter(({ endUs }) => isIn(endUs));
              const residences = done.map(({ startUs, endUs }) => endUs - startUs);
              const expected = {
                arrivals: own.filter(({ startUs }) => isIn(startUs)).length,
                completions: done.length,
                exclusiveUs: done.reduce(
                  (total, one) => total + timesOf(one, one.startUs, one.endUs).itself,
                  0,
                ),
                maxResidenceUs: Math.max(0, ...residences),
                inFlightUs: sum("downstream") + sum("pool") + sum("itself"),
                downstreamUs: sum("downstream"),
                poolUs: sum("pool"),
              };
              const found = cells.get(`${operation} 0 ${slot}`) ?? [];
              // Each slot is in one part.
              expect(found.length).toBeLessThanOrEqual(1);
              const isEmpty = Object.values(expected).every((value) => value === 0);
              if (found[0] === undefined) expect(isEmpty, `${operation} ${slot}`).toBe(true);
              else {
                expect(found[0]).toMatchObject({ ...expected, lengthUs: SLOT_US });
                const counts = found[0].residences.reduce((total, [, count]) => total + count, 0);
                expect(counts).toBe(done.length);
                expect(found[0].residences.map(([us]) => us)).toEqual(
                  [...new Set(residences.map(latencyBucketUs))].sort((a, b) => a - b),
                );
              }
            }
          }
        },
      ),
      { numRuns: 15 },
    );
  });

  it("hold to Little's law: load is throughput times mean residence, to the microsecond", () => {
    fc.assert(
      fc.property(
        script,
        fc.array(fc.nat({ max: 300_000 }), { maxLength: 4 }),
        (requests, takes) => {
          const cells = [...play(requests, takes).values()].flat();
          const total = (field: "inFlightUs" | "completions" | "arrivals"): number =>
            cells.reduce((sum, cell) => sum + cell[field], 0);
          const residence = requests.reduce((sum, { startUs, endUs }) => sum + endUs - startUs, 0);
          expect(total("inFlightUs")).toBe(residence);
          expect(total("completions")).toBe(requests.length);
          expect(total("arrivals")).toBe(requests.length);
        },
      ),
      { numRuns: 100 },
    );
  });

  it("know what is open before it completes", () => {
    const { clock, timer, take } = recorded();
    clock.us += 2_000;
    timer.arrived("GET /slow");
    clock.us += 148_000;
    const [{ cells } = { cells: [] }] = take();
    expect(cells.reduce((sum, cell) => sum + cell.inFlightUs, 0)).toBe(148_000);
    expect(cells.map(({ slot }) => slot)).toEqual([...new Array(15).keys()]);
    expect(cells.every(({ completions }) => completions === 0)).toBe(true);
  });

  it("are taken by whole seconds, or as far as the second goes, and each once", () => {
    const { clock, timer, take } = recorded();
    timer.arrived("GET /slow");
    clock.us += 1_234_000;
    const sumOf = (seconds: readonly LoadSecond[]): [number, number][] =>
      seconds.map(({ second, cells }) => [
        second - SECOND,
        cells.reduce((sum, cell) => sum + cell.inFlightUs, 0),
      ]);
    expect(sumOf(take(true))).toEqual([[0, 1_000_000]]);
    expect(sumOf(take(true))).toEqual([]);
    expect(sumOf(take())).toEqual([[1, 230_000]]);
    clock.us += 800_000;
    expect(sumOf(take(true))).toEqual([[1, 770_000]]);
  });

  it("say of a quiet second that nothing happened in it", () => {
    const { clock, take } = recorded();
    clock.us += 1_000_000;
    expect(take()).toEqual([{ second: SECOND, cells: [] }]);
  });

  it("keep the length that a slot really had when the wall clock is set", () => {
    const { clock, timer, take } = recorded();
    timer.arrived("GET /a");
    clock.us += 3_000;
    clock.offsetUs += 3_600_000_000; // forward by an hour, noticed 22 ms later
    clock.us += 22_000;
    const before = take();
    clock.us += 10_000;
    const after = take();
    const cells = [...before, ...after].flatMap((second) =>
      second.cells.map((cell) => ({ second: second.second - SECOND, ...cell })),
    );
    const length = cells.reduce((sum, cell) => sum + cell.lengthUs, 0);
    expect(cells.reduce((sum, cell) => sum + cell.inFlightUs, 0)).toBe(length);
    expect(cells.at(-1)?.second).toBe(3_600);
    expect(cells.every((cell) => cell.inFlightUs === cell.lengthUs)).toBe(true);
  });
});
