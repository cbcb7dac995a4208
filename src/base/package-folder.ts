/** The folder that this package is installed in, from source as from the build: what ships with Loam and is no code is found from there. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

let found: string | undefined;

export function ownFolder(): string {
  if (found !== undefined) return found;
  for (let at = dirname(fileURLToPath(import.meta.url)); dirname(at) !== at; at = dirname(at))
    if (existsSync(join(at, "package.json")) && existsSync(join(at, "bin", "loam.js"))) {
      found = at;
      return at;
    }
  throw new Error("Loam's own package.json is missing beside bin/loam.js");
}
