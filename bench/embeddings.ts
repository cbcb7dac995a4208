/**
 * Sentences a second that all-MiniLM-L6-v2 embeds, text in and vector out: Loam exact and with quantised weights, beside PyTorch (as
 * sentence-transformers batches) and ONNX Runtime from Python. Sides change places from round to round.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Contender, contest } from "./contender.ts";
import { mailSentences } from "./embeddings/sentences.ts";
import { type Bar, type BenchContext, type BenchResult, digits, median, medianRatio } from "./harness.ts";

const threads = 2;
const sentenceCount = 1000;
const rounds = 5;
const folderName = "all-minilm-l6-v2";
/** Tokens that the model's own files let a text have. */
const longest = 256;

const own = ["exact", "int8"] as const;
const theirs = { torch: "PyTorch float32", bf16: "PyTorch bfloat16", onnx: "ONNX Runtime from Python" } as const;
type Name = (typeof own)[number] | keyof typeof theirs;

const modelFolder = (): string => {
  const folder = join(process.env.LOAM_MODELS ?? "", folderName);
  if (process.env.LOAM_MODELS && existsSync(folder)) return folder;
  throw new Error(`LOAM_MODELS names no folder with ${folderName}`);
};

/** What a side must reach beside PyTorch: its float32 products are as fast as ours on Intel, and half as fast on other processors. */
const wanted = (): number => (/intel/i.test(cpus()[0]?.model ?? "") ? 0.95 : 1.5);

/** The lowest cosine of two lists of vectors of length 1. */
function lowestCosine(a: Float32Array, b: Float32Array, width: number): number {
  let lowest = 1;
  for (let at = 0; at < a.length; at += width) {
    let [dot, aa, bb] = [0, 0, 0];
    for (let i = at; i < at + width; i++) {
      dot += a[i]! * b[i]!;
      aa += a[i]! ** 2;
      bb += b[i]! ** 2;
    }
    lowest = Math.min(lowest, dot / Math.sqrt(aa * bb));
  }
  return lowest;
}

export const run = ({ peers, say, scale }: BenchContext): Promise<BenchResult> =>
  contest("embeddings", async ({ folder, start }) => {
    const count = Math.max(64, Math.round(sentenceCount * scale));
    const texts = join(folder, "texts.json");
    writeFileSync(texts, JSON.stringify(await mailSentences(count)));
    const given = { folder: modelFolder(), texts, threads, longest };
    const worker = fileURLToPath(new URL("./embeddings/worker.js", import.meta.url));
    const python = peers && join(peers, ".venv", ...(process.platform === "win32" ? ["Scripts", "python.exe"] : ["bin", "python"]));
    const hasPython = python !== undefined && existsSync(python);
    const sides = new Map<Name, Contender>();
    for (const side of own) sides.set(side, start(`loam ${side}`, [process.execPath, worker, JSON.stringify({ ...given, side })], threads));
    if (hasPython)
      for (const side of Object.keys(theirs) as (keyof typeof theirs)[])
        sides.set(side, start(theirs[side], [python, join(peers!, "embeddings.py"), JSON.stringify({ ...given, side })], threads));

    const vectors = new Map<Name, Float32Array>();
    let readyMs = Number.NaN;
    for (const [name, side] of sides) {
      say(`${name}: all once, for its vectors`);
      const first = (await side.ask(`encode ${count}`)) as { readyMs?: number };
      if (name === "exact") readyMs = first.readyMs ?? Number.NaN;
      const file = join(folder, `${name}.f32`);
      await side.ask(`write ${file}`);
      vectors.set(name, new Float32Array(new Uint8Array(readFileSync(file)).buffer));
    }
    const times = new Map<Name, number[]>([...sides.keys()].map(name => [name, []]));
    for (let round = 0; round < rounds; round++) {
      say(`round ${round + 1} of ${rounds}`);
      for (const name of round % 2 === 0 ? sides.keys() : [...sides.keys()].toReversed())
        times.get(name)!.push((await sides.get(name)!.ask(`encode ${count}`)).wallMs!);
    }
    const speed = (name: Name) => digits((1000 * count) / median(times.get(name)!));
    /** How many times as fast a side is as another, by the median over rounds. */
    const over = (name: Name, other: Name) => digits(medianRatio(times.get(other)!, times.get(name)!));
    const judge: Name = hasPython ? "torch" : "exact";
    const width = vectors.get("exact")!.length / count;
    const cosine = (name: Name) => lowestCosine(vectors.get(name)!, vectors.get(judge)!, width);
    const shown = (name: Name) => ({ sentencesPerSecond: speed(name), lowestCosine: digits(cosine(name), 7) });
    const bars: Bar[] = [];
    const ratios: Record<string, number> = { "int8 over exact": over("int8", "exact") };
    if (hasPython) {
      for (const peer of Object.keys(theirs) as (keyof typeof theirs)[])
        for (const side of own) ratios[`${side} over ${theirs[peer]}`] = over(side, peer);
      const got = over("exact", "torch");
      bars.push({ name: "exact over PyTorch float32", want: `>= ${wanted()}`, got, holds: got >= wanted() });
      bars.push({ name: "exact: lowest cosine", want: "> 0.99999", got: digits(cosine("exact"), 7), holds: cosine("exact") > 0.99999 });
    }
    bars.push({ name: "int8 over exact", want: ">= 2", got: over("int8", "exact"), holds: over("int8", "exact") >= 2 });
    bars.push({ name: "int8: lowest cosine", want: ">= 0.99", got: digits(cosine("int8"), 5), holds: cosine("int8") >= 0.99 });
    return {
      method: `${folderName}, ${count} sentences and paragraphs of mails, text in and vector out, ${threads} threads; sides in turn, median of ${rounds} rounds after one unmeasured; cosines against ${hasPython ? "PyTorch float32" : "Loam exact"}`,
      ours: { "exact, seconds until ready": digits(readyMs / 1000), ...Object.fromEntries(own.map(name => [name, shown(name)])) },
      peers: Object.fromEntries(
        (Object.keys(theirs) as (keyof typeof theirs)[]).flatMap(name => (sides.has(name) ? [[theirs[name], shown(name)] as const] : [])),
      ),
      ratios,
      bars,
      notes: hasPython ? [] : ["no PyTorch: bench/peers/.venv is not there"],
    };
  });
