/**
 * Worker: reads timeline answers and builds their pyramids, so that no frame waits for it.
 *
 *     page  ──{job, bytes}──▶  worker        bytes and columns are moved, never copied
 *     page  ◀─{job, next | tile | fault}──  worker
 *     page  ──{job}──▶  forget the job
 */
import type { TimelineJson } from "../../../collector/api/shapes.ts";
import { buffersOf } from "./decode-tile.ts";
import { readPage } from "./read-pages.ts";
import type { ReadPage } from "./tile-reader.ts";

export interface WorkerQuestion {
  readonly job: number;
  /** Absent: forget the job. */
  readonly bytes?: ArrayBuffer;
}

export type WorkerAnswer =
  | ({ readonly job: number; readonly fault?: undefined } & ReadPage)
  | { readonly job: number; readonly fault: string };

/** What of the worker's global scope is used; the DOM's types describe a page. */
interface WorkerScope {
  addEventListener(type: "message", run: (event: MessageEvent<WorkerQuestion>) => void): void;
  postMessage(answer: WorkerAnswer, transfer: Transferable[]): void;
}

const scope = globalThis as unknown as WorkerScope;
const jobs = new Map<number, TimelineJson[]>();

scope.addEventListener("message", ({ data: { job, bytes } }) => {
  if (bytes === undefined) {
    jobs.delete(job);
    return;
  }
  const pages = jobs.get(job) ?? [];
  try {
    const read = readPage(pages, bytes);
    if (read.tile === undefined) jobs.set(job, pages);
    else jobs.delete(job);
    scope.postMessage({ job, ...read }, read.tile === undefined ? [] : buffersOf(read.tile));
  } catch (error) {
    jobs.delete(job);
    scope.postMessage({ job, fault: String(error) }, []);
  }
});
