/** Once before the end-to-end tests: brings dist/ up to date, which `loam` in tests runs, and removes toys that earlier builds trained. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { removeOldToys } from "./toys-folder.ts";

export function setup(): void {
  const root = fileURLToPath(new URL("../..", import.meta.url));
  execFileSync(process.execPath, [join(root, "scripts", "build.js"), "library"], { stdio: ["ignore", "ignore", "inherit"] });
  removeOldToys();
}
