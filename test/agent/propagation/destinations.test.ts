import { BlockList, isIP } from "node:net";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RetroError } from "../../../agent/kernel/index.ts";
import { MAX_REMEMBERED_PEERS, PeerList } from "../../../agent/propagation/destinations.ts";
import { isInRange, parseAddress, parseRange } from "../../../agent/propagation/ip-address.ts";

describe("who may see the header by default", () => {
  const cases: readonly (readonly [host: string, allowed: boolean, why: string])[] = [
    ["127.0.0.1", true, "loopback"],
    ["127.8.9.1", true, "all of 127/8"],
    ["::1", true, "loopback"],
    ["[::1]", true, "in brackets"],
    ["::ffff:127.0.0.1", true, "IPv4 in its IPv6 form"],
    ["::ffff:7f00:1", true, "the same in hex"],
    ["0.0.0.0", true, "connects to loopback"],
    ["10.255.255.255", true, "private"],
    ["172.15.255.255", false, "one below 172.16/12"],
    ["172.16.0.0", true, "its first"],
    ["172.31.255.255", true, "its last"],
    ["172.32.0.0", false, "one above"],
    ["192.168.3.4", true, "private"],
    ["fd12:3456::1", true, "unique local"],
    ["8.8.8.8", false, "a stranger"],
    ["2001:db8::1", false, "a stranger"],
    ["169.254.169.254", false, "cloud metadata"],
    ["::ffff:169.254.169.254", false, "the same in its IPv6 form"],
    ["::ffff:a9fe:a9fe", false, "and in hex"],
    ["fe80::1", false, "link-local"],
    ["fe80::1%eth0", false, "link-local with a zone"],
    ["fd00:ec2::254", false, "cloud metadata inside the private range"],
    ["2852039166", false, "169.254.169.254 as one number, not a single-label name"],
    ["0xa9fea9fe", false, "and in hex"],
    ["169.254.43518", false, "and in three parts"],
    ["0177.0.0.1", false, "octal is no address here"],
    ["metadata", false, "resolves to link-local on one cloud"],
    ["metadata.google.internal", false, "and so does this, for all its .internal"],
    ["metadata.goog", false, "its newer name"],
    ["instance-data.ec2.internal", false, "and on another cloud"],
    ["shop\u3002com", false, "a full stop of another script is one to resolvers: shop.com"],
    ["\uff4detadata", false, "a letter of another script, the same"],
    ["b\u00fccher", true, "single label, of any script"],
    ["localhost%.example.com", false, "no zone, since it is no IPv6 address"],
    ["localhost", true, "single label"],
    ["LOCALHOST.", true, "in capitals, fully qualified"],
    ["cart", true, "a container or service name"],
    ["cart.default.svc", true, "a cluster's service"],
    ["cart.default.svc.cluster.local", true, "in full"],
    ["printer.local", true, ".local"],
    ["db.corp.internal", true, ".internal"],
    ["example.com", false, "a stranger"],
    ["local.example.com", false, "not a suffix"],
    ["evil-internal", true, "single label"],
    ["xinternal.com", false, "a stranger"],
    ["notlocal.svcx", false, "a suffix needs its dot and its end"],
    ["", false, "nothing"],
  ];
  it.each(cases)("%s: %s (%s)", (host, allowed) => {
    const list = new PeerList();
    expect(list.allows(host, 80)).toBe(allowed);
    expect(list.allows(host, 80)).toBe(allowed); // from memory
  });
});

