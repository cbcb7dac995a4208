import { expect, test } from "vitest";
import { random } from "../base/index.ts";
import { countOf, curate } from "./pipeline.ts";
import type { ReadRecord } from "./sources/source.ts";
import { chooseStep, stepEntry } from "./steps/steps.ts";

const good = (key: string, text: string, edits: { rule: string; value: number }[] = []): ReadRecord => ({
  ok: true,
  key,
  place: `${key}.txt`,
  text,
  attributes: {},
  edits,
});
const bad = (place: string): ReadRecord => ({ ok: false, place, reason: "json", message: "broken" });
async function* stream(records: readonly ReadRecord[]) {
  yield* records;
}
const run = (records: readonly ReadRecord[], entries: unknown[], maxBad = 0.1) =>
  curate(stream(records), { name: "t", steps: entries.map(e => chooseStep(stepEntry.parse(e))), maxBad });

const words = (n: number, from = 0) => Array.from({ length: n }, (_, i) => `w${from + i}`).join(" ");
const records = [
  good("a", `${words(40)}  \n\n\n\n\nend`, [{ rule: "html-in-plain", value: 3 }]),
  good("b", `${words(40)}\n\n\nEND`),
  good("c", "too short"),
  good("d", "\u200b"),
  good("e", words(60, 100)),
  good("f", `${words(60, 100)} and more`),
];
const steps = ["clean", { length: { minWords: 5 } }, { deduplicate: { fuzzy: true } }];

test("every record is kept, dropped with a reason, or set aside; nothing is lost", async () => {
  const c = await run([...records, bad("x:3")], steps, 2);
  expect(c.kept.map(d => d.id)).toEqual(["t:a", "t:f"]);
  expect(c.dropped.map(d => `${d.document.id} ${d.step}/${d.verdict.rule}`)).toEqual([
    "t:b deduplicate/exact",
    "t:c length/min-words",
    "t:d clean/empty",
    "t:e deduplicate/near-duplicate",
  ]);
  expect(c.setAside).toEqual([{ place: "x:3", reason: "json", message: "broken" }]);
  expect(c.kept.length + c.dropped.length + c.setAside.length).toBe(c.read);
});

test("the ledger tells each document's story in the order it happened", async () => {
  const c = await run(records, steps);
  const story = (id: string) => c.ledger.filter(e => e.document === id).map(e => `${e.step} ${e.action} ${e.rule}`);
  expect(story("t:a")).toEqual(["read edit html-in-plain", "clean edit trailing-space", "clean edit empty-lines"]);
  expect(story("t:c")).toEqual(["length drop min-words"]);
  expect(c.ledger.find(e => e.document === "t:c")).toEqual({
    document: "t:c",
    step: "length",
    action: "drop",
    rule: "min-words",
    value: 2,
    threshold: 5,
  });
  expect(c.ledger.find(e => e.document === "t:e" && e.action === "drop")).toMatchObject({
    survivor: "t:f",
    cluster: "t:e",
    threshold: 0.7,
  });
});

test("the result does not depend on the order of records", async () => {
  const many = [...records, ...Array.from({ length: 40 }, (_, i) => good(`m${i}`, words(30 + (i % 3), 7 * (i % 9))))];
  const whole = async (list: typeof many) => {
    const curated = await run(list, steps);
    return { ...curated, measured: { ...curated.measured, columns: [...curated.measured.columns] } };
  };
  const first = await whole(many);
  expect(first.measured.columns.length).toBeGreaterThan(2);
  for (const seed of [1, 2, 3]) expect(await whole([...random(seed).permutation(many.length)].map(i => many[i]!))).toEqual(first);
});

test("steps may follow a barrier: what is left is judged in the order of the list", async () => {
  const late = await run(records, ["clean", "deduplicate", { length: { minWords: 50 } }]);
  expect(late.kept.map(d => d.id)).toEqual(["t:e", "t:f"]);
});

test("bad records stop the run only beyond maxBad, and then the first are named", async () => {
  const some = [bad("x:1"), good("a", words(9)), bad("x:2")];
  expect((await run(some, [], 2)).setAside).toHaveLength(2);
  await expect(run(some, [], 1)).rejects.toThrow("expected at most 1 records that cannot be read, got 2 of 3: x:1 (json: broken); x:2");
  await expect(run(some, [], 0)).rejects.toMatchObject({ code: "data/tooManyBad" });
  await expect(run(some, [], 0.5)).rejects.toThrow("at most 50 %");
  const mostlyGood = [...some, ...Array.from({ length: 30 }, (_, i) => good(`g${i}`, words(9, i)))];
  expect((await run(mostlyGood, [], 0.1)).setAside).toHaveLength(2);
});

test("an empty corpus and a corpus of which nothing is left say so, with the reasons", async () => {
  await expect(run([], steps)).rejects.toThrow("t: expected documents, got none from the source");
  await expect(run([good("c", "too short"), good("d", "\u200b")], steps)).rejects.toThrow(
    "got none of 2 records (1 clean/empty, 1 length/min-words)",
  );
});

test("records that share a key, and keys that fit no line, still have ids of their own", async () => {
  const c = await run([good("a", "one two"), good("a", "three four"), good("line\nend", "five"), good("x".repeat(600), "six")], []);
  expect(new Set(c.kept.map(d => d.id)).size).toBe(4);
  for (const d of c.kept) expect(d.id).toMatch(/^t:[\w#~]{1,40}$/);
});

test("an aborted run stops with the signal's reason", async () => {
  const abort = new AbortController();
  abort.abort(new Error("stop here"));
  await expect(curate(stream(records), { name: "t", steps: [], maxBad: 0, signal: abort.signal })).rejects.toThrow("stop here");
});

test("reasons are counted, the most frequent first", () => {
  expect(countOf(["b", "a", "b", "c"])).toBe("2 b, 1 a, 1 c");
});

test("steps and their options are written by name, and a wrong name or key is refused", () => {
  expect(chooseStep(stepEntry.parse("deduplicate"))).toEqual({ step: "deduplicate", version: 2, options: { fuzzy: false } });
  expect(chooseStep(stepEntry.parse({ length: { minWords: 3 } })).options).toEqual({ minWords: 3, minBytes: 1 });
  for (const wrong of ["cleen", { cleen: {} }, { clean: {}, length: {} }, { length: { minWord: 3 } }])
    expect(stepEntry.safeParse(wrong).success).toBe(false);
});
