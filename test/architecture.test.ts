/**
 * The house rules, as data: who may import whom, and what only few files may do.
 *
 * When a test here fails, either the import is in the wrong place or the house has changed: then
 * change the table, in the same commit, and say why in its message.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import {
  forbiddenImports,
  type ImportTable,
  importCycles,
  type Reservation,
  reservedImports,
  type Sources,
} from "./support/import-rules.ts";
import { ambientUsesOf, hasDefaultExport, valueExportsOf } from "./support/source-scan.ts";

const KERNEL = "agent/kernel/index.ts";
const STORE_PORT = "collector/store/history-store.ts";
/** The shapes that the store port speaks of. Everybody else sees them through its door. */
const STORE_RECORDS = "collector/store/port/";
const HISTORY_PORT = "collector/cut/history.ts";
/** How time is divided into tiles: the cut engine counts by it, the store removes by it. */
const TILE_LEVELS = "collector/store/tile-levels.ts";
/** Pure functions on bytes and columns, with which what the port gives is read, and made. */
const SEGMENTS = [
  "collector/store/segment-builder.ts",
  "collector/store/segment-columns.ts",
  "collector/store/segment-frame-reader.ts",
  "collector/store/segment-frames.ts",
  "collector/store/segment-header.ts",
  "collector/store/segment-reader.ts",
  "collector/store/segment-rows.ts",
  "collector/store/segment-text.ts",
  "collector/store/unchecked-block.ts",
];

