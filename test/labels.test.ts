/** Labels that people give over HTTP, in a real project: the files that come of them, who may write, and that a data set reads them with their classes. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import * as contract from "../console/src/generated/server.ts";
import { documentsOf } from "../src/data/index.ts";
import { bertConfig, encoderSpec, initialise } from "../src/nn/index.ts";
import { labelSource } from "../src/project/labelling/label-source.ts";
import { findProject, openProjectStore } from "../src/project/project-file.ts";
import { consoleSource } from "../src/project/serving/console-source.ts";
import { byteTokenizer } from "../src/serve/fakes.ts";
import { askClassifier, createApp, createEmbeddingEngine, Engines, servedEncoder } from "../src/serve/index.ts";
import { listArtifacts, openArtifact } from "../src/store/index.ts";
import { openDevice } from "../src/tensor/index.ts";
import { loam } from "./support/child.ts";
import { temporaryFolder, toyYaml, writeToy } from "./support/project.ts";

const labels = `labels:
  mood: { on: letters, classes: [glad, sad] }
`;
/** Beside the toy's own data: what was labelled. */
const yaml = toyYaml({ more: labels }).replace(
  "tokenizer:",
  "  moods:\n    source: { folder: labels/mood, reader: jsonl }\n    steps: [clean]\ntokenizer:",
);

const someTexts = ["The sun came out.", "The dog was lost for good.", "We sang until late."];

async function opened(admin: boolean, { texts = someTexts, model = false }: { texts?: readonly string[]; model?: boolean } = {}) {
  const folder = writeToy(temporaryFolder("labels"), { texts });
  writeFileSync(join(folder, "loam.yaml"), model ? yaml.replace("sad] }", "sad], model: moods }") : yaml);
  const ran = await loam(["data", "run", "letters"], { cwd: folder });
  expect(ran.code, ran.stderr).toBe(0);
  const project = findProject(folder);
  const store = await openProjectStore(project);
  onTestFinished(() => store.close());
  const engines = new Engines();
  const source = labelSource(project, store, (name, signal, use) => askClassifier(engines, { model: name, user: "labels", signal }, use));
  onTestFinished(() => source.close());
  const app = createApp({
    engines,
    console: { ...consoleSource("toy", store), labels: source },
    version: "1.0.0",
    admin,
  });
  const ask = async (path: string, body?: object, headers: Record<string, string> = {}) => {
    const response = await app.fetch(
      new Request(`http://localhost${path}`, {
        headers: { "content-type": "application/json", host: "localhost", ...headers },
        ...(body ? { method: "POST", body: JSON.stringify(body) } : {}),
      }),
    );
    return [response.status, await response.json()] as [number, Record<string, never>];
  };
  return { folder, store, ask, engines };
}

/** A classifier of random weights over bytes. */
async function classifierOf(version: number) {
  const device = openDevice("cpu", { threads: 1 });
  const classifier = { labels: ["glad", "sad"], kind: "one" } as const;
  const config = { ...bertConfig({ vocab: 257, width: 24, layers: 2, heads: 2, context: 40 }), classifier, deviation: 0.3 };
  const model = { family: "encoder", config, parameters: await initialise(encoderSpec(config), device, `moods ${version}`) };
  const id = `moods@${version}`;
  const engine = createEmbeddingEngine({
    model: servedEncoder({ id, name: "moods", version, aliases: ["moods"], model, tokenizer: byteTokenizer, fingerprint: id }),
    device,
    sizes: [16],
  });
  await engine.ready;
  return engine;
}

