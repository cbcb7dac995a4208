/** llama.cpp's own API: POST /completion, /infill, /embedding, /apply-template. Read beside: `tools/server/server-schema.cpp` and its README. */
import { done, type FieldTable, harmless, notEmpty, type RequestFields, refused, unless } from "./field.ts";

const own = "llama.cpp";
const speed = "It changes speed, not the response.";
const noShift = "A context is not shifted: it ends the response when it is full.";
const chatOnly = "Use /v1/chat/completions.";
const otherServers = "It is another server's; llama.cpp ignores it too.";
const isPositive = (value: unknown): boolean => typeof value !== "number" || value > 0;

/** Names that chat front ends send to every server of texts. */
const ofOthers = [
  ...[
    "typical",
    "tfs",
    "tfs_z",
    "top_a",
    "nsigma",
    "rep_pen",
    "rep_pen_range",
    "rep_pen_slope",
    "repetition_penalty",
    "repetition_penalty_range",
  ],
  ...[
    "max_new_tokens",
    "min_length",
    "min_tokens",
    "truncation_length",
    "num_predict",
    "num_ctx",
    "do_sample",
    "num_beams",
    "length_penalty",
  ],
  ...["stopping_strings", "stop_sequence", "custom_token_bans", "banned_strings", "add_bos_token", "ban_eos_token", "skip_special_tokens"],
  ...[
    "epsilon_cutoff",
    "eta_cutoff",
    "penalty_alpha",
    "guidance_scale",
    "negative_prompt",
    "encoder_repetition_penalty",
    "no_repeat_ngram_size",
  ],
  ...["smoothing_factor", "smoothing_curve", "sampler_order", "sampler_priority", "sampler_seed", "temperature_last", "early_stopping"],
  ...[
    "dynamic_temperature",
    "dynatemp_low",
    "dynatemp_high",
    "dynatemp_min",
    "dynatemp_max",
    "mirostat_mode",
    "penalize_nl",
    "include_reasoning",
  ],
  ...["api_type", "api_server", "can_abort", "legacy_api", "genamt", "speculative_ngram", "user", "echo_prompt", "interval", "reasoning"],
] as const;

const generated: FieldTable = {
  model: done(own),
  n_predict: done(own),
  max_tokens: done(own),
  max_completion_tokens: done(own),
  n_cmpl: done(own),
  n: done(own),
  stop: done(own),
  stream: done(own),
  stream_options: harmless(own, "Figures of use are in the last event."),
  temperature: done(own),
  top_k: done(own),
  top_p: done(own),
  min_p: done(own),
  typical_p: done(own),
  mirostat: refused(own, unless(0, 2), "Use 2, its second algorithm."),
  mirostat_tau: done(own),
  mirostat_eta: done(own),
  repeat_penalty: done(own),
  repeat_last_n: done(own),
  presence_penalty: done(own),
  frequency_penalty: done(own),
  dry_multiplier: done(own),
  dry_base: done(own),
  dry_allowed_length: done(own),
  dry_penalty_last_n: done(own),
  dry_sequence_breakers: done(own),
  xtc_probability: done(own),
  xtc_threshold: done(own),
  top_n_sigma: refused(own, isPositive, "Use min_p."),
  dynatemp_range: refused(own, unless(0), "Use temperature."),
  dynatemp_exponent: harmless(own, "Without dynatemp_range it changes nothing."),
  adaptive_target: refused(own, v => typeof v !== "number" || v >= 0, "Use mirostat."),
  adaptive_decay: harmless(own, "Without adaptive_target it changes nothing."),
  min_keep: refused(own, unless(0, 1), "Leave it out: at least one token is kept."),
  samplers: done(own),
  seed: done(own),
  ignore_eos: done(own),
  logit_bias: done(own),
  n_probs: done(own),
  logprobs: done(own),
  post_sampling_probs: done(own),
  return_tokens: done(own),
  response_fields: done(own),
  timings_per_token: done(own),
  cache_prompt: done(own),
  cache_salt: done("vllm"),
  n_indent: done(own),
  t_max_predict_ms: done(own),
  lora: done(own),
  grammar: done(own),
  json_schema: done(own),
  grammar_lazy: refused(own, unless(false), "Leave it out: a grammar holds from the first token on."),
  grammar_triggers: refused(own, notEmpty, "Leave it out: a grammar holds from the first token on."),
  preserved_tokens: harmless(own, "Tokens of a form are read as they are."),
  echo: refused(own, unless(false), "Read prompt of the response."),
  chat_format: harmless(own, "A completion is not read as a chat."),
  parse_tool_calls: refused(own, unless(false), chatOnly),
  reasoning_format: refused(own, unless("none", "auto"), chatOnly),
  reasoning_budget_tokens: refused(own, unless(-1), chatOnly),
  reasoning_control: refused(own, unless(false), chatOnly),
  generation_prompt: harmless(own, "A completion is not read as a chat."),
  id_slot: harmless(own, "The scheduler chooses where a sequence runs."),
  n_keep: harmless(own, noShift),
  n_discard: harmless(own, noShift),
  n_cache_reuse: harmless(own, speed),
  backend_sampling: harmless(own, speed),
  t_max_prompt_ms: harmless(own, "llama.cpp ignores it too."),
  sse_ping_interval: harmless(own, "Idle streams are kept open by comment lines."),
  return_progress: done(own),
  verbose: harmless(own, "It is about the server's log."),
  ...Object.fromEntries(
    ["n_max", "n_min", "p_min", "type", "ngram_size_n", "ngram_size_m", "ngram_min_hits"].map(name => [
      `speculative.${name}`,
      harmless(own, speed),
    ]),
  ),
  ...Object.fromEntries(ofOthers.map(name => [name, harmless("loam", otherServers)])),
};

export const nativeCompletionFields: RequestFields = { request: "POST /completion", fields: { ...generated, prompt: done(own) } };

export const infillFields: RequestFields = {
  request: "POST /infill",
  fields: { ...generated, prompt: done(own), input_prefix: done(own), input_suffix: done(own), input_extra: done(own) },
};

export const nativeEmbeddingFields: RequestFields = {
  request: "POST /embedding",
  fields: {
    model: done(own),
    content: done(own),
    input: done(own),
    embd_normalize: refused(own, unless(2), "Leave it out: vectors have length 1."),
    encoding_format: done(own),
  },
};

export const nativeTokenizeFields: RequestFields = {
  request: "POST /tokenize (llama.cpp)",
  fields: {
    model: done(own),
    content: done(own),
    add_special: done(own),
    parse_special: done(own),
    with_pieces: done(own),
    prompt: refused("vllm", notEmpty, "Send prompt or content."),
    messages: refused("vllm", notEmpty, "Send messages without content."),
    add_special_tokens: refused("vllm", () => true, "Use add_special."),
    return_token_strs: refused("vllm", unless(false), "Use with_pieces."),
  },
};

export const applyTemplateFields: RequestFields = {
  request: "POST /apply-template",
  fields: {
    model: done(own),
    messages: done(own),
    tools: done(own),
    add_generation_prompt: done(own),
    chat_template_kwargs: done(own),
    tool_choice: harmless(own, "The template is given the tools."),
    chat_template: refused(own, notEmpty, "Leave it out: the model's own is used."),
  },
};
