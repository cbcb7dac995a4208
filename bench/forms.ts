/**
 * What the benches `decode` and `prefill` share: SmolLM2-135M-Instruct in Loam's forms of weights beside llama.cpp's over the same file. Sides
 * are measured in turn, two threads each; of several rounds the best counts, for a neighbour only makes slower (llama.cpp's threads spin, and
 * with one beside them they fall to a hundredth).
 */
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type DecoderConfig, type DecoderParameters, openDecoder } from "../src/nn/index.ts";
import { calibrationTexts } from "../src/project/models/calibration-text.ts";
import { type Closeness, closeness } from "../src/project/models/closeness.ts";
import { localModel } from "../src/project/models/paths.ts";
import { quantisationNames, quantisedParameters } from "../src/project/models/quantised.ts";
import { readServedModel } from "../src/project/serving/read-model.ts";
import { type Device, openDevice } from "../src/tensor/index.ts";
import { mailTexts } from "./filters/corpus.ts";
import { type Bar, type BenchContext, type BenchResult, digits } from "./harness.ts";
import { findLlama, type LlamaLoad, type LlamaSpeed, llamaFiles, llamaPerplexity, llamaSpeed } from "./llama.ts";

export const threads = 2;
const rounds = 3;
/** Tokens for the perplexity that stands beside the speed. */
const judgedTokens = 4096;
/** A form whose perplexity is farther from exact does not count. */
const allowedChange = 0.01;
const folderName = "smollm2-135m-instruct";

export const modelFolder = (): string => {
  const folder = join(process.env.LOAM_MODELS ?? "", folderName);
  if (process.env.LOAM_MODELS && existsSync(folder)) return folder;
  throw new Error(`LOAM_MODELS names no folder with ${folderName}`);
};

interface Form {
  readonly name: string;
  readonly parameters: DecoderParameters;
  readonly closeness: Closeness | undefined;
}
export interface FormRun {
  readonly config: DecoderConfig;
  readonly device: Device;
  readonly parameters: DecoderParameters;
}

/** The model in every form, with what each costs in perplexity on `text`. */
async function openForms(say: BenchContext["say"], text: string) {
  const device = openDevice("cpu", { threads });
  const read = await readServedModel(localModel(modelFolder()).files, device, { id: folderName, fingerprint: "bench" });
  const model = { ...read, config: { ...read.config, context: 4096 } };
  const ids = Array.from(model.tokenizer.encode(text)).slice(0, judgedTokens);
  const forms: Form[] = [{ name: "exact", parameters: model.parameters, closeness: undefined }];
  for (const name of quantisationNames) {
    say(`${name}: quantising, and its perplexity on ${ids.length} tokens`);
    const parameters = await quantisedParameters(model, device, name, { texts: calibrationTexts() });
    forms.push({ name, parameters, closeness: await closeness(model.config, device, model.parameters, parameters, ids) });
  }
  return { device, config: model.config, forms };
}

const changeOf = (c: Closeness | undefined): number => (c ? c.perplexity / c.fullPerplexity - 1 : 0);

/** Tokens a second at which every slot writes `written` tokens after a prompt, which need not be read for it: zeros take as long. */
export async function decodeSpeed({ config, device, parameters }: FormRun, { batch, prompt, written }: LlamaLoad): Promise<number> {
  const decoder = await openDecoder(config, parameters, device, { slots: batch, room: prompt + written, widths: [8], verifyWidth: 1 });
  const tokens = Int32Array.from({ length: batch }, (_, i) => i % config.vocab);
  const step = async (i: number) => (await decoder.decode(parameters, tokens, new Int32Array(batch).fill(prompt + i))).release();
  try {
    await step(0);
    const began = performance.now();
    for (let i = 0; i < written; i++) await step(i);
    return (1000 * batch * written) / (performance.now() - began);
  } finally {
    decoder.dispose();
  }
}

/** Widest chunk of a prompt; llama.cpp's is as wide (`-ub`). */
const chunkTokens = 512;

/** Tokens a second at which a prompt is read. */
export async function prefillSpeed({ config, device, parameters }: FormRun, { prompt }: LlamaLoad): Promise<number> {
  const width = Math.min(chunkTokens, prompt);
  const decoder = await openDecoder(config, parameters, device, { slots: 1, room: prompt, widths: [width], verifyWidth: 1 });
  const sequence = Array.from({ length: prompt }, (_, i) => (i * 7919) % config.vocab);
  const read = async () => {
    const began = performance.now();
    for (let start = 0; start < prompt; start += width)
      (await decoder.prefill(parameters, 0, sequence, { start, count: width, width })).release();
    return (1000 * prompt) / (performance.now() - began);
  };
  try {
    await read();
    return await read();
  } finally {
    decoder.dispose();
  }
}

