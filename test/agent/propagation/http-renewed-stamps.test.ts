/** Stamps that stand on a message before it leaves: foreign, still true, or overtaken. */
import { get } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import { CARRIER_HEADER, formatCarrier, parseCarrier } from "../../../agent/propagation/carrier.ts";
import { exchange } from "../../support/http-calls.ts";
import { foreign, type HookedProcess, hookUp } from "../../support/http-exchange.ts";

let hooked: HookedProcess;

afterEach(() => hooked.close());

describe("a stamp that is on the message already", () => {
  it("is replaced if it is foreign, so that a proxy that copies headers makes true edges", async () => {
    hooked = hookUp();
    const back = await hooked.serve((incoming, response) =>
      response.end(String(incoming.headers[CARRIER_HEADER])),
    );
    const proxy = await hooked.serve((incoming, response) => {
      const onward = { [CARRIER_HEADER]: incoming.headers[CARRIER_HEADER] };
      get(back, { headers: onward }, (answer) => {
        response.writeHead(200, answer.headers);
        answer.pipe(response);
      });
    });
    await exchange(proxy, (to, done) => get(to, { headers: { [CARRIER_HEADER]: foreign } }, done));
    const { sends, receives } = hooked.recorder;
    expect(sends).toHaveLength(4);
    expect(receives.map(({ from }) => from?.seq)).toEqual(sends.map(({ seq }) => seq));
    // The first was foreign; what the proxy copied was ours, but had arrived with the message before.
    expect(sends.map(({ replaces }) => replaces)).toEqual([null, null, null, null]);
  });

  it("is kept if nothing happened since, and renewed if something did", async () => {
    hooked = hookUp();
    const url = await hooked.serve((incoming, response) =>
      response.end(String(incoming.headers[CARRIER_HEADER])),
    );
    const stamp = hooked.recorder.send("manual", null, false, null);
    if (stamp === null) throw new Error("no stamp");
    const headers = { [CARRIER_HEADER]: formatCarrier(stamp) };
    const kept = await exchange(url, (to, done) => get(to, { headers }, done));
    expect(kept.text).toBe(formatCarrier(stamp));
    const second = hooked.recorder.send("manual", null, false, null);
    if (second === null) throw new Error("no stamp");
    headers[CARRIER_HEADER] = formatCarrier(second);
    hooked.recorder.change();
    const renewed = await exchange(url, (to, done) => get(to, { headers }, done));
    const seq = parseCarrier(renewed.text)?.seq;
    expect(hooked.recorder.sends.find((send) => send.seq === seq)?.replaces).toBe(second.seq);
  });

  it("belongs to one message: others with the same headers get stamps of their own", async () => {
    hooked = hookUp();
    const url = await hooked.serve((incoming, response) =>
      response.end(String(incoming.headers[CARRIER_HEADER])),
    );
    const stamp = hooked.recorder.send("manual", null, false, null);
    if (stamp === null) throw new Error("no stamp");
    const headers = { [CARRIER_HEADER]: formatCarrier(stamp) };
    const call = (): Promise<{ text: string }> =>
      exchange(url, (to, done) => get(to, { headers }, done));
    const fetched = async (): Promise<{ text: string }> => ({
      text: await (await fetch(url, { headers })).text(),
    });
    const together = await Promise.all([call(), call(), fetched()]); // nothing happens between
    hooked.recorder.change();
    const replies = [...together, await call()];
    const seqs = replies.map(({ text }) => parseCarrier(text)?.seq);
    expect(seqs[0]).toBe(stamp.seq);
    expect(new Set(seqs).size).toBe(4);
    // The first one did leave with it: nothing replaces it.
    expect(hooked.recorder.sends.map(({ replaces }) => replaces)).toEqual(
      hooked.recorder.sends.map(() => null),
    );
  });
});
