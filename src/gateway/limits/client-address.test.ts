import fc from "fast-check";
import { expect, test } from "vitest";
import { identityWith } from "../policy/fakes.ts";
import { clientAddress } from "./client-address.ts";
import { linesOf } from "./lines.ts";
import { limitsPart } from "./rules.ts";

const groups = fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 8, maxLength: 8 });
/** Whole, with leading zeros, in capitals, with a zone, and with the last two groups as IPv4 writes them. */
const written = (g: readonly number[]): string[] => {
  const hex = g.map(n => n.toString(16));
  const full = hex.map(n => n.padStart(4, "0")).join(":");
  const dotted = `${hex.slice(0, 6).join(":")}:${g[6]! >> 8}.${g[6]! & 255}.${g[7]! >> 8}.${g[7]! & 255}`;
  return [hex.join(":"), full, full.toUpperCase(), `${full}%eth0`, dotted];
};
const asBits = (g: readonly number[]): string => g.map(n => n.toString(2).padStart(16, "0")).join("");

test("two IPv6 addresses are one client where they share the prefix, however they are written, and else two", () => {
  fc.assert(
    fc.property(groups, groups, fc.integer({ min: 0, max: 128 }), fc.integer({ min: 1, max: 128 }), (a, other, shared, prefix) => {
      const bits = asBits(a).slice(0, shared) + asBits(other).slice(shared);
      const b = Array.from({ length: 8 }, (_, i) => Number.parseInt(bits.slice(16 * i, 16 * i + 16), 2));
      const isMapped = (g: readonly number[]) => g.slice(0, 5).every(n => n === 0) && g[5] === 0xffff;
      fc.pre(!isMapped(a) && !isMapped(b));
      const [ofA, ofB] = [a, b].map(g => new Set(written(g).map(text => clientAddress(text, prefix))));
      expect([ofA!.size, ofB!.size]).toEqual([1, 1]);
      expect([...ofA!][0] === [...ofB!][0]).toBe(asBits(a).slice(0, prefix) === asBits(b).slice(0, prefix));
    }),
  );
});

test("an IPv4 address is itself, written as IPv6 too, of any prefix", () => {
  for (const prefix of [1, 56, 64, 128])
    for (const text of ["203.0.113.7", "::ffff:203.0.113.7", "::FFFF:cb00:7107", "0:0:0:0:0:ffff:203.0.113.7"])
      expect(clientAddress(text, prefix)).toBe("203.0.113.7");
  expect(clientAddress("::ffff:203.0.113.7", 64)).not.toBe(clientAddress("::ffff:203.0.113.8", 64));
});

test("the network is written as people write it", () => {
  expect(clientAddress("2001:db8:1:2:3:4:5:6", 64)).toBe("2001:db8:1:2::/64");
  expect(clientAddress("2001:db8:1:2ff:3:4:5:6", 56)).toBe("2001:db8:1:200::/56");
  expect(clientAddress("2001:db8::7", 128)).toBe("2001:db8::7/128");
  expect(clientAddress("::1", 64)).toBe("::/64");
});

test("what is no address is itself, so that it is limited as one", () => {
  for (const text of ["unknown", "", "1.2.3", ":::", "2001:db8::7::", "12345::", "'; drop table--"])
    expect(clientAddress(text, 64)).toBe(text);
});

test("a limit per ip has one bucket for a network of 64 bits, or of as many as it says, also beside other dimensions", () => {
  const bucket = (more: object, ip: string): string => {
    const rules = limitsPart.parse([{ name: "ip", per: ["ip"], measure: "requests", limit: 2, window: "1m", ...more }]);
    const prices = { currency: "USD", models: {} };
    const demand = { inputTokens: 0, maxOutputTokens: 0, bytes: 0 };
    return linesOf(rules, prices, { identity: identityWith(), model: "mail", ip }, demand, 0).lines[0]!.line.bucket;
  };
  const [home, sameHome, neighbour] = ["2001:db8:1:200::1", "2001:db8:1:200:aaaa::9", "2001:db8:1:201::1"] as const;
  for (const more of [{}, { per: ["ip", "model"] }]) {
    expect(bucket(more, home)).toBe(bucket(more, sameHome));
    expect(bucket(more, home)).not.toBe(bucket(more, neighbour));
    expect(bucket({ ...more, ipv6Prefix: 56 }, home)).toBe(bucket({ ...more, ipv6Prefix: 56 }, neighbour));
    expect(bucket({ ...more, ipv6Prefix: 128 }, home)).not.toBe(bucket({ ...more, ipv6Prefix: 128 }, sameHome));
    expect(bucket(more, "::ffff:203.0.113.7")).toBe(bucket(more, "203.0.113.7"));
  }
});

test("a prefix where no bucket is an address's is refused, and one that is no number of bits", () => {
  const parse = (more: object) => () =>
    limitsPart.parse([{ name: "a", per: ["ip"], measure: "requests", limit: 2, window: "1m", ...more }]);
  expect(parse({ per: ["key"], ipv6Prefix: 64 })).toThrow(/`ip` under per/);
  for (const ipv6Prefix of [0, 129, 63.5]) expect(parse({ ipv6Prefix })).toThrow();
});
