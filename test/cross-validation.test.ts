/** A recipe is scored over folds and seeds through the command line: what is registered stays as it is, the test set untouched, a killed run goes on. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { answers } from "../console/src/generated/server.ts";
import { random } from "../src/base/index.ts";
import { openArtifact, openStore } from "../src/store/index.ts";
import type { CrossValidationReport } from "../src/tune/index.ts";
import { type Ended, jsonLines, loam, start, startProcess } from "./support/child.ts";
import { deepTest } from "./support/deep.ts";
import { signedIn } from "./support/login.ts";
import { copyProject, modelContent, toyBase } from "./support/project.ts";

const yaml = (more = "", releases = "") => `name: moods
data:
  notes:
    source: { folder: notes, reader: csv }
    steps: [clean]
    # of few words in all, so that most texts are alike by them
    split: { heldOut: 0.2, near: { shortWords: 0 } }
tokenizer: { vocab: 300, from: notes }
models:
${toyBase("notes")}
  mood:
    base: toy
    tune: { task: classify, on: notes, label: mood, length: 48, epochs: 3, rate: 0.01, pooling: mean, validation: 0.2${more} }
  stars:
    base: toy
    tune: { task: regress, on: notes, label: stars, length: 48, epochs: 2, rate: 0.01, pooling: mean, validation: 0.2 }
  talk:
    base: toy
    tune: { task: instruct, on: ./chats.jsonl, method: full }
${releases}serve: { models: { mood: {} }, port: 0, slots: 2 }
device: { threads: 1 }
`;
const words = { glad: ["sun", "cake"], low: ["rain", "grey"] } as const;
const common = ["the", "day", "house", "walk", "road", "tree"];

const folder = mkdtempSync(join(tmpdir(), "loam-folds-"));
const before = join(folder, "before");
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Result {
  readonly version: string;
  readonly ran: number;
  readonly artifacts: Readonly<Record<string, string>>;
}
const resultOf = ({ stdout }: Ended) => jsonLines(stdout).at(-1) as unknown as Result;

/** The project with its model tuned and nothing cross-validated. */
beforeAll(async () => {
  const r = random("folds");
  const rows = Array.from({ length: 180 }, (_, i) => {
    const mood = i % 2 ? "glad" : "low";
    const text = Array.from({ length: 5 }, () => [...words[mood], ...common][r.below(8)]).join(" ");
    return `"note ${i} ${text}",${r.below(8) === 0 ? "low" : mood},${(i % 2) + r.below(3)}`;
  });
  mkdirSync(join(before, "notes"), { recursive: true });
  writeFileSync(join(before, "notes", "notes.csv"), `text,mood,stars\n${rows.join("\n")}\n`);
  writeFileSync(join(before, "loam.yaml"), yaml());
  const { code, stderr } = await loam(["tune", "mood", "--json"], { cwd: before });
  expect(code, stderr).toBe(0);
});

let copies = 0;
function project(): string {
  const to = join(folder, `project-${copies++}`);
  copyProject(before, to);
  return to;
}

