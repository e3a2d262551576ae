import { describe, expect, it } from "vitest";
import { decodeResources, type ResourceSecond } from "../../../agent/kernel/index.ts";
import { ManualScheduler } from "../../../agent/testing/manual-scheduler.ts";
import { Heartbeat } from "../../../agent/tracing/heartbeat.ts";
import { LateLimit } from "../../../agent/tracing/late-limit.ts";
import { Double, OpenRequests, Word } from "../../../agent/tracing/open-requests.ts";
import { signalFiles } from "../../../agent/tracing/proc-signals.ts";
import { RawTime } from "../../../agent/tracing/raw-time.ts";
import type { OpenFile } from "../../../agent/tracing/sampler-files.ts";
import { SamplerLoop } from "../../../agent/tracing/sampler-loop.ts";

const SECOND = 1_795_276_800;

/** A file whose text is a number of reads so far, and how often it is read. */
function aFile(periodMs: OpenFile["periodMs"], signal: string, isOfStalls = false) {
  let reads = 0;
  const file: OpenFile = {
    ...{ path: "/x", signals: [signal], periodMs, isOfStalls },
    parse: (text) => [Number(text)],
    read: (into, at) => {
      reads += 1;
      return Buffer.from(String(reads * 1_000)).copy(into, at);
    },
    close: () => undefined,
  };
  return { file, reads: () => reads };
}

/** Both threads on one clock: `run` lets so many milliseconds pass, in which the main thread lives or not. */
function twoThreads(files: readonly OpenFile[] = []) {
  const scheduler = new ManualScheduler();
  const nowUs = (): number => scheduler.nowMs() * 1_000;
  const time = new RawTime({ nowUs, physicalUs: () => nowUs() + SECOND * 1e6 });
  const open = new OpenRequests<string>(16);
  const gaps: { readonly dueUs: number; readonly lateUs: number }[] = [];
  const urgent: number[] = [];
  const posted: { readonly second: number; readonly block: ResourceSecond; atMs: number }[] = [];
  const blocked: (() => void)[] = [];
  let isBlocked = false;
  const heartbeat = new Heartbeat({
    time,
    timers: {
      after: (delayMs, run) =>
        scheduler.after(delayMs, () => {
          if (isBlocked) blocked.push(run);
          else run();
        }),
    },
    table: open.table,
    onGap: (dueUs, lateUs) => gaps.push({ dueUs, lateUs }),
    onUrgent: () => urgent.push(scheduler.nowMs()),
    onError: (error) => {
      throw error;
    },
  });
  const loop = new SamplerLoop({
    table: open.table,
    files: { files, unavailable: ["cgroup-throttled"] },
    nowUs,
    probe: undefined,
    post: (second, bytes) =>
      posted.push({ second, block: decodeResources(bytes), atMs: scheduler.nowMs() }),
  });
  const tick = (): void => {
    loop.tick();
    scheduler.after(5, tick);
  };
  scheduler.after(2, tick);
  const block = async (ms: number): Promise<void> => {
    isBlocked = true;
    await scheduler.advance(ms);
    isBlocked = false;
    for (const run of blocked.splice(0)) run();
  };
  return { scheduler, open, gaps, urgent, posted, loop, heartbeat, block };
}

const valuesOf = (
  posted: readonly { readonly block: ResourceSecond; readonly second: number }[],
  name: string,
): [atMs: number, value: number][] =>
  posted.flatMap(({ block, second }) =>
    block.signals
      .filter((signal) => signal.name === name)
      .flatMap(({ atUs, values }) =>
        atUs.map((at, i): [number, number] => [
          (second - SECOND) * 1_000 + at / 1_000,
          values[i] as number,
        ]),
      ),
  );

