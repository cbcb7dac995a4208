import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { dashboardFiles, dashboardTables, inRule } from "./index.ts";
import type { PanelAlert } from "./panel.ts";

const tables = dashboardTables();
const panels = tables.flatMap(t => t.rows.flatMap(r => r.panels.map(p => ({ ...p, of: t.uid }))));
const alerts: readonly PanelAlert[] = panels.flatMap(p => p.alerts ?? []);
const files = dashboardFiles();
const textOf = (name: string): string => {
  const text = files[name];
  if (text === undefined) throw new Error(`no file ${name}`);
  return text;
};

interface GrafanaPanel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly refId: string; readonly expr: string }[];
  readonly fieldConfig?: {
    readonly defaults: { readonly unit: string; readonly thresholds: { readonly steps: readonly { readonly value: number | null }[] } };
  };
}
interface GrafanaDashboard {
  readonly uid: string;
  readonly title: string;
  readonly panels: readonly GrafanaPanel[];
}
const dashboards = tables.map(t => JSON.parse(textOf(`grafana/dashboards/${t.uid}.json`)) as GrafanaDashboard);

test("names that others refer to are each there once: dashboards, panels of a dashboard, alerts", () => {
  for (const names of [tables.map(t => t.uid), tables.map(t => t.title), alerts.map(a => a.name)])
    expect(new Set(names).size).toBe(names.length);
  for (const t of tables) {
    const titles = t.rows.flatMap(r => r.panels.map(p => p.title));
    expect(new Set(titles).size, t.uid).toBe(titles.length);
  }
  expect(panels.length).toBeGreaterThan(50);
  expect(alerts.length).toBeGreaterThan(25);
});

test("every panel of the table is a panel of Grafana's with its queries, none over another, within the page's width", () => {
  for (const [i, table] of tables.entries()) {
    const { panels: drawn, ...head } = dashboards[i]!;
    expect(head).toMatchObject({ uid: table.uid, title: table.title });
    const own = drawn.filter(p => p.type !== "row");
    expect(own.map(p => p.title)).toEqual(table.rows.flatMap(r => r.panels.map(p => p.title)));
    expect(own.map(p => p.targets!.length)).toEqual(table.rows.flatMap(r => r.panels.map(p => p.queries.length)));
    expect(new Set(drawn.map(p => p.id)).size).toBe(drawn.length);
    const cells = new Set<string>();
    for (const { gridPos: g, title } of drawn) {
      expect(g.x + g.w, title).toBeLessThanOrEqual(24);
      for (let x = g.x; x < g.x + g.w; x++)
        for (let y = g.y; y < g.y + g.h; y++) {
          expect(cells.has(`${x},${y}`), `${title} lies over another`).toBe(false);
          cells.add(`${x},${y}`);
        }
    }
  }
});

test("the red line of a panel is its alert's limit, and shares are between 0 and 1", () => {
  const drawn = dashboards.flatMap(d => d.panels.filter(p => p.type !== "row"));
  for (const [i, panel] of panels.entries()) {
    const { thresholds, unit } = drawn[i]!.fieldConfig!.defaults;
    const values = thresholds.steps.flatMap(s => (s.value === null ? [] : [s.value]));
    const limits = (panel.alerts ?? []).filter(a => a.query !== undefined).map(a => a.limit.value);
    expect([...values].sort(), panel.title).toEqual([...limits].sort());
    // vLLM's dashboard has a share with a red line at 80
    if (unit === "percentunit") for (const v of values) expect(v, panel.title).toBeLessThanOrEqual(1);
  }
});

