/** The image of a toy: its size unpacked beside `npm ci --omit=dev`, processor seconds to build it, and what a new version sends to a registry. */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packageFolder } from "../src/project/package.ts";
import { type BenchContext, type BenchResult, digits, median } from "./harness.ts";
import { freePort, processorSeconds, tinyProject } from "./tiny-project.ts";

const sizeBar = 180e6;
const secondsBar = 20;
const builds = 5;

interface Layer {
  readonly name: string;
  readonly sizeBytes: number;
  readonly unpackedBytes: number | null;
}
interface Deployed {
  readonly programBytes: number;
  readonly layers: readonly Layer[];
  readonly pushed: { readonly sentBytes: number; readonly skipped: number } | null;
}

const program = join(packageFolder, "bin", "loam.js");

function deployed(project: string, args: readonly string[]): Deployed {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, "deploy", "image", ...args, "--json"], {
    cwd: project,
    encoding: "utf8",
    maxBuffer: 1 << 26,
  });
  if (status !== 0) throw new Error(`loam deploy image: expected exit code 0, got ${status}: ${stderr}`);
  return JSON.parse(stdout.trim().split("\n").at(-1)!) as Deployed;
}

/** Bytes of the files below a folder, as they lie there. */
function bytesBelow(folder: string): number {
  let sum = 0;
  for (const name of readdirSync(folder)) {
    const stat = lstatSync(join(folder, name));
    sum += stat.isDirectory() ? bytesBelow(join(folder, name)) : stat.size;
  }
  return sum;
}

/** What `npm ci --omit=dev` puts into a folder; undefined where no registry of packages answers. */
function naiveBytes(folder: string): number | undefined {
  for (const name of ["package.json", "package-lock.json"]) cpSync(join(packageFolder, name), join(folder, name));
  const { status } = spawnSync("npm", ["ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"], {
    cwd: folder,
    stdio: "ignore",
  });
  return status === 0 ? bytesBelow(join(folder, "node_modules")) : undefined;
}

const registryProgram = (): string | undefined => {
  const { stdout } = spawnSync("go", ["env", "GOPATH"], { encoding: "utf8" });
  const path = process.env.LOAM_REGISTRY ?? join(stdout?.trim() ?? "", "bin", "registry");
  return existsSync(path) ? path : undefined;
};

/** Bytes that the first version and the next one send to an empty registry. */
async function sentBytes(
  project: string,
  scratch: string,
): Promise<{ readonly first: number; readonly next: number; readonly weights: number } | undefined> {
  const found = registryProgram();
  if (found === undefined) return undefined;
  const port = await freePort();
  const config = join(scratch, "registry.json");
  writeFileSync(
    config,
    JSON.stringify({
      version: 0.1,
      log: { level: "error", accesslog: { disabled: true } },
      storage: { filesystem: { rootdirectory: join(scratch, "registry") } },
      http: { addr: `127.0.0.1:${port}` },
    }),
  );
  const child = spawn(found, ["serve", config], { stdio: "ignore", env: { ...process.env, OTEL_TRACES_EXPORTER: "none" } });
  try {
    for (let i = 0; i < 200; i++) {
      const is = await fetch(`http://127.0.0.1:${port}/v2/`).then(
        () => true,
        () => false,
      );
      if (is) break;
      await new Promise(resolve => setTimeout(resolve, 50));
    }
    const host = `127.0.0.1:${port}/toy`;
    const first = deployed(project, ["tiny@1", "--push", `${host}:1`]);
    const yaml = readFileSync(join(project, "loam.yaml"), "utf8");
    writeFileSync(join(project, "loam.yaml"), yaml.replace("tokens: 20000", "tokens: 21000"));
    execFileSync(process.execPath, [program, "run"], { cwd: project, stdio: "ignore" });
    const next = deployed(project, ["tiny@2", "--push", `${host}:2`]);
    const weights = next.layers.find(l => l.name === "weights")!.sizeBytes;
    return { first: first.pushed!.sentBytes, next: next.pushed!.sentBytes, weights };
  } finally {
    child.kill("SIGKILL");
  }
}

export async function run({ say }: BenchContext): Promise<BenchResult> {
  const scratch = mkdtempSync(join(tmpdir(), "loam-bench-image-"));
  try {
    const project = tinyProject(join(scratch, "project"));
    say(`${builds} builds, and ${builds} with layers of the build before`);
    const build = (name: string, home: string): number => {
      const taken = processorSeconds(["deploy", "image", "tiny@1", "--to", join(scratch, name)], project, {
        LOAM_HOME: join(scratch, home),
      });
      if (!existsSync(join(scratch, name))) throw new Error("loam deploy image wrote nothing");
      return taken;
    };
    // a home of its own has no layers
    const seconds = Array.from({ length: builds }, (_, i) => build(`image-${i}`, `home-${i}`));
    const again = Array.from({ length: builds }, (_, i) => build(`again-${i}`, `home-${i}`));
    const { programBytes, layers } = deployed(project, ["tiny@1", "--to", join(scratch, "image")]);
    say("npm ci --omit=dev");
    const naive = join(scratch, "naive");
    mkdirSync(naive);
    const naiveSize = naiveBytes(naive);
    say("two versions into a registry");
    const sent = await sentBytes(project, scratch);
    const built = digits(median(seconds));
    // all packages, on the same base and with the same code
    const beneath = layers.filter(l => l.name === "base" || l.name === "code").reduce((sum, l) => sum + (l.unpackedBytes ?? 0), 0);
    return {
      method: `Bytes of all files of the image but its weights, unpacked. Processor seconds of \`loam deploy image --to FOLDER\` with an empty LOAM_HOME and again with the layers kept there, medians of ${builds}. Bytes of blobs that a second version sends to a registry (distribution) that has the first.`,
      ours: {
        unpackedBytes: programBytes,
        layers: Object.fromEntries(layers.map(l => [l.name, { compressed: l.sizeBytes, unpacked: l.unpackedBytes }])),
        buildSeconds: built,
        buildAgainSeconds: digits(median(again)),
        ...(sent ? { firstVersionSentBytes: sent.first, nextVersionSentBytes: sent.next, nextVersionWeightsBytes: sent.weights } : {}),
      },
      peers: naiveSize === undefined ? {} : { "npm ci --omit=dev": { packagesBytes: naiveSize, unpackedBytes: naiveSize + beneath } },
      ratios: naiveSize === undefined ? {} : { "npm ci over image": digits((naiveSize + beneath) / programBytes) },
      bars: [
        {
          name: "image without weights, unpacked",
          want: "<= 180 MB",
          got: `${Math.round(programBytes / 1e6)} MB`,
          holds: programBytes <= sizeBar,
        },
        { name: "built, processor seconds", want: "<= 20", got: built, holds: built <= secondsBar },
        ...(sent
          ? [
              {
                name: "bytes of a new version beyond its weights layer",
                want: "<= 200 kB (configuration, SBOM)",
                got: sent.next - sent.weights,
                holds: sent.next - sent.weights <= 200_000,
              },
            ]
          : []),
      ],
      notes: sent ? [] : ["no registry program: bytes of a new version were not counted"],
    };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
