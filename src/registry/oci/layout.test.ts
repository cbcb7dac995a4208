/** A version as a file: it comes out as it went in, other programs read it, and whatever is changed in it is refused. */
import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { isLoamError, sha256 } from "../../base/index.ts";
import {
  checkContent,
  contentDigest,
  listModels,
  type ModelVersion,
  openArtifact,
  openStore,
  type Store,
  setAlias,
  verify,
} from "../../store/index.ts";
import { version } from "../toy.laws.ts";
import { makeKeys, signerOf } from "../versions/keys.ts";
import { signVersion, versionSignatures } from "../versions/signatures.ts";
import { openLayout, writeLayout } from "./layout.ts";
import { packageOf } from "./package.ts";
import { checkTrustedPackage, openPackage, receive } from "./receive.ts";
import { tarOf } from "./tar.ts";

const root = mkdtempSync(join(tmpdir(), "loam-oci-"));
const keys = makeKeys();
let store: Store;
let packed: ModelVersion;
const file = join(root, "mail-1.tar");
let stores = 0;
const emptyStore = () => openStore({ root: join(root, `other-${stores++}`) });

beforeAll(async () => {
  store = await openStore({ root: join(root, "own") });
  packed = await version(store, 7, 3000);
  await signVersion(store, packed, signerOf(keys.privateKey, "key"), "ann");
  await writeLayout(file, await packageOf(store, packed));
});
afterAll(async () => {
  await store.close();
  rmSync(root, { recursive: true, force: true });
});

async function taken(path: string, into: Store, name = "mail") {
  await using layout = await openLayout(path);
  return await receive(into, await openPackage(layout), name);
}

test("a version comes out of a file as it went in: content, scores, summary, a signature that holds; twice is once", async () => {
  const other = await emptyStore();
  try {
    const first = await taken(file, other, "letters");
    expect(first).toMatchObject({ action: "made", signatures: 1, version: { model: "letters", number: 1, scores: packed.scores } });
    expect(first.version.digest).toBe(packed.digest);
    const [own, its] = [await openArtifact(store, packed.artifact), await openArtifact(other, first.version.artifact)];
    expect([its.files, its.summary, its.kind]).toEqual([own.files, own.summary, own.kind]);
    for (const f of own.files) expect(await its.read(f.name)).toEqual(await own.read(f.name));
    expect(await versionSignatures(other.records.read, first.version)).toMatchObject([{ by: "ann", isValid: true }]);
    expect(await taken(file, other, "letters")).toMatchObject({ action: "reused", version: { number: 1 } });
    expect((await verify(other)).findings).toEqual([]);
  } finally {
    await other.close();
  }
});

test("a file that was changed where a package arrives is taken from the package, whether the artifact is there or only its bytes are", async () => {
  const large = await version(store, 9, 60_000);
  const path = join(root, "large.tar");
  await writeLayout(path, await packageOf(store, large));
  const other = await emptyStore();
  const damage = async () => {
    const { digest } = (await openArtifact(store, large.artifact)).files.find(f => f.name === "weights.bin")!;
    const blob = join(other.root, ".loam", "blobs", digest.slice(0, 2), digest);
    chmodSync(blob, 0o644);
    writeFileSync(blob, readFileSync(blob).fill(1, 100, 101));
  };
  const holds = async ({ artifact }: ModelVersion) => (await checkContent(other, artifact)).bytes;
  try {
    // the same bytes, made by another recipe
    const own = await version(other, 9, 60_000);
    await damage();
    await expect(holds(own)).rejects.toThrow("SHA-256");
    const first = await taken(path, other, "letters");
    expect([first.action, await holds(first.version), await holds(own)]).toEqual(["made", 60_010, 60_010]);
    await damage();
    const again = await taken(path, other, "letters");
    expect([again.action, again.version.number, await holds(again.version)]).toEqual(["mended", 1, 60_010]);
    expect((await taken(path, other, "letters")).action).toBe("reused");
    expect((await verify(other, { content: true })).findings).toEqual([]);
  } finally {
    await other.close();
  }
});

