import { execFileSync } from "node:child_process";
import { type Dirent, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isLoamError, sha256, systemClock } from "../../base/index.ts";
import { bundleScript, listOf, startChild } from "../children.laws.ts";
import { type KeyRing, openKeyRing } from "../encryption/key-ring.ts";
import { environmentKeys } from "../encryption/local-keys.ts";
import type { Pieces } from "../pieces.ts";
import { openRecords, type Records } from "../records/records.ts";
import { scratchFolder } from "../scratch.laws.ts";
import { findVersitygw, freePort, startVersitygw } from "../servers.laws.ts";
import { blobsPlace } from "../url.ts";
import { type BlobsUnderTest, blobLaws } from "./blobs.laws.ts";
import type { BlobStore } from "./blobs.ts";
import { plainCodec, sealedCodec, sealedEnding } from "./codec.ts";
import { folderBlobs } from "./folder.ts";
import { layeredBlobs } from "./layered.ts";
import { s3Blobs } from "./s3.ts";
import { blobRows, insertSmall, smallOrRest, withSmallBlobs } from "./small.ts";

const scratch = scratchFolder("blobs");

const behindTheBack = (pathOf: (digest: string) => string) => ({
  damage: (digest: string, change: (bytes: Buffer) => Buffer) => {
    const path = pathOf(digest);
    const changed = change(readFileSync(path));
    rmSync(path);
    writeFileSync(path, changed);
  },
  remove: (digest: string) => rmSync(pathOf(digest)),
});

describe("folder", () => {
  const folder = join(scratch, "folder");
  let under: BlobsUnderTest;
  beforeAll(async () => {
    const back = behindTheBack(digest => join(folder, digest.slice(0, 2), digest));
    under = { store: await folderBlobs(folder), reopen: () => folderBlobs(folder), ...back };
  });
  blobLaws(() => under);

  test("what a killed process left half-written is removed, what a living one is writing is not, and neither is ever listed", async () => {
    const at = join(scratch, "killed");
    const script = `
      import { folderBlobs } from "./blobs/folder.ts";
      const store = await folderBlobs(process.argv[2]!);
      const endless = async function* () {
        for (;;) { yield Buffer.alloc(300_000); console.log("wrote"); await new Promise(r => setTimeout(r, 20)); }
      };
      await store.put(endless());`;
    const child = startChild(await bundleScript(script, scratch, "endless"), [at]);
    await child.line("wrote");
    const store = await folderBlobs(at);
    expect(readdirSync(join(at, "tmp"))).toHaveLength(1);
    expect(await listOf(store.list())).toEqual([]);
    await child.kill();
    expect(await store.clean()).toBe(1);
    expect(readdirSync(join(at, "tmp"))).toEqual([]);
  });

  const mountable = (() => {
    if (process.getuid?.() !== 0) return "mounting a small disk needs root";
    const at = join(scratch, "small");
    mkdirSync(at);
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", at], { stdio: "ignore" });
    } catch {
      return "this machine lets nobody mount a small disk";
    }
    afterAll(() => execFileSync("umount", [at]));
    return undefined;
  })();
  test.skipIf(mountable)(`a full disk is named and leaves nothing half-written${mountable ? ` (skipped: ${mountable})` : ""}`, async () => {
    const store = await folderBlobs(join(scratch, "small", "blobs"));
    const small = await store.put("fits");
    await expect(store.put(Buffer.alloc(3_000_000, 1))).rejects.toMatchObject({ code: "base/diskFull" });
    expect(readdirSync(join(scratch, "small", "blobs", "tmp"))).toEqual([]);
    expect(await listOf(store.list())).toEqual([small]);
    expect((await store.read(small.digest)).toString()).toBe("fits");
  });

  test("a folder that cannot be made is named", async () => {
    writeFileSync(join(scratch, "file"), "");
    await expect(folderBlobs(join(scratch, "file", "blobs"))).rejects.toSatisfy(
      e => isLoamError(e) && e.message.includes(join("file", "blobs")),
    );
  });
});

const ringIn = (name: string): KeyRing =>
  openKeyRing(join(scratch, `${name}-ring`), environmentKeys("K", { K: `k1:${Buffer.alloc(32, 7).toString("base64")}` }));

