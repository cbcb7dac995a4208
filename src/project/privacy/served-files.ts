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
});

export interface OwnedFile {
  /** Path from the project's folder, without ending: a description `.json` and mostly contents beside it. */
  readonly path: string;
  readonly name: string;
  readonly sinceMs: number | null;
  readonly purpose: string | null;
}

/** Stored objects of an owner. What is no description is passed over. */
export function filesOfOwner(root: string, owner: string): OwnedFile[] {
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
      if (!found.success || found.data.owner !== owner) return [];
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

/** Deletes them, contents first; answers how many objects. */
export function deleteFilesOfOwner(root: string, owner: string): number {
  const files = filesOfOwner(root, owner);
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
