/**
 * Evaluation of SmolLM2-135M on four small tasks beside lm-evaluation-harness 0.4.13 (its `hf` backend on PyTorch float32, same weights, same task
 * files): figures, log-likelihoods item by item, and items a second of processor time beside its best batch size.
 */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { packageFolder } from "../src/project/package.ts";
import { run as child } from "./child.ts";
import { type Answer, contest } from "./contender.ts";
import { taskNames, writeTasks } from "./eval/tasks.ts";
import { type Bar, type BenchContext, type BenchResult, digits } from "./harness.ts";

/** One a side: processor time is what is compared, and threads that wait for each other on a busy machine would spend it. */
const threads = 1;
const itemCount = 64;
const batches = [1, 8, 16, 32] as const;
const context = 2048;
/** Nats that two float32 implementations may differ by on a text of some hundred tokens. */
const near = 0.02;
/** A task that both sides end within so many seconds is run so many times in turns: a neighbour's second would be a tenth of it. Medians count. */
const quick = { seconds: 60, turns: 3 } as const;
const gguf = "smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1.gguf";

interface Evaluated extends Answer {
  readonly results: Readonly<Record<string, number>>;
  readonly items: readonly (readonly unknown[])[];
}

const median = (list: readonly number[]): number => [...list].sort((a, b) => a - b)[(list.length - 1) >> 1]!;

/** Numbers of an item's answers, in order, however they are nested. */
const numbersOf = (x: unknown): number[] => (Array.isArray(x) ? x.flatMap(numbersOf) : typeof x === "number" ? [x] : []);

export const run = ({ peers, say, scale }: BenchContext): Promise<BenchResult> =>
  contest("eval", async ({ folder, start }) => {
    const weights = join(process.env.LOAM_MODELS ?? "", gguf);
    if (!process.env.LOAM_MODELS || !existsSync(weights)) throw new Error(`LOAM_MODELS names no folder with ${gguf}`);
    const count = Math.max(8, Math.round(itemCount * scale));
    await writeTasks(folder, count);
    process.env.LOAM_HOME = folder;
    const model = join(folder, "model");
    say("the weights as safetensors");
    await child(process.execPath, [join(packageFolder, "bin", "loam.js"), "models", "export", weights, "--to", model], { cwd: folder });
    const worker = fileURLToPath(new URL("./eval/worker.js", import.meta.url));
    const ours = start("loam", [process.execPath, worker, JSON.stringify({ model, tasks: folder, context, threads })], threads);
    const python = peers && join(peers, ".venv", ...(process.platform === "win32" ? ["Scripts", "python.exe"] : ["bin", "python"]));
    const hasPython = python !== undefined && existsSync(python);
    mkdirSync(join(folder, "cache"));
    const theirs = hasPython
      ? start(
          "lm-evaluation-harness",
          [
            python,
            join(peers!, "evaluate_tasks.py"),
            JSON.stringify({ model, tasks: folder, cache: join(folder, "cache"), context, threads }),
          ],
          threads,
        )
      : undefined;

    const rows: Record<string, unknown> = {};
    const other: Record<string, unknown> = {};
    const ratios: Record<string, number> = {};
    const bars: Bar[] = [];
    for (const task of taskNames) {
      say(`${task}: loam`);
      const mine = (await ours.ask(`run ${task}`)) as Evaluated;
      rows[task] = { ...mine.results, seconds: digits(mine.ms / 1000), wallSeconds: digits(mine.wallMs! / 1000) };
      if (!theirs) continue;
      const runs: [number, Evaluated][] = [];
      for (const batch of batches) {
        say(`${task}: lm-evaluation-harness, batches of ${batch}`);
        runs.push([batch, (await theirs.ask(`run ${task} ${batch}`)) as Evaluated]);
      }
      const [, first] = runs[0]!;
      const best = runs.reduce((a, b) => (b[1].ms < a[1].ms ? b : a));
      other[task] = {
        ...first.results,
        seconds: Object.fromEntries(runs.map(([batch, r]) => [batch, digits(r.ms / 1000)])),
        wallSeconds: Object.fromEntries(runs.map(([batch, r]) => [batch, digits(r.wallMs! / 1000)])),
      };
      const turns: [number, number][] = [[mine.ms, best[1].ms]];
      while (mine.ms + best[1].ms < 1000 * quick.seconds && turns.length < quick.turns) {
        say(`${task}: turn ${turns.length + 1}`);
        const own = (await ours.ask(`run ${task}`)) as Evaluated;
        turns.push([own.ms, ((await theirs.ask(`run ${task} ${best[0]}`)) as Evaluated).ms]);
      }
      const [oursMs, theirsMs] = [median(turns.map(t => t[0])), median(turns.map(t => t[1]))];
      if (turns.length > 1) {
        Object.assign(rows[task] as object, { turns: turns.map(t => digits(t[0] / 1000)) });
        Object.assign(other[task] as object, { turns: { batch: best[0], seconds: turns.map(t => digits(t[1] / 1000)) } });
      }
      ratios[task] = digits(theirsMs / oursMs);
      const far = first.items.map((theirItem, i) => {
        const [a, b] = [numbersOf(theirItem), numbersOf(mine.items[i])];
        return a.length === b.length ? Math.max(...a.map((x, k) => Math.abs(x - b[k]!))) : Number.POSITIVE_INFINITY;
      });
      const farthest = Math.max(...far);
      const isSame = Object.entries(mine.results).every(
        ([name, x]) => Math.abs(x - (first.results[`${name},none`] ?? Number.NaN)) <= 1e-3 * Math.max(1, Math.abs(x)),
      );
      bars.push(
        { name: `${task}: log-likelihoods item by item, nats`, want: `<= ${near}`, got: digits(farthest), holds: farthest <= near },
        { name: `${task}: the same figures`, want: "equal", got: isSame, holds: isSame },
        { name: `${task}: speed beside its best batch (${best[0]})`, want: ">= 2", got: ratios[task]!, holds: ratios[task]! >= 2 },
      );
    }
    return {
      method: `${count} items a task made of mails; SmolLM2-135M float32, one thread; processor time of a whole evaluation, weights read before; where both sides take less than ${quick.seconds} s together, the median of ${quick.turns} turns, the other side at its best batch (programs that our first turn builds are there in the next).`,
      ours: rows,
      peers: { "lm-evaluation-harness 0.4.13": other },
      ratios,
      bars,
      notes: hasPython ? [] : ["no lm-evaluation-harness: bench/peers/.venv is not there"],
    };
  });
