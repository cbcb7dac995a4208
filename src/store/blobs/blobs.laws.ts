/** What every blob store must do; run by `blobs.test.ts` on each implementation. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { isLoamError, random, sha256 } from "../../base/index.ts";
import { listOf } from "../children.laws.ts";
import type { BlobStore } from "./blobs.ts";

export interface BlobsUnderTest {
  readonly store: BlobStore;
  /** Changes the stored bytes behind the store's back. */
  damage(digest: string, change: (bytes: Buffer) => Buffer): void | Promise<void>;
  remove(digest: string): void | Promise<void>;
  /** Another view of the same blobs, as another process would have. */
  reopen(): Promise<BlobStore>;
}

const bytes = (seed: number, length: number): Buffer => {
  const r = random(seed);
  const b = Buffer.alloc(length);
  for (let i = 0; i + 4 <= length; i += 4) b.writeUInt32LE(r.u32(), i);
  return b;
};
const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "no error",
    e => (isLoamError(e) ? e.code : String(e)),
  );
const drain = async (pieces: AsyncIterable<Buffer>): Promise<Buffer> => {
  const all: Buffer[] = [];
  for await (const p of pieces) all.push(p);
  return Buffer.concat(all);
};

/** Larger than one part of a multipart upload (16 MiB), and no multiple of anything. */
const large = 16 * 1024 * 1024 + 12_345;

export function blobLaws(open: () => BlobsUnderTest): void {
  test("a blob is named by its SHA-256 and read back byte for byte, whatever its length and however it came", async () => {
    const { store, reopen } = open();
    const other = await reopen();
    for (const [i, length] of [0, 1, 255, 256 * 1024, 256 * 1024 + 1, 1_000_003].entries()) {
      const data = bytes(i, length);
      const info = await store.put(data);
      expect(info).toEqual({ digest: sha256(data), sizeBytes: length });
      const cut = random(`cut ${i}`);
      const pieces = function* () {
        for (let at = 0; at < length; ) {
          const n = 1 + cut.below(50_000);
          yield data.subarray(at, at + n);
          at += n;
        }
      };
      expect(await store.put(pieces())).toEqual(info);
      expect((await other.read(info.digest)).equals(data)).toBe(true);
      expect((await drain(other.stream(info.digest))).equals(data)).toBe(true);
      expect(readFileSync(await other.localPath(info.digest)).equals(data)).toBe(true);
      expect(await other.size(info.digest)).toBe(length);
    }
    expect((await store.put("größer")).digest).toBe(sha256("größer"));
    expect((await store.put(["grö", "ßer"])).digest).toBe(sha256("größer"));
    await other.close();
  });

  test("a blob of several parts is read back whole", async () => {
    const { store } = open();
    const data = bytes(7, large);
    const { digest } = await store.put([data.subarray(0, 1000), data.subarray(1000)]);
    expect(await store.size(digest)).toBe(large);
    expect(sha256(await store.read(digest))).toBe(digest);
  });

  test("list names every blob once, with its size, and delete takes it away", async () => {
    const { store } = open();
    const infos = [await store.put("list one"), await store.put("list three"), await store.put("list one")];
    const list = async () => {
      const found = new Map<string, number>();
      for await (const b of store.list()) {
        expect(found.has(b.digest)).toBe(false);
        found.set(b.digest, b.sizeBytes);
      }
      return found;
    };
    const before = await list();
    for (const i of infos) expect(before.get(i.digest)).toBe(i.sizeBytes);
    await store.delete([infos[0]!.digest]);
    const after = await list();
    expect(after.has(infos[0]!.digest)).toBe(false);
    expect(after.size).toBe(before.size - 1);
    expect(await store.size(infos[0]!.digest)).toBeUndefined();
    await store.delete([infos[0]!.digest]);
  });

  test("a changed byte is found by every way of reading, and the error names the digest and what to do", async () => {
    const { damage, reopen, store } = open();
    const data = bytes(9, 10_000);
    const { digest } = await store.put(data);
    const r = random("flip");
    for (let k = 0; k < 5; k++) {
      const at = r.below(data.length);
      await damage(digest, b => {
        const c = Buffer.from(b);
        c[at] = c[at]! ^ (1 << r.below(8));
        return c;
      });
      const fresh = await reopen();
      for (const attempt of [() => fresh.read(digest), () => drain(fresh.stream(digest)), () => fresh.localPath(digest)])
        expect(await codeOf(attempt())).toBe("store/blobDamaged");
      await expect(fresh.read(digest)).rejects.toThrow(new RegExp(`${digest}.*run the stage`));
      // Writing the true bytes again mends it.
      await store.put(data);
      expect((await fresh.read(digest)).equals(data)).toBe(true);
      await fresh.close();
    }
    await damage(digest, b => b.subarray(0, 5000));
    expect(await codeOf((await reopen()).read(digest))).toBe("store/blobDamaged");
  });

  test("a blob that was removed behind the back is named as missing", async () => {
    const { remove, reopen, store } = open();
    const { digest } = await store.put("here and gone");
    await remove(digest);
    const fresh = await reopen();
    expect(await fresh.size(digest)).toBeUndefined();
    for (const attempt of [() => fresh.read(digest), () => drain(fresh.stream(digest)), () => fresh.localPath(digest)])
      expect(await codeOf(attempt())).toBe("store/blobMissing");
    await fresh.close();
  });

  test("a stream that fails half-way leaves no blob, and its own error comes out", async () => {
    const { store } = open();
    const count = async () => (await listOf(store.list())).length;
    const before = await count();
    const failing = async function* () {
      yield bytes(3, 700_000);
      throw new Error("the source broke");
    };
    await expect(store.put(failing())).rejects.toThrow("the source broke");
    expect(await count()).toBe(before);
  });

  test("many blobs put at once, some the same, all arrive", async () => {
    const { store } = open();
    const infos = await Promise.all(Array.from({ length: 40 }, (_, i) => store.put(`at once ${i % 25}`)));
    for (const [i, info] of infos.entries()) expect((await store.read(info.digest)).toString()).toBe(`at once ${i % 25}`);
  });
}
