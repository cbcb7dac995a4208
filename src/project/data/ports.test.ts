import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { z } from "zod";
import { sha256 } from "../../base/index.ts";
import { documentLine } from "../../data/index.ts";
import { decoderSpec, initialise, llamaConfig, writeModelFiles } from "../../nn/index.ts";
import { openStore, registerVersion, runStage, stage } from "../../store/index.ts";
import { openDevice } from "../../tensor/index.ts";
import { trainBpe } from "../../text/index.ts";
import { parseProject } from "../project-file.ts";
import { projectPorts } from "./ports.ts";

const folder = mkdtempSync(join(tmpdir(), "loam-ports-"));
const store = await openStore({ root: folder });
afterAll(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});
const yaml = `
data: { letters: { source: { folder: ".", reader: text } } }
tokenizer: { vocab: 300, from: letters }
models: { tiny: { layers: 1, width: 16, heads: 2, context: 32, train: { on: letters, tokens: 100, rate: 0.01 } } }
`;
const project = { folder, file: join(folder, "loam.yaml"), config: parseProject(yaml, "loam.yaml") };
const device = openDevice("cpu", { threads: 1 });
const texts = ["the sea is wide", "the sea is deep and the sea is wide", "a boat on the sea"];

const tokenizer = trainBpe(texts, { vocab: 280 });
const tinyStage = (seed: number) =>
  stage({
    name: "train",
    version: 1,
    inputs: {},
    options: z.object({ seed: z.number() }),
    output: "model",
    async run({ output }) {
      const config = llamaConfig({ vocab: tokenizer.vocabSize, width: 16, layers: 1, heads: 2, context: 32 });
      const parameters = await initialise(decoderSpec(config), device, seed);
      await writeModelFiles(output, { family: "decoder", config, parameters });
      await output.write("tokenizer.json", JSON.stringify(tokenizer.toJSON()));
      return {};
    },
  });
const documents = stage({
  name: "data",
  version: 1,
  inputs: {},
  options: z.object({ name: z.string(), texts: z.array(z.string()) }),
  output: "documents",
  async run({ options, output }) {
    const lines = options.texts.map((text, i) => documentLine({ id: `letters:${i}`, text, source: "x", attributes: {} }));
    await output.write("train.jsonl", lines.join(""));
    await output.write("held-out.jsonl", "");
    await output.write("members.txt", options.texts.map((_, i) => `letters:${i}\n`).join(""));
    return {};
  },
});
const run = { progress: () => {}, signal: new AbortController().signal };
const registerTiny = async (seed: number) => {
  const made = await runStage(store, tinyStage(seed), { inputs: {}, options: { seed }, ...run });
  return registerVersion(store, "tiny", made.artifact.id, {});
};

test("a file is read below the project, its identity is its SHA-256, and a change after that is refused", async () => {
  using ports = projectPorts(project, store, { device: () => device });
  mkdirSync(join(folder, "lists"), { recursive: true });
  writeFileSync(join(folder, "lists/words.txt"), "one two");
  const need = { kind: "file", path: "lists/words.txt" } as const;
  expect((await ports.resources.file(need.path)).toString()).toBe("one two");
  expect(await ports.identityOf(need)).toBe(sha256("one two"));
  writeFileSync(join(folder, "lists/words.txt"), "three");
  await expect(ports.resources.file(need.path)).rejects.toThrow("lists/words.txt: expected the content with digest");
  expect(await ports.identityOf(need)).toBe(sha256("three"));
  expect((await ports.resources.file(need.path)).toString()).toBe("three");
  await expect(ports.resources.file("lists/none.txt")).rejects.toThrow("expected a file of the project");
  await expect(ports.identityOf({ kind: "file", path: "lists/none.txt" })).rejects.toThrow("expected a file of the project");
  await expect(ports.resources.file("../secret")).rejects.toThrow("a path below the project's folder");
});

test("a version is a scorer, its identity is its artifact's, and a newer version is another one", async () => {
  using ports = projectPorts(project, store, { device: () => device });
  await expect(ports.identityOf({ kind: "scorer", model: "tiny" })).rejects.toThrow(
    /expected a model of this record, got "tiny"\. .*`loam train NAME` or `loam tune NAME` registers one that loam\.yaml describes/,
  );
  const one = await registerTiny(1);
  expect(await ports.identityOf({ kind: "scorer", model: "tiny@latest" })).toBe(one.digest);
  const scorer = await ports.resources.scorer("tiny@1");
  expect(await ports.resources.scorer("tiny@1")).toBe(scorer);
  const [found] = await scorer.score(["the sea"]);
  // A model that knows nothing yet: near log2(vocabulary) bits for each token and the end mark.
  const tokens = tokenizer.encode("the sea").length + 1;
  expect(found!.bits / tokens).toBeGreaterThan(Math.log2(tokenizer.vocabSize) - 0.5);
  expect(found!.bits / tokens).toBeLessThan(Math.log2(tokenizer.vocabSize) + 0.5);
  const two = await registerTiny(2);
  expect(await ports.identityOf({ kind: "scorer", model: "tiny@latest" })).toBe(two.digest);
  expect(await ports.identityOf({ kind: "scorer", model: "tiny@1" })).toBe(one.digest);
});

test("an n-gram model of a data set needs no training before, finds its own texts likelier, and changes with the data set", async () => {
  using ports = projectPorts(project, store, { device: () => device });
  const need = { kind: "scorer", model: "3-gram:letters" } as const;
  await expect(ports.identityOf(need)).rejects.toThrow("`loam data run letters` makes them");
  await runStage(store, documents, { inputs: {}, options: { name: "letters", texts }, ...run });
  const identity = await ports.identityOf(need);
  const [known, strange] = await (await ports.resources.scorer(need.model)).score(["the sea is wide", "zq!ü#kx@v%jw~yy"]);
  expect(known!.bits / known!.bytes).toBeLessThan(0.5 * (strange!.bits / strange!.bytes));
  expect(strange!.bytes).toBe(16);
  expect(await ports.identityOf({ kind: "scorer", model: "4-gram:letters" })).not.toBe(identity);
  await new Promise(resolve => setTimeout(resolve, 2));
  await runStage(store, documents, { inputs: {}, options: { name: "letters", texts: texts.slice(1) }, ...run });
  expect(await ports.identityOf(need)).not.toBe(identity);
});