describe("an encrypted folder over one in the clear", () => {
  const folder = join(scratch, "sealed");
  const open = async () => {
    const codec = sealedCodec(ringIn("sealed"));
    return layeredBlobs(await folderBlobs(folder, { codec }), await folderBlobs(folder));
  };
  const stored = (digest: string) => join(folder, digest.slice(0, 2), digest + sealedEnding);
  let under: BlobsUnderTest;
  beforeAll(async () => {
    under = { store: await open(), reopen: open, ...behindTheBack(stored) };
  });
  blobLaws(() => under);

  const text = "planted: the sentence that nobody may find".repeat(10_000);
  const planted = (at: string) =>
    (readdirSync(at, { recursive: true, withFileTypes: true }) as Dirent[]).some(
      e => e.isFile() && readFileSync(join(e.parentPath, e.name)).includes("planted"),
    );

  test("no file holds the text, while it is written and where a path was asked for; the path holds it", async () => {
    const { store } = under;
    const { digest } = await store.put([text]);
    expect(readFileSync(await store.localPath(digest), "utf8")).toBe(text);
    // another process of the same user reads it by the same path
    const length = execFileSync(process.execPath, ["-p", `fs.readFileSync(${JSON.stringify(await store.localPath(digest))}).length`]);
    expect(Number(length)).toBe(text.length);
    expect(planted(scratch)).toBe(false);
  });

  test("blobs from before are read, new ones are encrypted, a blob moved under another's name is found", async () => {
    const plain = await folderBlobs(folder);
    const before = await plain.put("planted before");
    const fresh = await open();
    expect((await fresh.read(before.digest)).toString()).toBe("planted before");
    expect(await fresh.size(before.digest)).toBe(before.sizeBytes);
    const [a, b] = [await fresh.put("one of two"), await fresh.put("two of two")];
    writeFileSync(`${stored(a.digest)}x`, readFileSync(stored(b.digest)));
    renameSync(`${stored(a.digest)}x`, stored(a.digest));
    await expect(fresh.read(a.digest)).rejects.toMatchObject({ code: "store/blobDamaged" });
    await fresh.delete([before.digest]);
    expect(await plain.size(before.digest)).toBeUndefined();
  });

  test("without a key an encrypted blob is named as encrypted, with another key as unreadable", async () => {
    const { digest } = await under.store.put("who reads this");
    await expect((await folderBlobs(folder)).read(digest)).rejects.toThrow(/encrypted blob.*store: { encrypt/);
    const strange = await folderBlobs(folder, { codec: sealedCodec(ringIn("strange")) });
    await expect(strange.read(digest)).rejects.toMatchObject({ code: "store/keyMissing" });
  });
});

describe.each([false, true])("small ones in the database, large ones in a folder; encrypted: %s", encrypted => {
  const folder = join(scratch, `behind-${encrypted}`);
  const ring = encrypted ? ringIn("small") : undefined;
  const codec = ring ? sealedCodec(ring) : plainCodec;
  let records: Records;
  let under: BlobsUnderTest;
  const open = async (): Promise<BlobStore> => {
    const layered = withSmallBlobs(records, await folderBlobs(folder, { codec }), join(scratch, `small-cache-${encrypted}`), ring);
    // As an artifact's writer does it: small data into the transaction, the rest behind.
    const put = async (data: Pieces) => {
      const begun = await smallOrRest(data);
      if ("rest" in begun) return layered.put(begun.rest);
      const digest = sha256(begun.small);
      const rows = await blobRows(new Map([[digest, begun.small]]), ring);
      await records.write(t => insertSmall(t, rows));
      return { digest, sizeBytes: begun.small.length };
    };
    return { ...layered, put };
  };
  beforeAll(async () => {
    records = await openRecords({ kind: "sqlite", path: join(scratch, `small-${encrypted}.db`) }, systemClock);
    const back = behindTheBack(digest => join(folder, digest.slice(0, 2), digest + codec.ending));
    const row = (digest: string) => records.read.selectFrom("small_blobs").select("data").where("digest", "=", digest).executeTakeFirst();
    under = {
      store: await open(),
      reopen: open,
      async damage(digest, change) {
        const there = await row(digest);
        if (!there) return back.damage(digest, change);
        const data = change(Buffer.from(there.data));
        await records.write(t => t.updateTable("small_blobs").set({ data }).where("digest", "=", digest).execute());
      },
      async remove(digest) {
        if (await row(digest)) await records.write(t => t.deleteFrom("small_blobs").where("digest", "=", digest).execute());
        else back.remove(digest);
      },
    };
  });
  afterAll(() => records.close());
  blobLaws(() => under);
});

const gateway = findVersitygw();
const suites = [
  ["in the clear", plainCodec],
  ["encrypted", sealedCodec(ringIn("s3"))],
] as const;
describe.skipIf(gateway.reason).each(suites)(`s3 %s${gateway.reason ? ` (skipped: ${gateway.reason})` : " (versitygw)"}`, (_, codec) => {
  let server: Awaited<ReturnType<typeof startVersitygw>>;
  let under: BlobsUnderTest;
  let caches = 0;
  const place = (url: string) => {
    const at = blobsPlace(url, scratch);
    if (at.kind !== "s3") throw new Error(url);
    return at;
  };
  beforeAll(async () => {
    server = await startVersitygw(gateway.program!);
    mkdirSync(join(server.folder, "mail"));
    const open = () => s3Blobs(place(server.url("mail")), join(scratch, `cache${codec.ending}${caches++}`), codec);
    const back = behindTheBack(digest => join(server.folder, "mail", "blobs", digest.slice(0, 2), digest + codec.ending));
    under = { store: await open(), reopen: open, ...back };
  });
  afterAll(() => server?.stop());
  blobLaws(() => under);

  const plainTest = codec.ending === "" ? test : () => {};
  plainTest(
    "localPath reads through the cache: with the server's copy gone it still answers, a damaged copy is fetched again",
    async () => {
      const { store, remove } = under;
      const { digest } = await store.put("kept near");
      const path = await store.localPath(digest);
      rmSync(path);
      writeFileSync(path, "kept nexr");
      expect(readFileSync(await store.localPath(digest), "utf8")).toBe("kept near");
      remove(digest);
      expect(readFileSync(await store.localPath(digest), "utf8")).toBe("kept near");
    },
  );

  test("a bucket that is not there, wrong credentials and a server that is not there are told apart", async () => {
    const cache = join(scratch, "refused");
    const none = await s3Blobs(place(server.url("nobucket")), cache);
    await expect(none.put("x")).rejects.toThrow(/NoSuchBucket.*Make the bucket/);
    process.env.AWS_SECRET_ACCESS_KEY = "wrong";
    const refused = await s3Blobs(place(server.url("mail")), cache);
    await expect(refused.put("x")).rejects.toThrow(/Check AWS_ACCESS_KEY_ID/);
    process.env.AWS_SECRET_ACCESS_KEY = "loam-test-only";
    const away = await s3Blobs(place(`s3://mail?endpoint=http://127.0.0.1:${await freePort()}`), cache);
    await expect(away.put("x")).rejects.toMatchObject({ code: "store/blobsUnreachable" });
    for (const s of [none, refused, away]) await s.close();
  });
});
