/**
 * Membership inference by loss (Yeom et al. 2018), calibrated by how hard each text is (Watson et al. 2022): how well an attacker tells texts that were
 * erased from texts that no model ever saw. Half is chance. Attacks with many shadow models (LiRA) are left out: each costs a training.
 */
import { curveOf, type Interval, rocArea, rocAreaInterval } from "../../statistics/index.ts";
import { governanceErrors } from "../errors.ts";

/** Loss of a model on a text, and how hard the text is to one that never saw it; both in nats per token. */
export interface TextLoss {
  readonly loss: number;
  readonly difficulty: number;
}

/** Fewer texts on a side say nothing: an interval of 10 against 10 is [0.26, 0.74] at chance. */
export const leastTexts = 10;

export interface MembershipArea extends Interval {
  readonly erased: number;
  readonly neverSeen: number;
  /** Share of erased texts found at a threshold that at most 1 in 10 never-seen texts passes. */
  readonly foundAtTenth: number;
}

/** `loss = intercept + slope * difficulty` by least squares over texts that were never seen. */
export interface ExpectedLoss {
  readonly intercept: number;
  readonly slope: number;
}

const fail = (expected: string, received: string) => governanceErrors.fail("membership", { place: "membership", expected, received });

const checkNumbers = (name: string, texts: readonly TextLoss[]): void => {
  const at = texts.findIndex(t => !(Number.isFinite(t.loss) && Number.isFinite(t.difficulty)));
  if (at >= 0) throw fail("a loss and a difficulty that are finite", `${name}[${at}]: ${texts[at]!.loss}, ${texts[at]!.difficulty}`);
};

/** The loss that a text of a difficulty has where it was not learnt. Where all are equally hard it is the mean. Errors: governance/membership. */
export function expectedLoss(neverSeen: readonly TextLoss[]): ExpectedLoss {
  if (neverSeen.length < 2) throw fail("two texts that were never seen, at least", String(neverSeen.length));
  checkNumbers("neverSeen", neverSeen);
  const mean = (of: (t: TextLoss) => number) => neverSeen.reduce((s, t) => s + of(t), 0) / neverSeen.length;
  const [x, y] = [mean(t => t.difficulty), mean(t => t.loss)];
  const spread = mean(t => (t.difficulty - x) ** 2);
  // texts that differ by rounding alone say nothing of a slope
  const slope = spread > 1e-12 ? mean(t => (t.difficulty - x) * (t.loss - y)) / spread : 0;
  return { intercept: y - slope * x, slope };
}

/** How far a text's loss lies below what its difficulty lets expect: higher for texts that were learnt. */
export const membershipScore = ({ loss, difficulty }: TextLoss, { intercept, slope }: ExpectedLoss): number =>
  intercept + slope * difficulty - loss;

/**
 * Area under the ROC curve of telling erased texts from never-seen ones, with its 95 % interval. `calibration` are further never-seen texts, which the
 * expected loss is fitted on. Errors: governance/membership.
 */
export function membershipArea(given: {
  readonly erased: readonly TextLoss[];
  readonly neverSeen: readonly TextLoss[];
  readonly calibration: readonly TextLoss[];
}): MembershipArea {
  const { erased, neverSeen, calibration } = given;
  if (erased.length < leastTexts || neverSeen.length < leastTexts)
    throw fail(`${leastTexts} texts on each side, at least`, `${erased.length} erased, ${neverSeen.length} never seen`);
  checkNumbers("erased", erased);
  checkNumbers("neverSeen", neverSeen);
  const expected = expectedLoss(calibration);
  const score = [...erased, ...neverSeen].map(t => membershipScore(t, expected));
  const curve = curveOf({ positive: score.map((_, i) => i < erased.length), score });
  let foundAtTenth = 0;
  for (const [i, wrong] of curve.falsePositives.entries())
    if (wrong <= curve.negatives / 10) foundAtTenth = curve.truePositives[i]! / curve.positives;
  return {
    ...rocAreaInterval(rocArea(curve), curve.positives, curve.negatives),
    erased: erased.length,
    neverSeen: neverSeen.length,
    foundAtTenth,
  };
}

/** Does an AUC lie within the interval of another: are erased texts found no more often, and no less, than texts that were never seen? */
export const isWithinInterval = ({ value }: Pick<Interval, "value">, { low, high }: Pick<Interval, "low" | "high">): boolean =>
  low <= value && value <= high;
