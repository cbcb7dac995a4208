/**
 * `node_modules/loam` and its command in a new project, as `npm install` would link them, so that the project works at once and offline.
 * npm replaces both when it installs.
 */
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { packageFolder } from "../package.ts";

/** `target` is the folder the project will have; `folder` is where it is written now. */
export function linkPackage(folder: string, target: string): void {
  const modules = join(folder, "node_modules");
  const bin = join(modules, ".bin");
  mkdirSync(bin, { recursive: true });
  if (process.platform === "win32") {
    symlinkSync(packageFolder, join(modules, "loam"), "junction");
    writeFileSync(join(bin, "loam.cmd"), '@node "%~dp0\\..\\loam\\bin\\loam.js" %*\r\n');
  } else symlinkSync(relative(join(target, "node_modules"), packageFolder), join(modules, "loam"));
  // npm links the program itself; a script works where a link of a link would not, and on every system with a shell
  const shell = join(bin, "loam");
  writeFileSync(shell, '#!/bin/sh\nexec node "$(dirname "$0")/../loam/bin/loam.js" "$@"\n');
  chmodSync(shell, 0o755);
}
