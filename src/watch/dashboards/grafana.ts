/** The table of panels as dashboards of Grafana: plain JSON of its version 11, which imports it from a file or by provisioning. */
import type { DashboardPanel, DashboardTable, PanelAlert } from "./panel.ts";

/** A row of the page is 24 wide; three panels stand beside each other. */
const [pageWidth, panelWidth, panelHeight] = [24, 8, 8];
const schemaVersion = 39;

// biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana puts the value in
const datasource = { type: "prometheus", uid: "${datasource}" };

/** A query of the table as Grafana asks it. */
const inDashboard = (expr: string): string =>
  expr.replaceAll("$s", 'job=~"$job",instance=~"$instance"').replaceAll("$w", "$__rate_interval");

/** Grafana has no unit of cores and of tokens a second. */
const unitNames: Readonly<Record<string, string>> = { tokps: "suffix: tokens/s", cores: "suffix: cores", currencyUSD: "currencyUSD" };

/** Steps of colour where an alert's limit lies: red above it, or below it. */
function thresholds(alerts: readonly PanelAlert[]): object {
  const limits = alerts.filter(a => a.query !== undefined).map(a => a.limit);
  const [first] = limits;
  if (!first) return { mode: "absolute", steps: [{ color: "green", value: null }] };
  const values = [...limits.filter(l => l.is === first.is).map(l => l.value)].sort((a, b) => a - b);
  const [calm, red] = first.is === ">" ? ["green", "red"] : ["red", "green"];
  return { mode: "absolute", steps: [{ color: calm, value: null }, ...values.map(value => ({ color: red, value }))] };
}

function panelJson(panel: DashboardPanel, id: number, x: number, y: number): object {
  const { title, description, kind = "timeseries", unit, queries, alerts = [] } = panel;
  const isTable = kind === "table";
  return {
    id,
    type: kind,
    title,
    description,
    datasource,
    gridPos: { x, y, w: panelWidth, h: panelHeight },
    targets: queries.map(({ expr, legend }, i) => ({
      refId: String.fromCharCode("A".charCodeAt(0) + i),
      datasource,
      expr: inDashboard(expr),
      legendFormat: legend,
      exemplar: kind === "timeseries" && expr.startsWith("histogram_quantile"),
      ...(kind === "heatmap" ? { format: "heatmap" } : {}),
      ...(isTable ? { format: "table", instant: true } : {}),
    })),
    fieldConfig: {
      defaults: {
        unit: unitNames[unit] ?? unit,
        ...(unit === "percentunit" ? { min: 0 } : {}),
        thresholds: thresholds(alerts),
        ...(kind === "timeseries"
          ? {
              custom: {
                lineWidth: 1,
                fillOpacity: 10,
                showPoints: "never",
                thresholdsStyle: { mode: alerts.some(a => a.query !== undefined) ? "line" : "off" },
              },
            }
          : {}),
      },
      overrides: [],
    },
    options:
      kind === "timeseries"
        ? { legend: { displayMode: "list", placement: "bottom", showLegend: true }, tooltip: { mode: "multi", sort: "desc" } }
        : {},
  };
}

/** What every dashboard can be narrowed to. `job`: a regular expression of the jobs that scrape Loam. */
const variables = (job: string): object[] => [
  { name: "datasource", label: "Data source", type: "datasource", query: "prometheus", current: {}, hide: 0, refresh: 1 },
  ...[
    { name: "job", label: "Job", query: `label_values(up{job=~"${job}"}, job)` },
    { name: "instance", label: "Instance", query: `label_values(up{job=~"$job"}, instance)` },
  ].map(v => ({
    ...v,
    type: "query",
    datasource,
    definition: v.query,
    query: { query: v.query, refId: v.name },
    includeAll: true,
    multi: true,
    allValue: ".*",
    current: { text: ["All"], value: ["$__all"] },
    refresh: 2,
    sort: 1,
    hide: 0,
  })),
];

/** A dashboard as Grafana imports it. */
export function grafanaDashboard({ uid, title, rows }: DashboardTable, { job }: { readonly job: string }): object {
  const panels: object[] = [];
  let y = 0;
  let id = 1;
  for (const row of rows) {
    panels.push({ id: id++, type: "row", title: row.title, collapsed: false, gridPos: { x: 0, y, w: pageWidth, h: 1 }, panels: [] });
    y++;
    for (const [i, panel] of row.panels.entries()) {
      const place = (i * panelWidth) % pageWidth;
      if (i > 0 && place === 0) y += panelHeight;
      panels.push(panelJson(panel, id++, place, y));
    }
    y += panelHeight;
  }
  return {
    uid,
    title,
    tags: ["loam"],
    timezone: "browser",
    editable: true,
    graphTooltip: 1,
    schemaVersion,
    refresh: "30s",
    time: { from: "now-6h", to: "now" },
    timepicker: {},
    annotations: { list: [] },
    templating: { list: variables(job) },
    links: [
      {
        type: "dashboards",
        title: "Loam",
        icon: "external link",
        tooltip: "",
        tags: ["loam"],
        asDropdown: true,
        targetBlank: false,
        includeVars: true,
        keepTime: true,
      },
    ],
    panels,
  };
}
