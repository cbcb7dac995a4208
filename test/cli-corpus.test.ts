/** Corpora that are too small, or change under a run: a sentence, an exit code, and a record that still proves whole. */
import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { letters } from "../src/project/init/letters.ts";
import { jsonLines, loam, start } from "./support/child.ts";
import { toyProject } from "./support/project.ts";

async function proveWhole(cwd: string): Promise<void> {
  const { code, stdout, stderr } = await loam(["trace", "--verify", "--json"], { cwd });
  expect(code, stderr).toBe(0);
  expect(jsonLines(stdout).at(-1)).toMatchObject({ ok: true });
}

async function refused(cwd: string): Promise<{ code: number | null; text: string }> {
  const { code, stderr } = await loam(["run"], { cwd });
  expect(stderr).not.toMatch(/\n\s+at /);
  expect(stderr).not.toContain("This is a fault in Loam");
  await proveWhole(cwd);
  return { code, text: stderr };
}

test("an empty folder of texts names the folder and what was looked for", async () => {
  const { code, text } = await refused(toyProject({ texts: [] }));
  expect(text).toMatch(/loam: source \(texts\): expected files ending in \.txt.*, got an empty folder/);
  expect(code).toBe(2);
});

test("texts without a word in them are no corpus", async () => {
  const { code, text } = await refused(toyProject({ texts: ["", "   \n", "\t"] }));
  expect(text).toMatch(
    /loam: letters: expected at most 10 % of records that cannot be read, got 3 of 3: letter-00000\.txt \(empty: no text\)/,
  );
  expect(code).toBe(1);
});

test("one document cannot be trained on and held out", async () => {
  const { code, text } = await refused(toyProject({ texts: [letters(1, "one")[0]!] }));
  expect(text).toMatch(/loam: split: expected at least 2 groups of documents .*, got 1\. Add documents/);
  expect(code).toBe(2);
});

test("two documents are enough for a life", async () => {
  const cwd = toyProject({ texts: letters(2, "two"), tokens: 2000 });
  const { code, stderr } = await loam(["run"], { cwd });
  expect(code, stderr).toBe(0);
  expect(stderr).not.toContain("loam:");
});

test("a file that is no text is set aside with its reason, and the rest is trained on", async () => {
  const cwd = toyProject();
  writeFileSync(join(cwd, "texts", "picture.txt"), Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 7919) & 0x1f)));
  const { code, stdout } = await loam(["run", "data"], { cwd });
  expect(code).toBe(0);
  expect(stdout).toMatch(/61 read -> 60 kept \(1 binary\)/);
});

test("a file that is removed while it is about to be read is named, or was read in time; never a crash, and the next run is whole", async () => {
  const texts = letters(1500, "many");
  let wasNamed = false;
  for (let attempt = 0; attempt < 4 && !wasNamed; attempt++) {
    const cwd = toyProject({ texts, tokens: 1000 });
    const run = start(["run", "data", "--json"], { cwd });
    await run.says(/"event":"stage","label":"source\/letters"/);
    const names = readdirSync(join(cwd, "texts")).sort();
    for (const name of names.slice(-400)) rmSync(join(cwd, "texts", name));
    const { code, stderr, stdout } = await run.ended;
    jsonLines(stdout);
    if (code !== 0) {
      wasNamed = true;
      expect(stderr).toMatch(/loam: .*letter-\d+\.txt/);
      expect(stderr).not.toContain("This is a fault in Loam");
    }
    await proveWhole(cwd);
    const again = await loam(["run", "data", "--json"], { cwd });
    expect(again.code, again.stderr).toBe(0);
    const made = jsonLines(again.stdout).find(e => e.label === "data/letters" && e.event === "stage");
    expect(made).toMatchObject({ summary: { read: 1100 } });
  }
  expect(wasNamed).toBe(true);
});
