import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  identifierOf,
  inRingOrder,
  isBetween,
} from "../../../../agent/examples/ring/identifiers.ts";
import { isMendable, isOneRing, type RingState } from "../../../../agent/examples/ring/one-ring.ts";

const NAMES = Array.from({ length: 8 }, (_, i) => `n${i}`);
/** In the order of the ring. */
const [A = "", B = "", C = "", D = ""] = inRingOrder(NAMES);

function state(pointers: Readonly<Record<string, readonly string[]>>): RingState {
  return new Map(Object.entries(pointers).map(([name, successors]) => [name, { successors }]));
}

describe("the invariant of the ring", () => {
  const cases: ReadonlyArray<
    readonly [why: string, pointers: Record<string, string[]>, one: boolean, mendable: boolean]
  > = [
    ["nobody is there yet", {}, true, true],
    ["one node alone", { [A]: [A] }, true, true],
    ["all in one ring", { [A]: [B], [B]: [C], [C]: [A] }, true, true],
    ["somebody has joined and nobody knows", { [A]: [C], [B]: [C], [C]: [A] }, false, true],
    ["a successor is dead, and the next is known", { [A]: [B, C], [C]: [A] }, false, true],
    ["a successor is dead, and no other is known", { [A]: [B], [C]: [A] }, false, false],
    ["two rings", { [A]: [C], [C]: [A], [B]: [D], [D]: [B] }, false, false],
    ["a ring that goes round twice", { [A]: [C], [C]: [B], [B]: [D], [D]: [A] }, false, false],
    ["a ring against the clock", { [A]: [C], [C]: [B], [B]: [A] }, false, false],
    ["a node that hangs on to itself", { [A]: [B], [B]: [A], [C]: [C] }, false, false],
    ["a node in front of a ring without it", { [C]: [A], [A]: [B], [B]: [A] }, false, true],
  ];
  it.each(cases)("%s", (_why, pointers, one, mendable) => {
    expect(isOneRing(state(pointers))).toBe(one);
    expect(isMendable(state(pointers))).toBe(mendable);
  });

  const pointers = fc
    .subarray(NAMES, { minLength: 1 })
    .chain((members) =>
      fc.tuple(
        ...members.map((name) =>
          fc
            .array(fc.constantFrom(...members, "gone"), { minLength: 1, maxLength: 3 })
            .map((successors) => [name, { successors }] as const),
        ),
      ),
    )
    .map((entries): RingState => new Map(entries));

  it("is one ring just if everybody points to the next in order, whatever they point to", () => {
    const nextInOrder = (members: readonly string[], name: string): string =>
      members[(members.indexOf(name) + 1) % members.length] as string;
    fc.assert(
      fc.property(pointers, fc.boolean(), (drawn, mustBeRight) => {
        const members = inRingOrder(drawn.keys());
        // Half of them put right, as chance would hardly do it.
        const looked: RingState = mustBeRight
          ? new Map(members.map((name) => [name, { successors: [nextInOrder(members, name)] }]))
          : drawn;
        const isRight = members.every(
          (name) => looked.get(name)?.successors[0] === nextInOrder(members, name),
        );
        expect(isOneRing(looked)).toBe(isRight);
        if (isRight) expect(isMendable(looked)).toBe(true);
      }),
    );
  });

  it("can be mended just if all ways end in one circle, and that rises but once", () => {
    fc.assert(
      fc.property(pointers, (drawn) => {
        const next = (name: string): string =>
          drawn.get(name)?.successors.find((one) => drawn.has(one)) ?? "";
        const circles = new Set<string>();
        let isOrdered = true;
        for (let at of drawn.keys()) {
          for (let i = 0; i < drawn.size; i += 1) at = next(at); // on the circle by now, if there is one
          const circle = [at];
          for (let i = 1; i < drawn.size && next(circle.at(-1) ?? "") !== at; i += 1) {
            circle.push(next(circle.at(-1) ?? ""));
          }
          circles.add([...circle].sort().join());
          const least = circle.indexOf(inRingOrder(circle)[0] ?? "");
          const turned = [...circle.slice(least), ...circle.slice(0, least)];
          isOrdered &&= turned.join() === inRingOrder(circle).join();
        }
        const isWay = ![...circles].some((circle) => circle.split(",").includes(""));
        expect(isMendable(drawn)).toBe(isWay && circles.size === 1 && isOrdered);
      }),
    );
  });
});

describe("places on the ring", () => {
  it("lie between two others as one comes by clockwise", () => {
    const place = fc.integer({ min: 0, max: 2 ** 32 - 1 });
    fc.assert(
      fc.property(place, place, place, (id, from, to) => {
        const wayTo = (end: number): number => (end - from + 2 ** 32) % 2 ** 32;
        const round = from === to ? 2 ** 32 : wayTo(to);
        expect(isBetween(id, from, to)).toBe(wayTo(id) > 0 && wayTo(id) < round);
      }),
    );
  });

  it("follow from names alone", () => {
    expect(identifierOf("ring-1")).toBe(identifierOf("ring-1"));
    expect(new Set(NAMES.map(identifierOf)).size).toBe(NAMES.length);
  });
});
