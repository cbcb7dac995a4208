import { expect, test } from "vitest";
import { parseYaml } from "../../../src/base/index.ts";
import type { FormField } from "../generated/server.ts";
import { changesOf, fieldAt } from "./changes.ts";

const field = (path: string, kind: FormField["kind"], value: string | null): FormField => ({
  path,
  kind,
  help: "",
  isRequired: false,
  choices: [],
  usual: null,
  example: null,
  value,
});
const fields = [
  field("base", "text", "minilm"),
  field("tune.epochs", "number", "3"),
  field("tune.method", "yaml", null),
  field("tune.task", "choice", "classify"),
];

test("of a part that is there the changed fields are sent, and an emptied one is taken out", () => {
  expect(changesOf({ fields, isThere: true }, {})).toEqual([]);
  expect(changesOf({ fields, isThere: true }, { "tune.epochs": "3" })).toEqual([]);
  expect(changesOf({ fields, isThere: true }, { "tune.epochs": "", "tune.method": "{ lora: { rank: 8 } }" })).toEqual([
    { path: "tune.epochs", value: null },
    { path: "tune.method", value: "{ lora: { rank: 8 } }" },
  ]);
});

test("of a proposed part every value is sent, and what YAML would read as something else stays text", () => {
  const all = changesOf({ fields, isThere: false }, { base: "true", "tune.epochs": "5" });
  expect(all.map(c => [c.path, parseYaml(c.value!, "f")])).toEqual([
    ["base", "true"],
    ["tune.epochs", 5],
    ["tune.task", "classify"],
  ]);
});

test("a problem is shown at its field", () => {
  expect(fieldAt(fields, "models.topics", "loam.yaml:12: models.topics.tune.epochs")).toBe("tune.epochs");
  expect(fieldAt(fields, "models.topics", "loam.yaml: models.topics.tune.method.lora.rank")).toBe("tune.method");
  expect(fieldAt(fields, "models.topics", "loam.yaml: data.mail")).toBeUndefined();
});
