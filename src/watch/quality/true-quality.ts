/** How good a model was on requests that were labelled: figures with 95 % intervals. Texts of one request are drawn together. */
import { bootstrapAll, calibrationError, type Interval, reliability, studentQuantile, wilson } from "../../statistics/index.ts";

/** A text with what was told of it, and what is right. */
export interface JudgedText {
  /** Its request: texts of one are no independent ones. */
  readonly request: string;
  readonly predicted: string | null;
  readonly probabilities: Readonly<Record<string, number>> | null;
  readonly truth: string | null;
  /** 0 to 1. */
  readonly score: number | null;
  readonly isTrusted: boolean;
}

export interface ClassFigures {
  readonly label: string;
  /** Texts of the class, and texts that were taken for it. */
  readonly support: number;
  readonly predicted: number;
  readonly precision: Interval | null;
  readonly recall: Interval | null;
  readonly f1: number | null;
}

export interface TrueQuality {
  /** Requests and their texts with a label or a score, and those of them that a trusted source labelled. */
  readonly requests: number;
  readonly texts: number;
  readonly trusted: number;
  /** Texts of which class told and class given are known. */
  readonly classified: number;
  readonly accuracy: Interval | null;
  readonly macroF1: Interval | null;
  /** Mean negative log-probability of the right class, in nats. */
  readonly logLoss: Interval | null;
  /** Expected calibration error of the class told, in at most 10 bins of equal mass. */
  readonly calibrationError: number | null;
  /** Labels that are no class the model told a probability of. */
  readonly unknownClasses: number;
  readonly classes: readonly ClassFigures[];
  /** Mean score; thumbs up and down count 1 and 0. */
  readonly score: Interval | null;
}

/** Below it a probability is its rounding. */
const leastProbability = 1e-6;
/** Redrawn texts of a bootstrap, all draws together: about a second. */
const mostDrawn = 4_000_000;
const confidence = 0.95;

/** Mean with Student's interval, within bounds. Null of fewer than 2 values. */
function meanInterval(values: readonly number[], [least, most] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]): Interval | null {
  const n = values.length;
  if (n < 2) return null;
  const value = values.reduce((a, b) => a + b, 0) / n;
  const variance = values.reduce((s, x) => s + (x - value) ** 2, 0) / (n - 1);
  const half = studentQuantile(confidence, n - 1) * Math.sqrt(variance / n);
  return { value, low: Math.max(least, value - half), high: Math.min(most, value + half) };
}

interface Classified {
  readonly request: number;
  readonly predicted: number;
  readonly truth: number;
  readonly loss: number | null;
}

const f1Of = (right: number, predicted: number, support: number): number =>
  predicted + support === 0 ? Number.NaN : (2 * right) / (predicted + support);

/** Of some texts with repetitions: accuracy, macro F1 over classes that occur, mean log loss. */
function figuresOf(texts: readonly Classified[], at: ArrayLike<number>, numClasses: number): [number, number, number] {
  const [right, predicted, support] = [new Float64Array(numClasses), new Float64Array(numClasses), new Float64Array(numClasses)];
  let [hits, loss, numLosses] = [0, 0, 0];
  for (let i = 0; i < at.length; i++) {
    const t = texts[at[i]!]!;
    predicted[t.predicted]!++;
    support[t.truth]!++;
    if (t.predicted === t.truth) {
      right[t.truth]!++;
      hits++;
    }
    if (t.loss !== null) {
      loss += t.loss;
      numLosses++;
    }
  }
  const f1s = Array.from(support, (s, c) => f1Of(right[c]!, predicted[c]!, s)).filter(f => !Number.isNaN(f));
  const macro = f1s.length === 0 ? Number.NaN : f1s.reduce((a, b) => a + b, 0) / f1s.length;
  return [hits / at.length, macro, numLosses === 0 ? Number.NaN : loss / numLosses];
}

const intervalOf = ({ value, low, high }: Interval): Interval | null =>
  Number.isNaN(value) || Number.isNaN(low) || Number.isNaN(high) ? null : { value, low, high };

function classFigures(texts: readonly Classified[], names: readonly string[]): ClassFigures[] {
  return names.map((label, c) => {
    const support = texts.filter(t => t.truth === c).length;
    const predicted = texts.filter(t => t.predicted === c).length;
    const right = texts.filter(t => t.truth === c && t.predicted === c).length;
    const f1 = f1Of(right, predicted, support);
    return {
      label,
      support,
      predicted,
      precision: predicted > 0 ? wilson(right, predicted) : null,
      recall: support > 0 ? wilson(right, support) : null,
      f1: Number.isNaN(f1) ? null : f1,
    };
  });
}

/** Whether the class told is right, beside its probability. */
function calibrationOf(texts: readonly JudgedText[]): number | null {
  const said = texts.filter(t => t.truth !== null && t.predicted !== null && t.probabilities?.[t.predicted] !== undefined);
  if (said.length === 0) return null;
  const bins = Math.max(1, Math.min(10, Math.floor(said.length / 10)));
  const positive = said.map(t => t.predicted === t.truth);
  return calibrationError(reliability({ positive, probability: said.map(t => t.probabilities![t.predicted!]!) }, { bins }));
}

function scoreOf(texts: readonly JudgedText[]): Interval | null {
  const scores = texts.flatMap(t => t.score ?? []);
  if (scores.length > 0 && scores.every(s => s === 0 || s === 1)) return wilson(scores.filter(s => s === 1).length, scores.length);
  return meanInterval(scores, [0, 1]);
}

/** Figures of labelled texts. Log loss and macro F1 by a bootstrap over requests; accuracy too where a request has several texts, else Wilson's. */
export function trueQuality(texts: readonly JudgedText[]): TrueQuality {
  const requests = new Map([...new Set(texts.map(t => t.request))].map((r, i) => [r, i]));
  const judged = texts.filter(t => t.truth !== null && t.predicted !== null);
  const names = [...new Set(judged.flatMap(t => [t.truth!, t.predicted!]))].sort();
  const place = new Map(names.map((name, i) => [name, i]));
  const classified = judged.map(
    (t): Classified => ({
      request: requests.get(t.request)!,
      predicted: place.get(t.predicted!)!,
      truth: place.get(t.truth!)!,
      loss: t.probabilities ? -Math.log(Math.max(leastProbability, t.probabilities[t.truth!] ?? 0)) : null,
    }),
  );
  const n = classified.length;
  const clusters = classified.map(c => c.request);
  const isEachAlone = new Set(clusters).size === n;
  const drawn =
    new Set(clusters).size < 2
      ? undefined
      : bootstrapAll(n, at => figuresOf(classified, at, names.length), {
          draws: Math.max(200, Math.min(2000, Math.floor(mostDrawn / n))),
          clusters,
        });
  const hits = classified.filter(c => c.predicted === c.truth).length;
  return {
    requests: requests.size,
    texts: texts.length,
    trusted: texts.filter(t => t.isTrusted).length,
    classified: n,
    accuracy: n === 0 ? null : isEachAlone ? wilson(hits, n) : drawn ? intervalOf(drawn[0]!) : null,
    macroF1: drawn ? intervalOf(drawn[1]!) : null,
    logLoss: drawn ? intervalOf(drawn[2]!) : null,
    calibrationError: calibrationOf(texts),
    unknownClasses: judged.filter(t => t.probabilities && t.probabilities[t.truth!] === undefined).length,
    classes: classFigures(classified, names),
    score: scoreOf(texts),
  };
}
