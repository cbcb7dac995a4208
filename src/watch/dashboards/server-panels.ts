/** Panels of a model server. */
import { machinePanels } from "./machine-panels.ts";
import { type DashboardTable, histogramSeries, quantiles, rateMean, shareOf } from "./panel.ts";

const job = 'job="loam"';
const model = 'model="mail@1"';
const modelLabels = { job: "loam", model: "mail@1" };

const overview: DashboardTable["rows"][number] = {
  title: "Requests",
  panels: [
    {
      title: "Requests per second",
      description: "HTTP requests by route and status.",
      unit: "reqps",
      queries: [{ expr: "sum by (route, status) (rate(loam_http_requests_total{$s}[$w]))", legend: "{{route}} {{status}}" }],
    },
    {
      title: "Share of failed requests",
      description: "Requests that ended with a status of 500 or above, of all.",
      unit: "percentunit",
      queries: [{ expr: shareOf("loam_http_requests_total", 'status=~"5.."', "job"), legend: "{{job}}" }],
      alerts: [
        {
          name: "LoamServerErrors",
          query: 0,
          limit: { is: ">", value: 0.05 },
          forMinutes: 5,
          severity: "page",
          summary: "More than 5 % of requests to {{ $labels.job }} fail",
          description: "Look at the panel Errors by code, and at the server's log.",
          test: {
            series: [
              {
                series: `loam_http_requests_total{${job},route="/v1/chat/completions",status="200"}`,
                kind: "counter",
                firing: 60,
                resolved: 60,
              },
              {
                series: `loam_http_requests_total{${job},route="/v1/chat/completions",status="500"}`,
                kind: "counter",
                firing: 30,
                resolved: 0,
              },
            ],
            labels: { job: "loam" },
          },
        },
      ],
    },
    {
      title: "Errors by code",
      description: "Requests that ended with an error, by its code (docs/errors.md).",
      unit: "reqps",
      queries: [{ expr: "sum by (code) (rate(loam_errors_total{$s}[$w]))", legend: "{{code}}" }],
    },
    {
      title: "Request duration",
      description: "From a request to the end of its response, by route.",
      unit: "s",
      queries: quantiles("loam_http_request_seconds", "route", [0.5, 0.99]),
    },
  ],
};

const latency: DashboardTable["rows"][number] = {
  title: "Latency",
  panels: [
    {
      title: "Time to first token",
      description: "From submission to the first token. Exemplars lead to a request by its id.",
      unit: "s",
      queries: quantiles("loam_time_to_first_token_seconds", "model"),
      alerts: [
        {
          name: "LoamFirstTokenSlow",
          query: 2,
          limit: { is: ">", value: 30 },
          forMinutes: 2,
          severity: "page",
          summary: "First tokens of {{ $labels.model }} take more than 30 s (p99)",
          description: "Look at the queue and at the KV cache: requests queue, or prompts are long.",
          test: {
            series: histogramSeries("loam_time_to_first_token_seconds", `${job},${model}`, { fast: 1, slow: 60 }),
            labels: modelLabels,
          },
        },
      ],
    },
    {
      title: "Inter-token latency",
      description: "Between two tokens of one response.",
      unit: "s",
      queries: quantiles("loam_inter_token_seconds", "model"),
      alerts: [
        {
          name: "LoamInterTokenSlow",
          query: 2,
          // the last bucket ends at 1 s, and no quantile of a histogram lies above it
          limit: { is: ">", value: 0.5 },
          forMinutes: 2,
          severity: "ticket",
          summary: "Tokens of {{ $labels.model }} come more than 0.5 s apart (p99)",
          description: "The processor is busy with other work, sequences are preempted, or steps have long prompts.",
          test: { series: histogramSeries("loam_inter_token_seconds", `${job},${model}`, { fast: 0.1, slow: 1 }), labels: modelLabels },
        },
      ],
    },
    {
      title: "End-to-end latency",
      description: "From submission to the end of a response.",
      unit: "s",
      queries: quantiles("loam_answer_seconds", "model"),
      alerts: [
        {
          name: "LoamResponseSlow",
          query: 2,
          limit: { is: ">", value: 120 },
          forMinutes: 2,
          severity: "ticket",
          summary: "Responses of {{ $labels.model }} take more than 120 s (p99)",
          description: "Look at the lengths of responses, and at the parts of the latency.",
          test: { series: histogramSeries("loam_answer_seconds", `${job},${model}`, { fast: 60, slow: 300 }), labels: modelLabels },
        },
      ],
    },
    {
      title: "Parts of the latency",
      description: "Mean time in the queue, in the prompt (prefill) and in the response (decode).",
      unit: "s",
      queries: [
        rateMean("loam_queue_seconds", "model", "{{model}} queue"),
        rateMean("loam_prefill_seconds", "model", "{{model}} prefill"),
        rateMean("loam_decode_seconds", "model", "{{model}} decode"),
      ],
    },
    {
      title: "Time per output token",
      description: "Mean time of the tokens of one response, after the first.",
      unit: "s",
      queries: quantiles("loam_time_per_output_token_seconds", "model", [0.5, 0.99]),
    },
    {
      title: "Time to first token, distribution",
      description: "Requests by their time to the first token.",
      kind: "heatmap",
      unit: "s",
      queries: [{ expr: "sum by (le) (increase(loam_time_to_first_token_seconds_bucket{$s}[$w]))", legend: "{{le}}" }],
    },
  ],
};

