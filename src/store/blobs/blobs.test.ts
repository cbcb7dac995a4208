import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isLoamError, sha256, systemClock } from "../../base/index.ts";
import { bundleScript, listOf, startChild } from "../children.laws.ts";
import type { Pieces } from "../pieces.ts";
import { openRecords, type Records } from "../records/records.ts";
import { scratchFolder } from "../scratch.laws.ts";
import { findVersitygw, freePort, startVersitygw } from "../servers.laws.ts";
import { blobsPlace } from "../url.ts";
import { type BlobsUnderTest, blobLaws } from "./blobs.laws.ts";
import type { BlobStore } from "./blobs.ts";
import { folderBlobs } from "./folder.ts";
import { s3Blobs } from "./s3.ts";
import { insertSmall, smallOrRest, withSmallBlobs } from "./small.ts";

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

describe("small ones in the database, large ones in a folder", () => {
  const folder = join(scratch, "behind");
  let records: Records;
  let under: BlobsUnderTest;
  const open = async (): Promise<BlobStore> => {
    const layered = withSmallBlobs(records, await folderBlobs(folder), join(scratch, "small-cache"));
    // As an artifact's writer does it: small data into the transaction, the rest behind.
    const put = async (data: Pieces) => {
      const begun = await smallOrRest(data);
      if ("rest" in begun) return layered.put(begun.rest);
      const digest = sha256(begun.small);
      await records.write(t => insertSmall(t, new Map([[digest, begun.small]])));
      return { digest, sizeBytes: begun.small.length };
    };
    return { ...layered, put };
  };
  beforeAll(async () => {
    records = await openRecords({ kind: "sqlite", path: join(scratch, "small.db") }, systemClock);
    const back = behindTheBack(digest => join(folder, digest.slice(0, 2), digest));
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
describe.skipIf(gateway.reason)(`s3${gateway.reason ? ` (skipped: ${gateway.reason})` : " (versitygw)"}`, () => {
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
    const open = () => s3Blobs(place(server.url("mail")), join(scratch, `cache${caches++}`));
    const back = behindTheBack(digest => join(server.folder, "mail", "blobs", digest.slice(0, 2), digest));
    under = { store: await open(), reopen: open, ...back };
  });
  afterAll(() => server?.stop());
  blobLaws(() => under);

  test("localPath reads through the cache: with the server's copy gone it still answers, a damaged copy is fetched again", async () => {
    const { store, remove } = under;
    const { digest } = await store.put("kept near");
    const path = await store.localPath(digest);
    rmSync(path);
    writeFileSync(path, "kept nexr");
    expect(readFileSync(await store.localPath(digest), "utf8")).toBe("kept near");
    remove(digest);
    expect(readFileSync(await store.localPath(digest), "utf8")).toBe("kept near");
  });

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
