/** The key of a private run beside its checkpoints, readable by its owner alone, and gone when the run is over: with it noise could be taken out again. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { newKey } from "../../train/index.ts";

const pathIn = (folder: string): string => join(folder, "privacy.key");

/** The key of a run that goes on, or a new one. */
export function runKey(folder: string): Uint8Array {
  try {
    const found = readFileSync(pathIn(folder));
    if (found.length === 32) return Uint8Array.from(found);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  const key = newKey();
  mkdirSync(folder, { recursive: true });
  writeFileSync(pathIn(folder), key, { mode: 0o600 });
  return key;
}
export const forgetKey = (folder: string): void => rmSync(pathIn(folder), { force: true });
