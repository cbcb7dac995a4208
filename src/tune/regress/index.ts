/** Inner door: models that read a number off a text. */
export { readMeasured } from "./examples.ts";
export { frozenRegression, type RegressOptions, regressOptions, targetsOf } from "./options.ts";
export { type RegressionReport, regressionMeasures } from "./report.ts";
export { evaluateRegressionStage, regressStage } from "./stage.ts";
