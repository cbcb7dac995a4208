/**
 * Distillation from a teacher behind an endpoint: it is asked about every text before the first step, and what it told is laid beside the tokens of each
 * batch. So it need not be there while the student learns, and takes none of its memory.
 */
import { join } from "node:path";
import { type DecoderConfig, type DecoderSpec, negativeLogLikelihood } from "../../nn/index.ts";
import { add, mul, sum, type Tensor } from "../../tensor/index.ts";
import { tuneErrors } from "../errors.ts";
import type { Encoded } from "../instruct/encode.ts";
import type { FittedDecoder, TaskRun } from "../instruct/task.ts";
import { type BatchTensors, type RowTask, rowLogits, trainedBy, tuneRows } from "../instruct/tune.ts";
import type { FrozenTensors, TrainableTensors, Tuning } from "../methods/index.ts";
import { askTeacher } from "./ask-teacher.ts";
import type { EndpointFitOptions, EndpointTeacher } from "./options.ts";
import { layTargets, type SparseTargets, type SparseTensors, sparseDivergence, widthOf } from "./sparse.ts";
import { type TeacherConnection, teacherAt } from "./teacher-endpoint.ts";

/** Where a teacher's answers are kept, and how it is reached: what is no part of the result. */
export interface EndpointSurroundings {
  /** A folder of files, one a teacher. */
  readonly answersFolder: string;
  /** How it is reached beside address and name: the key, how many requests at once and a minute. Called when it is asked. */
  connection(): Omit<TeacherConnection, "url" | "model" | "topLogprobs">;
}

/** The loss, and what is judged of it, of targets that were told. */
export function endpointTask(
  config: DecoderConfig,
  targetsOf: (example: Encoded) => SparseTargets,
  width: number,
  tuning: Tuning<DecoderSpec>,
  recipe: Pick<EndpointFitOptions, "soft" | "dropout">,
  part?: number,
): RowTask<Tensor> {
  const { soft } = recipe;
  type Given = Omit<BatchTensors, "seed">;
  function sums(trained: TrainableTensors, frozen: FrozenTensors, b: Given, seed?: Tensor) {
    const logits = rowLogits(config, tuning.parameters(frozen, trained, seed, part), b, seed ? trainedBy(recipe, seed, part) : {});
    const total = (each: Tensor) => sum(mul(each, b.weights));
    const divergence = total(sparseDivergence(b as Given & SparseTensors, logits));
    const surprise = total(negativeLogLikelihood(logits, b.targets));
    return { loss: add(mul(divergence, soft), mul(surprise, 1 - soft)), divergence, surprise };
  }
  return {
    loss: (trained, b, scale, frozen) => mul(sums(trained, frozen, b, b.seed).loss, scale),
    sums: (trained, frozen, b) => sums(trained, frozen, b),
    more: {
      specs: {
        topIds: { shape: (rows, length) => [rows, length, width], dtype: "i32" },
        topLogs: { shape: (rows, length) => [rows, length, width], dtype: "f32" },
        rest: { shape: (rows, length) => [rows, length], dtype: "f32" },
      },
      of: (batch, examples) => layTargets(batch, examples, targetsOf, width, config.vocab),
    },
  };
}

/** Asks, then tunes. Errors: tune/teacher where the endpoint cannot be asked, tune/base for one of other tokens; as instruction tuning. */
export const tuneFromEndpoint =
  (teacher: EndpointTeacher, reach: EndpointSurroundings) =>
  async (o: TaskRun<Encoded, EndpointFitOptions>): Promise<FittedDecoder> => {
    const at = teacherAt({ ...reach.connection(), url: teacher.endpoint, model: teacher.model, topLogprobs: teacher.topLogprobs });
    const examples = [...o.train, ...o.validation];
    if (examples.length === 0) throw tuneErrors.fail("example", { place: "train", expected: "an example or more", received: "none" });
    const targets = await askTeacher({
      teacher: at,
      file: join(reach.answersFolder, `${at.name}.jsonl`),
      examples,
      vocab: o.config.vocab,
      tokenizer: o.text.tokenizer,
      progress: o.progress,
      signal: o.signal,
    });
    const targetsOf = (e: Encoded): SparseTargets => targets.get(e)!;
    const width = widthOf(targets.values());
    return tuneRows(o, tuning => endpointTask(o.config, targetsOf, width, tuning, o.recipe, o.ranks?.rank));
  };
