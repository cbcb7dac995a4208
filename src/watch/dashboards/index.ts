/**
 * Dashboards for Grafana, rules for Prometheus and routes for an Alertmanager, all from one table of panels. Pure: names of files and their texts; who calls
 * writes them.
 */
import { stringify } from "yaml";
import { checkSetting } from "../errors.ts";
import { gatewayTable } from "./gateway-panels.ts";
import { grafanaDashboard } from "./grafana.ts";
import type { DashboardTable } from "./panel.ts";
import { alertFile, alertTests, recordingFile } from "./rules.ts";
import { serverTable } from "./server-panels.ts";
import { defaultObjectives, sloTable } from "./slo-panels.ts";
import { costDashboard, monitorDashboard } from "./watch-panels.ts";

export { inRule, type RuleOptions } from "./rules.ts";

export interface DashboardOptions {
  /** Regular expression of the Prometheus jobs that scrape servers and gateways (default "loam.*"). */
  readonly job?: string | undefined;
  /** Availability objective of the burn-rate alerts (default 0.999). */
  readonly objective?: number | undefined;
}

const defaultJob = "loam.*";
const defaultObjective = 0.999;
const jobPattern = /^[\w.*+|()[\]?:-]{1,200}$/;

const isRegex = (text: string): boolean => {
  try {
    new RegExp(text);
    return true;
  } catch {
    return false;
  }
};

/** Errors: watch/setting. */
function settingsOf({ job = defaultJob, objective = defaultObjective }: DashboardOptions) {
  checkSetting(jobPattern.test(job) && isRegex(job), "job", 'a regular expression of job names, such as "loam.*"', job);
  checkSetting(objective > 0 && objective < 1, "objective", "a share between 0 and 1, such as 0.999", objective);
  return { job, objectives: defaultObjectives(objective) };
}

/** All tables: what dashboards, rules and tests are made from. Errors: watch/setting. */
export function dashboardTables(options: DashboardOptions = {}): readonly DashboardTable[] {
  return [serverTable, gatewayTable, sloTable(settingsOf(options).objectives), monitorDashboard, costDashboard];
}

const files = {
  recording: "loam-recording.yml",
  alerts: "loam-alerts.yml",
  tests: "loam-alerts.test.yml",
};

const prometheusExample = (): string =>
  stringify({
    global: { scrape_interval: "15s", evaluation_interval: "30s" },
    rule_files: [files.recording, files.alerts],
    alerting: { alertmanagers: [{ static_configs: [{ targets: ["127.0.0.1:9093"] }] }] },
    scrape_configs: [
      { job_name: "loam", static_configs: [{ targets: ["127.0.0.1:8080"] }] },
      { job_name: "loam-gateway", static_configs: [{ targets: ["127.0.0.1:8090"] }] },
    ],
  });

/** Pages at once and tickets in batches; a page of something silences the tickets of the same. */
const alertmanagerExample = (): string =>
  stringify({
    route: {
      receiver: "tickets",
      group_by: ["alertname", "model", "slo"],
      group_wait: "30s",
      group_interval: "5m",
      repeat_interval: "12h",
      routes: [{ receiver: "pages", matchers: ['severity="page"'], group_wait: "10s", repeat_interval: "1h" }],
    },
    inhibit_rules: [
      { source_matchers: ['severity="page"'], target_matchers: ['severity="ticket"'], equal: ["job", "instance", "model", "slo"] },
    ],
    receivers: [
      { name: "pages", webhook_configs: [{ url: "http://127.0.0.1:9000/pages" }] },
      { name: "tickets", webhook_configs: [{ url: "http://127.0.0.1:9000/tickets" }] },
    ],
  });

const provisioning = (): string =>
  stringify({
    apiVersion: 1,
    providers: [
      { name: "loam", folder: "Loam", type: "file", allowUiUpdates: true, options: { path: "/var/lib/grafana/dashboards/loam" } },
    ],
  });

const datasources = (): string =>
  stringify({
    apiVersion: 1,
    datasources: [{ name: "Prometheus", type: "prometheus", access: "proxy", url: "http://127.0.0.1:9090", isDefault: true }],
  });

/** Every file that `loam watch dashboards` writes, by its path below the folder. Errors: watch/setting. */
export function dashboardFiles(options: DashboardOptions = {}): Readonly<Record<string, string>> {
  const { job, objectives } = settingsOf(options);
  const tables = dashboardTables(options);
  return {
    ...Object.fromEntries(
      tables.map(table => [`grafana/dashboards/${table.uid}.json`, `${JSON.stringify(grafanaDashboard(table, { job }), null, 2)}\n`]),
    ),
    "grafana/provisioning/dashboards/loam.yaml": provisioning(),
    "grafana/provisioning/datasources/prometheus.yaml": datasources(),
    "prometheus/prometheus.yml": prometheusExample(),
    [`prometheus/${files.recording}`]: recordingFile(objectives, { job }),
    [`prometheus/${files.alerts}`]: alertFile(tables, { job }),
    [`prometheus/${files.tests}`]: alertTests(tables, { job }, [files.recording, files.alerts]),
    "alertmanager/alertmanager.yml": alertmanagerExample(),
  };
}
