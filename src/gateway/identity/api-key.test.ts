import { createHmac } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
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
