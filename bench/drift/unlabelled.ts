/** Quality without labels on mails: a model of July's, what CBPE expects of it in each month, and what labels say. */
import { random } from "../../src/base/index.ts";
import { decisionsAt } from "../../src/data/quality/measures.ts";
import { QualityScorer } from "../../src/data/quality/model.ts";
import { qualityTraining, trainQuality } from "../../src/data/quality/train.ts";
import { type ExpectedFigure, expectedPerformance } from "../../src/statistics/index.ts";
import { digits } from "../harness.ts";
import type { DatedMail } from "./mails.ts";

interface Estimate {
  readonly expected: ExpectedFigure;
  readonly labelled: number;
  readonly isInside: boolean;
}

export interface Unlabelled {
  readonly accuracy: Estimate;
  readonly f1: Estimate;
  readonly logLoss: Estimate;
}

const estimate = (expected: ExpectedFigure | null, labelled: number): Estimate => {
  const { value, low, high } = expected!;
  return {
    expected: { value: digits(value, 4), low: digits(low, 4), high: digits(high, 4) },
    labelled: digits(labelled, 4),
    isInside: low <= labelled && labelled <= high,
  };
};

function judge(mails: readonly DatedMail[], scorer: QualityScorer): Unlabelled {
  const spam = mails.map(m => 1 - scorer.score(m.text));
  const expected = expectedPerformance({ probabilities: spam.map(p => [1 - p, p]) });
  const { accuracy, f1 } = decisionsAt(mails.map((m, i) => ({ score: spam[i]!, isGood: m.isSpam })));
  const loss = mails.reduce((sum, m, i) => sum - Math.log(Math.max(2 ** -52, m.isSpam ? spam[i]! : 1 - spam[i]!)), 0) / mails.length;
  return { accuracy: estimate(expected.accuracy, accuracy), f1: estimate(expected.f1, f1), logLoss: estimate(expected.logLoss, loss) };
}

/** The model learns four fifths of July; the last fifth is a month without drift. */
export async function unlabelledQuality(
  july: readonly DatedMail[],
  later: Readonly<Record<string, readonly DatedMail[]>>,
): Promise<Record<string, Unlabelled>> {
  const order = Array.from(random("July").permutation(july.length), i => july[i]!);
  const cut = Math.floor(order.length / 5);
  const examples = order.slice(cut).map(m => ({ text: m.text, isGood: !m.isSpam }));
  const scorer = new QualityScorer(await trainQuality(examples, qualityTraining.parse({ bits: 18 })));
  const months = { "July, held out": order.slice(0, cut), ...later };
  return Object.fromEntries(Object.entries(months).map(([name, mails]) => [name, judge(mails, scorer)]));
}
