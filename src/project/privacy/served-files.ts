/** Files that a person's clients sent to a server of this project or had made by it (`.loam/served-files`, `.loam/fine-tuning`): found by their owner, deleted. */
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { fileError } from "../../base/index.ts";

const folders = [join(".loam", "served-files"), join(".loam", "fine-tuning")];
const description = z.looseObject({
  owner: z.string().nullish(),
  created_at: z.number().optional(),
  filename: z.string().optional(),
  purpose: z.string().optional(),
  status: z.string().optional(),
});

export interface OwnedFile {
  /** Path from the project's folder, without ending: a description `.json` and mostly contents beside it. */
  readonly path: string;
  readonly name: string;
  readonly sinceMs: number | null;
  readonly purpose: string | null;
}

type Description = z.output<typeof description>;

/** Stored objects by their descriptions. What is no description is passed over. */
function filesWhere(root: string, isWanted: (d: Description) => boolean): OwnedFile[] {
  return folders.flatMap(folder => {
    const at = join(root, folder);
    const names = existsSync(at) ? readdirSync(at).filter(name => name.endsWith(".json")) : [];
    return names.sort().flatMap(name => {
      let parsed: unknown;
      try {
        parsed = JSON.parse(readFileSync(join(at, name), "utf8"));
      } catch {
        return [];
      }
      const found = description.safeParse(parsed);
      if (!found.success || !isWanted(found.data)) return [];
      const { created_at: seconds, filename, purpose } = found.data;
      return [
        {
          path: join(folder, name.slice(0, -".json".length)),
          name: filename ?? name,
          sinceMs: seconds === undefined ? null : seconds * 1000,
          purpose: purpose ?? null,
        },
      ];
    });
  });
}

/** Stored objects of an owner. */
export const filesOfOwner = (root: string, owner: string): OwnedFile[] => filesWhere(root, d => d.owner === owner);

interface Older {
  readonly beforeMs: number;
  /** Owners whose objects stay. */
  readonly except: readonly string[];
}

/** States of a batch or job in which something still reads or writes it. */
const underWay = new Set(["validating", "validating_files", "queued", "in_progress", "running", "finalizing", "cancelling"]);

/** Stored objects that were made before a time and are not under way. */
export const filesOlder = (root: string, { beforeMs, except }: Older): OwnedFile[] =>
  filesWhere(
    root,
    d =>
      d.created_at !== undefined &&
      d.created_at * 1000 < beforeMs &&
      !(d.status !== undefined && underWay.has(d.status)) &&
      !(typeof d.owner === "string" && except.includes(d.owner)),
  );

/** Deletes objects of an owner, contents first; answers how many. */
export const deleteFilesOfOwner = (root: string, owner: string): number => deleteAll(root, filesOfOwner(root, owner));
/** Deletes objects from before a time; answers how many. */
export const deleteFilesOlder = (root: string, older: Older): number => deleteAll(root, filesOlder(root, older));

function deleteAll(root: string, files: readonly OwnedFile[]): number {
  for (const { path } of files) {
    const [folder, id] = [join(root, path, ".."), path.slice(path.lastIndexOf("/") + 1)];
    // the description goes last: what a crash leaves is found again
    const beside = readdirSync(folder).filter(name => name === id || name.startsWith(`${id}.`));
    for (const name of beside.sort((a, b) => Number(a.endsWith(".json")) - Number(b.endsWith(".json"))))
      try {
        rmSync(join(folder, name), { recursive: true, force: true });
      } catch (error) {
        throw fileError(error, join(folder, name));
      }
  }
  return files.length;
}
