import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import {
  decoderSpec,
  disposeTree,
  exportHuggingFace,
  folderFiles,
  initialise,
  llamaConfig,
  loadModel,
  type Model,
  modelGguf,
  modelOf,
  writeModelFiles,
} from "../../nn/index.ts";
import { openDevice } from "../../tensor/index.ts";
import { digestedFiles } from "./digested-files.ts";
import { digestOf, localModel, modelDigests } from "./paths.ts";

const device = openDevice("cpu");
const folder = mkdtempSync(join(tmpdir(), "loam-digested-"));
const config = { ...llamaConfig({ vocab: 2048, layers: 2, width: 256, heads: 4, kvHeads: 2, context: 64 }), tied: true };
let model: Model;

/** Of a GGUF file the first bite is read for its head, whatever of it are tensors. */
const ggufBite = 2 * 2 ** 20;
const formats = {
  loam: { path: join(folder, "loam"), weights: "weights.safetensors", again: 0 },
  huggingface: { path: join(folder, "huggingface"), weights: "model.safetensors", again: 0 },
  gguf: { path: join(folder, "model.gguf"), weights: "", again: ggufBite },
};

beforeAll(async () => {
  const made = modelOf({ family: "decoder", config }, await initialise(decoderSpec(config), device, "digested"));
  model = made;
  await writeModelFiles(folderFiles(formats.loam.path), made);
  await exportHuggingFace(folderFiles(formats.huggingface.path), made);
  await folderFiles(folder).writeStream("model.gguf", modelGguf(made, "F32", []));
});
afterAll(() => {
  disposeTree(model.parameters);
  rmSync(folder, { recursive: true, force: true });
});

/** Bytes that were read of open files while something was done. */
async function bytesRead(work: () => Promise<void>): Promise<number> {
  const handle = await open(join(folder, "model.gguf"), "r");
  const prototype = Object.getPrototypeOf(handle) as FileHandle;
  await handle.close();
  const read = vi.spyOn(prototype, "read");
  try {
    await work();
    const results = await Promise.all(read.mock.results.map(r => r.value as ReturnType<FileHandle["read"]>));
    return results.reduce((sum, r) => sum + r.bytesRead, 0);
  } finally {
    read.mockRestore();
  }
}

test.each(Object.entries(formats))("a model of the format %s is loaded and digested in one read of its weights", async (_, format) => {
  const { files } = localModel(format.path);
  const digested = digestedFiles(files);
  let digests: Awaited<ReturnType<typeof modelDigests>> = [];
  const bytes = await bytesRead(async () => {
    disposeTree((await loadModel(digested.files, device)).parameters);
    digests = await digested.digests();
  });
  expect(digests).toEqual(await modelDigests(files));
  const { size } = statSync(join(format.path, format.weights));
  expect(size).toBeGreaterThan(2 * ggufBite);
  expect(bytes).toBeGreaterThanOrEqual(size);
  expect(bytes).toBeLessThanOrEqual(size + format.again);
});

test("files that were opened and not loaded have the same digest", async () => {
  for (const { path } of Object.values(formats)) {
    const { files } = localModel(path);
    const digested = digestedFiles(files);
    for (const { name } of files.files) digested.files.opened?.(name);
    expect(digestOf(await digested.digests())).toBe(digestOf(await modelDigests(files)));
  }
});

test("pieces in any order, with overlaps and holes, give the file's digest", async () => {
  const path = join(folder, "pieces.gguf");
  const bytes = Uint8Array.from({ length: 5000 }, (_, i) => (i * i) % 251);
  writeFileSync(path, bytes);
  const piece = fc.tuple(fc.nat(5000), fc.nat(2000)).map(([from, length]) => [from, Math.min(5000, from + length)] as const);
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 12 }), async pieces => {
      const digested = digestedFiles(localModel(path).files);
      const told = digested.files.opened!("pieces.gguf");
      for (const [from, to] of pieces) await told(from, bytes.subarray(from, to));
      expect(await digested.digests()).toEqual(await modelDigests(localModel(path).files));
    }),
  );
  rmSync(path);
});

test("a weight that is changed changes the digest of what is loaded", async () => {
  const { path, weights } = formats.loam;
  const file = join(path, weights);
  const whole = readFileSync(file);
  const before = digestOf(await modelDigests(localModel(path).files));
  for (const at of [whole.length - 1, whole.length >> 1]) {
    const changed = Buffer.from(whole);
    changed[at] = changed[at]! ^ 1;
    writeFileSync(file, changed);
    const digested = digestedFiles(localModel(path).files);
    disposeTree((await loadModel(digested.files, device)).parameters);
    expect(digestOf(await digested.digests())).not.toBe(before);
  }
  writeFileSync(file, whole);
});
