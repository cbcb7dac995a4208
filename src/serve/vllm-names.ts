/**
 * vLLM's names for Loam's metrics, beside our own: what reads vLLM reads Loam unchanged. Those in the first part are what the Gateway API
 * Inference Extension's model-server protocol asks for, under the names its endpoint picker looks for by default; the second part is what
 * vLLM's published Grafana dashboards draw and its own tests look for. Names only: no value is measured twice.
 */
import type { MetricAlias } from "../tracing/index.ts";

export const vllmNames: Readonly<Record<string, MetricAlias>> = {
  loam_queued_requests: { name: "vllm:num_requests_waiting" },
  loam_running_requests: { name: "vllm:num_requests_running" },
  loam_kv_cache_utilisation_ratio: { name: "vllm:kv_cache_usage_perc" },

  loam_time_to_first_token_seconds: { name: "vllm:time_to_first_token_seconds" },
  loam_inter_token_seconds: { name: "vllm:inter_token_latency_seconds" },
  loam_answer_seconds: { name: "vllm:e2e_request_latency_seconds" },
  loam_queue_seconds: { name: "vllm:request_queue_time_seconds" },
  loam_prefill_seconds: { name: "vllm:request_prefill_time_seconds" },
  loam_decode_seconds: { name: "vllm:request_decode_time_seconds" },
  loam_prompt_tokens: { name: "vllm:request_prompt_tokens" },
  loam_completion_tokens: { name: "vllm:request_generation_tokens" },
  loam_prompt_tokens_total: { name: "vllm:prompt_tokens_total" },
  loam_generated_tokens_total: { name: "vllm:generation_tokens_total" },
  loam_answers_total: { name: "vllm:request_success_total", labels: { outcome: "finished_reason" } },
  loam_prefix_queried_tokens_total: { name: "vllm:prefix_cache_queries_total" },
  loam_prefix_cached_tokens_total: { name: "vllm:prefix_cache_hits_total" },
  loam_step_tokens: { name: "vllm:iteration_tokens_total" },
  loam_time_per_output_token_seconds: { name: "vllm:request_time_per_output_token_seconds" },
  loam_longest_completion_tokens: { name: "vllm:request_max_num_generation_tokens" },
  loam_inference_seconds: { name: "vllm:request_inference_time_seconds" },
  loam_request_preemptions: { name: "vllm:request_num_preemptions" },
  loam_request_choices: { name: "vllm:request_params_n" },
  loam_request_max_tokens: { name: "vllm:request_params_max_tokens" },
  loam_admission_rejections_total: { name: "vllm:admission_rejections_total" },
  loam_cache_config_info: {
    name: "vllm:cache_config_info",
    labels: { cache_tokens: "kv_cache_size_tokens", full_contexts: "kv_cache_max_concurrency" },
  },
  loam_preemptions_total: { name: "vllm:num_preemptions_total" },
};

/** One metric's text in the exposition format, under its other name. Label values are left alone: quotes inside them are escaped. */
export function renamedMetrics(text: string, from: string, { name, labels = {} }: MetricAlias): string {
  const words = Object.entries({ model: "model_name", ...labels });
  return text
    .split("\n")
    .map(line => {
      if (line.startsWith("#")) return line.replace(` ${from} `, ` ${name} `);
      return words.reduce(
        (l, [ours, theirs]) => l.replace(`{${ours}="`, `{${theirs}="`).replace(`,${ours}="`, `,${theirs}="`),
        name + line.slice(from.length),
      );
    })
    .join("\n");
}