describe("the sampler", () => {
  it("shows a loop that is blocked for 150 ms as a gap, and who is in flight while it lasts", async () => {
    const { scheduler, open, gaps, urgent, posted, loop, block } = twoThreads();
    await scheduler.advance(2_500);
    open.add("first", scheduler.nowMs() * 1_000);
    open.add("second", scheduler.nowMs() * 1_000);
    await block(150);
    await scheduler.advance(10);
    loop.flush();

    expect(gaps).toEqual([{ dueUs: 2_505_000, lateUs: 145_000 }]);
    // The main thread is told as soon as it lives again.
    expect(urgent[0]).toBe(2_650);
    const during = valuesOf(posted, "in-flight").filter(([at]) => at > 2_500 && at < 2_650);
    expect(during.length).toBeGreaterThan(25);
    expect(during.every(([, value]) => value === 2)).toBe(true);
    const beats = valuesOf(posted, "heartbeat").filter(([at]) => at > 2_500 && at < 2_650);
    expect(Math.max(...beats.map(([, age]) => age))).toBeGreaterThan(140_000);
    const oldest = valuesOf(posted, "oldest-open").filter(([at]) => at > 2_640 && at < 2_650);
    expect(oldest[0]?.[1]).toBeGreaterThan(140_000);
  });

  it("asks for a flush while the main thread is stuck, once a stall, and only if somebody waits", async () => {
    const { scheduler, open, urgent, block } = twoThreads();
    await scheduler.advance(2_500);
    await block(150); // nobody was there
    await scheduler.advance(100);
    expect(urgent).toEqual([]);
    const place = open.add("one", scheduler.nowMs() * 1_000);
    let isAsked = false;
    scheduler.after(60, () => {
      isAsked = Atomics.load(open.table.words, Word.urgent) === 1;
    });
    await block(150);
    expect(isAsked).toBe(true);
    open.remove(place);
    await scheduler.advance(500);
    expect(urgent).toHaveLength(1);
  });

  it("asks for a flush when an open request is older than usual, once a request", async () => {
    const { scheduler, open, urgent } = twoThreads();
    await scheduler.advance(1_000);
    open.table.doubles[Double.oldestLimitUs] = 40_000;
    const place = open.add("old", scheduler.nowMs() * 1_000);
    await scheduler.advance(39);
    expect(urgent).toEqual([]);
    await scheduler.advance(200);
    expect(urgent).toHaveLength(1);
    expect(urgent[0]).toBeLessThan(1_060);
    open.remove(place);
  });

  it("reads each file as often as it is worth, and all at each tick for 2 s after something was up", async () => {
    const [fast, slow, stalls] = [aFile(5, "run"), aFile(100, "disk"), aFile(20, "state", true)];
    const { scheduler, open, posted, block } = twoThreads([fast.file, slow.file, stalls.file]);
    await scheduler.advance(2_000);
    const calm = [fast, slow, stalls].map(({ reads }) => reads());
    expect(calm[0]).toBe(400);
    expect(calm[1]).toBe(20);
    expect(calm[2]).toBe(100);
    open.add("one", scheduler.nowMs() * 1_000);
    await block(100);
    await scheduler.advance(3_900);
    const [, slowReads] = [fast, slow, stalls].map(({ reads }, i) => reads() - (calm[i] as number));
    // 2 s at each tick, the other 2 s as ever.
    expect(slowReads).toBeGreaterThan(400);
    expect(slowReads).toBeLessThan(440);
    const handed = posted.filter(({ atMs }) => atMs > 2_100 && atMs < 4_000);
    expect(handed.length).toBeGreaterThan(15);
    // Parts of a second are disjoint: no sample is in two.
    const samples = valuesOf(posted, "run");
    expect(new Set(samples.map(([at]) => at)).size).toBe(samples.length);
    expect(samples.map(([, value]) => value)).toEqual(samples.map((_, i) => (i + 1) * 1_000));
  });

  it("says what it cannot see, and lays down samples when they were taken, in their second", async () => {
    const { scheduler, posted } = twoThreads([aFile(5, "run").file]);
    await scheduler.advance(3_010);
    expect(posted.map(({ second }) => second - SECOND)).toEqual([0, 1, 2]);
    for (const { block } of posted) {
      expect(block.unavailable).toEqual(["cgroup-throttled", "libuv-probe"]);
      const [run] = block.signals.filter(({ name }) => name === "run");
      expect(run?.atUs.every((at) => at >= 0 && at < 1e6)).toBe(true);
      expect(run?.atUs).toHaveLength(200);
    }
  });
});

