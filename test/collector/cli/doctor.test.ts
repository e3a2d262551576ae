/** What doctor makes of what processes report: findings, words, JSON. The processes are in test/e2e. */
import { describe, expect, it } from "vitest";
import type { Watched } from "../../../collector/cli/doctor-child.ts";
import { processFindings } from "../../../collector/cli/doctor-findings.ts";
import { mainReports, parseReports, type Report } from "../../../collector/cli/doctor-reports.ts";
import { otherCollectorFindings } from "../../../collector/cli/doctor-shipping.ts";
import type { Finding } from "../../../collector/cli/finding.ts";
import { examinationJson, examinationText } from "../../../collector/cli/show-doctor.ts";

type Agent = NonNullable<Report["agent"]>;

function report(agent: Partial<Agent> = {}, about: Partial<Report> = {}): Report {
  return {
    ...{
      pid: 7,
      threadId: 0,
      script: "/app/app.js",
      nodeVersion: "20.20.2",
      agentVersion: "1.0.0",
    },
    notStarted: null,
    agent: {
      ...{ node: "n1", service: "s", health: "ok", healthReason: null, packages: [] },
      hooks: { "http-server": { state: "active", reason: null } },
      ...{ isListening: true, sends: 1, receives: 1, unstamped: [], otherOptions: false },
      collector: "http://127.0.0.1:7700/",
      ...{ shippingProblem: null, isClosed: false },
      ...agent,
    },
    ...about,
  };
}

function watched(reports: readonly Report[], rest: Partial<Watched> = {}): Watched {
  return { reports, ended: undefined, tookMs: 1_200, tail: "", preload: true, ...rest };
}

const told = (findings: readonly Finding[]): string[] =>
  findings.map(({ level, subject, what }) => `${level} ${subject}: ${what}`);

const hook = (name: string, state: string, reason: string | null = null): Partial<Agent> => ({
  hooks: { [name]: { state, reason } },
});
const ws = { name: "ws", installed: "8.0.0" };

const NOT_TAKEN = "the collector does not take batches: ";
const ON_PATH = ": the collector's address was given with the path /api; leave it out";

