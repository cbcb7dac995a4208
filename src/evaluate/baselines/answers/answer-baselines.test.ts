/** Answers without a model, and items from a data set: read as `loam eval` reads them, measured as a model's are. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { evaluateTask } from "../../evaluate-task.ts";
import { rememberedAnswers } from "../../models/kept-answers.ts";
import type { EvaluatedModel } from "../../models/model.ts";
import { headOf } from "../../results/item.ts";
import { measureOf } from "../../results/measures.ts";
import { scoreOf } from "../../results/score.ts";
import { type DocumentItems, readTask } from "../../tasks/read-task.ts";
import { answerBaselines } from "./answer-baselines.ts";

const folder = mkdtempSync(join(tmpdir(), "loam-answers-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;
function read(yaml: string, documents?: DocumentItems) {
  const path = join(folder, `t${files++}.yaml`);
  writeFileSync(path, yaml);
  return readTask(path, undefined, documents);
}
const lines = (rows: readonly object[]) => rows.map(r => `${JSON.stringify(r)}\n`).join("");
const sentences = ["Peter left Rome.", "She saw Peter.", "He likes Rome."].map((text, i) => ({
  id: `s${i}`,
  text,
  plain: text.toLowerCase().slice(0, -1),
}));
writeFileSync(join(folder, "train.jsonl"), lines(sentences));
writeFileSync(
  join(folder, "test.jsonl"),
  lines([
    { id: "a", text: "They saw Rome.", plain: "they saw rome" },
    { id: "b", text: "Did he see Paris?", plain: "did he see paris" },
  ]),
);
const task = (more: string) => `
task: restore
data: { test: test.jsonl, train: train.jsonl }
prompt: "Mend this:\\n{{plain}}"
output: generate_until
target: text
id: id
${more}`;
const baselines = "baselines: { copy: plain, loud: '{{ plain | upper }}', rule: { learn: commonest-forms, from: train, input: plain } }";

/** Writes what it is told. */
const parrot = (say: (prompt: string) => string): EvaluatedModel => ({
  id: "parrot",
  fingerprint: "parrot",
  generate: async (requests, each) => {
    for (const [i, r] of requests.entries()) each(i, { texts: [say(r.prompt)], tokens: 1, ms: 1 });
  },
});
const asked = async (yaml: string, documents?: DocumentItems) => {
  const loaded = await read(yaml, documents);
  const { items } = await evaluateTask({ loaded, model: parrot(p => p), answers: rememberedAnswers() });
  return { loaded, items };
};

test("a rule does not learn from items that it is told of", async () => {
  writeFileSync(join(folder, "both.jsonl"), lines([...sentences, { id: "b", text: "Did he see Paris?", plain: "did he see paris" }]));
  const yaml = task(baselines).replace("train: train.jsonl", "train: both.jsonl");
  await expect(read(yaml)).rejects.toThrow(
    /^restore: baselines\.rule\.from: expected items that the split that is asked has not, got 1 of both, the first at both\.jsonl:4/,
  );
});

test("a field, a template and what is learnt from another split answer every item, under its name and beside its reference", async () => {
  const { loaded, items } = await asked(task(baselines));
  const all = Object.fromEntries(answerBaselines(loaded, items).map(b => [b.name, b.items]));
  expect(all.copy!.map(i => i.texts)).toEqual([["they saw rome"], ["did he see paris"]]);
  expect(all.loud!.map(i => i.came)).toEqual(["THEY SAW ROME", "DID HE SEE PARIS"]);
  expect(all.rule!.map(i => i.came)).toEqual(["They saw Rome.", "Did he see paris."]);
  expect(all.rule!.map(i => [i.id, i.references])).toEqual(items.map(i => [i.id, i.references]));
  const exact = measureOf("exact-match", headOf(loaded.task));
  expect(Object.values(all).map(list => scoreOf(exact, list).value)).toEqual([0, 0, 0.5]);
});

test("baselines are not asked of a model: naming them makes no recorded result stale", async () => {
  const [without, beside] = [await read(task("")), await read(task(baselines))];
  expect(beside.digest).toBe(without.digest);
});

test("what cannot be learnt from is refused by name", async () => {
  await expect(read(task("baselines: { rule: { learn: commonest-forms, from: test } }"))).rejects.toThrow(
    /baselines\.rule\.from: expected .*train/,
  );
  await expect(read(task("baselines: { rule: { learn: commonest-forms, from: trian } }"))).rejects.toThrow(/baselines\.rule\.from/);
  // before the model is asked anything
  const never = parrot(() => {
    throw new Error("asked");
  });
  const refused = async (more: string) => evaluateTask({ loaded: await read(task(more)), model: never, answers: rememberedAnswers() });
  await expect(refused("baselines: { rule: { learn: commonest-forms, from: train } }")).rejects.toThrow(
    /baselines\.rule: expected items of train whose words .*, got none of 3\. `input`/,
  );
  await expect(refused("baselines: { copy: plian }")).rejects.toThrow(/baselines\.copy.*Did you mean "plain"/);
  await expect(read(`${task(baselines).replace("generate_until", "loglikelihood")}`)).rejects.toThrow(
    /baselines: expected the output generate_until/,
  );
});

test("items come from a data set: the side, a sample that is the same whatever their order, values that are asked for", async () => {
  const documents = Array.from({ length: 50 }, (_, i) => ({
    id: `d${i}`,
    text: `Text ${i}.`,
    plain: `text ${i}`,
    kind: i % 2 ? "odd" : "even",
  }));
  const port =
    (list: readonly (typeof documents)[number][]): DocumentItems =>
    async (name, side) => {
      expect([name, side]).toEqual(["own", "held-out"]);
      return { items: list.map(fields => ({ fields, place: `${fields.id} (${side})` })), digest: "sha256:own" };
    };
  const yaml = (more: string) => task("").replace("test: test.jsonl", `test: { documents: own, ${more} }`);
  const some = await read(yaml("sample: 10"), port(documents));
  expect(some.items).toHaveLength(10);
  expect(some.fileDigest).toBe("sha256:own");
  const turned = await read(yaml("sample: 10"), port([...documents].reverse()));
  expect(new Set(turned.items.map(i => i.id))).toEqual(new Set(some.items.map(i => i.id)));
  const odd = await read(yaml("where: { kind: odd }"), port(documents));
  expect(odd.items.map(i => i.fields.kind)).toEqual(Array.from({ length: 25 }, () => "odd"));
  await expect(read(yaml("sample: 10"))).rejects.toThrow(/data\.test: expected a file of items, got the data set "own"/);
});
