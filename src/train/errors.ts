/** The codes of this module. */
import { errorTable } from "../base/index.ts";

export const trainErrors = errorTable("train", {
  recipe: { status: 400, exit: "usage", meaning: "A training recipe has a value out of range." },
  data: { status: 400, exit: "usage", meaning: "There is nothing to train on, or the shards do not fit the model." },
  diverged: {
    status: 500,
    exit: "failure",
    meaning:
      "The loss or gradient is not finite or jumped far above its level. The step was not applied; the last good state stands. The batch's documents are named.",
  },
  memory: {
    status: 400,
    exit: "usage",
    meaning:
      "The memory that a recipe grants cannot hold a step, whatever is recomputed. The sentence names the least that can, and what it goes to.",
  },
  precision: {
    status: 400,
    exit: "usage",
    meaning:
      "This machine has no code for the precision that a recipe asks for. It is a warning, which names what is computed instead; `f16` is refused.",
  },
  metric: {
    status: 400,
    exit: "usage",
    meaning: "A training of one's own logged what is no number, or steps that do not rise.",
  },
  mesh: {
    status: 400,
    exit: "usage",
    meaning:
      "A mesh of ranks does not divide a model's heads, layers or rows, has an axis or an option that this recipe does not support, or another number of ranks than the run.",
  },
  rank: {
    status: 500,
    exit: "failure",
    meaning:
      "A rank of a parallel training failed; the sentence names it and gives its error. The step, or the checkpoint, was not applied on any rank.",
  },
  checkpoint: {
    status: 500,
    exit: "failure",
    meaning: "A checkpoint is damaged, truncated, edited, or of another recipe; it is named and an older one is used where there is one.",
  },
});
