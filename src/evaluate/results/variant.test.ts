import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { parseTask, readTask } from "../tasks/read-task.ts";
import { itemChange } from "../tasks/variants.ts";
import { mostWrong, slowest } from "./extremes.ts";
import type { ItemResult } from "./item.ts";
import { measureOf } from "./measures.ts";
import { scoreOf } from "./score.ts";
import { variantScores } from "./variant.ts";

const head = { task: "t", output: "multiple_choice" } as const;
const acc = measureOf("acc", head);
const letters = ["A", "B", "C", "D"];

/** An item with choices of which one is chosen. */
const result = (id: string, choices: readonly string[], chosen: number, right: number, more: Partial<ItemResult> = {}): ItemResult => ({
  id,
  place: `f:${id}`,
  prompt: "",
  right: choices[right]!,
  came: choices[chosen]!,
  ms: 0,
  attributes: {},
  choices,
  gold: [right],
  logLikelihoods: choices.map((_, k) => (k === chosen ? -0.1 : -1 - k)),
  ...more,
});

const task = parseTask(
  "{ task: t, data: { test: f.jsonl }, prompt: question, output: multiple_choice, options: options, choices: [A, B, C, D], target: right }",
  "t.yaml",
);
const rows = Array.from({ length: 60 }, (_, i) => ({ question: "?", options: [`p${i}`, `q${i}`, `r${i}`, `s${i}`], right: i % 4 }));
const items = rows.map((fields, number) => ({ id: `i${number}`, place: `f:${number}`, number, fields }));

test("options that move under their letters: a model that knows its option answers alike, one that knows a letter does not", async () => {
  const change = await itemChange(task, "order");
  const moved = items.map(i => change(i)!.fields as (typeof rows)[number]);
  // what is meant is the option's text, whatever its letter
  const meant = rows.map((r, i) => r.options[(i * 7) % 4]!);
  const asItIs = rows.map((r, i) => result(`i${i}`, letters, r.options.indexOf(meant[i]!), r.right));
  const knows = moved.map((r, i) => result(`i${i}`, letters, r.options.indexOf(meant[i]!), r.right));
  const understood = variantScores("order", knows, asItIs, [acc], "t");
  expect(understood.alike).toMatchObject({ value: 1 });
  expect(understood.turned).toEqual([]);
  expect(understood.differences[0]).toMatchObject({ value: 0, wins: 0, losses: 0 });

  const alwaysB = (list: readonly (typeof rows)[number][]) => list.map((r, i) => result(`i${i}`, letters, 1, r.right));
  const bound = variantScores("order", alwaysB(moved), alwaysB(rows), [acc], "t");
  const stayed = moved.filter((m, i) => m.options[1] === rows[i]!.options[1]).length;
  expect(bound.alike!.value).toBeCloseTo(stayed / 60, 12);
  expect(bound.alike!.high).toBeLessThan(0.5);
  // the letter is no answer of its own in another variant, where options stay
  expect(variantScores("upper", alwaysB(rows), alwaysB(rows), [acc], "t").alike!.value).toBe(1);
});

test("every answer stays or is named as turned, those that became wrong first, and the figure's change is theirs", () => {
  const answer = fc.tuple(fc.nat(3), fc.nat(3), fc.nat(3));
  fc.assert(
    fc.property(fc.array(answer, { minLength: 2, maxLength: 40 }), list => {
      const before = list.map(([right, a], i) => result(`${i}`, letters, a, right));
      const now = list.map(([right, , b], i) => result(`${i}`, letters, b, right));
      const { alike, differences, turned } = variantScores("typos", now, before, [acc], "t");
      const same = list.filter(([, a, b]) => a === b).length;
      expect(alike!.value).toBeCloseTo(same / list.length, 12);
      expect(alike!.low <= alike!.value && alike!.value <= alike!.high).toBe(true);
      expect(turned).toHaveLength(list.length - same);
      expect(turned.every((t, k) => k === 0 || turned[k - 1]!.gain <= t.gain)).toBe(true);
      const [d] = differences;
      expect(d!.value * list.length).toBeCloseTo(
        turned.reduce((s, t) => s + t.gain, 0),
        9,
      );
      // the order in which the variant was asked says nothing
      expect(variantScores("typos", now.toReversed(), before, [acc], "t").alike!.value).toBeCloseTo(alike!.value, 12);
    }),
    { numRuns: 40 },
  );
});

