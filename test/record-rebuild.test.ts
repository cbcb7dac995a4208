/** A version made again from its record alone: the same digests, or what differs and why; what cannot be made again is named. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openArtifact, openStore, registerVersion, runStage, stage, z } from "../src/store/index.ts";
import { jsonLines, loam, loamProcess } from "./support/child.ts";
import { copyProject, temporaryFolder, trainedToy } from "./support/project.ts";

let made = "";
beforeAll(async () => {
  made = await trainedToy({}, mkdtempSync(join(tmpdir(), "loam-rebuild-test-")));
});
afterAll(() => rmSync(made, { recursive: true, force: true }));

/** A copy of the project without its texts: the record is all there is. */
function copied(): string {
  const cwd = join(temporaryFolder("rebuild"), "copy");
  copyProject(made, cwd);
  rmSync(join(cwd, "texts"), { recursive: true });
  return cwd;
}
const told = z.object({
  rebuilt: z.boolean(),
  stages: z.array(z.object({ stage: z.string(), outcome: z.string(), differs: z.record(z.string(), z.json()).nullable() })),
});
const toldBy = (stdout: string) => told.parse(jsonLines(stdout).find(line => "stages" in line));

test("a version is rebuilt from its record to the same digests, and nothing of it is left behind", async () => {
  const cwd = copied();
  const scratch = temporaryFolder("scratch");
  const { code, stdout, stderr } = await loam(["models", "verify", "toy@1", "--rebuild", "--scratch", scratch, "--json"], { cwd });
  expect(code, stderr).toBe(0);
  const { rebuilt, stages } = toldBy(stdout);
  expect(rebuilt).toBe(true);
  expect(stages.map(s => [s.stage.split("@")[0], s.outcome]).sort()).toEqual([
    ["data", "material"],
    ["shards", "same"],
    ["source", "material"],
    ["tokenizer", "same"],
    ["train", "same"],
  ]);
  expect(stages.find(s => s.stage.startsWith("train"))!.differs).toEqual({});
  expect(readdirSync(scratch)).toEqual([]);
});

test("another instruction set is said, and compared by a bound", async () => {
  const cwd = copied();
  const ended = await loamProcess(["models", "verify", "toy@1", "--rebuild", "--json"], { cwd, env: { LOAM_MACHINE_CODE: "off" } });
  expect(ended.code, ended.stderr).toBe(0);
  const train = toldBy(ended.stdout).stages.find(s => s.stage.startsWith("train"))!;
  expect(["same", "within"]).toContain(train.outcome);
  expect(Object.keys(train.differs!)).toEqual(["machineCode"]);
});

test("a model that its recorded recipe does not make is found, though every digest of the record is right", async () => {
  const cwd = copied();
  const store = await openStore({ root: cwd });
  const toy = await openArtifact(store, "toy@1");
  const row = await store.records.read.selectFrom("artifacts").selectAll().where("id", "=", toy.id).executeTakeFirstOrThrow();
  const inputs = await store.records.read.selectFrom("inputs").selectAll().where("artifact", "=", toy.id).execute();
  const [shards, tokenizer] = await Promise.all(
    ["shards", "tokenizer"].map(name => openArtifact(store, inputs.find(i => i.name === name)!.source)),
  );
  const forged = stage({
    name: "train",
    version: row.stage_version,
    inputs: { shards: "shards", tokenizer: "tokenizer" },
    options: z.json(),
    output: "model",
    async run({ output, runData }) {
      for (const { name } of toy.files) {
        const bytes = Buffer.from(await toy.read(name));
        if (name === "weights.safetensors") bytes[bytes.length - 2]! ^= 1;
        await output.write(name, bytes);
      }
      runData.write("environment.json", (await toy.runData!("environment.json"))!);
      return toy.summary;
    },
  });
  const { artifact, differsFrom } = await runStage(store, forged, {
    inputs: { shards: shards!, tokenizer: tokenizer! },
    options: JSON.parse(row.options) as z.input<typeof forged.options>,
    force: true,
  });
  expect(differsFrom).toMatchObject({ id: toy.id });
  await registerVersion(store, "toy", artifact.id, {});
  await store.close();
  expect((await loam(["models", "verify", "toy@2"], { cwd })).code).toBe(0);
  const ended = await loam(["models", "verify", "toy@2", "--rebuild", "--json"], { cwd });
  expect(ended.code).toBe(1);
  expect(ended.stderr).toContain(`different: ${artifact.id} (train@${row.stage_version})`);
  expect(toldBy(ended.stdout)).toMatchObject({ rebuilt: false });
});

test("what cannot be rebuilt is refused by its name: stages of one's own, stages of another version", async () => {
  const cwd = copied();
  const store = await openStore({ root: cwd });
  const own = stage({
    name: "own-training",
    version: 1,
    inputs: { base: "model" },
    options: z.strictObject({}),
    output: "model",
    run: async ({ output }) => {
      await output.write("weights.bin", "1");
      return {};
    },
  });
  const base = await openArtifact(store, "toy@1");
  const { artifact } = await runStage(store, own, { inputs: { base }, options: {} });
  await registerVersion(store, "own", artifact.id, {});
  const earlier = stage({ ...own, name: "train", version: 1 });
  const before = await runStage(store, earlier, { inputs: { base }, options: {} });
  await registerVersion(store, "before", before.artifact.id, {});
  await store.close();
  const refused = async (version: string) => {
    const { code, stderr } = await loam(["models", "verify", version, "--rebuild"], { cwd });
    expect(code, stderr).not.toBe(0);
    return stderr;
  };
  expect(await refused("own@1")).toContain(`${artifact.id} (own-training@1): Loam cannot re-run this stage from the artifact store`);
  expect(await refused("before@1")).toMatch(/\(train@1\): this Loam has version 3 of the stage; an earlier Loam made it/);
});
