/**
 * From texts with marked names and places to a tagger: an averaged perceptron over chains (Collins 2002). A tenth of the examples is held out
 * and seen by the last measurement only; another says at which temperature probabilities come true, and is then learnt from too. Words are now
 * and then hidden, so that neighbours and forms get weight and unseen names are found. The result does not depend on the order of the examples.
 */
import { z } from "zod";
import { random, sha256 } from "../../../../base/index.ts";
import { dataErrors } from "../../../errors.ts";
import type { NameExample } from "./examples.ts";
import { featuresOf, numOwn, numPairs, type TaggedFeatures, transitionOf } from "./features.ts";
import { type NameMeasures, type NamesModel, namesIn } from "./model.ts";
import { bestChain, chainScores, marginals } from "./tagger.ts";
import { numLabels as L, type NameToken, nameLabels, nameTokens, nameTypes } from "./tokens.ts";

export const namesTraining = z.strictObject({
  /** Features are hashed to 2^bits weights a label. */
  bits: z.number().int().min(8).max(22).default(18),
  passes: z.number().int().min(1).max(100).default(8),
  /** Share of rare words, and of words of names, that a pass sees without their letters. */
  hidden: z.number().min(0).max(0.9).default(0.25),
  /** Share of the examples that only the last measurement sees. */
  heldOut: z.number().min(0.02).max(0.5).default(0.1),
  seed: z.union([z.number().int(), z.string()]).default(1),
});
export type NamesTraining = z.output<typeof namesTraining>;

interface TrainNamesOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, message: string) => void;
}

/** With fewer nothing can be held out that says anything. */
const leastExamples = 20;

interface Prepared {
  readonly example: NameExample;
  readonly features: TaggedFeatures;
  readonly isMask: readonly boolean[];
  readonly labels: Uint8Array;
  /** Which tokens a pass may see without their letters: 1. */
  readonly canHide: Uint8Array;
}

/** What is written more often is known to every reader: a text's unknown words are rare ones, and hiding common words would say otherwise. */
const mostOccurrences = 50;

/** Each text once, by hash. A text whose spans differ between two lines is left out. */
function distinct(examples: Iterable<NameExample>) {
  const known = new Map<string, { readonly example: NameExample; readonly spans: string; isContradicted: boolean }>();
  let duplicates = 0;
  for (const example of examples) {
    const spans = JSON.stringify(example.spans.map(s => [s.start, s.end, s.type]));
    const key = sha256(example.text);
    const before = known.get(key);
    if (before === undefined) known.set(key, { example, spans, isContradicted: false });
    else if (before.spans === spans) duplicates++;
    else before.isContradicted = true;
  }
  const sorted = [...known].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, k]) => k);
  return {
    kept: sorted.filter(k => !k.isContradicted).map(k => k.example),
    duplicates,
    contradictions: sorted.filter(k => k.isContradicted).length,
  };
}

function preparedOf(examples: readonly NameExample[], bits: number): Prepared[] {
  const counts = new Map<string, number>();
  const read = examples.map(example => {
    const tokens: readonly NameToken[] = nameTokens(example.text);
    const words = tokens.map(t => t.text.toLowerCase());
    for (const w of words) counts.set(w, (counts.get(w) ?? 0) + 1);
    return { example, tokens, words };
  });
  return read.map(({ example, tokens, words }) => {
    const labels = nameLabels(tokens, example.spans);
    return {
      example,
      features: featuresOf(tokens, bits),
      isMask: tokens.map(t => t.isMask),
      labels,
      canHide: Uint8Array.from(words, (w, i) => Number(labels[i] !== 0 || counts.get(w)! <= mostOccurrences)),
    };
  });
}

/** All features of a token, or only those without its letters. */
const featuresAt = ({ own, pairs, letters }: TaggedFeatures, t: number, isHidden: boolean): readonly Uint32Array[] => {
  const plain = own.subarray(t * numOwn, (t + 1) * numOwn);
  return isHidden ? [plain] : [plain, letters[t]!, pairs.subarray(t * numPairs, (t + 1) * numPairs)];
};

type Pause = (pass: number) => Promise<void>;