test("no quantile of a histogram is compared with a limit that lies above its last bucket", () => {
  // the last finite bucket of each, in seconds: `histogram_quantile` never says more
  const last: Readonly<Record<string, number>> = {
    loam_inter_token_seconds: 1,
    loam_time_to_first_token_seconds: 60,
    loam_answer_seconds: 300,
    loam_gateway_first_byte_seconds: 300,
  };
  let found = 0;
  for (const { queries, alerts: own = [] } of panels)
    for (const { query, limit } of own) {
      const metric = query === undefined ? undefined : /rate\((\w+)_bucket/.exec(queries[query]!.expr)?.[1];
      if (metric === undefined) continue;
      found++;
      expect(limit.value, metric).toBeLessThan(last[metric]!);
    }
  expect(found).toBe(4);
});

test("queries are narrowed to Loam's jobs, in dashboards by Grafana's variables and in rules by the job that was given", () => {
  for (const { expr } of dashboards.flatMap(d => d.panels.flatMap(p => p.targets ?? []))) {
    expect(expr).not.toMatch(/\$[sw]\b/);
    if (/\b(loam_|process_|nodejs_|up\{)/.test(expr)) expect(expr).toContain('job=~"$job"');
    if (expr.includes("rate(")) expect(expr).toContain("[$__rate_interval]");
  }
  const own = dashboardFiles({ job: "llm|gate.*" });
  expect(own["prometheus/loam-alerts.yml"]).toContain('job=~"llm|gate.*"');
  expect(own["prometheus/loam-alerts.yml"]!.replaceAll("$labels", "")).not.toContain("$");
  expect(inRule("rate(a{$s}[$w])", { job: "x" })).toBe('rate(a{job=~"x"}[5m])');
});

test("an alert rule, and its test, is written for each alert", () => {
  const rules = (parse(textOf("prometheus/loam-alerts.yml")) as { groups: { rules: { alert: string }[] }[] }).groups.flatMap(g => g.rules);
  expect(rules.map(r => r.alert)).toEqual(alerts.map(a => a.name));
  const tests = (
    parse(textOf("prometheus/loam-alerts.test.yml")) as { tests: { name: string; alert_rule_test: { exp_alerts: unknown[] }[] }[] }
  ).tests;
  expect(tests.map(t => t.name)).toEqual(alerts.map(a => a.name));
  // fires, and is over
  for (const t of tests) expect(t.alert_rule_test.map(r => r.exp_alerts.length)).toEqual([1, 0]);
});

test("the burn-rate alerts follow the objective that was given", () => {
  const limit = (objective: number) =>
    /LoamServerAvailabilityBudgetBurn1h\n\s+expr: .*rate1h\{slo="server-availability"\} > (\S+) and/.exec(
      dashboardFiles({ objective })["prometheus/loam-alerts.yml"]!,
    )?.[1];
  // 2 % of 30 days' budget in an hour: 14.4 times as fast as allowed
  expect(Number(limit(0.999))).toBeCloseTo(0.0144, 12);
  expect(Number(limit(0.99))).toBeCloseTo(0.144, 12);
});

test("docs/dashboards.md lists the files that are written, and names every alert and no other", () => {
  const page = readFileSync(new URL("../../../docs/dashboards.md", import.meta.url), "utf8");
  const listed = [...page.matchAll(/^ {2}((?:grafana|prometheus|alertmanager)\/\S+)$/gm)].map(m => m[1]);
  expect(listed).toEqual(Object.keys(files));
  expect(page).toContain(`${listed.length} files in`);
  const named = [...page.matchAll(/`(Loam\w+)`/g)].map(m => m[1]!);
  // those of objectives have the objective's name in theirs
  expect(named.sort()).toEqual(
    alerts
      .map(a => a.name)
      .filter(n => !n.includes("BudgetBurn"))
      .sort(),
  );
});

test("a job or an objective that is none is refused by name", () => {
  for (const job of ['a"}', "", "(", "a b", "x".repeat(300)])
    expect(() => dashboardFiles({ job }), job).toThrow(/job: expected a regular expression/);
  for (const objective of [0, 1, 1.5, Number.NaN]) expect(() => dashboardFiles({ objective })).toThrow(/objective: expected a share/);
});
