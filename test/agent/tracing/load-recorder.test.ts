/** What is kept beside requests, as it is shipped. */
import { expect, it } from "vitest";
import { decodeResources } from "../../../agent/kernel/index.ts";
import { LoadRecorder } from "../../../agent/tracing/load-recorder.ts";
import { RawTime } from "../../../agent/tracing/raw-time.ts";
import { RequestTimer } from "../../../agent/tracing/request-timer.ts";
import { SideOutbox } from "../../../agent/tracing/side-outbox.ts";

const SECOND_US = 1_795_276_800_000_000;

it("tells few names of waits apart, so that a crawler's do not cost the block its stalls", () => {
  const clock = { us: 1_000_000 };
  const outbox = new SideOutbox();
  const time = new RawTime({ nowUs: () => clock.us, physicalUs: () => SECOND_US + clock.us });
  const load = new LoadRecorder({
    ...{ time, outbox, operationOf: () => "GET /", treatName: (name) => name },
  });
  const timer = new RequestTimer({
    ...{ record: () => undefined, nowUs: () => clock.us, follower: load },
    restAfter: Number.POSITIVE_INFINITY,
  });
  load.gap(clock.us, 20_000);
  for (let host = 0; host < 2_000; host += 1) {
    const request = timer.arrived();
    const to = `host-${host}`;
    const pool = { name: `connections to ${to}`, kind: "pool", downstream: to } as const;
    const wait = timer.waitStarted(pool, request);
    clock.us += 1_500;
    if (wait !== undefined) timer.waitEnded(wait);
    timer.departed(request, "GET /", "ok");
  }
  load.flush(true);
  load.close();
  const seconds = outbox
    .take(Number.POSITIVE_INFINITY)
    .filter(({ stream }) => stream === "resource")
    .map(({ bytes }) => decodeResources(bytes));
  expect(seconds.flatMap(({ gaps }) => gaps)).toHaveLength(1);
  expect(seconds.flatMap(({ waits }) => waits)).toHaveLength(2_000);
});
