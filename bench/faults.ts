/** Ranks that are killed in the middle of a training: how soon they are named, and what the training comes to when it goes on, with as many ranks or fewer. */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Random, random } from "../src/base/index.ts";
import { packageFolder } from "../src/project/package.ts";
import { openArtifact, openStore } from "../src/store/index.ts";
import { type Bar, type BenchContext, type BenchResult, digits, median } from "./harness.ts";

const loamYaml = (onLost: string): string => `name: faults
data:
  texts: { source: { files: [texts.jsonl], reader: jsonl }, steps: [clean] }
tokenizer: { vocab: 300, from: texts }
models:
  toy:
    layers: 2
    width: 64
    heads: 2
    context: 64
    train: { on: texts, tokens: 40k, rows: 8, rate: 0.01, evaluateEvery: 1000, checkpointSeconds: 0.5, mesh: { data: 2 }, zero: 1, onLost: ${onLost} }
device: { threads: 2 }
`;

function writeProject(folder: string): void {
  const drawn = random("faults");
  const words = "the cat sat on a mat while rain fell on hills and rivers ran to the sea".split(" ");
  const text = () => Array.from({ length: 20 + drawn.below(40) }, () => words[drawn.below(words.length)]).join(" ");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "texts.jsonl"), Array.from({ length: 300 }, () => JSON.stringify({ text: text() })).join("\n"));
  writeFileSync(join(folder, "loam.yaml"), loamYaml("stop"));
}

interface Ran {
  readonly code: number | null;
  readonly stderr: string;
  readonly ms: number;
  /** Milliseconds from the kill until the command had named the rank; undefined where nothing was killed. */
  readonly namedMs?: number;
}

/** Process ids of the ranks of a project's training. */
function ranksIn(folder: string): number[] {
  return readdirSync("/proc").flatMap(entry => {
    if (!/^\d+$/.test(entry)) return [];
    try {
      const args = readFileSync(`/proc/${entry}/cmdline`, "utf8").split("\0");
      return args.includes("rank") && args.includes(folder) ? [Number(entry)] : [];
    } catch {
      return [];
    }
  });
}

/** Trains; `kill` picks a moment in milliseconds after the ranks' start, at which one of them ends. */
async function train(folder: string, kill?: { readonly afterMs: number; readonly drawn: Random }): Promise<Ran> {
  const began = performance.now();
  const child = spawn(process.execPath, [join(packageFolder, "bin", "loam.js"), "train", "toy", "--json"], { cwd: folder });
  let [stderr, namedAt, killedAt] = ["", 0, 0];
  child.stdout.resume();
  child.stderr.setEncoding("utf8").on("data", (said: string) => {
    stderr += said;
    if (killedAt > 0 && namedAt === 0 && /rank \d+(?:: expected| was lost)/.test(stderr)) namedAt = performance.now();
  });
  const ended = new Promise<number | null>(resolve => child.once("close", resolve));
  if (kill) {
    while (ranksIn(folder).length < 2 && child.exitCode === null) await sleep(20);
    await sleep(kill.afterMs);
    const ranks = ranksIn(folder);
    const victim = ranks[kill.drawn.below(Math.max(1, ranks.length))];
    if (victim !== undefined) {
      killedAt = performance.now();
      try {
        process.kill(victim, "SIGKILL");
      } catch {
        killedAt = 0;
      }
    }
  }
  const code = await ended;
  return { code, stderr, ms: performance.now() - began, ...(killedAt > 0 ? { namedMs: (namedAt || performance.now()) - killedAt } : {}) };
}

interface Trained {
  readonly weights: string;
  readonly heldOut: number;
  readonly ranks: readonly { readonly size: number }[];
}

async function trainedIn(folder: string): Promise<Trained> {
  const store = await openStore({ root: folder });
  try {
    const artifact = await openArtifact(store, "toy@latest");
    const { heldOut, ranks } = JSON.parse((await artifact.read("training.json")).toString("utf8")) as Omit<Trained, "weights">;
    return { weights: artifact.files.find(f => f.name.endsWith(".safetensors"))!.digest, heldOut, ranks };
  } finally {
    await store.close();
  }
}

const lossBound = 0.02;

export async function run({ scale, say }: BenchContext): Promise<BenchResult> {
  const kills = Math.max(2, Math.round(50 * scale));
  const root = mkdtempSync(join(tmpdir(), "loam-faults-"));
  const drawn = random("kills");
  try {
    const undisturbed = join(root, "undisturbed");
    writeProject(undisturbed);
    const { ms } = await train(undisturbed);
    const want = await trainedIn(undisturbed);
    const named: number[] = [];
    const [same, shrunk, off]: [boolean[], boolean[], number[]] = [[], [], []];
    for (let i = 0; i < kills; i++) {
      const folder = join(root, `kill-${i}`);
      writeProject(folder);
      // one in five goes on with fewer ranks
      const shrinks = i % 5 === 4;
      if (shrinks) writeFileSync(join(folder, "loam.yaml"), loamYaml("shrink"));
      const killed = await train(folder, { afterMs: drawn.uniform() * ms * 0.6, drawn });
      if (killed.namedMs !== undefined && killed.stderr.includes("rank ")) named.push(killed.namedMs);
      if (killed.code !== 0) await train(folder);
      const got = await trainedIn(folder);
      if (shrinks && got.ranks.at(-1)!.size === 1) {
        off.push(Math.abs(got.heldOut - want.heldOut));
        shrunk.push(true);
      } else same.push(got.weights === want.weights);
      say(`kill ${i + 1} of ${kills}: named after ${digits(named.at(-1) ?? Number.NaN)} ms`);
      rmSync(folder, { recursive: true, force: true });
    }
    const slowest = Math.max(...named);
    const bars: Bar[] = [
      { name: "a killed rank is named", want: "< 5000 ms", got: digits(slowest), holds: slowest < 5000 },
      {
        name: "the same bytes on the same mesh",
        want: `${same.length} of ${same.length}`,
        got: `${same.filter(Boolean).length} of ${same.length}`,
        holds: same.every(Boolean),
      },
      {
        name: "held-out loss on fewer ranks",
        want: `within ${lossBound}`,
        got: digits(Math.max(0, ...off)),
        holds: off.every(x => x <= lossBound),
      },
    ];
    return {
      method: `A training on two ranks (ZeRO-1, a checkpoint every 0.5 s) with one of them killed by SIGKILL at ${kills} random moments; run again to its end and held against one that was left alone. One in five goes on by itself on one rank.`,
      ours: {
        kills,
        named: named.length,
        namedMs: { median: digits(median(named)), slowest: digits(slowest) },
        same: same.filter(Boolean).length,
        shrunk: shrunk.length,
      },
      peers: {},
      ratios: {},
      bars,
      notes: [
        "A rank that is killed before it has joined the others, or after it is done, is named by the process that started it, or not at all.",
      ],
    };
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}
