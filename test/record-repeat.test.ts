/** The same recipe gives the same bytes: forced again, in another folder, with other habits of writing down, tuned in every way. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openStore } from "../src/store/index.ts";
import { jsonLines, loam } from "./support/child.ts";
import { deepTest } from "./support/deep.ts";
import { temporaryFolder, toyProject, toyYaml, writeToy } from "./support/project.ts";
import { tasksYaml, writeEncoder, writeTasksProject } from "./support/tasks-project.ts";

/** Content digests of all artifacts by their ids; none of them may differ from an earlier one of its recipe. */
async function digestsOf(root: string): Promise<Record<string, string>> {
  const store = await openStore({ root });
  try {
    const rows = await store.records.read.selectFrom("artifacts").select(["id", "stage", "digest", "differs_from"]).execute();
    expect(rows.filter(r => r.differs_from !== null)).toEqual([]);
    return Object.fromEntries(rows.map(r => [r.id, r.digest]));
  } finally {
    await store.close();
  }
}

async function succeed(args: readonly string[], cwd: string) {
  const ended = await loam(args, { cwd });
  expect(ended.code, ended.stderr).toBe(0);
  expect(ended.stderr).not.toContain("other content");
  return jsonLines(ended.stdout).at(-1);
}

test("`loam run --force` gives the digests that it gave before, in this folder and in another, whatever is logged how often", async () => {
  const cwd = toyProject();
  expect(await succeed(["run", "--json"], cwd)).toMatchObject({ version: "toy@1", ran: 9 });
  const first = await digestsOf(cwd);
  // the version is the same one: its content is
  expect(await succeed(["run", "--force", "--json"], cwd)).toMatchObject({ version: "toy@1", ran: 9 });
  expect(await digestsOf(cwd)).toEqual(first);
  const habits = "checkpointSeconds: 0\n      logEvery: 3";
  writeFileSync(join(cwd, "loam.yaml"), toyYaml({ train: habits }));
  expect(await succeed(["run", "--json"], cwd)).toMatchObject({ version: "toy@1", ran: 0 });
  const other = join(temporaryFolder("other"), "deeper");
  writeToy(other, { train: habits });
  await succeed(["run", "--json"], other);
  expect(await digestsOf(other)).toEqual(first);
  const events = await loam(["trace", "toy@1"], { cwd: other });
  expect(events.stdout).toContain(Object.keys(first).find(id => id.startsWith("model-")));
});

deepTest("every kind of tuning and its evaluation, forced again, gives the same digests", async () => {
  const cwd = writeTasksProject(temporaryFolder("repeat"));
  await writeEncoder(join(cwd, "encoder"));
  writeFileSync(
    join(cwd, "liked.jsonl"),
    readFileSync(join(cwd, "things.jsonl"), "utf8")
      .split("\n")
      .filter(Boolean)
      .map(line => {
        const { prompt, completion } = JSON.parse(line) as Record<string, string>;
        return `${JSON.stringify({ prompt, chosen: completion, rejected: "who knows" })}\n`;
      })
      .join(""),
  );
  const liked = `  liked:
    base: sir
    tune: { task: preference, on: ./liked.jsonl, length: 64, epochs: 2, rate: 0.001, validation: 0.2 }
serve:`;
  writeFileSync(join(cwd, "loam.yaml"), tasksYaml.replace("serve:", liked));
  await succeed(["models", "import", "./encoder", "--name", "sentences", "--json"], cwd);
  await succeed(["tune", "--json"], cwd);
  const first = await digestsOf(cwd);
  await succeed(["tune", "--force", "--json"], cwd);
  expect(await digestsOf(cwd)).toEqual(first);
  for (const model of ["stars", "sir", "student", "finder", "mark", "count", "liked"])
    expect(await succeed(["models", "verify", `${model}@1`, "--rebuild", "--json"], cwd), model).toMatchObject({ rebuilt: true });
  const stages = new Set(Object.keys(first).map(id => id.split("-")[0]));
  expect([...stages]).toEqual(expect.arrayContaining(["model", "evaluation", "documents", "examples", "pairs"]));
});
