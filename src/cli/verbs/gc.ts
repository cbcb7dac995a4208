/** `loam gc`: what nothing needs. Shows it; removes it only when told to. */
import { formatBytes, formatCount } from "../../base/index.ts";
import { collectGarbage } from "../../project/index.ts";
import { numberOption } from "../options.ts";
import { watchOf } from "../show-call.ts";
import type { VerbRun } from "../verb.ts";
import { inProject } from "../verb-folder.ts";

export const gc: VerbRun = async (context, _, options) => {
  const { out } = context;
  await inProject(context, options, async at => {
    const forgetAfterDays = numberOption(options, "forgetAfter", "gc", { least: 0, most: 36_500 });
    const apply = options.apply === true;
    const { blobsPlace, ...plan } = await collectGarbage(at, { apply, forgetAfterDays }, watchOf(context));
    for (const a of plan.artifacts)
      out.line(
        `  artifact  ${a.id.padEnd(28)} ${formatBytes(a.sizeBytes).padStart(8)}  not needed by a version, an alias, a study or loam.yaml`,
      );
    const strays = plan.blobs.filter(b => b.why === "no artifact");
    if (strays.length > 0)
      out.line(
        `  files     ${formatCount(strays.length).padEnd(28)} ${formatBytes(strays.reduce((sum, b) => sum + b.sizeBytes, 0)).padStart(8)}  of no artifact of this record: left by stages that were killed, or another record's in ${blobsPlace}`,
      );
    for (const s of plan.scratch)
      out.line(`  scratch   ${s.recipe.slice(0, 12).padEnd(28)} ${formatBytes(s.sizeBytes).padStart(8)}  ${s.why}`);
    for (const r of plan.running) out.line(`  running   ${JSON.stringify(r)}`);
    out.line(
      `  ${formatBytes(plan.freedBytes)} in ${formatCount(plan.blobs.length)} files ${apply ? "are removed" : "would be freed"}; ${formatCount(plan.keptArtifacts)} artifacts stay`,
    );
    out.result(plan);
  });
};
