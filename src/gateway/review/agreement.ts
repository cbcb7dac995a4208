/** Agreement of reviewers, corrected for chance (kappa, alpha), from the votes of decided cases. */
import { cohenKappa, krippendorffAlpha } from "../../statistics/index.ts";
import { type ReviewVote, reviewDecisions } from "./review-case.ts";

export interface ReviewAgreement {
  /** Cases with two votes or more in a round. */
  readonly cases: number;
  /** Krippendorff's alpha (nominal) over all reviewers; null where nothing can be compared. */
  readonly alpha: number | null;
  /** Cohen's kappa of each pair with cases in common. */
  readonly pairs: readonly { readonly reviewers: readonly [string, string]; readonly cases: number; readonly kappa: number | null }[];
  readonly reviewers: readonly { readonly reviewer: string; readonly votes: number }[];
}

const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);

export function reviewAgreement(votes: ReadonlyMap<string, readonly ReviewVote[]>): ReviewAgreement {
  const rounds = [...votes.values()].flatMap(all => [...new Set(all.map(v => v.round))].map(round => all.filter(v => v.round === round)));
  const shared = rounds.filter(r => r.length >= 2);
  const counts = new Map<string, number>();
  for (const { reviewer } of rounds.flat()) counts.set(reviewer, (counts.get(reviewer) ?? 0) + 1);
  const names = [...counts.keys()].sort();
  const pairs: ReviewAgreement["pairs"][number][] = [];
  for (const [i, a] of names.entries())
    for (const b of names.slice(i + 1)) {
      const both = shared.flatMap(round => {
        const [first, second] = [a, b].map(name => round.find(v => v.reviewer === name)?.decision);
        return first && second ? [{ first, second }] : [];
      });
      if (both.length === 0) continue;
      const kappa = cohenKappa(
        both.map(v => v.first),
        both.map(v => v.second),
        { classes: [...reviewDecisions] },
      );
      pairs.push({ reviewers: [a, b], cases: both.length, kappa: finite(kappa) });
    }
  const table = shared.map(round => reviewDecisions.map(d => round.filter(v => v.decision === d).length));
  return {
    cases: shared.length,
    alpha: table.length === 0 ? null : finite(krippendorffAlpha(table)),
    pairs,
    reviewers: names.map(reviewer => ({ reviewer, votes: counts.get(reviewer)! })),
  };
}
