import type { IncomingMessage } from "node:http";
import { describe, expect, it } from "vitest";
import { checkOrigin, isLoopbackName } from "../../../collector/api/security.ts";

function request(headers: Record<string, string>): IncomingMessage {
  return { headers } as unknown as IncomingMessage;
}

describe("a request", () => {
  it.each([
    { host: "127.0.0.1:7700" },
    { host: "localhost:7700" },
    { host: "LOCALHOST:7700" },
    { host: "[::1]:7700" },
    { host: "127.0.0.2" },
    { host: "localhost:7700", origin: "http://localhost:7700" },
  ])("from this machine is answered: %j", (headers) => {
    expect(() => checkOrigin(request(headers))).not.toThrow();
  });

  it.each([
    { host: "evil.example" }, // a name of theirs that points to 127.0.0.1
    { host: "evil.example:7700" },
    { host: "127.0.0.1.evil.example" },
    { host: "localhost.evil.example" },
    { host: "127.0.0.1@evil.example" },
    { host: "192.168.0.7:7700" },
    { host: "127.0.0.999" },
    { host: "" },
    { host: "[::1].evil.example" },
    { host: "127.0.0.1:7700", origin: "http://evil.example" },
    { host: "127.0.0.1:7700", origin: "null" }, // a sandboxed frame
    { host: "127.0.0.1:7700", origin: "http://127.0.0.1:3000" }, // another program's page
    { host: "127.0.0.1:7700", origin: "https://127.0.0.1:7700" },
  ])("that a foreign page may have sent is refused: %j", (headers) => {
    expect(() => checkOrigin(request(headers))).toThrow(
      expect.objectContaining({ code: "forbidden" }),
    );
  });

  it("without a Host is refused", () => {
    expect(() => checkOrigin(request({}))).toThrow(expect.objectContaining({ code: "forbidden" }));
  });
});

it("no name but localhost and no address but loopback means this machine", () => {
  expect(["localhost", "::1", "127.255.0.1"].every(isLoopbackName)).toBe(true);
  expect(["0.0.0.0", "128.0.0.1", "127.1", "localhost.", "::2"].some(isLoopbackName)).toBe(false);
});