async function learn(examples: readonly Prepared[], { bits, passes, hidden, seed }: NamesTraining, pause: Pause): Promise<Float32Array> {
  const size = 2 ** bits * L;
  const weights = new Float64Array(size);
  // Sums of changes, each times the step at which it was made: the average is then one subtraction (Daumé 2006).
  const late = new Float64Array(size);
  const draw = random(seed);
  let step = 1;
  for (let pass = 0; pass < passes; pass++) {
    await pause(pass);
    for (const i of draw.permutation(examples.length)) {
      const { features, isMask, labels, canHide } = examples[i]!;
      const unseen = canHide.map(can => Number(draw.uniform() < hidden && can === 1));
      const guess = bestChain(chainScores(features, isMask, weights, bits, unseen));
      const change = (feature: number, label: number, by: number) => {
        weights[feature * L + label]! += by;
        late[feature * L + label]! += step * by;
      };
      for (let t = 0; t < labels.length; t++) {
        const [right, wrong] = [labels[t]!, guess[t]!];
        const form = features.form[t]!;
        if (right !== wrong)
          for (const list of featuresAt(features, t, unseen[t] === 1))
            for (const f of list) {
              change(f, right, 1);
              change(f, wrong, -1);
            }
        const [rightBefore, wrongBefore] = t === 0 ? [L, L] : [labels[t - 1]!, guess[t - 1]!];
        if (right === wrong && rightBefore === wrongBefore) continue;
        for (const f of transitionOf(rightBefore, form, bits)) change(f, right, 1);
        for (const f of transitionOf(wrongBefore, form, bits)) change(f, wrong, -1);
      }
      step++;
    }
  }
  return Float32Array.from(weights, (w, i) => w - late[i]! / step);
}

/** Of a ladder of temperatures (from 1 on: toy examples would make scores ever surer) the one at which the true labels are the most probable. */
function temperatureOf(weights: Float32Array, bits: number, tuning: readonly Prepared[]): number {
  let best = { temperature: 1, loss: Number.POSITIVE_INFINITY };
  const scores = tuning.map(p => chainScores(p.features, p.isMask, weights, bits));
  for (let rung = 0; rung <= 12; rung++) {
    const temperature = 2 ** (rung / 2);
    let loss = 0;
    for (const [i, { labels }] of tuning.entries()) {
      const found = marginals(scores[i]!, temperature);
      for (let t = 0; t < labels.length; t++) loss -= Math.log(Math.max(1e-9, found[t * L + labels[t]!]!));
    }
    if (loss < best.loss) best = { temperature, loss };
  }
  return best.temperature;
}

/** Whole spans of the right type, found among the true ones. */
export function measureNameModel(
  model: Pick<NamesModel, "weights" | "bits" | "temperature">,
  examples: readonly NameExample[],
): NameMeasures {
  const counts = nameTypes.map(() => ({ right: 0, found: 0, there: 0 }));
  for (const { text, spans } of examples) {
    const there = new Set(spans.map(s => `${s.type} ${s.start} ${s.end}`));
    for (const s of spans) counts[nameTypes.indexOf(s.type)]!.there++;
    for (const s of namesIn(text, model)) {
      const count = counts[nameTypes.indexOf(s.type)]!;
      count.found++;
      if (there.has(`${s.type} ${s.start} ${s.end}`)) count.right++;
    }
  }
  const of = ({ right, found, there }: { right: number; found: number; there: number }) => ({
    precision: found === 0 ? 0 : right / found,
    recall: there === 0 ? 0 : right / there,
    f1: found + there === 0 ? 0 : (2 * right) / (found + there),
    there,
  });
  return { name: of(counts[0]!), place: of(counts[1]!) };
}

/** Learns from examples. Errors: data/examples, the signal's reason. */
export async function trainNames(
  examples: Iterable<NameExample>,
  o: NamesTraining,
  { signal, onProgress }: TrainNamesOptions = {},
): Promise<NamesModel> {
  const { kept, duplicates, contradictions } = distinct(examples);
  if (kept.length < leastExamples || kept.every(e => e.spans.length === 0))
    throw dataErrors.fail("examples", {
      place: "examples",
      expected: `at least ${leastExamples} different texts, with names or places marked`,
      received: `${kept.length} texts with ${kept.reduce((n, e) => n + e.spans.length, 0)} spans${contradictions > 0 ? ` (${contradictions} texts that were marked in two ways are left out)` : ""}`,
      hint: "Give more examples; a thousand sentences are a start.",
    });
  const numTests = Math.max(1, Math.round(o.heldOut * kept.length));
  const tests = kept.slice(0, numTests);
  const prepared = preparedOf(kept.slice(numTests), o.bits);
  const numTuning = Math.max(1, Math.round(prepared.length / 10));
  const pause = async (done: number, message: string) => {
    onProgress?.(done, message);
    await new Promise(resolve => setImmediate(resolve));
    signal?.throwIfAborted();
  };
  const part = (round: number) => (pass: number) =>
    pause((round + pass / o.passes) / 2, `${round === 0 ? "for the temperature" : "all examples"}, pass ${pass + 1} of ${o.passes}`);
  const tuning = prepared.slice(0, numTuning);
  const temperature = temperatureOf(await learn(prepared.slice(numTuning), o, part(0)), o.bits, tuning);
  const weights = await learn(prepared, o, part(1));
  const spansOfType = (type: string) => kept.reduce((n, e) => n + e.spans.filter(s => s.type === type).length, 0);
  const report = {
    examples: kept.length,
    names: spansOfType("name"),
    places: spansOfType("place"),
    duplicates,
    contradictions,
    heldOut: tests.length,
    measures: measureNameModel({ weights, bits: o.bits, temperature }, tests),
  };
  onProgress?.(1, "done");
  return { bits: o.bits, temperature, weights, options: o, report };
}
