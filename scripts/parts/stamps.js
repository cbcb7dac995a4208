/** What a build was made from: a hash over source files, kept beside the result. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { inRoot, root } from "./places.js";

/**
 * Files below a path (or the file itself), sorted, relative to the clone with `/`.
 * @param {string} path
 * @param {(file: string) => boolean} takes
 * @returns {string[]}
 */
export function filesBelow(path, takes = _file => true) {
  const at = inRoot(path);
  if (!existsSync(at)) return [];
  const list = statSync(at).isFile()
    ? [at]
    : readdirSync(at, { withFileTypes: true }).flatMap(e =>
        e.name === "node_modules" || e.name.startsWith(".")
          ? []
          : e.isDirectory()
            ? filesBelow(join(path, e.name), takes).map(f => inRoot(f))
            : e.isFile()
              ? [join(at, e.name)]
              : [],
      );
  return list
    .map(f => relative(root, f).split(sep).join("/"))
    .filter(takes)
    .sort();
}

/** One hash of names and contents. */
export function hashOf(files) {
  const hash = createHash("sha256");
  for (const f of files) {
    const bytes = readFileSync(inRoot(f));
    hash.update(`${f} ${bytes.length}\n`).update(bytes);
  }
  return hash.digest("hex");
}

export function readStamps(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return {};
  }
}

export function writeStamp(path, name, value) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify({ ...readStamps(path), [name]: value }, null, 2)}\n`);
}
