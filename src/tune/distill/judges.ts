/**
 * The loss of a distilled model: of each example, over the tokens of its answer, the divergence from the teacher and the answer's own surprise, in the shares
 * that the configuration says. The teacher is one for all models of a study; one behind an endpoint is asked once, and what it told is kept.
 */
import { join } from "node:path";
import { z } from "zod";
import { disposeTree, negativeLogLikelihood } from "../../nn/index.ts";
import { add, type DeviceArray, mul, sum, type Tensor } from "../../tensor/index.ts";
import { treeProgram } from "../../train/index.ts";
import { readLong, targetsIn } from "../instruct/answers-judge.ts";
import { type Encoded, encodeExamples } from "../instruct/encode.ts";
import {
  batchNumbers,
  type ExampleJudge,
  type ExampleScore,
  type JudgeRun,
  type JudgeSurroundings,
  judgedRows,
} from "../instruct/judge-stage.ts";
import { exampleOptions } from "../instruct/options.ts";
import { layExamples, type TuneBatch } from "../instruct/pack.ts";
import { type BatchTensors, rowLogits } from "../instruct/tune.ts";
import { askTeacher } from "./ask-teacher.ts";
import { divergenceOf } from "./losses.ts";
import { distillFitOptions, endpointTeacher } from "./options.ts";
import { layTargets, type SparseTensors, sparseDivergence, widthOf } from "./sparse.ts";
import { teacherAt } from "./teacher-endpoint.ts";
import { openTeacher } from "./tune.ts";
import type { EndpointSurroundings } from "./tune-endpoint.ts";

type Rows = Omit<BatchTensors, "seed">;
const { soft, temperature } = distillFitOptions.shape;
const { answers } = exampleOptions.shape;

/** What a teacher lays out for a batch, and its divergence from logits, token by token. */
interface Told {
  arraysOf(batch: TuneBatch, examples: readonly Encoded[]): Promise<Readonly<Record<string, DeviceArray>>>;
  /** Parameters of the teacher, which the program takes. */
  readonly parameters: unknown;
  divergence(parameters: unknown, b: Rows, logits: Tensor): Tensor;
}

async function scored(
  run: JudgeRun<{ readonly soft: number }>,
  encoded: readonly Encoded[],
  length: number,
  told: Told,
): Promise<ExampleScore[]> {
  const { device, model, options } = run;
  const program = treeProgram<DeviceArray>(
    (p: unknown, teacher: unknown, b: Rows) => {
      const logits = rowLogits(model.config, p, b);
      const surprise = negativeLogLikelihood(logits, b.targets);
      const each = add(mul(told.divergence(teacher, b, logits), options.soft), mul(surprise, 1 - options.soft));
      return sum(mul(each, b.weights), 1);
    },
    { device, name: "distilled" },
  );
  try {
    const losses = await batchNumbers(encoded.length, run, async members => {
      const batch = layExamples(
        encoded,
        members.map(m => [m]),
        { rows: judgedRows, length },
      );
      const arrays: Record<string, DeviceArray> = { ...(await told.arraysOf(batch, encoded)) };
      const shape = [judgedRows, length];
      for (const name of ["tokens", "targets", "segments", "positions"] as const)
        arrays[name] = await device.array(batch[name], "i32", shape);
      arrays.weights = await device.array(batch.weights, "f32", shape);
      const out = await program.with({ signal: run.signal }, model.parameters, told.parameters, arrays);
      return { out, given: Object.values(arrays) };
    });
    return encoded.map((e, i) => ({ place: e.place, loss: losses[i]!, weight: targetsIn(e) }));
  } finally {
    program.dispose();
  }
}

const encodedFor = (run: JudgeRun<{ readonly answers: "all" | "last" }>, length: number): readonly Encoded[] => {
  const { model, examples, options: o } = run;
  return run.checked(encodeExamples(model.text, examples, { length, long: readLong(o.long), answers: o.answers }));
};

const localOptions = z.strictObject({ answers, soft, temperature });

/** The teacher stands beside the model under this name. */
export const teacherInput = "teacher";

export const distilledJudge = ({ textOf }: Pick<JudgeSurroundings, "textOf">): ExampleJudge<typeof localOptions> => ({
  name: "judge-distilled",
  options: localOptions,
  beside: { [teacherInput]: "model" },
  async score(run) {
    const { model, options: o, device } = run;
    const length = Math.min(o.length, model.config.context);
    const encoded = encodedFor(run, length);
    const teacher = await openTeacher(run.beside[teacherInput]!, device, { ...model, length }, textOf);
    try {
      return await scored(run, encoded, length, {
        arraysOf: async () => ({}),
        parameters: teacher.parameters,
        divergence: (p, b, logits) => divergenceOf(rowLogits(teacher.config, p, b), logits, o.temperature),
      });
    } finally {
      disposeTree(teacher.parameters);
    }
  },
});

const endpointOptions = z.strictObject({ answers, soft, teacher: endpointTeacher });

export const endpointJudge = (reach: EndpointSurroundings): ExampleJudge<typeof endpointOptions> => ({
  name: "judge-distilled-endpoint",
  options: endpointOptions,
  async score(run) {
    const { model, options: o, device } = run;
    const { vocab, context } = model.config;
    const length = Math.min(o.length, context);
    const encoded = encodedFor(run, length);
    const at = teacherAt({ ...reach.connection(), url: o.teacher.endpoint, model: o.teacher.model, topLogprobs: o.teacher.topLogprobs });
    const targets = await askTeacher({
      teacher: at,
      file: join(reach.answersFolder, `${at.name}.jsonl`),
      examples: encoded,
      vocab,
      tokenizer: model.text.tokenizer,
      progress: () => {},
      signal: run.signal,
    });
    const width = widthOf(targets.values());
    return scored(run, encoded, length, {
      async arraysOf(batch, examples) {
        const { topIds, topLogs, rest } = layTargets(batch, examples, e => targets.get(e)!, width, vocab);
        const wide = [judgedRows, length, width];
        return {
          topIds: await device.array(topIds, "i32", wide),
          topLogs: await device.array(topLogs, "f32", wide),
          rest: await device.array(rest, "f32", [judgedRows, length]),
        };
      },
      parameters: {},
      divergence: (_, b, logits) => sparseDivergence(b as Rows & SparseTensors, logits),
    });
  },
});
