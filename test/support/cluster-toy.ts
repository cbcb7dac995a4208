/**
 * Two versions of a toy as images of `loam deploy image`, made once for all files and runs. Its context is long, so that a stream can last for as long as
 * a test wants.
 */
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { locked } from "../../scripts/parts/lock.js";
import { loam } from "./child.ts";
import type { Cluster } from "./cluster.ts";
import { layersHome } from "./image.ts";
import { toyYaml, writeToy } from "./project.ts";
import { toysFolder } from "./toys-folder.ts";

/** Tokens of prompt and answer together. */
const toyContext = 4096;
const repository = "localhost/toy";
export const toyImage = (version: number): string => `${repository}:toy-${version}`;

const yaml = (tokens: number) =>
  toyYaml({ tokens })
    .replace("context: 32", `context: ${toyContext}`)
    .replace("rows: 8", "rows: 1")
    .replace("evaluateEvery: 50", "evaluateEvery: 1000");

async function run(args: readonly string[], cwd: string): Promise<void> {
  const { code, stderr } = await loam(args, { cwd, env: { LOAM_HOME: layersHome() } });
  if (code !== 0) throw new Error(`loam ${args.join(" ")}: ${stderr}`);
}

/** The folder of `toy-1.tar` and `toy-2.tar`, and of the project that they are of (`project`). */
export async function toyImages(): Promise<string> {
  const kept = join(toysFolder(), "cluster-images");
  if (!existsSync(kept))
    await locked(`${kept}.lock`, async () => {
      if (existsSync(kept)) return;
      const made = mkdtempSync(join(tmpdir(), "loam-images-"));
      try {
        const project = join(made, "project");
        mkdirSync(project);
        writeToy(project);
        for (const [i, tokens] of [16_384, 40_960].entries()) {
          writeFileSync(join(project, "loam.yaml"), yaml(tokens));
          await run(["run"], project);
          await run(["deploy", "image", `toy@${i + 1}`, "--to", join(made, `toy-${i + 1}.tar`)], project);
        }
        rmSync(`${kept}.part`, { recursive: true, force: true });
        // of this process's record nothing is open any more: it is moved, not copied
        renameSync(made, `${kept}.part`);
        renameSync(`${kept}.part`, kept);
      } finally {
        rmSync(made, { recursive: true, force: true });
      }
    });
  return kept;
}

/** Imports both versions into a cluster. */
export async function importToys(cluster: Cluster): Promise<string> {
  const folder = await toyImages();
  for (const version of [1, 2]) await cluster.importImage(join(folder, `toy-${version}.tar`), repository);
  return folder;
}

export interface Pod {
  readonly metadata: { readonly name: string; readonly deletionTimestamp?: string; readonly labels: Readonly<Record<string, string>> };
  readonly spec: { readonly nodeName: string };
  readonly status: {
    readonly podIP?: string;
    readonly phase: string;
    readonly containerStatuses?: readonly {
      readonly containerID?: string;
      readonly restartCount: number;
      readonly ready: boolean;
      readonly lastState: { readonly terminated?: { readonly reason: string; readonly exitCode: number } };
    }[];
  };
}

export const podsOf = async (cluster: Cluster, selector: string): Promise<readonly Pod[]> =>
  (await cluster.get<{ readonly items: readonly Pod[] }>(["pods", "-l", selector])).items;

/** A name of a pod's node, `node-2`, as `test/kube/up` counts it: 2. */
export const nodeNumber = (name: string): string => name.replace("node-", "");
