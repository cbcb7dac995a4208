/** `loam explain`: a response is repeated from its request and attributed; a classifier rests on the words that its labels follow from. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { random } from "../src/base/index.ts";
import type { ResponseExplanation, ToldFaithfulness } from "../src/project/explaining/index.ts";
import { openProject } from "../src/project/index.ts";
import { jsonLines, loam } from "./support/child.ts";
import { temporaryFolder, toyBase, trainedToy } from "./support/project.ts";

const explained = (stdout: string) => jsonLines(stdout).at(-1) as unknown as ResponseExplanation;

test("the same request gives the same response again; another response is reported as different, one that was sampled as not comparable", async () => {
  const cwd = await trainedToy();
  const body = { prompt: "Dear", max_tokens: 6, temperature: 0.9, seed: 4 };
  writeFileSync(join(cwd, "request.json"), JSON.stringify(body));
  const first = await loam(["explain", "--body", "request.json", "--json"], { cwd });
  expect(first.code, first.stderr).toBe(0);
  const { response, parts, isReproduced, completeness, faithfulness } = explained(first.stdout);
  expect([isReproduced, response.length > 0]).toEqual([null, true]);
  expect(parts.map(p => p.text).join("")).toContain("Dear");
  expect(Object.keys(parts[0]!.shares)).toEqual(["integrated_gradients", "occlusion"]);
  expect(Object.keys(faithfulness)).toEqual(["integrated_gradients", "occlusion"]);
  expect(completeness!.error).toBeGreaterThanOrEqual(0);
  writeFileSync(join(cwd, "response.txt"), response);
  const again = await loam(["explain", "--body", "request.json", "--response", "@response.txt", "--json"], { cwd });
  expect(explained(again.stdout)).toMatchObject({ isReproduced: true, caveat: null, parts });
  const other = await loam(["explain", "--body", "request.json", "--response", "zzz", "--json"], { cwd });
  expect(explained(other.stdout)).toMatchObject({ isReproduced: false, caveat: null, response: "zzz" });
  writeFileSync(join(cwd, "drawn.json"), JSON.stringify({ ...body, seed: undefined }));
  const drawn = await loam(["explain", "--body", "drawn.json", "--response", "zzz", "--json"], { cwd });
  expect(explained(drawn.stdout)).toMatchObject({ isReproduced: null, response: "zzz" });
  expect(explained(drawn.stdout).caveat).toContain("neither a seed nor temperature 0");
  const people = await loam(["explain", "--body", "request.json", "--against", "x"], { cwd });
  expect(people.stdout).toMatch(/toy@1: ".*" rather than "x", score/);
  expect(people.stdout).toMatch(/occlusion: mean score -?\d+\.\d{3} as the greatest parts are taken away first/);
  for (const [args, message] of [
    [[], "one of --body, --prompt and --input"],
    [["--input", "x"], "a field prompt or messages"],
    [["--prompt", "x", "--method", "lime"], "gradient_x_input, integrated_gradients or occlusion"],
    [["--body", "response.txt"], "a JSON object"],
  ] as const) {
    const failed = await loam(["explain", ...args], { cwd });
    expect(failed.code, args.join(" ")).not.toBe(0);
    expect(failed.stderr).toContain(message);
  }
});

test("a class rests on the words that it follows from", async () => {
  const folder = temporaryFolder("moods");
  const words = { glad: ["sun", "cake", "dance", "smile"], low: ["rain", "grey", "alone", "cold"] } as const;
  const r = random("explained moods");
  const rows = Array.from({ length: 300 }, (_, i) => {
    const mood = i % 2 ? "glad" : "low";
    return `"note ${r.below(1000)} ${Array.from({ length: 6 }, () => [...words[mood], "the", "day", "house", "walk"][r.below(8)]).join(" ")}",${mood}`;
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
${toyBase("notes")}
  mood:
    base: toy
    tune: { task: classify, on: notes, label: mood, length: 48, epochs: 6, rate: 0.01, pooling: mean, validation: 0.2 }
device: { threads: 1 }
`,
  );
  const tuned = await loam(["tune"], { cwd: folder });
  expect(tuned.code, tuned.stderr).toBe(0);
  await using project = await openProject(folder);
  const of = (input: string) => project.explain({ model: "mood", against: "low", body: { input } });
  const found = [
    await of("note 7 the sun walk cake house day"),
    await of("note 8 dance the house smile walk"),
    await of("note 9 day sun the walk dance"),
  ];
  expect(found.map(f => f.response)).toEqual(["glad", "glad", "glad"]);
  const shares = found.flatMap(f => f.parts.map(p => ({ isOfMood: words.glad.some(w => w === p.text), share: p.shares.occlusion! })));
  const mean = (isOfMood: boolean) => {
    const own = shares.filter(s => s.isOfMood === isOfMood);
    return own.reduce((sum, s) => sum + s.share, 0) / own.length;
  };
  expect(mean(true)).toBeGreaterThan(2 * mean(false));
  const total = (of: (f: ToldFaithfulness) => number) => found.reduce((sum, f) => sum + of(f.faithfulness.occlusion!), 0);
  expect(total(f => f.deletion)).toBeLessThan(total(f => f.random_deletion));
  expect(total(f => f.insertion)).toBeGreaterThan(total(f => f.random_insertion));
});
