/**
 * Measures of a task's results by name. A measure is prepared once on a list of items and then asked for its figure on any of them, with
 * repetitions: so intervals, slices and comparisons need nothing of their own. Adding one is a row.
 */
import { nearest } from "../../base/index.ts";
import { calibrationErrorInterval, passAtK } from "../../statistics/index.ts";
import {
  type Averages,
  averagePrecision,
  type Curve,
  checkedDrawnCurve,
  classificationScores,
  confusion,
  drawnExpectedCalibrationError,
  rocArea,
} from "../classification/index.ts";
import { evaluateErrors } from "../errors.ts";
import { textMetrics } from "../generation/index.ts";
import { hasStereotypeParts, partMeasure, stereotypeMeasures, weatMeasures } from "../stereotype/index.ts";
import { chosen, indexOfGreatest, labelledOf } from "./chosen.ts";
import { costMeasure } from "./cost-measure.ts";
import { fairnessMeasureOf, groupedMeasureNames, isFairnessName } from "./fairness.ts";
import type { ItemResult, ResultHead, ResultOutput } from "./item.ts";
import { matched } from "./match.ts";
import { type EvaluationMeasure, type MakeMeasure, meanOf } from "./measure.ts";
import { probabilities } from "./probabilities.ts";
import { placeMeasure, placeMeasures } from "./retrieval-measures.ts";
import { clustersOf } from "./score.ts";
import { similarityMeasures } from "./similarity-measures.ts";

export type { EvaluationMeasure, Figure } from "./measure.ts";

const isRight = (i: ItemResult, by?: "letters" | "bytes"): number => Number(i.gold!.includes(chosen(i, by)));

/** A figure of the sums of what each item adds. */
const summed = (
  name: string,
  better: EvaluationMeasure["better"],
  parts: (i: ItemResult) => ArrayLike<number>,
  score: (sums: Float64Array) => number,
): EvaluationMeasure => ({
  name,
  better,
  kind: "whole",
  value: i => score(Float64Array.from(parts(i))),
  prepare: items => {
    const all = items.map(i => Float64Array.from(parts(i)));
    return at => {
      const sums = new Float64Array(all[0]?.length ?? 0);
      for (let k = 0; k < at.length; k++) {
        const own = all[at[k]!]!;
        for (let j = 0; j < sums.length; j++) sums[j]! += own[j]!;
      }
      return score(sums);
    };
  },
});

type TableFigure = (scores: ReturnType<typeof classificationScores>, about: string | undefined) => number;
/** A figure of the table of true and chosen labels; `f1:spam` is about one label. */
const table =
  (figure: TableFigure): MakeMeasure =>
  (name, { positive, output }) => {
    const about = name.includes(":") ? name.slice(name.indexOf(":") + 1) : positive;
    return {
      name,
      better: "higher",
      kind: "whole",
      isOfLabels: output === "classify",
      value: isRight,
      prepare: items => {
        const rows = labelledOf(items);
        return at => figure(classificationScores(confusion(rows, at)), about);
      },
    };
  };
const average =
  (key: keyof Averages): TableFigure =>
  (s, about) =>
    about === undefined ? s.macro[key] : (s.classes.find(c => c.name === about)?.[key] ?? 0);

/** Whether the likeliest choice is right, whatever is told. */
const likeliestIsRight = (i: ItemResult): number => Number(i.gold!.includes(indexOfGreatest(i.logLikelihoods!)));

/** A figure of the likeliest choice's probability and whether it is right. */
const calibration: MakeMeasure = name => ({
  name,
  better: "lower",
  kind: "whole",
  value: i => Math.abs(Math.max(...probabilities(i)) - likeliestIsRight(i)),
  prepare: items => {
    const probability = items.map(i => Math.max(...probabilities(i)));
    return drawnExpectedCalibrationError({ positive: items.map(likeliestIsRight), probability });
  },
  interval: (items, resampling) =>
    calibrationErrorInterval(
      { positive: items.map(likeliestIsRight), probability: items.map(i => Math.max(...probabilities(i))) },
      { ...resampling, clusters: clustersOf(items), seed: 1 },
    ),
});

/** A figure of the curve of the positive label's probability. */
const curved =
  (figure: (curve: Curve) => number): MakeMeasure =>
  (name, { positive }) => ({
    name,
    better: "higher",
    kind: "whole",
    value: isRight,
    prepare: items => {
      const score = items.map(i => probabilities(i)[i.choices!.indexOf(positive!)] ?? 0);
      const truth = items.map(i => Number(i.choices![i.gold![0]!] === positive));
      const drawn = checkedDrawnCurve({ positive: truth, score });
      return at => {
        const curve = drawn(at);
        // a draw of one class has no curve
        return curve ? figure(curve) : Number.NaN;
      };
    },
  });

const brier: MakeMeasure = meanOf("lower", "mean", i =>
  probabilities(i).reduce((s, p, k) => s + (p - Number(i.gold!.includes(k))) ** 2, 0),
);
const logLoss: MakeMeasure = meanOf("lower", "mean", i => -Math.log(Math.max(1e-300, Math.max(...i.gold!.map(g => probabilities(i)[g]!)))));

