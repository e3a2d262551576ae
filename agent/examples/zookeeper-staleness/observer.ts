/**
 * An observer: connected to one replica alone, it records the version of each znode as that replica shows
 * it. A watch says that there is news, a poll sees to it that a lost watch costs little. Both only make it
 * read, and a read is one at a time per znode, so versions rise by one or, where a watch skipped some, by
 * more.
 *
 * With stamps it merges the one of the version that it read, before it records anything of it, and keeps
 * the writer informed of its own clock (way-back.ts).
 */
import { mergeStamp } from "./stamps.ts";
import { startProcess } from "./start-process.ts";
import { askWriter } from "./way-back.ts";

const POLL_MS = 50;
/** So long after an update the writer is thought to be at work. */
const AT_WORK_MS = 1_000;

const { zookeeper, root, znodes, isStamped, writerPort, agent, note, onStop } =
  await startProcess("observer");
let isStopping = false;
let lastUpdateMs = Number.NEGATIVE_INFINITY;

function watch(znode: string): () => void {
  const path = `${root}/${znode}`;
  let shown = -1;
  let isReading = false;
  let mustReadAgain = false;
  const read = async (): Promise<void> => {
    if (isStopping) return;
    mustReadAgain = isReading;
    if (isReading) return;
    isReading = true;
    try {
      const { version, data } = await zookeeper.read(path, onChange);
      if (version > shown) {
        shown = version;
        // Before it is recorded: what this process does with a version comes after its writing.
        mergeStamp(agent, data);
        note("replica", znode, version);
        if (version > 0) lastUpdateMs = performance.now();
      }
    } catch (error) {
      // Without its replica an observer has nothing to say; unhandled, this ends the process.
      if (!isStopping) throw error;
    } finally {
      isReading = false;
    }
    if (mustReadAgain) void read();
  };
  const onChange = (): void => void read();
  void read();
  return onChange;
}

const reads = znodes.map(watch);
const poll = setInterval(() => {
  for (const read of reads) read();
}, POLL_MS);

const isWriterAtWork = (): boolean => performance.now() - lastUpdateMs < AT_WORK_MS;
const stopAsking = isStamped ? askWriter(writerPort, isWriterAtWork) : () => undefined;

onStop(async () => {
  isStopping = true;
  clearInterval(poll);
  stopAsking();
});
