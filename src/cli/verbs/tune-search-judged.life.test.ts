/** Searches over what is tuned on examples, and over the data of a tuning: what chooses and what judges are the study's own, and the yardstick is one. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { random } from "../../base/index.ts";
import { bertConfig, encoderSpec, exportHuggingFace, folderFiles, initialise, modelOf } from "../../nn/index.ts";
import type { StudyVerdict } from "../../project/searching/index.ts";
import { listRuns, openArtifact, openStore, type Store, type StoredTrial, traceArtifact } from "../../store/index.ts";
import { openDevice } from "../../tensor/index.ts";
import { trainBpe } from "../../text/index.ts";
import { type Judgement, readJudgement } from "../../tune/index.ts";
import { createOutput } from "../output.ts";
import type { Options } from "../verb.ts";
import { modelsImport } from "./models-import.ts";
import { tuneSearch } from "./tune-search.ts";

const scratch = mkdtempSync(join(tmpdir(), "loam-search-judged-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

interface Result {
  readonly study: string;
  readonly trials: readonly StoredTrial[];
  readonly winner: number | null;
  readonly verdict: StudyVerdict | null;
}

/** Runs a verb; gives its result, and what it told people. */
async function told(folder: string, args: string[] = [], options: Options = {}, verb = tuneSearch): Promise<[Result, string]> {
  const [json, people] = [[] as string[], [] as string[]];
  const sink = (list: string[]) => ({ write: (piece: string) => list.push(piece) > 0 }) as unknown as NodeJS.WritableStream;
  const out = createOutput(true, { out: sink(json), err: sink(people) });
  await verb({ out, cwd: folder, signal: new AbortController().signal }, args, { workers: "0", ...options });
  return [JSON.parse(json.join("").trim().split("\n").at(-1)!) as Result, people.join("")];
}
async function withStore<T>(folder: string, use: (store: Store) => Promise<T>): Promise<T> {
  const store = await openStore({ root: folder });
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}
interface Outcome {
  readonly values: readonly number[];
  readonly artifacts: { readonly model: string; readonly judgement: string };
}
const outcomeOf = (t: StoredTrial): Outcome => t.outcome as never;
const jsonl = (records: readonly object[]): string => records.map(r => `${JSON.stringify(r)}\n`).join("");
const mean = (xs: readonly number[]): number => xs.reduce((a, b) => a + b, 0) / xs.length;
const lossOf = ({ bits, bytes }: Judgement): number => bits.reduce((a, b) => a + b, 0) / bytes.reduce((a, b) => a + b, 0);

/** What trials were chosen by, what the verdict was made of, and the models with what they were trained from. */
const found = (folder: string, { trials, verdict }: Result, stage: string) =>
  withStore(folder, async store => {
    const open = (id: string) => openArtifact(store, id);
    const done = trials.filter(t => t.state === "done").map(outcomeOf);
    const chosenBy = await Promise.all(done.map(async o => readJudgement(await open(o.artifacts.judgement))));
    const models = await Promise.all(done.map(o => open(o.artifacts.model)));
    const nodes = (await traceArtifact(store, verdict!.artifact, { first: 0 })).nodes.filter(n => n.kind === "judgement");
    const judged = await Promise.all(nodes.map(async n => readJudgement(await open(n.id))));
    const trainedFrom = await Promise.all(
      models.map(async m => {
        const node = (await traceArtifact(store, m.id, { first: 0 })).nodes.find(n => n.stage === stage);
        const artifact = await open(node!.id);
        const names = artifact.files.map(f => f.name).filter(name => /\.(jsonl|ids)$/.test(name));
        return new Map(await Promise.all(names.map(async name => [name, (await artifact.read(name)).toString("utf8")] as const)));
      }),
    );
    return { chosenBy, judged, models, trainedFrom };
  });

const linesIn = (files: ReadonlyMap<string, string>, name: string): Record<string, unknown>[] =>
  files
    .get(name)!
    .split("\n")
    .filter(Boolean)
    .map(line => JSON.parse(line) as Record<string, unknown>);

const things = ["cat", "dog", "house", "tree", "sea", "sun", "car", "hat", "pen", "cup", "road", "lamp"];
const colours = ["red", "blue", "green", "black"];