const ofChoices: Readonly<Record<string, MakeMeasure>> = {
  acc: (name, head) => ({ ...meanOf("higher", "share", i => isRight(i))(name, head), isOfLabels: head.output === "classify" }),
  acc_norm: meanOf("higher", "share", i => isRight(i, "letters")),
  acc_bytes: meanOf("higher", "share", i => isRight(i, "bytes")),
  exact_match: meanOf("higher", "share", i => Number(i.isGreedy)),
  balanced_acc: table(s => s.balancedAccuracy),
  // 0 by chance whatever the frequencies of the classes, 1 where all is right; a draw of one class has none
  balanced_acc_adjusted: table(s => {
    const present = s.classes.filter(c => c.support > 0).length;
    return (s.balancedAccuracy - 1 / present) / (1 - 1 / present);
  }),
  f1: table(average("f1")),
  precision: table(average("precision")),
  recall: table(average("recall")),
  f1_micro: table(s => s.micro.f1),
  f1_weighted: table(s => s.weighted.f1),
  mcc: table(s => s.mcc),
  kappa: table(s => s.kappa),
  brier,
  log_loss: logLoss,
  ece: calibration,
};
/** Of tasks with a label that is the positive one. */
const ofPositive: Readonly<Record<string, MakeMeasure>> = { auc: curved(rocArea), pr_auc: curved(averagePrecision) };

/** Of tasks that say what mistakes cost. */
const ofCosts: Readonly<Record<string, MakeMeasure>> = { cost: costMeasure };

/** Of any output: what an answer took, in milliseconds; of a batch, its share. */
const ofAny: Readonly<Record<string, MakeMeasure>> = { latencyMs: meanOf("lower", "mean", i => i.ms) };

/** `pass@k` of programs: the mean over items of its estimate. Errors: evaluate/metric for a k above the answers. */
const passing =
  (k: number): MakeMeasure =>
  (name, head) => {
    const value = ({ passed = [], place }: ItemResult): number => {
      if (k >= 1 && k <= passed.length) return passAtK(passed.length, passed.filter(Boolean).length, k);
      throw evaluateErrors.fail("metric", {
        place: `${head.task}: ${name}`,
        expected: `k from 1 to ${passed.length}, the answers to ${place}`,
        received: String(k),
        hint: "generate.samples says how many answers are written.",
      });
    };
    // of one answer an item the estimate is 0 or 1
    return meanOf("higher", head.samples === 1 ? "share" : "mean", value)(name, head);
  };
const passName = /^pass@(\d+)$/;

/** Mean of what items count in a judge's eyes; those without a verdict are left out. Errors: evaluate/metric where no item has one. */
const winning: MakeMeasure = (name, head) => ({
  name,
  better: "higher",
  kind: "whole",
  value: i => i.judged ?? 0.5,
  supposed: (i, as) => (i.judged === undefined ? { ...i, judged: as === "best" ? 1 : 0 } : i),
  prepare: items => {
    if (items.every(i => i.judged === undefined))
      throw evaluateErrors.fail("metric", {
        place: `${head.task}: ${name}`,
        expected: "verdicts of a judge",
        received: "none",
        hint: "--judge MODEL with --against compares the answers of two models; a judge whose verdicts cannot be read gives none.",
      });
    return at => {
      let [sum, count] = [0, 0];
      for (let k = 0; k < at.length; k++) {
        const { judged } = items[at[k]!]!;
        if (judged === undefined) continue;
        sum += judged;
        count++;
      }
      return sum / count;
    };
  },
});

const errorOf = ({ numbers }: ItemResult): number => numbers!.came - numbers!.right;
const f1OfSums = (s: Float64Array): number => (s[0] === 0 && s[1] === 0 ? 1 : (2 * s[0]!) / (2 * s[0]! + s[1]!));

const perItem = (i: ItemResult): [number, number, number] => [i.logLikelihood!, i.words!, i.textBytes!];
const measures: { readonly [O in ResultOutput]: Readonly<Record<string, MakeMeasure>> } = {
  multiple_choice: ofChoices,
  classify: ofChoices,
  loglikelihood: {
    acc: meanOf("higher", "share", i => Number(i.isGreedy)),
    perplexity: name =>
      summed(
        name,
        "lower",
        i => [i.logLikelihood!, 1],
        s => Math.exp(-s[0]! / s[1]!),
      ),
  },
  loglikelihood_rolling: {
    bits_per_byte: name => summed(name, "lower", perItem, s => -s[0]! / s[2]! / Math.LN2),
    byte_perplexity: name => summed(name, "lower", perItem, s => Math.exp(-s[0]! / s[2]!)),
    word_perplexity: name => summed(name, "lower", perItem, s => Math.exp(-s[0]! / s[1]!)),
  },
  code: { "pass@1": passing(1) },
  retrieval: placeMeasures,
  similarity: similarityMeasures,
  ...stereotypeMeasures,
  weat: weatMeasures,
  number: {
    mae: meanOf("lower", "mean", i => Math.abs(errorOf(i))),
    rmse: name =>
      summed(
        name,
        "lower",
        i => [errorOf(i) ** 2, 1],
        s => Math.sqrt(s[0]! / s[1]!),
      ),
  },
  label_set: {
    // a text without labels that is told none is wholly right
    f1_micro: name => summed(name, "higher", ({ labelSet }) => [labelSet!.both, labelSet!.wrong + labelSet!.missed], f1OfSums),
    exact_match: meanOf("higher", "share", ({ labelSet }) => Number(labelSet!.wrong + labelSet!.missed === 0)),
  },
  generate_until: {
    win_rate: winning,
    ...Object.fromEntries(
      Object.values(textMetrics).map(m => [
        m.name,
        (name: string, { match, task }: ResultHead): EvaluationMeasure => {
          const plain = match && name === "exact-match" ? matched(match, task) : undefined;
          const own = summed(
            name,
            m.better ?? "higher",
            i => (plain ? m.statistics(plain(i.texts![0]!), i.references!.map(plain)) : m.statistics(i.texts![0]!, i.references!)),
            s => m.score(s),
          );
          const kind = ["exact-match", "normalised-match"].includes(name) ? "share" : "whole";
          return { ...own, kind };
        },
      ]),
    ),
  },
};