test("the same version is the same file, whatever was said of it meanwhile", async () => {
  const again = join(root, "again.tar");
  await setAlias(store, "mail", "staging", 1);
  await writeLayout(again, await packageOf(store, packed));
  expect(readFileSync(again).equals(readFileSync(file))).toBe(true);
});

test("tar reads it: a layout whose blobs are named by their content", () => {
  const folder = join(root, "read-by-tar");
  execFileSync("mkdir", ["-p", folder]);
  execFileSync("tar", ["-xf", file, "-C", folder]);
  expect(JSON.parse(readFileSync(join(folder, "oci-layout"), "utf8"))).toEqual({ imageLayoutVersion: "1.0.0" });
  const blobs = readdirSync(join(folder, "blobs", "sha256"));
  for (const name of blobs) expect(sha256(readFileSync(join(folder, "blobs", "sha256", name)))).toBe(name);
  const index = JSON.parse(readFileSync(join(folder, "index.json"), "utf8")) as { manifests: { digest: string; artifactType: string }[] };
  expect(index.manifests.map(m => m.artifactType)).toEqual(["application/vnd.loam.model.v1", "application/vnd.loam.signature.v1"]);
  for (const m of index.manifests) expect(blobs).toContain(m.digest.slice("sha256:".length));
});

test("what tar packed is read too, however long its names", async () => {
  const folder = join(root, "read-by-tar");
  const byTar = join(root, "by-tar.tar");
  execFileSync("tar", ["--format=pax", "-cf", byTar, "-C", folder, "."]);
  const other = await emptyStore();
  try {
    expect((await taken(byTar, other)).version.digest).toBe(packed.digest);
  } finally {
    await other.close();
  }
});

test("wherever a byte is changed or the file ends, it is refused or the content is the same; nothing half of it is registered", async () => {
  const whole = readFileSync(file);
  const changed = join(root, "changed.tar");
  const other = await emptyStore();
  try {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: whole.length - 1 }),
        fc.integer({ min: 1, max: 255 }),
        fc.boolean(),
        async (at, by, cut) => {
          const bytes = cut ? whole.subarray(0, at) : Buffer.from(whole);
          if (!cut) bytes[at] = bytes[at]! ^ by;
          writeFileSync(changed, bytes);
          const before = (await listModels(other)).length;
          try {
            const { version: v } = await taken(changed, other, `m${at}`);
            expect(v.digest).toBe(packed.digest);
          } catch (error) {
            expect(isLoamError(error), String(error)).toBe(true);
            expect((await listModels(other)).length).toBe(before);
          }
        },
      ),
      { numRuns: 60 },
    );
  } finally {
    await other.close();
  }
});

/** The layout's files, changed and packed again. */
async function forged(change: (files: Map<string, Buffer>) => void): Promise<string> {
  const folder = join(root, "read-by-tar");
  const names = ["oci-layout", "index.json", ...readdirSync(join(folder, "blobs", "sha256")).map(n => `blobs/sha256/${n}`)];
  const files = new Map(names.map(n => [n, readFileSync(join(folder, n))]));
  change(files);
  const path = join(root, `forged-${stores++}.tar`);
  const pieces: Uint8Array[] = [];
  for await (const p of tarOf([...files].map(([name, b]) => ({ name, sizeBytes: b.length, pieces: [b] })))) pieces.push(p);
  writeFileSync(path, Buffer.concat(pieces));
  return path;
}

test("a changed layer is refused by its file's name", async () => {
  const own = await openArtifact(store, packed.artifact);
  const weights = own.files.find(f => f.name === "weights.bin")!;
  const path = await forged(files => {
    const bytes = Buffer.from(files.get(`blobs/sha256/${weights.digest}`)!);
    bytes[10] = 99;
    files.set(`blobs/sha256/${weights.digest}`, bytes);
  });
  const other = await emptyStore();
  try {
    await expect(taken(path, other)).rejects.toThrow(new RegExp(`weights\\.bin: expected sha256:${weights.digest}, got sha256:`));
    expect(await listModels(other)).toEqual([]);
  } finally {
    await other.close();
  }
});

