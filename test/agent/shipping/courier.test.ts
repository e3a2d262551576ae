/** The courier with transports that break their promise: one answer each, and nothing escapes. */
import { expect, it, vi } from "vitest";
import { Courier } from "../../../agent/shipping/courier.ts";
import type { TransportReply } from "../../../agent/shipping/transport.ts";
import { VirtualScheduler } from "../../support/virtual-scheduler.ts";

const unreadable = {
  get kind(): string {
    throw new Error("unreadable");
  },
};

it.each([
  [
    "throws",
    () => {
      throw new Error("broken");
    },
  ],
  ["rejects", () => Promise.reject(new Error("broken"))],
  ["gives no promise", () => undefined],
  ["gives a reply of no kind", () => Promise.resolve({ kind: "surprise" })],
  ["gives a reply that throws when it is read", () => Promise.resolve(unreadable)],
])("answers that it failed when the transport %s", async (_what, send) => {
  const onError = vi.fn();
  const transport = { target: "broken", send: send as () => never, close: () => undefined };
  const courier = new Courier(transport, new VirtualScheduler(), onError);
  const replies: TransportReply[] = [];
  courier.send([], { timeoutMs: 1_000, holdMs: 0 }, (reply) => replies.push(reply));
  for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
  expect(replies.map(({ kind }) => kind)).toEqual(["failed"]);
  expect(onError).toHaveBeenCalledOnce();
});
