/** Inner door: recipes scored by repeated cross-validation and by seeds. */
export { type Foldable, foldsOf } from "./folds.ts";
export { crossValidationLabel, drawsFolds, foldCountsText, foldedModelOf } from "./links.ts";
export { type CrossValidationOptions, crossValidationOptions, type FoldPlace, foldPlaces, seedsOf } from "./options.ts";
export {
  type CrossValidationReport,
  crossValidationReport,
  type FoldMeasure,
  foldLosses,
  foldMeasures,
  type VarianceRow,
} from "./report.ts";
export { baselinesInput, crossValidationStage, runInput } from "./report-stage.ts";
