/** The program of a sentence encoder in 8 bits where the processor runs it as machine code: the same contract as the compiled ones. */
import { cpus } from "node:os";
import { hashOf } from "../../base/index.ts";
import { encoderRevision, machineEncoderReady, openMachineEncoder } from "../../nn/index.ts";
import type { Device } from "../../tensor/index.ts";
import type { EncoderProgram } from "./encoder-program.ts";
import { rowWidths } from "./row-widths.ts";
import { type ServedEncoder, vectorLength } from "./served-encoder.ts";
import { withLength } from "./unscaled.ts";

/** Tokens of a batch; enough that weights are read once for many. */
const batchTokens = 512;

/** The vector of a text of `count` tokens whose states begin at row `first`; without pooling the states. */
function pooled({ pooling, normalise, config }: ServedEncoder, states: Float32Array, first: number, count: number): Float32Array {
  const { width } = config;
  if (pooling === "none") return states.slice(first * width, (first + count) * width);
  const rows = pooling === "cls" ? 1 : count;
  const sums = new Float64Array(width);
  for (let row = 0; row < rows; row++) for (let i = 0, at = (first + row) * width; i < width; i++, at++) sums[i]! += states[at]!;
  const length = normalise ? Math.max(Math.sqrt(sums.reduce((n, x) => n + x * x, 0)), 1e-12) : rows;
  const vector = Float32Array.from(sums, x => x / length);
  return normalise ? withLength(vector, length / rows) : vector;
}

/** Opens it; undefined where there is no such program for this model here. */
export async function openMachineProgram(model: ServedEncoder, device: Device): Promise<EncoderProgram | undefined> {
  const ready = model.config.classifier ? undefined : machineEncoderReady(model.config, model.parameters, device);
  if (!ready) return undefined;
  const widths = rowWidths(model.longest);
  const rooms = new Map(
    widths.map(width => {
      const tokens = Math.max(batchTokens, width);
      return [width, { tokens, texts: Math.max(1, Math.floor((2 * tokens) / width)) }];
    }),
  );
  const tokens = Math.max(...Array.from(rooms.values(), r => r.tokens));
  const sizes = { tokens, widths: Array.from(rooms, ([width, { texts }]) => ({ width, texts })) };
  const encoder = await openMachineEncoder(model.config, ready, device, sizes);
  let last: Promise<unknown> = Promise.resolve();
  const run = async (texts: readonly (readonly number[])[], width: number): Promise<Float32Array[]> => {
    const states = await encoder.run(texts, width);
    let first = 0;
    return texts.map(text => {
      const vector = pooled(model, states, first, text.length);
      first += text.length;
      return vector;
    });
  };
  return {
    dimensions: vectorLength(model),
    widths,
    room: width => rooms.get(width) ?? { tokens: 0, texts: 0 },
    fingerprint: `fp_${hashOf({ weights: model.fingerprint, machineCode: encoderRevision, processor: `${process.arch} ${cpus()[0]?.model ?? ""}` }).slice(0, 16)}`,
    run: (texts, width) => {
      // one at a time: states lie in one place
      const next = last.then(() => run(texts, width));
      last = next.catch(() => {});
      return next;
    },
    dispose: () => encoder.dispose(),
  };
}
