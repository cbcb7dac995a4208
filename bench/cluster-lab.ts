/** A cluster of two nodes (test/kube) with two versions of a toy as images, for benches: made, asked by examples/cluster/run.js, and stopped again. */
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The checkout, from dist/bench. */
const root = fileURLToPath(new URL("../..", import.meta.url));
const program = join(root, "bin", "loam.js");
const up = join(root, "test", "kube", "up");

const yaml = (tokens: number) => `name: toy
data: { letters: { source: { folder: texts, reader: text }, steps: [clean] } }
tokenizer: { vocab: 300, from: letters }
models:
  toy: { layers: 1, width: 32, heads: 2, context: 4096, train: { on: letters, tokens: ${tokens}, rows: 1, rate: 0.02, evaluateEvery: 1000 } }
device: { threads: 1 }
`;

const loam = (cwd: string, ...args: string[]) =>
  void execFileSync(process.execPath, [program, ...args], { cwd, stdio: ["ignore", "ignore", "inherit"] });

/** Writes two images of versions 1 and 2. */
function makeImages(folder: string): string[] {
  const project = join(folder, "project");
  mkdirSync(join(project, "texts"), { recursive: true });
  for (let i = 0; i < 60; i++)
    writeFileSync(
      join(project, "texts", `${i}.txt`),
      `Dear Anna, letter ${i} says that the ${i % 7}th day was ${i % 2 ? "warm" : "cold"}, and that all is well.\n`.repeat(20),
    );
  return [16_384, 40_960].map((tokens, i) => {
    writeFileSync(join(project, "loam.yaml"), yaml(tokens));
    loam(project, "run");
    const tar = join(folder, `toy-${i + 1}.tar`);
    loam(project, "deploy", "image", `toy@${i + 1}`, "--to", tar);
    return tar;
  });
}

export interface PhaseSummary {
  readonly phase: string;
  readonly requests: number;
  readonly streams: number;
  readonly long: number;
  readonly over30s: number;
  readonly longestMs: number;
  readonly lost: number;
  readonly cut: number;
  readonly refused: number;
  readonly twice: number;
  readonly mixed: number;
  readonly sentAgain: number;
  readonly failures: readonly string[];
  readonly facts: Readonly<Record<string, unknown>>;
}

export interface ClusterLab {
  /** Runs the example with these flags. */
  run(flags: readonly string[]): Promise<readonly PhaseSummary[]>;
  close(): Promise<void>;
}

/** Errors: what is missing, what `up` wrote. */
export async function openClusterLab(say: (text: string) => void): Promise<ClusterLab> {
  const kube = process.env.LOAM_KUBE ?? join(homedir(), ".cache", "loam-kube");
  if (!existsSync(join(kube, "images", "pause-1.tar"))) throw new Error(`no cluster's programs in ${kube}: run test/kube/build ${kube}`);
  const folder = mkdtempSync(join(tmpdir(), "loam-bench-cluster-"));
  say("two versions of a toy as images");
  const tars = makeImages(folder);
  const cluster = join(folder, "cluster");
  mkdirSync(join(cluster, "images"), { recursive: true });
  for (const entry of readdirSync(kube, { withFileTypes: true }))
    if (entry.isFile()) symlinkSync(join(kube, entry.name), join(cluster, entry.name));
  symlinkSync(join(kube, "images", "pause-1.tar"), join(cluster, "images", "pause-1.tar"));
  say("a cluster of two nodes");
  const child = spawn(up, [cluster, "hold"], { env: { ...process.env, NODES: "2" }, stdio: ["pipe", "pipe", "inherit"] });
  const ended = new Promise<void>(done => child.once("close", () => done()));
  const kubeconfig = await Promise.race([
    new Promise<string>(done => child.stdout.setEncoding("utf8").once("data", (text: string) => done(text.trim()))),
    ended.then(() => {
      throw new Error("the cluster did not start");
    }),
  ]);
  for (const tar of tars) execFileSync(up, [cluster, "import", tar, "localhost/toy"], { stdio: "ignore" });
  const env = {
    ...process.env,
    KUBECONFIG: kubeconfig,
    KUBECACHEDIR: join(cluster, "run", "cache"),
    PATH: `${cluster}:${process.env.PATH}`,
  };
  return {
    run: flags =>
      new Promise((resolve, reject) => {
        const images = ["--image", "localhost/toy:toy-1", "--image", "localhost/toy:toy-2"];
        const args = [join(root, "examples", "cluster", "run.js"), "--model", "toy", ...images, ...flags];
        const example = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "pipe"] });
        let [said, told] = ["", ""];
        example.stdout.setEncoding("utf8").on("data", (text: string) => (said += text));
        example.stderr.setEncoding("utf8").on("data", (text: string) => {
          told += text;
          const phase = /([a-z ]+): (begins|\{)/.exec(text);
          if (phase) say(`${phase[1]!.trim()} ${phase[2] === "begins" ? "begins" : "is over"}`);
        });
        example.once("close", () => {
          // it writes its document also where requests failed
          if (said.trim() === "") reject(new Error(told.slice(-2000)));
          else resolve((JSON.parse(said.trim()) as { results: PhaseSummary[] }).results);
        });
      }),
    close: async () => {
      child.stdin.end();
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
