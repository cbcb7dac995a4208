/** Runs as a table: the filter's language, sorting, grouping by unit, search, CSV; and rows read from an artifact store, with notes and tags. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { csvText } from "../../base/index.ts";
import { corePricesPart } from "../../ledger/index.ts";
import { openStore, optionsOfRuns, runStage, stage } from "../../store/index.ts";
import { csvRows } from "./csv-rows.ts";
import { queryRuns, type RunQuery } from "./query-runs.ts";
import { readRuns } from "./read-runs.ts";
import { runColumns } from "./run-columns.ts";
import { annotateRun } from "./run-notes.ts";
import type { RunRow, RunValue } from "./run-row.ts";

const day = 86_400_000;
const start = Date.parse("2026-11-20");

function row(id: string, values: Record<string, RunValue>, units: Record<string, string> = {}, tags: readonly string[] = []): RunRow {
  return {
    id,
    artifact: `model-${id}`,
    stage: String(values.stage ?? "train"),
    values: { id, ...values, ...(tags.length > 0 ? { tags: tags.join(", ") } : {}) },
    units,
    note: null,
    tags: tags.map(tag => ({ tag, by: "ann", at: 0 })),
  };
}
const rows: readonly RunRow[] = [
  row(
    "a",
    {
      name: "mail-small@2",
      model: "mail-small",
      stage: "train",
      loss: 1.5,
      started: start + 3 * day,
      duration: 7_200_000,
      "options.recipe.rate": 0.02,
      state: "done",
    },
    { loss: "nats per token" },
    ["best", "to keep"],
  ),
  row(
    "b",
    {
      name: "mail-small@1",
      model: "mail-small",
      stage: "train",
      loss: 2.5,
      started: start + 2 * day,
      duration: 60_000,
      "options.recipe.rate": 0.002,
      state: "done",
    },
    { loss: "nats per token" },
  ),
  row(
    "c",
    {
      name: "Spam",
      model: "spam",
      stage: "tune-classify",
      loss: 0.2,
      started: start + day,
      duration: 1_000,
      "options.recipe.rate": 0.002,
      "options.head.rate": 1,
      state: "done",
    },
    { loss: "nats per text" },
  ),
  row("d", { name: "train", stage: "train", state: "failed", error: "out of memory", started: start }),
];
const ids = (query: RunQuery) =>
  queryRuns(rows, query)
    .rows.map(r => r.id)
    .join("");

test.each([
  ["", "abcd"],
  ["loss < 2 and model = mail-small", "a"],
  ["loss<2", "ac"],
  ["loss >= 2.5 or state = failed", "bd"],
  ["not state = failed and not (loss < 1)", "ab"],
  ["NOT loss < 2", "bd"],
  ["model != mail-small", "cd"],
  ["loss = none", "d"],
  ["loss != none and duration > 30s", "ab"],
  ["duration >= 2h", "a"],
  ["duration < 1.5m", "bc"],
  ["started >= 2026-11-22", "ab"],
  ["started < 2026-11-21T12:00:00Z", "cd"],
  ['error ~ "OUT of"', "d"],
  ["name = SPAM", "c"],
  ["tags = best", "a"],
  ["tags = 'to keep'", "a"],
  ["tags != best", "bcd"],
  ["head.rate = 1", "c"],
  ["options.recipe.rate = 2e-3", "bc"],
])("filter %s", (filter, expected) => {
  expect(ids({ filter })).toBe(expected);
});

test.each([
  ["loss", 'filter "loss": expected a comparison (=, !=, <, <=, >, >= or ~) after "loss", got the end of the filter'],
  ["loss <", 'expected a value after "loss <", got the end of the filter'],
  ["los < 2", 'expected a column of the runs, got "los" at character 1. Did you mean "loss"?'],
  ["loss < two", 'expected a number for "loss", got "two" at character 8'],
  ["duration > 3", 'expected a duration such as 90s, 5m or 2h for "duration", got "3" at character 12'],
  ["started > yesterday", 'expected a date such as 2026-11-26 for "started"'],
  ["(loss < 2", 'expected ")", got the end of the filter'],
  ["loss < 2 model = x", 'expected "and", "or" or the end, got "model" at character 10'],
  ["rate < 1", "expected the name of one column: options.head.rate, options.recipe.rate"],
  ['name = "mail', 'expected a closing ", got the end of the filter'],
  ["loss ! 2", 'got "!" at character 6'],
  [`${"(".repeat(60)}loss < 2`, 'expected at most 50 levels of parentheses and "not"'],
  ["x".repeat(2001), "expected at most 2,000 characters, got 2,001"],
])("a wrong filter says where and what was expected: %s", (filter, message) => {
  expect(() => queryRuns(rows, { filter })).toThrow(message);
});

test("rows are sorted by any column in both directions, those without a value last", () => {
  expect([ids({}), ids({ sort: "loss" }), ids({ sort: "-loss" }), ids({ sort: "started" }), ids({ sort: "name" })]).toEqual([
    "abcd",
    "cabd",
    "bacd",
    "dcba",
    "bacd",
  ]);
  expect(() => ids({ sort: "lss" })).toThrow('sort: expected a column of the runs, got "lss". Did you mean "loss"?');
});

test("search finds every word anywhere; ids take runs or artifacts, in their order; pages are cut from what matched", () => {
  expect([ids({ search: "MAIL best" }), ids({ search: "memory" }), ids({ ids: ["model-c", "a", "nothing"] })]).toEqual(["a", "d", "ca"]);
  expect(queryRuns([...rows, row("e", { kind: "data" }), row("f", { kind: "trial" })], { isTraining: true }).rows.map(r => r.id)).toEqual([
    "f",
  ]);
  const page = queryRuns(rows, { filter: "state = done", offset: 1, limit: 1 });
  expect([page.total, page.matched, page.rows.map(r => r.id)]).toEqual([4, 3, ["b"]]);
});

test("groups give mean, least and greatest of each number, and never mix units", () => {
  const { groups } = queryRuns(rows, { group: "state" });
  expect(groups!.map(g => [g.value, g.count])).toEqual([
    ["done", 3],
    ["failed", 1],
  ]);
  const losses = groups![0]!.metrics.filter(m => m.key === "loss");
  expect(losses).toEqual([
    { key: "loss", unit: "nats per token", count: 2, mean: 2, min: 1.5, max: 2.5 },
    { key: "loss", unit: "nats per text", count: 1, mean: 0.2, min: 0.2, max: 0.2 },
  ]);
  expect(queryRuns(rows, { group: "model" }).groups!.map(g => g.value)).toEqual(["mail-small", "spam", null]);
  expect(runColumns(rows).find(c => c.key === "loss")!.unit).toBeNull();
});

test("CSV has a head line, times as ISO 8601, quotes, and no formula", () => {
  const some = [row("e", { name: '=SUM("a")', started: start, error: "a, b\nc" })];
  const columns = runColumns(some).filter(c => ["name", "started", "error"].includes(c.key));
  expect(csvText(csvRows(columns, some))).toBe('name,started,error\r\n"\'=SUM(""a"")",2026-11-20T00:00:00.000Z,"a, b\nc"\r\n');
});

const options = z.strictObject({
  name: z.string(),
  recipe: z.strictObject({ rate: z.number(), isCold: z.boolean(), layers: z.array(z.number()) }),
});
const made = (name: string, kind: string, run: () => Record<string, number>) =>
  stage({
    name,
    version: 1,
    inputs: {},
    options,
    output: kind as "model",
    async run({ output }) {
      await output.write("a.bin", name);
      return run();
    },
  });

async function opened() {
  const root = mkdtempSync(join(tmpdir(), "loam-run-table-"));
  const store = await openStore({ root });
  onTestFinished(async () => {
    await store.close();
    rmSync(root, { recursive: true, force: true });
  });
  return store;
}
const recipe = { rate: 0.1, isCold: false, layers: [1, 2] };

test("every run of the store is a row with options, results, units and cost; a failed one says why", async () => {
  const store = await opened();
  await runStage(
    store,
    made("train", "model", () => ({ heldOutNats: 1.25, seconds: 3 })),
    { inputs: {}, options: { name: "small", recipe } },
  );
  const broken = made("tune-classify", "model", () => {
    throw new Error("out of memory");
  });
  await expect(runStage(store, broken, { inputs: {}, options: { name: "spam", recipe } })).rejects.toThrow();
  const found = await readRuns(store, corePricesPart.parse({ usdPerCoreHour: 3600 }));
  expect(found.map(r => [r.values.kind, r.values.state]).sort()).toEqual([
    ["training", "done"],
    ["tuning", "failed"],
  ]);
  const done = found.find(r => r.values.state === "done")!;
  expect(done.values).toMatchObject({
    name: "small",
    model: "small",
    loss: 1.25,
    heldOutNats: 1.25,
    "options.recipe.rate": 0.1,
    "options.recipe.isCold": "no",
    "options.recipe.layers": "1, 2",
  });
  expect(done.units).toMatchObject({ loss: "nats per token", heldOutNats: "nats per token", seconds: "s", cost: "USD" });
  // one dollar per core-second
  expect(done.values.cost).toBeCloseTo(3600 * Number(done.values.coreHours), 6);
  const failed = found.find(r => r.values.state === "failed")!;
  expect(String(failed.values.error)).toContain("out of memory");
  // which settings fail is what one looks for
  expect(failed.values).toMatchObject({ name: "spam", model: "spam", "options.recipe.rate": 0.1, "options.recipe.isCold": "no" });
});

test("a run that still runs has its options; once it has made its artifact, they stand with that alone", async () => {
  const store = await opened();
  const during: RunRow[] = [];
  const stage = made("train", "model", () => ({ heldOutNats: 1 }));
  const watched = {
    ...stage,
    run: async (context: Parameters<typeof stage.run>[0]) => {
      during.push(...(await readRuns(store, corePricesPart.parse({}))));
      return stage.run(context);
    },
  };
  await runStage(store, watched, { inputs: {}, options: { name: "small", recipe } });
  expect(during.map(r => r.values)).toEqual([
    expect.objectContaining({ state: "running", model: "small", "options.recipe.layers": "1, 2" }),
  ]);
  expect([...(await optionsOfRuns(store.records.read)).keys()]).toEqual([]);
  const [done] = await readRuns(store, corePricesPart.parse({}));
  expect(done!.values).toMatchObject({ state: "done", "options.recipe.layers": "1, 2" });
});

test("a note and tags are kept with who wrote them and when, and are found; wrong ones and unknown runs are refused", async () => {
  const store = await opened();
  await runStage(
    store,
    made("train", "model", () => ({ heldOutNats: 1 })),
    { inputs: {}, options: { name: "small", recipe } },
  );
  const prices = corePricesPart.parse({});
  const [{ id }] = (await readRuns(store, prices)) as [RunRow];
  await annotateRun(store, id, { note: " the baseline ", addTags: ["best", "b"], by: "ann" });
  const after = await annotateRun(store, id, { addTags: ["best"], removeTags: ["b"], by: "bob" });
  expect(after).toMatchObject({ note: { text: "the baseline", by: "ann" }, tags: [{ tag: "best", by: "ann" }] });
  expect(after.note!.at).toBeGreaterThan(0);
  const all = await readRuns(store, prices);
  expect(queryRuns(all, { filter: 'tags = best and note ~ "baseline"' }).rows.map(r => r.id)).toEqual([id]);
  expect(await annotateRun(store, id, { note: null, removeTags: ["best"], by: "bob" })).toEqual({ note: null, tags: [] });
  await expect(annotateRun(store, "nothing", { note: "a", by: "ann" })).rejects.toThrow('run: expected the id of a run, got "nothing"');
  await expect(annotateRun(store, id, { addTags: ["a,b"], by: "ann" })).rejects.toThrow("tag: expected 1 to 64 characters without commas");
  await expect(annotateRun(store, id, { note: "x".repeat(10_001), by: "ann" })).rejects.toThrow("expected at most 10,000 characters");
});
