import fc from "fast-check";
import { expect, test } from "vitest";
import { random } from "../../../base/index.ts";
import { firstRefusal } from "../../mix.ts";
import { noResources } from "../../resources.ts";
import { contaminationOf, parseOverlap } from "./contamination.ts";
import { decontaminate, searchedItems } from "./decontaminate.ts";
import { decontaminateOptions } from "./options.ts";
import { contaminationForm, contaminationWords } from "./words.ts";

interface Item {
  readonly q: string;
  readonly a?: string;
  readonly p?: string;
}

const step = async (items: readonly Item[], more: object = {}) => {
  const o = decontaminateOptions.parse({ sets: [{ name: "quiz", file: "quiz.jsonl", prompt: "q", answer: "a", passage: "p" }], ...more });
  const content = Buffer.from(items.map(i => `${JSON.stringify({ a: "", p: "", ...i })}\n`).join(""));
  const state = await decontaminate.prepare!(o, { ...noResources, file: async () => content });
  const apply = (text: string) => decontaminate.apply({ id: "d", text, source: "s", attributes: {} }, o, state);
  const score = (text: string) => apply(text).verdicts![0]!.value as number;
  return { apply, score, state };
};

/** Words that no other text has. */
const invented = (seed: string, n: number) => {
  const r = random(seed);
  return Array.from({ length: n }, () => r.u32().toString(36));
};
const filler = (seed: string, n = 60) => invented(`filler ${seed}`, n).join(" ");
const question = invented("question", 30);
const answer = invented("answer", 20);

test("a whole item scores 1 wherever it stands and however it is written; a text without any of it scores 0", async () => {
  const { score, apply } = await step([{ q: question.join(" "), a: answer.join(" ") }]);
  fc.assert(
    fc.property(fc.nat(80), fc.nat(80), fc.constantFrom(" ", "\n", ", ", " - ", "  "), fc.boolean(), (before, after, between, isUpper) => {
      const item = [...question, ...answer].join(between);
      const text = `${filler("b", before)} ${isUpper ? item.toUpperCase() : item}! ${filler("a", after)}`;
      expect(score(text)).toBe(1);
    }),
  );
  const { attributes, verdicts } = apply(filler("clean", 500));
  expect(attributes).toEqual({});
  expect(verdicts).toEqual([{ rule: "contamination", keep: true, value: 0, threshold: 0.6 }]);
});

test("the more of a prompt stands there, the higher the score", async () => {
  const { score } = await step([{ q: question.join(" ") }]);
  const scores = question.map((_, i) => score(`${filler("x")} ${question.slice(0, i + 1).join(" ")} ${filler("y")}`));
  for (let i = 1; i < scores.length; i++) expect(scores[i]).toBeGreaterThanOrEqual(scores[i - 1]!);
  expect(scores[3]).toBe(0);
  expect(scores.at(-1)).toBe(1);
});

test("prompt and answer speak for themselves, and together for more", async () => {
  const { apply } = await step([{ q: question.join(" "), a: answer.join(" ") }]);
  const shares = (text: string) => parseOverlap((apply(text).attributes!.evaluationOverlap as string[])[0]!)!;
  expect(shares(`${filler("x")} ${question.join(" ")} ${filler("y")}`)).toEqual({
    item: "quiz#0",
    score: 1,
    prompt: 1,
    answer: 0,
    passage: 0,
  });
  expect(shares(`${filler("x")} ${answer.join(" ")} ${filler("y")}`)).toEqual({
    item: "quiz#0",
    score: 1,
    prompt: 0,
    answer: 1,
    passage: 0,
  });
  const half = question.slice(0, 15).join(" ");
  const alone = shares(`${half} ${filler("x")}`).score;
  expect(shares(`${half} ${answer.join(" ")} ${filler("x")}`).score).toBeGreaterThan(alone);
  // Far from the prompt an answer is none to it.
  expect(shares(`${half} ${filler("x", 300)} ${answer.slice(0, 11).join(" ")}`).score).toBe(alone);
});

