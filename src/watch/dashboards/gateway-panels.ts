/** Panels of the gateway. */
import { type DashboardTable, histogramSeries, quantiles, shareOf } from "./panel.ts";

const job = 'job="loam-gateway"';
const upstreamLabels = { job: "loam-gateway", instance: "g:8090", upstream: "gpu-1" };
const upstream = `${job},instance="g:8090",upstream="gpu-1"`;

const requests: DashboardTable["rows"][number] = {
  title: "Requests",
  panels: [
    {
      title: "Requests per second",
      description: "By model and status; 499 where the client left.",
      unit: "reqps",
      queries: [{ expr: "sum by (model, status) (rate(loam_gateway_requests_total{$s}[$w]))", legend: "{{model}} {{status}}" }],
    },
    {
      title: "Share of failed requests",
      description: "Requests that ended with a status of 500 or above, of all.",
      unit: "percentunit",
      queries: [{ expr: shareOf("loam_gateway_requests_total", 'status=~"5.."', "job"), legend: "{{job}}" }],
      alerts: [
        {
          name: "LoamGatewayErrors",
          query: 0,
          limit: { is: ">", value: 0.05 },
          forMinutes: 5,
          severity: "page",
          summary: "More than 5 % of requests to {{ $labels.job }} fail",
          description: "Look at the panels Errors by code and Calls to upstreams.",
          test: {
            series: [
              {
                series: `loam_gateway_requests_total{${job},path="/v1/chat/completions",model="chat",status="200"}`,
                kind: "counter",
                firing: 60,
                resolved: 60,
              },
              {
                series: `loam_gateway_requests_total{${job},path="/v1/chat/completions",model="chat",status="502"}`,
                kind: "counter",
                firing: 30,
                resolved: 0,
              },
            ],
            labels: { job: "loam-gateway" },
          },
        },
      ],
    },
    {
      title: "Errors by code",
      description: "Requests that ended with an error, by its code (docs/errors.md).",
      unit: "reqps",
      queries: [{ expr: "sum by (code) (rate(loam_gateway_errors_total{$s}[$w]))", legend: "{{code}}" }],
    },
    {
      title: "Time to first byte",
      description: "By model. Exemplars lead to a request by its id.",
      unit: "s",
      queries: quantiles("loam_gateway_first_byte_seconds", "model"),
      alerts: [
        {
          name: "LoamGatewayFirstByteSlow",
          query: 2,
          limit: { is: ">", value: 30 },
          forMinutes: 2,
          severity: "page",
          summary: "First bytes of {{ $labels.model }} take more than 30 s (p99)",
          description: "Look at the upstreams: requests wait for a connection, or a server is slow.",
          test: {
            series: histogramSeries("loam_gateway_first_byte_seconds", `${job},model="chat"`, { fast: 1, slow: 60 }),
            labels: { job: "loam-gateway", model: "chat" },
          },
        },
      ],
    },
    {
      title: "Request duration",
      description: "By path, to the end of the response.",
      unit: "s",
      queries: quantiles("loam_gateway_request_seconds", "path", [0.5, 0.99]),
    },
    {
      title: "Tokens per second",
      description: "Input, cached input and output, by model.",
      unit: "tokps",
      queries: [{ expr: "sum by (model, kind) (rate(loam_gateway_tokens_total{$s}[$w]))", legend: "{{model}} {{kind}}" }],
    },
    {
      title: "Requests in flight",
      description: "Requests whose response has not ended.",
      unit: "short",
      queries: [{ expr: "loam_gateway_in_flight{$s}", legend: "{{instance}}" }],
    },
  ],
};

