/**
 * The compiled programs of a decoder that tells classes. Texts stand in rows as wide as the longest of their class of lengths, what pads behind
 * them: a causal decoder never sees it. Rows do not mix; of the sizes (rows at once) only those are kept that give the same bits as the largest,
 * as with encoders.
 */
import { cpus } from "node:os";
import { hashOf } from "../../base/index.ts";
import { textLogits } from "../../nn/index.ts";
import { compile, type Device, graphHash, type Tensor } from "../../tensor/index.ts";
import { agreeingSizes, type EncoderProgram, type EncoderProgramOptions, probes } from "./encoder-program.ts";
import { rowWidths } from "./row-widths.ts";
import { type ServedClassifier, vectorLength } from "./served-encoder.ts";

/** Tokens at once, that are tried. */
const defaultSizes = [128, 1024];

/** Rows at once of a width, ascending. */
const rowsTried = (width: number, sizes: readonly number[] = defaultSizes): number[] =>
  [...new Set(sizes.map(s => Math.max(1, Math.floor(s / width))))].sort((a, b) => a - b);

/** Programs that are built for texts of so many tokens, and tokens of the largest batch: each is run once before the first request. */
export function classifierPrograms(longest: number): { readonly programs: number; readonly batchTokens: number } {
  const batches = rowWidths(longest).flatMap(width => rowsTried(width).map(rows => rows * width));
  return { programs: batches.length, batchTokens: Math.max(...batches) };
}

/** Builds the programs and runs each once. */
export async function openClassifierProgram(
  model: ServedClassifier,
  device: Device,
  { sizes }: EncoderProgramOptions = {},
): Promise<EncoderProgram> {
  const { config, parameters, longest } = model;
  const dimensions = vectorLength(model);
  const program = compile((p: unknown, tokens: Tensor, present: Tensor) => textLogits({ family: "decoder", config }, p, tokens, present), {
    device,
    constant: [0],
    // as many as there are widths and sizes, all built before the first request
    keptPrograms: Number.POSITIVE_INFINITY,
    name: "classify",
    // parameters of any classifier: an object of its own kind
  }) as unknown as {
    (...given: unknown[]): Promise<{ numbers(): Promise<Float64Array>; dispose(): void }>;
    prepare(...given: unknown[]): Promise<Parameters<typeof graphHash>[0]>;
    dispose(): void;
  };
  const hashes: string[] = [];

  async function batch(texts: readonly (readonly number[])[], rows: number, width: number): Promise<Float32Array[]> {
    const laid = { tokens: new Int32Array(rows * width), present: new Int32Array(rows * width) };
    for (let row = 0; row < rows; row++) {
      // rows of nobody are texts of one token
      const ids = texts[row] ?? [0];
      laid.tokens.set(ids, row * width);
      laid.present.fill(1, row * width, row * width + ids.length);
    }
    const given = [await device.array(laid.tokens, "i32", [rows, width]), await device.array(laid.present, "i32", [rows, width])];
    const out = await program(parameters, ...given);
    const numbers = await out.numbers();
    for (const a of [out, ...given]) a.dispose();
    return texts.map((_, row) => Float32Array.from(numbers.subarray(row * dimensions, (row + 1) * dimensions)));
  }

  async function rowsFor(width: number): Promise<number[]> {
    const tried = rowsTried(width, sizes);
    for (const rows of tried) {
      const spec = { shape: [rows, width], dtype: "i32" };
      hashes.push(graphHash(await program.prepare(parameters, spec, spec)));
    }
    const most = tried.at(-1)!;
    const texts = probes({ tokens: most * width, texts: most }, width, config.vocab);
    return agreeingSizes(tried, rows => batch(texts.slice(0, rows), rows, width));
  }

  try {
    const widths = rowWidths(longest);
    const known = new Map<number, readonly number[]>();
    for (const width of widths) known.set(width, await rowsFor(width));
    const { name, details } = device.capabilities;
    const identity = {
      weights: model.fingerprint,
      hashes,
      backend: { name, ...details, threads: null },
      processor: `${process.arch} ${cpus()[0]?.model ?? ""}`,
    };
    return {
      dimensions,
      widths,
      room: width => ({ tokens: (known.get(width)?.at(-1) ?? 0) * width, texts: known.get(width)?.at(-1) ?? 0 }),
      fingerprint: `fp_${hashOf(identity).slice(0, 16)}`,
      run(texts, width) {
        const rows = known.get(width)?.find(r => r >= texts.length);
        if (rows === undefined) throw new RangeError(`a batch of ${texts.length} texts, width ${width}, was not planned`);
        return batch(texts, rows, width);
      },
      dispose: () => program.dispose(),
    };
  } catch (error) {
    program.dispose();
    throw error;
  }
}
