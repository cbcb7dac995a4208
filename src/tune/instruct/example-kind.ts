/**
 * Kinds of tuning on examples: answers, preferences, a teacher's distributions. They read a file or the documents of a data set, make a model or an adapter,
 * and are judged by the loss that the configuration as it is has. A kind adds its stage, its loss and its unit.
 */
import type { z } from "zod";
import { canonicalJson, defined, formatBytes, formatCount, type Json } from "../../base/index.ts";
import type { Stage, Summary } from "../../store/index.ts";
import {
  besideLabel,
  judgedLabel,
  type KindLink,
  type KindSurroundings,
  kindLink,
  type TuningGiven,
  type TuningKind,
} from "../kind/kind.ts";
import type { KindPart, TunePart } from "../kind/kind-part.ts";
import { summaryNumber as n, smallNumber } from "../kind/summary-text.ts";
import { isFilePath } from "../names.ts";
import { exampleHalvesStage, searchExamplesStage } from "../study/example-halves.ts";
import { validationTexts } from "../study/example-texts.ts";
import { checkpointStage } from "./checkpoint-stage.ts";
import { documentExamplesStage } from "./documents-stage.ts";
import { examplesFile, examplesStage } from "./examples-stage.ts";
import { type ExampleJudge, judgeExamplesStage } from "./judge-stage.ts";
import type { ExampleOptions, heldOutOptions, SplitPartOptions } from "./options.ts";

export interface ExamplePart
  extends TunePart,
    Pick<ExampleOptions, "format" | "columns" | "bad" | "long">,
    Pick<SplitPartOptions, "allowCrossing"> {
  readonly validationFile?: string | undefined;
  readonly heldOut?: z.output<typeof heldOutOptions> | undefined;
}

/** A loss with its options, as a configuration says it. */
interface Yardstick {
  readonly name: string;
  judge(around: KindSurroundings, model: string): ExampleJudge<z.ZodObject>;
  readonly options: object;
  /** Its inputs beside model and examples: the inputs of the tuning that they are. */
  readonly beside: Readonly<Record<string, string>>;
}

interface ExampleKind<P extends ExamplePart> extends KindPart<P>, Pick<TuningKind<P>, "stages" | "encoders" | "encoderOf"> {
  /** The stage that learns, and what it is told. */
  tuning(
    own: P,
    given: TuningGiven<P>,
  ): { readonly definition: Stage; readonly options: object; readonly inputs?: Readonly<Record<string, string>> };
  /** The loss that a recipe learns by. */
  yardstick(own: P): Yardstick;
  unit(own: P): string;
}

/** What is said of the tuning itself, not of where its examples come from. */
export function withoutData<P extends ExamplePart>(own: P) {
  const {
    task: _task,
    on: _on,
    validationFile: _file,
    format: _format,
    columns: _columns,
    validation: _validation,
    heldOut: _heldOut,
    sample: _sample,
    allowCrossing: _crossing,
    ...rest
  } = own;
  return rest;
}

/** What a file or a data set gave. */
const toldExamples = (s: Summary): string =>
  `${formatCount(n(s, "train"))} examples (${s.format}) to train on, ${formatCount(n(s, "validation"))} to select by${s.heldOut ? `, ${formatCount(n(s, "heldOut"))} held out` : ""}${s.skipped ? `; ${formatCount(n(s, "skipped"))} left out` : ""}`;

/** What reads a recipe's examples: the documents of a data set, or a file. */
export function exampleSource({ name, part: own, around }: Pick<TuningGiven<ExamplePart>, "name" | "part" | "around">): KindLink {
  const { on, validationFile, format, columns, bad, validation, heldOut, sample, seed, allowCrossing } = own;
  const said = {
    ...defined({ format, columns, sample }),
    bad,
    validation,
    seed,
  };
  const common = { stage: "data", label: `examples/${name}`, describe: toldExamples } as const;
  if (!isFilePath(on)) {
    const isOwn = typeof validation !== "number" || around.holdsOutOwn(on);
    const crossing = isOwn ? { allowCrossing } : {};
    const options = () => ({ name: on, ...said, ...crossing });
    return kindLink({ ...common, inputs: { documents: `data/${on}` }, definition: documentExamplesStage, options });
  }
  const { folder } = around;
  return kindLink({
    ...common,
    inputs: {},
    definition: examplesStage({ folder }),
    options: async () => ({
      file: await examplesFile(folder, on),
      ...(validationFile === undefined ? {} : { validationFile: await examplesFile(folder, validationFile) }),
      ...said,
      ...defined({ heldOut }),
      allowCrossing,
    }),
  });
}