/** The first row that fits the importer applies, so a file's own row stands before its folder's. */
const ALLOWED: ImportTable = [
  // The kernel is shared by agent, collector and UI: it knows nothing, not even Node.
  ["agent/kernel/", ["agent/kernel/"]],

  // The agent's parts do not know each other; runtime.ts joins them.
  ["agent/state/", ["agent/state/", KERNEL]],
  // The hook knows kafkajs by its shapes alone: the service's own copy is handed to it.
  ["agent/propagation/kafkajs", ["agent/propagation/", KERNEL]],
  ["agent/propagation/", ["agent/propagation/", KERNEL, "node:", "@opentelemetry/api"]],
  ["agent/tracing/", ["agent/tracing/", KERNEL, "node:", "@opentelemetry/api", "hdr-histogram-js"]],
  ["agent/shipping/kafka-", ["agent/shipping/", KERNEL, "kafkajs"]],
  ["agent/shipping/", ["agent/shipping/", KERNEL, "node:"]],
  // An example is what a user could write: it enters by the package's doors.
  ["agent/examples/", ["agent/examples/", "retroscope", "node:"]],
  // The types of rules are those of the part that applies them.
  ["agent/config-error.ts", [KERNEL]],
  ["agent/redact-config.ts", ["agent/config-error.ts", "type agent/state/redaction.ts", KERNEL]],
  [
    "agent/config.ts",
    ["agent/config-error.ts", "agent/environment.ts", "agent/redact-config.ts", KERNEL, "node:"],
  ],
  // A door that loads without the package it is for.
  ["agent/kafka.ts", ["agent/start.ts", "type kafkajs"]],
  // For users' tests: what a user could write over the public doors, and the memory transport.
  [
    "agent/testing",
    [
      "agent/testing/",
      "type agent/agent.ts",
      "agent/config-error.ts", // a test agent that cannot start is refused in the same words
      "agent/start.ts",
      "agent/shipping/memory-transport.ts",
      "agent/shipping/scheduler.ts",
      KERNEL,
      "node:",
    ],
  ],
  [
    "agent/",
    [
      "agent/agent.ts",
      "agent/ceiling.ts",
      "agent/config.ts",
      "agent/config-error.ts",
      "agent/environment.ts",
      "agent/epoch-file.ts",
      "agent/epoch-leftovers.ts",
      "agent/epochs.ts",
      "agent/exit.ts",
      "agent/feed-source.ts",
      "agent/guarded-scheduler.ts",
      "agent/keyed-hash.ts",
      "agent/logs.ts",
      "agent/manual-stamps.ts",
      "agent/message-recorder.ts",
      "agent/notices.ts",
      "agent/recent-receives.ts",
      "agent/redact-config.ts",
      "agent/request-recording.ts",
      "agent/packages-found.ts",
      "agent/runtime.ts",
      "agent/self-report.ts",
      "agent/start.ts",
      "agent/tick-shape.ts",
      "agent/version.ts",
      "agent/vitals.ts",
      "agent/state/",
      "agent/propagation/",
      "agent/tracing/",
      "agent/shipping/",
      KERNEL,
      "node:",
    ],
  ],

  // The collector enters the agent through the kernel's door alone.
  ["collector/ingest/", ["collector/ingest/", STORE_PORT, ...SEGMENTS, KERNEL, "node:"]],
  [STORE_PORT, [STORE_RECORDS, KERNEL]],
  [STORE_RECORDS, [STORE_RECORDS, KERNEL]],
  ["collector/store/", ["collector/store/", KERNEL, "node:", "lmdb"]],
  [
    HISTORY_PORT,
    [
      "collector/cut/answers.ts",
      "collector/cut/walk-shapes.ts",
      "collector/cut/bisect-shapes.ts",
      "collector/cut/feed-shapes.ts",
      "collector/cut/column-shapes.ts",
      "collector/cut/audit-shapes.ts",
      "collector/cut/side-shapes.ts",
      KERNEL,
    ],
  ],
  // What the port speaks of: shapes that know nothing of who makes them.
  ["collector/cut/answers.ts", [KERNEL]],
  ["collector/cut/walk-shapes.ts", ["collector/cut/answers.ts", KERNEL]],
  [
    "collector/cut/bisect-shapes.ts",
    ["collector/cut/answers.ts", "collector/cut/walk-shapes.ts", KERNEL],
  ],
  ["collector/cut/feed-shapes.ts", ["collector/cut/answers.ts", KERNEL]],
  ["collector/cut/column-shapes.ts", ["collector/cut/feed-shapes.ts", KERNEL]],
  ["collector/cut/audit-shapes.ts", ["collector/cut/answers.ts", KERNEL]],
  ["collector/cut/side-shapes.ts", ["collector/cut/answers.ts", KERNEL]],
  // What goes from the history and what is kept beside it: it prunes through the store port, and the states
  // with which pruned epochs begin are the cut engine's.
  // What is stored without a log: bytes in, bytes out.
  [
    "collector/retention/",
    [
      "collector/retention/",
      "collector/cut/",
      "collector/store/erased-blocks.ts",
      STORE_PORT,
      KERNEL,
    ],
  ],
  ["collector/cut/", ["collector/cut/", STORE_PORT, TILE_LEVELS, ...SEGMENTS, KERNEL]],
  // A tool that looks inside the data: records as the store writes them, checkpoints as cuts read them.
  [
    "collector/verify/",
    ["collector/verify/", "collector/store/", "collector/cut/", STORE_PORT, KERNEL],
  ],
  // Threads are Node's; all else of the language knows nothing of where it runs.
  ["collector/rql/run/worker-threads.ts", ["collector/rql/", "collector/cut/", KERNEL, "node:"]],
  ["collector/rql/run/query-worker.ts", ["collector/rql/", "collector/cut/", KERNEL, "node:"]],
  ["collector/rql/engine/worker-slices.ts", ["collector/rql/", "collector/cut/", KERNEL, "node:"]],
  ["collector/rql/engine/slice-worker.ts", ["collector/rql/", "collector/cut/", KERNEL, "node:"]],
  ["collector/rql/", ["collector/rql/", "collector/cut/", KERNEL]],
  // Standing queries: texts run again and again, and what they told kept through the store port.
  [
    "collector/monitor/",
    ["collector/monitor/", "collector/rql/", "collector/cut/", STORE_PORT, KERNEL],
  ],
  ["collector/bottleneck/", ["collector/bottleneck/", "collector/cut/", KERNEL]],
  [
    "collector/interop/",
    [
      "collector/interop/",
      "collector/cut/",
      // Exports read the API's answers, as any program outside does.
      "type collector/api/shapes.ts",
      KERNEL,
      "node:",
    ],
  ],
  [
    "collector/api/",
    [
      "collector/api/",
      "collector/cut/",
      "collector/ingest/",
      "collector/retention/",
      // Runs texts, and tells where one is wrong.
      "collector/rql/",
      "collector/monitor/",
      // Latencies and episodes are asked for like the rest of history.
      "collector/bottleneck/",
      "collector/version.ts",
      KERNEL,
      "node:",
      "express",
      "helmet",
      "pino",
    ],
  ],
  [
    // The demo is an example, loaded when asked for: the published package is without it.
    "collector/cli/demo-command.ts",
    ["collector/cli/", "agent/examples/replicated-store/run-demo.ts", KERNEL, "commander"],
  ],
  [
    "collector/cli/",
    [
      "collector/cli/",
      "collector/index.ts",
      "collector/config.ts",
      "collector/interop/",
      // A tool that works on a store that nobody has open.
      "collector/store/compact.ts",
      "collector/verify/",
      "collector/version.ts",
      "type collector/api/audit-shapes.ts",
      "type collector/api/bottleneck-shapes.ts",
      "type collector/api/query-shapes.ts",
      "type collector/api/shapes.ts",
      KERNEL,
      "node:",
      "commander",
    ],
  ],
  ["collector/config.ts", [KERNEL, "node:"]],
  // Before ingest and API alike, and part of neither.
  ["collector/bounded-server.ts", [KERNEL, "node:"]],
  ["collector/version.ts", ["node:"]],
  ["collector/main.ts", ["collector/cli/", KERNEL, "node:", "commander"]],
  [
    "collector/index.ts",
    // What a collector inside a program answers is typed.
    ["collector/collector.ts", "collector/config.ts", "type collector/cut/history.ts"],
  ],
  [
    "collector/collector.ts",
    [
      "collector/config.ts",
      "collector/bounded-server.ts",
      "collector/ingest/",
      "collector/retention/",
      "collector/store/",
      "collector/cut/",
      "collector/rql/",
      "collector/monitor/",
      "collector/bottleneck/",
      "collector/api/",
      KERNEL,
      "node:",
      "pino",
    ],
  ],

  // The UI speaks to the collector over HTTP: it shares the shapes, not the code.
  ["ui/vite.config.ts", ["vite", "node:"]],
  // The editor underlines what the engine would refuse, by the engine's own lexer and parser: one grammar,
  // not two that a test must keep alike. It loads when Query is opened first, not with the page.
  [
    "ui/src/rql/",
    [
      "ui/src/rql/",
      "ui/src/query/",
      "type ui/src/model/choices.ts",
      "collector/rql/check/functions.ts",
      "collector/rql/errors.ts",
      "collector/rql/text/",
      KERNEL,
      "@codemirror/",
    ],
  ],
  [
    "ui/",
    [
      "ui/",
      KERNEL,
      "type collector/api/audit-shapes.ts",
      "type collector/api/bottleneck-shapes.ts",
      "type collector/api/query-shapes.ts",
      "type collector/api/shapes.ts",
      "preact",
      "@preact/signals",
    ],
  ],

  // Debt: exceptions, each with its reason.
];

