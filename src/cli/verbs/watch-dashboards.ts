/** `loam watch dashboards`: writes what Grafana, Prometheus and an Alertmanager are given. */
import { resolve } from "node:path";
import { writeDashboards, wrongArgument } from "../../project/index.ts";
import { numberOption, textOption } from "../options.ts";
import type { VerbRun } from "../verb.ts";

export const watchDashboards: VerbRun = async ({ out, cwd }, _given, options) => {
  const to = textOption(options, "to");
  if (to === undefined) throw wrongArgument("loam watch dashboards", "a folder: --to FOLDER", "nothing");
  const objective = numberOption(options, "objective", "watch dashboards", { least: 0, most: 1 });
  const written = await writeDashboards(resolve(cwd, to), { job: textOption(options, "job"), objective });
  for (const file of written.files) out.line(`  ${file}`);
  out.line(`  ${written.files.length} files in ${written.folder}.`);
  out.line("  Import grafana/dashboards in Grafana, name the rules in prometheus.yml, run promtool test rules on the test file.");
  out.result(written);
};
