/** Panels of monitors and drift, and of what serving costs. */
import type { DashboardTable } from "./panel.ts";

const job = 'job="loam"';

export const monitorDashboard: DashboardTable = {
  uid: "loam-monitors",
  title: "Loam: monitors and drift",
  rows: [
    {
      title: "Alarms",
      panels: [
        {
          title: "Active alarms",
          description: "Alarms of Loam's own monitors (charts, anomalies, drift, objectives), by severity.",
          kind: "stat",
          unit: "short",
          queries: [{ expr: "sum by (severity) (loam_alarms{$s})", legend: "{{severity}}" }],
          alerts: [
            {
              name: "LoamAlarmPage",
              expr: 'max by (monitor, kind, model) (loam_alarm_active{severity="page",$s})',
              limit: { is: ">", value: 0 },
              forMinutes: 0,
              severity: "page",
              summary: "Monitor {{ $labels.monitor }} ({{ $labels.kind }}) raises an alarm for {{ $labels.model }}",
              description: "Show the evidence: loam watch alarms.",
              test: {
                series: [
                  {
                    series: `loam_alarm_active{${job},monitor="latency",kind="chart",model="mail@1",severity="page"}`,
                    kind: "gauge",
                    firing: 1,
                    resolved: Number.NaN,
                  },
                ],
                labels: { monitor: "latency", kind: "chart", model: "mail@1" },
              },
            },
            {
              name: "LoamAlarmTicket",
              expr: 'max by (monitor, kind, model) (loam_alarm_active{severity="ticket",$s})',
              limit: { is: ">", value: 0 },
              forMinutes: 0,
              severity: "ticket",
              summary: "Monitor {{ $labels.monitor }} ({{ $labels.kind }}) raises an alarm for {{ $labels.model }}",
              description: "Show the evidence: loam watch alarms.",
              test: {
                series: [
                  {
                    series: `loam_alarm_active{${job},monitor="words",kind="drift",model="mail@1",severity="ticket"}`,
                    kind: "gauge",
                    firing: 1,
                    resolved: Number.NaN,
                  },
                ],
                labels: { monitor: "words", kind: "drift", model: "mail@1" },
              },
            },
          ],
        },
        {
          title: "Alarms by monitor",
          description: "1 for each active alarm.",
          kind: "table",
          unit: "short",
          queries: [
            {
              expr: "max by (monitor, kind, model, severity) (loam_alarm_active{$s})",
              legend: "{{monitor}} {{kind}} {{model}} {{severity}}",
            },
          ],
        },
        {
          title: "Monitors last looked",
          description: "Time since a monitor last looked at its window.",
          unit: "s",
          queries: [{ expr: "time() - max by (job) (loam_watch_looked_timestamp_seconds{$s})", legend: "{{job}}" }],
          alerts: [
            {
              name: "LoamMonitorsStopped",
              query: 0,
              limit: { is: ">", value: 600 },
              forMinutes: 5,
              severity: "ticket",
              summary: "Monitors of {{ $labels.job }} have not looked for ten minutes",
              description: "The artifact store cannot be written, or no server holds the lease. Until then nothing raises an alarm.",
              test: {
                series: [
                  // seconds since 1970 of a clock that begins with the test: it stands still, and goes again
                  { series: `loam_watch_looked_timestamp_seconds{${job}}`, kind: "gauge", firing: 0, resolved: 1e9 },
                ],
                firingMinutes: 30,
                labels: { job: "loam" },
              },
            },
          ],
        },
      ],
    },
    {
      title: "Objectives as Loam counts them",
      panels: [
        {
          title: "Error budget left",
          description: "Share of the error budget of each objective of loam.yaml that is left.",
          unit: "percentunit",
          queries: [{ expr: "max by (slo) (loam_slo_budget_left_ratio{$s})", legend: "{{slo}}" }],
        },
        {
          title: "Burn rates",
          description: "Times as fast as the budget allows, by window.",
          unit: "short",
          queries: [{ expr: "max by (slo, window) (loam_slo_burn_rate{$s})", legend: "{{slo}} {{window}}" }],
        },
        {
          title: "Reached and wanted",
          description: "Share of good events, and the objective.",
          unit: "percentunit",
          queries: [
            { expr: "min by (slo) (loam_slo_reached_ratio{$s})", legend: "{{slo}} reached" },
            { expr: "max by (slo) (loam_slo_objective_ratio{$s})", legend: "{{slo}} objective" },
          ],
        },
      ],
    },
    {
      title: "Drift and quality",
      panels: [
        {
          title: "Drift scores",
          description: "Distance of live data from the training data, by feature and measure.",
          unit: "short",
          queries: [{ expr: "max by (model, feature, measure) (loam_drift_score{$s})", legend: "{{model}} {{feature}} {{measure}}" }],
        },
        {
          title: "Drift p-values",
          description: "Corrected for the number of features; small where the data differ.",
          unit: "short",
          queries: [{ expr: "min by (model, feature, measure) (loam_drift_p_value{$s})", legend: "{{model}} {{feature}} {{measure}}" }],
        },
        {
          title: "Quality",
          description: "Measured with labels, or estimated without.",
          unit: "short",
          queries: [{ expr: "avg by (model, metric, source) (loam_quality{$s})", legend: "{{model}} {{metric}} {{source}}" }],
        },
      ],
    },
  ],
};

export const costDashboard: DashboardTable = {
  uid: "loam-cost",
  title: "Loam: cost",
  rows: [
    {
      title: "Servers",
      panels: [
        {
          title: "Cores in use by model",
          description: 'Processor time; "none": while no model worked.',
          unit: "cores",
          queries: [{ expr: "sum by (model) (rate(loam_core_seconds_total{$s}[$w]))", legend: "{{model}}" }],
        },
        {
          title: "Cost per hour by model",
          description: "At the price of prices in loam.yaml.",
          unit: "currencyUSD",
          queries: [{ expr: "sum by (model) (rate(loam_cost_usd_total{$s}[$w])) * 3600", legend: "{{model}}" }],
        },
        {
          title: "Cost of a million generated tokens",
          description: "Processor time of a model over the tokens that it generated.",
          unit: "currencyUSD",
          queries: [
            {
              expr: "1e6 * sum by (model) (rate(loam_cost_usd_total{$s}[$w])) / sum by (model) (rate(loam_generated_tokens_total{$s}[$w]))",
              legend: "{{model}}",
            },
          ],
        },
      ],
    },
    {
      title: "Keys at the gateway",
      panels: [
        {
          title: "Tokens today by key",
          description: "Input and output (UTC day); all but the ten keys with the most tokens are other.",
          unit: "short",
          queries: [
            { expr: "max by (key, subject, team) (loam_gateway_key_input_tokens_today{$s})", legend: "{{key}} {{subject}} input" },
            { expr: "max by (key, subject, team) (loam_gateway_key_output_tokens_today{$s})", legend: "{{key}} {{subject}} output" },
          ],
        },
        {
          title: "Requests today by key",
          description: "Requests, and those that failed.",
          unit: "short",
          queries: [
            { expr: "max by (key, subject, team) (loam_gateway_key_requests_today{$s})", legend: "{{key}} {{subject}}" },
            { expr: "max by (key, subject, team) (loam_gateway_key_errors_today{$s})", legend: "{{key}} {{subject}} failed" },
          ],
        },
        {
          title: "Cost today by key",
          description: "In the currency of the gateway's prices.",
          unit: "short",
          queries: [{ expr: "max by (key, subject, team) (loam_gateway_key_cost_today{$s})", legend: "{{key}} {{subject}}" }],
        },
      ],
    },
  ],
};
