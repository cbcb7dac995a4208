/** evaluate: how good a model is, beside what anyone could have without it. */
export { type BaselineScore, bytesOf, gzipBaseline, type NgramModel, ngramBaseline, trainNgram, zstdBaseline } from "./baselines/index.ts";
export * from "./baselines/text-classifiers/index.ts";
export * from "./classification/index.ts";
export { evaluateErrors } from "./errors.ts";
export { type TextItem, type TextMetric, textMetrics, textScore, textStatistics } from "./generation/index.ts";
export { type ModelBitsOptions, modelBits } from "./model-bits.ts";
export { type BaselineName, type BitsReport, baselineNames, baselinesStage, evaluateStage, type ReportScore } from "./stage.ts";
export { type Item, readItems } from "./tasks/items.ts";
export { layRows, type Window, windowsOf } from "./windows.ts";
