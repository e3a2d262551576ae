import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Json } from "../../../agent/kernel/index.ts";
import { keyedHash } from "../../../agent/keyed-hash.ts";
import { type RedactSettings, resolveRedact } from "../../../agent/redact-config.ts";
import { KeyRules } from "../../../agent/state/key-rules.ts";
import { Redaction } from "../../../agent/state/redaction.ts";
import { looksSecret } from "../../../agent/state/value-rules.ts";
import { recordingParts } from "../../support/recording-parts.ts";

const HASH_KEY = "a key of the test, long enough";

function build(settings: RedactSettings = {}) {
  const rules = resolveRedact(settings, {});
  const redaction = new Redaction(rules, keyedHash(rules.hashKey), keyedHash(undefined));
  const parts = recordingParts({ redaction });
  const stateOf = (log: string): Readonly<Record<string, Json>> =>
    parts.snapshots.take().logs[log] ?? {};
  return { ...parts, redaction, stateOf };
}

describe("names that stand for secrets", () => {
  const keys = new KeyRules(["iban"], ["tokenCount"]);
  const found = [
    ...["password", "PASSWORD", "userPassword", "user_password", "passwd", "db-passwd", "pwd"],
    ...["apiKey", "api_key", "API-KEY", "X-Api-Key", "apikey", "myApiKey2", "token", "authToken"],
    ...["access_token", "refreshToken", "Authorization", "proxy-authorization", "cookie"],
    ...["Set-Cookie", "clientSecret", "secret", "AWS_SECRET_ACCESS_KEY", "privateKey", "jwt"],
    ...["HTTPCookie", "customer.iban", "IBAN", "p.password", "session_id"],
    ...[
      "pass",
      "DB_PASS",
      "smtpPass",
      "apitoken",
      "APISECRET",
      "mysecret",
      "PHPSESSID",
      "mysqlpwd",
    ],
  ];
  const notFound = [
    ...["apples", "tokens", "max_tokens", "tokenizer", "secretary", "compass", "cookiecutter"],
    ...["tokenCount", "token_count", "keyboard", "api", "key", "", "…", "author", "passenger"],
    ...["bypass", "passCount", "pass_rate", "pwned"],
  ];
  it.each(found)("include %s", (name) => expect(keys.fits(name)).toBe(true));
  it.each(notFound)("do not include %s", (name) => expect(keys.fits(name)).toBe(false));
});

describe("texts that look like secrets", () => {
  const keys = new KeyRules();
  const jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P";
  const found = [
    ...[
      jwt,
      `jwt ${jwt} end`,
      "4111 1111 1111 1111",
      "card 5500-0000-0000-0004.",
      "378282246310005",
    ],
    ...["Bearer abcDEF123456", "Basic dXNlcjpwYXNz", "authorization: Bearer 0123456789abcdef"],
    ...[
      "-----BEGIN RSA PRIVATE KEY-----\nMII",
      "postgres://app:s3cret@db/shop",
      "AKIAIOSFODNN7EXAMPLE",
    ],
    ...["https://x/y?access_token=abc", "Server=db;Password=x;", '{"password":"x"}'],
    ...[
      "{ password: 'hunter' }",
      "login failed, password: hunter2",
      "{'password':'x'}",
      "pwd:abc123",
    ],
    ...["Authorization: Basic dXNlcjpwYXNz", "BEARER abcDEF123456", `sk-proj-${"a1B2".repeat(9)}`],
    ...["Bearer abcdefghijkl", "Authorization: Bearer abc123", "authorization: bearer abcdef"],
    ...["got Bearer abc123 from", "passwd: hunter2", "sk-proj-a1B2a1B2a1B2", "sk-ant-a1B2a1B2a1B2"],
    ...['{\\"api_key\\":\\"x\\"}', "password = x", "ghp_0123456789abcdefghijABCDEFGHIJ012345"],
  ];
  const notFound = [
    ...["", "apples", "4111 1111 1111 1112", "1795276800002123", "2026-11-21 16-00-00", "a=b&c=d"],
    ...["Basic configuration", "http://127.0.0.1:7700/a@b", "eyJust a word.", "01a1fed600000000"],
    ...["the bearer knows whose", "no Bearer token", "a Bearer realm", "sk-proj-x"],
    ...["invalid password: must be longer", "token: expired", "2026-11-21T16:00:05Z", "a:b1c2d3"],
    ...["urn:a://b", "compass=north", "x".repeat(5_000), "=".repeat(5_000), "://".repeat(2_000)],
  ];
  it.each(found)("are found: %s", (text) => expect(looksSecret(text, keys)).toBe(true));
  it.each(notFound)("are not: %.30s", (text) => expect(looksSecret(text, keys)).toBe(false));

  it("are looked for in bounded steps, whatever the text is made of", () => {
    const piece = fc.constantFrom(
      "=",
      ":",
      '"',
      "://",
      "@",
      "eyJ",
      ".",
      "4",
      "1 ",
      "-",
      "AKIA",
      "a=",
    );
    fc.assert(
      fc.property(fc.array(piece, { minLength: 1, maxLength: 6 }), (pieces) => {
        const text = pieces.join("").repeat(3_000).slice(0, 8_000);
        // Linear: below 5 ms. A busy machine may be late once, not each time.
        return [1, 2, 3].some(() => {
          const start = performance.now();
          looksSecret(text, keys);
          return performance.now() - start < 500;
        });
      }),
      { numRuns: 100 },
    );
  });
});