describe("entries of propagateTo", () => {
  const cases: readonly (readonly [
    entry: string,
    host: string,
    port: number | undefined,
    allowed: boolean,
  ])[] = [
    ["api.example.com", "api.example.com", 443, true],
    ["API.example.com.", "api.EXAMPLE.com", undefined, true],
    ["api.example.com", "x.api.example.com", 443, false],
    ["*.example.com", "x.api.example.com", 443, true],
    ["*.example.com", "example.com", 443, false],
    ["*.example.com", "evilexample.com", 443, false],
    ["api.example.com:8443", "api.example.com", 8443, true],
    ["api.example.com:8443", "api.example.com", 443, false],
    ["api.example.com:8443", "api.example.com", undefined, false],
    ["203.0.113.0/24", "203.0.113.255", 80, true],
    ["203.0.113.0/24", "203.0.114.0", 80, false],
    ["203.0.113.0/24", "::ffff:203.0.113.9", 80, true],
    ["203.0.113.7:81", "203.0.113.7", 81, true],
    ["203.0.113.7:81", "203.0.113.7", 80, false],
    ["2001:db8::/32", "2001:db8:ffff::1", 80, true],
    ["2001:db8::/32", "2001:db9::1", 80, false],
    ["[2001:db8::1]:8443", "2001:db8::1", 8443, true],
    ["[2001:db8::1]:8443", "2001:db8::1", 80, false],
    ["*", "anything.example", 80, true],
    ["*", "8.8.8.8", 80, true],
    ["*", "169.254.169.254", 80, false],
    ["169.254.0.0/16", "169.254.1.1", 80, false],
    ["*", "metadata.google.internal", 80, false],
    ["*", "2852039166", 80, false],
  ];
  it.each(cases)("%s and %s port %s: %s", (entry, host, port, allowed) => {
    expect(new PeerList([entry]).allows(host, port)).toBe(allowed);
  });

  it.each([
    "",
    "a b",
    "http://x.com",
    "x.com:0",
    "x.com:70000",
    "*.",
    "1.2.3.4/33",
    "::/129",
    "-x.com",
    "1.2.3",
  ])("refuses %j as configuration, naming it", (entry) => {
    expect(() => new PeerList([entry])).toThrow(RetroError);
    expect(() => new PeerList([entry])).toThrow("propagateTo");
  });

  it("refuses a name as a sender, for callers are known by address", () => {
    expect(() => new PeerList(["api.example.com"], "acceptFrom")).toThrow("acceptFrom");
    expect(new PeerList(["203.0.113.7"], "acceptFrom").allows("203.0.113.7", 5_000)).toBe(true);
  });
});

it("judges the same after its memory was full", () => {
  const list = new PeerList(["*.example.com"]);
  for (let i = 0; i < MAX_REMEMBERED_PEERS * 2 + 10; i += 1) {
    expect(list.allows(`h${i}.example.com`, 80)).toBe(true);
    expect(list.allows(`h${i}.example.org`, 80)).toBe(false);
  }
});

it("never throws, whatever the host", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (host) => {
      expect(typeof new PeerList(["*.example.com"]).allows(host, 80)).toBe("boolean");
    }),
    { numRuns: 2_000 },
  );
});

describe("literal addresses, against Node's own reading", () => {
  const aText = fc.oneof(
    fc.ipV4(),
    fc.ipV6(),
    fc
      .tuple(fc.ipV6(), fc.nat(40), fc.constantFrom("", ":", "0", ".", "g"))
      .map(([text, at, insert]) => text.slice(0, at) + insert + text.slice(at + 1)),
    fc.ipV4().map((text) => `::ffff:${text}`),
  );

  it("are addresses exactly when Node says so", () => {
    fc.assert(
      fc.property(aText, (text) => {
        expect(parseAddress(text) !== undefined).toBe(isIP(text) !== 0);
      }),
      { numRuns: 5_000 },
    );
  });

  it("lie in a range exactly when Node's BlockList says so", () => {
    const anIp = fc.oneof(fc.ipV4(), fc.ipV6());
    fc.assert(
      fc.property(anIp, fc.nat(128), fc.nat(127), (text, prefix, flip) => {
        const isV4 = isIP(text) === 4;
        const bits = isV4 ? prefix % 33 : prefix;
        const range = parseRange(`${text}/${bits}`);
        const address = [...(parseAddress(text) ?? [])];
        const bit = isV4 ? 96 + (flip % 32) : flip;
        const group = Math.floor(bit / 16);
        address[group] = (address[group] ?? 0) ^ (1 << (15 - (bit % 16)));
        const flipped = address.map((value) => value.toString(16)).join(":");
        const list = new BlockList();
        list.addSubnet(text, bits === 0 && isV4 ? 0 : bits, isV4 ? "ipv4" : "ipv6");
        const expected = list.check(flipped, "ipv6");
        expect(range !== undefined && isInRange(address, range)).toBe(expected);
      }),
      { numRuns: 2_000 },
    );
  });
});