test("short items count only whole: prompt with answer near, or a prompt of enough words", async () => {
  const { score } = await step([
    { q: "Capital of Freedonia?", a: "Rufus Firefly City" },
    { q: "Name the seven hidden colours of the octarine", a: "" },
  ]);
  expect(score("Quiz: capital of Freedonia -- Rufus Firefly City, says the book")).toBe(1);
  expect(score("The capital of Freedonia is far away, said Rufus")).toBe(0);
  expect(score("Rufus Firefly City")).toBe(0);
  expect(score("please name the seven hidden colours of the octarine today")).toBe(1);
  expect(score("please name the seven hidden colors of the octarine today")).toBeLessThanOrEqual(0.6);
});

test("what all items begin with is nobody's", async () => {
  const form = "read the text and choose the one answer that is best supported by it then explain your choice in your own words";
  const items = Array.from({ length: 100 }, (_, i) => ({ q: `${form} ${invented(`q${i}`, 12).join(" ")}` }));
  const { score } = await step(items);
  expect(score(`Dear list, ${form}, as always. ${filler("x")}`)).toBeLessThan(0.3);
  expect(score(`Dear list, ${items[70]!.q}`)).toBe(1);
});

test("a passage alone is public text; with its question it supports it", async () => {
  const passage = invented("passage", 120).join(" ");
  const { score } = await step([{ q: question.slice(0, 10).join(" "), p: passage }]);
  expect(score(`${filler("x")} ${passage}`)).toBe(0);
  const half = question.slice(0, 6).join(" ");
  expect(score(`${passage} ${half} ${filler("x")}`)).toBeGreaterThan(score(`${half} ${filler("x")}`));
});

test("the order of items changes names of numbers and nothing else", async () => {
  const items = Array.from({ length: 20 }, (_, i) => ({ q: invented(`q${i}`, 15).join(" "), a: invented(`a${i}`, 13).join(" ") }));
  const [a, b] = [await step(items), await step(items.toReversed())];
  for (let i = 0; i < 20; i++) {
    const text = `${filler(`${i}`)} ${items[i]!.q.split(" ").slice(0, 12).join(" ")} ${items[(i + 7) % 20]!.a}`;
    const [x, y] = [a, b].map(s => s.apply(text));
    expect(y!.verdicts).toEqual(x!.verdicts);
    const other = (key: string) => `quiz#${19 - Number(key.split("#")[1])}`;
    expect(new Set((x!.attributes!.contaminated as string[]).map(other))).toEqual(new Set(y!.attributes!.contaminated as string[]));
  }
});

test("cut takes the passage and leaves the words around it; what is left is clean", async () => {
  const items = [{ q: question.join(" "), a: answer.join(" ") }];
  const { apply } = await step(items, { action: "cut" });
  fc.assert(
    fc.property(fc.nat(50), fc.nat(50), fc.integer({ min: 0, max: 29 }), fc.boolean(), (before, after, edited, isTwice) => {
      const changed = question.map((w, i) => (i === edited ? "Änderung" : w)).join(" ");
      const item = `${changed}?\nAnswer: ${answer.join(" ")}.`;
      const [head, tail] = [filler(`h${before}`, before), filler(`t${after}`, after)];
      const text = `${head}\n${item}\n${isTwice ? `${item}\n` : ""}${tail}`;
      const { text: left, verdicts, edits } = apply(text);
      const rest = [...contaminationWords(contaminationForm(`${head} ${tail}`))];
      if (rest.length === 0) {
        expect(firstRefusal(verdicts)).toMatchObject({ rule: "only-contamination" });
        return;
      }
      // Copies side by side may be one passage.
      expect(edits).toHaveLength(1);
      expect(edits![0]!.rule).toBe("evaluation-passage");
      expect(isTwice ? [1, 2] : [1]).toContain(edits![0]!.value);
      expect(firstRefusal(verdicts)).toBeUndefined();
      expect([...contaminationWords(contaminationForm(left!))].filter(w => rest.includes(w))).toEqual(rest);
      expect(contaminationWords(contaminationForm(left!)).length).toBe(rest.length);
      expect(apply(left!).attributes!.contaminated).toBeUndefined();
    }),
    { numRuns: 60 },
  );
});

test("cut does not reach over an empty line, where an edited copy ends early", async () => {
  const { apply } = await step([{ q: question.join(" "), a: answer.join(" ") }], { action: "cut" });
  const copy = `${question.join(" ")} ${answer.slice(0, 16).join(" ")}`;
  expect(apply(`Hello Ann\n\n${copy}\n\nSee you soon, Ben`).text).toBe("Hello Ann\n\n\nSee you soon, Ben");
});