const upstreams: DashboardTable["rows"][number] = {
  title: "Upstreams",
  panels: [
    {
      title: "Upstreams available",
      description: "1 where requests may be sent to the server.",
      unit: "short",
      queries: [{ expr: "loam_gateway_upstream_available{$s}", legend: "{{upstream}}" }],
      alerts: [
        {
          name: "LoamUpstreamUnavailable",
          query: 0,
          limit: { is: "<", value: 1 },
          forMinutes: 2,
          severity: "page",
          summary: "No requests can be sent to the upstream {{ $labels.upstream }}",
          description:
            "Its probe fails, its circuit breaker is open, or it refuses. Other targets of a model take over where there are any.",
          test: {
            series: [{ series: `loam_gateway_upstream_available{${upstream}}`, kind: "gauge", firing: 0, resolved: 1 }],
            labels: upstreamLabels,
          },
        },
      ],
    },
    {
      title: "Circuit breakers open",
      description: "1 while a server cannot be reached.",
      unit: "short",
      queries: [
        { expr: "loam_gateway_upstream_breaker_open{$s}", legend: "{{upstream}}" },
        { expr: "loam_gateway_upstream_model_breaker_open{$s}", legend: "{{upstream}} {{model}}" },
      ],
      alerts: [
        {
          name: "LoamBreakerOpen",
          query: 1,
          limit: { is: ">", value: 0 },
          forMinutes: 5,
          severity: "ticket",
          summary: "{{ $labels.model }} of {{ $labels.upstream }} fails: its circuit breaker is open",
          description: "Look at the calls to this upstream and at its own log.",
          test: {
            series: [
              { series: `loam_gateway_upstream_model_breaker_open{${upstream},model="chat"}`, kind: "gauge", firing: 1, resolved: 0 },
            ],
            labels: { ...upstreamLabels, model: "chat" },
          },
        },
      ],
    },
    {
      title: "Credentials refused",
      description: "1 since an upstream refused the gateway's credentials.",
      unit: "short",
      queries: [{ expr: "loam_gateway_upstream_model_credentials_refused{$s}", legend: "{{upstream}} {{model}}" }],
      alerts: [
        {
          name: "LoamCredentialsRefused",
          query: 0,
          limit: { is: ">", value: 0 },
          forMinutes: 1,
          severity: "page",
          summary: "{{ $labels.upstream }} refuses the gateway's credentials for {{ $labels.model }}",
          description: "The key has expired or was changed: put a new one into the configuration.",
          test: {
            series: [
              {
                series: `loam_gateway_upstream_model_credentials_refused{${upstream},model="chat"}`,
                kind: "gauge",
                firing: 1,
                resolved: 0,
              },
            ],
            labels: { ...upstreamLabels, model: "chat" },
          },
        },
      ],
    },
    {
      title: "Calls to upstreams",
      description: "By target and what became of them.",
      unit: "reqps",
      queries: [{ expr: "sum by (target, how) (rate(loam_gateway_upstream_attempts_total{$s}[$w]))", legend: "{{target}} {{how}}" }],
    },
    {
      title: "Requests under way by upstream",
      description: "Under way, and the time to the first byte (moving average).",
      unit: "short",
      queries: [
        { expr: "loam_gateway_upstream_outstanding{$s}", legend: "{{upstream}} under way" },
        { expr: "loam_gateway_upstream_latency_seconds{$s}", legend: "{{upstream}} first byte, s" },
      ],
    },
    {
      title: "Connections",
      description: "In use, the limit, and requests that wait for one.",
      unit: "short",
      queries: [
        { expr: "loam_gateway_upstream_connections_in_use{$s}", legend: "{{upstream}} in use" },
        { expr: "loam_gateway_upstream_connections_limit{$s}", legend: "{{upstream}} limit" },
        { expr: "loam_gateway_upstream_connections_waiting{$s}", legend: "{{upstream}} waiting" },
      ],
      alerts: [
        {
          name: "LoamGatewayQueueLong",
          query: 2,
          limit: { is: ">", value: 50 },
          forMinutes: 3,
          severity: "ticket",
          summary: "More than 50 requests wait for a connection to {{ $labels.upstream }}",
          description: "Raise connections of the upstream, add a target, or limit clients.",
          test: {
            series: [{ series: `loam_gateway_upstream_connections_waiting{${upstream}}`, kind: "gauge", firing: 60, resolved: 0 }],
            labels: upstreamLabels,
          },
        },
      ],
    },
  ],
};

const policies: DashboardTable["rows"][number] = {
  title: "Limits, guards, cache",
  panels: [
    {
      title: "Requests denied by limits",
      description: "By limit and code.",
      unit: "reqps",
      queries: [{ expr: "sum by (limit, code) (rate(loam_gateway_denied_total{$s}[$w]))", legend: "{{limit}} {{code}}" }],
    },
    {
      title: "Guard decisions",
      description: "By guard, stage and decision.",
      unit: "reqps",
      queries: [
        {
          expr: "sum by (guard, stage, decision) (rate(loam_gateway_guard_decisions_total{$s}[$w]))",
          legend: "{{guard}} {{stage}} {{decision}}",
        },
      ],
    },
    {
      title: "Response cache",
      description: "Requests by what the cache did, and responses kept.",
      unit: "short",
      queries: [
        { expr: "sum by (model, result) (rate(loam_gateway_cache_requests_total{$s}[$w]))", legend: "{{model}} {{result}}, per s" },
        { expr: "loam_gateway_cache_entries{$s}", legend: "{{instance}} entries" },
      ],
    },
    {
      title: "Journal lines dropped",
      description: "Lines of the request journal that were not written because the state did not keep up.",
      unit: "short",
      queries: [{ expr: "sum by (job) (increase(loam_gateway_journal_dropped_total{$s}[$w]))", legend: "{{job}}" }],
      alerts: [
        {
          name: "LoamJournalDrops",
          query: 0,
          limit: { is: ">", value: 0 },
          forMinutes: 5,
          severity: "ticket",
          summary: "The gateway's journal loses lines ({{ $labels.job }})",
          description: "The state's database is slow or full. Requests themselves are not affected.",
          test: {
            series: [{ series: `loam_gateway_journal_dropped_total{${job}}`, kind: "counter", firing: 10, resolved: 0 }],
            labels: { job: "loam-gateway" },
          },
        },
      ],
    },
  ],
};

export const gatewayTable: DashboardTable = {
  uid: "loam-gateway",
  title: "Loam: gateway",
  rows: [requests, upstreams, policies],
};
