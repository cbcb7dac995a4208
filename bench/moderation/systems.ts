/** Systems that learn labels of prompts, fold by fold: linear models of TF-IDF and of frozen MiniLM, ridge regression on both, and MiniLM tuned by `task: multilabel`. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silent } from "../../src/base/index.ts";
import {
  characterAnalyzer,
  denseLogisticRegression,
  fitTfidf,
  joinedTfidf,
  type SparseRow,
  textClassifiers,
  wordAnalyzer,
} from "../../src/evaluate/baselines/text-classifiers/index.ts";
import { disposeTree, folderFiles, importHuggingFace, textStates, withClassifier } from "../../src/nn/index.ts";
import { cholesky, solveTriangular } from "../../src/statistics/index.ts";
import { openDevice } from "../../src/tensor/index.ts";
import { loadTokenizer } from "../../src/text/index.ts";
import { fitMultiLabel } from "../../src/tune/multi-label/fit.ts";
import { multiLabelOptions } from "../../src/tune/multi-label/options.ts";
import { headTokens } from "../../src/tune/text-head/batches.ts";
import { predictorOf, textReader } from "../../src/tune/text-head/predict.ts";

export const toldLabels = ["identity_attack", "threat"] as const;
/** Of which a tuned model learns all: the others teach it too. */
const allLabels = [...toldLabels, "insult", "profanity", "sexually_explicit", "severe_toxicity", "flirtation"] as const;
export type ScoredPrompt = { readonly text: string } & Readonly<Record<(typeof allLabels)[number], number>>;
/** Of each system a score a text, by the model that had not seen its fold. */
export type SystemScores = Readonly<Record<string, readonly number[]>>;

interface Given {
  readonly prompts: readonly ScoredPrompt[];
  readonly label: (typeof toldLabels)[number];
  readonly folds: Int32Array;
  readonly numFolds: number;
  /** The folder of all-MiniLM-L6-v2. */
  readonly model: string;
  readonly scale: number;
  readonly say: (text: string) => void;
}

const longest = 64;
/** Nearer to 0 or 1 a score says no more. */
const leastScore = 1e-3;
const logit = (p: number): number => {
  const x = Math.min(1 - leastScore, Math.max(leastScore, p));
  return Math.log(x / (1 - x));
};

/** Blocks of the base after which states are read: words, phrases, meaning. The last one's are those of a sentence encoder. */
const depths = [2, 4, 6] as const;

/** States of the frozen base after some of its blocks, the mean over tokens, each of length 1. */
export async function frozenStates(folder: string, texts: readonly string[]): Promise<readonly Float64Array[][]> {
  const device = openDevice("cpu", { threads: 1 });
  const base = await importHuggingFace(folderFiles(folder), device);
  if (base.family !== "encoder") throw new Error(`${folder}: expected an encoder, got ${base.family}`);
  const { config, parameters } = base;
  const tokenizer = loadTokenizer(readFileSync(join(folder, "tokenizer.json"), "utf8"), { place: folder });
  const tokens = texts.map(t => headTokens(tokenizer, t, longest));
  const all: Float64Array[][] = [];
  try {
    for (const layers of depths) {
      const model = withClassifier(
        { family: "encoder", config: { ...config, layers } },
        { labels: ["x"], kind: "several", pooling: "mean", longest },
      );
      const reader = textReader({
        device,
        longest,
        parameters: (p: unknown) => p,
        read: (p, t, present) => textStates(model, p, t, present),
      });
      const states = await reader
        .predict([{ ...parameters, blocks: parameters.blocks.slice(0, layers) }], tokens)
        .finally(() => reader.dispose());
      all.push(
        states.map(s => {
          const length = Math.hypot(...s);
          return s.map(x => x / length);
        }),
      );
    }
    return all;
  } finally {
    disposeTree(parameters);
    device.dispose();
  }
}

const sparseDot = (a: SparseRow, b: SparseRow): number => {
  let sum = 0;
  for (let i = 0, j = 0; i < a.columns.length && j < b.columns.length; )
    if (a.columns[i] === b.columns[j]) sum += a.values[i++]! * b.values[j++]!;
    else if (a.columns[i]! < b.columns[j]!) i++;
    else j++;
  return sum;
};

/** Of states beside n-grams, in the kernel. */
const stateWeight = 2;

/** Ridge regression by the kernel of n-grams and states together: as many unknowns as texts. */
function kernelRidge(
  texts: readonly string[],
  layers: readonly (readonly Float64Array[])[],
  targets: readonly number[],
  train: readonly number[],
  alpha: number,
): number[] {
  const known = train.map(i => texts[i]!);
  const features = joinedTfidf([
    fitTfidf(known, { analyzer: characterAnalyzer(2, 5), leastTexts: 2, sublinear: true }),
    fitTfidf(known, { analyzer: wordAnalyzer(2), sublinear: true }),
  ]);
  const rows = texts.map(t => features.row(t));
  const kernel = (a: number, b: number): number => {
    let dense = 0;
    for (const states of layers) for (let i = 0; i < states[a]!.length; i++) dense += states[a]![i]! * states[b]![i]!;
    return sparseDot(rows[a]!, rows[b]!) + stateWeight * dense;
  };
  const n = train.length;
  const mean = train.reduce((s, i) => s + targets[i]!, 0) / n;
  const gram = new Float64Array(n * n);
  for (let i = 0; i < n; i++)
    for (let j = 0; j <= i; j++) gram[i * n + j] = gram[j * n + i] = kernel(train[i]!, train[j]!) + (i === j ? alpha : 0);
  const l = cholesky(gram, n)!;
  const weights = solveTriangular(
    l,
    solveTriangular(
      l,
      Float64Array.from(train, i => targets[i]! - mean),
    ),
    true,
  );
  return texts.map((_, i) => mean + train.reduce((s, t, k) => s + weights[k]! * kernel(i, t), 0));
}

