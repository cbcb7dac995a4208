/** The methods by name. Adding one is a folder and a row. */

import type { AugmentMethod } from "./method.ts";
import type { AugmentMethodName } from "./method-parts.ts";
import { letterCase } from "./methods/case/case.ts";
import { counterfactual } from "./methods/counterfactual/counterfactual.ts";
import { keyboard } from "./methods/keyboard/keyboard.ts";
import { markup } from "./methods/markup/markup.ts";
import { numberFormat } from "./methods/numbers/numbers.ts";
import { paraphrase } from "./methods/paraphrase/paraphrase.ts";
import { questions } from "./methods/questions/questions.ts";
import { synonym } from "./methods/synonym/synonym.ts";
import { templates } from "./methods/template/template.ts";
import { unitVariation } from "./methods/units/units.ts";
import { wordDrop } from "./methods/word-drop/word-drop.ts";
import { wordSwap } from "./methods/word-swap/word-swap.ts";

export const methods = {
  synonym,
  "word-drop": wordDrop,
  "word-swap": wordSwap,
  keyboard,
  case: letterCase,
  units: unitVariation,
  numbers: numberFormat,
  markup,
  template: templates,
  paraphrase,
  questions,
  counterfactual,
} as const satisfies Record<AugmentMethodName, AugmentMethod>;
