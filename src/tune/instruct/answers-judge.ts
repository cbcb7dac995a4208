/** The loss of answers: nats of the tokens of each example's, behind its prompt. */
import { z } from "zod";
import type { DeviceArray } from "../../tensor/index.ts";
import { treeProgram } from "../../train/index.ts";
import { layAnswers } from "../preference/rows.ts";
import { answerScores, type RowTensors, rowArrays } from "../preference/scores.ts";
import { encodeExamples, type Masked } from "./encode.ts";
import { batchNumbers, type ExampleJudge, type JudgeRun, judgedRows, type OpenedModel } from "./judge-stage.ts";
import { exampleOptions } from "./options.ts";

/** Log-probabilities of the answers of sequences, as sums or as means over their tokens. */
export async function scoresOf(
  { config, parameters }: OpenedModel,
  sequences: readonly Masked[],
  kind: { readonly isMean: boolean },
  { device, options, ...run }: Pick<JudgeRun<object>, "device" | "options" | "signal" | "progress">,
): Promise<number[]> {
  const length = Math.min(options.length, config.context);
  const program = treeProgram<DeviceArray>((p: unknown, b: RowTensors) => answerScores(config, p, b, kind), { device, name: "answers" });
  try {
    return await batchNumbers(sequences.length, run, async members => {
      const laid = Array.from({ length: judgedRows }, (_, i) => sequences[members[i]!]);
      const arrays = await rowArrays(device, layAnswers(laid, length), length);
      const out = await program.with({ signal: run.signal }, parameters, arrays);
      return { out, given: Object.values(arrays) };
    });
  } finally {
    program.dispose();
  }
}

/** A first token is never a target. */
export const targetsIn = ({ trained }: Masked): number => trained.subarray(1).reduce((n, t) => n + t, 0);

/** What is done with an example that is longer than is read: its beginning counts, unless such ones are left out. */
export const readLong = (long: "refuse" | "skip" | "cut"): "skip" | "cut" => (long === "skip" ? "skip" : "cut");

const options = z.strictObject({ answers: exampleOptions.shape.answers });

export const answersJudge: ExampleJudge<typeof options> = {
  name: "judge-answers",
  options,
  async score(run) {
    const { model, examples, options: o } = run;
    const length = Math.min(o.length, model.config.context);
    const encoded = run.checked(encodeExamples(model.text, examples, { length, long: readLong(o.long), answers: o.answers }));
    const logs = await scoresOf(model, encoded, { isMean: false }, run);
    return encoded.map((e, i) => ({ place: e.place, loss: -logs[i]!, weight: targetsIn(e) }));
  },
};
