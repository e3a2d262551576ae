import fc from "fast-check";
import { expect, it } from "vitest";
import { OpenRequests, tableOver, Word } from "../../../agent/tracing/open-requests.ts";

const CAPACITY = 5;
/** Numbers below zero take one out, others add one. */
const steps = fc.array(fc.integer({ min: -10, max: 10 }), { maxLength: 60 });

it("the table says who is open, in order of arrival, as a list would, to whoever shares its memory", () => {
  fc.assert(
    fc.property(steps, (all) => {
      const open = new OpenRequests<number>(CAPACITY);
      const seen = tableOver(open.buffer, CAPACITY);
      let list: { readonly id: number; readonly place: number; readonly us: number }[] = [];
      let overflowed = 0;
      let completions = 0;
      all.forEach((step, id) => {
        const us = id * 10 + 0.5;
        if (step < 0 && list.length > 0) {
          const one = list[-step % list.length] as (typeof list)[number];
          open.remove(one.place);
          completions += 1;
          list = list.filter((other) => other !== one);
        } else if (step >= 0) {
          const place = open.add(id, us);
          if (list.length === CAPACITY) {
            expect(place).toBe(-1);
            overflowed += 1;
          } else list.push({ id, place, us });
        }
        expect([...open]).toEqual(list.map((one) => one.id));
        const head = Atomics.load(seen.words, Word.head);
        expect(head < 0 ? undefined : seen.arrivedUs[head]).toBe(list[0]?.us);
        expect(Atomics.load(seen.words, Word.inFlight)).toBe(list.length);
        expect(Atomics.load(seen.words, Word.completions)).toBe(completions);
      });
      expect(open.overflowCount).toBe(overflowed);
    }),
  );
});

it("a request that has no place, or has left, is taken out once at most", () => {
  const open = new OpenRequests<string>(CAPACITY);
  const place = open.add("a", 1);
  open.add("b", 2);
  open.remove(place);
  open.remove(place);
  open.remove(-1);
  expect([...open]).toEqual(["b"]);
  expect(open.inFlight).toBe(1);
});

it("all may be taken out while they are visited", () => {
  const open = new OpenRequests<number>(CAPACITY);
  const places = [0, 1, 2, 3].map((id) => open.add(id, id));
  const visited: number[] = [];
  for (const id of open) {
    visited.push(id);
    open.remove(places[id] as number);
  }
  expect(visited).toEqual([0, 1, 2, 3]);
  expect([...open]).toEqual([]);
});
