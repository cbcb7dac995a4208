/**
 * Trials of what is tuned on examples: answers, preferences, a teacher's distributions, an encoder's pairs. Of a file, the part that selects is halved: one
 * half chooses, the other one judges the choice; of a data set, its held-out side judges. The yardstick is the loss of the configuration as it is.
 */
import type { Json } from "../../base/index.ts";
import type { ArtifactReader } from "../../store/index.ts";
import {
  answersJudge,
  distilledJudge,
  endpointJudge,
  exampleHalvesStage,
  judgeExamplesStage,
  judgeVectorsStage,
  pairHalvesStage,
  pairsJudge,
  ratingsJudge,
  reference,
  searchExamplesStage,
  searchPairsStage,
  teacherInput,
} from "../../tune/index.ts";
import { dataSetOf } from "../../tune/part.ts";
import { cliErrors } from "../errors.ts";
import { type Link, link } from "../link.ts";
import type { ProjectFile } from "../project-file.ts";
import { baseText } from "../tuning/base-text.ts";
import { encoderText } from "../tuning/encoder-text.ts";
import { type OnExamples, reachOf } from "../tuning/instruct-links.ts";
import { onDataSet } from "./trial-documents.ts";
import { baseLabel, type Given, judgedLabel, lossText, type TrialKind, teacherLabel, toldBy, tuneOf } from "./trial-kind.ts";

type Judge = Parameters<typeof judgeExamplesStage>[0];

/** A loss with its options, as a configuration says it. */
interface Yardstick {
  readonly judge: Judge;
  readonly options: Json;
  /** Its inputs beside model and examples, by their labels. */
  readonly beside: Readonly<Record<string, string>>;
}

/** Without what is not said. */
const defined = (o: object): Json => JSON.parse(JSON.stringify(o)) as Json;

/** The loss that a recipe learns by; a task a row. */
const yardsticks: {
  readonly [T in OnExamples["task"]]: (tune: Extract<OnExamples, { task: T }>, p: ProjectFile, model: string) => Yardstick;
} = {
  instruct: ({ answers }) => ({ judge: answersJudge, options: { answers }, beside: {} }),
  preference({ loss, beta, smoothing, margin, desirable, undesirable }) {
    if (loss === "kto")
      return { judge: ratingsJudge, options: defined({ beta, desirable, undesirable }), beside: { [reference]: baseLabel } };
    const judge = pairsJudge(loss);
    return { judge, options: { loss, beta, smoothing, margin }, beside: judge.beside ? { [reference]: baseLabel } : {} };
  },
  distill({ answers, soft, temperature, teacher }, p, model) {
    if (typeof teacher === "string")
      return {
        judge: distilledJudge({ textOf: baseText }),
        options: { answers, soft, temperature },
        beside: { [teacherInput]: teacherLabel },
      };
    const { endpoint, model: theirs, topLogprobs } = teacher;
    return {
      judge: endpointJudge(reachOf(p, model, teacher)),
      options: { answers, soft, teacher: { endpoint, model: theirs, topLogprobs } },
      beside: {},
    };
  },
};
const units: { readonly [T in OnExamples["task"]]: (tune: Extract<OnExamples, { task: T }>) => string } = {
  instruct: () => "nats a token",
  preference: ({ loss }) => (loss === "kto" ? "loss of an answer" : "loss of a pair"),
  distill: () => "loss of a token",
};

/** What a record says, whatever its shape: the texts of a prompt, an answer, the turns of a conversation. */
function textsIn(value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, v]) => (["role", "kind", "place", "group"].includes(key) ? [] : textsIn(v)));
}
const validationTexts = async (artifact: ArtifactReader): Promise<string[]> =>
  (await artifact.read("validation.jsonl"))
    .toString("utf8")
    .split("\n")
    .filter(line => line !== "")
    .map(line => textsIn(JSON.parse(line)).join("\n"));

interface Prepared {
  readonly judged: string;
  readonly preparing: readonly Link[];
  readonly links: readonly Link[];
  readonly trained: Link;
}

/** What a file gives, halved; a trial learns from its own and selects by the study's half. `input` is what the training takes it as. */
function onFile<I extends "examples" | "pairs">(
  { model, life, trained: whole }: Given,
  input: I,
  halving: typeof exampleHalvesStage | typeof pairHalvesStage,
  dividing: typeof searchExamplesStage | typeof searchPairsStage,
): Prepared {
  const [own, judged, label] = [whole.inputs[input]!, `judged/${model}`, `search/${model}`];
  const halves = link({
    stage: "data",
    label: judged,
    inputs: { [input]: own } as never,
    definition: halving as typeof exampleHalvesStage,
    options: () => ({}),
    describe: s => `${s.validation} to choose by, ${s.test} to judge the choice`,
  });
  const apart = link({
    stage: "data",
    label,
    inputs: { [input]: own, judged: judgedLabel } as never,
    definition: dividing as typeof searchExamplesStage,
    options: () => ({}),
    describe: s => `${s.train} to train on, ${s.validation} to choose by`,
  });
  const trained: Link = { ...whole, inputs: { ...whole.inputs, [input]: label } };
  return { judged, preparing: [...life, halves], links: [...life.slice(0, life.indexOf(whole)), apart, trained], trained };
}

