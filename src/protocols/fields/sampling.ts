/** Rows that requests of generated text share: how tokens are drawn, searched and held to a form, and what of vLLM and llama.cpp is about the server. */
import { done, doneClosed, type FieldTable, harmless, notEmpty, refused, unless } from "./field.ts";

const both = ["vllm", "llama.cpp"] as const;
const openaiAll = ["openai", "vllm", "llama.cpp"] as const;

const streamOptions: FieldTable = {
  include_usage: done(openaiAll),
  include_obfuscation: harmless("openai", "Chunks are not padded; a connection is protected by TLS."),
  continuous_usage_stats: done("vllm"),
};

const responseFormat: FieldTable = {
  type: done(openaiAll),
  json_schema: done(openaiAll, {
    name: done("openai"),
    description: harmless("openai", "The schema says what the answer is; nothing is written into the prompt."),
    schema: done("openai"),
    strict: done("openai"),
  }),
  schema: done("llama.cpp"),
  structures: refused("vllm", notEmpty, "Use tools, or type json_schema."),
  triggers: refused("vllm", notEmpty, "Use tools, or type json_schema."),
  format: refused("vllm", notEmpty, "Use tools, or type json_schema."),
};

const structuredOutputs: FieldTable = {
  json: done("vllm"),
  json_object: done("vllm"),
  regex: done("vllm"),
  choice: done("vllm"),
  grammar: done("vllm"),
  whitespace: done("loam"),
  disable_any_whitespace: harmless("vllm", "Output is compact unless whitespace says otherwise."),
  disable_additional_properties: refused("vllm", unless(false), "Write additionalProperties: false into the schema."),
  whitespace_pattern: refused("vllm", notEmpty, 'Use whitespace: "compact", "spaced" or "flexible".'),
  structural_tag: refused("vllm", notEmpty, "Use tools, or json."),
};

/** What gives a response its form. */
const formRows: FieldTable = {
  response_format: done(openaiAll, responseFormat),
  structured_outputs: doneClosed("vllm", structuredOutputs),
  guided_json: done("vllm"),
  guided_regex: done("vllm"),
  guided_choice: done("vllm"),
  guided_grammar: done("vllm"),
  guided_decoding_backend: harmless("vllm", "There is one."),
  guided_whitespace_pattern: refused("vllm", notEmpty, "Use structured_outputs.whitespace."),
  grammar: done("llama.cpp"),
  json_schema: done("llama.cpp"),
};

/** How tokens are drawn. */
export const samplingRows: FieldTable = {
  temperature: done(openaiAll),
  top_p: done(openaiAll),
  top_k: done(both),
  min_p: done(both),
  typical_p: done("llama.cpp"),
  mirostat: done("llama.cpp"),
  mirostat_tau: done("llama.cpp"),
  mirostat_eta: done("llama.cpp"),
  repetition_penalty: done("vllm"),
  presence_penalty: done(openaiAll),
  frequency_penalty: done(openaiAll),
  logit_bias: done(openaiAll),
  seed: done(openaiAll),
  stop: done(openaiAll),
  stop_token_ids: done("vllm"),
  ignore_eos: done(both),
  cache_salt: done("vllm"),
  use_beam_search: done("vllm"),
  beam_width: done("loam"),
  length_penalty: done("vllm"),
  early_stopping: done("vllm"),
  num_beam_groups: done("loam"),
  diversity_penalty: done("loam"),
  repeat_penalty: done("llama.cpp"),
  repeat_last_n: done("llama.cpp"),
  bad_words: done("vllm"),
  allowed_token_ids: done("vllm"),
  min_tokens: done("vllm"),
  skip_special_tokens: done("vllm"),
  spaces_between_special_tokens: harmless("vllm", "Texts of tokens are joined as the tokenizer joins them."),
  include_stop_str_in_output: done("vllm"),
  dry_multiplier: done("llama.cpp"),
  dry_base: done("llama.cpp"),
  dry_allowed_length: done("llama.cpp"),
  dry_penalty_last_n: done("llama.cpp"),
  dry_sequence_breakers: done("llama.cpp"),
  xtc_probability: done("llama.cpp"),
  xtc_threshold: done("llama.cpp"),
  top_n_sigma: refused("llama.cpp", v => typeof v !== "number" || v > 0, "Use min_p."),
  dynatemp_range: refused("llama.cpp", unless(0), "Use temperature."),
  dynatemp_exponent: harmless("llama.cpp", "Without dynatemp_range it changes nothing."),
  adaptive_target: refused("llama.cpp", v => typeof v !== "number" || v >= 0, "Use mirostat."),
  adaptive_decay: harmless("llama.cpp", "Without adaptive_target it changes nothing."),
  min_keep: refused("llama.cpp", unless(0, 1), "Leave it out: at least one token is kept."),
  samplers: refused("llama.cpp", notEmpty, "Leave it out: the order of samplers is fixed."),
  tfs_z: refused(["llama.cpp", "ollama"], unless(1), "Use min_p."),
  watermarking: refused("vllm", unless(false), "Leave it out: output carries no watermark."),
  repetition_detection: refused("vllm", notEmpty, "Use repetition_penalty."),
  ...formRows,
};

