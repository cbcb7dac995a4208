/** Docs, "Add a tuning kind": the change that the page shows is a folder and a row, and nothing else; with it a project tunes, judges and searches. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test, vi } from "vitest";

// the rows, as the page adds them
vi.mock("../src/tune/part.ts", async original => {
  const { quantileRow } = await import("../src/tune/kind/quantile-kind.laws.ts");
  const table = (await original()) as { readonly kindParts: object };
  Object.assign(table.kindParts, { quantile: quantileRow });
  return table;
});
vi.mock("../src/tune/kind/kinds.ts", async original => {
  const { quantileKind } = await import("../src/tune/kind/quantile-kind.laws.ts");
  const table = (await original()) as { readonly tuningKinds: object };
  Object.assign(table.tuningKinds, { quantile: quantileKind });
  return table;
});
const { openProject } = await import("../src/index.ts");
const { tuneSearch } = await import("../src/cli/verbs/tune-search.ts");
const { createOutput } = await import("../src/cli/output.ts");
const { openArtifact } = await import("../src/store/index.ts");

const scratch = mkdtempSync(join(tmpdir(), "loam-kind-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const root = fileURLToPath(new URL("..", import.meta.url));

test("the page shows the kind that this test runs, in under 60 lines", () => {
  const code = readFileSync(join(root, "src/tune/kind/quantile-kind.laws.ts"), "utf8");
  const page = readFileSync(join(root, "docs/tuning-kinds.md"), "utf8");
  expect(page).toContain(code);
  expect(code.trim().split("\n").length).toBeLessThan(60);
});

test("a kind's name stands in its own folder: shared code reads rows", () => {
  // TensorFlow Serving's method of the same name
  const others = [
    "serve/http/tensorflow/",
    "serve/http/console-operations.ts",
    "serve/http/openapi/",
    "project/gateway/demo-curl.ts",
    "project/deploying/named/probe-pods.ts",
  ];
  const source = join(root, "src");
  const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter(f => /(?<!\.test|\.laws)\.ts$/.test(f));
  const named = files.filter(f => /\bregress\b/i.test(readFileSync(join(source, f), "utf8")));
  const shared = named.filter(f => !f.startsWith("tune/regress/") && !others.some(o => f.startsWith(o)));
  // the rows, and nothing else
  expect(shared.sort()).toEqual(["tune/kind/kinds.ts", "tune/part.ts"]);
});

const things = ["cat", "dog", "house", "tree", "sea", "sun", "car", "hat"];
const notes = (count: number): string =>
  Array.from({ length: count }, (_, i) => {
    const [thing, other] = [things[i % things.length]!, things[(i * 3 + 1) % things.length]!];
    return `${JSON.stringify({ text: `note ${i} of the ${thing} and the ${other}`, score: (i * 7) % 10 })}\n`;
  }).join("");

function project(): string {
  mkdirSync(join(scratch, "notes"), { recursive: true });
  writeFileSync(join(scratch, "notes", "notes.jsonl"), notes(120));
  writeFileSync(
    join(scratch, "loam.yaml"),
    `data:
  notes: { source: { folder: notes, reader: jsonl }, steps: [clean], split: { heldOut: 0.25, by: document } }
device: { threads: 1 }
tokenizer: { vocab: 280, from: notes }
models:
  toy: { layers: 1, width: 16, heads: 2, context: 64, train: { on: notes, tokens: 1600, rows: 8, rate: 0.02 } }
  high: { base: toy, tune: { task: quantile, quantile: 0.9, on: notes, label: score, length: 48, epochs: 3, rate: 0.05, allowCrossing: true } }
searches:
  rates: { model: high, sampler: grid, pruner: none, trials: 2, space: { tune.rate: [0.0001] } }
`,
  );
  return scratch;
}

test("a kind that was added by a row is checked in loam.yaml, tuned, judged and searched", async () => {
  const folder = project();
  const told: string[] = [];
  const sink = { write: (piece: string) => told.push(piece) > 0 } as unknown as NodeJS.WritableStream;
  const out = createOutput(true, { out: sink, err: { write: () => true } as unknown as NodeJS.WritableStream });
  await tuneSearch({ out, cwd: folder, signal: new AbortController().signal }, ["rates"], { workers: "0" });
  const found = JSON.parse(told.join("").trim().split("\n").at(-1)!) as {
    readonly trials: readonly {
      readonly state: string;
      readonly outcome: { readonly values: number[]; readonly artifacts: { model: string } };
    }[];
    readonly winner: number;
    readonly verdict: { readonly documents: number; readonly winner: { readonly value: number } };
  };
  expect(found.trials.map(t => t.state)).toEqual(["done", "done"]);
  const values = found.trials.map(t => t.outcome.values[0]!);
  expect(values[found.winner]).toBe(Math.min(...values));
  expect(found.verdict.documents).toBeGreaterThan(20);
  expect(found.verdict.winner.value).toBeGreaterThan(0);
  await using opened = await openProject(folder);
  const store = await opened.store();
  for (const [i, { outcome }] of found.trials.entries()) {
    const model = await openArtifact(store, outcome.artifacts.model);
    // what the loop chose by is what the judge counts, on the same texts
    expect(model.summary.validationLoss as number).toBeCloseTo(values[i]!, 4);
    expect(JSON.parse((await model.read("tuning.json")).toString("utf8"))).toMatchObject({ recipe: { quantile: 0.9 }, train: 82 });
  }
  writeFileSync(join(folder, "loam.yaml"), readFileSync(join(folder, "loam.yaml"), "utf8").replace("quantile: 0.9", "quantile: 2"));
  await expect(openProject(folder)).rejects.toThrow(/models\.high\.tune\.quantile: expected .*got 2/s);
});
