/**
 * A real Kubernetes cluster for a test file (test/kube): started as a child that stops with it, in namespaces of its own, from the programs that
 * `test/kube/build` made in the folder of `LOAM_KUBE`. Several run side by side.
 */
import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "vitest";
import { root } from "./child.ts";
import { deep, deepTest } from "./deep.ts";

/** The programs of a cluster, as `test/kube/build FOLDER` leaves them. */
export const kubeFolder: string = process.env.LOAM_KUBE ?? join(homedir(), ".cache", "loam-kube");
const up = join(root, "test", "kube", "up");

/** The last that `build` makes. */
const isBuilt = (): boolean => existsSync(join(kubeFolder, "kubectl")) && existsSync(join(kubeFolder, "images", "pause-1.tar"));

/** `.ci/run` builds the programs while other tests run, and says by this file that it does. */
const isBuilding = (): boolean => {
  try {
    process.kill(Number(readFileSync(`${kubeFolder}.building`, "utf8")), 0);
    return true;
  } catch {
    return false;
  }
};
/** A build that is under way when the tests come to it is waited for so long: alone on the machine it takes a quarter of an hour. */
const longestBuildMs = 20 * 60_000;

const withSbin = { ...process.env, PATH: `${process.env.PATH}:/usr/local/sbin:/usr/sbin:/sbin` };

/** What a cluster wants of the kernel, each tried in namespaces of its own. */
const kernelParts: readonly (readonly [what: string, command: string])[] = [
  ["namespaces are", "true"],
  [
    "an overlay on a tmpfs is",
    "mount -t tmpfs tmpfs /mnt && mkdir /mnt/a /mnt/b /mnt/c /mnt/d && mount -t overlay overlay -o lowerdir=/mnt/a,upperdir=/mnt/b,workdir=/mnt/c /mnt/d",
  ],
  ["pairs of veth are", "ip link add one type veth peer name two"],
  ["tables of nftables are", "nft add table ip loam && nft 'add chain ip loam nat { type nat hook prerouting priority 0; }'"],
  [
    "control groups that can be written are",
    'for d in /sys/fs/cgroup /sys/fs/cgroup/memory; do mkdir "$d/loam-probe-$$" 2>/dev/null && rmdir "$d/loam-probe-$$" && exit 0; done; exit 1',
  ],
];

/** Why no cluster can be started here; undefined where one can. Waits for a build of `.ci/run`. */
export async function noCluster(): Promise<string | undefined> {
  if (process.platform !== "linux") return "only Linux has the namespaces of pods";
  if (process.getuid?.() !== 0) return "a cluster needs root";
  for (const [what, command] of kernelParts) {
    try {
      execFileSync("unshare", ["-n", "-m", "-p", "-u", "-i", "-f", "--mount-proc", "sh", "-c", command], {
        stdio: "ignore",
        env: withSbin,
      });
    } catch {
      return `${what} not to be had from here`;
    }
  }
  for (const end = Date.now() + longestBuildMs; !isBuilt() && isBuilding() && Date.now() < end; ) await sleep(2_000);
  if (isBuilt()) return undefined;
  if (isBuilding()) return "a build of Kubernetes was not to be had from here in time: the next run has it";
  return process.env.LOAM_KUBE_REASON ?? `no cluster's programs in ${kubeFolder}: run test/kube/build ${kubeFolder}, or set LOAM_KUBE`;
}

const missing = deep ? await noCluster() : undefined;

/** A test of the full suite on a real cluster; skipped with the reason where none can be started. In files `test/cluster*.test.ts`, which run last. */
export const clusterTest = (name: string, body: () => Promise<void>): void => {
  if (missing === undefined) deepTest(name, body, 1_800_000);
  else test.skip(`${name} (skipped: ${missing.replaceAll(/[()]/g, "")})`, body);
};

/** One that takes minutes and that a bench does as well: only with LOAM_CLUSTER_LONG=1. */
export const longClusterTest = (name: string, body: () => Promise<void>): void => {
  if (process.env.LOAM_CLUSTER_LONG === "1") clusterTest(name, body);
  else test.skip(`${name} (skipped: minutes long, runs by request: LOAM_CLUSTER_LONG=1)`, body);
};

export interface ClusterOptions {
  /** Default: 1. */
  readonly nodes?: number;
}

interface Output {
  readonly stdout: string;
  readonly stderr: string;
}

export class Cluster {
  /** Programs, kubeconfig and logs of this cluster alone. */
  readonly folder: string;
  readonly kubeconfig: string;
  /** This machine as pods reach it. */
  readonly hostAddress: string;
  /** For programs that talk to the cluster. */
  readonly env: Readonly<Record<string, string>>;
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;

