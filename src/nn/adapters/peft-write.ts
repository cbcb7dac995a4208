/** An adapter as a PEFT folder, as `PeftModel.from_pretrained` reads it. Scales are in `lora_B` already, so alpha is the rank. */
import type { DecoderConfig } from "../decoder.ts";
import { type FilesWriter, safetensorsPieces, type TensorSource } from "../weights/index.ts";
import type { Adapter, LowRank, Projection } from "./adapter.ts";
import { baseKey } from "./base.ts";
import { type AdaptedModule, moduleNames } from "./modules.ts";
import { peftConfigFile, peftWeightsFile, wrapper } from "./peft.ts";

const isSame = (a: Float32Array, b: Float32Array): boolean => a === b || (a.length === b.length && a.every((x, i) => x === b[i]));

/** The factors of a module over there. Parts with a `down` of their own lie one below the other, each with its columns of `lora_B`. */
function factorsOf(module: AdaptedModule, layer: { readonly [P in Projection]?: LowRank }) {
  const downs: { readonly down: Float32Array; readonly from: number }[] = [];
  let rank = 0;
  const placed = module.parts.flatMap(part => {
    const low = layer[part.projection];
    if (!low) return [];
    let shared = downs.find(d => isSame(d.down, low.down));
    if (!shared) {
      shared = { down: low.down, from: rank };
      downs.push(shared);
      rank += low.rank;
    }
    return [{ ...part, low, column: shared.from }];
  });
  const A = new Float32Array(rank * module.input);
  for (const { down, from } of downs) A.set(down, from * module.input);
  const B = new Float32Array(module.output * rank);
  for (const { low, from, output, column } of placed)
    for (let r = 0; r < low.rank; r++) for (let o = 0; o < output; o++) B[(from + o) * rank + column + r] = low.up[r * output + o]!;
  return { rank, A, B };
}

/** Writes both files. `base` is the name of the model that it belongs to, for people; `weights` that model's `weightsDigest`, for whoever loads it. */
export async function writeAdapter(
  writer: FilesWriter,
  config: DecoderConfig,
  adapter: Adapter,
  base?: string,
  weights?: string,
): Promise<void> {
  const { modules } = moduleNames(config)[0]!;
  const used = modules.filter(m => m.parts.some(p => adapter.layers[m.layer]![p.projection]));
  const ranks: Record<string, number> = {};
  const tensors: TensorSource[] = [];
  for (const module of used) {
    const { rank, A, B } = factorsOf(module, adapter.layers[module.layer]!);
    ranks[module.name] = rank;
    const at = `${wrapper}${module.name}.lora_`;
    tensors.push({ name: `${at}A.weight`, dtype: "f32", shape: [rank, module.input], read: () => A });
    tensors.push({ name: `${at}B.weight`, dtype: "f32", shape: [module.output, rank], read: () => B });
  }
  const r = Math.max(...Object.values(ranks));
  const others = Object.fromEntries(Object.entries(ranks).filter(([, rank]) => rank !== r));
  const value = {
    peft_type: "LORA",
    task_type: "CAUSAL_LM",
    base_model_name_or_path: base ?? null,
    inference_mode: true,
    r,
    lora_alpha: r,
    lora_dropout: 0,
    bias: "none",
    target_modules: used.map(m => m.name),
    rank_pattern: others,
    alpha_pattern: others,
  };
  await writer.write(peftConfigFile, `${JSON.stringify(value, null, 2)}\n`);
  await writer.writeStream(peftWeightsFile, safetensorsPieces(tensors, { format: "pt", ...(weights ? { [baseKey]: weights } : {}) }));
}