describe("the limit of lateness", () => {
  it("is that of a quiet host until there is history, then goes with the host", () => {
    const limit = new LateLimit();
    expect(limit.limitUs()).toBe(18_000);
    let us = 0;
    for (let beat = 1; beat <= 2_000; beat += 1) {
      us += 5_000 + (beat % 3) * 3_000; // 0, 3 or 6 ms late
      limit.beat(us, beat);
    }
    // Median 3 ms; distances from it 0 or 3 ms, mostly 3.
    expect(limit.limitUs()).toBeCloseTo(3_000 + 8 * 1.4826 * 3_000, 6);
  });

  it("does not count beats that it did not see as late", () => {
    const limit = new LateLimit();
    for (let beat = 1; beat <= 2_000; beat += 4) limit.beat(beat * 5_000, beat);
    expect(limit.limitUs()).toBe(10_000);
  });
});

describe("the files of Linux", () => {
  const parse = (signal: string, text: string): readonly number[] | undefined =>
    signalFiles({ threadId: 1, cgroup: "0::/a\n" })
      .find(({ signals }) => signals.includes(signal))
      ?.parse(text);
  const texts: readonly (readonly [signal: string, text: string, values: number[] | undefined])[] =
    [
      ["run", "123456789 987654 42\n", [123_456, 987]],
      ["run", "", undefined],
      ["state", "77 (a) (b c) D 1 77 0\n", ["D".charCodeAt(0)]],
      ["psi-io", "some avg10=0.00 total=991\nfull avg10=0.00 total=7\n", [991]],
      [
        "io-read",
        "rchar: 9\nread_bytes: 4096\nwrite_bytes: 0\ncancelled_write_bytes: 5\n",
        [4_096, 0],
      ],
      ["cgroup-throttled", "usage_usec 5\nnr_throttled 1\nthrottled_usec 77\n", [77]],
      ["cgroup-throttled", "nr_periods 0\nnr_throttled 0\nthrottled_time 5000\n", [5]],
      ["cgroup-throttled", "usage_usec 5\n", undefined],
      [
        "disk",
        " 8 0 sda 1 2 3 4 5 6 7 8 0 90 11\n 8 1 sda1 1 2 3 4 5 6 7 8 0 80 11\n 7 0 loop0 1 2 3 4 5 6 7 8 0 70 11\n" +
          " 259 0 nvme0n1 1 2 3 4 5 6 7 8 0 10 11\n",
        [100],
      ],
      ["disk", " 7 0 loop0 1 2 3 4 5 6 7 8 9 70 11\n", undefined],
      ["retransmits", "Ip: A B\nIp: 1 2\nTcp: InSegs RetransSegs\nTcp: 12 34\n", [34]],
      [
        "listen-drops",
        "TcpExt: ListenOverflows ListenDrops\nTcpExt: 1 2\nIpExt: X\nIpExt: 9\n",
        [2],
      ],
      ["listen-drops", "TcpExt: Other\nTcpExt: 1\n", undefined],
      ["dirty", "nr_free_pages 5\nnr_dirty 3\nnr_dirty_threshold 9\n", [12_288]],
    ];

  it.each(texts)("say %s of %j: %j", (signal, text, values) => {
    expect(parse(signal, text)).toEqual(values);
  });

  it("of the main thread are not looked for where it is not known, nor a quota without a group", () => {
    const paths = signalFiles({ threadId: undefined, cgroup: "" }).map(({ path }) => path);
    expect(paths.filter((path) => path === "")).toHaveLength(3);
    const v1 = signalFiles({ threadId: 5, cgroup: "4:cpu,cpuacct:/docker/x\n1:name=y:/z\n" });
    expect(v1.some(({ path }) => path === "/sys/fs/cgroup/cpu,cpuacct/docker/x/cpu.stat")).toBe(
      true,
    );
  });
});
