/** `loam.yaml` with `serve.moderate`: a decoder and a classifier of the same toy notes, and no note of the refused mood. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { random } from "../src/base/index.ts";
import { openProject } from "../src/project/index.ts";
import { loam } from "./support/child.ts";
import { temporaryFolder } from "./support/project.ts";

const words = { glad: ["sun", "cake", "dance", "smile"], low: ["rain", "grey", "alone", "cold"] } as const;

function notes(): string {
  const r = random("moderated notes");
  const rows = Array.from({ length: 300 }, (_, i) => {
    const mood = i % 2 ? "glad" : "low";
    return `"${Array.from({ length: 8 }, () => [...words[mood], ...words[mood], "the", "day"][r.below(10)]).join(" ")}",${mood}`;
  });
  return `text,mood\n${rows.join("\n")}\n`;
}

const yaml = (moderate: string) => `name: moods
data:
  notes:
    source: { folder: notes, reader: csv }
    steps: [clean]
    split: { heldOut: 0.2, near: { shortWords: 0 } }
tokenizer: { vocab: 300, from: notes }
models:
  toy:
    layers: 1
    width: 32
    heads: 2
    context: 64
    train: { on: notes, tokens: 40000, rows: 8, rate: 0.02 }
    evaluate: { baselines: [gzip] }
  mood:
    base: toy
    tune: { task: classify, on: notes, label: mood, length: 48, epochs: 6, rate: 0.01, pooling: mean, validation: 0.2 }
serve:
  model: toy
  moderate: ${moderate}
device: { threads: 1 }
`;

test("a served model writes nothing of a mood that the project's classifier refuses", async () => {
  const folder = temporaryFolder("moderated");
  mkdirSync(join(folder, "notes"));
  writeFileSync(join(folder, "notes", "notes.csv"), notes());
  const configure = (moderate: string) => writeFileSync(join(folder, "loam.yaml"), yaml(moderate));
  configure("{ model: mood, categories: { low: 0.4 }, span: 4, attempts: 4 }");
  for (const verb of [["train", "toy"], ["tune"]]) {
    const made = await loam(verb, { cwd: folder });
    expect(made.code, made.stderr).toBe(0);
  }

  const complete = async () => {
    await using project = await openProject(folder);
    await using server = await project.serve({ port: 0 });
    const texts: string[] = [];
    const reasons: string[] = [];
    for (let seed = 0; seed < 24; seed++) {
      const response = await fetch(`${server.url}/v1/completions`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ model: "toy", prompt: "the day", max_tokens: 16, temperature: 0.7, seed }),
      });
      const { choices } = (await response.json()) as { choices: [{ text: string; finish_reason: string }] };
      texts.push(choices[0].text);
      reasons.push(choices[0].finish_reason);
    }
    return {
      texts,
      reasons,
      refused: Number(/^loam_refused_spans_total\{.*\} (\d+)$/m.exec(await (await fetch(`${server.url}/metrics`)).text())?.[1] ?? 0),
    };
  };
  const count = (texts: readonly string[], mood: keyof typeof words) =>
    texts
      .join(" ")
      .split(/\W+/)
      .filter(w => words[mood].some(x => x === w)).length;

  const moderated = await complete();
  configure("{ model: mood, categories: { low: null, glad: 1 } }");
  const free = await complete();
  expect(free.refused).toBe(0);
  expect(moderated.refused).toBeGreaterThan(4);
  const share = ({ texts }: { readonly texts: readonly string[] }) => count(texts, "low") / (count(texts, "low") + count(texts, "glad"));
  expect(share(free)).toBeGreaterThan(0.2);
  expect(share(moderated)).toBeLessThan(share(free) / 4);
  expect(free.reasons).not.toContain("content_filter");
  expect(moderated.texts.filter((t, i) => t === free.texts[i]).length).toBeGreaterThan(0);

  configure("{ model: toy }");
  await using project = await openProject(folder);
  await expect(project.serve({ port: 0 })).rejects.toThrow(/serve.moderate.model: expected a classifier, got toy/);
});
