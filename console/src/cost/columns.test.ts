import { expect, test } from "vitest";
import type { RunColumn, RunRow } from "../generated/runs.ts";
import { costColumns, costPoints, groupColumns, qualityColumns, usualBaseline, usualBetter, usualGroup } from "./columns.ts";

const column = (key: string, of: RunColumn["of"], type: RunColumn["type"] = "number", distinct = 2): RunColumn => ({
  key,
  of,
  type,
  unit: null,
  count: 4,
  distinct,
});
const columns = [
  column("model", "run", "text"),
  column("coreHours", "run"),
  column("loss", "run"),
  column("options.arm", "option", "text"),
  column("options.seed", "option"),
  column("macroF1", "result"),
  column("coreSeconds", "result"),
];
const run = (id: string, values: RunRow["values"], units: RunRow["units"] = {}): RunRow => ({
  id,
  artifact: null,
  stage: "train",
  values: { state: "done", ...values },
  units,
  note: null,
  tags: [],
});

test("costs are never a quality, and a study's own arms come before models", () => {
  expect(costColumns(columns)).toEqual(["coreSeconds", "coreHours"]);
  expect(qualityColumns(columns)).toEqual(["loss", "macroF1"]);
  expect(groupColumns(columns)).toEqual(["model", "options.arm", "options.seed"]);
  expect(usualGroup(columns)).toBe("options.arm");
  expect([usualBetter("macroF1"), usualBetter("loss")]).toEqual(["higher", "lower"]);
});

test("runs of another unit, unfinished ones, and those without a ledger or a result are no points", () => {
  const perToken = { loss: "nats per token" };
  const rows = [
    run("1", { coreHours: 2, loss: 3, "options.arm": "plain", "options.seed": 7 }, perToken),
    run("2", { coreHours: 1, loss: 2, "options.arm": "efficient" }, perToken),
    run("3", { coreHours: 1, loss: 0.2 }, { loss: "nats per text" }),
    run("4", { loss: 2 }, perToken),
    run("5", { coreHours: 3 }, perToken),
    run("6", { coreHours: 3, loss: 1, state: "running" }, perToken),
  ];
  const found = costPoints(rows, columns, { cost: "coreHours", quality: "loss", group: "options.arm" });
  expect(found.points.map(p => [p.id, p.group, p.seed, p.cost, p.quality])).toEqual([
    ["1", "plain", "7", 2, 3],
    ["2", "efficient", "", 1, 2],
  ]);
  expect({ unit: found.unit, otherUnits: found.otherUnits }).toEqual({ unit: "nats per token", otherUnits: 1 });
  expect(usualBaseline(found.points)).toBe("plain");
});
