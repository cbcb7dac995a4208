/** Where a Chromium is on this machine, and how it is started so that it calls nobody. */
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

const names = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];

const canRun = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

/** `LOAM_CHROMIUM`, then the search path, then the usual place; undefined where there is none. */
export function findChromium(): string | undefined {
  const folders = [...(process.env.PATH ?? "").split(delimiter).filter(f => f !== ""), "/usr/bin"];
  const named = process.env.LOAM_CHROMIUM;
  return [...(named ? [named] : []), ...folders.flatMap(f => names.map(n => join(f, n)))].find(canRun);
}

/** No sandbox: containers often forbid the namespaces it needs, and only our own page is opened. */
export const chromiumArguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"];
