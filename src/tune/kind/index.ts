/** Inner door: the kinds of tuning, one row each, and what a row says. */
export {
  besideLabel,
  type JudgeAsked,
  judgedLabel,
  type KindGiven,
  type KindLink,
  type KindReport,
  type KindSurroundings,
  kindLink,
  type MainScore,
  type PreviewEncoder,
  type TunePart,
  type TuningKind,
} from "./kind.ts";
export { allKinds, dataSetOf, kindOf, type TuneOptions, tasksWith, tuningKinds } from "./kinds.ts";
export { dataSetName, isPath, modelName } from "./part-options.ts";
export { summaryNumber } from "./summary-text.ts";
