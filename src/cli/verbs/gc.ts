/** `loam gc`: what nothing needs. Shows it; removes it only when told to. */
import { formatBytes, formatCount } from "../../base/index.ts";
import {
  checkKnown,
  findProject,
  neededByAll,
  openProjectStore,
  type SharingProject,
  sharingLine,
  sharingProjects,
} from "../../project/index.ts";
import { applyGc, forgetProjects, type GcOptions, planGc } from "../../store/index.ts";
import { numberOption } from "../options.ts";
import type { VerbRun } from "../verb.ts";
import { folderOf } from "../verb-folder.ts";

const dayMs = 86_400_000;

export const gc: VerbRun = async (context, _, options) => {
  const { out } = context;
  const project = findProject(folderOf(context, options));
  const store = await openProjectStore(project);
  try {
    const forgetAfter = numberOption(options, "forgetAfter", "gc", { least: 0, most: 36_500 });
    const isPast = (s: SharingProject) =>
      s.known === "no" && forgetAfter !== undefined && store.clock.now() - s.seenMs >= forgetAfter * dayMs;
    const all = await sharingProjects(project, store);
    const sharing = all.filter(s => !isPast(s));
    for (const s of sharing) out.line(sharingLine(s, store.clock.now()));
    if (options.apply) checkKnown(sharing);
    const given: GcOptions = {
      roots: [],
      // under the lock, so looked at anew: another file may have begun to use the record
      needs: async kept => {
        const now = (await sharingProjects(project, store)).filter(s => !isPast(s));
        if (options.apply) checkKnown(now);
        return neededByAll(project, now, store, kept);
      },
    };
    const plan = options.apply ? await applyGc(store, { ...given, signal: context.signal }) : await planGc(store, given);
    const past = all.filter(s => isPast(s) || s.known === "gone").map(s => s.id);
    if (options.apply) await forgetProjects(store, past);
    for (const a of plan.artifacts)
      out.line(
        `  artifact  ${a.id.padEnd(28)} ${formatBytes(a.sizeBytes).padStart(8)}  not needed by a version, an alias, a study or loam.yaml`,
      );
    const strays = plan.blobs.filter(b => b.why === "no artifact");
    if (strays.length > 0)
      out.line(
        `  files     ${formatCount(strays.length).padEnd(28)} ${formatBytes(strays.reduce((sum, b) => sum + b.sizeBytes, 0)).padStart(8)}  of no artifact of this record: left by stages that were killed, or another record's in ${store.blobs.place}`,
      );
    for (const s of plan.scratch)
      out.line(`  scratch   ${s.recipe.slice(0, 12).padEnd(28)} ${formatBytes(s.sizeBytes).padStart(8)}  ${s.why}`);
    for (const r of plan.running) out.line(`  running   ${JSON.stringify(r)}`);
    out.line(
      `  ${formatBytes(plan.freedBytes)} in ${formatCount(plan.blobs.length)} files ${options.apply ? "are removed" : "would be freed"}; ${formatCount(plan.keptArtifacts)} artifacts stay`,
    );
    const projects = sharing.map(({ project: _, ...s }) => s);
    out.result({ ...plan, projects, applied: options.apply === true });
  } finally {
    await store.close();
  }
};
