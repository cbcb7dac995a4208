/** The Open Inference Protocol's infer, and generate of its text extension, with what Triton's clients and backends send beside it. */
import { done, type FieldTable, harmless, notEmpty, type RequestFields, refused, unless } from "./field.ts";
import { samplingRows, serverRows } from "./sampling.ts";

const noSequences = "A request stands by itself: there are no sequences of requests.";
const ownTokens = "The model's own tokens are used; stop_token_ids names others that end a response.";
const logprobs = "Ask generate with details, or /v1/completions with logprobs.";

/** Members of `parameters`, or tensors of one value by the same names. */
const parameterRows: FieldTable = {
  ...samplingRows,
  ...serverRows,
  max_tokens: done(["kserve", "triton"]),
  timeout: done("triton"),
  sequence_id: harmless("triton", noSequences),
  sequence_start: harmless("triton", noSequences),
  sequence_end: harmless("triton", noSequences),
  end_id: harmless("triton", ownTokens),
  pad_id: harmless("triton", ownTokens),
  exclude_input_in_output: refused("triton", unless(true), "The answer is the text after the prompt: put the prompt before it."),
  return_log_probs: refused("triton", unless(false, 0), logprobs),
  return_context_logits: refused("triton", unless(false, 0), "Ask /v1/score."),
  return_generation_logits: refused("triton", unless(false, 0), logprobs),
  embedding_bias_words: refused("triton", notEmpty, "Use logit_bias."),
  n: refused("loam", unless(1), "Send several requests, or several texts in one tensor."),
  best_of: refused("vllm", unless(1), "Ask /v1/completions."),
};

export const inferFields: RequestFields = {
  request: "POST /v2/models/MODEL/infer",
  fields: {
    id: done("kserve"),
    parameters: done("kserve", {
      ...parameterRows,
      binary_data_output: done("kserve"),
      stream: done("triton"),
      triton_enable_empty_final_response: done("triton"),
    }),
    inputs: done("kserve"),
    outputs: done("kserve"),
  },
};

export const generateFields: RequestFields = {
  request: "POST /v2/models/MODEL/generate",
  fields: {
    id: done("kserve"),
    text_input: done("kserve"),
    parameters: done("kserve", { ...parameterRows, details: done("kserve"), stream: done("triton") }),
  },
};
