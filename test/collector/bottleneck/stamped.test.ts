/** Where an episode lies among the stamps of its node. */
import { describe, expect, it } from "vitest";
import { leadAt } from "../../../collector/bottleneck/stamped.ts";

/** By departure, as recordings are: the second arrived first, and stayed longest. */
const requests = [
  [1_000_000, 1_010_000, 250_000],
  [2_000_000, 2_010_000, 300_000],
  [1_500_000, 2_600_000, 120_000],
].map(([startUs = 0, endUs = 0, leadUs = 0]) => {
  return { operation: "GET /", startUs, endUs, leadUs, calls: [], waits: [] };
});

describe("how far stamps are ahead of a node's clock", () => {
  it.each([
    ["before anything arrived nothing is known", 999_999, 0],
    ["an arrival says it from then on", 1_000_000, 250_000],
    ["the last arrival counts, not the last departure", 1_700_000, 120_000],
    ["also while a later departure is still to come", 2_100_000, 300_000],
    ["an arrival of long ago says nothing of now", 7_100_000, 0],
  ])("%s", (_why, us, lead) => {
    expect(leadAt({ requests }, us)).toBe(lead);
  });
});