describe("what is redacted", () => {
  it("never enters window, wire, old values, keyframes or sets, wherever it stood", () => {
    const secret = "hunter2-hunter2";
    for (const action of ["mask", "hash"] as const) {
      const parts = build({ action, hashKey: HASH_KEY });
      const log = parts.log("users");
      log.set("password", secret);
      log.set("password", 1_234_567);
      log.set("alice", { name: "a", password: secret, deep: [{ apiKey: secret, n: 1 }] });
      log.set(
        "map",
        new Map<unknown, unknown>([
          ["token", secret],
          [1, 2],
        ]),
      );
      log.set("url", `https://u:${secret}@host`);
      log.add("secrets", secret);
      log.add("secrets", "another");
      log.remove("secrets", secret);
      log.set("secrets", new Set([secret]));
      parts.log("passwords").set("bob", secret);
      log.commit((tx) => {
        tx.set("password", secret);
        tx.add("cookies", secret);
      });
      log.delete("password");
      parts.feed.askKeyframes(null);
      parts.feed.addKeyframes();
      const told = JSON.stringify([parts.snapshots.events().events, parts.snapshots.take().logs]);
      expect(told).not.toContain("hunter2");
      const shipped = JSON.stringify(
        parts.ship().map(({ events }) => [events.values, events.bodies]),
      );
      expect(shipped).not.toContain("hunter2");
      expect(told + shipped).not.toContain("1234567");
      expect(told).toContain('"name":"a"');
      const { masked, hashed } = parts.redaction.counts;
      expect(action === "mask" ? masked : hashed).toBeGreaterThanOrEqual(13);
    }
  });

  const named: ReadonlyArray<readonly [where: string, value: unknown]> = [
    [
      "a list of pairs",
      [
        ["user", "u"],
        ["password", "hunter2"],
      ],
    ],
    ["a set of pairs", new Set([["password", "hunter2"]])],
    ["a list of names and values", ["Host", "h", "Cookie", "hunter2"]],
    ["an object that names its value", { headers: [{ name: "cookie", value: "hunter2" }] }],
    ["an object whose value stands first", [{ Value: { deep: "hunter2" }, Key: "apiKey" }]],
    ["a buffer", { body: Buffer.from("password=hunter2") }],
    ["a part of a buffer", new DataView(Uint8Array.from(Buffer.from("password=hunter2")).buffer)],
    ["a text of util.inspect", "User { id: 1, password: 'hunter2' }"],
  ];
  it.each(named)("is found in %s", (_where, value) => {
    for (const action of ["mask", "hash"] as const) {
      const parts = build({ action, hashKey: HASH_KEY });
      parts.log("l").set("v", value);
      const told = JSON.stringify(parts.snapshots.events().events);
      expect(told).not.toContain("hunter2");
      expect(told).not.toContain([..."hunter2"].map((char) => char.charCodeAt(0)).join());
      expect(told).toContain(`(${action}ed`);
    }
  });

  it("costs a bounded look, however many texts have a secret at their ends", () => {
    let lookedAt = 0;
    const rule = (text: string): boolean => {
      lookedAt += text.length;
      return text.endsWith("secret");
    };
    const parts = build({ values: [rule] });
    const text = `${"x".repeat(8_000)}secret`;
    parts.log("l").set(
      "v",
      Array.from({ length: 1_000 }, () => text),
    );
    expect(lookedAt).toBeLessThan(64 * 1024);
    expect(JSON.stringify(parts.stateOf("l"))).not.toContain("xxx");
  });

  it("is marked as what was cut, so that it equals nothing real", () => {
    const parts = build();
    parts.log("l").set("token", "x");
    parts.log("l").set("plain", "(masked)");
    const [token, plain] = parts.snapshots.events({ log: "l" }).events;
    expect(token).toMatchObject({ value: "(masked)", cutShort: true });
    expect(plain?.cutShort).toBeUndefined();
  });

  it("is not even read under a masked key", () => {
    const parts = build();
    let reads = 0;
    const user = {
      get password() {
        reads += 1;
        return "x";
      },
    };
    parts.log("l").set("user", user);
    parts.log("l").set("password", user);
    expect(reads).toBe(0);
  });

  it("keeps sets as many as they are, though their members are masked", () => {
    const parts = build();
    const log = parts.log("l");
    log.add("secrets", "a");
    log.add("secrets", "b");
    log.add("secrets", "a");
    const members = () => (parts.stateOf("l")["secrets"] as { $set: string[] }).$set;
    expect(members()).toHaveLength(2);
    log.remove("secrets", "a");
    expect(members()).toHaveLength(1);
    expect(members()[0]).toMatch(/^\(masked: [\w-]{16}\)$/);
  });

  it("is equal where it was equal, if it is hashed; under another key it is not", () => {
    const hashed = (hashKey: string, value: unknown): unknown => {
      const parts = build({ action: "hash", hashKey });
      parts.log("l").set("token", value);
      return parts.stateOf("l")["token"];
    };
    const once = hashed(HASH_KEY, { b: 1, a: [2] });
    expect(once).toMatch(/^\(hashed: [\w-]{16}\)$/);
    expect(hashed(HASH_KEY, { a: [2], b: 1 })).toBe(once);
    expect(hashed(HASH_KEY, { a: [3], b: 1 })).not.toBe(once);
    expect(hashed(`${HASH_KEY}!`, { a: [2], b: 1 })).not.toBe(once);
    expect(hashed(HASH_KEY, "1")).not.toBe(hashed(HASH_KEY, 1));
  });

  it("is decided per log: kept, masked, hashed, or all but what is allowed", () => {
    const parts = build({
      hashKey: HASH_KEY,
      keys: ["iban"],
      keepKeys: ["csrfToken"],
      logs: { open: "keep", own: "hash", closed: { allow: ["status"] } },
    });
    for (const name of ["open", "own", "closed", "other"]) {
      parts.log(name).set("token", "t");
      parts.log(name).set("status", { ok: true, token: "t" });
      parts.log(name).set("customerIban", "DE00");
      parts.log(name).set("csrfToken", "c");
      parts.log(name).set("count", 5);
    }
    expect(parts.stateOf("open")).toEqual({
      token: "t",
      status: { ok: true, token: "t" },
      customerIban: "DE00",
      csrfToken: "c",
      count: 5,
    });
    expect(parts.stateOf("own")["token"]).toMatch(/hashed/);
    expect(parts.stateOf("own")["count"]).toBe(5);
    const closed = parts.stateOf("closed");
    expect(closed["count"]).toBe("(masked)");
    expect(closed["csrfToken"]).toBe("(masked)");
    expect(closed["status"]).toEqual({ ok: true, token: "(masked)" });
    expect(parts.stateOf("other")).toEqual({
      token: "(masked)",
      status: { ok: true, token: "(masked)" },
      customerIban: "(masked)",
      csrfToken: "c",
      count: 5,
    });
  });

  it("masks where a rule of the service throws, and counts that", () => {
    const parts = build({
      values: [
        (text) => text === "internal",
        (text) => {
          if (text === "boom") throw new Error("the host's");
          return false;
        },
      ],
    });
    parts.log("l").set("a", "internal");
    parts.log("l").set("b", ["boom", "fine"]);
    expect(parts.stateOf("l")).toEqual({ a: "(masked)", b: ["(masked)", "fine"] });
    expect(parts.redaction.counts).toEqual({ masked: 2, hashed: 0, ruleErrors: 1 });
    expect(parts.guard.errorCount).toBe(0);
  });

  it("masks a note that looks like a secret", () => {
    const { redaction } = build();
    expect(redaction.text("deployed v42")).toBe("deployed v42");
    expect(redaction.text("login with password=hunter2")).toBe("(masked)");
    expect(redaction.texts({ zone: "a", "db.password": "x", args: "--token=abc" })).toEqual({
      zone: "a",
      "db.password": "(masked)",
      args: "(masked)",
    });
  });
});

