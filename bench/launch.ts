/**
 * Curation and a search whose workers are started by each engine that this machine has, and killed: one, two and four workers beside one process. What is
 * judged is that the bytes, the trials and the winner are the same and that nothing was recorded twice; seconds are for information.
 */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { random } from "../src/base/index.ts";
import { packageFolder } from "../src/project/package.ts";
import { openArtifact, openStore } from "../src/store/index.ts";
import { installed } from "../test/support/installed.ts";
import { noRay, openRay } from "../test/support/ray.ts";
import { noSlurm, openSlurm } from "../test/support/slurm.ts";
import { type BenchContext, type BenchResult, digits } from "./harness.ts";
import { generateTexts } from "./pipeline.ts";

interface OpenEngine {
  readonly env: Readonly<Record<string, string>>;
  close(): Promise<void>;
}
const nothing = async (): Promise<OpenEngine> => ({ env: {}, close: async () => {} });

const engines: Readonly<Record<string, { readonly reason: string | undefined; open(): Promise<OpenEngine> }>> = {
  local: { reason: undefined, open: nothing },
  mpirun: { reason: installed("mpirun", "LOAM_MPIRUN") === undefined ? "no mpirun" : undefined, open: nothing },
  slurm: { reason: noSlurm(), open: openSlurm },
  ray: { reason: noRay(), open: openRay },
};

const yaml = (source: string): string => `name: bench
data:
  all:
    source: { folder: "${source}", reader: jsonl }
    steps: [clean, { length: { minWords: 5 } }, gopher-repetition, { repeats: {} }, { deduplicate: { fuzzy: true } }]
  few:
    source: { folder: few, reader: jsonl }
    steps: [clean]
    split: { heldOut: 0.3, by: near-duplicate }
device: { threads: 1 }
tokenizer: { vocab: 300, from: few }
models:
  toy: { layers: 1, width: 32, heads: 2, context: 64, train: { on: few, rows: 8, rate: 0.01, evaluateBatches: 2, tokens: 60000 } }
searches:
  rate: { model: toy, pruner: none, sampler: halton, space: { train.rate: { from: 1e-3, to: 5e-2, log: true } }, trials: 8 }
`;

/** Process numbers of workers of a project here. */
function workersOf(folder: string): number[] {
  return readdirSync("/proc")
    .filter(name => /^\d+$/.test(name))
    .filter(pid => {
      try {
        const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
        return /node$/.test(words[0]!) && words.includes(folder) && words.includes("--project");
      } catch {
        return false;
      }
    })
    .map(Number);
}

interface Outcome {
  readonly seconds: number;
  readonly kills: number;
  readonly last: Readonly<Record<string, unknown>>;
}

