/** What a comparison says now. It may be asked at any time, as often as one likes. */
import { differenceBounds } from "./betting.ts";
import { bucketAtShare, bucketValue, quantileBounds } from "./buckets.ts";
import { hasRatioMismatch } from "./observe.ts";
import type { ComparisonArm, ComparisonMetric } from "./options.ts";
import type { ComparisonJudgement, ComparisonState, ComparisonVerdict, MetricJudgement, MetricState } from "./state.ts";

/** Anytime-valid p-value of the largest wealth. */
const pOf = (logMaximum: number): number => Math.max(Number.MIN_VALUE, Math.min(1, Math.exp(-logMaximum)));

const byArm = <T>(of: (arm: ComparisonArm) => T): Record<ComparisonArm, T> => ({ control: of("control"), treatment: of("treatment") });

/** An arm's mean or quantile in the metric's unit. */
function figureOf(metric: ComparisonMetric, state: MetricState, arm: ComparisonArm): number | null {
  const { users, sum, buckets } = state.arms[arm];
  if (metric.kind === "quantile") {
    const bucket = bucketAtShare(buckets, metric.quantile);
    return bucket === undefined ? null : bucketValue(bucket) * (arm === "treatment" ? metric.ratio : 1);
  }
  if (users === 0) return null;
  const loss = sum / users;
  if (metric.kind === "rate") return loss;
  return metric.low + (metric.better === "higher" ? 1 - loss : loss) * (metric.high - metric.low);
}

function judgeMetric(name: string, metric: ComparisonMetric, state: MetricState, alpha: number, weight: number): MetricJudgement {
  const users = byArm(arm => state.arms[arm].users);
  const limit = -Math.log(alpha);
  const isHarm = state.harm.logMaximum + Math.log(weight) >= limit;
  const verdict: ComparisonVerdict = isHarm ? "harm" : state.safe.logMaximum >= limit ? "no harm" : "undecided";
  let difference: MetricJudgement["difference"] = null;
  if (users.control > 0 && users.treatment > 0) {
    const [low, high] = differenceBounds(state.larger, state.smaller, alpha);
    const estimate = state.arms.treatment.sum / users.treatment - state.arms.control.sum / users.control;
    // losses rise where "higher is better" falls
    const unit = metric.kind === "mean" ? (metric.high - metric.low) * (metric.better === "higher" ? -1 : 1) : 1;
    const ends = [low * unit, high * unit].sort((a, b) => a - b);
    difference = { estimate: estimate * unit, low: ends[0]!, high: ends[1]! };
  }
  const judgement = {
    name,
    kind: metric.kind,
    verdict,
    users,
    control: figureOf(metric, state, "control"),
    treatment: figureOf(metric, state, "treatment"),
    difference,
    pHarm: pOf(state.harm.logMaximum),
    pSafe: pOf(state.safe.logMaximum),
  };
  if (metric.kind !== "quantile") return judgement;
  const bounds = byArm((arm): readonly [number, number | null] => {
    const times = arm === "treatment" ? metric.ratio : 1;
    const [low, high] = quantileBounds(state.arms[arm].buckets, users[arm], metric.quantile, alpha);
    return [low * times, high === null ? null : high * times];
  });
  return { ...judgement, bounds };
}

function reasonOf(verdict: ComparisonVerdict, state: ComparisonState, metrics: readonly MetricJudgement[]): string {
  if (verdict === "harm") {
    const named = metrics.filter(m => m.verdict === "harm");
    const worst = named.length > 0 ? named : [metrics.reduce((a, b) => (b.pHarm < a.pHarm ? b : a))];
    return `the treatment is worse in ${worst.map(m => m.name).join(", ")}`;
  }
  if (verdict === "no harm") return "the treatment is shown to be within the margin in every metric";
  const mismatch = hasRatioMismatch(state) ? "; the arms' users are not in the declared ratio: check the assignment" : "";
  if (state.ended === "longest run") return `the declared longest run is over${mismatch}`;
  return `${state.isWarm ? "more requests are needed" : "the warm-up is not over"}${mismatch}`;
}

export function judgeComparison(state: ComparisonState): ComparisonJudgement {
  const { declared, users, requests } = state;
  const names = Object.keys(declared.metrics);
  const all = names.reduce((sum, name) => sum + (declared.metrics[name]!.weight ?? 1), 0);
  const metrics = names.map(name => {
    const metric = declared.metrics[name]!;
    return judgeMetric(name, metric, state.metrics[name]!, declared.alpha, (metric.weight ?? 1) / all);
  });
  const verdict = state.ended === "harm" || state.ended === "no harm" ? state.ended : "undecided";
  const both = users.control + users.treatment;
  return {
    verdict,
    isEnded: state.ended !== null,
    reason: reasonOf(verdict, state, metrics),
    requests,
    users,
    metrics,
    ratioMismatch: {
      isMismatch: hasRatioMismatch(state),
      p: pOf(state.logRatioMaximum),
      expected: declared.share,
      observed: both === 0 ? null : users.treatment / both,
    },
  };
}