test("labels of two people become a file of texts with the class that most gave, and a data set reads it", async () => {
  const { folder, store, ask } = await opened(true);
  const batch = contract.labelBatch.parse((await ask("/api/labels/mood?by=ann"))[1]);
  // the train side alone
  expect(batch.items.length).toBe(batch.texts);
  expect(batch.texts).toBeGreaterThan(1);
  const give = (id: string, by: string, label: string | null) => ask("/api/labels/mood", { id, by, label });
  const [first, second] = batch.items;
  await give(first!.id, "ann", "glad");
  await give(first!.id, "bob", "glad");
  await give(second!.id, "ann", "sad");
  const [status, tied] = await give(second!.id, "bob", "glad");
  const state = contract.labelState.parse(tied);
  expect([status, state.decided, state.agreement]).toMatchObject([200, 1, { kind: "Cohen", items: 2, kappa: 0 }]);
  const file = join(folder, "labels/mood/labelled.jsonl");
  const lines = () =>
    readFileSync(file, "utf8")
      .trim()
      .split("\n")
      .map(l => JSON.parse(l) as object);
  expect(lines()).toEqual([{ id: first!.id, text: first!.text, label: "glad" }]);
  // bob takes his back: ann's stands
  await give(second!.id, "bob", null);
  expect(lines()).toHaveLength(2);
  expect(contract.labelBatch.parse((await ask("/api/labels/mood?by=bob"))[1]).items.map(i => i.id)).not.toContain(first!.id);
  const sets = contract.answers["GET /api/labels"].parse((await ask("/api/labels"))[1]);
  expect(sets).toMatchObject([
    {
      name: "mood",
      decided: 2,
      agreement: {
        people: [
          { name: "ann", labelled: 2 },
          { name: "bob", labelled: 1 },
        ],
      },
    },
  ]);
  const ran = await loam(["data", "run", "moods"], { cwd: folder });
  expect(ran.code, ran.stderr).toBe(0);
  const made = (await listArtifacts(store, { kind: "documents" })).find(a => (a.options as { name?: unknown }).name === "moods")!;
  const read: unknown[] = [];
  for (const side of ["train", "held-out"] as const)
    for await (const d of documentsOf(await openArtifact(store, made.id), side)) read.push([d.text, d.attributes?.label]);
  expect(read.sort()).toEqual(
    [
      [first!.text, "glad"],
      [second!.text, "sad"],
    ].sort(),
  );
});

test("a data set of labels that nobody has given yet says where they are given; what is labelled keeps its row's columns and its own id", async () => {
  const folder = temporaryFolder("labels");
  const table = Array.from(
    { length: 12 },
    (_, i) => `T-${i},${i % 2 ? "de" : "en"},old,${"rain sun wind".split(" ")[i % 3]} of day ${i * i}`,
  );
  writeToy(folder, { texts: ["a"] });
  mkdirSync(join(folder, "table"));
  writeFileSync(join(folder, "table/rows.csv"), ["id,lang,label,text", ...table].join("\n"));
  writeFileSync(join(folder, "loam.yaml"), yaml.replace("{ folder: texts, reader: text }", "{ folder: table, reader: csv }"));
  expect((await loam(["data", "run", "letters"], { cwd: folder })).code).toBe(0);
  const early = await loam(["data", "run", "moods"], { cwd: folder });
  expect([early.code, early.stderr]).toEqual([
    2,
    expect.stringMatching(/data\.moods: expected labels of mood, which people give to texts of letters, got none yet\. .*page Labels/),
  ]);
  const project = findProject(folder);
  const store = await openProjectStore(project);
  onTestFinished(() => store.close());
  const source = labelSource(project, store);
  onTestFinished(() => source.close());
  const [first] = contract.labelBatch.parse(await source.batch("mood", "ann")).items;
  await source.give("mood", { id: first!.id, by: "ann", label: "glad" });
  const row = table.map(line => line.split(",")).find(([, , , text]) => text === first!.text)!;
  expect(JSON.parse(readFileSync(join(folder, "labels/mood/labelled.jsonl"), "utf8"))).toEqual({
    id: expect.stringContaining(row[0]!),
    text: first!.text,
    label: "glad",
    lang: row[1],
  });
  const exported = await loam(["labels", "export", "mood", "--instruction", "Name the mood.", "--to", "mood.jsonl"], { cwd: folder });
  expect(exported.code, exported.stderr).toBe(0);
  expect(exported.stdout + exported.stderr).toMatch(/mood\.jsonl +1 text\n/);
  expect(JSON.parse(readFileSync(join(folder, "mood.jsonl"), "utf8"))).toEqual({
    messages: [
      { role: "system", content: "Name the mood." },
      { role: "user", content: first!.text },
      { role: "assistant", content: "glad" },
    ],
  });
});