async function readFrom<T>(cwd: string, read: (file: (artifact: string, name: string) => Promise<string>) => Promise<T>): Promise<T> {
  const store = await openStore({ root: cwd });
  try {
    return await read(async (artifact, name) => (await (await openArtifact(store, artifact)).read(name)).toString("utf8"));
  } finally {
    await store.close();
  }
}
/** Files of every artifact of a run's cross-validation, by label. */
const contentOf = async (cwd: string, { artifacts }: Result): Promise<Record<string, unknown>> => {
  const store = await openStore({ root: cwd });
  try {
    const own = Object.entries(artifacts).filter(([label]) => /^(fold|folds|cross-validation)\//.test(label));
    expect(own.length).toBeGreaterThan(0);
    return Object.fromEntries(await Promise.all(own.map(async ([label, id]) => [label, (await openArtifact(store, id)).digest])));
  } finally {
    await store.close();
  }
};

test("folds and seeds give a variance row beside the same version, from documents of the train side alone", async () => {
  const cwd = project();
  const alone = await modelContent(cwd, "mood@1");
  const ran = await loam(["tune", "mood", "--folds", "3", "--seeds", "2", "--json"], { cwd });
  expect(ran.code, ran.stderr).toBe(0);
  const result = resultOf(ran);
  // 1 draw, 3 x (baselines + 2 trainings), 1 report; the model and its evaluation are those of before
  expect(result).toMatchObject({ version: "mood@1", ran: 11 });
  expect(await modelContent(cwd, "mood@1")).toEqual(alone);
  expect(ran.stderr).toMatch(/SD over folds +SD over seeds +SD over all/);
  expect(ran.stderr).toMatch(/corrected resampled t-test/);
  const event = jsonLines(ran.stdout).find(e => e.event === "cross-validation") as unknown as { report: CrossValidationReport };
  const { report } = event;

  await readFrom(cwd, async file => {
    const sideOf = async (side: string) => new Set(jsonLines(await file(result.artifacts["data/notes"]!, `${side}.jsonl`)).map(d => d.id));
    const [train, heldOut] = [await sideOf("train"), await sideOf("held-out")];
    const folds = JSON.parse(await file(result.artifacts["folds/mood/1"]!, "folds.json")) as string[][];
    expect(new Set(folds.flat())).toEqual(train);
    expect(folds.flat().length).toBe(train.size);
    expect(folds.flat().some(id => heldOut.has(id))).toBe(false);
    const runs = await Promise.all(
      report.runs.map(async ({ fold }, i) => {
        const lines = jsonLines(await file(result.artifacts[`fold/mood/1.${fold}/seed-${(i % 2) + 1}`]!, "predictions.jsonl"));
        expect(lines.map(l => l.id)).toEqual(folds[fold - 1]);
        return lines.filter(l => l.label === l.predicted).length / lines.length;
      }),
    );
    const { mean, deviation, low, high } = report.systems[0]!.measures.accuracy!;
    expect(mean).toBeCloseTo(runs.reduce((a, b) => a + b, 0) / 6, 10);
    for (const x of [deviation.folds, deviation.seeds, deviation.total]) expect(x).toBeGreaterThanOrEqual(0);
    expect(low).toBeLessThan(mean);
    expect(high).toBeGreaterThan(mean);
    // paired with baselines of the very folds
    const baseline = JSON.parse(await file(result.artifacts["fold/mood/1.2/baselines"]!, "scores.json")) as {
      testSize: number;
      scores: object;
    };
    expect(baseline.testSize).toBe(folds[1]!.length);
    expect(report.comparisons.map(c => c.against)).toEqual(Object.keys(baseline.scores));
  });
  const difference = report.comparisons.find(c => c.against === "majority")!.measures.accuracy!.difference;
  const [own, theirs] = ["mood", "majority"].map(name => report.systems.find(s => s.name === name)!.measures.accuracy!.mean);
  expect(difference).toBeCloseTo(own! - theirs!, 10);

  // a third seed trains three times more and no fold again; without the options nothing is asked for
  expect(resultOf(await loam(["tune", "mood", "--folds", "3", "--seeds", "3", "--json"], { cwd })).ran).toBe(4);
  expect(resultOf(await loam(["tune", "mood", "--json"], { cwd }))).toMatchObject({ version: "mood@1", ran: 0 });

  // the report is a release's evidence, and a page of the console
  const shown = JSON.parse((await loam(["models", "show", "mood@1", "--json"], { cwd })).stdout) as { facts: Record<string, number> };
  expect(shown.facts.cvAccuracyLow).toBeLessThan(shown.facts.cvAccuracy!);
  const gate = (least: number) => yaml("", `releases: { production: { requires: ["cvAccuracyLow >= ${least}"] } }\n`);
  writeFileSync(join(cwd, "loam.yaml"), gate(0.01));
  expect((await loam(["models", "promote", "mood@1", "production"], { cwd })).code).toBe(0);
  writeFileSync(join(cwd, "loam.yaml"), gate(0.999));
  expect((await loam(["models", "promote", "mood@1", "production", "--dry-run"], { cwd })).stdout).toMatch(/cvAccuracyLow/);
  const server = start(["serve", "--json"], { cwd });
  const [, url] = await server.says(/"event":"serving","url":"([^"]+)"/);
  const pages = answers["GET /api/evaluations"].parse(
    await (await fetch(`${url}/api/evaluations`, { headers: await signedIn(cwd, url!) })).json(),
  );
  const ofFolds = pages.flatMap(e => (e.report.task === "cross-validation" ? [e.report] : []));
  expect(ofFolds.map(r => r.seeds.length).sort()).toEqual([2, 3]);
  expect(ofFolds[0]!.systems[0]!.measures.macroF1).toMatchObject({ mean: expect.any(Number), low: expect.any(Number) });
  server.kill("SIGINT");
  await server.ended;
});

