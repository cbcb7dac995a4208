import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { random } from "../../../base/index.ts";
import { BadFile } from "../bad-file.ts";
import { compressionOf, expand, openedName } from "./expand.ts";
import { freeBytes, maxExpansion } from "./meter.ts";
import { packings } from "./packers.laws.ts";

async function* inPieces(bytes: Buffer, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
/** What comes out, and why it ended early if it did. */
async function open(bytes: Buffer, size = 2 ** 18) {
  const parts: Buffer[] = [];
  let length = 0;
  try {
    for await (const piece of expand(inPieces(bytes, size))) {
      length += piece.length;
      if (length < 2 ** 25) parts.push(Buffer.from(piece));
    }
  } catch (error) {
    if (!(error instanceof BadFile)) throw error;
    return { out: Buffer.concat(parts), length, reason: error.reason };
  }
  return { out: Buffer.concat(parts), length, reason: undefined };
}
/** Lines that pack, but not to nothing. */
function lines(n: number, seed = 1): Buffer {
  const r = random(seed);
  return Buffer.from(Array.from({ length: n }, (_, i) => `line ${i} of the text with the number ${r.u32()} in it\n`).join(""));
}

test("files are opened by their first bytes: text that begins like a packed file is not", () => {
  expect(compressionOf(Buffer.from("BZh9 is how bzip2 begins"))).toBeUndefined();
  expect(compressionOf(Buffer.from("\x1f\x8b", "latin1"))).toBeUndefined();
  expect(compressionOf(Buffer.alloc(0))).toBeUndefined();
  expect(["a/b.jsonl.gz", "b.tar", "x.ZST", "c.warc.bz2"].map(openedName)).toEqual(["a/b.jsonl", "b.tar", "x", "c.warc"]);
});

test("what is not packed comes out as it is, however it comes in pieces", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), fc.integer({ min: 1, max: 20 }), async (array, size) => {
      const bytes = Buffer.from(array);
      if (compressionOf(bytes) === undefined)
        expect(await open(bytes, size)).toEqual({ out: bytes, length: bytes.length, reason: undefined });
    }),
  );
});

describe.each(packings)("$name", ({ pack }) => {
  const each = pack ? test : test.skip;
  const packed = (bytes: Buffer) => pack!(bytes);

  each("what was packed comes out, in pieces of any size, one stream or several", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 4000 }), { minLength: 1, maxLength: 3 }),
        fc.constantFrom(1, 7, 100, 4096, 2 ** 18),
        async (counts, size) => {
          const parts = counts.map((n, i) => lines(size < 50 ? n % 40 : n, i));
          const bytes = Buffer.concat(parts.map(packed));
          const { out, reason } = await open(bytes, size);
          expect(reason).toBeUndefined();
          expect(out.equals(Buffer.concat(parts))).toBe(true);
        },
      ),
      { numRuns: 12 },
    );
  });

  each("many blocks come out whole", async () => {
    const bytes = lines(60_000);
    expect((await open(packed(bytes))).out.equals(bytes)).toBe(true);
  });

  each("cut anywhere it is damaged, after a beginning that is true and always the same", async () => {
    const bytes = lines(40_000);
    const whole = packed(bytes);
    for (const share of [0.3, 0.5, 0.9, 0.99999]) {
      const cut = whole.subarray(0, Math.floor(whole.length * share));
      const [one, two] = [await open(cut), await open(cut, 1000)];
      expect(one.reason).toBe("damaged");
      expect(two.reason).toBe("damaged");
      expect(bytes.subarray(0, one.length).equals(one.out)).toBe(true);
      expect(bytes.subarray(0, two.length).equals(two.out)).toBe(true);
      expect((await open(cut)).length).toBe(one.length);
    }
    const cut = await open(whole.subarray(0, Math.floor(whole.length * 0.9)));
    expect(cut.length).toBeGreaterThan(bytes.length / 4);
  });

  each("no damage throws anything but what sets the file aside", async () => {
    const whole = packed(lines(300));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }), async hits => {
        const bytes = Buffer.from(whole);
        for (const [at, value] of hits) bytes[at] = value;
        expect((await open(bytes)).length).toBeLessThan(2 ** 27);
      }),
      { numRuns: 60 },
    );
  });

  each("a bomb is told before it has filled anything", async () => {
    const bomb = packed(Buffer.alloc(2 * freeBytes));
    const { length, reason } = await open(bomb);
    expect(reason).toBe("bomb");
    expect(length).toBeLessThanOrEqual(Math.max(freeBytes, maxExpansion * bomb.length) + 2 ** 26);
  });
});

test("blanks up to the free amount are no bomb", async () => {
  expect(await open(gzipSync(Buffer.alloc(freeBytes / 2, 32)))).toMatchObject({ length: freeBytes / 2, reason: undefined });
});
