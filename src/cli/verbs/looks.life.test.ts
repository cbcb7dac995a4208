/** Looks at a test set, counted over tunings, evaluations, searches and gates, told to people and programs, asked by a release. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { random } from "../../base/index.ts";
import type { LooksReport } from "../../project/index.ts";
import { createOutput } from "../output.ts";
import type { Options, VerbRun } from "../verb.ts";
import { evalVerb } from "./eval.ts";
import { gc } from "./gc.ts";
import { models } from "./models.ts";
import { modelsGates, modelsPromote } from "./models-release.ts";
import { tune } from "./run.ts";
import { tuneSearch } from "./tune-search.ts";

const folder = mkdtempSync(join(tmpdir(), "loam-looks-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Tuned {
  readonly looks: Readonly<Record<string, LooksReport>>;
}
interface Evaluated {
  readonly tasks: readonly { readonly isKnown: boolean; readonly looks: LooksReport }[];
}
interface Judged {
  readonly looks: readonly LooksReport[];
  readonly gates: readonly { readonly verdict: { readonly gates: readonly { readonly gate: string }[] } }[];
}
interface Listed {
  readonly models: readonly { readonly model: string; readonly versions: readonly { readonly looks: readonly LooksReport[] }[] }[];
}
interface Searched {
  readonly verdict: { readonly testSet: LooksReport };
}

/** Runs a verb; gives its last JSON document, and what it told people. */
async function told<T = unknown>(verb: VerbRun, args: string[] = [], options: Options = {}): Promise<[T, string]> {
  const [json, people] = [[] as string[], [] as string[]];
  const sink = (list: string[]) => ({ write: (piece: string) => list.push(piece) > 0 }) as unknown as NodeJS.WritableStream;
  const out = createOutput(true, { out: sink(json), err: sink(people) });
  await verb({ out, cwd: folder, signal: new AbortController().signal }, args, options);
  return [JSON.parse(json.join("").trim().split("\n").at(-1)!) as T, people.join("")];
}

const yaml = ({ set = "notes", model = "moods", rate = "0.01", requires = '"looks < 20"' } = {}) => `data:
  ${set}: { source: { folder: notes, reader: csv }, steps: [clean, { length: { minWords: 1 } }], split: { heldOut: { split: test }, by: document } }
  words: { source: { folder: words, reader: text }, steps: [clean], split: { heldOut: 0.1, by: document } }
tokenizer: { vocab: 300, from: words }
models:
  toy: { layers: 1, width: 16, heads: 2, context: 48, train: { on: words, tokens: 1600, rows: 8, rate: 0.02 }, evaluate: { baselines: [gzip] } }
  ${model}:
    base: toy
    tune: { task: classify, on: ${set}, label: mood, length: 32, epochs: 1, pooling: mean, rate: ${rate}, validation: { split: dev }, baselines: [majority], allowCrossing: true }
searches:
  rates: { model: ${model}, sampler: grid, pruner: none, trials: 2, space: { tune.rate: [0.01, 0.02] } }
releases:
  prod: { requires: ["test.f1 >= 0", ${requires}] }
`;
const write = (more: Parameters<typeof yaml>[0] = {}) => writeFileSync(join(folder, "loam.yaml"), yaml(more));

function writeTexts(): void {
  const r = random("looks");
  const tell = { glad: ["sun", "cake", "dance", "smile"], low: ["rain", "grey", "alone", "cold"] };
  const rows = Array.from({ length: 150 }, (_, i) => {
    const mood = i % 2 ? "glad" : "low";
    const words = Array.from({ length: 6 }, () => [...tell[mood], "the", "day", "house", "walk"][r.below(8)]);
    return `note ${i} ${words.join(" ")},${mood},${["train", "train", "train", "dev", "test"][i % 5]}`;
  });
  for (const name of ["notes", "words", "tasks"]) mkdirSync(join(folder, name));
  writeFileSync(join(folder, "notes", "notes.csv"), `text,mood,split\n${rows.join("\n")}\n`);
  for (let i = 0; i < 20; i++)
    writeFileSync(join(folder, "words", `${i}.txt`), `${i} ${Object.values(tell).flat().join(" ")} the day house walk note`);
  writeFileSync(
    join(folder, "tasks", "moods.yaml"),
    'task: moods\ndata: { test: { documents: notes, side: held-out } }\nprompt: "{{text}}"\ntext: text\noutput: classify\nlabels: { glad: glad, low: low }\ntarget: mood\nid: id\n',
  );
}