const speed = "It changes speed, not the response.";
const noMedia = "Only text is read.";
const labels = "It labels the request for the provider's own reports.";
/** What is about the server, its scheduler and its logs, or about models that Loam does not serve. */
export const serverRows: FieldTable = {
  user: harmless("openai", labels),
  safety_identifier: harmless("openai", labels),
  prompt_cache_key: harmless("openai", "Prefixes are found by their tokens; use cache_salt to keep them apart."),
  prompt_cache_options: harmless("openai", "Prefixes are found by their tokens."),
  prompt_cache_retention: harmless("openai", "Prefixes are kept as long as there is room."),
  service_tier: harmless("openai", "There is one tier."),
  moderation: refused("openai", notEmpty, "Moderate with a policy of the gateway."),
  priority: harmless("vllm", "Requests are served fairly, in the order in which they come."),
  request_id: harmless("vllm", "Send the header x-request-id."),
  session_id: harmless("vllm", labels),
  stream_interval: harmless("vllm", "Chunks go out as their text is known."),
  mm_payload: harmless("vllm", noMedia),
  return_mm_kwargs: harmless("vllm", noMedia),
  media_io_kwargs: harmless("vllm", noMedia),
  mm_processor_kwargs: harmless("vllm", noMedia),
  kv_transfer_params: refused("vllm", notEmpty, "Leave it out: one server computes the whole response."),
  ec_transfer_params: refused("vllm", notEmpty, "Leave it out: one server computes the whole response."),
  vllm_xargs: refused("vllm", notEmpty, "Leave it out: there are no extensions of vLLM."),
  return_weight_versions: refused("vllm", unless(false), "Read system_fingerprint, which names the weights."),
  routed_experts_prompt_start: refused("vllm", unless(0), "Leave it out: experts are not reported."),
  return_token_offsets: refused("vllm", unless(false), "Use logprobs, whose text_offset tells them."),
  cache_prompt: harmless("llama.cpp", "Prefixes that are in the cache are used; they change speed, not the response."),
  n_cache_reuse: harmless("llama.cpp", speed),
  id_slot: harmless("llama.cpp", "The scheduler chooses where a sequence runs."),
  n_keep: harmless("llama.cpp", "A context is not shifted: it ends the response when it is full."),
  n_discard: harmless("llama.cpp", "A context is not shifted: it ends the response when it is full."),
  n_indent: refused("llama.cpp", unless(0), "Use a grammar."),
  t_max_prompt_ms: refused("llama.cpp", v => typeof v !== "number" || v > 0, "Close the connection when the response is late."),
  t_max_predict_ms: refused("llama.cpp", v => typeof v !== "number" || v > 0, "Close the connection when the response is late."),
  sse_ping_interval: harmless("llama.cpp", "Idle streams are kept open by comment lines."),
  backend_sampling: harmless("llama.cpp", speed),
  verbose: harmless("llama.cpp", "It is about the server's log."),
  post_sampling_probs: refused("llama.cpp", unless(false), "Use logprobs, which are the model's own."),
  timings_per_token: refused("llama.cpp", unless(false), "Read /metrics."),
  return_progress: refused("llama.cpp", unless(false), "Leave it out: the prompt's progress is not reported."),
  response_fields: refused("llama.cpp", notEmpty, "Leave it out, and pick fields of the response."),
  lora: refused("llama.cpp", notEmpty, "Name the adapter as the model."),
};

/** Tokens of the prompt and the answer, of chats and completions. */
export const tokenRows: FieldTable = {
  truncate_prompt_tokens: done("vllm"),
  truncation_side: done("vllm"),
  prompt_logprobs: done("vllm"),
  logprob_token_ids: done("vllm"),
  return_tokens_as_token_ids: done("vllm"),
  return_token_ids: done("vllm"),
};

/** Sampling of a body that names its model and may be streamed. */
export const generationRows: FieldTable = {
  model: done(openaiAll),
  n: done(openaiAll),
  n_cmpl: refused("llama.cpp", unless(1), "Use n."),
  stream: done(openaiAll),
  stream_options: done(openaiAll, streamOptions),
  ...samplingRows,
  ...serverRows,
};
