/** `--launch`: a data set and a search come out as from one process, whichever engine starts the workers and whichever worker is killed. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { pause, random } from "../src/base/index.ts";
import { openArtifact, openStore } from "../src/store/index.ts";
import { type Child, jsonLines, loam, start, startProcess } from "./support/child.ts";
import { installed } from "./support/installed.ts";
import { noRay, openRay } from "./support/ray.ts";
import { noSlurm, openSlurm } from "./support/slurm.ts";

const base = mkdtempSync(join(tmpdir(), "loam-launch-"));
afterAll(() => rmSync(base, { recursive: true, force: true }));

const words = Array.from({ length: 2000 }, (_, i) => `word${i.toString(36)}`);
const sources = 4;

/** Four sources, each a partition, with copies and near-copies; and a search of four trials, whose points do not depend on each other. */
function project(name: string): string {
  const folder = join(base, name);
  const draw = random("launch");
  mkdirSync(join(folder, "texts"), { recursive: true });
  const text = () => Array.from({ length: 60 }, () => words[draw.below(words.length)]).join(" ");
  const pool = Array.from({ length: 60 }, text);
  for (let s = 0; s < sources; s++) {
    const lines = Array.from({ length: 300 }, (_, id) => {
      const copied = pool[draw.below(pool.length)]!.replace(/\S+/g, w => (draw.uniform() < 0.01 ? "changed" : w));
      return JSON.stringify({ id: String(id), text: draw.uniform() < 0.5 ? text() : copied });
    });
    writeFileSync(join(folder, "texts", `s${s}.jsonl`), `${lines.join("\n")}\n`);
  }
  writeFileSync(
    join(folder, "loam.yaml"),
    `name: launch
data:
  all:
    sources:
${Array.from({ length: sources }, (_, s) => `      s${s}: { folder: texts, files: s${s}.jsonl, reader: jsonl }`).join("\n")}
    steps: [clean, { length: { minWords: 5 } }, { repeats: {} }, { deduplicate: { fuzzy: true } }]
device: { threads: 1 }
tokenizer: { vocab: 300, from: all }
models:
  toy: { layers: 1, width: 16, heads: 2, context: 32, train: { on: all, rows: 4, rate: 0.01, evaluateBatches: 2, tokens: 3200 } }
searches:
  rate: { model: toy, pruner: none, sampler: grid, space: { train.rate: [0.001, 0.003, 0.02] }, trials: 4 }
`,
  );
  return folder;
}

async function outcome(folder: string, stdout: string): Promise<{ readonly digest: string; readonly summary: unknown }> {
  const { artifacts } = jsonLines(stdout).at(-1) as { artifacts: Record<string, string> };
  const store = await openStore({ root: folder });
  try {
    const { digest, summary } = await openArtifact(store, artifacts["data/all"]!);
    return { digest, summary };
  } finally {
    await store.close();
  }
}

interface SearchResult {
  readonly winner: number;
  readonly trials: readonly {
    readonly number: number;
    readonly state: string;
    readonly point: unknown;
    readonly outcome: { readonly values: readonly number[] };
  }[];
}
const found = (stdout: string) => {
  const { winner, trials } = jsonLines(stdout).at(-1) as unknown as SearchResult;
  return { winner, trials: trials.map(t => ({ number: t.number, state: t.state, point: t.point, values: t.outcome?.values })) };
};

