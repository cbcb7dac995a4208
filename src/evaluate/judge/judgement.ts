/** What a judge's verdicts come to for the model that they are about, from either side: its win rate with an interval, the judge's own reliability, the pairs. */

import type { ItemResult, ResultHead } from "../results/item.ts";
import { measureOf } from "../results/measures.ts";
import { type Score, scoreOf } from "../results/score.ts";
import { type JudgedItem, type JudgeOutcome, type JudgeSummary, judgeSummary, withJudgement } from "./judge.ts";

export interface JudgementScores extends JudgeSummary {
  /** A tie counts a half; not a number where no verdict could be read. */
  readonly winRate: Score;
}

/** `results` are the model's own, of which some or all were judged. */
export function judgementScores(judged: readonly JudgedItem[], results: readonly ItemResult[], head: ResultHead): JudgementScores {
  const summary = judgeSummary(judged);
  const none = {
    metric: "win_rate",
    better: "higher",
    items: 0,
    value: Number.NaN,
    low: Number.NaN,
    high: Number.NaN,
    interval: "none",
  } as const;
  return {
    ...summary,
    winRate: summary.unread === judged.length ? none : scoreOf(measureOf("win_rate", head), withJudgement(results, judged)),
  };
}

/** Both orders preferred the answer that stood in one place: what counts as a tie is the judge's doing. */
export const isContradicted = ({ outcome, shownFirst, shownSecond }: JudgedItem): boolean =>
  outcome === "tie" && shownFirst !== "tie" && shownSecond !== "tie";

const fromOther: { readonly [O in JudgeOutcome]: JudgeOutcome } = { win: "loss", loss: "win", tie: "tie" };

/** The same verdicts as the other model has them: what stood first for one stood second for the other. */
export const fromOtherSide = (judged: readonly JudgedItem[]): JudgedItem[] =>
  judged.map(({ first, second, shownFirst, shownSecond, outcome, said, ...rest }) => ({
    ...rest,
    first: second,
    second: first,
    ...(shownSecond ? { shownFirst: fromOther[shownSecond] } : {}),
    ...(shownFirst ? { shownSecond: fromOther[shownFirst] } : {}),
    ...(outcome ? { outcome: fromOther[outcome] } : {}),
    said: [said[1], said[0]],
  }));
