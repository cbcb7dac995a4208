/**
 * Membership inference against a classifier (Yeom et al. 2018), calibrated by class (Song and Mittal 2021): how well an attacker who sees the loss of a text
 * with its class tells training texts from held-out ones. Half is chance. Attacks with shadow models (LiRA) are left out: each costs a training.
 */
import { createHash } from "node:crypto";
import { leastTexts, type MembershipArea, membershipArea, type TextLoss } from "../../governance/index.ts";
import { tuneErrors } from "../errors.ts";

/** A text's class and the loss of its class, nats. */
export interface ClassLoss {
  /** What texts are divided by: near-duplicates stay together. */
  readonly group: string;
  readonly label: number;
  readonly loss: number;
}

/** Half of the held-out texts calibrates the attack, whole groups of near-duplicates; which half is no choice of anybody. */
const calibrates = ({ group }: ClassLoss): boolean => createHash("sha256").update(`membership/${group}`).digest()[0]! % 2 === 0;

/** Errors: tune/labels where a side has too few texts. */
export function classMembership(trained: readonly ClassLoss[], heldOut: readonly ClassLoss[]): MembershipArea {
  const calibration = heldOut.filter(calibrates);
  const neverSeen = heldOut.filter(t => !calibrates(t));
  if (Math.min(trained.length, calibration.length, neverSeen.length) < leastTexts)
    throw tuneErrors.fail("labels", {
      place: "tune.membership",
      expected: `${leastTexts} training texts and ${leastTexts} held-out ones in each half, at least`,
      received: `${trained.length}; ${calibration.length} and ${neverSeen.length}`,
      hint: "Hold out more texts, or leave membership out.",
    });
  const mean = (texts: readonly ClassLoss[]) => texts.reduce((sum, t) => sum + t.loss, 0) / texts.length;
  const overall = mean(calibration);
  const byClass = new Map<number, number>();
  for (const label of new Set([...trained, ...heldOut].map(t => t.label))) {
    const own = calibration.filter(t => t.label === label);
    byClass.set(label, own.length > 0 ? mean(own) : overall);
  }
  const losses = (texts: readonly ClassLoss[]): TextLoss[] => texts.map(t => ({ loss: t.loss, difficulty: byClass.get(t.label)! }));
  return membershipArea({ erased: losses(trained), neverSeen: losses(neverSeen), calibration: losses(calibration) });
}
