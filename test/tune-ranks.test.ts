/** Tuning on a mesh, end to end: ranks that are processes, here or on an engine, come to what one process comes to; a rebuild comes to the same bytes. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { letters } from "../src/project/init/letters.ts";
import { openArtifact, openStore } from "../src/store/index.ts";
import { jsonLines, loamProcess, startProcess } from "./support/child.ts";
import { installed } from "./support/installed.ts";
import { copyProject, modelContent, temporaryFolder, toyYaml, writeToy } from "./support/project.ts";

const noMpirun = installed("mpirun", "LOAM_MPIRUN") === undefined ? "no mpirun: apt-get install openmpi-bin" : undefined;
const base = mkdtempSync(join(tmpdir(), "loam-tune-ranks-"));
afterAll(() => rmSync(base, { recursive: true, force: true }));

/** The toy with a tuned model; `ranks` are further keys of its recipe. */
const yaml = (ranks: string, more = ""): string =>
  toyYaml({ more }).replace(
    "serve:",
    `  sir:
    base: toy
    tune: { task: instruct, on: things.jsonl, method: { lora: { rank: 4, dropout: 0.1 } }, length: 32, epochs: 3, rate: 0.01, rows: 4, validation: 0.2, checkpointSeconds: 0${ranks} }
serve:`,
  );

function project(ranks: string, more = ""): string {
  const folder = temporaryFolder("tune-ranks");
  copyProject(base, folder);
  writeFileSync(join(folder, "loam.yaml"), yaml(ranks, more));
  return folder;
}

interface Tuned {
  readonly validationLoss: number;
  readonly baseLoss: number;
  readonly steps: number;
}
async function tuned(folder: string, ...args: string[]): Promise<Tuned> {
  const { code, stdout, stderr } = await loamProcess(["tune", "sir", "--json", ...args], { cwd: folder });
  expect(code, stderr).toBe(0);
  return (jsonLines(stdout).find(l => l.event === "stage" && l.label === "sir") as unknown as { summary: Tuned }).summary;
}

async function recipeOf(folder: string): Promise<object> {
  const store = await openStore({ root: folder });
  try {
    return JSON.parse((await (await openArtifact(store, "sir@latest")).read("tuning.json")).toString("utf8")).recipe;
  } finally {
    await store.close();
  }
}

beforeAll(async () => {
  writeToy(base);
  const lines = letters(40, "things").map((text, i) => {
    const words = text.split(/\s+/).slice(0, 4);
    return JSON.stringify({ prompt: `${i} ${words.slice(0, 2).join(" ")}`, completion: ` ${words.slice(2).join(" ")}` });
  });
  writeFileSync(join(base, "things.jsonl"), `${lines.join("\n")}\n`);
  const pairs = lines.map(line => {
    const { prompt, completion } = JSON.parse(line) as { prompt: string; completion: string };
    return JSON.stringify({ prompt, chosen: completion, rejected: " x" });
  });
  writeFileSync(join(base, "pairs.jsonl"), `${pairs.join("\n")}\n`);
  writeFileSync(join(base, "loam.yaml"), yaml(""));
  const { code, stderr } = await loamProcess(["train", "toy"], { cwd: base });
  expect(code, stderr).toBe(0);
});

test("two ranks tune what one tunes, the mesh is part of the recipe, and a rebuild in one process has the same bytes", async () => {
  const [one, two] = [project(""), project(", mesh: { data: 2 }, zero: 1")];
  const [alone, together] = [await tuned(one), await tuned(two)];
  expect(together.steps).toBe(alone.steps);
  expect(together.validationLoss).toBeLessThan(together.baseLoss);
  for (const key of ["validationLoss", "baseLoss"] as const) expect(Math.abs(together[key] / alone[key] - 1)).toBeLessThan(1e-5);
  expect(await recipeOf(two)).toMatchObject({ mesh: { data: 2 }, zero: 1 });
  expect(await recipeOf(one)).not.toHaveProperty("mesh");
  const verified = await loamProcess(["models", "verify", "sir@1", "--rebuild", "--json"], { cwd: two });
  expect(verified.code, verified.stderr).toBe(0);
  expect(JSON.stringify(jsonLines(verified.stdout).find(e => JSON.stringify(e).includes('"tune-instruct')))).toContain('"outcome":"same"');
});