deepTest("a cross-validation that is killed goes on, to the same bytes as one that is not; --force comes to them again", async () => {
  const [whole, killed] = [project(), project()];
  for (const cwd of [whole, killed]) writeFileSync(join(cwd, "loam.yaml"), yaml(", crossValidation: { folds: 2, repeats: 2 }"));
  const done = await loam(["tune", "mood", "--json"], { cwd: whole });
  expect(done.code, done.stderr).toBe(0);
  const stopped = startProcess(["tune", "mood", "--json"], { cwd: killed });
  // the second fold has begun to train
  await stopped.says(/"label":"fold\/mood\/1\.2\/seed-1"/);
  stopped.kill("SIGKILL");
  await stopped.ended;
  const rest = await loam(["tune", "mood", "--json"], { cwd: killed });
  expect(rest.code, rest.stderr).toBe(0);
  const reused = jsonLines(rest.stdout).filter(e => e.event === "stage" && e.action === "reused");
  expect(reused.map(e => e.label)).toContain("fold/mood/1.1/seed-1");
  expect(reused.map(e => e.label)).not.toContain("fold/mood/2.2/seed-1");
  expect(await contentOf(killed, resultOf(rest))).toEqual(await contentOf(whole, resultOf(done)));
  const again = await loam(["tune", "mood", "--force", "--json"], { cwd: killed });
  expect(again.code, again.stderr).toBe(0);
  expect(again.stderr).not.toContain("other content");
  expect(await contentOf(killed, resultOf(again))).toEqual(await contentOf(whole, resultOf(done)));
});

test("seeds alone score the validation part by trainings that neither learn nor select by it; numbers are cross-validated too", async () => {
  const cwd = project();
  const ran = await loam(["tune", "mood", "--seeds", "3", "--json"], { cwd });
  expect(ran.code, ran.stderr).toBe(0);
  const { report } = jsonLines(ran.stdout).find(e => e.event === "cross-validation") as unknown as { report: CrossValidationReport };
  expect(report).toMatchObject({ folds: 1, seeds: [1, 2, 3], over: "seeds" });
  expect(report.systems[0]!.measures.macroF1!.deviation.folds).toBeNull();
  expect(report.comparisons.map(c => c.verdict)).toEqual(["not tested", "not tested", "not tested"]);
  expect(ran.stderr).toContain("nothing of other documents");
  await readFrom(cwd, async file => {
    const validation = jsonLines(await file(resultOf(ran).artifacts.mood!, "validation.jsonl")).map(l => l.id);
    const run = JSON.parse(await file(resultOf(ran).artifacts["fold/mood/1.1/seed-3"]!, "scores.json")) as {
      testSize: number;
      trainSize: number;
    };
    expect(run.testSize).toBe(validation.length);
    const train = jsonLines(await file(resultOf(ran).artifacts["data/notes"]!, "train.jsonl")).length;
    expect(run.trainSize).toBe(train - validation.length);
  });

  const numbers = await loam(["tune", "stars", "--folds", "3", "--json"], { cwd });
  expect(numbers.code, numbers.stderr).toBe(0);
  const ofNumbers = jsonLines(numbers.stdout).find(e => e.event === "cross-validation") as unknown as { report: CrossValidationReport };
  expect(ofNumbers.report).toMatchObject({ of: "regression", decidedBy: "mae", over: "folds" });
  expect(ofNumbers.report.systems.map(s => s.name)).toEqual(["stars", "training mean"]);
  expect(numbers.stderr).toMatch(/stars against training mean: /);
});

