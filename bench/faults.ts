/** Ranks that are killed in the middle of a training: how soon they are named, and what the training comes to when it goes on, with as many ranks or fewer. */
import { spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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
  /** Milliseconds from the ranks' start to the end of the command. */
  readonly ms: number;
  /** A rank was killed. */
  readonly isKilled: boolean;
  /** Milliseconds from the kill until the command had named the rank; undefined where it did not. */
  readonly namedMs: number | undefined;
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

const startLoam = (folder: string, ...args: string[]) =>
  spawn(process.execPath, [join(packageFolder, "bin", "loam.js"), ...args, "--json"], { cwd: folder });

/** Kills one of the ranks; false where none runs any more. */
function killOne(folder: string, drawn: Random): boolean {
  const ranks = ranksIn(folder);
  const victim = ranks[drawn.below(Math.max(1, ranks.length))];
  try {
    return victim !== undefined && process.kill(victim, "SIGKILL");
  } catch {
    return false;
  }
}

/** Trains; `kill` says when, in milliseconds after the ranks' start, one of them ends. */
async function train(folder: string, kill?: { readonly afterMs: number; readonly drawn: Random }): Promise<Ran> {
  const child = startLoam(folder, "train", "toy");
  let stderr = "";
  let killedAt: number | undefined;
  let namedAt: number | undefined;
  child.stdout.resume();
  child.stderr.setEncoding("utf8").on("data", (said: string) => {
    stderr += said;
    if (killedAt !== undefined && /rank \d+(?:: expected| was lost)/.test(stderr)) namedAt ??= performance.now();
  });
  const ended = new Promise<number | null>(resolve => child.once("close", resolve));
  while (ranksIn(folder).length < 2 && child.exitCode === null) await sleep(20);
  const began = performance.now();
  if (kill) {
    await sleep(kill.afterMs);
    killedAt = performance.now();
    if (!killOne(folder, kill.drawn)) killedAt = undefined;
  }
  const code = await ended;
  return {
    code,
    stderr,
    ms: performance.now() - began,
    isKilled: killedAt !== undefined,
    namedMs: killedAt === undefined || namedAt === undefined ? undefined : namedAt - killedAt,
  };
}

interface Trained {
  readonly weights: string;
  readonly heldOut: number;
  /** Absent where one rank took every step. */
  readonly ranks?: readonly { readonly size: number }[] | undefined;
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

/** What a killed training came to. */
interface Outcome {
  readonly namedMs: number | undefined;
  /** The kill changed nothing: the rank had done its part. */
  readonly isUnnoticed: boolean;
  /** With fewer ranks at the end: how far the held-out loss is off. */
  readonly lossOff?: number;
  /** On the same ranks: whether the weights are those of the training that was left alone. */
  readonly isSame?: boolean;
}

async function killedTraining(folder: string, want: Trained, kill: { readonly afterMs: number; readonly drawn: Random }): Promise<Outcome> {
  const ran = await train(folder, kill);
  if (ran.code !== 0) {
    const again = await train(folder);
    if (again.code !== 0) throw new Error(`the training did not go on: ${again.stderr}`);
  }
  const got = await trainedIn(folder);
  const isUnnoticed = ran.code === 0 && ran.namedMs === undefined;
  const isOnFewer = (got.ranks?.at(-1)?.size ?? 1) === 1;
  const left = isOnFewer ? { lossOff: Math.abs(got.heldOut - want.heldOut) } : { isSame: got.weights === want.weights };
  if (ran.isKilled && !isUnnoticed && ran.namedMs === undefined) throw new Error(`the killed rank was not named: ${ran.stderr}`);
  return { namedMs: ran.namedMs, isUnnoticed, ...left };
}

function barsOf(outcomes: readonly Outcome[]): Bar[] {
  const named = outcomes.flatMap(o => o.namedMs ?? []);
  const same = outcomes.flatMap(o => o.isSame ?? []);
  const off = outcomes.flatMap(o => o.lossOff ?? []);
  const slowest = Math.max(...named);
  return [
    { name: "a killed rank is named", want: "< 5000 ms", got: digits(slowest), holds: slowest < 5000 },
    {
      name: "the same bytes on the same mesh",
      want: `${same.length} of ${same.length}`,
      got: `${same.filter(Boolean).length} of ${same.length}`,
      holds: same.length > 0 && same.every(Boolean),
    },
    {
      name: "held-out loss on fewer ranks",
      want: `within ${lossBound}`,
      got: digits(Math.max(0, ...off)),
      holds: off.length > 0 && off.every(x => x <= lossBound),
    },
  ];
}

export async function run({ scale, say }: BenchContext): Promise<BenchResult> {
  const kills = Math.max(5, Math.round(50 * scale));
  const root = mkdtempSync(join(tmpdir(), "loam-faults-"));
  const drawn = random("kills");
  try {
    // all trainings begin with the same data, tokenizer and shards
    const start = join(root, "start");
    writeProject(start);
    const shards = startLoam(start, "run", "shards", "--model", "toy");
    shards.stdout.resume();
    if ((await new Promise(resolve => shards.once("close", resolve))) !== 0) throw new Error("the shards were not made");
    const copy = (name: string): string => {
      cpSync(start, join(root, name), { recursive: true });
      return join(root, name);
    };
    const undisturbed = copy("undisturbed");
    const { ms, code, stderr } = await train(undisturbed);
    if (code !== 0) throw new Error(stderr);
    const want = await trainedIn(undisturbed);
    const outcomes: Outcome[] = [];
    for (let i = 0; i < kills; i++) {
      const folder = copy(`kill-${i}`);
      // one in five goes on with fewer ranks
      if (i % 5 === 4) writeFileSync(join(folder, "loam.yaml"), loamYaml("shrink"));
      const afterMs = drawn.uniform() * ms;
      const outcome = await killedTraining(folder, want, { afterMs, drawn });
      outcomes.push(outcome);
      const named = outcome.namedMs === undefined ? "unnoticed" : `named after ${digits(outcome.namedMs)} ms`;
      say(`kill ${i + 1} of ${kills}, ${digits(afterMs)} ms after the start: ${named}, ${JSON.stringify(outcome)}`);
      rmSync(folder, { recursive: true, force: true });
    }
    const named = outcomes.flatMap(o => o.namedMs ?? []);
    return {
      method: `A training on two ranks (ZeRO-1, a checkpoint every 0.5 s, ${digits(ms / 1000)} s from the ranks' start to the end) with one of them killed by SIGKILL at ${kills} random moments; run again to its end and held against one that was left alone. One in five goes on by itself on one rank.`,
      ours: {
        kills,
        named: named.length,
        unnoticed: outcomes.filter(o => o.isUnnoticed).length,
        namedMs: { median: digits(median(named)), slowest: digits(Math.max(...named)) },
        same: outcomes.filter(o => o.isSame).length,
        shrunk: outcomes.filter(o => o.lossOff !== undefined).length,
      },
      peers: {},
      ratios: {},
      bars: barsOf(outcomes),
      notes: ["A kill that finds no rank, or one that has done its part, is unnoticed: the training ends as if nothing had been."],
    };
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}
