/** The outputs of a task as the help tells them: what is asked, and of whom. */
import type { OutputType } from "../../evaluate/index.ts";

const rows: { readonly [O in OutputType]: string } = {
  multiple_choice: "decoders: which of an item's choices is likeliest",
  classify: "decoders, tuned classifiers: which label is likeliest",
  loglikelihood: "decoders: how likely a text is after a prompt",
  loglikelihood_rolling: "decoders: how likely a whole text is",
  generate_until: "decoders: an answer",
  code: "decoders: a program, which is run with its tests",
  retrieval: "encoders: which documents a query's vector finds",
  similarity: "encoders: how alike the vectors of two texts are, beside a score",
};

export const outputTable = {
  title: "A task's `output`, and whom it is asked of",
  rows: Object.entries(rows),
  note: "An endpoint answers by completions or chat, tells likelihoods by completions with echo and logprobs or by /v1/score, and gives vectors by /v1/embeddings.",
};
