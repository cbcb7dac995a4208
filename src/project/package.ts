/** The folder that this package is installed in, from source as from the build, and its version. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

function findFolder(): string {
  for (let at = dirname(fileURLToPath(import.meta.url)); dirname(at) !== at; at = dirname(at))
    if (existsSync(join(at, "package.json")) && existsSync(join(at, "bin", "loam.js"))) return at;
  throw new Error("Loam's own package.json is missing beside bin/loam.js");
}

export const packageFolder: string = findFolder();

interface OwnPackage {
  readonly name: string;
  readonly version: string;
}

export function ownPackage(): OwnPackage {
  const { name, version } = JSON.parse(readFileSync(join(packageFolder, "package.json"), "utf8")) as OwnPackage;
  return { name, version };
}