/** Ports hold interfaces and their promises, nothing that runs. */
const PORTS = [
  "agent/propagation/recorder.ts",
  "agent/shipping/event-source.ts",
  "agent/shipping/scheduler.ts",
  "agent/shipping/transport.ts",
  STORE_PORT,
  ...["derived", "epochs", "events", "messages", "numbered", "pruning", "side"].map(
    (subject) => `${STORE_RECORDS}${subject}.ts`,
  ),
  HISTORY_PORT,
  "collector/cut/answers.ts",
  "collector/cut/walk-shapes.ts",
  "collector/cut/bisect-shapes.ts",
  "collector/cut/feed-shapes.ts",
  "collector/cut/column-shapes.ts",
  "collector/cut/side-shapes.ts",
];

/** Adapters are chosen in composition roots; testing.ts hands the memory ones to users' tests. */
const RESERVED: readonly Reservation[] = [
  [
    /^agent\/shipping\/\w+-transport\.ts$/,
    ["agent/runtime.ts", "agent/testing.ts", "agent/testing/test-agent.ts"],
  ],
  [/^collector\/store\/(?:lmdb|memory)-/, ["collector/collector.ts"]],
  [/^collector\/rql\/run\/(?:worker|inline)-threads\.ts$/, ["collector/collector.ts"]],
  [/^collector\/rql\/engine\/(?:worker|inline)-slices\.ts$/, ["collector/collector.ts"]],
];