/** What became of it, and what the merge changed. */
function describe(s: Summary): string {
  const loss =
    s.validationLoss === undefined ? "" : `, validation loss ${n(s, "baseLoss").toFixed(3)} -> ${n(s, "validationLoss").toFixed(3)}`;
  const beside = s.besideBaseDelta === undefined ? "" : `, by ${smallNumber(n(s, "besideBaseDelta"))} beside the full base`;
  const held =
    s.heldBytes === undefined ? "" : `; the base took ${formatBytes(n(s, "heldBytes"))} instead of ${formatBytes(n(s, "fullBytes"))}`;
  const rounded = s.quantisedDelta === undefined ? "" : `, by ${smallNumber(n(s, "quantisedDelta"))} in ${s.quantisedForm}`;
  return `${formatCount(n(s, "examples"))} examples, ${formatCount(n(s, "trained"))} of ${formatCount(n(s, "parameters"))} parameters trained${loss}; merging moves logits by at most ${smallNumber(n(s, "mergedDelta"))}${beside}${rounded}${held}`;
}

/** The model of a step that a tuning has kept. */
export const checkpointLink = (name: string, base: string, tuned: string, step: number, around: KindSurroundings): KindLink =>
  kindLink({
    stage: "tune",
    label: name,
    inputs: { base, tuned },
    definition: checkpointStage(around),
    options: () => ({ name, step }),
    describe: s => `step ${n(s, "step")} of ${tuned}`,
  });

/** As plain JSON, without what is not said. */
const asJson = (o: object): Json => JSON.parse(JSON.stringify(o)) as Json;

export function exampleKind<P extends ExamplePart>(kind: ExampleKind<P>): TuningKind<P> {
  const { part, reads, check, modelsOf = () => [], stages, encoders, encoderOf } = kind;
  const row = { part, reads, modelsOf, ...defined({ check }) };
  return {
    ...row,
    links(given) {
      const { name, base, part: own } = given;
      const source = exampleSource(given);
      const { definition, options, inputs } = kind.tuning(own, given);
      return [
        source,
        { stage: "tune", label: name, inputs: { base, examples: source.label, ...inputs }, definition, options: () => options, describe },
      ];
    },
    stages,
    ...defined({ encoders, encoderOf }),
    judge: {
      input: "examples",
      file: { halving: exampleHalvesStage, dividing: searchExamplesStage },
      beside: ["base", "teacher"],
      unit: kind.unit,
      link({ name, part: own, around }, { model, base, label, half }) {
        const { on, format, columns, bad, long, length, validation, sample, seed } = own;
        const isFile = isFilePath(on);
        const source = isFile ? {} : { source: asJson({ name: on, format, columns, validation, sample, seed }) };
        const { judge, options, beside } = kind.yardstick(own);
        const others = Object.fromEntries(Object.entries(beside).map(([input, of]) => [input, besideLabel(of)]));
        return {
          stage: "evaluate",
          label,
          inputs: { model, judged: judgedLabel, ...defined({ base }), ...others },
          definition: judgeExamplesStage(judge(around, name), around, {
            of: base === undefined ? "model" : "adapter",
            judged: isFile ? "example-halves" : "documents",
          }),
          options: () => ({ half, bad, long, length, ...source, ...options }),
          describe: s => `loss ${s.loss} on ${s.documents} documents`,
        };
      },
      // a loss beside the base's own log-probabilities, or a teacher's, is another one where those are
      told(own, study) {
        const said = ({ base, part: p }: typeof own): string => {
          const { name, options, beside } = kind.yardstick(p);
          const others = [Object.values(beside).includes("base") ? base : "", modelsOf(p)];
          return canonicalJson(asJson({ name, options, length: p.length, others }));
        };
        return said(own) === said(study) ? 1 : undefined;
      },
      texts: validationTexts,
    },
  };
}
