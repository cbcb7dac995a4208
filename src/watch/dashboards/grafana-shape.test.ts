/**
 * The dashboards held against the types that Grafana publishes (`@grafana/grafana-foundation-sdk`, for development only): no field that Grafana does not know, none missing that
 * it needs, no word outside of its enumerations.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { dashboardFiles } from "./index.ts";

const types = join(fileURLToPath(new URL("../../..", import.meta.url)), "node_modules", "@grafana", "grafana-foundation-sdk", "dist");
const isThere = existsSync(types);
const reason = isThere ? "" : " (skipped: @grafana/grafana-foundation-sdk is not installed: npm ci)";

type Row = Readonly<Record<string, unknown>>;

const declarations = (module: string): string => readFileSync(join(types, module, "types.gen.d.ts"), "utf8");

/** Fields of an interface, and whether each is needed. */
function fieldsOf(module: string, name: string): ReadonlyMap<string, boolean> {
  const body = new RegExp(`export interface ${name} \\{\\n([\\s\\S]*?)\\n\\}`).exec(declarations(module))?.[1];
  if (body === undefined) throw new Error(`${module}: no interface ${name}`);
  const fields = [...body.matchAll(/^ {4}(\w+)(\?)?: /gm)].map(m => [m[1]!, m[2] === undefined] as const);
  expect(fields.length, name).toBeGreaterThan(1);
  return new Map(fields);
}

function wordsOf(module: string, name: string): readonly unknown[] {
  const body = new RegExp(`export declare enum ${name} \\{\\n([\\s\\S]*?)\\n\\}`).exec(declarations(module))?.[1];
  if (body === undefined) throw new Error(`${module}: no enum ${name}`);
  return [...body.matchAll(/= (.+?),?$/gm)].map(m => JSON.parse(m[1]!) as unknown);
}

const held = (value: Row, module: string, name: string, place: string) => {
  const fields = fieldsOf(module, name);
  expect(
    Object.keys(value).filter(k => !fields.has(k)),
    `${place}: fields that ${name} has not`,
  ).toEqual([]);
  expect(
    [...fields].filter(([k, isNeeded]) => isNeeded && !(k in value)).map(([k]) => k),
    `${place}: fields that ${name} needs`,
  ).toEqual([]);
};
const rows = (value: unknown): readonly Row[] => value as readonly Row[];
const row = (value: unknown): Row => value as Row;

test.skipIf(!isThere)(`every field of a dashboard is one of Grafana's types, and none that they need is missing${reason}`, () => {
  const dashboards = Object.entries(dashboardFiles()).filter(([name]) => name.startsWith("grafana/dashboards/"));
  expect(dashboards.length).toBe(5);
  for (const [file, text] of dashboards) {
    const dashboard = JSON.parse(text) as Row;
    held(dashboard, "dashboard", "Dashboard", file);
    for (const link of rows(dashboard.links)) {
      held(link, "dashboard", "DashboardLink", file);
      expect(wordsOf("dashboard", "DashboardLinkType")).toContain(link.type);
    }
    for (const variable of rows(row(dashboard.templating).list)) {
      held(variable, "dashboard", "VariableModel", `${file} ${String(variable.name)}`);
      expect(wordsOf("dashboard", "VariableType")).toContain(variable.type);
    }
    for (const panel of rows(dashboard.panels)) {
      const place = `${file} ${String(panel.title)}`;
      held(panel, "dashboard", panel.type === "row" ? "RowPanel" : "Panel", place);
      held(row(panel.gridPos), "dashboard", "GridPos", place);
      if (panel.type === "row") continue;
      const { defaults } = panel.fieldConfig as { readonly defaults: Row };
      held(row(panel.fieldConfig), "dashboard", "FieldConfigSource", place);
      held(defaults, "dashboard", "FieldConfig", place);
      held(row(defaults.thresholds), "dashboard", "ThresholdsConfig", place);
      expect(wordsOf("dashboard", "ThresholdsMode")).toContain(row(defaults.thresholds).mode);
      for (const step of rows(row(defaults.thresholds).steps)) held(step, "dashboard", "Threshold", place);
      if (defaults.custom !== undefined) held(row(defaults.custom), "common", "GraphFieldConfig", place);
      for (const target of rows(panel.targets)) {
        held(target, "prometheus", "Dataquery", place);
        if (target.format !== undefined) expect(wordsOf("prometheus", "PromQueryFormat")).toContain(target.format);
      }
      // a kind of panel is a folder of the types
      expect(existsSync(join(types, String(panel.type))), place).toBe(true);
    }
  }
});