/** Folders in which time, timers and chance are given, so that tests can give others. */
const TIMELESS = [
  "agent/kernel/",
  "agent/state/",
  "agent/shipping/",
  "collector/ingest/",
  "collector/cut/",
  "collector/bottleneck/",
  "collector/store/",
  "collector/verify/",
];
const MAY_ASK_THE_SURROUNDINGS: ReadonlyArray<readonly [file: string, why: string]> = [
  ["agent/kernel/physical-clock.ts", "it is the real clock, given to all others"],
  ["agent/shipping/real-scheduler.ts", "it is the real scheduler, given to all of shipping"],
  ["collector/ingest/node-timers.ts", "it is the adapter of ingest's timer port"],
  ["collector/cut/node-timers.ts", "it is the adapter of the cut engine's timer port"],
];

const TOP_LEVEL = [
  ...["agent", "collector", "ui", "test"],
  ...["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "LICENSE"],
  ...["package.json", "package-lock.json", "tsconfig.json", "biome.json"],
  ...[".ci", ".gitignore", ".gitattributes", ".npmrc"],
];

const ROOT = resolve(import.meta.dirname, "..");
const files = filesOfTheProject();
const sources = sourcesIn(["agent/", "collector/", "ui/"]);

describe("the sources", () => {
  it("import only what the table allows", () => {
    expect(forbiddenImports(sources, ALLOWED)).toEqual([]);
  });

  it("name adapters only in composition roots", () => {
    expect(reservedImports(sources, RESERVED)).toEqual([]);
  });

  it("import each other in no circle", () => {
    expect(importCycles(sources)).toEqual([]);
  });

  it("export nothing by default, except to tools that ask for it", () => {
    const found = [...sources].filter(
      ([file, text]) => hasDefaultExport(text) && !file.endsWith(".config.ts"),
    );
    expect(found.map(([file]) => file)).toEqual([]);
  });

  it("ask no import.meta in what services bundle: bundlers that make CommonJS leave it empty", () => {
    const asking = [...sources].filter(
      ([file, text]) => file.startsWith("agent/") && /\bimport\.meta\b(?!`)/.test(text),
    );
    const found = asking.map(([file]) => file).filter((file) => !file.includes("/examples/"));
    // The sampler's thread has a file of its own, which only stands beside this one where nothing is bundled.
    // It goes without it, and says so.
    expect(found).toEqual(["agent/tracing/sampler.ts"]);
  });

  it("ask the surroundings for time, timers and chance only where listed", () => {
    expect(ambientUses(sources)).toEqual([]);
  });
});

describe("the lists of this file", () => {
  it("name ports that exist and hold interfaces only", () => {
    const running = PORTS.flatMap((port) =>
      valueExportsOf(sources.get(port) ?? "export missing file").map(
        (found) => `${port}: ${found}`,
      ),
    );
    expect(running).toEqual([]);
  });

  it("name no file that needs no exception", () => {
    const idle = MAY_ASK_THE_SURROUNDINGS.filter(
      ([file]) => ambientUsesOf(sources.get(file) ?? "").length === 0,
    );
    expect(idle).toEqual([]);
  });
});

it("keeps the top level to what design and tools need", () => {
  const entries = new Set(files.map((file) => file.split("/")[0] ?? ""));
  expect([...entries].filter((entry) => !TOP_LEVEL.includes(entry))).toEqual([]);
});

describe("a planted fault is found:", () => {
  const plants: ReadonlyArray<readonly [why: string, file: string, source: string]> = [
    ["the kernel with a Node module", "agent/kernel/a.ts", 'import "node:fs";'],
    ["the kernel with the state", "agent/kernel/a.ts", 'import { x } from "../state/b.ts";'],
    [
      "state and shipping",
      "agent/state/a.ts",
      'import type { T } from "../shipping/transport.ts";',
    ],
    ["past the kernel's door", "agent/state/a.ts", 'import { x } from "../kernel/hlc.ts";'],
    ["the collector in the agent", "collector/api/a.ts", 'import("../../agent/agent.ts")'],
    ["express outside the API", "collector/collector.ts", 'import express from "express";'],
    ["lmdb outside the store", "collector/cut/a.ts", 'export { open } from "lmdb";'],
    ["a store adapter in RQL", "collector/rql/a.ts", 'import "../store/lmdb-store.ts";'],
    ["a store in bottleneck", "collector/bottleneck/a.ts", 'import "../store/history-store.ts";'],
    ["OpenTelemetry in the state", "agent/state/a.ts", 'import "@opentelemetry/api";'],
    ["kafkajs in another transport", "agent/shipping/http-transport.ts", 'import "kafkajs";'],
    ["API code in the UI", "ui/src/a.tsx", 'import { x } from "../../collector/api/shapes.ts";'],
    ["agent code in the UI", "ui/src/a.ts", 'import type { A } from "../../agent/agent.ts";'],
    ["a source in an example", "agent/examples/shop/a.ts", 'import "../../agent.ts";'],
    ["a package that only begins alike", "ui/vite.config.ts", 'import "vitest";'],
    ["an import computed at run time", "agent/register.ts", "await import(process.argv[2])"],
    ["a file in no row's care", "scripts/a.ts", ""],
  ];
  it.each(plants)("%s", (_why, file, source) => {
    const [message, ...more] = forbiddenImports(new Map([[file, source]]), ALLOWED);
    expect(message).toContain(file);
    expect(message).toContain(/["']([^"']+)["']/.exec(source)?.[1] ?? "");
    expect(more).toEqual([]);
  });

  it("while what the design allows passes", () => {
    const allowed = new Map([
      ["agent/state/a.ts", 'import { x } from "../kernel/index.ts";\nimport "./b.ts";'],
      ["agent/agent.ts", 'import "./shipping/http-transport.ts";\nimport "./state/a.ts";'],
      ["agent/examples/shop/a.ts", 'import "retroscope";\nimport "retroscope/testing";'],
      ["ui/src/a.tsx", 'import type { A } from "../../collector/api/shapes.ts";'],
      ["collector/store/lmdb-store.ts", 'import { open } from "lmdb";'],
      ["agent/kafka.ts", 'import type { Kafka } from "kafkajs";'],
    ]);
    expect(forbiddenImports(allowed, ALLOWED)).toEqual([]);
  });

  it("an adapter named outside the composition roots", () => {
    const source = 'import { x } from "../store/lmdb-store.ts";';
    expect(reservedImports(new Map([["collector/ingest/a.ts", source]]), RESERVED)).toHaveLength(1);
    expect(reservedImports(new Map([["collector/store/lmdb-keys.ts", source]]), RESERVED)).toEqual(
      [],
    );
  });

  it("a circle of three files", () => {
    const circle = new Map([
      ["agent/a.ts", 'import "./b.ts";'],
      ["agent/b.ts", 'import type { C } from "./c/c.ts";'],
      ["agent/c/c.ts", 'export * from "../a.ts";'],
    ]);
    expect(importCycles(circle)).toEqual([
      "agent/a.ts -> agent/b.ts -> agent/c/c.ts -> agent/a.ts",
    ]);
  });

  it("the real clock in a folder whose time is given, but not elsewhere", () => {
    const planted = new Map([
      ["agent/state/a.ts", "const t = Date.now();"],
      ["agent/register.ts", "const t = Date.now();"],
    ]);
    expect(ambientUses(planted)).toEqual(["agent/state/a.ts:1: Date.now"]);
  });
});

function ambientUses(scanned: Sources): string[] {
  const exempt = new Set(MAY_ASK_THE_SURROUNDINGS.map(([file]) => file));
  return [...scanned].flatMap(([file, text]) =>
    TIMELESS.some((folder) => file.startsWith(folder)) && !exempt.has(file)
      ? ambientUsesOf(text).map((use) => `${file}:${use}`)
      : [],
  );
}

function sourcesIn(folders: readonly string[]): Sources {
  const found = files.filter(
    (file) => folders.some((folder) => file.startsWith(folder)) && /\.tsx?$/.test(file),
  );
  return new Map(found.map((file) => [file, readFileSync(join(ROOT, file), "utf8")]));
}

/** What git tracks and what it would track, so that a new file is judged before it is added. */
function filesOfTheProject(): string[] {
  const listed = execFileSync(
    "git",
    ["ls-files", "-z", "--cached", "--others", "--exclude-standard"],
    { cwd: ROOT, encoding: "utf8" },
  );
  return listed.split("\0").filter((file) => file !== "" && existsSync(join(ROOT, file)));
}
