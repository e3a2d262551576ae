import { describe, expect, it } from "vitest";
import {
  type Config,
  resolveConfig,
  type Settings,
  type Surroundings,
} from "../../agent/config.ts";
import { mistypedIn } from "../../agent/environment.ts";
import { RetroError } from "../../agent/kernel/index.ts";

const around = (env: Surroundings["env"] = {}, more: Partial<Surroundings> = {}): Surroundings => ({
  env,
  pid: 412,
  script: "/srv/cart/server.mjs",
  threadId: 0,
  isFork: false,
  ...more,
});

describe("settings", () => {
  const cases: ReadonlyArray<
    readonly [why: string, settings: Settings, around: Surroundings, expected: Partial<Config>]
  > = [
    ["ten shipments a second", {}, around(), { flushIntervalMs: 100 }],
    [
      "twenty looks a second at what captures want",
      { stream: "on-demand" },
      around(),
      { flushIntervalMs: 50 },
    ],
    [
      "the interval that was asked for",
      { stream: "on-demand", flushIntervalMs: 70 },
      around(),
      { flushIntervalMs: 70 },
    ],
    [
      "code beats environment",
      { service: "a" },
      around({ RETROSCOPE_SERVICE: "b" }),
      { service: "a" },
    ],
    [
      "environment beats the script's name",
      {},
      around({ RETROSCOPE_SERVICE: "b" }),
      { service: "b" },
    ],
    ["OpenTelemetry's name is honoured", {}, around({ OTEL_SERVICE_NAME: "o" }), { service: "o" }],
    [
      "ours comes before it",
      {},
      around({ OTEL_SERVICE_NAME: "o", RETROSCOPE_SERVICE: "b" }),
      { service: "b" },
    ],
    ["without a name it is the script's", {}, around(), { service: "server" }],
    ["a node that is given is taken", { node: "n1" }, around(), { node: "n1" }],
    [
      "a fork does not take its parent's id",
      {},
      around({ RETROSCOPE_NODE: "n1" }, { isFork: true }),
      { node: "n1.412" },
    ],
    [
      "nor does a worker thread",
      {},
      around({ RETROSCOPE_NODE: "n1" }, { threadId: 3 }),
      { node: "n1.t3" },
    ],
    [
      "a window by time",
      {},
      around({ RETROSCOPE_WINDOW: "30s" }),
      { windowMs: 30_000, windowBytes: 32 * 2 ** 20 },
    ],
    [
      "and by size",
      {},
      around({ RETROSCOPE_WINDOW: "2m, 64MiB" }),
      { windowMs: 120_000, windowBytes: 64 * 2 ** 20 },
    ],
    ["no hooks", {}, around({ RETROSCOPE_HOOKS: "none" }), { hooks: [] }],
    [
      "some hooks",
      {},
      around({ RETROSCOPE_HOOKS: "fetch, http-client" }),
      { hooks: ["fetch", "http-client"] },
    ],
    [
      "tags from both sides, ours last",
      { tags: { zone: "b" } },
      around({ OTEL_RESOURCE_ATTRIBUTES: "zone=a,team=x%20y" }),
      { tags: { zone: "b", team: "x y" } },
    ],
    [
      "destinations",
      {},
      around({ RETROSCOPE_PROPAGATE_TO: "*.example.com,10.1.2.3" }),
      { propagateTo: ["*.example.com", "10.1.2.3"] },
    ],
    [
      "an empty variable is none",
      {},
      around({ RETROSCOPE_COLLECTOR: "", RETROSCOPE_TOKEN: "" }),
      { collector: undefined, token: undefined },
    ],
  ];
  it.each(cases)("%s", (_why, settings, surroundings, expected) => {
    expect(resolveConfig(settings, surroundings)).toMatchObject(expected);
  });

  it("take a token out of a file with its line end", () => {
    const { token } = resolveConfig({}, around({ RETROSCOPE_TOKEN: " s3cret\n" }));
    expect(token).toBe("s3cret");
  });

  it("give a node id that agents may use, whatever the service is called", () => {
    const { node } = resolveConfig({ service: "Käse & Wein ".repeat(15) }, around());
    expect(node).toMatch(/^[A-Za-z0-9._:@-]{1,80}$/);
    expect(node.endsWith(".412")).toBe(true);
  });
});

