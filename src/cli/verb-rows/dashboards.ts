/** `loam watch dashboards`: what Grafana, Prometheus and an Alertmanager are given. */
import type { Verb } from "../verb.ts";

export const dashboardsVerb: Verb = {
  usage: "watch dashboards",
  summary: "Write Grafana dashboards, Prometheus recording and alert rules with their tests, and example configurations into a folder",
  options: [
    ["--to <folder>", "folder to write to; files of the same names are replaced"],
    ["--job <regex>", "regular expression of the Prometheus jobs that scrape servers and gateways", "loam.*"],
    ["--objective <share>", "availability objective of the burn-rate alerts", "0.999"],
  ],
  example: "loam watch dashboards --to monitoring",
  load: async () => (await import("../verbs/watch-dashboards.ts")).watchDashboards,
};