const throughput: DashboardTable["rows"][number] = {
  title: "Throughput",
  panels: [
    {
      title: "Tokens per second",
      description: "Tokens generated, and prompt tokens of responses that ended.",
      unit: "tokps",
      queries: [
        { expr: "sum by (model) (rate(loam_generated_tokens_total{$s}[$w]))", legend: "{{model}} generated" },
        { expr: "sum by (model) (rate(loam_prompt_tokens_total{$s}[$w]))", legend: "{{model}} prompt" },
      ],
    },
    {
      title: "Tokens of prompts and responses",
      description: "Medians and 95th percentiles.",
      unit: "short",
      queries: [...quantiles("loam_prompt_tokens", "model", [0.5, 0.95]), ...quantiles("loam_completion_tokens", "model", [0.5, 0.95])].map(
        ({ expr, legend }) => ({ expr, legend: `${legend} ${expr.includes("loam_prompt") ? "prompt" : "response"}` }),
      ),
    },
    {
      title: "Finish reasons",
      description: "Responses that ended, by how.",
      unit: "reqps",
      queries: [{ expr: "sum by (model, outcome) (rate(loam_answers_total{$s}[$w]))", legend: "{{model}} {{outcome}}" }],
    },
    {
      title: "Engine steps",
      description: "Time of a step, and sequences that decode in it.",
      unit: "short",
      queries: [
        ...quantiles("loam_step_seconds", "model", [0.99]).map(q => ({ ...q, legend: "{{model}} step p99, s" })),
        rateMean("loam_step_decoded_rows", "model", "{{model}} sequences"),
        rateMean("loam_step_tokens", "model", "{{model}} tokens"),
      ],
    },
    {
      title: "Texts embedded per second",
      description: "Of encoders.",
      unit: "short",
      queries: [
        { expr: "sum by (model) (rate(loam_embedded_texts_total{$s}[$w]))", legend: "{{model}}" },
        rateMean("loam_embedding_batch_texts", "model", "{{model}} in a batch"),
      ],
    },
  ],
};

