/** The winner of a study that judges by folds beside the configuration as it is, on the same folds: the corrected resampled t-test of their losses. */
import { type ResampledMean, resampledMean } from "../../statistics/index.ts";
import { openArtifact, type Store, type StoredStudy, type StoredTrial } from "../../store/index.ts";
import { type CrossValidationReport, foldLosses, outcomeOf } from "../../tune/index.ts";
import { reportOf } from "../eval/report-of.ts";
import { specOf } from "./definition.ts";
import { contenders } from "./verdict.ts";

export interface FoldComparison extends ResampledMean {
  readonly folds: number;
  /** Mean losses over the folds. The difference, `mean`, is the configuration's less the winner's. */
  readonly winner: number;
  readonly usual: number;
}

/** Undefined where the study has no folds, and where the winner is the configuration as it is or that came to no end. */
export async function foldComparison(
  store: Store,
  study: StoredStudy,
  trials: readonly StoredTrial[],
): Promise<FoldComparison | undefined> {
  const spec = specOf(study);
  const { winner, usual } = contenders(spec, trials);
  if (spec.folds === undefined || !winner || !usual || winner.number === usual.number) return undefined;
  const reportFor = async (t: StoredTrial) =>
    (await reportOf(await openArtifact(store, outcomeOf(t)!.artifacts.judgement!))) as CrossValidationReport;
  const [own, theirs] = [await reportFor(winner), await reportFor(usual)];
  const [losses, others] = [foldLosses(own), foldLosses(theirs)];
  const mean = (xs: readonly number[]) => xs.reduce((a, b) => a + b, 0) / xs.length;
  const differences = others.map((x, i) => x - losses[i]!);
  return { ...resampledMean(differences, own), folds: losses.length, winner: mean(losses), usual: mean(others) };
}

/** What it says, one sentence; `unit` is what is counted. */
export function foldSentence(c: FoldComparison, unit: string): string {
  const four = (x: number) => x.toFixed(4);
  const sign = c.mean < 0 ? "-" : "+";
  const sure = Number.isNaN(c.p)
    ? ""
    : ` [${four(c.low)}, ${four(c.high)}], p ${c.p < 0.001 ? "< 0.001" : c.p.toFixed(3)}, corrected resampled t-test`;
  return `Over ${c.folds} folds, which chose it: ${four(c.winner)} ${unit}, the default ${four(c.usual)} (${sign}${four(Math.abs(c.mean))}${sure})`;
}
