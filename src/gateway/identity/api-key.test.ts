import { createHmac } from "node:crypto";
import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { keyHash, longestToken, newPrefix, newSecret } from "./api-key.ts";

const reference = (secret: string, key: string): string => createHmac("sha256", secret).update(key).digest("base64url");

test("a key's hash is HMAC-SHA-256 under the server's secret, for keys and secrets of any characters and lengths", () => {
  const text = fc.string({ unit: "binary", maxLength: 200 });
  fc.assert(fc.property(text, text, (secret, key) => keyHash(secret, key) === reference(secret, key)));
  for (const length of [0, 63, 64, 65, longestToken - 1, longestToken, longestToken + 1])
    for (const letter of ["a", "ü", "€"])
      expect(keyHash("s".repeat(65), letter.repeat(length))).toBe(reference("s".repeat(65), letter.repeat(length)));
});

test("a long key leaves nothing behind in the hash of a shorter one", () => {
  const secret = "s".repeat(43);
  keyHash(secret, "x".repeat(5_000));
  const key = newSecret(newPrefix());
  expect(keyHash(secret, key)).toBe(reference(secret, key));
});

test("hashes that are remembered are those of their own key and secret, also beyond what is remembered", () => {
  const keys = Array.from({ length: 1_200 }, (_, i) => `key ${i}`);
  for (const round of [1, 2])
    for (const key of round === 1 ? keys : keys.toReversed())
      for (const secret of ["one", "another"]) expect(keyHash(secret, key)).toBe(reference(secret, key));
});

test("a key is sk-loam-, ten letters to find it by and 43 to guess, and no two are the same", () => {
  const keys = Array.from({ length: 50 }, () => newSecret(newPrefix()));
  for (const key of keys) expect(key).toMatch(/^sk-loam-[0-9A-Za-z]{10}-[0-9A-Za-z]{43}$/);
  expect(new Set(keys).size).toBe(50);
});

/** Buffers that a key was written into while `run` ran: each hashing writes it once. */
function hashings(run: () => void): Buffer[] {
  const write = vi.spyOn(Buffer.prototype, "write");
  try {
    run();
    return [...write.mock.contexts];
  } finally {
    write.mockRestore();
  }
}

test("a key is hashed once in two seconds, and anew after them or behind a thousand others", () => {
  const secret = newSecret(newPrefix());
  const now = vi.spyOn(performance, "now");
  const hashed = (key: string) => hashings(() => keyHash(secret, key)).length;
  try {
    now.mockReturnValue(10_000);
    expect([hashed("a"), hashed("a")]).toEqual([1, 0]);
    now.mockReturnValue(11_500);
    expect(hashed("b")).toBe(1);
    now.mockReturnValue(12_000);
    expect([hashed("a"), hashed("b")]).toEqual([0, 0]);
    // two seconds from the first, all that was remembered goes
    now.mockReturnValue(12_001);
    expect([hashed("b"), hashed("a")]).toEqual([1, 1]);
    now.mockReturnValue(14_002);
    expect(hashed("alone")).toBe(1);
    now.mockReturnValue(16_003);
    expect(hashed("alone")).toBe(1);
    for (let i = 1; i < 999; i++) hashed(`key ${i}`);
    expect(hashed("alone")).toBe(0);
    expect([hashed("the thousandth"), hashed("alone"), hashed("the thousandth")]).toEqual([1, 1, 1]);
  } finally {
    now.mockRestore();
  }
});

test("no key stays in the buffer that it was hashed in", () => {
  const key = newSecret(newPrefix());
  const [buffer] = hashings(() => keyHash("another secret of the server", key));
  expect(buffer!.includes(key)).toBe(false);
});