export interface FormsComparison {
  readonly what: string;
  /** By name: "batch 8". */
  readonly loads: Readonly<Record<string, Omit<LlamaLoad, "threads">>>;
  readonly ours: (form: FormRun, load: LlamaLoad) => Promise<number>;
  readonly theirs: keyof LlamaSpeed;
  /** How many times the best of the others is promised. */
  readonly want: (load: LlamaLoad) => number;
}

/** Mails, joined; other texts calibrate. */
const judgedText = async (): Promise<string> =>
  (await mailTexts(process.cwd())).filter((t, i) => i % 40 === 0 && t.length > 800 && t.length < 4000).join("\n\n");

/** Measures every form of both sides under every load, in turn. */
export async function compareForms({ peers, say }: BenchContext, c: FormsComparison): Promise<BenchResult> {
  const text = await judgedText();
  const { device, config, forms } = await openForms(say, text);
  const bench = findLlama(peers, "llama-batched-bench");
  const folder = mkdtempSync(join(tmpdir(), "loam-bench-"));
  try {
    const shipped = join(modelFolder(), readdirSync(modelFolder()).find(f => f.endsWith(".gguf"))!);
    const files = bench === undefined ? {} : await llamaFiles(findLlama(peers, "llama-quantize"), shipped, folder);
    const best: Record<string, Record<string, number>> = {};
    const note = (side: string, load: string, value: number) => {
      best[side] ??= {};
      best[side][load] = digits(Math.max(best[side][load] ?? 0, value), 4);
    };
    for (let round = 0; round < rounds; round++)
      for (const [name, sizes] of Object.entries(c.loads)) {
        say(`round ${round + 1} of ${rounds}, ${name}`);
        const load = { ...sizes, threads };
        for (const { name: form, parameters } of forms) note(form, name, await c.ours({ config, device, parameters }, load));
        for (const [form, file] of Object.entries(files)) note(`llama.cpp ${form}`, name, (await llamaSpeed(bench!, file, load))[c.theirs]);
      }
    const counting = forms.filter(f => changeOf(f.closeness) <= allowedChange).map(f => f.name);
    const [ratios, bars]: [Record<string, number>, Bar[]] = [{}, []];
    for (const [name, sizes] of Object.entries(c.loads)) {
      const theirs = Object.keys(files).map(form => best[`llama.cpp ${form}`]![name]!);
      if (theirs.length === 0) continue;
      const ratio = digits(Math.max(...counting.map(form => best[form]![name]!)) / Math.max(...theirs));
      const want = c.want({ ...sizes, threads });
      ratios[`${name}: fastest form within 1 % of perplexity over llama.cpp's fastest`] = ratio;
      bars.push({ name: `${name} against llama.cpp`, want: `>= ${want}`, got: ratio, holds: ratio >= want });
    }
    const perplexities: Record<string, number> = {};
    const judge = findLlama(peers, "llama-perplexity");
    if (judge !== undefined) {
      const textFile = join(folder, "text.txt");
      writeFileSync(textFile, text.slice(0, 5 * judgedTokens));
      for (const [form, file] of Object.entries(files)) perplexities[form] = await llamaPerplexity(judge, file, textFile, threads);
    }
    const sides = (isTheirs: boolean) => Object.fromEntries(Object.entries(best).filter(([n]) => n.startsWith("llama.cpp") === isTheirs));
    return {
      method: `SmolLM2-135M-Instruct from its Q4_1 file, ${threads} threads; ${c.what}; tokens a second, sides in turn, best of ${rounds} rounds; perplexity on mails, ours against exact on ${judgedTokens} tokens, theirs by llama-perplexity`,
      ours: {
        ...sides(false),
        "perplexity against exact": Object.fromEntries(forms.map(f => [f.name, digits(1 + changeOf(f.closeness), 5)])),
        "KL, nats": Object.fromEntries(forms.map(f => [f.name, digits(f.closeness?.divergence ?? 0)])),
      },
      peers: bench === undefined ? {} : { ...sides(true), perplexity: perplexities },
      ratios,
      bars,
      notes:
        bench === undefined ? ["no llama.cpp: `npm run bench -- peers --llama` builds it; LOAM_LLAMA_CPP names a folder that has it"] : [],
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