/** Runs a command and kills up to `most` of its workers, each a random while after a worker was seen. */
async function runKilled(folder: string, args: readonly string[], env: Readonly<Record<string, string>>, most: number): Promise<Outcome> {
  const draw = random(`${args.join(" ")} ${most}`);
  const began = performance.now();
  const child = spawn(process.execPath, [join(packageFolder, "bin", "loam.js"), ...args, "--json"], {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [stdout, stderr, kills] = ["", "", 0];
  child.stdout.on("data", (piece: Buffer) => {
    stdout += piece.toString("utf8");
  });
  child.stderr.on("data", (piece: Buffer) => {
    stderr += piece.toString("utf8");
  });
  let nextMs = performance.now();
  const killing = setInterval(() => {
    const [victim] = kills < most && performance.now() >= nextMs ? workersOf(folder) : [];
    if (victim === undefined) return;
    process.kill(victim, "SIGKILL");
    kills++;
    nextMs = performance.now() + 1000 + draw.below(4000);
  }, 50);
  const code = await new Promise<number | null>(done => child.once("close", done));
  clearInterval(killing);
  if (code !== 0) throw new Error(`loam ${args.join(" ")}: expected exit code 0, got ${code}: ${stderr.slice(-1000)}`);
  const last = JSON.parse(stdout.trim().split("\n").at(-1)!) as Outcome["last"];
  return { seconds: (performance.now() - began) / 1000, kills, last };
}

/** Digest and summary of the curated documents: what was read, dropped and kept. */
async function documentsOf(folder: string, { last }: Outcome): Promise<string> {
  const store = await openStore({ root: folder });
  try {
    const { digest, summary } = await openArtifact(store, (last.artifacts as Readonly<Record<string, string>>)["data/all"]!);
    return JSON.stringify({ digest, summary });
  } finally {
    await store.close();
  }
}

interface Trial {
  readonly number: number;
  readonly state: string;
  readonly point: unknown;
  readonly outcome: { readonly values: readonly number[] } | null;
}
const trialsOf = ({ last }: Outcome): string =>
  JSON.stringify({
    winner: last.winner,
    trials: (last.trials as readonly Trial[]).map(t => [t.number, t.state, t.point, t.outcome?.values]),
  });

export async function run({ say, scale, only }: BenchContext): Promise<BenchResult> {
  const base = mkdtempSync(join(process.env.LOAM_BENCH_FOLDER ?? tmpdir(), "loam-bench-launch-"));
  const ours: Record<string, unknown> = {};
  const notes: string[] = [];
  const count = { runs: 0, sameBytes: 0, searches: 0, sameTrials: 0, kills: 0 };
  try {
    const source = join(base, "texts");
    const few = join(base, "few");
    for (const folder of [source, few]) mkdirSync(folder);
    say(`making ${Math.round(200 * scale)} MB`);
    generateTexts(source, 200e6 * scale);
    generateTexts(few, 0.3e6);
    const project = (name: string) => {
      const folder = join(base, name);
      mkdirSync(folder);
      writeFileSync(join(folder, "loam.yaml"), yaml(source).replace("folder: few", `folder: "${few}"`));
      return folder;
    };
    const alone = project("alone");
    say("one process");
    const curated = await runKilled(alone, ["data", "run", "all", "--workers", "1"], {}, 0);
    const documents = await documentsOf(alone, curated);
    const searched = await runKilled(alone, ["tune", "search", "--workers", "0"], {}, 0);
    ours["one process"] = { curationSeconds: digits(curated.seconds), searchSeconds: digits(searched.seconds) };
    for (const [name, { reason, open }] of Object.entries(engines)) {
      if (only.length > 0 && !only.includes(name)) continue;
      if (reason !== undefined) {
        notes.push(`${name}: left out, ${reason}`);
        continue;
      }
      const engine = await open();
      try {
        for (const workers of [1, 2, 4]) {
          say(`${name}, ${workers}`);
          const folder = project(`${name}-${workers}`);
          const size = ["--launch", name, "--workers", String(workers)];
          const data = await runKilled(folder, ["data", "run", "all", ...size], engine.env, workers);
          const same = (await documentsOf(folder, data)) === documents;
          const search = await runKilled(folder, ["tune", "search", ...size], engine.env, workers);
          count.runs++;
          count.searches++;
          if (same) count.sameBytes++;
          if (trialsOf(search) === trialsOf(searched)) count.sameTrials++;
          count.kills += data.kills + search.kills;
          ours[`${name}, ${workers}`] = {
            curationSeconds: digits(data.seconds),
            curationKills: data.kills,
            searchSeconds: digits(search.seconds),
            searchKills: search.kills,
          };
          rmSync(folder, { recursive: true, force: true });
        }
      } finally {
        await engine.close();
      }
    }
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
  return {
    method: `loam data run of ${Math.round(200 * scale)} MB of generated text (5 steps) and loam tune search of 8 trials, workers started by each engine on this machine beside the leading process (of a search none), as many workers killed by SIGKILL as there are; seconds of whole commands`,
    ours: { ...ours, ...count },
    peers: {},
    ratios: {},
    bars: [
      {
        name: "curations with the bytes and the counts of documents of one process",
        want: `${count.runs} of ${count.runs}`,
        got: count.sameBytes,
        holds: count.sameBytes === count.runs,
      },
      {
        name: "searches with the trials, values and winner of one process",
        want: `${count.searches} of ${count.searches}`,
        got: count.sameTrials,
        holds: count.sameTrials === count.searches,
      },
      { name: "workers killed", want: "> 0", got: count.kills, holds: count.kills > 0 },
    ],
    notes,
  };
}
