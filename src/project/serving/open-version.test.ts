import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { openStore, registerVersion, runStage, type Store, stage } from "../../store/index.ts";
import { versionFiles } from "./open-version.ts";

const root = mkdtempSync(join(tmpdir(), "loam-open-version-"));
let store: Store;
/** Too large to lie in the database. */
const weights = Buffer.alloc(50_000, 7);
const toy = stage({
  name: "toy",
  version: 1,
  inputs: {},
  options: z.strictObject({}),
  output: "model",
  async run({ output }) {
    await output.write("weights.bin", weights);
    await output.write("other.bin", Buffer.alloc(50_000, 8));
    return {};
  },
});
beforeAll(async () => {
  store = await openStore({ root });
  await registerVersion(store, "mail", (await runStage(store, toy, { inputs: {}, options: {} })).artifact.id, {});
});
afterAll(async () => {
  await store.close();
  rmSync(root, { recursive: true, force: true });
});

test("a damaged or missing file is named as the version's, with what mends it, however it is read; the others are read", async () => {
  const { files } = await versionFiles(store, "mail");
  const path = await files.localPath("weights.bin");
  const ways = [() => files.read("weights.bin"), () => files.localPath("weights.bin")];
  writeFileSync(path, Buffer.alloc(50_000, 9));
  for (const way of ways)
    await expect(way()).rejects.toMatchObject({
      code: "registry/tampered",
      problem: {
        place: "mail@1: weights.bin",
        hint: expect.stringMatching(/not loaded.*`loam models pull` or `unpack` mends it.*Else restore/),
      },
    });
  rmSync(path);
  for (const way of ways)
    await expect(way()).rejects.toMatchObject({
      code: "store/blobMissing",
      problem: { place: "mail@1: weights.bin", hint: expect.stringMatching(/`loam models pull` or `unpack` brings its files back too/) },
    });
  expect((await files.read("other.bin")).length).toBe(50_000);
  writeFileSync(path, weights);
  expect(Buffer.from(await files.read("weights.bin")).equals(weights)).toBe(true);
});
