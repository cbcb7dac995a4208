/** Where trained toys are kept: one folder for each build of the program, by the hash of its sources. */
import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const all = join(root, ".cache", "toys");

export function toysFolder(): string {
  const { library } = JSON.parse(readFileSync(join(root, "dist", ".stamps.json"), "utf8")) as { readonly library: string };
  return join(all, library.slice(0, 20));
}

/** Removes toys of earlier builds. */
export function removeOldToys(): void {
  const own = toysFolder();
  mkdirSync(own, { recursive: true });
  for (const name of readdirSync(all)) if (join(all, name) !== own) rmSync(join(all, name), { recursive: true, force: true });
}
