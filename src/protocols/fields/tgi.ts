/** POST /invocations with `inputs`: the body of Hugging Face's containers. Read beside: the `text-generation` client (`Request`, `Parameters`). */
import { done, type FieldTable, notEmpty, type RequestFields, refused, unless } from "./field.ts";

const parameters: FieldTable = {
  max_new_tokens: done("tgi"),
  temperature: done("tgi"),
  top_k: done("tgi"),
  top_p: done("tgi"),
  repetition_penalty: done("tgi"),
  do_sample: done("tgi"),
  return_full_text: done("tgi"),
  seed: done("tgi"),
  stop: done("tgi"),
  truncate: done("tgi"),
  group: done("loam"),
  frequency_penalty: refused("tgi", unless(0), "Use /v1/completions."),
  typical_p: refused("tgi", unless(1), "Use /v1/completions."),
  best_of: refused("tgi", unless(1), "Use /v1/completions."),
  watermark: refused("tgi", unless(false), "Leave it out: output carries no watermark."),
  details: refused("tgi", unless(false), "Use /v1/completions with logprobs."),
  decoder_input_details: refused("tgi", unless(false), "Use /v1/score."),
  top_n_tokens: refused("tgi", unless(0), "Use /v1/completions with logprobs."),
  grammar: refused("tgi", notEmpty, "Use /v1/completions with structured_outputs."),
  adapter_id: refused("tgi", notEmpty, "Name the adapter as the model."),
  num_return_sequences: refused("tgi", unless(1), "Use /v1/completions with n."),
};

export const tgiFields: RequestFields = {
  request: "POST /invocations",
  fields: {
    model: done("loam"),
    inputs: done("tgi"),
    parameters: done("tgi", parameters),
    stream: refused("tgi", unless(false), "Use /v1/completions."),
  },
};
