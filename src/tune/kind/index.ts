/** Inner door: the kinds of tuning, one row each, and what a row says. */
export {
  besideLabel,
  type JudgeAsked,
  judgedLabel,
  type KindLink,
  type KindReport,
  type KindSurroundings,
  kindLink,
  type MainScore,
  type PreviewEncoder,
  type TunePart,
  type TuningGiven,
  type TuningKind,
} from "./kind.ts";
export { allKinds, dataSetOf, type TuneOptions, tasksWith, tuningKindOf, tuningKinds } from "./kinds.ts";
export { dataSetName, isFilePath, modelName } from "./part-options.ts";
export { summaryNumber } from "./summary-text.ts";
