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
  type TuningGiven,
  type TuningKind,
} from "./kind.ts";
export type { TunePart } from "./kind-part.ts";
export { allKinds, tuningKindOf, tuningKinds, tuningStages } from "./kinds.ts";
export { summaryNumber } from "./summary-text.ts";