const scheduling: DashboardTable["rows"][number] = {
  title: "Scheduler and KV cache",
  panels: [
    {
      title: "Queue",
      description: "Requests that wait, that run, and the maximum of concurrent sequences.",
      unit: "short",
      queries: [
        { expr: "loam_queued_requests{$s}", legend: "{{model}} waiting" },
        { expr: "loam_running_requests{$s}", legend: "{{model}} running" },
        { expr: "loam_slots{$s}", legend: "{{model}} maximum" },
      ],
      alerts: [
        {
          name: "LoamQueueLong",
          query: 0,
          limit: { is: ">", value: 50 },
          forMinutes: 3,
          severity: "ticket",
          summary: "More than 50 requests wait for {{ $labels.model }} on {{ $labels.instance }}",
          description: "Add a server, or lower what clients may ask for.",
          test: {
            series: [{ series: `loam_queued_requests{${job},instance="a:8080",${model}}`, kind: "gauge", firing: 60, resolved: 3 }],
            labels: { ...modelLabels, instance: "a:8080" },
          },
        },
      ],
    },
    {
      title: "KV cache in use",
      description: "Share of the KV cache's tokens.",
      unit: "percentunit",
      queries: [{ expr: "loam_kv_cache_utilisation_ratio{$s}", legend: "{{model}}" }],
      alerts: [
        {
          name: "LoamKvCacheFull",
          query: 0,
          limit: { is: ">", value: 0.95 },
          forMinutes: 5,
          severity: "ticket",
          summary: "The KV cache of {{ $labels.model }} on {{ $labels.instance }} is full",
          description: "Sequences are preempted and computed again. Give it more tokens (--cache-tokens), or fewer sequences.",
          test: {
            series: [
              { series: `loam_kv_cache_utilisation_ratio{${job},instance="a:8080",${model}}`, kind: "gauge", firing: 0.98, resolved: 0.4 },
            ],
            labels: { ...modelLabels, instance: "a:8080" },
          },
        },
      ],
    },
    {
      title: "Preemptions and refusals",
      description: "Sequences preempted for lack of KV cache, and requests refused by a full queue, per second.",
      unit: "reqps",
      queries: [
        { expr: "sum by (job, model) (rate(loam_preemptions_total{$s}[$w]))", legend: "{{model}} preempted" },
        { expr: "sum by (job, model) (rate(loam_admission_rejections_total{$s}[$w]))", legend: "{{model}} refused" },
      ],
      alerts: [
        {
          name: "LoamPreemptions",
          query: 0,
          limit: { is: ">", value: 1 },
          forMinutes: 3,
          severity: "ticket",
          summary: "{{ $labels.model }} preempts more than one sequence a second",
          description: "The KV cache is too small for the load: work is done twice.",
          test: {
            series: [{ series: `loam_preemptions_total{${job},${model}}`, kind: "counter", firing: 120, resolved: 0 }],
            labels: modelLabels,
          },
        },
        {
          name: "LoamQueueFull",
          query: 1,
          limit: { is: ">", value: 0 },
          forMinutes: 5,
          severity: "page",
          summary: "The queue of {{ $labels.model }} is full and requests are refused",
          description: "Add a server, or limit clients at the gateway.",
          test: {
            series: [{ series: `loam_admission_rejections_total{${job},${model}}`, kind: "counter", firing: 6, resolved: 0 }],
            labels: modelLabels,
          },
        },
      ],
    },
    {
      title: "Prefix cache hits",
      description: "Share of prompt tokens that were found in the cache.",
      unit: "percentunit",
      queries: [
        {
          expr: "sum by (model) (rate(loam_prefix_cached_tokens_total{$s}[$w])) / sum by (model) (rate(loam_prefix_queried_tokens_total{$s}[$w]))",
          legend: "{{model}}",
        },
      ],
    },
    {
      title: "Speculative tokens accepted",
      description: "Share of drafted tokens that were right.",
      unit: "percentunit",
      queries: [
        {
          expr: "sum by (model) (rate(loam_speculative_accepted_tokens_total{$s}[$w])) / sum by (model) (rate(loam_speculative_drafted_tokens_total{$s}[$w]))",
          legend: "{{model}}",
        },
      ],
    },
  ],
};

export const serverTable: DashboardTable = {
  uid: "loam-server",
  title: "Loam: model server",
  rows: [overview, latency, throughput, scheduling, machinePanels],
};