/** Process numbers of the workers of a project, by their command lines. */
function workersOf(folder: string, verb: string): number[] {
  return readdirSync("/proc")
    .filter(name => /^\d+$/.test(name))
    .filter(pid => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
        // shells that start one have its words in theirs
        return /node$/.test(line[0]!) && line.includes(verb) && line.includes(folder);
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** Kills the first worker that is seen; `end` stops looking and gives its process number, 0 where none was seen. */
function killFirst(folder: string, verb: string): { end(): number } {
  let killed = 0;
  const looking = setInterval(() => {
    const [victim] = workersOf(folder, verb);
    if (victim === undefined || killed > 0) return;
    killed = victim;
    process.kill(victim, "SIGKILL");
  }, 20);
  return {
    end: () => {
      clearInterval(looking);
      return killed;
    },
  };
}

/**
 * Lets a command run a tenth of the time until its first worker begins, and kills that one: a command that takes tasks too cannot be done before a worker was
 * there, however slow the engine is. The process number; 0 where the command ended before.
 */
async function killFirstOf(run: Child, folder: string, verb: string): Promise<number> {
  let isOver = false;
  void run.ended.then(() => {
    isOver = true;
  });
  try {
    for (; !isOver; await pause(450)) {
      const [victim] = workersOf(folder, verb);
      if (victim !== undefined) {
        process.kill(victim, "SIGKILL");
        return victim;
      }
      run.kill("SIGCONT");
      await pause(50);
      run.kill("SIGSTOP");
    }
    return 0;
  } finally {
    run.kill("SIGCONT");
  }
}

let curated: Awaited<ReturnType<typeof outcome>>;
let searched: ReturnType<typeof found>;
beforeAll(async () => {
  const folder = project("alone");
  const run = await loam(["data", "run", "--workers", "1", "--json"], { cwd: folder });
  expect(run.code, run.stderr).toBe(0);
  curated = await outcome(folder, run.stdout);
  const search = await loam(["tune", "search", "--workers", "0", "--json"], { cwd: folder });
  expect(search.code, search.stderr).toBe(0);
  searched = found(search.stdout);
  expect(searched.trials).toHaveLength(4);
});

interface Engine {
  readonly name: string;
  readonly reason: string | undefined;
  open(): Promise<{ readonly env: Readonly<Record<string, string>>; close(): Promise<void> }>;
}
const nothing = async () => ({ env: {}, close: async () => {} });
const engines: readonly Engine[] = [
  { name: "local", reason: undefined, open: nothing },
  {
    name: "mpirun",
    reason: installed("mpirun", "LOAM_MPIRUN") === undefined ? "no mpirun: apt-get install openmpi-bin" : undefined,
    open: nothing,
  },
  { name: "slurm", reason: noSlurm(), open: openSlurm },
  { name: "ray", reason: noRay(), open: openRay },
];

for (const engine of engines)
  describe.skipIf(engine.reason !== undefined)(
    `--launch ${engine.name}${engine.reason === undefined ? "" : ` (skipped: ${engine.reason})`}`,
    () => {
      let opened: Awaited<ReturnType<Engine["open"]>>;
      beforeAll(async () => {
        opened = await engine.open();
      });
      afterAll(async () => opened?.close());

      test("2 workers, one of which is killed, curate the bytes of one process, and none is left", async () => {
        const folder = project(`data-${engine.name}`);
        const run = startProcess(["data", "run", "--launch", engine.name, "--workers", "2", "--json"], { cwd: folder, env: opened.env });
        const killed = await killFirstOf(run, folder, "work");
        const { code, stdout, stderr } = await run.ended;
        expect(killed, stderr).toBeGreaterThan(0);
        expect(code, stderr).toBe(0);
        expect(stderr).toMatch(/worker \d was lost/);
        expect(await outcome(folder, stdout)).toEqual(curated);
        expect(workersOf(folder, "work")).toEqual([]);
      });

      test("2 workers, one of which is killed, try the points of one process, with its values and its winner", async () => {
        const folder = project(`search-${engine.name}`);
        const run = start(["tune", "search", "--launch", engine.name, "--workers", "2", "--json"], { cwd: folder, env: opened.env });
        const killing = killFirst(folder, "--worker");
        const { code, stdout, stderr } = await run.ended;
        expect(killing.end(), stderr).toBeGreaterThan(0);
        expect(code, stderr).toBe(0);
        expect(stderr).toMatch(/was lost/);
        expect(found(stdout)).toEqual(searched);
        expect(workersOf(folder, "--worker")).toEqual([]);
      });
    },
  );

test("an engine that is not there is named, with what to install, and nothing is curated by fewer than were asked for", async () => {
  const folder = project("absent");
  const env = { PATH: "/nonexistent" };
  const slurm = await loam(["data", "run", "--launch", "slurm", "--json"], { cwd: folder, env });
  expect(slurm.code).toBe(3);
  expect(slurm.stdout + slurm.stderr).toMatch(/launch\/engine/);
  expect(slurm.stdout + slurm.stderr).toMatch(/sbatch: .*slurm-client/);
  const ray = await loam(["tune", "search", "--launch", "ray", "--launch-address", "http://127.0.0.1:1", "--json"], { cwd: folder });
  expect(ray.code).toBe(3);
  expect(ray.stdout + ray.stderr).toMatch(/Ray at http:\/\/127.0.0.1:1.*ray start --head/);
});

test("an engine of another name is a wrong argument that lists those there are", async () => {
  const { code, stderr } = await loam(["data", "run", "--launch", "pbs"], { cwd: project("other") });
  expect(code).toBe(2);
  expect(stderr).toMatch(/local, mpirun, slurm, ray, kubernetes/);
});

test("a run that is stopped leaves no worker", async () => {
  const folder = project("stopped");
  const run = start(["tune", "search", "--launch", "local", "--workers", "2", "--json"], { cwd: folder });
  await run.says(/"event":"progress","label":"trial/);
  run.kill("SIGTERM");
  expect((await run.ended).code).toBe(130);
  expect(workersOf(folder, "--worker")).toEqual([]);
});