/** Questions about things, a polite answer before a rude one; a small model of the same words. */
function examples(name: string, tune: string, search: string, more = ""): string {
  const folder = join(scratch, name);
  const all = colours.flatMap(c => things.map(t => ({ c, t })));
  mkdirSync(join(folder, "texts"), { recursive: true });
  for (const [i, { c, t }] of all.entries())
    writeFileSync(
      join(folder, "texts", `${i}.txt`),
      `${i} what is the ${c} ${t}? the ${t} is ${c}, thank you. go away from the ${t}, fool.`,
    );
  writeFileSync(
    join(folder, "pairs.jsonl"),
    jsonl(
      all.map(({ c, t }) => ({
        prompt: `what is the ${c} ${t}?`,
        chosen: `the ${t} is ${c}, thank you.`,
        rejected: `go away from the ${t}, fool.`,
      })),
    ),
  );
  writeFileSync(
    join(folder, "things.jsonl"),
    jsonl(all.map(({ c, t }) => ({ prompt: `what is the ${c} ${t}?`, completion: `the ${t} is ${c}` }))),
  );
  writeFileSync(
    join(folder, "loam.yaml"),
    `data:
  texts: { source: { folder: texts, reader: text }, steps: [clean], split: { heldOut: 0.2, by: document } }
device: { threads: 1 }
tokenizer: { vocab: 300, from: texts }
models:
  toy: { layers: 1, width: 16, heads: 2, context: 96, train: { on: texts, tokens: 6400, rows: 8, rate: 0.02 } }
${more}  tuned: { base: toy, tune: { length: 96, validation: 0.4, ${tune} } }
searches:
  rates: { model: tuned, sampler: grid, pruner: none, trials: 9, ${search} }
`,
  );
  return folder;
}

