import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { measureEffect, type ProxyTrainer } from "./effect.ts";
import { rememberedTrainer } from "./remembered.ts";

const scratch = mkdtempSync(join(tmpdir(), "loam-remembered-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** A model foresees a text by its seed and what it was trained on; it says what is asked of it. */
function countingTrainer() {
  const seen = { trained: 0, asked: 0, open: 0 };
  const trainer: ProxyTrainer = {
    async train(texts, seed, onProgress) {
      seen.trained++;
      seen.open++;
      onProgress?.(1);
      return {
        async score(asked) {
          seen.asked += asked.length;
          return asked.map(t => ({ bits: t.length * (1 + texts.length / 10) + seed / 7, bytes: t.length }));
        },
        [Symbol.dispose]() {
          seen.open--;
        },
      };
    },
  };
  return { trainer, seen };
}

const asked = [
  { id: "a", before: "some text", after: "some" },
  { id: "b", before: "another text", after: "another text" },
  { id: "c", before: "a third" },
];
const without = ["one", "two", "three"];

test("a question that shares a side trains the other only, and every answer is as it would be without", async () => {
  const folder = join(scratch, "shared");
  const plain = countingTrainer();
  const kept = countingTrainer();
  const remembered = rememberedTrainer(kept.trainer, { tokens: 1 }, folder);
  for (const [k, withStep] of [["one"], ["two"], ["one"]].entries()) {
    const o = { without, with: withStep, asked, seeds: [1, 2] };
    expect(await measureEffect({ ...o, trainer: remembered })).toEqual(await measureEffect({ ...o, trainer: plain.trainer }));
    expect(kept.seen.trained).toBe([4, 6, 6][k]);
  }
  expect(remembered.isKnown(without, 2)).toBe(true);
  expect(remembered.isKnown(without, 3)).toBe(false);
  expect(kept.seen.open).toBe(0);
});

test("a text that was not asked before is asked of the model, trained again; another identity or seed knows nothing", async () => {
  const folder = join(scratch, "new");
  const { trainer, seen } = countingTrainer();
  const ask = async (identity: string, seed: number, ...texts: string[]) => {
    using model = await rememberedTrainer(trainer, identity, folder).train(without, seed);
    return (await model.score(texts)).map(s => s.bits);
  };
  const first = await ask("x", 1, "aa", "bbb", "aa");
  expect(first[0]).toBe(first[2]);
  expect(seen).toMatchObject({ trained: 1, asked: 3 });
  expect(await ask("x", 1, "bbb")).toEqual([first[1]]);
  expect(seen.trained).toBe(1);
  await ask("x", 1, "cccc", "aa");
  expect(seen).toMatchObject({ trained: 2, asked: 4 });
  await ask("x", 2, "aa");
  await ask("y", 1, "aa");
  expect(seen.trained).toBe(4);
});

test("a file that was damaged is made anew", async () => {
  const folder = join(scratch, "damaged");
  const { trainer, seen } = countingTrainer();
  const remembered = rememberedTrainer(trainer, null, folder);
  const score = async () => {
    using model = await remembered.train(without, 1);
    return model.score(["text"]);
  };
  const expected = await score();
  const file = join(folder, readdirSync(folder)[0]!);
  const whole = readFileSync(file, "utf8");
  for (const bad of ["", whole.slice(0, -3), '{"a": 1}', '[["x", "1", 2]]', "null"]) {
    writeFileSync(file, bad);
    expect(await score()).toEqual(expected);
    expect(readFileSync(file, "utf8")).toBe(whole);
  }
  expect(seen.trained).toBe(6);
});
