/** Toy projects: a life of seconds, written into a folder of the test's own. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";
import { locked } from "../../scripts/parts/lock.js";
import { sha256 } from "../../src/base/index.ts";
import { letters } from "../../src/project/init/letters.ts";
import { projectFiles, type TemplateName } from "../../src/project/init/project-files.ts";
import { openArtifact, openStore, readRunData } from "../../src/store/index.ts";
import { loam } from "./child.ts";
import { toysFolder } from "./toys-folder.ts";

/** A folder that goes with the test. */
export function temporaryFolder(name = "life"): string {
  const folder = mkdtempSync(join(tmpdir(), `loam-${name}-`));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/**
 * A project copied with its record, by a process of its own. A record that this process has had open stays so until its statements are collected
 * (libsql frees them no sooner), and a process that closes a second handle of SQLite's file loses its locks: others then take the log away
 * under it, and what it opens next it finds malformed, though the file is sound.
 */
export const copyProject = (from: string, to: string): void => {
  if (process.platform === "linux") {
    mkdirSync(to, { recursive: true });
    execFileSync("cp", ["-a", "--reflink=auto", `${from}/.`, to]);
    return;
  }
  const code = "const [from, to] = process.argv.slice(1); require('node:fs').cpSync(from, to, { recursive: true })";
  execFileSync(process.execPath, ["-e", code, from, to]);
};

export interface Toy {
  /** Texts, one document each. */
  readonly texts?: readonly string[];
  readonly tokens?: number;
  readonly layers?: number;
  /** Further lines of the model's `train:` part. */
  readonly train?: string;
  /** Further top-level lines. */
  readonly more?: string;
}

export const toyYaml = ({ tokens = 20_000, layers = 1, train = "", more = "" }: Toy = {}): string => `name: toy
data:
  letters:
    source: { folder: texts, reader: text }
    steps: [clean]
tokenizer: { vocab: 300, from: letters }
models:
  toy:
    layers: ${layers}
    width: 32
    heads: 2
    context: 32
    train:
      on: letters
      tokens: ${tokens}
      rows: 8
      rate: 0.02
      evaluateEvery: 50
      ${train}
    evaluate: { baselines: [gzip] }
serve: { model: toy@latest, port: 0, slots: 2 }
device: { threads: 1 }
${more}`;

/** A small decoder over a data set, under the name toy: the base of tunings. The lines stand under `models:`. */
export const toyBase = (on: string, tokens = 8000): string => `  toy:
    layers: 1
    width: 32
    heads: 2
    context: 64
    train: { on: ${on}, tokens: ${tokens}, rows: 8, rate: 0.02 }
    evaluate: { baselines: [gzip] }`;

/** Writes a toy project into `folder`. */
export function writeToy(folder: string, toy: Toy = {}): string {
  const texts = toy.texts ?? letters(60, "toy");
  const files: [string, string][] = [
    ["loam.yaml", toyYaml(toy)],
    ...texts.map((t, i): [string, string] => [`texts/letter-${String(i).padStart(5, "0")}.txt`, t]),
  ];
  mkdirSync(join(folder, "texts"), { recursive: true });
  for (const [path, text] of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
}

/**
 * A project that is made once for all files and runs, kept under .cache by its key and the program's content, and copied into `to`. It is made apart, so
 * what is copied has never been open in this process.
 */
async function copyMade(key: unknown, make: (folder: string) => Promise<void>, to: string): Promise<void> {
  const kept = join(toysFolder(), sha256(JSON.stringify(key)).slice(0, 20));
  if (!existsSync(kept))
    await locked(`${kept}.lock`, async () => {
      if (existsSync(kept)) return;
      const made = mkdtempSync(join(tmpdir(), "loam-toy-"));
      try {
        await make(made);
        rmSync(`${kept}.part`, { recursive: true, force: true });
        copyProject(made, `${kept}.part`);
        renameSync(`${kept}.part`, kept);
      } finally {
        rmSync(made, { recursive: true, force: true });
      }
    });
  copyProject(kept, to);
}

async function runProject(cwd: string): Promise<void> {
  const { code, stderr } = await loam(["run"], { cwd });
  if (code !== 0) throw new Error(`the project was not trained: ${stderr}`);
}

/** A toy that `loam run` has trained, in a folder of the caller's own (default: one that goes with the test). Each toy is trained once. */
export async function trainedToy(toy: Toy = {}, to: string = temporaryFolder("toy")): Promise<string> {
  const { more, ...recipe } = toy;
  const texts = toy.texts ?? letters(60, "toy");
  await copyMade([toyYaml(recipe), texts], folder => runProject(writeToy(folder, recipe)), to);
  // further parts of the file change nothing that was trained
  if (more !== undefined) writeFileSync(join(to, "loam.yaml"), toyYaml(toy));
  return to;
}

/** The project of `loam init NAME --template TEMPLATE` after `loam run`, in a folder that goes with the test. */
export async function trainedTemplate(name: string, template: TemplateName): Promise<string> {
  const to = temporaryFolder(name);
  await copyMade(
    [name, template],
    async folder => {
      for (const [path, text] of projectFiles(name, folder, { template })) {
        mkdirSync(dirname(join(folder, path)), { recursive: true });
        writeFileSync(join(folder, path), text);
      }
      await runProject(folder);
    },
    to,
  );
  return to;
}

export const toyProject = (toy?: Toy): string => writeToy(temporaryFolder("toy"), toy);

/** What the training of a project's toy says of itself. */
export async function trainingOf(
  folder: string,
): Promise<{ readonly heldOut: number; readonly steps: number; readonly ranks?: object; readonly recipe: object }> {
  const store = await openStore({ root: folder });
  try {
    return JSON.parse((await (await openArtifact(store, "toy@latest")).read("training.json")).toString("utf8"));
  } finally {
    await store.close();
  }
}

/** What a trained model is: digests of its files, and the metrics of its run without their speeds. */
export async function modelContent(folder: string, version = "toy@latest"): Promise<Record<string, unknown>> {
  const store = await openStore({ root: folder });
  try {
    const artifact = await openArtifact(store, version);
    const metrics = ((await readRunData(store, artifact, "metrics.jsonl")) ?? "").trim().split("\n");
    return {
      ...Object.fromEntries(artifact.files.map(f => [f.name, f.digest])),
      metrics: metrics.map(line => ({ ...(JSON.parse(line) as object), tokensPerSecond: undefined })),
    };
  } finally {
    await store.close();
  }
}
