/** The codes of this module. */
import { errorTable } from "../base/index.ts";

export const nnErrors = errorTable("nn", {
  config: {
    status: 400,
    exit: "usage",
    meaning: "A model's configuration does not hold together (a width that heads do not divide, an unknown family).",
  },
  memory: {
    status: 400,
    exit: "usage",
    meaning: "A model's parameters exceed this machine's memory; the error has their size and the largest of them.",
  },
  weights: {
    status: 400,
    exit: "usage",
    meaning: "A weight file does not fit the model: a tensor is missing, of another shape, or unknown.",
  },
  file: { status: 400, exit: "usage", meaning: "A weight file is damaged, truncated or hostile." },
  adapter: {
    status: 400,
    exit: "usage",
    meaning: "An adapter does not fit the model, is damaged, or asks for what is not done; what is wrong is named.",
  },
  attribution: {
    status: 400,
    exit: "usage",
    meaning: "An attribution asks for tokens or places that the text or the model does not have.",
  },
  sampling: { status: 400, exit: "usage", meaning: "A decoding option is out of range." },
  impossible: { status: 400, exit: "usage", meaning: "Decoding options together leave no token that may come next." },
});