describe("what is tuned on examples of a file", () => {
  test("preferences: one half chooses, the other one judges, by the loss that the file says, whatever a trial learns by", async () => {
    const folder = examples(
      "preference",
      "task: preference, on: ./pairs.jsonl, method: full, epochs: 2",
      "space: { tune.rate: [1e-5, 0.01], tune.beta: [0.1, 0.6] }",
    );
    const [result, people] = await told(folder);
    const { trials, verdict, winner } = result;
    expect(trials.map(t => t.state)).toEqual(trials.map(() => "done"));
    const { chosenBy, judged, models, trainedFrom } = await found(folder, result, "search-examples");
    const values = trials.map(t => outcomeOf(t).values[0]!);
    expect(values[winner!]).toBe(Math.min(...values));
    expect(chosenBy.map(lossOf)).toEqual(values);
    const isUsual = (t: StoredTrial) => (t.point as Record<string, number>)["tune.beta"] !== 0.6;
    for (const [i, t] of trials.entries()) {
      // what the tuning measured by its own loss is the study's yardstick for those of the file's beta alone
      if (isUsual(t)) expect(models[i]!.summary.validationLoss as number).toBeCloseTo(values[i]!, 4);
      expect(t.reports.length > 0).toBe(isUsual(t));
    }
    const chose = new Set(chosenBy.flatMap(j => j.ids));
    const judges = new Set(judged.flatMap(j => j.ids));
    expect(chose.size).toBeGreaterThan(4);
    expect(judges.size).toBeGreaterThan(4);
    expect([...judges].filter(id => chose.has(id))).toEqual([]);
    for (const artifact of trainedFrom) {
      const [train, validation] = [linesIn(artifact, "train.jsonl"), linesIn(artifact, "validation.jsonl")];
      expect(new Set(validation.map(e => e.place))).toEqual(chose);
      expect(train.filter(e => judges.has(e.place as string) || chose.has(e.place as string))).toEqual([]);
    }
    // the base prefers nothing beside itself: log 2, no pair the right way round or the wrong one
    const base = verdict!.comparisons.find(c => c.against === "base")!;
    expect(base.value).toBeCloseTo(Math.LN2, 6);
    expect(base.wrong).toBe(0.5);
    expect(base.low).toBeLessThanOrEqual(base.high);
    expect(verdict!.winner.value).toBeLessThan(Math.LN2);
    expect(judged.map(j => mean(j.wrong!))).toContain(verdict!.winner.wrong);
    expect(people).toMatch(/better than the base \(0\.6931; .* loss of a pair \[/);
    expect(people).toMatch(/wrong: \d+\.\d %; .*the base 50\.0 %/);
    // a second look is the same
    expect((await told(folder))[0].verdict).toEqual(verdict);
  });

  test("rated answers and adapters: an adapter is judged beside its base; the share that is wrong may choose", async () => {
    const folder = examples(
      "ratings",
      "task: preference, loss: kto, on: ./pairs.jsonl, method: { lora: { rank: 4 } }, result: adapter, epochs: 3, rate: 0.02",
      "space: { tune.method.lora.rank: [2, 4] }, objectives: [errors, heldOut]",
    );
    const [result, people] = await told(folder);
    expect(result.trials.map(t => t.state)).toEqual(["done", "done"]);
    const { chosenBy, judged, models } = await found(folder, result, "search-examples");
    expect(models.map(m => m.kind)).toEqual(["adapter", "adapter"]);
    expect(result.trials.map(t => outcomeOf(t).values)).toEqual(chosenBy.map(j => [mean(j.wrong!), lossOf(j)]));
    // both answers of a pair belong to one group
    for (const j of judged) expect(new Set(j.groups).size).toBeLessThanOrEqual(j.ids.length / 2);
    const base = result.verdict!.comparisons.find(c => c.against === "base")!;
    expect(base.value).toBe(0.5);
    expect(result.verdict!.winner.value).toBeLessThan(0.5);
    expect(people).toMatch(/errors an answer/);
  });

  test("a student is judged by its divergence from the teacher of the file; answers by their nats", async () => {
    const folder = examples(
      "distill",
      "task: distill, teacher: sir, on: ./things.jsonl, method: full, epochs: 4, soft: 1",
      "space: { tune.rate: [1e-5, 0.01], tune.soft: [1, 0.2] }",
      "  sir: { base: toy, tune: { task: instruct, on: ./things.jsonl, method: full, length: 64, epochs: 8, rate: 0.01, validation: 0.2 } }\n",
    );
    const [result] = await told(folder);
    const { chosenBy, models } = await found(folder, result, "search-examples");
    for (const [i, t] of result.trials.entries()) {
      const own = models[i]!.summary as { validationLoss: number; validationDivergence: number };
      expect(own.validationDivergence).toBeCloseTo(lossOf(chosenBy[i]!), 3);
      if ((t.point as Record<string, number>)["tune.soft"] === 0.2) expect(t.reports).toEqual([]);
    }
    const base = result.verdict!.comparisons.find(c => c.against === "base")!;
    expect(base.isSignificant).toBe(true);
    expect(result.verdict!.winner.value).toBeLessThan(base.value);
    // a teacher that is the base itself leaves nothing to learn: the base's divergence is none
    const own = examples(
      "own",
      "task: distill, teacher: toy, on: ./things.jsonl, method: full, epochs: 1, soft: 1, rate: 0.01",
      "space: { tune.rate: [0.01, 0.02] }",
    );
    const [same] = await told(own);
    expect(same.verdict!.comparisons.find(c => c.against === "base")!.value).toBeCloseTo(0, 5);

    const answers = examples(
      "answers",
      "task: instruct, on: ./things.jsonl, method: full, epochs: 2",
      "space: { tune.rate: [1e-5, 0.01] }",
    );
    const [instruct] = await told(answers);
    const told2 = await found(answers, instruct, "search-examples");
    for (const [i, m] of told2.models.entries()) expect(m.summary.validationLoss as number).toBeCloseTo(lossOf(told2.chosenBy[i]!), 4);
    expect(instruct.verdict!.comparisons.map(c => c.against)).toContain("base");
  });

  test("one example to select by has no second half: nobody judges the winner, and that is said", async () => {
    const folder = examples(
      "one",
      "task: instruct, on: ./things.jsonl, validationFile: ./one.jsonl, method: full, epochs: 1",
      "space: { tune.rate: [1e-5, 0.01] }",
    );
    writeFileSync(join(folder, "one.jsonl"), jsonl([{ prompt: "what is six and one?", completion: "it is seven" }]));
    const [{ trials, verdict, winner }, people] = await told(folder);
    expect(verdict).toBeNull();
    expect(people).toContain("There is no test set");
    const values = trials.map(t => outcomeOf(t).values[0]!);
    expect(values[winner!]).toBe(Math.min(...values));
  });

  test("an encoder is judged by anchors of the test set, all of one positive together", async () => {
    const folder = examples(
      "vectors",
      "task: embed, on: ./anchors.jsonl, epochs: 2, batch: 16, rate: 0.003",
      "space: { tune.rate: [1e-6, 0.003] }",
    );
    const names = colours.flatMap(c => things.map(t => `${c} ${t}`));
    const anchors = names.flatMap(n => [
      { anchor: `where is the ${n}`, positive: `project ${n}` },
      { anchor: `plans for ${n}`, positive: `project ${n}` },
    ]);
    writeFileSync(join(folder, "anchors.jsonl"), jsonl(anchors));
    writeFileSync(
      join(folder, "loam.yaml"),
      `models:
  tuned: { base: sentences, tune: { length: 32, validation: 0.4, task: embed, on: ./anchors.jsonl, epochs: 4, batch: 16, rate: 0.003 } }
searches:
  rates: { model: tuned, sampler: grid, pruner: none, trials: 9, space: { tune.rate: [1e-6, 0.003] } }
  seeds: { model: tuned, sampler: grid, pruner: none, trials: 1, objectives: [errors], space: { tune.temperature: [0.05, 0.2] } }
`,
    );
    const tokenizer = trainBpe(
      names.map(n => `where is the ${n} project plans for about`),
      { vocab: 300 },
    );
    const config = bertConfig({ vocab: tokenizer.vocabSize, width: 32, layers: 1, heads: 2, context: 32 });
    const encoder = join(folder, "encoder");
    mkdirSync(join(encoder, "1_Pooling"), { recursive: true });
    const files = folderFiles(encoder);
    await exportHuggingFace(
      files,
      modelOf({ family: "encoder", config }, await initialise(encoderSpec(config), openDevice("reference"), 1)),
    );
    await files.write("tokenizer.json", JSON.stringify(tokenizer.toJSON()));
    await files.write("1_Pooling/config.json", JSON.stringify({ word_embedding_dimension: 32, pooling_mode_mean_tokens: true }));
    await told(folder, ["./encoder"], { name: "sentences" }, modelsImport);
    const [result, people] = await told(folder, ["rates"]);
    const { chosenBy, judged, models, trainedFrom } = await found(folder, result, "search-pairs");
    expect(result.trials.map(t => outcomeOf(t).values[0])).toEqual(chosenBy.map(lossOf));
    for (const [i, m] of models.entries()) expect(1 - mean(chosenBy[i]!.wrong!)).toBeCloseTo(m.summary.validationRecall1 as number, 5);
    const of = (j: Judgement) => new Set(j.ids.map(id => anchors.find(a => a.anchor === id)!.positive));
    const chose = of(chosenBy[0]!);
    for (const j of judged) {
      expect([...of(j)].filter(p => chose.has(p))).toEqual([]);
      expect(new Set(j.groups).size).toBe(of(j).size);
      expect(j.ids.filter(id => chosenBy[0]!.ids.includes(id))).toEqual([]);
    }
    const seen = new Set([...judged, ...chosenBy].flatMap(j => j.ids));
    for (const artifact of trainedFrom) expect(linesIn(artifact, "train.jsonl").filter(r => seen.has(r.anchor as string))).toEqual([]);
    expect(people).toMatch(/nats an anchor \[/);
    expect(people).toMatch(/wrong: .*the base \d/);
    const [, byErrors] = await told(folder, ["seeds"]);
    expect(byErrors).toMatch(/errors an anchor/);
  });
});

describe("the data of a tuning", () => {
  /** Notes whose words tell their mood; a fifth are short, and half of those are filed wrongly. */
  function notes(name: string, task: string, search: string): string {
    const folder = join(scratch, name);
    const r = random("data of a tuning");
    const tell = { glad: ["sun", "cake", "dance", "smile"], low: ["rain", "grey", "alone", "cold"] };
    const rows = Array.from({ length: 200 }, (_, i) => {
      const mood = i % 2 ? "glad" : "low";
      const isShort = i % 5 === 0;
      const words = Array.from({ length: isShort ? 1 : 6 }, () => [...tell[mood], "the", "day", "house", "walk"][r.below(8)]);
      const filed = isShort && i % 4 < 2 ? (mood === "glad" ? "low" : "glad") : mood;
      return `"note ${i} ${words.join(" ")}",${filed},${words.filter(w => tell.glad.includes(w!)).length}`;
    });
    mkdirSync(join(folder, "notes"), { recursive: true });
    writeFileSync(join(folder, "notes", "notes.csv"), `text,mood,score\n${rows.join("\n")}\n`);
    mkdirSync(join(folder, "words"), { recursive: true });
    for (let i = 0; i < 40; i++)
      writeFileSync(
        join(folder, "words", `${i}.txt`),
        `${i} ${Object.values(tell).flat().join(" ")} the day house walk note of six glad low`,
      );
    writeFileSync(
      join(folder, "loam.yaml"),
      `data:
  notes: { source: { folder: notes, reader: csv }, steps: [clean, { length: { minWords: 1 } }], split: { heldOut: 0.25 } }
  words: { source: { folder: words, reader: text }, steps: [clean], split: { heldOut: 0.1, by: document } }
device: { threads: 1 }
tokenizer: { vocab: 300, from: words }
models:
  toy: { layers: 1, width: 16, heads: 2, context: 96, train: { on: notes, tokens: 4000, rows: 8, rate: 0.02 } }
  tuned: { base: toy, tune: { ${task}, on: notes, length: 48, epochs: 2, validation: 0.2 } }
searches:
  filters: { model: tuned, sampler: grid, pruner: none, trials: 12, ${search} }
`,
    );
    return folder;
  }

  test("a filter's threshold varies, each data set is curated once, and texts that choose and judge stay the configuration's own", async () => {
    const folder = notes(
      "filters",
      "task: classify, label: mood, pooling: mean, rate: 0.01",
      "space: { data.notes.steps.length.minWords: [1, 5, 60], tune.rate: [0.01, 0.02] }",
    );
    const [result] = await told(folder);
    const minWords = (t: StoredTrial) => (t.point as Record<string, number>)["data.notes.steps.length.minWords"]!;
    expect(result.trials).toHaveLength(6);
    for (const t of result.trials) expect(t.state).toBe(minWords(t) === 60 ? "failed" : "done");
    const reasons = result.trials.filter(t => t.state === "failed").map(t => t.reason);
    expect(reasons).toEqual(Array(2).fill(expect.stringMatching(/no document|documents/)));
    expect(new Set(reasons).size).toBe(1);
    const { chosenBy, judged, models, trainedFrom } = await found(folder, result, "search-documents");
    expect(new Set(chosenBy.map(j => JSON.stringify(j.ids))).size).toBe(1);
    expect(new Set(judged.map(j => JSON.stringify(j.ids))).size).toBe(1);
    await withStore(folder, async store => {
      // two thresholds that leave something, two rates: one run of curation a threshold, and one for the tokenizer's words
      const runs = (await listRuns(store)).filter(r => r.stage === "data" && r.state === "done");
      expect(runs).toHaveLength(3);
      // the third one leaves nothing: that is found out once
      expect((await listRuns(store)).filter(r => r.state === "refused" || r.state === "failed")).toMatchObject([
        { stage: "data", state: "refused", error: reasons[0] },
      ]);
    });
    const done = result.trials.filter(t => t.state === "done");
    const held = new Set([...judged[0]!.ids, ...chosenBy[0]!.ids]);
    const texts = new Map<string, string>();
    for (const [i, artifact] of trainedFrom.entries()) {
      const train = linesIn(artifact, "train.jsonl");
      for (const d of [...train, ...linesIn(artifact, "validation.jsonl"), ...linesIn(artifact, "held-out.jsonl")])
        texts.set(d.id as string, d.text as string);
      expect(train.filter(d => held.has(d.id as string))).toEqual([]);
      const isShort = (d: Record<string, unknown>) => (d.text as string).split(" ").length < 5;
      expect(train.some(isShort)).toBe(minWords(done[i]!) === 1);
      expect(models[i]!.summary.texts).toBe(train.length);
    }
    // short ones judge in every trial, those of the filter that drops them too
    for (const j of [chosenBy[0]!, judged[0]!]) expect(j.ids.some(id => texts.get(id)!.split(" ").length < 5)).toBe(true);
    expect(result.verdict!.documents).toBe(judged[0]!.ids.length);
  });

  test("numbers and answers of a data set: another split or seed of a trial moves nothing that judges, and its base reads nothing held out", async () => {
    const regress = notes(
      "split",
      "task: regress, label: score, pooling: mean, rate: 0.01",
      "space: { data.notes.split.heldOut: [0.25, 0.1], tune.seed: [1, 2] }",
    );
    const [numbers] = await told(regress);
    expect(numbers.trials.map(t => t.state)).toEqual(["done", "done", "done", "done"]);
    const a = await found(regress, numbers, "search-shards");
    expect(new Set(a.chosenBy.map(j => JSON.stringify(j.ids))).size).toBe(1);
    const judges = new Set(a.judged.flatMap(j => j.ids));
    expect(judges.size).toBe(numbers.verdict!.documents);
    for (const shards of a.trainedFrom) {
      const read = shards.get("train.ids")!.split("\n");
      expect(read.filter(id => judges.has(id))).toEqual([]);
    }
    const answers = notes(
      "answers-of-data",
      'task: instruct, columns: { user: "How glad? {{text}}", assistant: "{{score}} of six" }, method: full, rate: 0.01',
      "space: { data.notes.steps.length.minWords: [1, 5] }",
    );
    const [said] = await told(answers);
    expect(said.trials.map(t => t.state)).toEqual(["done", "done"]);
    const b = await found(answers, said, "search-documents");
    expect(new Set(b.chosenBy.map(j => JSON.stringify(j.ids))).size).toBe(1);
    expect(said.verdict!.comparisons.map(c => c.against)).toContain("base");
  });
});
