/** `loam gc`: what nothing needs. Shows it; removes it only when told to. */
import { formatBytes, formatCount } from "../../base/index.ts";
import { applyGc, type GcOptions, planGc } from "../../store/index.ts";
import { neededBy } from "../needs.ts";
import { findProject, openProjectStore } from "../project.ts";
import type { VerbRun } from "../verb.ts";
import { folderOf } from "../verb-folder.ts";

export const gc: VerbRun = async (context, _, options) => {
  const { out } = context;
  const project = findProject(folderOf(context, options));
  const store = await openProjectStore(project);
  try {
    const given: GcOptions = { roots: [], needs: kept => neededBy(project, store, kept) };
    const plan = options.apply ? await applyGc(store, { ...given, signal: context.signal }) : await planGc(store, given);
    for (const a of plan.artifacts)
      out.line(
        `  artifact  ${a.id.padEnd(28)} ${formatBytes(a.sizeBytes).padStart(8)}  not needed by a version, an alias, a study or loam.yaml`,
      );
    for (const s of plan.scratch)
      out.line(`  scratch   ${s.recipe.slice(0, 12).padEnd(28)} ${formatBytes(s.sizeBytes).padStart(8)}  ${s.why}`);
    for (const r of plan.running) out.line(`  running   ${JSON.stringify(r)}`);
    out.line(
      `  ${formatBytes(plan.freedBytes)} in ${formatCount(plan.blobs.length)} files ${options.apply ? "are removed" : "would be freed"}; ${formatCount(plan.keptArtifacts)} artifacts stay`,
    );
    out.result({ ...plan, applied: options.apply === true });
  } finally {
    await store.close();
  }
};
