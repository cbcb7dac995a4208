/** Inner door: models that read a number off a text. */
export { readMeasured } from "./examples.ts";
export { type RegressOptions, regressOptions, targetsOf } from "./options.ts";
export { frozenRegression, type RegressionReport, regressionMeasures } from "./report.ts";
export { evaluateRegressionStage, regressStage } from "./stage.ts";
