/**
 * What `loam serve` takes from its start to ready, for a model of the quick mail model's shape: from a project, from a folder of files, from the image's own files
 * with the image's Node (runc where it is there), in turn. Processor seconds, resident memory, how often bytes of the weights are read, the first request.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packageFolder } from "../src/project/package.ts";
import { type BenchContext, type BenchResult, digits, median } from "./harness.ts";
import { freePort, quickModel, takenBy, tinyProject, untilReady } from "./tiny-project.ts";

const bar = 1.5;
const rounds = 7;
const program = join(packageFolder, "bin", "loam.js");

interface Started {
  readonly child: ChildProcess;
  /** The server's own process. */
  pid(): number;
}
interface Side {
  readonly name: string;
  start(port: number): Started;
}
interface Measured {
  readonly seconds: number;
  readonly residentBytes: number;
  readonly firstRequestSeconds: number;
}

const has = (name: string): boolean => spawnSync("which", [name], { stdio: "ignore" }).status === 0;

const plain = (name: string, args: readonly string[], cwd: string): Side => ({
  name,
  start(port) {
    const child = spawn(process.execPath, [...args, "--port", String(port)], { cwd, stdio: "ignore" });
    return { child, pid: () => child.pid! };
  },
});

interface RuntimeConfig {
  process: Record<string, unknown> & { args: string[] };
  root: { readonly: boolean };
  linux: Record<string, unknown> & { namespaces: { type: string }[] };
  mounts: { destination: string; type?: string; source?: string; options?: string[] }[];
}

/** The image, run by runc with a read-only root; undefined where umoci, runc or root are missing. */
function imageSide(layout: string, scratch: string): Side | undefined {
  if (process.getuid?.() !== 0 || !has("umoci") || !has("runc")) return undefined;
  const bundle = join(scratch, "bundle");
  execFileSync("umoci", ["unpack", "--image", `${layout}:tiny-1`, bundle], { stdio: "ignore" });
  const path = join(bundle, "config.json");
  const config = JSON.parse(readFileSync(path, "utf8")) as RuntimeConfig;
  const { args } = config.process;
  config.process.terminal = false;
  config.root.readonly = true;
  config.linux.namespaces = config.linux.namespaces.filter(n => n.type !== "network");
  delete config.linux.resources;
  config.mounts = config.mounts.filter(m => !/^\/sys|resolv/.test(m.destination));
  config.mounts.push({ destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["mode=1777", "size=64m"] });
  return {
    name: "image (runc)",
    start(port) {
      const id = `loam-bench-${process.pid}-${port}`;
      config.process.args = [...args, "--host", "127.0.0.1", "--port", String(port)];
      writeFileSync(path, JSON.stringify(config));
      const child = spawn("runc", ["run", "--bundle", bundle, id], { stdio: "ignore" });
      const state = () => JSON.parse(execFileSync("runc", ["state", id], { encoding: "utf8" })) as { pid: number };
      return { child, pid: () => state().pid };
    },
  };
}

