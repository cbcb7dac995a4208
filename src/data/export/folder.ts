/**
 * A folder that is there whole or not at all: filled beside its place, made durable, then renamed. An earlier export is replaced; anything
 * else in the way is refused, unless the caller insists. What a killed export left beside is taken away by the next one.
 */
import { existsSync, lstatSync, readdirSync, readFileSync, realpathSync, renameSync, rmSync } from "node:fs";
import { hostname } from "node:os";
import { basename, dirname, join, resolve, sep } from "node:path";
import { fileError, makeFolder, syncFolder } from "../../base/index.ts";
import { exportErrors } from "./errors.ts";

/** The file by which an export is known: what is in it, and what it was made from. */
export const exportFile = "loam-export.json";
export const exportFormat = "loam-export/1";

export interface Listing {
  readonly format: typeof exportFormat;
  /** Paths below the folder: with those beside every file but this one. */
  readonly files: readonly { readonly path: string }[];
  /** Cards and what else the caller added. */
  readonly beside: readonly string[];
}

export interface FolderOptions {
  /** Replaces whatever folder is there. */
  readonly force?: boolean | undefined;
  /** Folders that must not be within the target: the project's. */
  readonly protect: readonly string[];
}

const host = hostname().replaceAll(/[^\w-]/g, "_");
let counter = 0;
const partOf = (target: string) => join(dirname(target), `.${basename(target)}.${host}.${process.pid}.${counter++}.part`);

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
};

/** Parts of the same target that processes of this machine left when they were killed. */
function removeLeftovers(target: string): void {
  const start = `.${basename(target)}.${host}.`;
  for (const name of readdirSync(dirname(target))) {
    const pid = name.startsWith(start) ? /^(\d+)\.\d+\.part$/.exec(name.slice(start.length))?.[1] : undefined;
    if (pid !== undefined && Number(pid) !== process.pid && !isAlive(Number(pid)))
      rmSync(join(dirname(target), name), { recursive: true, force: true });
  }
}

/** Files of a folder that its own listing does not name; all of them where it has none. */
function foreign(folder: string): string[] {
  let known = new Set<string>();
  try {
    const listing = JSON.parse(readFileSync(join(folder, exportFile), "utf8")) as Listing;
    if (listing.format === exportFormat) known = new Set([exportFile, ...listing.files.map(f => f.path), ...listing.beside]);
  } catch {
    // No listing, or none that is one: nothing in it is ours.
  }
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(e => !e.isDirectory())
    .map(e =>
      join(e.parentPath, e.name)
        .slice(folder.length + 1)
        .replaceAll(sep, "/"),
    )
    .filter(path => !known.has(path))
    .sort();
}

const contains = (outer: string, inner: string): boolean => inner === outer || inner.startsWith(outer.endsWith(sep) ? outer : outer + sep);
const real = (path: string): string => (existsSync(path) ? realpathSync(path) : resolve(path));

function check(target: string, { force, protect }: FolderOptions): void {
  if (dirname(target) === target)
    throw exportErrors.fail("place", { place: target, expected: "a folder below the root", received: "the root" });
  const state = lstatSync(target, { throwIfNoEntry: false });
  if (!state) return;
  if (!state.isDirectory())
    throw exportErrors.fail("place", {
      place: target,
      expected: "a folder, or nothing",
      received: state.isSymbolicLink() ? "a link" : "a file",
      hint: "Name another place.",
    });
  const inside = protect.find(p => contains(real(target), real(p)));
  if (inside !== undefined)
    throw exportErrors.fail("place", {
      place: target,
      expected: "a folder of its own",
      received: `one that holds ${inside}`,
      hint: "Name a folder within it, such as export.",
    });
  if (force) return;
  const others = foreign(target);
  if (others.length === 0) return;
  throw exportErrors.fail("occupied", {
    place: target,
    expected: "nothing, an empty folder or an earlier export",
    received: `${others.length} other ${others.length === 1 ? "file" : "files"}: ${others.slice(0, 3).join(", ")}${others.length > 3 ? ", ..." : ""}`,
    hint: "Name another folder, or remove what is in it with --force.",
  });
}

/**
 * Fills a new folder and puts it in its place. Where `fill` fails, nothing is there and what was there before still is.
 * Errors: export/place, export/occupied; base/diskFull, base/readOnly.
 */
export async function wholeFolder<T>(path: string, options: FolderOptions, fill: (folder: string) => Promise<T>): Promise<T> {
  const target = resolve(path);
  check(target, options);
  makeFolder(dirname(target));
  const part = partOf(target);
  try {
    removeLeftovers(target);
    makeFolder(part);
    const result = await fill(part);
    for (const e of readdirSync(part, { recursive: true, withFileTypes: true }))
      if (e.isDirectory()) syncFolder(join(e.parentPath, e.name));
    syncFolder(part);
    check(target, options);
    put(part, target);
    return result;
  } catch (error) {
    rmSync(part, { recursive: true, force: true });
    // A signal's reason and a fault stay what they are.
    throw typeof (error as NodeJS.ErrnoException)?.code === "string" ? fileError(error, target) : error;
  }
}

function put(part: string, target: string): void {
  if (!existsSync(target)) renameSync(part, target);
  else {
    const old = partOf(target);
    renameSync(target, old);
    try {
      renameSync(part, target);
    } catch (error) {
      renameSync(old, target);
      throw error;
    }
    rmSync(old, { recursive: true, force: true });
  }
  syncFolder(dirname(target));
}
