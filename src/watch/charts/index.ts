/** Statistical process control: charts that are declared by their average run length. */
export type { ChartSignal, ChartStep, ControlChart } from "./chart.ts";
export { type CountChart, type CountChartOptions, rateChart, shareChart } from "./count-charts.ts";
export { type JumpOptions, type JumpState, jumpChart } from "./jump-chart.ts";
export { pairRunLength, pairWidth } from "./pair-rule.ts";
export {
  cusumLimit,
  cusumRunLength,
  ewmaRunLength,
  ewmaWidth,
  headStartRunLength,
  shewhartRunLength,
  shewhartWidth,
} from "./run-length.ts";
export { type RunRuleName, type RunRulesState, runRules, runRulesChart, runRulesRunLength, westernElectric } from "./run-rules.ts";
export {
  type SeasonalModel,
  type SeasonalOptions,
  type SeasonalResidual,
  type SeasonalState,
  type SeasonalStep,
  seasonalModel,
} from "./seasonal.ts";
export {
  type ChartSides,
  type CusumOptions,
  type CusumState,
  cusumChart,
  type EwmaState,
  ewmaChart,
  shewhartChart,
} from "./standard-charts.ts";
