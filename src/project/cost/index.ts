/** What runs cost: the folder's public file. */
export { type CostCategory, costCategories } from "./categories.ts";
export type { CostComparison, CostRatios } from "./cost-comparison.ts";
export { type CostLine, type CostReport, type CostSum, type CostUse, costReport, type Utilisation } from "./cost-report.ts";
export { costSentences } from "./cost-sentences.ts";
export { lineageRuns } from "./lineage-runs.ts";
export { type CostRates, costRatesOf, type RateOptions } from "./rates.ts";
export { type CostOptions, costOfRun, type RunCost } from "./run-cost.ts";
