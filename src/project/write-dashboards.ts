/** Dashboards and rules as files: what Grafana, Prometheus and an Alertmanager are given. */
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { writeFileAtomic } from "../base/index.ts";
import { type DashboardOptions, dashboardFiles } from "../watch/index.ts";

export interface WrittenDashboards {
  readonly folder: string;
  /** Below it. */
  readonly files: readonly string[];
}

/** Writes all files; those of the same names are replaced. Errors: watch/setting. */
export async function writeDashboards(folder: string, options: DashboardOptions = {}): Promise<WrittenDashboards> {
  const files = dashboardFiles(options);
  for (const [name, text] of Object.entries(files)) {
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFileAtomic(path, text);
  }
  return { folder, files: Object.keys(files) };
}
