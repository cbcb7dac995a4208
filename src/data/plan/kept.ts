/**
 * What the first wave made, kept beside the store for the next run of the same data set: a partition whose files, steps and options are the
 * same is not read again, and what it sends to the first shuffle (the index of a deduplication) is there. One generation is kept; deleting it
 * costs time only.
 */
import { existsSync } from "node:fs";
import { mkdir, open, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { hashOf, type Json } from "../../base/index.ts";
import { forgottenReason } from "../forget/forget.ts";
import type { DataJob, Wave } from "./job.ts";
import { type PartitionResult, workspaceFormat } from "./workspace.ts";

/** Ids that were named when a partition was read. */
interface Named {
  readonly keep: readonly string[];
  readonly forget: readonly string[];
}
const namedFile = "named.json";

export interface KeptTasks {
  /** Puts what is still right in its place; answers how many partitions that is. */
  restore(): Promise<number>;
  /** Keeps the first wave's tasks of a job that is done, and nothing else. */
  store(): Promise<void>;
}

async function flush(path: string): Promise<void> {
  const file = await open(path, "r+");
  try {
    await file.datasync();
  } finally {
    await file.close();
  }
}

/** `basis`: whatever else a partition's first wave follows from (readers, their options, digests of files). */
export function keptTasks(folder: string, workspace: string, job: DataJob, first: Wave, basis: Json): KeptTasks {
  const steps =
    first.kind === "documents"
      ? first.operations.map(o => (o.do === "read" ? [] : [o, job.steps[o.position] ?? { split: job.split }]))
      : [];
  const keyOf = (p: number): string =>
    hashOf(
      JSON.parse(JSON.stringify({ format: workspaceFormat, name: job.name, bins: job.bins, files: job.partitions[p], steps, basis })),
    ).slice(0, 40);
  const taskFolder = (p: number) => join(workspace, "wave-0", `task-${p}`);
  const now: Named = { keep: job.keep, forget: job.forget };

  /** Whether a partition holds none of the ids that are named otherwise now. */
  async function isAsNamed(kept: string): Promise<boolean> {
    const then = JSON.parse(await readFile(join(kept, namedFile), "utf8")) as Named;
    const changed = new Set<string>();
    for (const list of ["keep", "forget"] as const) {
      for (const id of then[list]) if (!now[list].includes(id)) changed.add(id);
      for (const id of now[list]) if (!then[list].includes(id)) changed.add(id);
    }
    if (changed.size === 0) return true;
    // A forgotten id is not among those that were read: whoever is remembered again may be anywhere.
    if (then.forget.some(id => changed.has(id))) return false;
    const { files } = JSON.parse(await readFile(join(kept, "result.json"), "utf8")) as PartitionResult;
    // an entry may be the hash of an id
    const isChanged = forgottenReason([...changed]);
    for (const file of Object.keys(files)) {
      if (!file.startsWith("ids.")) continue;
      for (const line of (await readFile(join(kept, file), "utf8")).split("\n"))
        if (isChanged(line.slice(0, line.indexOf("\t"))) !== undefined) return false;
    }
    return true;
  }

  return {
    async restore() {
      let restored = 0;
      for (let p = 0; p < job.partitions.length; p++) {
        const kept = join(folder, keyOf(p));
        if (existsSync(taskFolder(p)) || !existsSync(join(kept, "result.json"))) continue;
        try {
          if (!(await isAsNamed(kept))) continue;
          await mkdir(join(workspace, "wave-0"), { recursive: true });
          await rename(kept, taskFolder(p));
          restored++;
        } catch {
          // Another run took it, or it is damaged: it is made anew.
        }
      }
      return restored;
    },
    async store() {
      try {
        await rm(folder, { recursive: true, force: true });
        await mkdir(folder, { recursive: true });
        for (let p = 0; p < job.partitions.length; p++) {
          await writeFile(join(taskFolder(p), namedFile), JSON.stringify(now));
          // A later run relies on them, also after the power went.
          for (const file of await readdir(taskFolder(p))) await flush(join(taskFolder(p), file));
          await rename(taskFolder(p), join(folder, keyOf(p)));
        }
      } catch {
        // It would have saved time; a full or read-only disk is no reason to fail what is done.
        await rm(folder, { recursive: true, force: true }).catch(() => {});
      }
    },
  };
}
