/** What `loam.yaml` may say of each augmentation method, apart from the methods themselves (`methods.ts`). A new method is a row in both. */
import { letterCasePart } from "./methods/case/options.ts";
import { counterfactualPart } from "./methods/counterfactual/options.ts";
import { keyboardPart } from "./methods/keyboard/options.ts";
import { markupPart } from "./methods/markup/options.ts";
import { numberFormatPart } from "./methods/numbers/options.ts";
import { paraphrasePart } from "./methods/paraphrase/options.ts";
import { questionsPart } from "./methods/questions/options.ts";
import { synonymPart } from "./methods/synonym/options.ts";
import { templatesPart } from "./methods/template/options.ts";
import { unitVariationPart } from "./methods/units/options.ts";
import { wordDropPart } from "./methods/word-drop/options.ts";
import { wordSwapPart } from "./methods/word-swap/options.ts";

export const methodParts = {
  synonym: synonymPart,
  "word-drop": wordDropPart,
  "word-swap": wordSwapPart,
  keyboard: keyboardPart,
  case: letterCasePart,
  units: unitVariationPart,
  numbers: numberFormatPart,
  markup: markupPart,
  template: templatesPart,
  paraphrase: paraphrasePart,
  questions: questionsPart,
  counterfactual: counterfactualPart,
} as const;
export type AugmentMethodName = keyof typeof methodParts;
export const augmentMethodNames = Object.keys(methodParts) as [AugmentMethodName, ...AugmentMethodName[]];