  constructor(folder: string, kubeconfig: string, child: ChildProcess, ended: Promise<void>) {
    this.folder = folder;
    this.kubeconfig = kubeconfig;
    this.#child = child;
    this.#ended = ended;
    this.hostAddress = `10.${readFileSync(join(folder, "run", "net"), "utf8").trim()}.0.1`;
    this.env = { KUBECONFIG: kubeconfig, KUBECACHEDIR: join(folder, "run", "cache"), PATH: `${folder}:${process.env.PATH}` };
  }

  /** Runs kubectl; rejects with what it wrote to stderr. */
  async kubectl(args: readonly string[], input?: string): Promise<string> {
    return (await run(join(this.folder, "kubectl"), args, this.env, input)).stdout;
  }

  /** Applies manifests: YAML or JSON text, or objects. */
  async apply(manifests: string | readonly object[]): Promise<void> {
    const text = typeof manifests === "string" ? manifests : JSON.stringify({ apiVersion: "v1", kind: "List", items: manifests });
    await this.kubectl(["apply", "-f", "-"], text);
  }

  /** An object or list as the API has it. */
  async get<T>(args: readonly string[]): Promise<T> {
    return JSON.parse(await this.kubectl(["get", "-o", "json", ...args])) as T;
  }

  /** Imports an image into every node: one of `test/kube/image`, or a tar of `loam deploy image`, whose name becomes `REPOSITORY:TAG`. */
  async importImage(tar: string, repository?: string): Promise<void> {
    await this.up("import", tar, ...(repository === undefined ? [] : [repository]));
  }

  /** Makes a small image of programs of this machine (test/kube/image) and imports it: `localhost/NAME:TAG`. */
  async image(name: string, args: readonly string[]): Promise<void> {
    await run(join(root, "test", "kube", "image"), [this.folder, name, ...args], this.env);
  }

  /** A verb of `test/kube/up`: `kill 2`, `boot 2`, `node 1 COMMAND`. */
  async up(...args: readonly string[]): Promise<string> {
    return (await run(up, [this.folder, ...args], this.env)).stdout;
  }

  /** Stops all of it and removes its folder. */
  async close(): Promise<void> {
    this.#child.stdin!.end();
    await this.#ended;
    rmSync(this.folder, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Runs a program to its end; rejects with its last words. */
function run(program: string, args: readonly string[], env: Readonly<Record<string, string>>, input?: string): Promise<Output> {
  return new Promise((resolve, reject) => {
    const child = execFile(program, args, { env: { ...process.env, ...env }, maxBuffer: 256 * 1024 * 1024 }, (error, stdout, stderr) =>
      error ? reject(new Error(`${program} ${args.join(" ")}: ${stderr.trim() || error.message}`)) : resolve({ stdout, stderr }),
    );
    child.stdin!.on("error", () => {});
    child.stdin!.end(input ?? "");
  });
}

/** A folder with the programs, by links, and a state of its own. */
function clusterFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "loam-cluster-"));
  for (const name of readdirSync(kubeFolder, { withFileTypes: true }))
    if (name.isFile() && !name.name.startsWith("go.")) symlinkSync(join(kubeFolder, name.name), join(folder, name.name));
  mkdirSync(join(folder, "images"));
  symlinkSync(join(kubeFolder, "images", "pause-1.tar"), join(folder, "images", "pause-1.tar"));
  return folder;
}

/** Starts a cluster; it stops with `close`, and with this process. Errors: what `up` wrote. */
export async function openCluster({ nodes = 1 }: ClusterOptions = {}): Promise<Cluster> {
  const folder = clusterFolder();
  const child = spawn(up, [folder, "hold"], { env: { ...process.env, NODES: String(nodes) }, stdio: ["pipe", "pipe", "pipe"] });
  let [said, complaint] = ["", ""];
  child.stderr.setEncoding("utf8").on("data", (text: string) => (complaint += text));
  child.stdin.on("error", () => {});
  const ended = new Promise<void>(done => child.once("close", () => done()));
  const ready = new Promise<string>(done => {
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      said += text;
      if (said.includes("\n")) done(said.trim());
    });
  });
  const kubeconfig = await Promise.race([ready, ended.then(() => undefined)]);
  if (kubeconfig === undefined) {
    rmSync(folder, { recursive: true, force: true });
    throw new Error(`the cluster did not start: ${complaint}`);
  }
  return new Cluster(folder, kubeconfig, child, ended);
}
