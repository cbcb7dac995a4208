/** A table of labelled texts becomes a tuned, reported and served classifier through the command line; what is served is what was reported. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { answers } from "../console/src/generated/server.ts";
import { random } from "../src/base/index.ts";
import type { ThresholdReport } from "../src/evaluate/index.ts";
import { listArtifacts, openArtifact, openStore } from "../src/store/index.ts";
import { jsonLines, loam, start } from "./support/child.ts";
import { signedIn } from "./support/login.ts";
import { modelContent, temporaryFolder, toyBase } from "./support/project.ts";

const yaml = (more = "") => `name: moods
data:
  notes:
    source: { folder: notes, reader: csv }
    steps: [clean]
    # of twelve words in all, so that most texts are alike by them
    split: { heldOut: 0.2, near: { shortWords: 0 } }
tokenizer: { vocab: 300, from: notes }
models:
${toyBase("notes")}
  mood:
    base: toy
    tune: { task: classify, on: notes, label: mood, length: 48, epochs: 4, rate: 0.01, pooling: mean, validation: 0.2${more} }
serve: { models: { toy: {}, mood: {} }, port: 0, slots: 2 }
device: { threads: 1 }
`;
const words = { glad: ["sun", "cake", "dance", "smile"], low: ["rain", "grey", "alone", "cold"] } as const;

function project(): string {
  const folder = temporaryFolder("moods");
  const r = random("moods");
  const rows = Array.from({ length: 240 }, (_, i) => {
    const mood = i % 2 ? "glad" : "low";
    const text = Array.from({ length: 6 }, () => [...words[mood], "the", "day", "house", "walk"][r.below(8)]).join(" ");
    return `"note ${i} ${text}",${mood}`;
  });
  mkdirSync(join(folder, "notes"));
  writeFileSync(join(folder, "notes", "notes.csv"), `text,mood\n${rows.join("\n")}\n`);
  writeFileSync(join(folder, "loam.yaml"), yaml());
  return folder;
}

test("from a table to a served classifier whose answers are those of the report", async () => {
  const cwd = project();
  const ran = await loam(["tune", "--json"], { cwd });
  expect(ran.code, ran.stderr).toBe(0);
  expect(jsonLines(ran.stdout).at(-1)).toMatchObject({ model: "mood", version: "mood@1" });
  expect(ran.stderr).toMatch(/> mood +\d\.\d{3} \[/);
  expect(ran.stderr).toMatch(/mood against word \+ character n-gram SVM: /);
  expect(ran.stderr).toMatch(/mood against frozen base \+ logistic regression: /);
  expect(ran.stderr).toMatch(/frozen base \+ logistic regression: mean state of 32 elements, C = \S+ \(chosen on the validation part\)/);
  const again = await loam(["tune", "mood", "--json"], { cwd });
  expect(jsonLines(again.stdout).at(-1)).toMatchObject({ version: "mood@1", ran: 0 });
  const plan = await loam(["run", "--dry-run", "--model", "mood"], { cwd });
  expect(plan.stdout).toMatch(/ {2}mood +unchanged +model-/);

  const trace = await loam(["trace", "mood@1"], { cwd });
  expect(trace.stdout).toMatch(/documents-[0-9a-f]+ /);
  expect(trace.stdout).toMatch(/shards-[0-9a-f]+ /);

  const store = await openStore({ root: cwd });
  const report = jsonLines(ran.stdout).at(-1) as { artifacts: Record<string, string> };
  const evaluation = await openArtifact(store, report.artifacts["evaluate/mood"]!);
  const predictions = jsonLines((await evaluation.read("predictions.jsonl")).toString("utf8")) as { id: string; scores: number[] }[];
  const documents = await openArtifact(store, report.artifacts["data/notes"]!);
  const texts = jsonLines((await documents.read("held-out.jsonl")).toString("utf8")) as { id: string; text: string }[];
  await store.close();
  expect(predictions.length).toBeGreaterThan(20);

  // `loam run` runs what is served: the base's own evaluation is what is left
  const rest = await loam(["run", "--json"], { cwd });
  expect(jsonLines(rest.stdout).at(-1)).toMatchObject({
    models: [
      { model: "toy", version: "toy@1" },
      { model: "mood", version: "mood@1", ran: 0 },
    ],
  });

  const server = start(["serve", "--json"], { cwd });
  const [, url] = await server.says(/"event":"serving","url":"([^"]+)"/);
  const asked = texts.slice(0, 5);
  const answer = await fetch(`${url}/v1/models/mood:classify`, {
    method: "POST",
    body: JSON.stringify({ examples: asked.map(t => ({ text: t.text })) }),
  });
  const { result } = (await answer.json()) as { result: [string, number][][] };
  for (const [i, t] of asked.entries()) {
    const want = predictions.find(p => p.id === t.id)!.scores;
    for (const [k, label] of ["glad", "low"].entries()) expect(result[i]!.find(([l]) => l === label)![1]).toBeCloseTo(want[k]!, 5);
  }
  // the console's page of runs understands both kinds of report
  const shown = answers["GET /api/evaluations"].parse(
    await (await fetch(`${url}/api/evaluations`, { headers: await signedIn(cwd, url!) })).json(),
  );
  expect(shown.map(e => e.report.task === "classification").sort()).toEqual([false, true]);
  const ofClasses = shown.flatMap(e => (e.report.task === "classification" ? [e.report] : []));
  expect(ofClasses[0]!.scores.map(s => s.name)).toContain("mood");
  const continued = await fetch(`${url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "mood", prompt: "a" }),
  });
  expect(await continued.text()).toContain("is a classifier. Ask it at /v1/models/mood:classify.");
  server.kill("SIGINT");
  await server.ended;
});

test("what mistakes cost chooses a threshold on the validation part, told on the held-out side, served, and trains nothing again", async () => {
  const cwd = project();
  expect((await loam(["tune", "--json"], { cwd })).code).toBe(0);
  writeFileSync(join(cwd, "loam.yaml"), yaml(", costs: { positive: low, falsePositive: 1, falseNegative: 20 }"));
  const ran = await loam(["tune", "mood", "--json"], { cwd });
  expect(ran.code, ran.stderr).toBe(0);
  // the threshold, the sketch of what it was trained on, and the evaluation alone: a version of its own, of the same weights
  const done = jsonLines(ran.stdout).at(-1) as { ran: number; version: string; artifacts: Record<string, string> };
  expect(done).toMatchObject({ ran: 3, version: "mood@2" });
  const made = jsonLines(ran.stdout).flatMap(e => {
    const { event, label, action } = e as { event?: string; label?: string; action?: string };
    return event === "stage" && action === "made" ? [label] : [];
  });
  expect(made).toEqual(["mood", "sketch/mood", "evaluate/mood"]);
  const [first, second] = [await modelContent(cwd, "mood@1"), await modelContent(cwd, "mood@2")];
  expect({ ...second, "config.json": "" }).toEqual({ ...first, "config.json": "" });
  expect(ran.stderr).toMatch(/Threshold for low: a false positive costs 1, a false negative 20; chosen on \d+ validation items/);
  const store = await openStore({ root: cwd });
  const read = async (artifact: string, file: string) =>
    (await (await openArtifact(store, done.artifacts[artifact]!)).read(file)).toString("utf8");
  const { threshold } = JSON.parse(await read("evaluate/mood", "report.json")) as { threshold: ThresholdReport };
  const predictions = jsonLines(await read("evaluate/mood", "predictions.jsonl")) as {
    id: string;
    truth: string;
    predicted: string;
    scores: [number, number];
  }[];
  const texts = jsonLines(await read("data/notes", "held-out.jsonl")) as { id: string; text: string }[];
  const kept = jsonLines(await read("mood", "validation.jsonl")) as { label: string; scores: [number, number] }[];
  await store.close();
  const cost = (items: { isLow: boolean; score: number }[], at: number) =>
    items.reduce((s, { isLow, score }) => s + (isLow && score < at ? 20 : !isLow && score >= at ? 1 : 0), 0) / items.length;
  const test = predictions.map(p => ({ isLow: p.truth === "low", score: p.scores[1] }));
  const validation = kept.map(v => ({ isLow: v.label === "low", score: v.scores[1] }));
  const [cheapest, , even] = threshold.rows;
  expect(cheapest!.cost).toBeCloseTo(cost(test, cheapest!.threshold!), 10);
  expect(cheapest!.chosenAt).toBeCloseTo(Math.min(...validation.map(v => cost(validation, v.score))), 10);
  expect(even!.cost).toBeCloseTo(cost(test, 0.5), 10);
  const told = jsonLines(ran.stdout).find(e => {
    const { event, label } = e as { event?: string; label?: string };
    return event === "stage" && label === "evaluate/mood";
  });
  expect(told).toMatchObject({ summary: { threshold: cheapest!.threshold, cost: Math.round(cheapest!.cost * 1e4) / 1e4 } });
  // the report's mistakes are those of what is told
  const at = cheapest!.threshold!;
  expect(at).toBeLessThan(0.5);
  for (const p of predictions) expect(p.predicted).toBe(p.scores[1] >= at ? "low" : "glad");

  // promoted and rolled back to, a version tells what it told when it was judged
  for (const args of [
    ["models", "promote", "mood@2", "prod"],
    ["models", "promote", "mood@1", "prod"],
    ["models", "rollback", "mood", "prod"],
  ])
    expect((await loam(args, { cwd })).code).toBe(0);
  const answers = async (model: string, ...more: string[]): Promise<string[]> => {
    const server = start(["serve", model, "--port", "0", "--json", ...more], { cwd });
    const [, url] = await server.says(/"event":"serving","url":"([^"]+)"/);
    const answer = await fetch(`${url}/v1/models/mood:classify`, {
      method: "POST",
      body: JSON.stringify({ examples: predictions.map(p => ({ text: texts.find(t => t.id === p.id)!.text })) }),
    });
    const { result } = (await answer.json()) as { result: [string, number][][] };
    server.kill("SIGINT");
    await server.ended;
    return result.map(([[label]]: [string, number][]) => label);
  };
  expect(await answers("mood@prod")).toEqual(predictions.map(p => p.predicted));
  // calibrated probabilities leave the threshold where it was
  expect(await answers("mood@prod", "--calibrated")).toEqual(predictions.map(p => p.predicted));
  expect(await answers("mood@1")).toEqual(predictions.map(p => (p.scores[1] > p.scores[0] ? "low" : "glad")));
});

test("texts of one base are read once for all tunings of a data set, the same to the byte when forced, and not at all when not asked for", async () => {
  const cwd = project();
  const other =
    "  again:\n    base: toy\n    tune: { task: classify, on: notes, label: mood, length: 48, seed: 2, validation: 0.3, epochs: 1 }\nserve:";
  writeFileSync(join(cwd, "loam.yaml"), yaml().replace("serve:", other));
  const stages = (stdout: string) =>
    Object.fromEntries(
      jsonLines(stdout).flatMap(e => {
        const { event, label, action, artifact } = e as { event?: string; label: string; action?: string; artifact?: string };
        return event === "stage" ? [[label, { action, artifact }]] : [];
      }),
    );
  const first = await loam(["tune", "mood", "--json"], { cwd });
  expect(first.code, first.stderr).toBe(0);
  const second = await loam(["tune", "again", "--json"], { cwd });
  expect(second.code, second.stderr).toBe(0);
  const [a, b] = [stages(first.stdout), stages(second.stdout)];
  expect(a["states/mood"]!.action).toBe("made");
  expect(b["states/again"]).toMatchObject({ action: "reused", artifact: a["states/mood"]!.artifact });
  expect(b["frozen/again"]!.action).toBe("made");
  const forced = await loam(["tune", "mood", "--force", "--json"], { cwd });
  expect(forced.code, forced.stderr).toBe(0);
  expect(forced.stdout).not.toContain("differsFrom");
  expect(forced.stderr).not.toContain("other content");
  writeFileSync(join(cwd, "loam.yaml"), yaml(", baselines: [majority]"));
  const without = await loam(["tune", "mood", "--json"], { cwd });
  expect(without.code, without.stderr).toBe(0);
  expect(Object.keys(stages(without.stdout)).filter(l => /^(states|frozen)/.test(l))).toEqual([]);
  expect(without.stderr).not.toContain("frozen base");
});

test("what is wrong in the file or the labels is said with its place", async () => {
  const cwd = project();
  const said = async (text: string) => {
    writeFileSync(join(cwd, "loam.yaml"), text);
    const { code, stderr } = await loam(["tune", "mood"], { cwd });
    expect(code).toBe(2);
    return stderr.trim().split("\n").at(-1);
  };
  expect(await said(yaml(", epoch: 3"))).toContain(
    'loam.yaml: models.mood.tune.epoch: expected a known key, got "epoch". Did you mean "epochs"?',
  );
  const costs = ", classes: { up: glad, down: low }, costs: { positive: glad, falsePositive: 1, falseNegative: 1 }";
  expect(await said(yaml(costs))).toContain('models.mood.tune.costs.positive: expected one of the classes up, down, got "glad"');
  expect(await said(yaml(", costs: { positive: glad, falsePositive: 0, falseNegative: 0 }"))).toContain("a cost above 0");
  // without classes the texts tell which there are: said before anything is trained of them
  expect(await said(yaml(", costs: { positive: gald, falsePositive: 1, falseNegative: 1 }"))).toContain(
    'tune.costs.positive: expected one of the classes glad, low, got "gald". Did you mean "glad"?',
  );
  const store = await openStore({ root: cwd });
  expect((await listArtifacts(store, { kind: "model" })).map(a => a.stage.name)).not.toContain("tune-classify");
  await store.close();
  expect(await said(yaml().replace("base: toy", "base: mood"))).toContain(
    "expected a model that is not made of this one, got mood <- mood",
  );
  expect(await said(yaml().replace("base: toy", "base: minilm"))).toContain(
    'models.mood.base: expected a model of the file or of the project\'s record, got "minilm"',
  );
  expect(await said(yaml().replace("label: mood", "label: genre"))).toMatch(
    /: genre: expected documents with this attribute, got \d+ without; they have .*mood/,
  );
  const table = readFileSync(join(cwd, "notes", "notes.csv"), "utf8");
  writeFileSync(join(cwd, "notes", "notes.csv"), table.replace(",glad", ",Glad"));
  expect(await said(yaml())).toContain("expected classes that differ in more than case and spaces");
});
