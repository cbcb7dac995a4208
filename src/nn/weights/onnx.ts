/**
 * A decoder's scoring program as an ONNX file: `tokens` [1, T] (int32) to `logits` [1, T, V], for texts of up to T tokens (what stands behind
 * a text's end changes nothing before it, so any ids may fill the rest). Weights are inside, so a model past 2 GB is refused (the format's
 * limit of one file). Left out: caches, so it is for scoring texts and not for writing them.
 */
import { treePaths } from "../../base/index.ts";
import { compile, type Device, type DeviceArray, onnxFile, type Tensor, type TypedArray } from "../../tensor/index.ts";
import { type Decoder, decoderLogits } from "../decoder.ts";
import { nnErrors } from "../errors.ts";
import type { Model } from "../families.ts";

/** The bytes of the file. Errors: nn/weights where the model is no decoder, nn/config for a length it does not read, onnx/tooLarge. */
export async function scoringOnnx(model: Model, device: Device, length: number): Promise<Uint8Array> {
  if (model.family !== "decoder")
    throw nnErrors.fail("weights", { place: "export", expected: "a decoder", received: `a model of family "${model.family}"` });
  const { config, parameters } = model;
  if (!Number.isSafeInteger(length) || length < 1 || length > config.context)
    throw nnErrors.fail("config", { place: "export.tokens", expected: `1 to ${config.context}`, received: String(length) });
  // rotary angles for the positions of the text and no more
  const c = config.positions === "rotary" ? { ...config, context: length } : config;
  const program = compile((p: Decoder, tokens: Tensor) => decoderLogits(c, p, tokens), { device, name: "scoring" });
  try {
    const graph = await program.prepare(parameters, { shape: [1, length], dtype: "i32" } as never);
    const leaves = treePaths<DeviceArray>(parameters as never);
    const values = new Map<number, TypedArray>();
    for (const [i, [, array]] of leaves.entries()) values.set(i, array.memory.host() ?? (await array.read()));
    return onnxFile(graph, { inputs: new Map([[leaves.length, "tokens"]]), outputs: ["logits"], values });
  } finally {
    program.dispose();
  }
}
