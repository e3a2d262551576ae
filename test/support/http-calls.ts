/** Calls through node:http in one hooked process, and what must have been recorded of one. */
import type { ClientRequest, IncomingMessage } from "node:http";
import { expect } from "vitest";
import type { HookedProcess } from "./http-exchange.ts";
import type { RecordedReceive } from "./message-recorder.ts";

export const POST = { method: "POST" } as const;

export type Call = (url: string, done: (response: IncomingMessage) => void) => ClientRequest;

/** Makes one call; resolves to the reply, its body read. */
export function exchange(url: string, call: Call): Promise<IncomingMessage & { text: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = call(url, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () => resolve(Object.assign(response, { text })));
      response.on("error", reject);
    });
    outgoing.on("error", reject);
  });
}

export function hostOf(url: string): string {
  return new URL(url).host;
}

/** The full story of one exchange in one process: request out, in, reply out, in. */
export function expectOneExchange({ recorder }: HookedProcess): void {
  const { events } = recorder;
  expect(events.map(({ kind }) => kind)).toEqual(["send", "receive", "send", "receive"]);
  const [call, arrival, reply, answer] = events;
  expect(call).toMatchObject({ channel: "http", replaces: null, failed: false });
  expect((arrival as RecordedReceive).from).toEqual({ node: "n1", epoch: 7, seq: call?.seq });
  expect((answer as RecordedReceive).from).toEqual({ node: "n1", epoch: 7, seq: reply?.seq });
  expect((answer as RecordedReceive).channel).toBe("http");
  const times = events.map(({ t }) => t);
  expect(times).toEqual([...new Set(times)].sort((a, b) => a - b));
}
