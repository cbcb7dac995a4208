/** An adapter and the model that it was made for: told by the digest of the weights, and by a name where there is none. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { folderFiles } from "../weights/index.ts";
import { isBaseNamed, weightsDigest } from "./base.ts";
import { readAdapter } from "./peft.ts";
import { writeAdapter } from "./peft-write.ts";
import { families, randomAdapter } from "./random-adapter.laws.ts";

const root = mkdtempSync(join(tmpdir(), "loam-adapter-base-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const [one, other] = ["a".repeat(64), "b".repeat(64)];

test("over weights that it was not made for an adapter is refused by both digests, whatever fits; over its own, or unasked, it is read", async () => {
  // no fused modules: what is read again is what was written
  const [name, config] = Object.entries(families).find(([family]) => family.startsWith("llama"))!;
  const files = folderFiles(mkdtempSync(join(root, "own-")));
  const adapter = randomAdapter(config, name, { rank: 2 });
  await writeAdapter(files, config, adapter, "model-0123456789ab", one);
  const own = await readAdapter(files, config, { weights: one });
  expect(own).toMatchObject({ digest: adapter.digest, base: { name: "model-0123456789ab", weights: one } });
  expect((await readAdapter(files, config)).digest).toBe(adapter.digest);
  await expect(readAdapter(files, config, { weights: other })).rejects.toThrow(
    /made for, weights aaaaaaaaaaaaaaaa of model-0123456789ab, got one of weights bbbbbbbbbbbbbbbb\. Serve that one \(loam trace model-0123456789ab/,
  );
  // from elsewhere: a name proves nothing
  const foreign = folderFiles(mkdtempSync(join(root, "foreign-")));
  await writeAdapter(foreign, config, adapter, "someone/a-model");
  expect((await readAdapter(foreign, config, { weights: other })).base).toEqual({ name: "someone/a-model", weights: undefined });
});

test("the digest of weights is that of their one file, or of all of several, whatever lies beside them", () => {
  const file = (name: string, digest = name) => ({ name, digest });
  expect(weightsDigest([file("config.json"), file("weights.safetensors", one)])).toBe(one);
  expect(weightsDigest([file("m.Q4_1.gguf", one), file("README.md")])).toBe(one);
  expect(weightsDigest([file("adapter_model.safetensors"), file("checkpoints/10/adapter_model.safetensors")])).toBeUndefined();
  const parts = [file("model-00001-of-00002.safetensors", one), file("model-00002-of-00002.safetensors", other)];
  expect(weightsDigest([...parts].reverse())).toBe(weightsDigest([...parts, file("model.safetensors.index.json")]));
  expect(weightsDigest(parts.map((p, i) => ({ ...p, digest: i ? one : other })))).not.toBe(weightsDigest(parts));
});

test("a base's name is a model's where either begins like the other, owners, versions and signs aside", () => {
  const base = "HuggingFaceTB/SmolLM2-135M-Instruct";
  for (const names of [["smollm2@1"], ["SmolLM2-135M-Instruct.Q4_1"], ["other@2", "smollm2-135m"]])
    expect(isBaseNamed(base, names)).toBe(true);
  for (const names of [["llama@1"], [], ["@"], ["instruct"]]) expect(isBaseNamed(base, names)).toBe(false);
});