describe("a finding", () => {
  const cases: readonly (readonly [why: string, agent: Partial<Agent>, expected: string])[] = [
    ["a hook that works", hook("fetch", "active"), "ok hook fetch: active"],
    ["one that misses some", hook("fetch", "degraded", "r"), "note hook fetch: degraded: r"],
    ["one that cannot work", hook("ws", "unavailable", "r"), "bad hook ws: unavailable: r"],
    ["one that failed", hook("ws", "off", "5 own errors"), "bad hook ws: off: 5 own errors"],
    ["one nobody asked for", hook("ws", "off"), "note hook ws: off: not asked for"],
    ["another copy of us", hook("ws", "shadowed", "r"), "bad hook ws: shadowed: r"],
    ["OpenTelemetry first", hook("otel", "shadowed", "r"), "note hook otel: shadowed: r"],
    ["a package that is not there", hook("ws", "absent"), "ok hook ws: absent: not in use"],
    [
      "a package that is there and not used",
      { ...hook("ws", "absent"), packages: [{ ...ws, loaded: [], isDependency: false }] },
      "ok hook ws: absent: ws 8.0.0 is not loaded",
    ],
    [
      "a package that is asked for and was not seen",
      {
        ...hook("ws", "absent"),
        packages: [{ ...ws, installed: null, loaded: [], isDependency: true }],
      },
      "note hook ws: absent, but ws is a dependency: it was not seen to be loaded",
    ],
    ["an agent that is off", { health: "off", healthReason: "r", hooks: {} }, "bad agent: off: r"],
    ["no hooks", { hooks: {} }, "note agent: no hooks: RETROSCOPE_HOOKS or `hooks` says none"],
    [
      "no collector",
      { ...hook("fetch", "active"), collector: null },
      "note agent: it ships nowhere",
    ],
    [
      "a collector that is not there",
      { collector: "http://h:1/", shippingProblem: `${NOT_TAKEN}ECONNREFUSED` },
      "bad shipping: it cannot ship to http://h:1 (ECONNREFUSED)",
    ],
    [
      "an address that is not the collector's",
      {
        collector: "http://h:1/api",
        shippingProblem: `${NOT_TAKEN}404 not-found: there is no /x${ON_PATH}`,
      },
      "bad shipping: it cannot ship to http://h:1/api (404, there is no /x)",
    ],
    [
      "an agent that closed, and found nobody to ship to",
      { isClosed: true, shippingProblem: "the collector refuses our token (401)" },
      "bad shipping: it cannot ship to http://127.0.0.1:7700 (the collector refuses our token (401))",
    ],
    ["an agent that closed", { isClosed: true }, "ok agent: it closed by itself"],
  ];
  it.each(cases)("on %s", (_why, agent, expected) => {
    expect(told(processFindings(watched([report(agent)]), false))).toContain(expected);
  });

  const fresh = { hooks: {}, shippingProblem: `${NOT_TAKEN}ECONNREFUSED` };
  it.each<[why: string, agent: Partial<Agent>, advice: RegExp]>([
    ["nobody listens", { ...fresh, collector: "http://h:1/" }, /retroscope collector/],
    [
      "a path too many",
      { ...fresh, collector: "http://h:1/api", shippingProblem: `${NOT_TAKEN}404 x` },
      /Leave the path \/api out.* http:\/\/h:1\./,
    ],
    [
      "another server",
      { ...fresh, collector: "http://h:1/", shippingProblem: `${NOT_TAKEN}404 Not Found` },
      /Is it a collector .*http:\/\/h:1\?/,
    ],
    [
      "what the agent advises itself",
      { ...fresh, shippingProblem: `${NOT_TAKEN}EPROTO: no TLS is spoken there; say http:` },
      /^No TLS is spoken there; say http:\.$/,
    ],
    ["a token", { ...fresh, shippingProblem: "the collector refuses our token (401)" }, /_TOKEN/],
  ])("on shipping gives advice that fits: %s", (_why, agent, advice) => {
    const found = processFindings(watched([report(agent)]), false);
    expect(found.find(({ subject }) => subject === "shipping")?.advice).toMatch(advice);
  });

  it("does not say of an application with options of its own that it ships nowhere", () => {
    const findings = processFindings(
      watched([report({ collector: null, otherOptions: true })]),
      false,
    );
    expect(told(findings).join("\n")).toMatch(/calls startAgent itself/);
    expect(told(findings).join("\n")).not.toMatch(/ships nowhere/);
  });

  it("on hooks that saw nothing of their packages is one", () => {
    const names = { kafkajs: "kafkajs", grpc: "@grpc/grpc-js", ws: "ws" };
    const absent = { state: "absent", reason: null };
    const agent = {
      hooks: { kafkajs: absent, grpc: absent, ws: absent },
      packages: Object.values(names).map((name) => ({
        ...{ name, installed: null, loaded: [], isDependency: true },
      })),
    };
    const findings = processFindings(watched([report(agent)]), false);
    expect(told(findings)).toEqual([
      "note hooks kafkajs, grpc, ws: absent, but kafkajs, @grpc/grpc-js, ws are dependencies: they were not seen to be loaded",
    ]);
  });

  it("leaves the hooks of an agent that turned itself off out: they went with it", () => {
    const off = { health: "off", healthReason: "5 own errors", ...hook("ws", "off") };
    expect(told(processFindings(watched([report(off)]), false))).toEqual([
      "bad agent: off: 5 own errors",
    ]);
  });

  it("on a job that closed its agent and ended is that all is well", () => {
    const ended = { ended: { code: 0, signal: null } };
    const findings = processFindings(watched([report({ isClosed: true })], ended), false);
    expect(findings.map(({ level }) => level)).toEqual(["ok", "ok", "ok"]);
  });

  it("on a command as it is, without an agent, is that it calls no startAgent", () => {
    const plain = processFindings(watched([], { preload: false, tookMs: 5_000 }), false);
    expect(told(plain)).toEqual([
      "bad agent: this application does not call startAgent (within 5.0 s)",
    ]);
    expect(plain[0]?.advice).toMatch(/^Leave --as-is out/);
    const ended = { preload: false, ended: { code: 1, signal: null } };
    expect(processFindings(watched([], ended), false).at(-1)?.advice).toBe(
      "It ended before it called startAgent.",
    );
  });

  it("notes that the application ships to another collector than was asked, by any name", () => {
    const seen = (agent: Partial<Agent>, asked: string) =>
      otherCollectorFindings([report(agent)], asked);
    for (const same of ["http://127.0.0.1:7700", "http://localhost:7700/", "http://[::1]:7700"]) {
      expect(seen({}, same), same).toEqual([]);
    }
    expect(seen({ collector: null }, "http://h:1")).toEqual([]);
    const other = seen({ collector: "http://user:secret@c:7700/" }, "http://h:1");
    expect(told(other)).toEqual([
      "note collector: asked is http://h:1, but the application ships to http://c:7700",
    ]);
    expect(other[0]?.advice).toBe("Ask that one: --url http://c:7700");
    const ill = { collector: "http://c:7700/", shippingProblem: `${NOT_TAKEN}ECONNREFUSED` };
    expect(seen(ill, "http://h:1")[0]?.advice).toContain("RETROSCOPE_COLLECTOR=http://h:1");
  });

  it("is said once for all processes, or of whom it is", () => {
    const other = report(hook("http-server", "degraded", "r"), { pid: 8, threadId: 2 });
    const findings = processFindings(watched([report(), report({}, { pid: 9 }), other]), false);
    expect(told(findings)).toEqual([
      "ok hook http-server (7, 9): active",
      "note hook http-server (8 thread 2): degraded: r",
    ]);
  });

  it("on a command that no agent reported from, that crashed, that was killed", () => {
    expect(told(processFindings(watched([]), false))).toContain(
      "bad agent: no agent reported from this command",
    );
    const ended = (code: number | null, signal: string | null) =>
      told(processFindings(watched([report()], { ended: { code, signal } }), false))[0];
    expect(ended(0, null)).toBe("note command: it ended by itself after 1.2 s, with exit code 0");
    expect(ended(1, null)).toBe("bad command: it ended after 1.2 s, with exit code 1");
    expect(ended(null, "SIGSEGV")).toBe("bad command: it ended after 1.2 s, by SIGSEGV");
  });

  it("on our own service tells that a hook stands and sees nothing", () => {
    const active = { state: "active", reason: null };
    const hooks = { "http-server": active, "http-client": active, fetch: active };
    const seen = (sends: number) =>
      told(processFindings(watched([report({ hooks, sends, receives: 8 })]), true));
    expect(seen(8).filter((one) => one.startsWith("bad"))).toEqual([]);
    expect(seen(5)).toContain("bad messages: of 8 over HTTP, 5 sends and 8 receives were recorded");
  });
});