test("what cannot be cross-validated is refused before anything is trained, with what to do", async () => {
  const cwd = project();
  const refused = async (args: readonly string[]) => {
    const { code, stderr } = await loam(["tune", ...args], { cwd });
    expect(code).toBe(2);
    return stderr;
  };
  expect(await refused(["talk", "--folds", "3"])).toContain("a model with `task: classify` or `task: regress`");
  expect(await refused(["mood", "--folds", "1"])).toContain("a whole number from 2 to 100");
  expect(await refused(["mood", "--repeats", "3"])).toContain("folds with repeats");
  const many = await loam(["tune", "mood", "--folds", "100", "--json"], { cwd });
  expect(many.stderr).toMatch(/repeat 1, fold \d+, fold: expected 1 text of "\w+" or more, got 0/);
  expect(jsonLines(many.stdout).map(e => e.label)).not.toContain("mood");
});

test("trials of a search with folds are judged by their mean, and the winner beside the default on the same folds", async () => {
  const cwd = project();
  const searches = (model: string, space: string) =>
    `searches: { pick: { model: ${model}, folds: 2, sampler: grid, pruner: none, trials: 2, space: { ${space} } } }\n`;
  writeFileSync(
    join(cwd, "loam.yaml"),
    yaml("", searches("mood", "tune.rate: [0.0001, 0.01]")).replace(
      "mood, length: 48, epochs: 3, rate: 0.01",
      "mood, length: 48, epochs: 3, rate: 0.0001",
    ),
  );
  const ran = await loam(["tune", "search", "pick", "--workers", "0", "--json"], { cwd });
  expect(ran.code, ran.stderr).toBe(0);
  interface Searched {
    readonly folds: { readonly folds: number; readonly winner: number; readonly usual: number; readonly mean: number };
    readonly winner: number;
    readonly trials: readonly { number: number; origin: string; outcome: { values: number[]; artifacts: { judgement: string } } }[];
  }
  const found = jsonLines(ran.stdout).at(-1) as unknown as Searched;
  await readFrom(cwd, async file => {
    for (const { outcome } of found.trials) {
      const report = JSON.parse(await file(outcome.artifacts.judgement, "report.json")) as CrossValidationReport;
      expect(report.runs.map(r => r.fold)).toEqual([1, 2]);
      expect(report.systems.map(s => s.kind)).toEqual(["model"]);
      expect(outcome.values[0]).toBeCloseTo((report.runs[0]!.loss + report.runs[1]!.loss) / 2, 10);
    }
  });
  const usual = found.trials.find(t => t.origin === "default")!;
  expect(found.winner).not.toBe(usual.number);
  expect(found.folds).toMatchObject({ folds: 2, usual: usual.outcome.values[0] });

  writeFileSync(join(cwd, "loam.yaml"), yaml("", searches("talk", "tune.rate: [0.0001, 0.01]")));
  expect((await loam(["tune", "studies"], { cwd })).stderr).toContain("searches.pick.folds: expected a model with `task: classify`");
  writeFileSync(join(cwd, "loam.yaml"), yaml("", searches("mood", "tune.validation: [0.1, 0.2]")));
  expect((await loam(["tune", "studies"], { cwd })).stderr).toContain(
    "searches.pick.space.tune.validation: expected nothing that changes which documents",
  );
});