test("a test set's looks are counted by its texts, whatever is renamed, and repeated or cached work is none", async () => {
  writeTexts();
  write();
  const [first, people] = await told<Tuned>(tune, ["moods"]);
  expect(first.looks.moods).toMatchObject({
    total: 1,
    candidates: 1,
    texts: 30,
    kinds: { tuning: 1 },
    isOptimistic: false,
    optimism: { value: 0 },
  });
  expect(people).toContain("test set evaluated once, by 1 tuning; 1 candidate");
  // found in the record, and forced to the same content: no new look
  expect((await told<Tuned>(tune, ["moods"]))[0].looks.moods!.total).toBe(1);
  expect((await told<Tuned>(tune, ["moods"], { force: true }))[0].looks.moods!.total).toBe(1);

  // another name of the data set and of the model: another tuning of the same test set
  write({ set: "letters", model: "feelings", rate: "0.02" });
  const [renamed, told2] = await told<Tuned>(tune, ["feelings"]);
  expect(renamed.looks.feelings).toMatchObject({ total: 2, candidates: 2, kinds: { tuning: 2 } });
  expect(told2).toContain("test set evaluated 2 times, by 2 tunings; 2 candidates");
  write();

  // its own task, asked of the first version; the second time from the record
  for (const isKnown of [false, true]) {
    const page = join(folder, "report.html");
    const [evaluated, lines] = await told<Evaluated>(evalVerb, ["moods"], { model: "moods@1", report: page });
    expect(evaluated.tasks[0]).toMatchObject({ isKnown, looks: { total: 3, candidates: 2, kinds: { tuning: 2, evaluation: 1 } } });
    expect(lines).toContain("test set evaluated 3 times, by 2 tunings and 1 evaluation; 2 candidates");
    expect(readFileSync(page, "utf8")).toContain("test set evaluated 3 times");
  }

  // the gate tells of the looks before it, and is one itself, once for the same decision
  const [gates] = await told<Judged>(modelsGates, ["moods@1"]);
  expect(gates.gates[0]!.verdict.gates.find(g => g.gate === "looks < 20")).toMatchObject({
    passed: true,
    told: "looks 3",
  });
  expect(gates.looks[0]).toMatchObject({ total: 4, kinds: { gate: 1 } });
  const [again, lines] = await told<Judged>(modelsGates, ["moods@1"]);
  expect(again.looks[0]).toMatchObject({ total: 4 });
  expect(lines).toContain("by 2 tunings, 1 evaluation and 1 gate");
  expect((await told<Judged>(modelsPromote, ["moods@1", "prod"]))[0].looks[0]!.total).toBe(4);
  const [listed, list] = await told<Listed>(models);
  expect(listed.models.find(m => m.model === "moods")!.versions[0]!.looks).toMatchObject([{ total: 4 }]);
  expect(list).toMatch(/moods@1 .*looks 4/);

  // a search chooses by the dev part, and each model that it judges at its end is a look
  const [searched, said] = await told<Searched>(tuneSearch, [], { workers: "0" });
  const judged = 2;
  expect(searched.verdict.testSet).toMatchObject({ total: 4 + judged, kinds: { search: judged } });
  expect(said).toContain("judgements of searches");
  expect((await told<Searched>(tuneSearch, [], { workers: "0" }))[0].verdict.testSet.total).toBe(4 + judged);

  // gc takes files and what runs measured; the count stays, and a condition on it refuses
  await told(gc, [], { apply: true });
  write({ requires: '"looks < 6"' });
  await told<Tuned>(tune, ["moods"]);
  const error = await told<Judged>(modelsPromote, ["moods@1", "prod"], { dryRun: true }).then(
    () => undefined,
    e => e as Error,
  );
  expect(error?.message).toMatch(/"looks < 6" is not met \(looks \d+\)/);
});

test("from seven candidates on the best score is called optimistic, by how much, in every report", async () => {
  const reports: [Tuned, string][] = [];
  for (let i = 0; i < 6; i++) {
    write({ rate: `${0.011 + i * 0.001}` });
    reports.push(await told<Tuned>(tune, ["moods"]));
  }
  const [last, people] = reports.at(-1)!;
  const { candidates, standardErrors, optimism, isOptimistic } = last.looks.moods!;
  expect(isOptimistic).toBe(true);
  expect(candidates).toBeGreaterThanOrEqual(7);
  expect(standardErrors).toBeCloseTo(Math.sqrt(2 * Math.log(candidates)), 10);
  expect(optimism).toMatchObject({ metric: "macro F1" });
  expect(people).toMatch(
    new RegExp(
      `Warning: the best of ${candidates} equally good candidates is expected to score up to ${optimism!.value.toFixed(3)} \\(\\d\\.\\d standard errors\\) above its true macro F1\\. Hold out new texts`,
    ),
  );
  expect((await told<Judged>(modelsGates, ["moods"]))[1]).toContain("standard errors better than it is");
});
