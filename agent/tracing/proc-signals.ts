/**
 * What Linux tells of a process and its host, file by file: which signals are in it, how often it is worth a read,
 * and how its text is read. Pure; sampler-files.ts opens the files. Off Linux, and in containers that hide them,
 * files are missing: their signals are unavailable, which is not zero.
 */

/** One file. */
export interface SignalFile {
  readonly path: string;
  /** Names of `SIGNAL_NAMES`, in the order of `parse`. */
  readonly signals: readonly string[];
  /** In calm; while something is up, all are read at each tick. */
  readonly periodMs: 5 | 20 | 100;
  /** Read at each tick while the heartbeat is late. */
  readonly isOfStalls: boolean;
  /** Whole numbers, one per signal; undefined: the text does not say them. */
  parse(text: string): readonly number[] | undefined;
}

/** Where the files of this process are. */
export interface ProcPlaces {
  /** The main thread's id; undefined: not known, as in an agent that runs in a worker. */
  readonly threadId: number | undefined;
  /** The text of /proc/self/cgroup; empty: there is none. */
  readonly cgroup: string;
}

const PAGE_BYTES = 4_096;
/** Whole disks: partitions would be counted twice, loops and ram disks are files and memory. */
const DISK = /^(?:sd[a-z]+|[vh]d[a-z]+|xvd[a-z]+|nvme\d+n\d+|mmcblk\d+)$/;

/** All files that may tell something, whether they are there or not. */
export function signalFiles({ threadId, cgroup }: ProcPlaces): SignalFile[] {
  const task = threadId === undefined ? "" : `/proc/self/task/${threadId}`;
  const file = (
    path: string,
    signals: readonly string[],
    periodMs: SignalFile["periodMs"],
    parse: SignalFile["parse"],
    isOfStalls = false,
  ): SignalFile => ({ path, signals, periodMs, parse, isOfStalls });
  return [
    file(task && `${task}/schedstat`, ["run", "run-queue"], 5, schedstat),
    file(task && `${task}/stat`, ["state"], 20, stateOf, true),
    file("/proc/pressure/cpu", ["psi-cpu"], 20, pressure),
    file("/proc/pressure/io", ["psi-io"], 20, pressure),
    file("/proc/pressure/memory", ["psi-memory"], 20, pressure),
    file("/proc/self/io", ["io-read", "io-write"], 20, (text) =>
      numbersOf(text, [/^read_bytes: (\d+)$/m, /^write_bytes: (\d+)$/m]),
    ),
    file(cgroupStatPath(cgroup), ["cgroup-throttled"], 20, throttled),
    file("/proc/diskstats", ["disk"], 100, diskBusyMs),
    file("/proc/self/net/snmp", ["retransmits"], 100, (text) => column(text, "Tcp", "RetransSegs")),
    file("/proc/self/net/netstat", ["listen-drops"], 100, (text) =>
      column(text, "TcpExt", "ListenDrops"),
    ),
    file("/proc/vmstat", ["dirty"], 100, (text) => {
      const pages = numbersOf(text, [/^nr_dirty (\d+)$/m])?.[0];
      return pages === undefined ? undefined : [pages * PAGE_BYTES];
    }),
  ];
}

/** On a CPU and waiting for one, in nanoseconds; then a count. */
function schedstat(text: string): readonly number[] | undefined {
  const found = /^(\d+) (\d+) \d+/.exec(text);
  if (found === null) return undefined;
  return [Math.floor(Number(found[1]) / 1_000), Math.floor(Number(found[2]) / 1_000)];
}

/** The letter after the name, which stands in brackets and may hold some itself. */
function stateOf(text: string): readonly number[] | undefined {
  const found = /\) ([A-Za-z]) [^)]*$/.exec(text);
  return found === null ? undefined : [(found[1] as string).charCodeAt(0)];
}

function pressure(text: string): readonly number[] | undefined {
  return numbersOf(text, [/^some .*total=(\d+)$/m]);
}

/** Version 2 tells microseconds, version 1 nanoseconds. */
function throttled(text: string): readonly number[] | undefined {
  const us = numbersOf(text, [/^throttled_usec (\d+)$/m]);
  if (us !== undefined) return us;
  const ns = numbersOf(text, [/^throttled_time (\d+)$/m])?.[0];
  return ns === undefined ? undefined : [Math.floor(ns / 1_000)];
}

function diskBusyMs(text: string): readonly number[] | undefined {
  let sum: number | undefined;
  for (const line of text.split("\n")) {
    const fields = line.trim().split(/ +/);
    if (fields.length > 12 && DISK.test(fields[2] as string)) sum = (sum ?? 0) + Number(fields[12]);
  }
  return sum === undefined || Number.isNaN(sum) ? undefined : [sum];
}

/** Two lines begin with the group: the names, and the numbers below them. */
function column(text: string, group: string, name: string): readonly number[] | undefined {
  const lines = text.split("\n").filter((line) => line.startsWith(`${group}:`));
  const at = lines[0]?.split(" ").indexOf(name) ?? -1;
  const value = Number(at < 0 ? undefined : lines[1]?.split(" ")[at]);
  return Number.isSafeInteger(value) ? [value] : undefined;
}

function numbersOf(text: string, patterns: readonly RegExp[]): readonly number[] | undefined {
  const numbers = patterns.map((pattern) => Number(pattern.exec(text)?.[1] ?? Number.NaN));
  return numbers.every((number) => Number.isSafeInteger(number)) ? numbers : undefined;
}

/** Where the quota of this process's group is told: of version 2, else of version 1; empty: nowhere. */
function cgroupStatPath(cgroup: string): string {
  const unified = /^0::(\/.*)$/m.exec(cgroup)?.[1];
  const group = /^\d+:([^:]*\bcpu\b[^:]*):(\/.*)$/m.exec(cgroup);
  if (group !== null) return `/sys/fs/cgroup/${group[1]}${withSlash(group[2] as string)}cpu.stat`;
  return unified === undefined ? "" : `/sys/fs/cgroup${withSlash(unified)}cpu.stat`;
}

function withSlash(path: string): string {
  return path.endsWith("/") ? path : `${path}/`;
}
