/** What `loam train cost` says, through the built command line: processor time against the system's own count, attempts that are killed, other machines. */
import { execFile, execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { openProject } from "../src/project/index.ts";
import { openStore } from "../src/store/index.ts";
import { pageBlocks } from "./support/blocks.ts";
import { jsonLines, loam, loamProcess, program, startProcess } from "./support/child.ts";
import { temporaryFolder, toyProject } from "./support/project.ts";

type Cost = Awaited<ReturnType<Awaited<ReturnType<typeof openProject>>["cost"]>>;
const costOf = async (cwd: string, ...args: string[]): Promise<Cost> => {
  const { code, stdout, stderr } = await loam(["train", "cost", ...args, "--json"], { cwd });
  expect(code, stderr).toBe(0);
  return jsonLines(stdout).at(-1) as unknown as Cost;
};
const home = () => ({ LOAM_HOME: temporaryFolder("home") });
const hasTime = existsSync("/usr/bin/time");

test.skipIf(!hasTime)(
  `the ledgers of a run add up to within 3 % of what the system counts for its process${hasTime ? "" : " (skipped: no /usr/bin/time)"}`,
  async () => {
    // long enough that the end of the process, which no run is charged for, is little of it
    const cwd = toyProject({ tokens: 600_000 });
    const env = { ...process.env, ...home() };
    const timed = await promisify(execFile)("/usr/bin/time", ["-f", "%U %S", process.execPath, program, "train"], { cwd, env });
    const [user, system] = timed.stderr.trim().split("\n").at(-1)!.split(" ").map(Number);
    const { total, lines, artifact } = await costOf(cwd, "toy@1");
    expect(Math.abs(total.coreSeconds / (user! + system!) - 1), `${total.coreSeconds} s of ${user! + system!} s`).toBeLessThan(0.03);
    // the start-up is somebody's, once
    expect(lines.filter(l => l.startUpSeconds > 0.1)).toHaveLength(1);
    expect(lines.map(l => l.stage).sort()).toEqual(
      ["source", "data", "tokenizer", "shards", "train", "evaluate", "baselines", "sketch-trained", "sketch-data"].sort(),
    );
    expect(lines.find(l => l.stage === "train")).toMatchObject({ artifact, runs: 1, unfinished: 0, withoutLedger: 0 });
    await using project = await openProject(cwd);
    expect((await project.cost("toy")).total).toEqual(total);
  },
);

/** Ledgers of the attempts at a model's recipe, by state, straight from the record. */
async function attempts(cwd: string) {
  const store = await openStore({ root: cwd });
  try {
    const rows = await store.records.read.selectFrom("runs").selectAll().where("stage", "=", "train").orderBy("started_ms").execute();
    return rows.map(r => ({
      id: r.id,
      state: r.state,
      ledger: r.ledger === null ? null : (JSON.parse(r.ledger) as { used: { coreSeconds: number } }),
    }));
  } finally {
    await store.close();
  }
}

test("a run that is killed is charged up to its last heartbeat, the one that goes on for itself alone, and a version for both", async () => {
  const cwd = toyProject({ tokens: 800_000, train: "checkpointSeconds: 0" });
  const env = home();
  const first = startProcess(["train", "--json"], { cwd, env });
  await first.says(/"step":\d+/);
  // read by a process of its own: this one must not hold the record open while it is killed
  const charged = () =>
    Number(
      execFileSync(
        process.execPath,
        [
          "-e",
          `const D=require("libsql");const r=new D(${JSON.stringify(join(cwd, ".loam/record.db"))},{readonly:true}).prepare("select ledger from runs where stage='train'").get();process.stdout.write(String(r?.ledger?JSON.parse(r.ledger).used.coreSeconds:0))`,
        ],
        { encoding: "utf8", cwd: join(program, "../..") },
      ),
    );
  await expect.poll(charged, { timeout: 120_000, interval: 500 }).toBeGreaterThan(0);
  first.kill("SIGKILL");
  await first.ended;
  const before = charged();
  const yaml = join(cwd, "loam.yaml");
  // the same recipe: how often something is written down is no part of it
  writeFileSync(yaml, readFileSync(yaml, "utf8").replace("checkpointSeconds: 0", "checkpointSeconds: 600"));
  const second = await loamProcess(["train", "--json"], { cwd, env });
  expect(second.code, second.stderr).toBe(0);
  const all = await attempts(cwd);
  expect(all.map(a => a.state)).toEqual(["lost", "done"]);
  expect(all[0]!.ledger!.used.coreSeconds).toBe(before);
  const cost = await costOf(cwd, "toy@1");
  const line = cost.lines.find(l => l.stage === "train")!;
  expect(line).toMatchObject({ runs: 2, unfinished: 1, withoutLedger: 0 });
  expect(line.use.coreSeconds).toBeCloseTo(before + all[1]!.ledger!.used.coreSeconds, 9);
  expect(line.split.checkpoints!.coreSeconds).toBeGreaterThan(0);
  expect(line.split.evaluation!.coreSeconds).toBeGreaterThan(0);
  // by the run's own id too
  expect((await costOf(cwd, all[1]!.id)).total).toEqual(cost.total);
});

test("the example of docs/cost.md runs as it is written; an unknown name is an error with the nearest one, another machine is named", async () => {
  const folder = temporaryFolder("cost");
  const [block] = pageBlocks("cost.md").filter(b => /^loam init/.test(b.text));
  let cwd = folder;
  let said = "";
  for (const line of block!.text.trim().split("\n")) {
    const [command, ...args] = line.split(" ");
    if (command === "cd") {
      cwd = join(cwd, args[0]!);
      const yaml = join(cwd, "loam.yaml");
      // the same words, a smaller model
      writeFileSync(yaml, readFileSync(yaml, "utf8").replace("width: 96", "width: 48").replace("tokens: 240k", "tokens: 20k"));
      continue;
    }
    const { code, stdout, stderr } = await loam(args, { cwd, env: home() });
    expect(code, stderr).toBe(0);
    said = stdout;
  }
  expect(said).toMatch(/Cost of letters@1\n/);
  for (const category of ["data", "tokenizer", "training", "evaluation"])
    expect(said).toMatch(new RegExp(`^ {2}${category} +\\d+\\.\\d %`, "m"));
  expect(said).toMatch(/^ {2}total +100\.0 %/m);
  expect(said).toMatch(/Price: \$0\.0408 per core-hour \(list, \d{4}-\d\d\)/);

  const unknown = await loam(["train", "cost", "leters@1"], { cwd });
  expect([unknown.code, unknown.stderr]).toEqual([2, expect.stringContaining('got "leters@1". Did you mean "letters@1"?')]);
  const odd = await loam(["train", "cost", "letters@1", "--price", "much"], { cwd });
  expect([odd.code, odd.stderr]).toEqual([2, expect.stringContaining("--price")]);

  const priced = await costOf(cwd, "letters@1", "--price", "3600");
  expect(priced.total.usd).toBeCloseTo(priced.total.coreSeconds, 9);

  // the same version, as if it had been made on another machine
  const store = await openStore({ root: cwd });
  const { read } = store.records;
  const rows = await read.selectFrom("runs").select(["id", "ledger"]).execute();
  await store.records.write(async t => {
    for (const { id, ledger } of rows)
      await t
        .updateTable("runs")
        .set({ ledger: ledger!.replaceAll('"processor":"', '"processor":"Another ') })
        .where("id", "=", id)
        .execute();
  });
  await store.close();
  const yaml = join(cwd, "loam.yaml");
  writeFileSync(yaml, readFileSync(yaml, "utf8").replace("width: 48", "width: 24"));
  expect((await loam(["train"], { cwd, env: home() })).code).toBe(0);
  // data and tokenizer are shared: the second version was made on both machines
  const compared = await loam(["train", "cost", "letters@2", "--against", "letters@1"], { cwd });
  expect(compared.stdout).toMatch(/Not compared: core-seconds, energy and money\. letters@2 ran on .+, letters@1 on Another .+/);
});

test("a model that is called as a command of `loam train` is trained by --model, and its profile says what its kernels compute", async () => {
  const cwd = toyProject({ tokens: 2_000 });
  const yaml = join(cwd, "loam.yaml");
  writeFileSync(yaml, readFileSync(yaml, "utf8").replace("  toy:\n", "  cost:\n").replace("model: toy@latest", "model: cost@latest"));
  const env = home();
  const { code, stdout, stderr } = await loam(["train", "--model", "cost", "--profile", "--profile-steps", "2", "--json"], { cwd, env });
  expect(code, stderr).toBe(0);
  const profile = jsonLines(stdout).at(-1) as {
    model: string;
    artifact: string;
    steps: number;
    kernels: { what: string; gflops: number | null }[];
  };
  expect(profile).toMatchObject({ model: "cost", steps: 2 });
  expect(profile.kernels.some(k => k.what.startsWith("product [") && k.gflops! > 0)).toBe(true);
  const store = await openStore({ root: cwd });
  const kept = await store.records.read
    .selectFrom("run_data")
    .innerJoin("runs", "runs.id", "run_data.run")
    .select(["runs.artifact", "run_data.data"])
    .where("run_data.name", "=", "profile.json")
    .execute();
  await store.close();
  expect(kept.map(k => k.artifact)).toEqual([profile.artifact]);
  expect(JSON.parse(kept[0]!.data).kernels).toEqual(profile.kernels);
});
