/** The codes of this room. */
import { errorTable } from "../base/index.ts";

export const nnErrors = errorTable("nn", {
  config: {
    status: 400,
    exit: "usage",
    meaning: "A model's configuration does not hold together (a width that heads do not divide, an unknown family).",
  },
  weights: {
    status: 400,
    exit: "usage",
    meaning: "A weight file does not fit the model: a tensor is missing, of another shape, or unknown.",
  },
  file: { status: 400, exit: "usage", meaning: "A weight file is damaged, truncated or hostile." },
  sampling: { status: 400, exit: "usage", meaning: "A decoding option is out of range." },
});
