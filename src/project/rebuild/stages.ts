/**
 * The stages that a rebuild runs again, by the names that the record has. What brings material in from outside (sources, files of examples, imports, packages)
 * is not among them: its artifacts are taken from the record, byte for byte.
 */
import type { z } from "zod";
import type { Stage } from "../../store/index.ts";
import type { Device } from "../../tensor/index.ts";
import { tokenizerStage } from "../../text/index.ts";
import { shardsStage, trainStage } from "../../train/index.ts";
import {
  checkpointStage,
  classifyStage,
  distillStage,
  documentExamplesStage,
  embedStage,
  instructStage,
  preferenceStage,
  ratingStage,
  regressStage,
  thresholdStage,
} from "../../tune/index.ts";
import { modelText } from "../models/model-text.ts";
import { eightBits } from "../models/quantised-encoder.ts";
import { encoderText, writeEncoder } from "../tuning/encoder-text.ts";
import { exampleSurroundings } from "../tuning/instruct-links.ts";

export type AnyStage = Stage<string, z.ZodType>;

/** Stages whose artifacts are material: what they read is outside of the record. */
export const materialStages: ReadonlySet<string> = new Set(["source", "data", "blend", "examples", "pairs", "import", "unpack"]);

/** What makes a model of what came from outside, with the device that computes. */
export function rebuildableStages(device: () => Device): ReadonlyMap<string, AnyStage> {
  const onProblem = () => {};
  const tokenizerOf = async (model: Parameters<typeof modelText>[0]) => (await modelText(model)).tokenizer;
  const examples = exampleSurroundings({ device, onProblem });
  const text = { device, tokenizerOf, served: eightBits, onProblem };
  const results = ["merged", "adapter"] as const;
  const stages = [
    tokenizerStage,
    shardsStage,
    trainStage({ device, onProblem }),
    documentExamplesStage,
    classifyStage(text),
    thresholdStage,
    regressStage(text),
    embedStage({ device, encoderOf: encoderText, writeEncoder, served: eightBits, onProblem }),
    checkpointStage(examples),
    ...results.flatMap(r => [
      instructStage(examples, r),
      preferenceStage(examples, r),
      ratingStage(examples, r),
      distillStage(examples, r),
    ]),
  ];
  return new Map(stages.map((s): [string, AnyStage] => [s.name, s]));
}
