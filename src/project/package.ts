/** The folder that this package is installed in, and its version. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ownFolder } from "../base/index.ts";

export const packageFolder: string = ownFolder();

interface OwnPackage {
  readonly name: string;
  readonly version: string;
}

export function ownPackage(): OwnPackage {
  const { name, version } = JSON.parse(readFileSync(join(packageFolder, "package.json"), "utf8")) as OwnPackage;
  return { name, version };
}
