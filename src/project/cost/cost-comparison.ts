/** Two costs beside each other. Core-seconds of different processors or tiers are different things: their ratio is none, and operations alone are compared. */
import { hardwareFlops } from "../../ledger/index.ts";
import { type CostCategory, costCategories } from "./categories.ts";
import type { CostReport, CostUse } from "./cost-report.ts";

/** First over second; null where the second is 0, or where the two were computed on different machines. */
export interface CostRatios {
  readonly coreSeconds: number | null;
  readonly kilowattHours: number | null;
  readonly usd: number | null;
  readonly flops: number | null;
}

export interface CostComparison {
  readonly against: CostReport;
  readonly isSameMachine: boolean;
  readonly total: CostRatios;
  readonly totalWithoutSweeps: CostRatios;
  readonly categories: Readonly<Partial<Record<CostCategory, CostRatios>>>;
}

const over = (a: number, b: number): number | null => (b > 0 ? a / b : null);

export function compareCosts(first: CostReport, second: CostReport): CostComparison {
  const isSameMachine = first.machines.length > 0 && first.machines.join("\n") === second.machines.join("\n");
  const ratios = (a: CostUse, b: CostUse): CostRatios => ({
    coreSeconds: isSameMachine ? over(a.coreSeconds, b.coreSeconds) : null,
    kilowattHours: isSameMachine ? over(a.kilowattHours, b.kilowattHours) : null,
    usd: isSameMachine ? over(a.usd, b.usd) : null,
    flops: over(hardwareFlops(a.work), hardwareFlops(b.work)),
  });
  const of = (report: CostReport, category: CostCategory) => report.categories.find(c => c.category === category);
  const categories = costCategories.flatMap(category => {
    const [a, b] = [of(first, category), of(second, category)];
    return a && b ? [[category, ratios(a, b)] as const] : [];
  });
  return {
    against: second,
    isSameMachine,
    total: ratios(first.total, second.total),
    totalWithoutSweeps: ratios(first.totalWithoutSweeps, second.totalWithoutSweeps),
    categories: Object.fromEntries(categories),
  };
}
