import { describe, expect, it } from "vitest";
import { addMs, formatHlc, type Hlc, parseTime, RetroError } from "../../../agent/kernel/index.ts";
import { formatCursor, parseCursor } from "../../../collector/api/event-cursor.ts";
import { Params } from "../../../collector/api/params.ts";

const NOW = parseTime("2026-11-21T16:00:00Z", 0 as Hlc);
const ACCEPTED = ["at", "from", "to", "node", "kind", "limit", "wait", "strict", "cursor"];

function params(search: string): Params {
  return new Params(`/api/any?${search}`, ACCEPTED, NOW);
}

function refusal(search: string, read: (params: Params) => unknown): RetroError {
  try {
    read(params(search));
  } catch (error) {
    if (error instanceof RetroError) return error;
    throw error;
  }
  throw new Error(`${search} was accepted`);
}

describe("a time in a query", () => {
  const exact = (NOW + 0xa7) as Hlc;
  const forms: ReadonlyArray<readonly [form: string, search: string, t: Hlc]> = [
    ["the hex form", `at=${formatHlc(exact)}`, exact],
    ["the display form, encoded", "at=2026-11-21T16:00:00.000Z%2B0a7", exact],
    ["the display form, its plus bare", "at=2026-11-21T16:00:00.000Z+0a7", exact],
    ["ISO with Z", "at=2026-11-21T16:00:00Z", NOW],
    ["ISO with an offset, its plus bare", "at=2026-11-21T17:00:00+01:00", NOW],
    ["Unix milliseconds", "at=1795276800000", NOW],
    ["now", "at=now", NOW],
    ["a relative time", "at=-250ms", addMs(NOW, -250)],
    ["a relative time ahead, its plus bare", "at=+5s", addMs(NOW, 5_000)],
    ["a relative time ahead, encoded", "at=%2B5s", addMs(NOW, 5_000)],
  ];
  it.each(forms)("may be %s", (_form, search, t) => {
    expect(params(search).requiredTime("at")).toBe(t);
  });
});

describe("a query is refused", () => {
  const refusals: ReadonlyArray<
    readonly [
      why: string,
      search: string,
      read: (p: Params) => unknown,
      names: string,
      code: string,
    ]
  > = [
    ["with an unknown parameter", "atr=1", () => 0, "atr", "bad-parameter"],
    ["with one given twice", "at=1&at=2", () => 0, "at", "bad-parameter"],
    ["with a time that is none", "at=noon", (p) => p.time("at"), "at", "bad-time"],
    ["with an empty time", "at=", (p) => p.time("at"), "at", "bad-time"],
    ["without a time that it needs", "", (p) => p.requiredTime("at"), "at", "bad-parameter"],
    ["from after to", "from=-1s&to=-2s", (p) => p.requiredRange(), "from", "bad-parameter"],
    ["with a limit of none", "limit=0", (p) => p.limit(), "limit", "bad-parameter"],
    ["with a limit too high", "limit=10001", (p) => p.limit(), "10000", "bad-parameter"],
    ["with a limit that is no number", "limit=1e3", (p) => p.limit(), "limit", "bad-parameter"],
    ["with a wait too long", "wait=61s", (p) => p.waitMs(), "60s", "bad-parameter"],
    ["with a wait that is none", "wait=soon", (p) => p.waitMs(), "wait", "bad-time"],
    ["with a flag that is none", "strict=yes", (p) => p.flag("strict"), "strict", "bad-parameter"],
    ["with an unknown kind", "kind=sent", (p) => p.kinds(), "sent", "bad-parameter"],
    ["with a cursor made up", "cursor=7", (p) => p.timeCursor(), "cursor", "bad-parameter"],
    [
      "with two where one is meant",
      "node=a&node=b",
      (p) => p.single("node"),
      "node",
      "bad-parameter",
    ],
  ];
  it.each(refusals)("%s", (_why, search, read, names, code) => {
    const error = refusal(search, read);
    expect(error.code).toBe(code);
    expect(error.message).toContain(names);
    expect(error.hint).toBeTruthy();
  });

  it("naming what is accepted, the nearest first", () => {
    const error = refusal("nod=n1", () => 0);
    expect(error.hint).toMatch(/^This path takes node, /);
    for (const name of ACCEPTED) expect(error.hint).toContain(name);
  });
});

describe("a range", () => {
  const defaults = { from: 1_000 as Hlc, to: 2_000 as Hlc };

  it("takes what is not given from the defaults", () => {
    expect(params("").range(defaults)).toEqual(defaults);
  });

  it("stays a range when the given end lies outside the defaults", () => {
    const t = formatHlc(500 as Hlc);
    expect(params(`to=${t}`).range(defaults)).toEqual({ from: 500, to: 500 });
    const later = formatHlc(3_000 as Hlc);
    expect(params(`from=${later}`).range(defaults)).toEqual({ from: 3_000, to: 3_000 });
  });
});

describe("a cursor of events", () => {
  it("survives the way there and back, whatever the node is called", () => {
    for (const node of ["n1", "a/b.c", "söhne & co", "1.2.3.4", "__proto__"]) {
      const position = { t: 123_456 as Hlc, node, epoch: 7, seq: 42 };
      expect(parseCursor(formatCursor(position))).toEqual(position);
    }
  });

  it.each(["", "x", "0199d3a1b2c40a70.1.2", "0199d3a1b2c40a70.1.2.%%"])(
    "is refused when it is none: %j",
    (text) => {
      expect(() => parseCursor(text)).toThrow(/cursor/);
    },
  );
});
