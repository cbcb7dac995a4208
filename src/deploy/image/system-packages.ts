/** Of which package of the distribution shared libraries are, where dpkg knows. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { sha256 } from "../../base/index.ts";
import type { SystemFile } from "./machine-base.ts";
import type { SbomPackage } from "./sbom.ts";

function dpkg(args: readonly string[]): string | undefined {
  try {
    return execFileSync("dpkg-query", args, {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
      env: { PATH: process.env.PATH, LC_ALL: "C" },
    });
  } catch {
    // no dpkg, or a file of no package
    return undefined;
  }
}

/** In the format of dpkg-query. */
const versionFormat = `$${"{Version}"}\n`;

function packageOf(path: string): { readonly name: string; readonly version: string } | undefined {
  // /lib is /usr/lib since the two were merged, and dpkg knows a file by the name that its package has
  for (const at of [path, path.replace(/^\/usr/, ""), `/usr${path}`]) {
    const name = /^([^:\s]+)(?::\S+)?: /.exec(dpkg(["-S", at]) ?? "")?.[1];
    const version = name === undefined ? undefined : dpkg(["-W", "-f", versionFormat, name])?.split("\n")[0];
    if (name !== undefined && version) return { name, version };
  }
  return undefined;
}

export const systemPackages = (files: readonly SystemFile[]): SbomPackage[] =>
  files.map(({ path, from }) => {
    const found = packageOf(from);
    return {
      name: path.split("/").at(-1)!,
      version: found?.version ?? null,
      license: null,
      kind: "system",
      digest: sha256(readFileSync(from)),
      ...(found ? { source: found.name } : {}),
    };
  });
