/**
 * One collector per data directory. LMDB lets a second writer process in without a word, so we lock.
 *
 * A lock must vanish with its owner, by SIGKILL too; pid files do not. So the owner listens on a Unix
 * socket in the directory and tells its pid to whoever connects:
 *
 *     connect works              -> in use, by the pid that answers (or by one that is stopped)
 *     connect is refused         -> left behind by a killed owner: unlink, listen
 *
 * Two that start at once could both find the same stale socket, and the second unlink the first's new
 * one. On Linux an abstract socket, named after the directory's device and inode, decides between
 * them: the kernel gives it to one and frees it at its death. Alone it would not do: containers that
 * share a directory do not share abstract names, but do meet at the socket file.
 *
 * An adapter: it owns a real timer, for an owner that accepts and does not answer.
 */
import { type BigIntStats, closeSync, openSync, rmSync, statSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { join } from "node:path";
import { RetroError } from "../../agent/kernel/index.ts";

const SOCKET_NAME = "collector.sock";
/** What the system takes as a socket's path; more would be cut off without an error. */
const MAX_SOCKET_PATH_BYTES = 100;
const ANSWER_TIMEOUT_MS = 1_000;

export interface DataLock {
  /** May be called twice. */
  release(): Promise<void>;
}

/**
 * Takes the lock of an existing directory.
 * @throws RetroError `data-in-use` naming the owner's pid; `data-unusable` where no socket can be made
 */
export async function lockDirectory(directory: string): Promise<DataLock> {
  const servers: Server[] = [];
  let descriptor: number | undefined;
  const release = async () => {
    await Promise.all(servers.splice(0).map(closeServer));
    if (descriptor !== undefined) closeSync(descriptor);
    descriptor = undefined;
  };
  try {
    if (process.platform === "linux") {
      const name = abstractName(statSync(directory, { bigint: true }));
      servers.push((await listen(name)) ?? refuse(directory, await askOwner(name)));
    }
    let path = join(directory, SOCKET_NAME);
    if (Buffer.byteLength(path) > MAX_SOCKET_PATH_BYTES) {
      descriptor = openSync(directory, "r");
      path = `/proc/self/fd/${descriptor}/${SOCKET_NAME}`;
    }
    servers.push(await listenAtPath(directory, path));
  } catch (error) {
    await release();
    if (error instanceof RetroError) throw error;
    throw new RetroError("data-unusable", `cannot lock ${directory}: ${reasonOf(error)}`, {
      hint: "The data directory must be on a local file system that allows Unix sockets.",
      cause: error,
    });
  }
  return { release };
}

/**
 * Who has the directory now: the pid, "silent" if somebody has it and does not say who; undefined if
 * nobody has. Takes nothing and leaves nothing behind: what it says may be over at once.
 */
export async function lockOwner(directory: string): Promise<number | "silent" | undefined> {
  const names = [
    ...(process.platform === "linux" ? [abstractName(statSync(directory, { bigint: true }))] : []),
    join(directory, SOCKET_NAME),
  ];
  for (const name of names) {
    const owner = await withShortPath(directory, name, askOwner);
    if (owner !== "nobody") return owner;
  }
  return undefined;
}

/** Too long a path is cut off by the system without an error: such a one goes through /proc. */
async function withShortPath<Result>(
  directory: string,
  path: string,
  run: (path: string) => Promise<Result>,
): Promise<Result> {
  if (path.startsWith("\0") || Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES) return run(path);
  const descriptor = openSync(directory, "r");
  try {
    return await run(`/proc/self/fd/${descriptor}/${SOCKET_NAME}`);
  } finally {
    closeSync(descriptor);
  }
}

function abstractName({ dev, ino }: BigIntStats): string {
  return `\0retroscope-data-${dev}-${ino}`;
}

async function listenAtPath(directory: string, path: string): Promise<Server> {
  const server = await listen(path);
  if (server !== undefined) return server;
  const owner = await askOwner(path);
  if (owner !== "nobody") return refuse(directory, owner);
  rmSync(path, { force: true });
  return (await listen(path)) ?? refuse(directory, await askOwner(path));
}

function refuse(directory: string, owner: number | "silent" | "nobody"): never {
  const who = typeof owner === "number" ? `process ${owner}` : "another process";
  throw new RetroError("data-in-use", `${directory} is in use by ${who}`, {
    hint: "Stop that collector, or name another directory with --data.",
    ...(typeof owner === "number" ? { details: { pid: owner } } : {}),
  });
}

/** Undefined: the address is taken. */
function listen(path: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      socket.on("error", () => socket.destroy());
      socket.end(`${process.pid}\n`);
    });
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve(undefined);
      else reject(error);
    });
    server.listen(path, () => {
      server.unref();
      resolve(server);
    });
  });
}

/** The pid that answers; "silent" if somebody listens and says nothing; "nobody" if it is stale. */
function askOwner(path: string): Promise<number | "silent" | "nobody"> {
  return new Promise((resolve) => {
    const socket = connect(path);
    let answer = "";
    let isAlive = false;
    socket.setEncoding("utf8");
    // Refusal of a stale socket comes at once: whoever keeps us waiting is there, perhaps stopped.
    socket.setTimeout(ANSWER_TIMEOUT_MS, () => {
      isAlive = true;
      socket.destroy();
    });
    socket.on("connect", () => {
      isAlive = true;
    });
    socket.on("data", (text: string) => {
      answer = (answer + text).slice(0, 20);
    });
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      const pid = Number.parseInt(answer, 10);
      if (Number.isSafeInteger(pid)) resolve(pid);
      else resolve(isAlive ? "silent" : "nobody");
    });
  });
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
