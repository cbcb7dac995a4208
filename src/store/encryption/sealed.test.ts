import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { rounds } from "../../../test/support/deep.ts";
import { random } from "../../base/index.ts";
import { codeOf } from "./key-service.laws.ts";
import { type DataKey, headerBytes, isSealed, openSealed, openStream, plainSize, readHeader, sealBytes, sealStream } from "./sealed.ts";

const key: DataKey = { id: "1".repeat(32), bytes: randomBytes(32) };
const chunk = 64 * 1024;
const lengths = [0, 1, chunk - 1, chunk, chunk + 1, 3 * chunk, 3 * chunk + 17];

/** Pieces of random lengths. */
async function* cut(bytes: Uint8Array, seed: number) {
  const r = random(seed);
  for (let at = 0; at < bytes.length; ) {
    const n = 1 + r.below(100_000);
    yield bytes.subarray(at, at + n);
    at += n;
  }
}
const gathered = async (pieces: AsyncIterable<Buffer>): Promise<Buffer> => {
  const all: Buffer[] = [];
  for await (const piece of pieces) all.push(Buffer.from(piece));
  return Buffer.concat(all);
};

test("streamed = whole, both ways, at every length around a chunk, and the plain size follows from the encrypted one", async () => {
  for (const [i, length] of lengths.entries()) {
    const plain = randomBytes(length);
    const whole = sealBytes(key, plain, { id: "x", purpose: "support" });
    const streamed = await gathered(sealStream(key, cut(plain, i), { id: () => "x", purpose: "support" }));
    expect(streamed.length).toBe(whole.length);
    expect(plainSize(whole.length)).toBe(length);
    expect(isSealed(whole)).toBe(true);
    for (const sealed of [whole, streamed]) {
      expect(readHeader(sealed, "x").keyId).toBe(key.id);
      expect(openSealed(key, sealed, { id: "x" }).equals(plain)).toBe(true);
      expect((await gathered(openStream(cut(sealed, i), async () => key, { id: "x" }))).equals(plain)).toBe(true);
    }
  }
});

test("any changed bit, any cut, anything appended and any two chunks exchanged is found", async () => {
  const plain = randomBytes(3 * chunk + 100);
  const sealed = sealBytes(key, plain, { id: "x" });
  const step = chunk + 16;
  const refuse = async (bytes: Buffer) => {
    expect(() => openSealed(key, bytes, { id: "x" })).toThrow(/Restore them from a copy/);
    expect(await codeOf(gathered(openStream(cut(bytes, 1), async () => key, { id: "x" })))).toBe("store/sealDamaged");
  };
  const r = random("bits");
  for (let i = 0; i < rounds(100); i++) {
    const changed = Buffer.from(sealed);
    const at = i < 40 ? r.below(headerBytes) : r.below(sealed.length);
    changed[at] = changed[at]! ^ (1 << r.below(8));
    await refuse(changed);
  }
  // a cut at a boundary of chunks leaves whole chunks, of which the last is not marked as last
  for (const length of [0, 7, headerBytes, headerBytes + step, headerBytes + 2 * step, headerBytes + 3 * step, sealed.length - 1])
    await refuse(sealed.subarray(0, length));
  await refuse(Buffer.concat([sealed, Buffer.from([0])]));
  const at = (i: number) => sealed.subarray(headerBytes + i * step, headerBytes + (i + 1) * step);
  await refuse(Buffer.concat([sealed.subarray(0, headerBytes), at(1), at(0), at(2), at(3)]));
  await refuse(Buffer.concat([sealed.subarray(0, headerBytes), at(0), at(0), at(1), at(2), at(3)]));
});

test("bytes open for their own id, purpose and key alone", () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.uint8Array({ maxLength: 200 }), (id, other, data) => {
      const sealed = sealBytes(key, data, { id, purpose: other });
      expect(openSealed(key, sealed, { id, purpose: other }).equals(data)).toBe(true);
      if (other !== id) expect(() => openSealed(key, sealed, { id: other })).toThrow();
      expect(() => openSealed(key, sealed, { id, purpose: `${other}.` })).toThrow(/another purpose/);
      expect(() => openSealed({ ...key, bytes: randomBytes(32) }, sealed, { id })).toThrow();
    }),
  );
});

test("two encryptions of the same bytes share nothing but the header's fixed fields", () => {
  const [a, b] = [sealBytes(key, Buffer.alloc(1000), { id: "x" }), sealBytes(key, Buffer.alloc(1000), { id: "x" })];
  expect(a.subarray(headerBytes).equals(b.subarray(headerBytes))).toBe(false);
  expect(a.subarray(28, 60).equals(b.subarray(28, 60))).toBe(false);
});