test("what the model is least sure of in the whole pool is asked first, and after the next version what that one is", async () => {
  const texts = Array.from({ length: 60 }, (_, i) => `${"aeiouy"[i % 6]} day ${i * i} of ${"rain sun wind".split(" ")[i % 3]}`);
  const { ask, engines } = await opened(true, { texts, model: true });
  const batch = async () => contract.labelBatch.parse((await ask("/api/labels/mood?by=ann"))[1]);
  const unserved = await batch();
  expect(unserved.asked?.failure).toMatch(
    /a model, but none is served.*`loam tune moods` makes it of the labels, `loam serve moods` serves it/,
  );
  // drawn: not as they lie
  const drawn = unserved.items.map(i => i.text);
  expect(drawn).not.toEqual(texts.filter(t => drawn.includes(t)));
  for (const version of [1, 2]) {
    for (const e of [...engines.encoders()]) engines.remove(e);
    engines.addEncoder(await classifierOf(version));
    const first = await batch();
    expect(first.asked).toMatchObject({ version: `moods@${version}`, failure: null });
    expect(first.items.filter(i => i.guess).length).toBeGreaterThan(0);
    await expect.poll(async () => (await batch()).asked?.texts, { timeout: 20_000 }).toBe(unserved.texts);
    const whole = await batch();
    const [, said] = await ask("/v1/models/moods:classify", { examples: whole.items.map(({ text }) => ({ text })) });
    const { result } = said as unknown as { result: [string, number][][] };
    const margins = result.map(scores => Math.abs(scores[0]![1] - scores[1]![1]));
    expect(whole.items).toHaveLength(unserved.texts);
    expect(margins).toEqual(margins.toSorted((a, b) => a - b));
    for (const [i, item] of whole.items.entries()) expect(item.guess).toEqual(Object.fromEntries(result[i]!));
  }
  // one less
  const [least] = (await batch()).items;
  await ask("/api/labels/mood", { id: least!.id, by: "ann", label: "sad" });
  const next = await batch();
  expect(next.items.map(i => i.id)).not.toContain(least!.id);
  expect(next.asked).toMatchObject({ of: unserved.texts - 1, texts: unserved.texts - 1 });
});

test("another site's page, a server without a login, a class and a text that are none: refused, and nothing is written", async () => {
  const { folder, ask } = await opened(true);
  const { items } = contract.labelBatch.parse((await ask("/api/labels/mood?by=ann"))[1]);
  const good = { id: items[0]!.id, by: "ann", label: "glad" };
  const wrong: readonly [object, Record<string, string>, number, RegExp][] = [
    [good, { origin: "https://elsewhere.example" }, 403, /expected a page of this server/],
    [{ ...good, label: "gld" }, {}, 400, /label: expected one of glad, sad, got "gld"/],
    [{ ...good, id: "none" }, {}, 400, /id: expected a text of letters/],
    [{ ...good, by: "" }, {}, 400, /by/],
    [{ id: good.id, by: "ann" }, {}, 400, /label/],
  ];
  for (const [body, headers, status, message] of wrong) {
    const [got, answer] = await ask("/api/labels/mood", body, headers);
    expect([got, (answer as { error?: { message: string } }).error?.message]).toEqual([status, expect.stringMatching(message)]);
  }
  expect((await ask("/api/labels/constructor", good))[0]).toBe(404);
  expect((await ask("/api/labels/mood?by="))[0]).toBe(400);
  expect(existsSync(join(folder, "labels"))).toBe(false);
  const others = await opened(false);
  expect((await others.ask("/api/labels/mood", good))[1]).toMatchObject({
    error: { code: "serve/unauthenticated", message: expect.stringContaining("login") },
  });
});
