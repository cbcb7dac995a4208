import fc from "fast-check";
import { expect, test } from "vitest";
import { formatAgo, formatNumber, formatP, formatShort, formatValue, label, none, words } from "./format.ts";

test("three digits say a number to half a percent", () => {
  fc.assert(
    fc.property(fc.double({ min: 1e-12, max: 1e12, noNaN: true }), fc.boolean(), (x, isNegative) => {
      const n = isNegative ? -x : x;
      expect(Math.abs(Number(formatNumber(n).replaceAll(",", "")) - n)).toBeLessThanOrEqual(Math.abs(n) * 0.00501);
    }),
  );
});

test("short counts keep at most four characters of digits and say the size to one part in twenty", () => {
  const scale: Record<string, number> = { "": 1, k: 1e3, M: 1e6, B: 1e9, T: 1e12 };
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 9e14 }), n => {
      const [, digits, unit] = /^([\d.]+)([kMBT]?)$/.exec(formatShort(n))!;
      expect(digits!.length).toBeLessThanOrEqual(4);
      expect(Math.abs(Number(digits) * scale[unit!]! - n)).toBeLessThanOrEqual(n / 20);
    }),
  );
  expect([999, 1000, 12_345, 999_499, 999_500, 3_200_000].map(formatShort)).toEqual(["999", "1k", "12.3k", "999k", "1M", "3.2M"]);
});

test("what is no number is a dash, never NaN", () => {
  for (const n of [null, undefined, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(formatNumber(n)).toBe(none);
    expect(formatShort(n)).toBe(none);
  }
  expect(formatAgo(Number.NaN, 0)).toBe(none);
});

test("a name tells the unit of its value", () => {
  expect(formatValue("sizeBytes", 1_234_000)).toBe("1.23 MB");
  expect(formatValue("bytes", 12)).toBe("12 B");
  expect(formatValue("tookMs", 21)).toBe("21 ms");
  expect(formatValue("documents", 4871)).toBe("4,871");
  expect(formatValue("heldOut", 0.1)).toBe("0.1");
  expect(formatValue("isTied", true)).toBe("yes");
  expect(formatValue("steps", ["clean", "length"])).toBe("clean, length");
});

test("names in code become words, and lose the unit that their value has", () => {
  expect(label("heldOutBytes", 12)).toBe("Held out");
  expect(label("tookMs", 12)).toBe("Took");
  expect(label("bytes", 12)).toBe("Bytes");
  expect(label("numDocuments", 12)).toBe("Documents");
  expect(label("parseMs", "none")).toBe("Parse ms");
  expect(words("heldOutBytes")).toBe("Held out bytes");
  expect(words("bits-per-byte")).toBe("Bits per byte");
  expect(words("macroF1")).toBe("Macro F1");
});

test("ages are said in the largest unit that is over, up to a week", () => {
  const minute = 60_000;
  const ago = (minutes: number) => formatAgo(0, minutes * minute);
  expect([0.5, 1, 59, 60, 23 * 60, 24 * 60, 6 * 1440, 8 * 1440].map(ago)).toEqual([
    "just now",
    "1 minute ago",
    "59 minutes ago",
    "1 hour ago",
    "23 hours ago",
    "yesterday",
    "6 days ago",
    "1 Jan 1970",
  ]);
});

test("a p-value is never shown as 0", () => {
  expect([0, 0.0004, 0.001, 0.5, null].map(formatP)).toEqual(["p < 0.001", "p < 0.001", "p = 0.001", "p = 0.500", "no p"]);
});