async function measured(side: Side): Promise<Measured> {
  const port = await freePort();
  const { child, pid } = side.start(port);
  const ended = new Promise<void>(resolve => child.once("close", () => resolve()));
  try {
    await untilReady(port, () => child.exitCode === null, side.name);
    const own = pid();
    const ready = takenBy(own);
    const answer = await fetch(`http://127.0.0.1:${port}/v1/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ prompt: "Dear", max_tokens: 8, temperature: 0 }),
    });
    if (answer.status !== 200) throw new Error(`${side.name}: expected an answer, got ${answer.status} ${await answer.text()}`);
    await answer.text();
    const after = takenBy(own);
    process.kill(own, "SIGTERM");
    return { seconds: ready.seconds, residentBytes: ready.residentBytes, firstRequestSeconds: after.seconds - ready.seconds };
  } finally {
    if (child.exitCode === null) child.kill("SIGTERM");
    await ended;
  }
}

/** How often the bytes of the weights are read from start to ready, by strace; undefined without it. */
async function weightReads(folder: string, scratch: string): Promise<number | undefined> {
  if (!has("strace")) return undefined;
  const trace = join(scratch, "trace");
  const port = await freePort();
  const child = spawn(
    "strace",
    [
      "-f",
      "-y",
      "-e",
      "trace=read,pread64,readv,preadv,mmap",
      "-o",
      trace,
      process.execPath,
      program,
      "serve",
      folder,
      "--port",
      String(port),
    ],
    { cwd: scratch, stdio: "ignore" },
  );
  const ended = new Promise<void>(resolve => child.once("close", () => resolve()));
  await untilReady(port, () => child.exitCode === null, "loam serve under strace");
  child.kill("SIGTERM");
  await ended;
  const size = statSync(join(folder, "weights.safetensors")).size;
  let bytes = 0;
  for (const line of readFileSync(trace, "utf8").split("\n"))
    if (/weights\.safetensors>/.test(line)) bytes += Number(/ = (\d+)$/.exec(line)?.[1] ?? (/mmap\(/.test(line) ? size : 0));
  return digits(bytes / size);
}

export async function run({ say }: BenchContext): Promise<BenchResult> {
  const scratch = mkdtempSync(join(tmpdir(), "loam-bench-cold-"));
  try {
    const project = tinyProject(join(scratch, "project"), quickModel, 4096);
    execFileSync(process.execPath, [program, "deploy", "image", "tiny@1", "--to", join(scratch, "image")], {
      cwd: project,
      stdio: "ignore",
    });
    // the files as they lie in the image
    execFileSync(process.execPath, [program, "deploy", "image", "tiny@1", "--dockerfile", join(scratch, "files")], {
      cwd: project,
      stdio: "ignore",
    });
    const folder = join(scratch, "files", "weights", "model");
    const inImage = imageSide(join(scratch, "image"), scratch);
    const unbundled = join(packageFolder, "dist", "src", "cli", "main.js");
    const loader = join(scratch, "unbundled.mjs");
    writeFileSync(
      loader,
      `const { main } = await import(${JSON.stringify(unbundled)});\nprocess.exitCode = await main(process.argv.slice(2));\n`,
    );
    const sides: readonly Side[] = [
      plain("project, bundle", [program, "serve"], project),
      plain("folder, bundle", [program, "serve", folder], scratch),
      ...(existsSync(unbundled) ? [plain("folder, modules as compiled", [loader, "serve", folder], scratch)] : []),
      ...(inImage ? [inImage] : []),
    ];
    const taken = new Map<string, Measured[]>(sides.map(s => [s.name, []]));
    for (let round = 0; round < rounds; round++) {
      say(`round ${round + 1} of ${rounds}`);
      for (const side of round % 2 === 0 ? sides : [...sides].reverse()) taken.get(side.name)!.push(await measured(side));
    }
    const of = (name: string, what: keyof Measured) => digits(median(taken.get(name)!.map(m => m[what])));
    const reads = await weightReads(folder, scratch);
    const ours = Object.fromEntries(
      sides.map(({ name }) => [
        name,
        {
          seconds: of(name, "seconds"),
          residentMegabytes: Math.round(of(name, "residentBytes") / 1e6),
          firstRequestSeconds: of(name, "firstRequestSeconds"),
        },
      ]),
    );
    const files = readdirSync(folder).length;
    return {
      method: `Processor seconds (user and system, all threads) and resident memory of \`loam serve\` at the first 200 of /readyz, median of ${rounds} in turn; a model of the quick mail model's shape, ${files} files. Weights: bytes read of weights.safetensors over its size, by strace.`,
      ours: { ...ours, ...(reads === undefined ? {} : { weightReads: reads }) },
      peers: {},
      ratios: {},
      bars: sides
        .filter(s => s.name !== "folder, modules as compiled")
        .map(({ name }) => ({
          name: `${name}: start to ready, processor seconds`,
          want: "<= 1.5",
          got: of(name, "seconds"),
          holds: of(name, "seconds") <= bar,
        })),
      notes: inImage ? [] : ["umoci, runc or root are missing: the image was not run"],
    };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