describe("the reports of processes", () => {
  it("are the last whole line of each process and thread", () => {
    const lines = [
      report({ sends: 1 }),
      report({ sends: 2 }),
      report({ sends: 9 }, { threadId: 1 }),
    ];
    const text = `${lines.map((line) => JSON.stringify(line)).join("\n")}\nnull\n{"pid":"x"}\n{"pid":3,"thr`;
    expect(parseReports(text).map(({ agent }) => agent?.sends)).toEqual([2, 9]);
  });

  it("leave out what only starts others", () => {
    const npm = report({}, { script: "/usr/lib/node_modules/npm/bin/npm-cli.js" });
    expect(mainReports([npm, report()])).toEqual([report()]);
  });
});

describe("what is shown", () => {
  const examination = (reports: readonly Report[], rest: Partial<Watched> = {}) => {
    const seen = watched(reports, rest);
    const findings = processFindings(seen, false);
    const process = { isProbe: false, command: ["node", "app.js"], watched: seen, findings };
    return { process, collector: undefined };
  };

  it("says what loaded, what is wrong, what to do, and the last words of what failed", () => {
    const agent = {
      ...hook("otel", "shadowed", "another SDK\u001b[2J"),
      packages: [{ ...ws, loaded: ["8.0.0"], isDependency: true }],
    };
    const failed = { ended: { code: 1, signal: null }, tail: "a\nboom\n" };
    const text = examinationText(examination([report(agent)], failed), undefined);
    expect(text).toContain("loaded: ws 8.0.0");
    expect(text).toContain("NOTE  hook otel  shadowed: another SDK");
    expect(text).not.toContain("\u001b");
    expect(text).toContain("What to do:");
    expect(text).toContain("  | boom\n");
    expect(text).toContain("One thing does not work.");
  });

  it("is JSON for programs", () => {
    expect(JSON.parse(examinationJson(examination([report()])))).toMatchObject({
      command: ["node", "app.js"],
      processes: [{ pid: 7, agent: { hooks: { "http-server": { state: "active" } } } }],
      ended: null,
      findings: [{ level: "ok", subject: "hook http-server", what: "active", advice: null }],
      collector: null,
      lastWords: null,
    });
  });

  it("holds the last words in JSON too", () => {
    const failed = { ended: { code: 1, signal: null }, tail: "a\nboom\n" };
    const answer = JSON.parse(examinationJson(examination([report()], failed)));
    expect(answer.lastWords).toEqual(["a", "boom"]);
  });
});
