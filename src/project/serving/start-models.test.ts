/** What a server starts with: the project file's models, and what was set while it last ran. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, onTestFinished, test } from "vitest";
import { decoderSpec, disposeTree, initialise, llamaConfig } from "../../nn/index.ts";
import { createEngine, Engines, type VersionSource } from "../../serve/index.ts";
import { servePart } from "../../serve/part.ts";
import { openDevice } from "../../tensor/index.ts";
import { trainBpe } from "../../text/index.ts";
import { keptRules } from "./kept-rules.ts";
import { servedAs, servedNames } from "./served-as.ts";
import { startModels } from "./start-models.ts";

const root = mkdtempSync(join(tmpdir(), "loam-kept-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const device = openDevice("cpu", { threads: 1 });
const tokenizer = trainBpe(["a text"], { vocab: 260 });
const config = llamaConfig({ vocab: 260, width: 8, layers: 1, heads: 1, context: 32, hidden: 8 });
const source = (there: readonly number[]): VersionSource => ({
  versions: async () => there,
  open: async (name, version) => {
    const parameters = await initialise(decoderSpec(config), device, version);
    const engine = createEngine({
      model: {
        id: `${name}@${version}`,
        name,
        version,
        family: "decoder",
        config,
        parameters,
        tokenizer,
        fingerprint: "0",
        stopTokens: [],
      },
      device,
      slots: 1,
    });
    return {
      engine,
      close: async () => {
        await engine.close();
        disposeTree(parameters);
      },
    };
  },
});
const partOf = (serve: unknown) => servePart.parse(serve);

async function start(serve: unknown, file: string, { there = [1, 2, 3], version = 3 } = {}) {
  const warnings: string[] = [];
  const models = startModels({
    engines: new Engines(),
    source: source(there),
    written: servedAs(partOf(serve), "loam.yaml"),
    kept: keptRules(file),
    policy: undefined,
    warn: text => warnings.push(text),
  });
  onTestFinished(() => models.fleet.close());
  await models.load([{ name: "m", version }]);
  return { ...models, warnings, list: () => models.fleet.list().map(v => [v.version, v.labels, v.weight]) };
}

test("several models by name, each with versions, labels and shares; without versions, those that are pointed at", () => {
  const part = partOf({
    models: {
      m: { versions: "latest:2", labels: { gold: 1 }, split: { 1: 90, 2: 10 }, keepAlive: "5m" },
      n: { labels: { old: 4 } },
      o: {},
    },
    keepAlive: 60,
  });
  expect(servedNames(part)).toEqual(["m", "n", "o"]);
  const none = { labels: {}, weights: {}, shadow: {} };
  expect([...servedAs(part, "loam.yaml")]).toEqual([
    ["m", { ...none, labels: { gold: 1 }, weights: { 1: 90, 2: 10 }, policy: { kind: "latest", count: 2 }, keepAlive: "5m" }],
    ["n", { ...none, labels: { old: 4 }, policy: { kind: "specific", versions: [4] }, keepAlive: 60 }],
    ["o", { ...none, keepAlive: 60 }],
  ]);
  expect(servedNames(partOf({ model: "m@latest" }))).toEqual(["m@latest"]);
});

test.each([
  ["neither", {}, "expected either model or models, got neither. Name what is served: serve: { model: NAME }"],
  ["both", { model: "m", models: { m: {} } }, "got both"],
  ["no policy", { models: { m: { versions: "newest" } } }, "serve.models.m.versions: expected latest"],
])("%s is an error that names the key", (_, serve, sentence) => {
  expect(() => servedAs(partOf(serve), "loam.yaml")).toThrow(sentence);
});

test("labels and shares that were set at run time hold after a restart; when loam.yaml says something else, it goes first", async () => {
  const file = join(root, "restart", "serving.json");
  const serve = { models: { m: { labels: { gold: 1 }, split: { 1: 1, 2: 1 } } } };
  const first = await start(serve, file);
  expect(first.list()).toEqual([
    [1, ["gold"], 1],
    [2, ["latest"], 1],
  ]);
  first.fleet.label("m", "gold", 2);
  first.fleet.split("m", new Map([[2, 100]]));
  await first.fleet.close();
  const second = await start(serve, file);
  expect(second.list()).toEqual([
    [1, [], 0],
    [2, ["gold", "latest"], 100],
  ]);
  await second.fleet.close();
  const changed = await start({ models: { m: { labels: { gold: 3 } } } }, file);
  expect(changed.list()).toEqual([[3, ["gold", "latest"], null]]);
});

test("a kept label whose version is gone is said and left out", async () => {
  const file = join(root, "gone", "serving.json");
  const first = await start({ models: { m: {} } }, file);
  first.fleet.label("m", "gold", 3);
  await first.fleet.close();
  const second = await start({ models: { m: {} } }, file, { there: [1, 2], version: 2 });
  expect(second.list()).toEqual([[2, ["latest"], null]]);
  expect(second.warnings).toEqual([expect.stringMatching(/version of m that there is: 1, 2, got 3.*Nothing points at it/)]);
});

test("what is no file of ours is refused and not written over", async () => {
  const file = join(root, "odd.json");
  writeFileSync(file, '{"models": ');
  await expect(start({ models: { m: {} } }, file)).rejects.toThrow("odd.json");
  expect(readFileSync(file, "utf8")).toBe('{"models": ');
});