describe("the setting", () => {
  const bad: ReadonlyArray<readonly [field: string, setting: unknown]> = [
    ["redact", "mask"],
    ["redact.action", { action: "hide" }],
    ["redact.keyz", { keyz: [] }],
    ["redact.keys", { keys: "password" }],
    ["redact.values", { values: [/x/] }],
    ["redact.hashKey", { hashKey: "short" }],
    ["redact.logs.l", { logs: { l: "hide" } }],
    ["redact.logs.l.allow", { logs: { l: { action: "keep", allow: ["a"] } } }],
    ["redact.logs.l.only", { logs: { l: { only: [] } } }],
  ];
  it.each(bad)("%s is refused with its name, and never shown", (field, setting) => {
    expect(() => resolveRedact(setting, {})).toThrow(
      expect.objectContaining({ code: "bad-config", details: { field } }),
    );
  });

  it("is read from the environment where code is silent", () => {
    const env = { RETROSCOPE_REDACT: "hash", RETROSCOPE_REDACT_KEYS: "iban, salary" };
    expect(resolveRedact(undefined, env)).toMatchObject({
      action: "hash",
      keys: ["iban", "salary"],
    });
    expect(resolveRedact({ action: "keep" }, env).action).toBe("keep");
    expect(() => resolveRedact({}, { RETROSCOPE_REDACT_KEY: "short" })).toThrow(/at least 16/);
  });
});
