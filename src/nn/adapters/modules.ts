/**
 * The names that PEFT has for our projections: those of the Hugging Face architectures that such a model can be (`weights/huggingface-rows.ts`).
 * A module that fuses several of ours (GPT-2's `c_attn`) shares one `lora_A` among them, and its `lora_B` is cut.
 */
import type { DecoderConfig } from "../decoder.ts";
import type { ArchitectureRow } from "../weights/architectures/shared.ts";
import { architectures } from "../weights/index.ts";
import { type Projection, projectionSizes, projections } from "./adapter.ts";

/** A linear module over there. */
export interface AdaptedModule {
  /** Its full name, `model.layers.3.self_attn.q_proj`. */
  readonly name: string;
  readonly layer: number;
  readonly input: number;
  readonly output: number;
  /** Our projections in it, in the order of its outputs. */
  readonly parts: readonly { readonly projection: Projection; readonly from: number; readonly output: number }[];
}

/** All modules of one architecture's naming that hold a model's projections. */
export interface ModuleNames {
  readonly architecture: string;
  readonly modules: readonly AdaptedModule[];
  /** Other spellings of a name, as base models without a head have them. */
  readonly spellings: ArchitectureRow["spellings"];
}

function modulesOf(row: ArchitectureRow, config: DecoderConfig): AdaptedModule[] {
  const sizes = projectionSizes(config);
  const groups = new Map<string, { projection: Projection; part: number }[]>();
  for (const projection of projections) {
    const place = sizes.has(projection) ? row.names[`blocks.*.${projection}`] : undefined;
    if (place === undefined) continue;
    const [name, part] = typeof place === "string" ? [place, 0] : [place.fused, place.part];
    groups.set(name, [...(groups.get(name) ?? []), { projection, part }]);
  }
  return Array.from({ length: config.layers }, (_, layer) =>
    [...groups].map(([pattern, members]) => {
      let from = 0;
      const parts = members
        .toSorted((a, b) => a.part - b.part)
        .map(({ projection }) => {
          const { output } = sizes.get(projection)!;
          const part = { projection, from, output };
          from += output;
          return part;
        });
      const { input } = sizes.get(parts[0]!.projection)!;
      return { name: pattern.replace("*", String(layer)), layer, input, output: from, parts };
    }),
  ).flat();
}

/** The namings that a model's adapters may have: those of architectures with its configuration, else of all decoders. */
export function moduleNames(config: DecoderConfig): readonly ModuleNames[] {
  const decoders = Object.values(architectures).filter((row): row is ArchitectureRow<"decoder"> => row.family === "decoder");
  const fitting = decoders.filter(row => row.fromConfig(config) !== undefined);
  const seen = new Set<string>();
  return (fitting.length ? fitting : decoders).flatMap(row => {
    const modules = modulesOf(row as ArchitectureRow, config);
    const key = modules.map(m => m.name).join();
    if (seen.has(key)) return [];
    seen.add(key);
    return [{ architecture: row.architecture, modules, spellings: row.spellings }];
  });
}