test("a signature of another version is left out, and a key that is asked for is not satisfied by it", async () => {
  const second = await version(store, 8, 3000);
  const p = await packageOf(store, packed);
  await signVersion(store, second, signerOf(keys.privateKey, "key"), "ann");
  const [signature] = await versionSignatures(store.records.read, second);
  const path = await forged(files => {
    const [layer] = p.referrers[0]!.blobs.slice(1);
    const moved = Buffer.from(JSON.stringify({ publicKey: keys.publicKey, signature: signature!.signature, by: "ann" }));
    const manifest = JSON.parse(p.referrers[0]!.manifest.bytes.toString("utf8")) as { layers: { digest: string; size: number }[] };
    manifest.layers[0] = { ...manifest.layers[0]!, digest: `sha256:${sha256(moved)}`, size: moved.length };
    const bytes = Buffer.from(JSON.stringify(manifest));
    files.delete(`blobs/sha256/${layer!.descriptor.digest.slice(7)}`);
    files.set(`blobs/sha256/${sha256(moved)}`, moved);
    files.set(`blobs/sha256/${sha256(bytes)}`, bytes);
    const index = JSON.parse(files.get("index.json")!.toString("utf8")) as { manifests: { digest: string; size: number }[] };
    index.manifests[1] = { ...index.manifests[1]!, digest: `sha256:${sha256(bytes)}`, size: bytes.length };
    files.set("index.json", Buffer.from(JSON.stringify(index)));
  });
  await using layout = await openLayout(path);
  const opened = await openPackage(layout);
  expect([opened.signatures.length, opened.ignored]).toEqual([0, 1]);
  expect(() => checkTrustedPackage(opened, [keys.publicKey])).toThrow(/expected a signature by [0-9a-f]{16}, got none/);
  await using right = await openLayout(file);
  expect(checkTrustedPackage(await openPackage(right), [makeKeys().publicKey, keys.publicKey])).toMatch(/^[0-9a-f]{16}$/);
});

test.each([
  ["no tar file", Buffer.from("not a tar file ".repeat(100)), /byte 0: expected a header of a tar file/],
  ["an empty file", Buffer.alloc(0), /byte 0: expected a header of a tar file, or the end's empty blocks, got 0 bytes/],
  ["an empty archive", Buffer.alloc(1024), /an OCI image layout with oci-layout/],
])("%s is refused in words", async (_, bytes, message) => {
  const path = join(root, `bad-${stores++}.tar`);
  writeFileSync(path, bytes);
  await expect(openLayout(path)).rejects.toThrow(message);
});

test("names of files that would lie elsewhere are refused", async () => {
  const p = await packageOf(store, packed);
  const path = await forged(files => {
    const manifest = JSON.parse(p.manifest.bytes.toString("utf8")) as {
      config: { digest: string; size: number };
      layers: { digest: string; size: number; annotations: Record<string, string> }[];
    };
    manifest.layers[0]!.annotations["org.opencontainers.image.title"] = "../outside";
    const list = manifest.layers.map(l => ({
      name: l.annotations["org.opencontainers.image.title"]!,
      digest: l.digest.slice(7),
      sizeBytes: l.size,
    }));
    const config = Buffer.from(JSON.stringify({ ...p.version, fingerprint: contentDigest(list) }));
    manifest.config = { ...manifest.config, digest: `sha256:${sha256(config)}`, size: config.length };
    const bytes = Buffer.from(JSON.stringify(manifest));
    files.set(`blobs/sha256/${sha256(config)}`, config);
    files.set(`blobs/sha256/${sha256(bytes)}`, bytes);
    const descriptor = { ...p.manifest.descriptor, digest: `sha256:${sha256(bytes)}`, size: bytes.length };
    files.set("index.json", Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: [descriptor] })));
  });
  const other = await emptyStore();
  try {
    await expect(taken(path, other)).rejects.toThrow(/plain parts between the slashes, got "\.\.\/outside"/);
    expect(await listModels(other)).toEqual([]);
  } finally {
    await other.close();
  }
});
