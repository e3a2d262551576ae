/** Stamps that a service writes and merges by its own hand, on whatever holds its headers. */
import { request } from "node:http";
import { describe, expect, it, vi } from "vitest";
import { type Hlc, TICKS_PER_MS } from "../../agent/kernel/index.ts";
import { CARRIER_HEADER, formatCarrier, parseCarrier } from "../../agent/propagation/carrier.ts";
import type { Stamp } from "../../agent/propagation/recorder.ts";
import { agentScene } from "./support.ts";

const { start } = agentScene();

describe("stamps by hand", () => {
  const holders: ReadonlyArray<
    readonly [what: string, make: () => object, read: (h: never) => unknown]
  > = [
    ["a plain object", () => ({}), (h: Record<string, string>) => h[CARRIER_HEADER]],
    ["Headers", () => new Headers(), (h: Headers) => h.get(CARRIER_HEADER)],
    ["a Map", () => new Map(), (h: Map<string, string>) => h.get(CARRIER_HEADER)],
  ];
  it.each(holders)("name the send event, in %s", (_what, make, read) => {
    const { agent } = start();
    const headers = make();
    const t = agent.stamp(headers as never);
    const stamp = parseCarrier(String(read(headers as never)));
    expect(stamp).toEqual({ node: agent.node, epoch: agent.epoch, seq: 2, t });
    const later = agent.merge(headers as never);
    expect(later).toBeGreaterThan(t);
  });

  it("are kept while nothing that may have shaped the message was recorded, then replaced", async () => {
    const { agent, transport } = start();
    const headers: Record<string, string> = {};
    const first = agent.stamp(headers);
    expect(agent.stamp(headers)).toBe(first);
    agent.log("l").set("k", 1);
    expect(agent.stamp(headers)).toBeGreaterThan(first);
    await agent.flush();
    const sends = transport.events.filter((event) => event.kind === "send");
    expect(sends.map((event) => event.kind === "send" && event.replaces)).toEqual([null, 2]);
  });

  it("belong to one message: on headers whose message has left or arrived, another one gets its own", async () => {
    const { agent, transport } = start({ hooks: ["http-client"] });
    const headers: Record<string, string> = {};
    agent.stamp(headers);
    await new Promise((done) =>
      request("http://127.0.0.1:4", { headers }).once("error", done).end(),
    );
    agent.log("l").set("k", 1);
    agent.stamp(headers); // of the next message: the first is not to be called replaced
    agent.merge(headers); // which came back
    agent.stamp(headers); // and is forwarded
    await agent.flush();
    const sends = transport.events.flatMap((event) => (event.kind === "send" ? [event] : []));
    expect(sends.map(({ replaces, failed }) => [replaces, failed])).toEqual(
      new Array(3).fill([null, false]),
    );
  });

  it("of others are replaced, and merged once", async () => {
    const { agent, transport, clock } = start();
    const t = (clock.now() + 5 * TICKS_PER_MS) as Hlc;
    const theirs = formatCarrier({ node: "n9", epoch: 3, seq: 12, t });
    const headers = { "Retroscope-HLC": theirs };
    expect(agent.merge(headers)).toBe(t + 1);
    expect(agent.merge(headers)).toBeGreaterThan(t + 1);
    agent.stamp(headers);
    expect(Object.keys(headers)).toEqual([CARRIER_HEADER]);
    await agent.flush();
    const receives = transport.events.filter((event) => event.kind === "receive");
    expect(receives).toHaveLength(1);
    expect(receives[0]).toMatchObject({
      from: { node: "n9", epoch: 3, seq: 12 },
      sentT: t,
      unverified: false,
    });
  });

  it("that only look like ours are replaced, and what they name is not said to be replaced", async () => {
    const { agent, transport, clock } = start();
    const own: Record<string, string> = {};
    const t = agent.stamp(own);
    const { seq, ...ref } = parseCarrier(own[CARRIER_HEADER] as string) as Stamp;
    const forged = [
      { ...ref, seq, t: (t - TICKS_PER_MS) as Hlc }, // its receiver would be earlier than it may
      { ...ref, seq: seq + 1_000 }, // of the future
      { ...ref, seq: 2 ** 52 },
      { ...ref, seq: 1 }, // a join
    ];
    clock.advanceMs(1);
    const stamped = forged.map((stamp) => {
      const headers = { [CARRIER_HEADER]: formatCarrier(stamp) };
      const at = agent.stamp(headers);
      expect(parseCarrier(headers[CARRIER_HEADER])?.t).toBe(at);
      return at;
    });
    expect(Math.min(...stamped)).toBeGreaterThan(t);
    await agent.flush();
    const sends = transport.events.flatMap((event) => (event.kind === "send" ? [event] : []));
    expect(sends.map(({ replaces }) => replaces)).toEqual(new Array(5).fill(null));
  });

  it("too far ahead are told once a minute, by the node whose clock is to be set", () => {
    const stderr = vi.spyOn(process.stderr, "write").mockReturnValue(true);
    const { agent, clock } = start({ maxDriftMs: 500, quiet: false });
    for (let seq = 1; seq <= 3; seq += 1) {
      const t = (clock.now() + 2_000 * TICKS_PER_MS) as Hlc;
      agent.merge({ [CARRIER_HEADER]: formatCarrier({ node: "n9", epoch: 3, seq, t }) });
    }
    const told = stderr.mock.calls
      .map(([line]) => String(line))
      .filter((line) => /ahead/.test(line));
    expect(told).toHaveLength(1);
    expect(told[0]).toMatch(/a stamp of n9, 2000 ms ahead of this clock, was not believed/);
  });

  it("too far ahead are not merged: the event is marked and the peer counted", async () => {
    const { agent, transport, clock } = start({ maxDriftMs: 500 });
    const t = (clock.now() + 501 * TICKS_PER_MS) as Hlc;
    const at = agent.merge({
      [CARRIER_HEADER]: formatCarrier({ node: "n9", epoch: 3, seq: 12, t }),
    });
    expect(at).toBeLessThan(t);
    agent.merge({ [CARRIER_HEADER]: "nonsense" });
    agent.merge({});
    await agent.flush();
    expect(transport.events.find((event) => event.kind === "receive")).toMatchObject({
      unverified: true,
    });
    const { refused, malformed, unstamped } = agent.stats();
    expect(refused).toEqual({ n9: 1 });
    expect(malformed).toEqual({ manual: 1 });
    expect(unstamped).toEqual([{ peer: "manual", direction: "in", count: 2 }]);
  });

  it("on headers that throw reach nobody", () => {
    const { agent } = start();
    const headers = {
      get: () => {
        throw new Error("no");
      },
      set: () => undefined,
    };
    expect(() => agent.stamp(headers)).not.toThrow();
    expect(() => agent.merge(headers)).not.toThrow();
    expect(agent.stats()).toMatchObject({ ownErrors: 0, counts: { send: 1 } });
  });

  it("on what is no headers, or cannot be written, is a mistake of the host's and counts as unstamped", async () => {
    const { agent, transport } = start();
    const revoked = Proxy.revocable({}, {});
    revoked.revoke();
    for (let i = 0; i < 6; i += 1) {
      for (const none of [
        undefined,
        null,
        7,
        "text",
        ["a", "b"],
        new Uint8Array(9),
        revoked.proxy,
      ]) {
        expect(agent.merge(none as never)).toBeGreaterThan(0);
        expect(agent.stamp(none as never)).toBeGreaterThan(0);
      }
      agent.stamp(Object.freeze({}));
    }
    const { ownErrors, counts, unstamped } = agent.stats();
    expect(agent.health).toBe("ok");
    expect(ownErrors).toBe(0);
    // Of a send that no message carries it is recorded that it did not go out.
    expect(counts["send"]).toBe(12);
    expect(unstamped).toEqual([
      { peer: "manual", direction: "out", count: 48 },
      { peer: "manual", direction: "in", count: 42 },
    ]);
    await agent.flush();
    const failed = transport.events.filter((event) => event.kind === "send" && event.failed);
    expect(failed).toHaveLength(6);
  });
});
