/** What the feed says of events that the window dropped before they were cut. */
import { describe, expect, it } from "vitest";
import { recordingParts } from "../../support/recording-parts.ts";

describe("events dropped before they were cut", () => {
  it("name the logs there are, those too of which nothing is left", () => {
    const { log, ship } = recordingParts({ windowBytes: 64 * 1024 });
    log("quiet").set("a", 1);
    for (let i = 0; i < 10_000; i += 1) log("loud").set("b", i);
    const [first] = ship();
    expect(first?.header.dropped).toMatchObject([
      { firstSeq: 1, logs: ["quiet", "loud"], messages: true, reason: "overflow" },
    ]);
  });

  it("are of all logs where there are very many", () => {
    const { log, ship } = recordingParts({ windowBytes: 64 * 1024 });
    for (let i = 0; i < 10_000; i += 1) log(`log${i % 65}`).set("b", i);
    expect(ship()[0]?.header.dropped).toMatchObject([{ firstSeq: 1, logs: null }]);
  });
});
