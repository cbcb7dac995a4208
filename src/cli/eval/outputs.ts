/** The outputs of a task as the help tells them: what is asked, and of whom. */
import type { OutputType } from "../../evaluate/index.ts";

const rows: { readonly [O in OutputType]: string } = {
  multiple_choice: "the likeliest of an item's choices, of decoders",
  classify: "the likeliest label, of decoders and of tuned classifiers",
  loglikelihood: "how likely a text is after a prompt, of decoders",
  loglikelihood_rolling: "how likely a whole text is, of decoders",
  generate_until: "an answer, of decoders",
  code: "a program, which is run with its tests, of decoders",
  retrieval: "the documents that a query's vector finds, of encoders",
  similarity: "how alike the vectors of two texts are, beside a score, of encoders",
};

export const outputTable = {
  title: "A task's `output`, and whom it is asked of",
  rows: Object.entries(rows),
  note: "An endpoint answers by completions or chat, tells likelihoods by completions with echo and logprobs or by /v1/score, and gives vectors by /v1/embeddings.",
};
