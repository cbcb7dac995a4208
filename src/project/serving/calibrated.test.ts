import { expect, test } from "vitest";
import { defined } from "../../base/index.ts";
import { bertConfig, type ModelConfig } from "../../nn/index.ts";
import { servePart } from "../../serve/part.ts";
import { temperatureOf } from "./calibrated.ts";
import { calibratedIn } from "./served-as.ts";

const config = bertConfig({ vocab: 257, width: 32, layers: 1, heads: 2, context: 32 });
const vectors: ModelConfig = { family: "encoder", config };
const classes = (temperature?: number): ModelConfig => ({
  family: "encoder",
  config: { ...config, classifier: { labels: ["a", "b"], kind: "one", ...defined({ temperature }) } },
});

test("a classifier that an earlier version tuned has no temperature: the refusal says how to get one", () => {
  expect(temperatureOf(classes(1.5), "mood@2", "all")).toBe(1.5);
  expect(() => temperatureOf(classes(), "mood@1", "all")).toThrow(
    "mood@1: expected a classifier with a recorded temperature, for calibrated probabilities, got one without. `loam tune mood` fits one on the validation part and records it with the new version; or serve it without --calibrated (serve.calibrated).",
  );
});

test("a model without classes is served as it is where all are calibrated, and refused where it was named", () => {
  expect(temperatureOf(vectors, "minilm@1", "all")).toBeUndefined();
  expect(() => temperatureOf(vectors, "minilm@1", "named")).toThrow(
    "got a model that tells no classes. Leave `calibrated` out for minilm.",
  );
});

test("the command line calibrates every model, the file those that it names", () => {
  const part = servePart.parse({ models: { mood: { calibrated: true }, "tone@2": { calibrated: false }, other: {} } });
  expect(["mood", "tone", "other"].map(calibratedIn(part, false))).toEqual(["named", undefined, undefined]);
  expect(["mood", "tone", "other"].map(calibratedIn(part, true))).toEqual(["all", "all", "all"]);
  const all = servePart.parse({ models: { mood: {}, tone: { calibrated: false } }, calibrated: true });
  expect(["mood", "tone"].map(calibratedIn(all, false))).toEqual(["all", undefined]);
  expect(calibratedIn(undefined, false)("mood")).toBeUndefined();
});
