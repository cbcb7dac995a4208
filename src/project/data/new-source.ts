/** What a person means by a source: a package, a bucket, a folder, a file or a pattern; as an entry of loam.yaml, with the names of its files. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, dirname, isAbsolute, join, relative, resolve } from "node:path";
import { guessReader, readersFor } from "../../data/index.ts";
import type { YamlValue } from "../edit/edit-yaml.ts";
import { wrongArgument } from "../errors.ts";

export type SourceEntry = Readonly<Record<string, YamlValue>>;

export interface NewSource {
  readonly entry: SourceEntry;
  /** A name that it could have. */
  readonly called: string;
  /** Some of its files by name; undefined where they are not on this machine. */
  readonly names: readonly string[] | undefined;
}

/** Names that are looked at for a guess. */
const mostNames = 20_000;

function namesBelow(root: string): string[] {
  const names: string[] = [];
  const walk = (folder: string): void => {
    for (const e of readdirSync(folder, { withFileTypes: true })) {
      if (names.length >= mostNames) return;
      if (e.name.startsWith(".") || e.name === "node_modules") continue;
      if (e.isDirectory()) walk(join(folder, e.name));
      else if (e.isFile()) names.push(e.name);
    }
  };
  walk(root);
  return names;
}

const short = (text: string): string =>
  text
    .replace(/\.[a-z0-9.]+$/i, "")
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "") || "more";
const slashes = (path: string): string => path.replaceAll("\\", "/");

/** A package that is installed for the project. */
function packageRoot(name: string, folder: string): string | undefined {
  for (let at = resolve(folder); ; at = dirname(at)) {
    const root = join(at, "node_modules", name);
    if (existsSync(join(root, "package.json"))) return existsSync(join(root, "data")) ? join(root, "data") : root;
    if (dirname(at) === at) return undefined;
  }
}

/** As the project writes a path: relative where it is below the project, else whole. */
function inProject(path: string, folder: string): string {
  const below = slashes(relative(folder, path));
  return below.startsWith("..") || isAbsolute(below) ? slashes(path) : below === "" ? "." : below;
}

/** Errors: project/argument where nothing is there. */
export function newSource(text: string, cwd: string, folder: string): NewSource {
  if (/^s3:\/\//.test(text))
    return { entry: { s3: text }, called: short(basename(new URL(text).pathname) || new URL(text).host), names: undefined };
  const name = text.replace(/^npm:/, "");
  const root = /^(npm:)?(@[\w.-]+\/)?[\w.-]+$/.test(text) ? packageRoot(name, folder) : undefined;
  const path = resolve(cwd, text);
  const state = statSync(path, { throwIfNoEntry: false });
  if (root && (text.startsWith("npm:") || !state)) return { entry: { npm: name }, called: short(basename(name)), names: namesBelow(root) };
  if (state?.isDirectory()) return { entry: { folder: inProject(path, folder) }, called: short(basename(path)), names: namesBelow(path) };
  if (state?.isFile()) {
    const place = inProject(path, folder);
    const entry = isAbsolute(place) ? { folder: slashes(dirname(path)), files: basename(path) } : { files: place };
    return { entry, called: short(basename(path)), names: [basename(path)] };
  }
  // A pattern: the folder above its first star is looked at.
  const parts = slashes(text).split("/");
  const star = parts.findIndex(p => /[*?{]/.test(p));
  if (star >= 0) {
    const above = resolve(cwd, parts.slice(0, star).join("/") || (isAbsolute(text) ? "/" : "."));
    if (statSync(above, { throwIfNoEntry: false })?.isDirectory()) {
      const place = inProject(above, folder);
      const rest = parts.slice(star).join("/");
      const ending = /(\.[a-z0-9.]+)$/i.exec(rest)?.[1];
      const names = namesBelow(above).filter(n => ending === undefined || n.endsWith(ending));
      const entry = isAbsolute(place) ? { folder: place, files: rest } : { files: place === "." ? rest : `${place}/${rest}` };
      return { entry, called: short(basename(above)), names };
    }
  }
  throw wrongArgument(
    "loam data add",
    "a folder, a file, a pattern, an installed package (npm:NAME) or s3://BUCKET/PREFIX",
    `"${text}"`,
    text.startsWith("npm:") ? `Run: npm install ${name}` : `Paths are taken from ${cwd}.`,
  );
}

/** The reader of a source: the one named, else the one that its files tell. Errors: project/argument where they do not. */
export function readerOf(source: NewSource, given: string | undefined): string | undefined {
  if (given !== undefined) return given;
  const found = source.names && guessReader(source.names);
  if (found) return found.reader;
  const possible = readersFor(source.names ?? []).map(g => `${g.reader} (${g.files} files)`);
  throw wrongArgument(
    "loam data add: --reader",
    possible.length > 0 ? `one of ${possible.join(", ")}` : "a reader",
    "none, and the files do not tell",
    "docs/data-sources.md lists readers.",
  );
}
