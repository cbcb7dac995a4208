/**
 * Distillation: a student learns a teacher's distribution over every next token of the answers, and the answers. The teacher is another decoder with the
 * same tokens; its forward pass is a part of the loss, without gradients, so nothing of it is kept on disk.
 */
import { defined } from "../../base/index.ts";
import { type DecoderConfig, type DecoderSpec, disposeTree, loadModel, negativeLogLikelihood } from "../../nn/index.ts";
import type { ArtifactReader } from "../../store/index.ts";
import { add, type Device, type DeviceArray, mul, stopGradient, sum, type Tensor } from "../../tensor/index.ts";
import { tuneErrors } from "../errors.ts";
import type { Encoded, TuneText } from "../instruct/encode.ts";
import type { FittedDecoder, TaskRun } from "../instruct/task.ts";
import { type BatchTensors, type RowTask, rowLogits, trainedBy, tuneRows } from "../instruct/tune.ts";
import type { FrozenTensors, TrainableTensors, Tuning } from "../methods/index.ts";
import { leavesOf, treeOf } from "../methods/paths.ts";
import { divergenceOf } from "./losses.ts";
import type { DistillFitOptions } from "./options.ts";

interface Teacher {
  readonly config: DecoderConfig;
  readonly parameters: unknown;
}

/** The teacher's arrays stand among those that stay, under this name. */
const prefix = "teacher.";
type Leaf<A> = readonly [path: string, array: A];
const named = <A>(leaves: Iterable<Leaf<A>>): Record<string, A> => Object.fromEntries([...leaves].map(([path, a]) => [prefix + path, a]));

/** Arrays of the base, and the tree of the teacher's. */
function apart(frozen: FrozenTensors): { readonly own: FrozenTensors; readonly teacher: unknown } {
  const isTeacher = ([path]: Leaf<Tensor>) => path.startsWith(prefix);
  const all = Object.entries(frozen);
  return {
    own: Object.fromEntries(all.filter(leaf => !isTeacher(leaf))),
    teacher: treeOf(all.filter(isTeacher).map(([path, a]) => [path.slice(prefix.length), a] as const)),
  };
}

/** The loss, and what is judged of it: the same without dropout, and its two parts. `part`: which of the equal parts of a step's rows a batch holds. */
export function distillTask(
  config: DecoderConfig,
  teacher: Teacher,
  tuning: Tuning<DecoderSpec>,
  recipe: Pick<DistillFitOptions, "temperature" | "soft" | "dropout">,
  part?: number,
): RowTask<Tensor> {
  const { soft, temperature } = recipe;
  type Given = Omit<BatchTensors, "seed">;
  function sums(trained: TrainableTensors, frozen: FrozenTensors, b: Given, seed?: Tensor) {
    const trees = apart(frozen);
    const wanted = stopGradient(rowLogits(teacher.config, trees.teacher, b));
    const logits = rowLogits(config, tuning.parameters(trees.own, trained, seed, part), b, seed ? trainedBy(recipe, seed, part) : {});
    const total = (each: Tensor) => sum(mul(each, b.weights));
    const divergence = total(divergenceOf(wanted, logits, temperature));
    const surprise = total(negativeLogLikelihood(logits, b.targets));
    return { loss: add(mul(divergence, soft), mul(surprise, 1 - soft)), divergence, surprise };
  }
  return {
    loss: (trained, b, scale, frozen) => mul(sums(trained, frozen, b, b.seed).loss, scale),
    sums: (trained, frozen, b) => sums(trained, frozen, b),
    beside: named(leavesOf<DeviceArray>(teacher.parameters)),
  };
}

/** Errors: tune/base for a teacher that is no decoder, or one of other tokens: a distribution is over the same ones, or means nothing. */
export async function openTeacher(
  artifact: ArtifactReader,
  device: Device,
  student: { readonly config: DecoderConfig; readonly text: TuneText; readonly length: number },
  textOf: (model: ArtifactReader) => Promise<TuneText>,
): Promise<Teacher> {
  const refuse = (expected: string, received: string, hint?: string) =>
    tuneErrors.fail("base", { place: `teacher ${artifact.id}`, expected, received, ...defined({ hint }) });
  const { vocab } = student.config;
  const theirs = await textOf(artifact);
  for (let id = 0; id < vocab; id++) {
    const [own, other] = [student.text.tokenizer.tokenOf(id), theirs.tokenizer.tokenOf(id)];
    if (own !== other)
      throw refuse(
        "the student's tokens",
        `token ${id} is ${JSON.stringify(other ?? null)}, the student's ${JSON.stringify(own ?? null)}`,
        "Distil from a model of the same family, or train on its answers (task: instruct).",
      );
  }
  const model = await loadModel(artifact, device);
  const problem =
    model.family !== "decoder"
      ? refuse("a decoder", `a model of family "${model.family}"`)
      : model.config.vocab !== vocab
        ? refuse(`${vocab} tokens, as the student has`, String(model.config.vocab))
        : model.config.context < student.length
          ? refuse(`a context of ${student.length} tokens or more`, String(model.config.context), "Lower `length`.")
          : undefined;
  if (problem || model.family !== "decoder") {
    disposeTree(model.parameters);
    throw problem;
  }
  return model;
}

/** Tunes. Errors: as instruction tuning, and `openTeacher`'s. */
export const tuneDistilled =
  (textOf: (model: ArtifactReader) => Promise<TuneText>) =>
  async (o: TaskRun<Encoded, DistillFitOptions>): Promise<FittedDecoder> => {
    const teacher = await openTeacher(o.inputs.teacher!, o.device, { config: o.config, text: o.text, length: o.recipe.length }, textOf);
    try {
      return await tuneRows(o, tuning => distillTask(o.config, teacher, tuning, o.recipe, o.ranks?.rank));
    } finally {
      disposeTree(teacher.parameters);
    }
  };
