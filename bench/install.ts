/** What a stranger waits for and what lies on the disk afterwards: `npm pack`, then `npm install` of the tarball into an empty folder with an empty cache. */
import { spawnSync } from "node:child_process";
import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packageFolder } from "../src/project/package.ts";
import { type BenchContext, type BenchResult, digits } from "./harness.ts";

const mostTarballMB = 15;
const mostInstalledMB = 200;

/** Runs npm to its end and gives the seconds it took. */
function npmSeconds(args: readonly string[], cwd: string): number {
  const began = performance.now();
  const { status, stderr } = spawnSync("npm", [...args, "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd,
    encoding: "utf8",
    shell: process.platform === "win32",
  });
  if (status !== 0) throw new Error(`npm ${args[0]}: expected exit code 0, got ${status}:\n${stderr}`);
  return (performance.now() - began) / 1000;
}

/** Bytes of all files below a folder, and what the disk gives them in whole blocks. */
function sizeBelow(path: string): { bytes: number; onDisk: number } {
  const total = { bytes: 0, onDisk: 0 };
  for (const e of readdirSync(path, { withFileTypes: true })) {
    const at = join(path, e.name);
    const { size, blocks = 0 } = lstatSync(at);
    const inside = e.isDirectory() ? sizeBelow(at) : { bytes: e.isFile() ? size : 0, onDisk: 0 };
    total.bytes += inside.bytes;
    total.onDisk += inside.onDisk + blocks * 512;
  }
  return total;
}

const megabytes = (bytes: number) => digits(bytes / 1e6);

/** The largest packages, a scope as one. */
const largest = (modules: string, count: number): Record<string, number> =>
  Object.fromEntries(
    readdirSync(modules)
      .filter(name => !name.startsWith("."))
      .map(name => [name, megabytes(sizeBelow(join(modules, name)).bytes)] as const)
      .sort(([, a], [, b]) => b - a)
      .slice(0, count),
  );

export async function run({ say }: BenchContext): Promise<BenchResult> {
  const folder = mkdtempSync(join(tmpdir(), "loam-install-"));
  try {
    say("npm pack");
    npmSeconds(["pack", "--ignore-scripts", "--pack-destination", folder], packageFolder);
    const tarball = readdirSync(folder).find(f => f.endsWith(".tgz"))!;
    const tarballMB = megabytes(statSync(join(folder, tarball)).size);
    writeFileSync(join(folder, "package.json"), "{}\n");
    say("npm install with an empty cache");
    const coldSeconds = npmSeconds(["install", "--cache", join(folder, ".cache"), `./${tarball}`], folder);
    const modules = join(folder, "node_modules");
    const { bytes, onDisk } = sizeBelow(modules);
    const packages = JSON.parse(readFileSync(join(modules, ".package-lock.json"), "utf8")).packages as Record<string, unknown>;
    const sizes = largest(modules, 12);
    rmSync(modules, { recursive: true });
    say("npm install with that cache");
    const warmSeconds = npmSeconds(["install", "--prefer-offline", "--cache", join(folder, ".cache")], folder);
    const installedMB = megabytes(bytes);
    return {
      method:
        "npm pack of the built clone; npm install of that tarball into an empty folder, with an empty cache and again with the filled one",
      ours: {
        tarballMB,
        installedMB,
        "installedMB in blocks of the disk": megabytes(onDisk),
        packages: Object.keys(packages).length,
        coldSeconds: digits(coldSeconds),
        warmSeconds: digits(warmSeconds),
        largestMB: sizes,
      },
      peers: {},
      ratios: {},
      bars: [
        { name: "tarball", want: `< ${mostTarballMB} MB`, got: tarballMB, holds: tarballMB < mostTarballMB },
        { name: "production install", want: `< ${mostInstalledMB} MB`, got: installedMB, holds: installedMB < mostInstalledMB },
      ],
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