/** MiniLM tuned on all labels' scores; the last fifth of the training part selects. */
async function tuned(
  { prompts, label, model: folder }: Given,
  train: readonly number[],
  test: readonly number[],
  fold: number,
): Promise<number[]> {
  const device = openDevice("cpu", { threads: 1 });
  const work = mkdtempSync(join(tmpdir(), "loam-moderation-tune-"));
  const tokenizer = loadTokenizer(readFileSync(join(folder, "tokenizer.json"), "utf8"), { place: folder });
  const part = (items: readonly number[]) => ({
    ids: items.map(i => `${i}`),
    tokens: items.map(i => headTokens(tokenizer, prompts[i]!.text, longest)),
    truths: items.map(i => allLabels.map(l => (prompts[i]![l] >= 0.5 ? (1 as const) : (0 as const)))),
    targets: items.map(i => allLabels.map(l => prompts[i]![l])),
  });
  try {
    const selects = train.filter((_, k) => k % 5 === 4);
    const recipe = multiLabelOptions.parse({
      labels: [...allLabels],
      soft: true,
      epochs: 6,
      rate: 2e-4,
      batch: 16,
      length: longest,
      pooling: "mean",
      patience: 0,
      checkpointSeconds: 1e6,
    });
    const fitted = await fitMultiLabel({
      device,
      base: await importHuggingFace(folderFiles(folder), device),
      recipe,
      train: part(train.filter((_, k) => k % 5 !== 4)),
      validation: part(selects),
      longest,
      identity: `${label}${fold}`.padEnd(64, "0"),
      folder: work,
      progress: silent,
    });
    const predictor = predictorOf({ device, model: fitted.model, longest, parameters: (p: unknown) => p });
    const outputs = await predictor.predict([fitted.model.parameters], part(test).tokens);
    predictor.dispose();
    return outputs.map(row => row[allLabels.indexOf(label)]!);
  } finally {
    device.dispose();
    rmSync(work, { recursive: true, force: true });
  }
}

const spread = (values: readonly number[]) => {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return { mean, deviation: Math.sqrt(values.reduce((s, x) => s + (x - mean) ** 2, 0) / values.length) || 1 };
};
const standard = (values: readonly number[]): number[] => {
  const { mean, deviation } = spread(values);
  return values.map(x => (x - mean) / deviation);
};

export async function scoresOf(given: Given) {
  const { prompts, label, folds, numFolds, model, scale, say } = given;
  const texts = prompts.map(p => p.text);
  const truth = prompts.map(p => (p[label] >= 0.5 ? 1 : 0));
  const targets = prompts.map(p => logit(p[label]));
  const layers = await frozenStates(model, texts);
  const states = layers.at(-1)!;
  const names = {
    tfidf: "TF-IDF + logistic regression",
    frozen: "frozen MiniLM + logistic regression",
    ridge: "frozen MiniLM (3 layers) and n-grams, ridge on scores",
  } as const;
  // hours of a busy processor: left out of a smaller bench
  const withTuned = scale < 1 ? undefined : ({ tuned: "MiniLM tuned (task: multilabel, soft)", both: "tuned and ridge together" } as const);
  const scores: Record<string, number[]> = Object.fromEntries(
    [...Object.values(names), ...Object.values(withTuned ?? {})].map(n => [n, new Array<number>(texts.length).fill(0)]),
  );
  for (let fold = 0; fold < numFolds; fold++) {
    const test = texts.flatMap((_, i) => (folds[i] === fold ? [i] : []));
    const train = texts.flatMap((_, i) => (folds[i] === fold ? [] : [i]));
    const classify = textClassifiers["tf-idf + logistic regression"]({
      texts: train.map(i => texts[i]!),
      labels: train.map(i => truth[i]!),
      classes: 2,
    });
    const size = states[0]!.length;
    const values = new Float64Array(train.length * size);
    for (const [k, i] of train.entries()) values.set(states[i]!, k * size);
    const linear = denseLogisticRegression(
      { values, count: train.length, size },
      train.map(i => truth[i]!),
      2,
      { c: 1 },
    );
    const ridge = kernelRidge(texts, layers, targets, train, 1);
    for (const i of test) {
      const [a, b] = classify(texts[i]!) as readonly number[];
      const [c, d] = linear.scores(states[i]!) as readonly number[];
      scores[names.tfidf]![i] = b! - a!;
      scores[names.frozen]![i] = d === undefined ? c! : d - c!;
      scores[names.ridge]![i] = ridge[i]!;
    }
    if (!withTuned) continue;
    say(`${label}: tuning, fold ${fold + 1} of ${numFolds}`);
    const fine = await tuned(given, train, test, fold);
    const [one, other] = [standard(test.map(i => ridge[i]!)), standard(fine)];
    for (const [k, i] of test.entries()) {
      scores[withTuned.tuned]![i] = fine[k]!;
      scores[withTuned.both]![i] = one[k]! + other[k]!;
    }
  }
  return { scores, baseline: names.frozen, best: names.ridge };
}