describe("a bad setting throws and names the field", () => {
  const cases: ReadonlyArray<
    readonly [field: string, settings: unknown, env?: Surroundings["env"]]
  > = [
    ["collector", { collector: "localhost:7700" }],
    ["collector", { collector: "not a url" }],
    ["collector", { collector: "http://me:secret@host" }],
    ["maxDriftMs", { maxDriftMs: 0 }],
    ["maxDriftMs", { maxDriftMs: Number.NaN }],
    ["RETROSCOPE_MAX_DRIFT_MS", {}, { RETROSCOPE_MAX_DRIFT_MS: "soon" }],
    ["windowMs", { windowMs: -1 }],
    ["windowBytes", { windowBytes: 10 }],
    ["RETROSCOPE_WINDOW", {}, { RETROSCOPE_WINDOW: "large" }],
    ["node", { node: "a b" }],
    ["RETROSCOPE_NODE", {}, { RETROSCOPE_NODE: "x/y" }],
    ["node", { node: null }],
    ["node", { node: 5 }],
    ["node", { node: "" }],
    ["node", { node: Symbol("n1") }],
    ["token", { token: "two\nlines" }],
    ["RETROSCOPE_TOKEN", {}, { RETROSCOPE_TOKEN: "schl\u00fcssel\u2026" }],
    ["service", { service: "" }],
    ["stream", { stream: "some" }],
    ["hooks", { hooks: [1] }],
    ["tags.zone", { tags: { zone: 1 } }],
    ["windowMs", { windowMs: 1n }],
    ["flushIntervalMs", { flushIntervalMs: 2 ** 32 }],
    ["requests", { requests: "false" }],
    ["quiet", { quiet: 1 }],
    ["RETROSCOPE_WINDOW", {}, { RETROSCOPE_WINDOW: "30" }],
    ["RETROSCOPE_WINDOW", {}, { RETROSCOPE_WINDOW: "30s,5s" }],
    ["RETROSCOPE_WINDOW", {}, { RETROSCOPE_WINDOW: "1MiB,2MiB" }],
    ["RETROSCOPE_STREAM", {}, { RETROSCOPE_STREAM: "some" }],
    ["RETROSCOPE_COLLECTOR", {}, { RETROSCOPE_COLLECTOR: "not a url" }],
    ["RETROSCOPE_COLLECTOR", {}, { RETROSCOPE_COLLECTOR: "ftp://host" }],
    ["RETROSCOPE_REDACT", {}, { RETROSCOPE_REDACT: "hide" }],
    ["RETROSCOPE_REDACT_KEY", {}, { RETROSCOPE_REDACT_KEY: "short" }],
    ["stream", { stream: "" }],
    ["colector", { colector: "http://127.0.0.1:7700" }],
  ];
  it.each(cases)("%s", (field, settings, env) => {
    let error: unknown;
    try {
      resolveConfig(settings as Settings, around(env as Surroundings["env"]));
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(RetroError);
    expect((error as RetroError).code).toBe("bad-config");
    expect((error as RetroError).details).toEqual({ field });
    expect((error as RetroError).message).toContain(field);
  });

  it("with what it says and what to write instead, for loggers that show no more than the message", () => {
    expect(() => resolveConfig({ colector: "x" } as Settings, around())).toThrow(
      /^colector is not known\. Known are service, node, tags, collector, /,
    );
    expect(() => resolveConfig({}, around({ RETROSCOPE_MAX_DRIFT_MS: "1s" }))).toThrow(
      'RETROSCOPE_MAX_DRIFT_MS must be a number of at least 1, not "1s"',
    );
    expect(() => resolveConfig({}, around({ RETROSCOPE_WINDOW: "30s,5" }))).toThrow(
      'RETROSCOPE_WINDOW "5" has no unit. Use 60s, 32MiB or both: 60s,32MiB.',
    );
  });

  it("but never shows a token, nor an address that holds a password", () => {
    for (const collector of ["http://me:hunter2@host:999999", "me:hunter2@host"]) {
      expect(() => resolveConfig({ collector }, around())).toThrow(/^((?!hunter2).)*$/);
    }
    expect(() => resolveConfig({ token: 12345 as never }, around())).toThrow(
      /^token must be a text$/,
    );
    expect(() => resolveConfig({ token: "hunter2\nhunter2" }, around())).toThrow(
      /^((?!hunter2).)*$/,
    );
  });
});

it("takes an empty variable of the environment for none", () => {
  const names = [
    "COLLECTOR",
    "SERVICE",
    "NODE",
    "TOKEN",
    "STREAM",
    "WINDOW",
    "MAX_DRIFT_MS",
    "DATA",
  ];
  const further = [
    "PROPAGATE_TO",
    "REDACT",
    "REDACT_KEYS",
    "REDACT_KEY",
    "HOOKS",
    "REQUESTS",
    "QUIET",
  ];
  const empty = Object.fromEntries(
    [...names, ...further].map((name) => [`RETROSCOPE_${name}`, ""]),
  );
  expect(resolveConfig({}, around(empty))).toEqual(resolveConfig({}, around()));
  const named = { ...empty, OTEL_SERVICE_NAME: "cart" };
  expect(resolveConfig({}, around(named)).service).toBe("cart");
});

it("measures names in bytes of UTF-8, as they travel", () => {
  const wide = "漢".repeat(98);
  expect(() => resolveConfig({ service: wide }, around())).toThrow(/service must be .* bytes/);
  expect(() => resolveConfig({ tags: { zone: wide } }, around())).toThrow(/tags\.zone/);
  expect(() => resolveConfig({ tags: { [wide]: "x" } }, around())).toThrow(/tags/);
  expect(resolveConfig({ service: "漢".repeat(66) }, around()).service).toHaveLength(66);
});

it("takes as many tags of the environment as there is room for, with names as they may travel", () => {
  const attributes = Array.from({ length: 100 }, (_, i) => `${"k".repeat(300)}=x,tag${i}=${i}`);
  const env = around({ OTEL_RESOURCE_ATTRIBUTES: attributes.join(",") });
  const { tags } = resolveConfig({ tags: { zone: "a" } }, env);
  expect(Object.keys(tags)).toHaveLength(64);
  expect(tags["zone"]).toBe("a");
  expect(Object.keys(tags).every((name) => name.length <= 200)).toBe(true);
});

it("cuts what nobody chose instead: a script's name, tags from the environment", () => {
  const wide = `${"😀".repeat(60)}`;
  const config = resolveConfig(
    {},
    around({ OTEL_RESOURCE_ATTRIBUTES: `zone=${wide}` }, { script: `/srv/${wide}.mjs` }),
  );
  for (const text of [config.service, config.tags["zone"] ?? ""]) {
    expect(text).toBe("😀".repeat(50));
  }
});

it("knows the agent's variables from those that were mistyped, and leaves alone whose they are not", () => {
  const strangers = [
    ...["URL", "COLLECTOR_PORT", "COLLECTOR_HOST", "COLLECTOR_DATA", "TEST_SEED", "BENCH_EVENTS"],
    // Kubernetes, beside a service called retroscope
    ...["PORT", "SERVICE_HOST", "SERVICE_PORT", "PORT_7700_TCP", "PORT_7700_TCP_ADDR"],
    ...["DOCTOR", "NO_SKIP", "SEED", "WINDOW", "REDACT", "REDACT_KEY", "REDACT_KEYS", "X"],
  ].map((name) => [`RETROSCOPE_${name}`, "1"]);
  expect(mistypedIn({ ...Object.fromEntries(strangers), PATH: "/bin" })).toEqual([]);
  const mistyped = { COLECTOR: "COLLECTOR", TOKKEN: "TOKEN", HOOK: "HOOKS", WINDOW_MS: "WINDOW" };
  for (const [name, meant] of Object.entries(mistyped)) {
    expect(mistypedIn({ [`RETROSCOPE_${name}`]: "1" })).toEqual([
      `RETROSCOPE_${name} is not known: RETROSCOPE_${meant}?`,
    ]);
  }
});
