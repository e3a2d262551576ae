/** What a request's time is made of, against a count of every microsecond; and bounds between clocks. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { callEdges } from "../../../collector/bottleneck/call-edges.ts";
import { EdgeClock, frameOf } from "../../../collector/bottleneck/clock-bounds.ts";
import type {
  NodeRecording,
  Samples,
  TracedRequest,
} from "../../../collector/bottleneck/recording.ts";
import { hopGapUs, requestTimes } from "../../../collector/bottleneck/request-times.ts";
import { finish } from "../../../collector/cut/turns.ts";
import "../../support/seed.ts";

const RESIDENCE_US = 60;
const interval = fc
  .tuple(fc.integer({ min: -10, max: 70 }), fc.integer({ min: 0, max: 50 }))
  .map(([startUs, length]) => ({ startUs, endUs: startUs + length }));

describe("a request's time", () => {
  it("is shared out by what went on in each microsecond: calls first, then pools, the rest its own", () => {
    const pools = fc.array(fc.tuple(interval, fc.boolean()), { maxLength: 5 });
    fc.assert(
      fc.property(fc.array(interval, { maxLength: 5 }), pools, (calls, waits) => {
        const request: TracedRequest = {
          ...{ operation: "x", startUs: 0, endUs: RESIDENCE_US },
          calls: calls.map((call) => ({ ...call, peer: "p", callee: null })),
          waits: waits.map(([wait, leadsOn]) => ({
            ...{ ...wait, name: "w", kind: "pool" as const, downstream: leadsOn ? "db" : null },
          })),
        };
        let [downstreamUs, poolUs] = [0, 0];
        for (let us = 0; us < RESIDENCE_US; us += 1) {
          const holds = (one: { startUs: number; endUs: number }) =>
            one.startUs <= us && us < one.endUs;
          if (calls.some(holds)) downstreamUs += 1;
          else if (waits.some(([wait, leadsOn]) => leadsOn && holds(wait))) poolUs += 1;
        }
        const exclusiveUs = RESIDENCE_US - downstreamUs - poolUs;
        const expected = { residenceUs: RESIDENCE_US, downstreamUs, poolUs, exclusiveUs };
        expect(requestTimes(request)).toEqual(expected);
      }),
    );
  });

  it("knows the hop gap of a call from durations alone", () => {
    const callee = { node: "b", arrivedUs: 9e12, residenceUs: 700 };
    expect(hopGapUs({ startUs: 10, endUs: 1_010, peer: "b", callee })).toBe(300);
    expect(hopGapUs({ startUs: 10, endUs: 1_010, peer: "b", callee: null })).toBeUndefined();
  });
});

/** A caller `a` and a callee `b`, whose clock is `theta` ahead; each call: when, how long out, there, and back. */
function clockOf(
  calls: readonly (readonly [us: number, out: number, there: number, back: number])[],
  thetaAt: (us: number) => number,
): EdgeClock {
  const requests = calls.map(([us, out, residenceUs, back]): TracedRequest => {
    const endUs = us + out + residenceUs + back;
    const arrivedUs = us + out + thetaAt(us);
    const call = { startUs: us, endUs, peer: "b", callee: { node: "b", arrivedUs, residenceUs } };
    return { operation: "x", startUs: us, endUs, calls: [call], waits: [] };
  });
  const none = {
    ...{ service: "s", load: [], gaps: [], gc: [], waits: [] },
    ...{ signals: new Map<string, Samples>(), unavailable: [] },
  };
  const recordings: NodeRecording[] = [
    { ...none, node: "a", requests },
    { ...none, node: "b", requests: [] },
  ];
  const [edge] = finish(callEdges(recordings));
  if (edge === undefined) throw new Error("no call");
  return new EdgeClock(edge, 50);
}

describe("clock bounds", () => {
  const us = fc.integer({ min: 1, max: 5_000 });
  const legs = fc.array(fc.tuple(us, us, us), { minLength: 1, maxLength: 20 });

  it("hold the truth, and are no wider than the fastest call's time on the wire and drift", () => {
    fc.assert(
      fc.property(legs, fc.integer({ min: -1e9, max: 1e9 }), (drawn, theta) => {
        const calls = drawn.map(([out, there, back], i) => [i * 20_000, out, there, back] as const);
        const clock = clockOf(calls, () => theta);
        const end = calls.length * 20_000;
        const bounds = clock.at(end);
        expect(bounds?.lowUs).toBeLessThanOrEqual(theta);
        expect(bounds?.highUs).toBeGreaterThanOrEqual(theta);
        const fastest = Math.min(...drawn.map(([out, , back]) => out + back));
        const width = (bounds?.highUs ?? 0) - (bounds?.lowUs ?? 0);
        expect(width).toBeLessThanOrEqual(fastest + (2 * end * 50) / 1e6 + 1e-6);
        expect(clock.steps).toEqual([]);
        const frame = frameOf([clock], "b", end);
        expect(frame.offsets.get("a")?.lowUs).toBeLessThanOrEqual(-theta);
        expect(frame.offsets.get("a")?.highUs).toBeGreaterThanOrEqual(-theta);
      }),
    );
  });

  it("begin anew when a clock was set", () => {
    const calls = [0, 1, 2, 3].map((i) => [i * 20_000, 100, 500, 100] as const);
    const clock = clockOf(calls, (at) => (at < 30_000 ? 0 : 200_000));
    expect(clock.steps).toEqual([40_700]);
    expect(clock.at(30_000)?.highUs).toBeLessThan(1_000);
    expect(clock.at(90_000)?.lowUs).toBeGreaterThan(199_000);
  });
});