test("mark tells and drops nothing; drop names the score and the threshold", async () => {
  const text = `${filler("x")} ${question.join(" ")}`;
  const mark = (await step([{ q: question.join(" ") }], { action: "mark" })).apply(text);
  expect(firstRefusal(mark.verdicts)).toBeUndefined();
  expect(mark.attributes!.contaminated).toEqual(["quiz#0"]);
  const drop = (await step([{ q: question.join(" ") }])).apply(text);
  expect(firstRefusal(drop.verdicts)).toEqual({ rule: "contamination", keep: false, value: 1, threshold: 0.6 });
  const off = (await step([{ q: question.join(" ") }], { maxScore: null })).apply(text);
  expect(off.verdicts).toEqual([]);
  expect(off.attributes!.evaluationOverlap).toHaveLength(1);
});

test("every item is marked by the train documents that hold it", () => {
  const items = ["a", "b", "c", "d"].map(x => ({ key: `quiz#${x}`, isSearched: x !== "d" }));
  const document = (id: string, side: "train" | "held-out" | "dropped", key: string, score: number) => ({
    id,
    side,
    attributes: { ...(score > 0.6 ? { contaminated: [key] } : {}), evaluationOverlap: [`${key} ${score.toFixed(3)} 1.000 0.000 0.000`] },
  });
  const documents = [
    document("2", "train", "quiz#a", 0.9),
    document("1", "train", "quiz#a", 0.7),
    document("3", "dropped", "quiz#b", 1),
    document("4", "train", "quiz#c", 0.4),
  ];
  const expected = [
    { item: "quiz#a", mark: "contaminated", score: 0.9, documents: ["1", "2"], removed: [] },
    { item: "quiz#b", mark: "removed", score: 0, documents: [], removed: ["3"] },
    { item: "quiz#c", mark: "clean", score: 0.4, documents: [], removed: [] },
    { item: "quiz#d", mark: "too-short", score: 0, documents: [], removed: [] },
  ];
  expect(contaminationOf(items, documents)).toEqual(expected);
  expect(contaminationOf(items, documents.toReversed())).toEqual(expected);
  expect(contaminationOf(items, documents, { isCut: true }).map(m => m.mark)).toEqual(["removed", "removed", "clean", "too-short"]);
});

test("texts that are nothing but one run take time and memory in proportion", async () => {
  const { score, state } = await step([
    ...Array.from({ length: 8 }, (_, i) => ({ q: `${"zero ".repeat(300)}${i}`, a: "zero zero" })),
    { q: "zero zero", a: "zero zero one" },
  ]);
  const text = "zero ".repeat(100_000);
  expect(score(text)).toBeGreaterThan(0.9);
  expect(state.find(text).length).toBeLessThan(9 * 65);
});

test("which items are long enough is told without an index as with one", async () => {
  const lengths = [0, 1, 2, 3, 4, 5, 7, 8, 12, 13];
  const items = lengths.flatMap(q => lengths.map(a => ({ q: question.slice(0, q).join(" "), a: answer.slice(0, a).join(" ") })));
  const o = decontaminateOptions.parse({ sets: [{ name: "quiz", file: "quiz.jsonl", prompt: "q", answer: "a" }] });
  const content = Buffer.from(items.map(i => JSON.stringify(i)).join("\n"));
  const searched = await searchedItems(o, { ...noResources, file: async () => content });
  const { state } = await step(items);
  expect(searched.map(s => s.isSearched)).toEqual([...state.index.isSearched].map(x => x === 1));
  expect(searched.filter(s => !s.isSearched).length).toBeGreaterThan(10);
});

test("options that cannot be meant are refused", () => {
  const sets = [{ name: "a", file: "a.jsonl", prompt: "q" }];
  expect(() => decontaminateOptions.parse({ sets: [...sets, ...sets] })).toThrow("names that differ");
  expect(() => decontaminateOptions.parse({ sets: [] })).toThrow();
  expect(() => decontaminateOptions.parse({ sets, maxScores: 1 })).toThrow();
  expect(decontaminate.needs!(decontaminateOptions.parse({ sets }))).toEqual([{ kind: "file", path: "a.jsonl" }]);
});
