/** How the ranks of a mesh part a model: the layouts of its parameters, as its layers say them, and the sizes that a mesh must divide. */
import { treePaths } from "../base/index.ts";
import { checkMeshFits, type Mesh, type MeshNeed, type Sharding } from "../tensor/index.ts";
import type { FamilyName, ModelConfig } from "./families.ts";
import type { ParameterSpec, SpecTree } from "./parameters.ts";

/** The layout of each parameter, by `prefix` and its path: names of a traced program's inputs, where the prefix is "0." for its first argument. */
export const parameterShardings = (specs: unknown, prefix = ""): Record<string, Sharding> =>
  Object.fromEntries(
    treePaths<ParameterSpec>(specs as SpecTree).flatMap(([path, { split }]) => (split ? [[`${prefix}${path}`, { split }]] : [])),
  );

type Needs<F extends FamilyName> = (c: Extract<ModelConfig, { readonly family: F }>["config"]) => readonly MeshNeed[];

/** What all families have: heads, feed-forward width and vocabulary are parted over `tensor`, positions over `sequence`. */
const shared = (c: ModelConfig["config"]): MeshNeed[] => [
  { name: "model.heads", size: c.heads, axis: "tensor" },
  { name: "model.kvHeads", size: c.kvHeads, axis: "tensor" },
  { name: "model.hidden", size: c.hidden, axis: "tensor" },
  {
    name: "model.vocab",
    size: c.vocab,
    axis: "tensor",
    hint: "Or pad the vocabulary: vocabMultiple in the training recipe.",
  },
  { name: "model.context", size: c.context, axis: "sequence" },
];
const blocks = (name: string, size: number): MeshNeed => ({ name, size, axis: "pipeline", isUneven: true });

const needs: { readonly [F in FamilyName]: Needs<F> } = {
  decoder: c => [...shared(c), blocks("model.layers", c.layers)],
  encoder: c => [...shared(c), blocks("model.layers", c.layers)],
  "encoder-decoder": c => [...shared(c), blocks("model.encoderLayers + model.decoderLayers", c.encoderLayers + c.decoderLayers)],
};

/**
 * Throws where a mesh does not fit a model, with both numbers and the sizes of the axis that would. `rows`: rows of a micro-batch, which `data`
 * parts. Errors: tensor/mesh.
 */
export function checkModelMesh(mesh: Mesh, model: ModelConfig, rows?: number, place = "mesh"): void {
  // family and configuration belong together
  const own = (needs[model.family] as Needs<FamilyName>)(model.config as never);
  checkMeshFits(
    mesh,
    [...own, ...(rows === undefined ? [] : [{ name: "rows of a micro-batch", size: rows, axis: "data" } as const])],
    place,
  );
}
