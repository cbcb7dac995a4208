/** What nothing needs: listed, and removed only when told to. */
import { applyGc, forgetProjects, type GcOptions, type GcPlan, planGc } from "../store/index.ts";
import type { Watch } from "./call.ts";
import { checkKnown, neededByAll, type SharingProject, sharingLine, sharingProjects } from "./gc-projects.ts";
import type { Workspace } from "./workspace.ts";

const dayMs = 86_400_000;

export interface CollectOptions {
  /** Remove it; default: only list it. */
  readonly apply?: boolean | undefined;
  /** Let go of what other machines' files of this record need that were not seen for so many days. */
  readonly forgetAfterDays?: number | undefined;
}

export interface CollectedGarbage extends GcPlan {
  /** Other project files that use the record. */
  readonly projects: readonly Omit<SharingProject, "project">[];
  readonly applied: boolean;
  /** Where the files lie. */
  readonly blobsPlace: string;
}

/** Errors: project/shared where `apply` is asked and what another project needs cannot be known. */
export async function collectGarbage(
  at: Workspace,
  { apply = false, forgetAfterDays }: CollectOptions,
  watch: Watch,
): Promise<CollectedGarbage> {
  const { file } = at;
  const store = await at.store();
  const isPast = (s: SharingProject) =>
    s.known === "no" && forgetAfterDays !== undefined && store.clock.now() - s.seenMs >= forgetAfterDays * dayMs;
  const all = await sharingProjects(file, store);
  const sharing = all.filter(s => !isPast(s));
  for (const s of sharing) watch.emit({ event: "note", message: sharingLine(s, store.clock.now()) });
  if (apply) checkKnown(sharing);
  const given: GcOptions = {
    roots: [],
    // under the lock, so looked at anew: another file may have begun to use the record
    needs: async kept => {
      const now = (await sharingProjects(file, store)).filter(s => !isPast(s));
      if (apply) checkKnown(now);
      return neededByAll(file, now, store, kept);
    },
  };
  const plan = apply ? await applyGc(store, { ...given, signal: watch.signal }) : await planGc(store, given);
  const past = all.filter(s => isPast(s) || s.known === "gone").map(s => s.id);
  if (apply) await forgetProjects(store, past);
  return { ...plan, projects: sharing.map(({ project: _, ...s }) => s), applied: apply, blobsPlace: store.blobs.place };
}
