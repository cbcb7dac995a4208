/** `loam gc`: what nothing needs. Shows it; removes it only when told to. */
import { formatBytes, formatCount } from "../../base/index.ts";
import type { ArtifactReader, Store } from "../../store/index.ts";
import { applyGc, planGc } from "../../store/index.ts";
import { dataLinksOf, lifeOf, planLink } from "../life.ts";
import { findProject, modelsOf, openProjectStore, type Project } from "../project.ts";
import type { VerbRun } from "../verb.ts";
import { folderOf } from "../verb-folder.ts";

/** Artifacts that the project file as it stands would reuse: of every model's life, and of data sets that no model has yet. */
export async function currentRoots(project: Project, store: Store): Promise<string[]> {
  const roots = new Set<string>();
  const { data } = project.config;
  const chains = [
    ...modelsOf(project.config).map(model => lifeOf(project, model, { onProblem: () => {} })),
    ...Object.keys(data).map(name => dataLinksOf(project, name)),
  ];
  for (const links of chains) {
    const made = new Map<string, ArtifactReader>();
    for (const link of links) {
      const plan = await planLink(store, link, made).catch(() => undefined);
      if (plan?.action !== "reuse" || !plan.artifact) continue;
      made.set(link.label, plan.artifact);
      roots.add(plan.artifact.id);
    }
  }
  return [...roots];
}

export const gc: VerbRun = async (context, _, options) => {
  const { out } = context;
  const project = findProject(folderOf(context, options));
  const store = await openProjectStore(project);
  try {
    const roots = await currentRoots(project, store);
    const plan = options.apply ? await applyGc(store, { roots, signal: context.signal }) : await planGc(store, { roots });
    for (const a of plan.artifacts)
      out.line(`  artifact  ${a.id.padEnd(28)} ${formatBytes(a.sizeBytes).padStart(8)}  not needed by a version, an alias or loam.yaml`);
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