test("items that belong together make the share less sure; a text that is only scored has none", () => {
  const cluster = (i: number) => ({ cluster: `c${i % 5}` });
  const of = (isTogether: boolean) => {
    const own = (i: number) => (isTogether ? cluster(i) : {});
    const before = rows.map((_, i) => result(`${i}`, letters, 0, 0, own(i)));
    const now = rows.map((_, i) => result(`${i}`, letters, i % 5 < 2 ? 1 : 0, 0, own(i)));
    return variantScores("typos", now, before, [acc], "t").alike!;
  };
  expect(of(true).high - of(true).low).toBeGreaterThan(1.5 * (of(false).high - of(false).low));
  const bits = measureOf("bits_per_byte", { task: "t", output: "loglikelihood_rolling" });
  const text = (i: number, logLikelihood: number): ItemResult => ({
    ...{ id: `${i}`, place: "", prompt: "", right: "", came: "", ms: 1, attributes: {} },
    ...{ logLikelihood, words: 1, textBytes: 4 },
  });
  const scored = variantScores("lower", [text(0, -9), text(1, -8)], [text(0, -4), text(1, -4)], [bits], "t");
  expect([scored.alike, scored.turned]).toEqual([undefined, []]);
  expect(scored.differences[0]!.value).toBeGreaterThan(0);
  // programs answer alike where as many pass, whatever the others fail by
  const pass = measureOf("pass@1", { task: "t", output: "code", samples: 2 });
  const program = (i: number, passed: boolean[], came: string) => result(`${i}`, letters, 0, 0, { passed, came });
  const before = [program(0, [true, false], "1 of 2 pass; timeout"), program(1, [true, true], "2 of 2 pass")];
  const now = [program(0, [false, true], "1 of 2 pass; memory"), program(1, [true, false], "1 of 2 pass; memory")];
  expect(variantScores("lower", now, before, [pass], "t").turned.map(t => t.item.id)).toEqual(["1"]);
});

test("the most wrong lack most to the right choice, and only wrong ones count; items without a time are not slow", () => {
  const gaps = [0.2, 3, 1, 0, 2];
  const list = gaps.map((gap, i) =>
    result(`${i}`, letters, gap > 0 ? 1 : 0, 0, {
      logLikelihoods: [-gap, 0, -9, -9].map((v, k) => (gap === 0 && k === 1 ? -5 : v)),
      ms: i,
    }),
  );
  expect(mostWrong(acc, list, 9).map(i => i.id)).toEqual(["1", "4", "2", "0"]);
  expect(mostWrong(acc, list, 2).map(i => i.id)).toEqual(["1", "4"]);
  expect(1 - scoreOf(acc, list).value).toBeCloseTo(4 / 5, 12);
  expect(slowest([...list, result("none", letters, 0, 0, { ms: Number.NaN })], 2).map(i => i.id)).toEqual(["4", "3"]);
  const edits = measureOf("cer", { task: "t", output: "generate_until" });
  const written = (id: string, text: string): ItemResult => ({
    ...{ id, place: "", prompt: "", right: "abcd", came: text, ms: 1, attributes: {} },
    ...{ texts: [text], references: ["abcd"] },
  });
  // a lower figure is better: the worst is the greatest
  expect(mostWrong(edits, [written("a", "abcx"), written("b", "zzzz"), written("c", "abcd")], 2).map(i => i.id)).toEqual(["b", "a"]);
});

test("items about another group are asked where there is something to change; the others are left out and counted", async () => {
  const rows = [
    "Priya lost his keys. Who has them?",
    "The Muslim man asked Emily. Who came?",
    "It rained. Why?",
    "Emily said that she and Emily's brother came.",
  ].map((question, i) => ({ question, right: i % 2, kind: "Emily" }));
  const folder = mkdtempSync(join(tmpdir(), "loam-counterfactual-"));
  writeFileSync(join(folder, "t.jsonl"), rows.map(r => `${JSON.stringify(r)}\n`).join(""));
  writeFileSync(
    join(folder, "t.yaml"),
    'task: t\ndata: { test: t.jsonl }\nprompt: question\noutput: multiple_choice\nchoices: ["yes", "no"]\ntarget: right\nslices: [kind]\n',
  );
  const loaded = await readTask(join(folder, "t.yaml"));
  const made = async (name: "names" | "pronouns" | "identity") => {
    const change = await itemChange(loaded.task, name);
    return loaded.items.map(i => change(i));
  };
  expect((await made("names")).map(i => i !== undefined)).toEqual([true, true, false, true]);
  expect((await made("pronouns")).map(i => i?.fields.question)).toEqual([
    "Priya lost her keys. Who has them?",
    "The Muslim woman asked Emily. Who came?",
    undefined,
    "Emily said that he and Emily's sister came.",
  ]);
  expect((await made("identity")).map(i => i !== undefined)).toEqual([false, true, false, false]);
  // what slices are made of stays
  for (const item of await made("names")) expect(item?.fields.kind ?? "Emily").toBe("Emily");
  rmSync(folder, { recursive: true, force: true });
});
