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
  stereoset: "decoders: StereoSet, whether stereotypes are likelier than their opposites (LMS, SS, ICAT)",
  crows_pairs: "decoders: CrowS-Pairs, which of two sentences is likelier",
  winobias: "decoders: WinoBias, whether the pronoun of the stereotype is likelier",
  bbq: "decoders: BBQ, answers about groups where the context does or does not say them",
  weat: "encoders: WEAT and SEAT, whether groups lie nearer to some attributes than others do",
};

export const outputTable = {
  title: "A task's `output`, and the models that support it",
  rows: Object.entries(rows),
  note: "An endpoint needs completions or chat for text, completions with echo and logprobs or /v1/score for likelihoods, and /v1/embeddings for embeddings.",
};