test("--mesh and --zero tune what the recipe's mesh does, and --launch starts one rank where there is no mesh", async () => {
  const [said, asked, alone, launched] = [project(", mesh: { data: 2 }, zero: 1"), project(""), project(""), project("")];
  await tuned(said);
  await tuned(asked, "--mesh", "data=2", "--zero", "1");
  expect(await modelContent(asked, "sir@latest")).toEqual(await modelContent(said, "sir@latest"));
  if (noMpirun !== undefined) return;
  // on fewer threads than in this process, so sums are in another order
  const [here, there] = [await tuned(alone), await tuned(launched, "--launch", "mpirun")];
  expect(there.steps).toBe(here.steps);
  expect(Math.abs(there.validationLoss / here.validationLoss - 1)).toBeLessThan(1e-5);
  expect(await recipeOf(launched)).not.toHaveProperty("mesh");
});

test("--mesh names axes and tasks that ranks do not tune", async () => {
  for (const [args, said] of [
    [["--mesh", "tensor=2"], /mesh.*tensor/],
    [["--mesh", "2"], /loam tune: --mesh: expected axes with ranks, such as data=2, got "2"/],
    [["--zero", "3"], /loam tune: --zero: expected a whole number from 0 to 2/],
    [["--launch", "x"], /loam tune: --launch: expected one of local/],
  ] as const) {
    const { code, stderr } = await loamProcess(["tune", "sir", ...args], { cwd: base });
    expect(code, stderr).toBe(2);
    expect(stderr).toMatch(said);
  }
});

test("Ctrl-C saves on all ranks, and the same command goes on to the bytes of a run that was left alone", async () => {
  const ranks = ", mesh: { data: 2 }";
  const [stopped, whole] = [project(ranks), project(ranks)];
  const run = startProcess(["tune", "sir", "--json"], { cwd: stopped });
  await run.says(/"step":(?:[5-9]|\d{2,}),/);
  run.kill("SIGINT");
  expect((await run.ended).code).toBe(130);
  const again = startProcess(["tune", "sir", "--json"], { cwd: stopped });
  expect(Number((await again.says(/"step":(\d+),/))[1])).toBeGreaterThan(5);
  expect((await again.ended).code).toBe(0);
  await tuned(whole);
  expect(await modelContent(stopped, "sir@latest")).toEqual(await modelContent(whole, "sir@latest"));
});

test.skipIf(noMpirun !== undefined)("ranks that mpirun starts tune to the bytes of local ranks", async () => {
  const ranks = ", mesh: { data: 2 }";
  const [local, elsewhere] = [project(ranks), project(ranks, "launch: { engine: mpirun }\n")];
  await tuned(local);
  await tuned(elsewhere);
  expect(await modelContent(elsewhere, "sir@latest")).toEqual(await modelContent(local, "sir@latest"));
});

test("pairs are tuned on ranks that are processes as on one", async () => {
  const preference = (ranks: string) => {
    const folder = project(ranks);
    const yamlOf = readFileSync(join(folder, "loam.yaml"), "utf8");
    writeFileSync(
      join(folder, "loam.yaml"),
      yamlOf.replace("task: instruct, on: things", "task: preference, on: pairs").replace("rows: 4", "pairs: 3"),
    );
    return folder;
  };
  const [alone, together] = [await tuned(preference("")), await tuned(preference(", mesh: { data: 2 }"))];
  expect(together.steps).toBe(alone.steps);
  expect(together.validationLoss).toBeLessThan(together.baseLoss);
  expect(Math.abs(together.validationLoss / alone.validationLoss - 1)).toBeLessThan(1e-5);
});
