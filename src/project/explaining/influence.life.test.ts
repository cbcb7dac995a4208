/** Influence of a project's documents: helpful ones are of the class, figures are kept with the model, and what was forgotten is not named. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { random } from "../../base/index.ts";
import { openProject } from "../open-project.ts";

const words = { glad: ["sun", "cake", "dance", "smile"], low: ["rain", "grey", "alone", "cold"] } as const;

function moods(more = ""): string {
  const folder = mkdtempSync(join(tmpdir(), "loam-influence-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const r = random("influence moods");
  const rows = Array.from({ length: 160 }, (_, i) => {
    const mood = i % 2 ? "glad" : "low";
    const text = Array.from({ length: 6 }, () => [...words[mood], "the", "day", "house", "walk"][r.below(8)]).join(" ");
    return `"note ${r.below(1000)} ${text}",${mood}`;
  });
  mkdirSync(join(folder, "notes"));
  writeFileSync(join(folder, "notes", "notes.csv"), `text,mood\n${rows.join("\n")}\n`);
  writeFileSync(
    join(folder, "loam.yaml"),
    `name: moods
data:
  notes:
    source: { folder: notes, reader: csv }
    steps: [clean]
    split: { heldOut: 0.2, near: { shortWords: 0 } }
tokenizer: { vocab: 300, from: notes }
models:
  toy:
    layers: 1
    width: 16
    heads: 2
    context: 64
    train: { on: notes, tokens: 4000, rows: 8, rate: 0.02 }
    evaluate: { baselines: [gzip] }
  mood:
    base: toy
    tune: { task: classify, on: notes, label: mood, length: 32, epochs: 4, rate: 0.01, pooling: mean, validation: 0.2${more} }
device: { threads: 1 }
`,
  );
  return folder;
}

test("documents of the class help and others harm, by kept checkpoints; what is measured is kept; what is forgotten is not named", async () => {
  await using project = await openProject(moods(", checkpoints: 2, patience: 0"));
  await project.tune("mood");
  const input = "note 7 the sun walk cake house day";
  const asked = (method?: "tracin" | "trak" | "nearest") => project.influence({ model: "mood", input, label: "glad", method, top: 5 });
  for (const method of ["tracin", "trak", "nearest"] as const) {
    const found = await asked(method);
    expect(found).toMatchObject({ model: "mood@1", method, label: "glad", checkpoints: 2, forgotten: 0, faithfulness: null });
    expect(
      found.helpful.map(d => d.label),
      method,
    ).toEqual(Array(5).fill("glad"));
    if (method === "tracin") expect(new Set(found.harmful.map(d => d.label))).toEqual(new Set(["low"]));
    const scores = [...found.helpful, ...found.harmful.toReversed()].map(d => d.score);
    expect(scores).toEqual(scores.toSorted((a, b) => b - a));
  }
  const measured = await project.measureInfluence({ model: "mood", models: 4 });
  expect(measured).toMatchObject({ model: "mood@1", models: 4 });
  expect(measured.overNearest.tracin.value).toBeCloseTo(measured.scores.tracin.value - measured.scores.nearest.value, 12);
  const best = Math.max(...Object.values(measured.scores).map(s => s.value));
  const found = await asked();
  expect(found.faithfulness!.scores[found.method].value).toBe(best);
  const { id } = found.helpful[0]!;
  await project.data.forget([id]);
  const after = await asked();
  expect(after.forgotten).toBe(1);
  expect(after.helpful.map(d => d.id)).not.toContain(id);
  expect(after.helpful[0]!.id).toBe(found.helpful[1]!.id);
});

test("what cannot be attributed is refused by name", async () => {
  await using project = await openProject(moods(", privacy: { noise: 1, delta: 1e-3 }"));
  await project.tune("mood");
  await expect(project.influence({ model: "mood", input: "the sun" })).rejects.toThrow(/privacy/);
  await project.train("toy");
  await expect(project.influence({ model: "toy", input: "the sun" })).rejects.toThrow(/tuned on a data set/);
});
