/**
 * Adapter: tiles read by a worker, started at once: it is ready when the first answer comes. The worker is a file of its own (the
 * page's policy allows no code from strings or blobs), and its address passes the one Trusted Types
 * policy that the page has for it.
 */

import type { ReadPage, TileReader } from "./tile-reader.ts";
import type { WorkerAnswer, WorkerQuestion } from "./tile-worker.ts";
import workerUrl from "./tile-worker.ts?worker&url";

interface Waiting {
  readonly resolve: (page: ReadPage) => void;
  readonly reject: (error: Error) => void;
}

/** Chromium's; other browsers take the text. */
interface TrustedTypes {
  createPolicy(
    name: string,
    rules: { createScriptURL(url: string): string },
  ): { createScriptURL(url: string): string };
}

export function workerReader(): TileReader {
  let worker: Worker | undefined;
  let lastJob = 0;
  const waiting = new Map<number, Waiting>();

  const start = (): Worker => {
    const started = new Worker(trusted(workerUrl), { type: "module", name: "tiles" });
    started.addEventListener("message", ({ data }: MessageEvent<WorkerAnswer>) => {
      const waits = waiting.get(data.job);
      waiting.delete(data.job);
      if (data.fault === undefined) waits?.resolve(data);
      else waits?.reject(new Error(data.fault));
    });
    started.addEventListener("error", ({ message }) => {
      // Nothing that it was asked will be answered any more; the next page starts another.
      for (const { reject } of waiting.values())
        reject(new Error(`the tile worker failed: ${message}`));
      waiting.clear();
      started.terminate();
      worker = undefined;
    });
    return started;
  };
  worker = start();
  const post = (question: WorkerQuestion, transfer: Transferable[]): void => {
    worker ??= start();
    worker.postMessage(question, transfer);
  };

  return {
    begin() {
      lastJob += 1;
      const job = lastJob;
      return {
        page: (bytes) =>
          new Promise((resolve, reject) => {
            waiting.set(job, { resolve, reject });
            post({ job, bytes }, [bytes]);
          }),
        end() {
          waiting.delete(job);
          worker?.postMessage({ job } satisfies WorkerQuestion);
        },
      };
    },
  };
}

/** The address as the policy wants it; the only one that passes is our own file's. */
function trusted(url: string): string {
  const { trustedTypes } = globalThis as { readonly trustedTypes?: TrustedTypes };
  if (trustedTypes === undefined) return url;
  return trustedTypes
    .createPolicy("retroscope-tiles", {
      createScriptURL(asked) {
        if (asked !== workerUrl) throw new TypeError(`no script of this page: ${asked}`);
        return asked;
      },
    })
    .createScriptURL(url);
}
