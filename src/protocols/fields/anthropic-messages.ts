/** POST /v1/messages and its count_tokens. Read beside: Anthropic's SDK (`MessageCreateParams`, its beta too), vLLM's `AnthropicMessagesRequest`. */
import { always, done, type FieldTable, harmless, notEmpty, type RequestFields, refused, unless } from "./field.ts";

const labels = "It is about the provider's own account.";
const counted: FieldTable = {
  model: done("anthropic"),
  messages: done("anthropic"),
  system: done("anthropic"),
  tools: done("anthropic"),
  tool_choice: done("anthropic"),
  output_config: done("anthropic", {
    format: done("anthropic"),
    effort: done("anthropic"),
  }),
  thinking: done("anthropic", {
    type: done("anthropic"),
    budget_tokens: done("anthropic"),
    display: harmless("anthropic", "The reasoning is given as it is."),
  }),
  cache_control: harmless("anthropic", "Prefixes that are in the cache are used; they change speed, not the response."),
  betas: harmless("anthropic", "There are no betas."),
  speed: harmless("anthropic", "There is one speed."),
  user_profile_id: harmless("anthropic", labels),
  workspace_id: harmless("anthropic", labels),
  chat_template_kwargs: done("vllm"),
};

export const messagesFields: RequestFields = {
  request: "POST /v1/messages",
  fields: {
    ...counted,
    max_tokens: done("anthropic"),
    stop_sequences: done("anthropic"),
    stream: done("anthropic"),
    temperature: done("anthropic"),
    top_p: done("anthropic"),
    top_k: done("anthropic"),
    metadata: harmless("anthropic", labels),
    service_tier: harmless("anthropic", "There is one tier."),
    diagnostics: harmless("anthropic", labels),
    billing_policy: harmless("anthropic", labels),
    inference_geo: refused("anthropic", always, "Leave it out: the response is computed where the server is."),
    container: refused("anthropic", notEmpty, "Leave it out: this server runs no code."),
    mcp_servers: refused("anthropic", notEmpty, "Send the servers' tools as tools."),
    context_management: refused("anthropic", notEmpty, "Shorten messages."),
    compaction: refused("anthropic", notEmpty, "Shorten messages."),
    fallbacks: refused("anthropic", notEmpty, "Use fallbacks of the gateway."),
    fallback_credit_token: harmless("anthropic", labels),
    thread: refused("anthropic", notEmpty, "Send the whole conversation."),
    output_format: refused("anthropic", notEmpty, "Use output_config.format."),
    cache_salt: refused("vllm", notEmpty, "Use /v1/chat/completions."),
    watermarking: refused("vllm", unless(false), "Leave it out: output carries no watermark."),
    mm_payload: harmless("vllm", "Only text is read."),
    return_mm_kwargs: harmless("vllm", "Only text is read."),
    kv_transfer_params: refused("vllm", notEmpty, "Leave it out: one server computes the whole response."),
    ec_transfer_params: refused("vllm", notEmpty, "Leave it out: one server computes the whole response."),
    vllm_xargs: refused("vllm", notEmpty, "Leave it out: there are no extensions of vLLM."),
  },
};

export const countTokensFields: RequestFields = { request: "POST /v1/messages/count_tokens", fields: counted };
