/** Instruction tuning as a kind of tuning: `task: instruct`. */

import type { TuningKind } from "../kind/kind.ts";
import { answersJudge } from "./answers-judge.ts";
import { checkpointStage } from "./checkpoint-stage.ts";
import { documentExamplesStage } from "./documents-stage.ts";
import { encodeExamples } from "./encode.ts";
import { exampleKind, withoutData } from "./example-kind.ts";
import { resultKinds } from "./options.ts";
import { type InstructPart, instructRow } from "./part.ts";
import { instructStage } from "./stage.ts";

export const instructKind: TuningKind<InstructPart> = {
  ...exampleKind<InstructPart>({
    ...instructRow,
    tuning(own, { name, around }) {
      const { result, bad, long, answers, length, ...recipe } = withoutData(own);
      return { definition: instructStage(around, result ?? "merged"), options: { name, answers, long, bad, length, recipe } };
    },
    stages: around => [documentExamplesStage, checkpointStage(around), ...resultKinds.map(result => instructStage(around, result))],
    encoders: { instruct: encodeExamples },
    encoderOf: () => "instruct",
    yardstick: ({ answers }) => ({ name: answersJudge.name, judge: () => answersJudge, options: { answers }, beside: {} }),
    unit: () => "nats a token",
  }),
};
