/** POST /v1/score: how likely a text is. Loam's own; vLLM's request of the same address compares texts, which is /v1/rerank here. */
import { done, harmless, notEmpty, type RequestFields, refused } from "./field.ts";

const compares = "Use /v1/rerank, which compares texts.";

export const scoreFields: RequestFields = {
  request: "POST /v1/score",
  fields: {
    model: done("loam"),
    input: done("loam"),
    prompt: done("loam"),
    top_logprobs: done("loam"),
    user: harmless("openai", "It labels the request for the provider's own reports."),
    text_1: refused("vllm", notEmpty, compares),
    text_2: refused("vllm", notEmpty, compares),
    data_1: refused("vllm", notEmpty, compares),
    data_2: refused("vllm", notEmpty, compares),
    queries: refused("vllm", notEmpty, compares),
    documents: refused("vllm", notEmpty, compares),
    items: refused("vllm", notEmpty, compares),
  },
};
