import { expect, test } from "vitest";
import type { RunColumn } from "../generated/runs.ts";
import { cellText, columnLabel, groupFilter, nextSort, runNames, shownColumns } from "./cells.ts";
import { differingOptions, lineInWords, parallelAxes, parallelAxis } from "./parallel.ts";

const row = (values: Record<string, string | number>, units: Record<string, string> = {}) => ({ values, units });
const rows = [
  row({ "options.rate": 0.001, "options.optimizer": "adamw", loss: 1 }, { loss: "nats per token" }),
  row({ "options.rate": 0.01, "options.optimizer": "muon", loss: 3 }, { loss: "nats per token" }),
  row({ "options.rate": 0.1, loss: 0.5 }, { loss: "nats per text" }),
];

test("numbers far apart have a logarithmic axis, texts a categorical one, and what is missing no place", () => {
  const rate = parallelAxis(rows, "options.rate", null);
  expect([rate.scale, rate.places.map(p => p!.toFixed(3)), rate.ticks.map(t => t.text)]).toEqual([
    "log",
    ["0.000", "0.500", "1.000"],
    ["0.001", "0.01", "0.1"],
  ]);
  expect(parallelAxis(rows, "options.rate", null, "linear").places[1]).toBeCloseTo(0.009 / 0.099, 12);
  const optimizer = parallelAxis(rows, "options.optimizer", null);
  expect([optimizer.scale, optimizer.canLog, optimizer.places, optimizer.ticks.map(t => t.text)]).toEqual([
    "category",
    false,
    [0, 1, null],
    ["adamw", "muon"],
  ]);
  // zero and below have no logarithm
  expect(parallelAxis([row({ a: 0 }), row({ a: 1000 })], "a", null, "log").scale).toBe("linear");
  expect(parallelAxis([row({ a: 5 }), row({ a: 5 })], "a", null).places).toEqual([0.5, 0.5]);
});

test("a result with two units has two axes, and a run stands on that of its own unit alone", () => {
  const axes = parallelAxes(rows, ["options.rate"], "loss", new Map());
  expect(axes.map(a => [a.key, a.unit, a.places.map(p => p !== null)])).toEqual([
    ["options.rate", null, [true, true, true]],
    ["loss", "nats per token", [true, true, false]],
    ["loss", "nats per text", [false, false, true]],
  ]);
  expect(lineInWords("c", rows[2]!, axes, key => key.replace("options.", ""))).toBe("c: rate 0.100, loss 0.500 nats per text");
});

const column = (key: string, of: RunColumn["of"], more: Partial<RunColumn> = {}): RunColumn => ({
  key,
  of,
  type: "number",
  unit: null,
  count: 3,
  distinct: 2,
  ...more,
});

test("options that differ become axes, the complete ones first", () => {
  const columns = [
    column("options.optimizer", "option"),
    column("options.rate", "option"),
    column("options.same", "option"),
    column("loss", "result"),
  ];
  expect(
    differingOptions(
      rows.map(r => ({ values: { ...r.values, "options.same": 1 } })),
      columns,
    ),
  ).toEqual(["options.rate", "options.optimizer"]);
});

test("columns are those that were chosen and are there, the name first; labels and cells are words", () => {
  const columns = [column("name", "run", { type: "text" }), column("loss", "result"), column("options.recipe.schedule.warmup", "option")];
  expect(shownColumns(columns, "").map(c => c.key)).toEqual(["name", "loss"]);
  expect(shownColumns(columns, "options.recipe.schedule.warmup,gone,name").map(c => c.key)).toEqual([
    "name",
    "options.recipe.schedule.warmup",
  ]);
  expect(columns.map(columnLabel)).toEqual(["Name", "Loss", "Schedule: warmup"]);
  expect([
    cellText(undefined, "number", 0),
    cellText(1.23456, "number", 0),
    cellText(90_000, "duration", 0),
    cellText(0, "time", 120_000),
  ]).toEqual(["–", "1.23", "1:30", "2 minutes ago"]);
});

test("runs of one name are told apart by their ids; heads sort up, down, then by the start again; a group is a filter", () => {
  const named = (id: string, name: string) => ({ id, stage: "train", values: { name } });
  expect(runNames([named("aaaa11", "a"), named("bbbb22", "a"), named("cccc33", "c")])).toEqual(["a (aa11)", "a (bb22)", "c"]);
  expect([nextSort("-started", "loss"), nextSort("loss", "loss"), nextSort("-loss", "loss"), nextSort("-started", "started")]).toEqual([
    "loss",
    "-loss",
    "-started",
    "started",
  ]);
  expect([groupFilter("model", 'a "b"'), groupFilter("loss", 2), groupFilter("model", null)]).toEqual([
    'model = "a \\"b\\""',
    "loss = 2",
    "model = none",
  ]);
});