/** What is measured where a task does not say. */
const defaults: { readonly [O in ResultOutput]: readonly string[] } = {
  multiple_choice: ["acc", "acc_norm"],
  classify: ["acc", "f1", "mcc"],
  loglikelihood: ["acc", "perplexity"],
  loglikelihood_rolling: ["bits_per_byte", "byte_perplexity", "word_perplexity"],
  generate_until: ["exact-match", "token-f1"],
  code: ["pass@1"],
  retrieval: ["ndcg@10", "recall@10", "mrr@10", "map"],
  similarity: ["spearman", "pearson"],
  stereoset: ["icat", "lms", "ss"],
  crows_pairs: ["pct_stereotype", "likelihood_diff"],
  winobias: ["pct_stereotype", "likelihood_diff"],
  bbq: ["acc", "accuracy_amb", "accuracy_disamb", "amb_bias_score", "disamb_bias_score"],
  weat: ["effect_size", "p_value"],
  number: ["mae", "rmse"],
  label_set: ["f1_micro", "exact_match"],
};

/** Names that an error lists; choices may be others for every item. */
const mostListed = 40;

const perLabel = /^(f1|precision|recall):(.+)$/;

const tableOfHead = (head: ResultHead) => ({
  ...measures[head.output],
  ...(head.positive === undefined ? {} : ofPositive),
  ...(head.costs === undefined ? {} : ofCosts),
  ...ofAny,
});
const isOfLabels = ({ output }: ResultHead): boolean => output === "classify" || output === "multiple_choice";

/** Names of the measures of an output; of those with a parameter, an example. */
export const resultMeasureNames = (head: ResultHead, labels: readonly string[] = []): string[] => [
  ...Object.keys(tableOfHead(head)),
  ...(isOfLabels(head) ? labels.map(l => `f1:${l}`) : []),
  ...(head.groups ? groupedMeasureNames(head.groups) : []),
  ...(hasStereotypeParts(head.output) ? labels.map(l => `${defaults[head.output][0]}:${l}`) : []),
];

/** A measure of an output by name. `labels` are those that may be named. Errors: evaluate/metric with the nearest. */
export function measureOf(name: string, head: ResultHead, labels: readonly string[] = []): EvaluationMeasure {
  const table = tableOfHead(head);
  if (Object.hasOwn(table, name)) return table[name]!(name, head);
  const fair = fairnessMeasureOf(name, head);
  if (fair) return fair;
  const k = head.output === "code" ? passName.exec(name)?.[1] : undefined;
  if (k !== undefined) return passing(Number(k))(name, head);
  const places = head.output === "retrieval" ? placeMeasure(name) : undefined;
  if (places) return places(name, head);
  const [, whole, part] = (hasStereotypeParts(head.output) && /^([^:]+):(.+)$/.exec(name)) || [];
  if (whole !== undefined && Object.hasOwn(table, whole) && labels.includes(part!)) return partMeasure(table[whole]!, part!)(name, head);
  const [, base, label] = (isOfLabels(head) && perLabel.exec(name)) || [];
  if (base !== undefined && labels.includes(label!)) return table[base]!(name, head);
  const known = resultMeasureNames(head, labels);
  const near = nearest(name, known);
  const more = known.length - mostListed;
  throw evaluateErrors.fail("metric", {
    place: `${head.task}: metrics`,
    expected: `a measure of ${head.output}: ${known.slice(0, mostListed).join(", ")}${more > 0 ? ` and ${more} more of labels` : ""}`,
    received: `"${name}"`,
    ...(name === "cost" && head.output === "classify"
      ? { hint: "`loam eval --fail-if` asks it of a task with `costs`, which say what each mistake costs." }
      : isFairnessName(name) && !head.groups
        ? { hint: "The task needs `groups`: the attributes whose groups are compared." }
        : near
          ? { hint: `Did you mean "${near}"?` }
          : {}),
  });
}

export const defaultMeasures = (output: ResultOutput): readonly string[] => defaults[output];
