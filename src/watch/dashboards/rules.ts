/** Recording rules, alert rules and their tests for Prometheus, made from the table of panels. */
import { stringify } from "yaml";
import type { DashboardTable, PanelAlert, WrittenSeries } from "./panel.ts";
import { type MetricObjective, recordingRules } from "./slo-panels.ts";

export interface RuleOptions {
  /** Regular expression of the jobs that scrape Loam. */
  readonly job: string;
}

const alertWindow = "5m";

/** A query of the table as a rule has it. */
export const inRule = (expr: string, { job }: RuleOptions, window = alertWindow): string =>
  expr.replaceAll("$s", `job=~"${job}"`).replaceAll("$w", window);

interface FoundAlert {
  readonly group: string;
  readonly alert: PanelAlert;
  readonly expr: string;
}

const alertsOf = (tables: readonly DashboardTable[], options: RuleOptions): FoundAlert[] =>
  tables.flatMap(({ uid, rows }) =>
    rows.flatMap(({ panels }) =>
      panels.flatMap(({ queries, alerts = [] }) =>
        alerts.map(alert => ({ group: uid, alert, expr: inRule(alert.expr ?? queries[alert.query!]!.expr, options, alert.window) })),
      ),
    ),
  );

const yaml = (value: unknown, comment: string): string => `# ${comment}\n${stringify(value, { lineWidth: 0 })}`;

export const recordingFile = (objectives: readonly MetricObjective[], options: RuleOptions): string =>
  yaml(
    {
      groups: [
        {
          name: "loam-slo",
          interval: "30s",
          rules: recordingRules(objectives).map(({ record, expr, labels }) => ({ record, expr: inRule(expr, options), labels })),
        },
      ],
    },
    "Recording rules of Loam's objectives. Made by: loam watch dashboards",
  );

const annotations = ({ summary, description }: PanelAlert) => ({ summary, description });

export function alertFile(tables: readonly DashboardTable[], options: RuleOptions): string {
  const found = alertsOf(tables, options);
  const groups = [...new Set(found.map(f => f.group))].map(group => ({
    name: group,
    rules: found
      .filter(f => f.group === group)
      .map(({ alert, expr }) => ({
        alert: alert.name,
        expr: `${expr} ${alert.limit.is} ${alert.limit.value}`,
        ...(alert.forMinutes > 0 ? { for: `${alert.forMinutes}m` } : {}),
        labels: { severity: alert.severity },
        annotations: annotations(alert),
      })),
  }));
  return yaml({ groups }, "Alerts of Loam. Made by: loam watch dashboards");
}

/** Values of a series each minute, as promtool writes them: a counter rises, a gauge stays; NaN: the series ends. */
function writtenValues({ kind, firing, resolved }: WrittenSeries, firingMinutes: number, resolvedMinutes: number): string {
  const n = firingMinutes - 1;
  if (kind === "gauge")
    return `${firing}+0x${n} ${Number.isNaN(resolved) ? `stale _x${resolvedMinutes}` : `${resolved}+0x${resolvedMinutes}`}`;
  return `0+${firing}x${n} ${firing * n + resolved}+${resolved}x${resolvedMinutes}`;
}

const labelled = (text: string, labels: Readonly<Record<string, string>>): string =>
  text.replace(/\{\{ \$labels\.(\w+) \}\}/g, (_, name: string) => labels[name] ?? "");

/** Tests for `promtool test rules`: every alert fires on a written series, and is over after it. `rules` are the files' names beside the test. */
export function alertTests(tables: readonly DashboardTable[], options: RuleOptions, rules: readonly string[]): string {
  const tests = alertsOf(tables, options).map(({ alert }) => {
    const { series, labels, firingMinutes = alert.forMinutes + 20, resolvedMinutes = 30 } = alert.test;
    const expected = {
      exp_labels: { severity: alert.severity, ...labels },
      exp_annotations: { summary: labelled(alert.summary, labels), description: labelled(alert.description, labels) },
    };
    return {
      name: alert.name,
      interval: "1m",
      input_series: series.map(s => ({ series: s.series, values: writtenValues(s, firingMinutes, resolvedMinutes) })),
      alert_rule_test: [
        { eval_time: `${firingMinutes - 1}m`, alertname: alert.name, exp_alerts: [expected] },
        { eval_time: `${firingMinutes + resolvedMinutes - 1}m`, alertname: alert.name, exp_alerts: [] },
      ],
    };
  });
  return yaml(
    { rule_files: rules, evaluation_interval: "1m", tests },
    "Tests of the alerts: promtool test rules FILE. Made by: loam watch dashboards",
  );
}
