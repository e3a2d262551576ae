/** G16, the agent's part: what was never put into a log leaves the process nowhere. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { sleep } from "./waiting.mjs";

const SECRETS = 500;

export const rowG16 = {
  id: "G16",
  title: "planted secrets: headers, query strings, bodies, environment, arguments",
  async run({ scene, random, runs, figure }) {
    await scene.open();
    const secrets = Array.from(
      { length: runs ?? SECRETS },
      (_, i) => `s3cr3t${i}x${Math.floor(random() * 1e12).toString(36)}`,
    );
    const sent = [];
    scene.proxy.onBytes = (bytes) => sent.push(bytes);
    const environment = Object.fromEntries(
      secrets.slice(0, 50).map((secret, i) => [`APP_PASSWORD_${i}`, secret]),
    );
    const token = secrets[0];
    const agent = { hooks: ["http-client", "http-server", "fetch"], token };
    const flags = [`--title=${secrets[1]}`];
    const host = await scene.host({ name: "keeper", env: environment, flags, agent });
    const { port } = await host.ask("serve");
    for (let i = 50; i + 4 < secrets.length; i += 5) {
      const [header, cookie, query, body, path] = secrets.slice(i, i + 5);
      const headers = {
        authorization: `Bearer ${header}`,
        cookie: `session=${cookie}`,
        "x-api-key": header,
      };
      await host.ask("call", {
        port,
        count: 1,
        headers,
        body,
        path: `/user/${path}?password=${query}`,
      });
    }
    await sleep(300);
    await scene.settle();
    await scene.judge();
    const places = {
      // The token itself travels, as the one header that is made for it.
      wire: Buffer.concat(sent).toString("latin1").replaceAll(`authorization: Bearer ${token}`, ""),
      store: filesOf(scene.path("collector")),
      "the host's standard error": host.stderr,
      "the collector's log": scene.collector.stdout + scene.collector.stderr,
      api: JSON.stringify([
        await all(scene.collector.events("keeper")),
        await scene.collector.get("/api/nodes"),
      ]),
    };
    let found = 0;
    for (const [place, text] of Object.entries(places)) {
      scene.promise(
        text.length > 20 || place.includes("standard error") || place.includes("log"),
        "nothing to search",
        place,
      );
      for (const secret of secrets) {
        if (!text.includes(secret)) continue;
        found += 1;
        scene.promise(false, "a secret left the process", `${secret} in ${place}`);
      }
    }
    figure("secrets planted", secrets.length, "");
    figure("secrets found", found, "", { goal: "0", met: found === 0 });
  },
};

async function all(events) {
  const list = [];
  for await (const event of events) list.push(event);
  return list;
}

function filesOf(directory) {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath ?? entry.path, entry.name), "latin1"))
    .join("\n");
}
