/** Files that a person's clients sent to a server of this project or had made by it (`.loam/served-files`, `.loam/fine-tuning`): found by their owner, deleted. */
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { fileError } from "../../base/index.ts";

const description = z.looseObject({
  owner: z.string().nullish(),
  created_at: z.number().positive().optional(),
  filename: z.string().optional(),
  purpose: z.string().optional(),
  status: z.string().optional(),
});
type Description = z.output<typeof description>;

export interface OwnedFile {
  /** Path from the project's folder: of a folder, or without its ending of a description `.json` with mostly contents beside it. */
  readonly path: string;
  readonly name: string;
  readonly sinceMs: number | null;
  readonly purpose: string | null;
}

/** A stored object: its path, and what describes it; undefined where that cannot be read. */
interface StoredObject {
  readonly path: string;
  readonly name: string;
  readonly description: Description | undefined;
}

function descriptionIn(path: string, partOf: (value: unknown) => unknown): Description | undefined {
  try {
    return description.safeParse(partOf(JSON.parse(readFileSync(path, "utf8")))).data;
  } catch {
    return undefined;
  }
}

const namesIn = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder).sort() : []);

/** Files and batches: descriptions `ID.json`. */
const servedObjects = (root: string): StoredObject[] => {
  const folder = join(".loam", "served-files");
  return namesIn(join(root, folder))
    .filter(name => name.endsWith(".json"))
    .map(name => ({
      path: join(folder, name.slice(0, -".json".length)),
      name,
      description: descriptionIn(join(root, folder, name), value => value),
    }));
};

const jobRecord = z.looseObject({ job: z.looseObject({}), owner: z.string().nullish() });

/** Fine-tuning jobs: a folder each, with `job.json` and copies of the files. */
const jobObjects = (root: string): StoredObject[] => {
  const folder = join(".loam", "fine-tuning");
  return namesIn(join(root, folder))
    .filter(id => existsSync(join(root, folder, id, "job.json")))
    .map(id => ({
      path: join(folder, id),
      name: id,
      description: descriptionIn(join(root, folder, id, "job.json"), value => {
        const { job, owner } = jobRecord.parse(value);
        return { ...job, owner, purpose: "fine-tune" };
      }),
    }));
};

const storedObjects = (root: string): StoredObject[] => [...servedObjects(root), ...jobObjects(root)];

const ownedFile = ({ path, name, description: d }: StoredObject): OwnedFile => ({
  path,
  name: d?.filename ?? name,
  sinceMs: d?.created_at === undefined ? null : d.created_at * 1000,
  purpose: d?.purpose ?? null,
});

/** Stored objects by their descriptions. What is no description is passed over. */
const filesWhere = (root: string, isWanted: (d: Description) => boolean): OwnedFile[] =>
  storedObjects(root)
    .filter(o => o.description !== undefined && isWanted(o.description))
    .map(ownedFile);

/** Objects whose age cannot be told, with the reason. */
export const undatedFiles = (root: string): { readonly id: string; readonly problem: string }[] =>
  storedObjects(root).flatMap(({ path, description: d }) =>
    d?.created_at === undefined ? [{ id: path, problem: d ? "no created_at" : "its description cannot be read" }] : [],
  );

/** Stored objects of an owner. */
export const filesOfOwner = (root: string, owner: string): OwnedFile[] => filesWhere(root, d => d.owner === owner);

interface Older {
  readonly beforeMs: number;
  /** Owners whose objects stay. */
  readonly except: readonly string[];
}

/** States of a batch or job in which something still reads or writes it. */
const underWay = new Set(["validating", "validating_files", "queued", "in_progress", "running", "paused", "finalizing", "cancelling"]);

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
  const remove = (path: string) => {
    try {
      rmSync(path, { recursive: true, force: true });
    } catch (error) {
      throw fileError(error, path);
    }
  };
  // descriptions go last: what a crash leaves is found again
  const isDescription = (name: string) => Number(name.endsWith(".json"));
  const byDescription = (a: string, b: string) => isDescription(a) - isDescription(b);
  for (const { path } of files) {
    const [folder, id] = [join(root, path, ".."), path.slice(path.lastIndexOf("/") + 1)];
    if (existsSync(join(root, path, "job.json")))
      for (const name of readdirSync(join(root, path)).sort(byDescription)) remove(join(root, path, name));
    for (const name of readdirSync(folder).sort(byDescription)) if (name === id || name.startsWith(`${id}.`)) remove(join(folder, name));
  }
  return files.length;
}
