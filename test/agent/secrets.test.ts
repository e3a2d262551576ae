/** Secrets in what is recorded outside of logs: marks, tags, operations, errors. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { agentScene } from "./support.ts";

const { start } = agentScene();

describe("a secret outside of logs", () => {
  it("is looked for in marks and reasons before these are cut: half of it is as bad", async () => {
    const { agent, transport } = start();
    agent.mark(`${"y".repeat(8_180)} 4111111111111111`);
    agent.trigger(`${"x".repeat(186)} 4111111111111111`);
    agent.trigger(`${"x".repeat(300)}`);
    await agent.flush();
    const texts = transport.events.flatMap((event) => (event.kind === "mark" ? [event.text] : []));
    expect(texts).toEqual(["(masked)", "(masked)", "x".repeat(200)]);
  });

  it("is masked in tags, by their names or what they hold", async () => {
    const tags = { zone: "a", "db.password": "hunter2", args: "--token=hunter2" };
    const { agent, transport } = start({ tags });
    await agent.flush();
    expect(transport.events[0]).toMatchObject({
      kind: "join",
      tags: { zone: "a", "db.password": "(masked)", args: "(masked)" },
    });
  });

  it("is masked in the operation of a request, whose route the service made up", async () => {
    const { agent } = start({ requests: true });
    const server = createServer((request, response) => {
      Object.assign(request, { route: { path: "/reset?token=hunter2" } });
      response.end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    await (await fetch(`http://127.0.0.1:${port}/`)).text();
    await new Promise<void>((resolve) => server.close(() => resolve()));
    const [request] = agent.events({ kind: "request" }).events;
    expect(request).toMatchObject({ operation: "(masked)" });
  });

  it("is not told as what went wrong", () => {
    const failing = (): never => {
      throw new Error("cannot reach https://u:hunter2@clock");
    };
    const scheduler = { nowMs: failing, random: () => 0.5, after: () => () => undefined };
    const { agent } = start({ scheduler });
    expect(agent.stats().ownErrors).toBeGreaterThan(0);
    expect(agent.healthReason).toContain("(masked)");
    expect(agent.healthReason).not.toContain("hunter2");
  });
});
