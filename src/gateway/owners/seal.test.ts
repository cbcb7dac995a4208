/** Laws of sealed ids: what was sealed opens for its owner and its upstream, and nothing else opens. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { IdPlace } from "../contract.ts";
import { objectSeal } from "./seal.ts";

const secret = "s".repeat(40);
const seal = objectSeal([secret]);
const place = fc.record({ upstream: fc.string({ minLength: 1, maxLength: 20 }), owner: fc.string({ minLength: 1, maxLength: 20 }) });
const word = fc.stringMatching(/^[A-Za-z0-9_-]{1,40}$/);
const id = fc.oneof(
  fc.tuple(fc.constantFrom("resp_", "file-", "batch_", "msg_", "ftjob-", "vs_", "conv_", ""), word).map(parts => parts.join("")),
  fc.string({ minLength: 1, maxLength: 100 }),
);
const ann: IdPlace = { upstream: "cloud", owner: "user:ann" };

test("a sealed id opens for its owner at its upstream, in every process with the secret, also behind a newer secret", () => {
  fc.assert(
    fc.property(place, id, (at, text) => {
      const sealed = seal.seal(at, text);
      expect(seal.seal(at, text)).toBe(sealed);
      expect(sealed).toMatch(/^[A-Za-z0-9_-]+$/);
      for (const of of [seal, objectSeal([secret]), objectSeal(["n".repeat(40), secret])]) expect(of.open(at, sealed)).toBe(text);
    }),
  );
});

test("an id of another owner, another upstream or another secret never opens", () => {
  fc.assert(
    fc.property(place, place, id, (at, other, text) => {
      const sealed = seal.seal(at, text);
      if (at.owner !== other.owner) expect(seal.open({ ...at, owner: other.owner }, sealed)).toBeUndefined();
      if (at.upstream !== other.upstream) expect(seal.open({ ...at, upstream: other.upstream }, sealed)).toBeUndefined();
      expect(objectSeal(["n".repeat(40)]).open(at, sealed)).toBeUndefined();
      // owner and upstream cannot take each other's place
      if (at.owner !== at.upstream) expect(seal.open({ upstream: at.owner, owner: at.upstream }, sealed)).toBeUndefined();
    }),
  );
});

test("an id that was forged, cut, lengthened, changed or joined of two never opens", () => {
  fc.assert(
    fc.property(id, id, fc.nat(), fc.nat(), word, (one, two, from, to, more) => {
      const a = seal.seal(ann, one);
      const b = seal.seal(ann, two);
      const at = from % a.length;
      const letter = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[to % 64]!;
      const forged = [
        one,
        more,
        a.slice(0, at),
        a + more,
        a.slice(0, at) + letter + a.slice(at + 1),
        a.slice(0, at) + b.slice(at),
        more + a,
      ];
      for (const text of forged) if (text !== a && text !== b) expect(seal.open(ann, text)).toBeUndefined();
    }),
  );
});

test("a sealed id keeps its first word and says nothing else of the upstream's", () => {
  const sealed = seal.seal(ann, "resp_0123456789abcdef");
  expect(sealed).toMatch(/^resp_/);
  expect(sealed).not.toContain("0123456789abcdef");
  expect(Buffer.from(sealed.slice("resp_".length), "base64url").toString("latin1")).not.toContain("0123456789abcdef");
  expect(seal.seal({ ...ann, owner: "user:bob" }, "resp_0123456789abcdef").slice(0, 27)).not.toBe(sealed.slice(0, 27));
});

test("two owners' idempotency keys differ where their values are the same, and one owner's stay what they are", () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.string(), (a, b, value) => {
      const key = seal.idempotencyKey(a, value);
      expect(key).toBe(objectSeal([secret]).idempotencyKey(a, value));
      expect(key).toMatch(/^[A-Za-z0-9_-]{43}$/);
      if (a !== b) expect(seal.idempotencyKey(b, value)).not.toBe(key);
    }),
  );
});
