/** Two samples: do they come from one population? */
export {
  type BinnedDistances,
  binCounts,
  binnedDistances,
  type ChiSquareTest,
  chiSquareTwoSample,
  histogramBin,
  quantileEdges,
} from "./binned.ts";
export { type ConformalOptions, type ConformalState, conformalP, observeConformal, openConformal } from "./conformal.ts";
export { cramerVonMises, energyDistance, energyTest, wassersteinDistance, wassersteinTest } from "./distances.ts";
export { type ClassifierTest, classifierTwoSample, type DiscrepancyOptions, meanDiscrepancy, type Vectors } from "./kernel.ts";
export { type KolmogorovSmirnovOptions, kolmogorovAbove, kolmogorovSmirnov } from "./kolmogorov-smirnov.ts";
export type { PermutationOptions, TwoSampleTest } from "./samples.ts";
export { fisherExact, shareDifference } from "./shares.ts";
export {
  besideReference,
  type NeededOptions,
  neededForCategories,
  neededForDistance,
  neededForShares,
  noncentralChiSquareAbove,
  noncentralityOf,
} from "./sizes.ts";
export { superiority } from "./superiority.ts";
