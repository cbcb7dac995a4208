/**
 * A model's program as an ONNX file, weights inside, so a model past 2 GB is refused (the format's limit of one file). Of what continues texts the
 * program that scores them, without caches, so it is not for writing; of what reads texts its logits, its number, or its vector.
 */
import { type Tree, treePaths } from "../../base/index.ts";
import {
  cast,
  compile,
  type Device,
  type DeviceArray,
  div,
  maximum,
  mul,
  onnxFile,
  reshape,
  slice,
  sqrt,
  sum,
  type Tensor,
  type TypedArray,
} from "../../tensor/index.ts";
import { textLogits } from "../classifier.ts";
import { type Decoder, decoderLogits } from "../decoder.ts";
import { type Encoder, encoderStates } from "../encoder.ts";
import { nnErrors } from "../errors.ts";
import type { Model } from "../families.ts";

function checkLength(length: number, context: number): void {
  if (Number.isSafeInteger(length) && length >= 1 && length <= context) return;
  throw nnErrors.fail("config", { place: "export.tokens", expected: `1 to ${context}`, received: String(length) });
}

/** The file of a program whose inputs, behind the parameters, are i32 rows [1, length] of these names. */
async function fileOf(
  { parameters }: Model,
  device: Device,
  length: number,
  { inputs, output, of }: { readonly inputs: readonly string[]; readonly output: string; of(p: unknown, ...rows: Tensor[]): Tensor },
): Promise<Uint8Array> {
  const program = compile((p: never, ...rows: Tensor[]) => of(p, ...rows), { device, name: output });
  try {
    const row = { shape: [1, length], dtype: "i32" } as const;
    // parameters of any model: `of` knows which
    const graph = await program.prepare(parameters as never, ...inputs.map(() => row));
    const leaves = treePaths<DeviceArray>(parameters as Tree<DeviceArray>);
    const values = new Map<number, TypedArray>();
    for (const [i, [, array]] of leaves.entries()) values.set(i, array.memory.host() ?? (await array.read()));
    return onnxFile(graph, { inputs: new Map(inputs.map((name, i) => [leaves.length + i, name])), outputs: [output], values });
  } finally {
    program.dispose();
  }
}

/**
 * A decoder's scoring program: `tokens` [1, T] (int32) to `logits` [1, T, V], for texts of up to T tokens (what stands behind a text's end changes
 * nothing before it, so any ids may fill the rest). Errors: nn/weights where the model is no decoder, nn/config for a length it does not read,
 * onnx/tooLarge.
 */
export async function scoringOnnx(model: Model, device: Device, length: number): Promise<Uint8Array> {
  if (model.family !== "decoder")
    throw nnErrors.fail("weights", { place: "export", expected: "a decoder", received: `a model of family "${model.family}"` });
  const { config } = model;
  checkLength(length, config.context);
  // rotary angles for the positions of the text and no more
  const c = config.positions === "rotary" ? { ...config, context: length } : config;
  return fileOf(model, device, length, {
    inputs: ["tokens"],
    output: "logits",
    of: (p, tokens) => decoderLogits(c, p as Decoder, tokens!),
  });
}

/** How an encoder's states become a vector: their mean or the first token's, and whether it has length 1. */
export interface VectorForm {
  readonly pooling: "mean" | "cls";
  readonly normalise: boolean;
}

/** Vectors [B, C] of states [B, T, C]. */
function vectorOf(states: Tensor, present: Tensor, { pooling, normalise }: VectorForm): Tensor {
  const [b, t, c] = states.shape as [number, number, number];
  const weight = cast(present, states.dtype);
  const mean = () => div(sum(mul(states, reshape(weight, [b, t, 1])), 1), maximum(sum(weight, 1, true), 1e-9));
  const vector = pooling === "cls" ? reshape(slice(states, undefined, [0, 1]), [b, c]) : mean();
  return normalise ? div(vector, maximum(sqrt(sum(mul(vector, vector), -1, true)), 1e-12)) : vector;
}

/**
 * What a model that reads texts gives of one: `tokens` and `present` [1, T] (int32; 1 where a token is the text's, 0 behind its end) to `logits`
 * [1, labels] of a classifier or a number, to `vector` [1, C] of another encoder. Errors: nn/weights for a model that does neither, nn/config for a length
 * it does not read, onnx/tooLarge.
 */
export async function readingOnnx(model: Model, device: Device, length: number, form: VectorForm): Promise<Uint8Array> {
  const inputs = ["tokens", "present"];
  if (model.family !== "encoder-decoder" && model.config.classifier) {
    checkLength(length, model.config.context);
    return fileOf(model, device, length, {
      inputs,
      output: "logits",
      of: (p, tokens, present) => textLogits(model, p, tokens!, present!),
    });
  }
  if (model.family !== "encoder")
    throw nnErrors.fail("weights", {
      place: "export",
      expected: "an encoder, or a classifier",
      received: `a model of family "${model.family}"`,
    });
  const { config } = model;
  checkLength(length, config.context);
  return fileOf(model, device, length, {
    inputs,
    output: "vector",
    of: (p, tokens, present) => vectorOf(encoderStates(config, p as Encoder, tokens!, { present: present! }), present!, form),
  });
}