/** Tuned on examples of a file, or of a data set. */
export function onExamples(given: Given): TrialKind {
  const { project, usual, model, life, trained: whole, device } = given;
  const tune = usual.config.tuned[model]!.tune as OnExamples;
  const own = project.config.tuned[model]!.tune as OnExamples;
  const name = dataSetOf(tune);
  if ((dataSetOf(own) === undefined) !== (name === undefined))
    throw cliErrors.fail("model", {
      place: `models.${model}.tune.on`,
      expected: name === undefined ? "a file, as the configuration has" : "a data set, as the configuration has",
      received: own.on,
    });
  const prepared: Prepared =
    name === undefined
      ? onFile(given, "examples", exampleHalvesStage, searchExamplesStage)
      : { ...onDataSet(given, whole.inputs.examples!), preparing: life };
  const { format, columns, bad, long, length, validation, sample, seed } = tune;
  const source = name === undefined ? undefined : (defined({ name, format, columns, validation, sample, seed }) as never);
  const { judge: by, options, beside } = yardsticks[tune.task](tune as never, usual, model);
  const judged = name === undefined ? "example-halves" : "documents";
  const judge: NonNullable<TrialKind["judge"]> = ({ model: of, base, label, half }) =>
    link({
      stage: "evaluate",
      label,
      inputs: { model: of, judged: judgedLabel, ...(base === undefined ? {} : { base }), ...beside },
      definition: judgeExamplesStage(by, { device, textOf: baseText }, { of: base === undefined ? "model" : "adapter", judged }),
      options: () => ({ half, bad, long, length, ...(source ? { source } : {}), ...(options as object) }),
      describe: lossText,
    });
  // a loss beside the base's own log-probabilities, or a teacher's, is another one where those are
  const yardstick = (p: ProjectFile, t: OnExamples): Json => {
    const { judge: kind, options: said, beside: needs } = yardsticks[t.task](t as never, p, model);
    const others = [Object.hasOwn(needs, reference) ? p.config.tuned[model]!.base : "", "teacher" in t ? t.teacher : ""];
    return defined({ kind: kind.name, said, length: t.length, others });
  };
  const judgement = `judge/${model}`;
  const isAdapter = own.result === "adapter";
  return {
    ...prepared,
    unit: units[tune.task](tune as never),
    beside: {
      [baseLabel]: whole.inputs.base!,
      ...(whole.inputs.teacher === undefined ? {} : { [teacherLabel]: whole.inputs.teacher }),
    },
    links: [
      ...prepared.links,
      judge({ model, label: judgement, half: "validation", ...(isAdapter ? { base: prepared.trained.inputs.base } : {}) }),
    ],
    judgement,
    told: toldBy(yardstick(project, own), yardstick(usual, tune)),
    judge,
    texts: made => validationTexts(made.get(name === undefined ? judgedLabel : whole.inputs.examples!)!),
  };
}

/** An encoder, tuned on pairs of a file. */
export function vectors(given: Given): TrialKind {
  const { project, usual, model, trained: whole, device } = given;
  const { temperature, length } = tuneOf(usual, model, "embed");
  const own = tuneOf(project, model, "embed");
  const judge: NonNullable<TrialKind["judge"]> = ({ model: of, label, half }) =>
    link({
      stage: "evaluate",
      label,
      inputs: { model: of, judged: judgedLabel },
      definition: judgeVectorsStage({ device, encoderOf: encoderText }),
      options: () => ({ half, temperature, length }),
      describe: s => `${lossText(s)}, nDCG@10 ${Number(s.ndcg10).toFixed(3)}, recall@1 ${(1 - Number(s.errors)).toFixed(3)}`,
    });
  const prepared = onFile(given, "pairs", pairHalvesStage, searchPairsStage);
  const judgement = `judge/${model}`;
  return {
    ...prepared,
    unit: "nats an anchor",
    beside: { [baseLabel]: whole.inputs.base! },
    links: [...prepared.links, judge({ model, label: judgement, half: "validation" })],
    judgement,
    told: toldBy({ temperature: own.temperature, length: own.length }, { temperature, length }),
    judge,
    texts: made => validationTexts(made.get(judgedLabel)!),
  };
}
