/**
 * How the ranks of a mesh part a model: the layouts of its parameters, as its layers say them, the sizes that a mesh must divide, and the stage of a
 * pipeline that each parameter belongs to.
 */
import { treePaths } from "../base/index.ts";
import { balancedStages, checkMeshFits, type Mesh, type MeshNeed, type Sharding } from "../tensor/index.ts";
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

/** Where parameters that belong to no numbered block stand: beside the first block or the last of a list of blocks. */
type BlockPlaces = { readonly blocks: readonly { readonly list: string; readonly count: number }[]; readonly last: readonly string[] };
const places: { readonly [F in FamilyName]: (c: never) => BlockPlaces } = {
  decoder: (c: { readonly layers: number }) => ({
    blocks: [{ list: "blocks", count: c.layers }],
    last: ["norm", "output", "classifier"],
  }),
  encoder: (c: { readonly layers: number }) => ({ blocks: [{ list: "blocks", count: c.layers }], last: ["head", "classifier"] }),
  "encoder-decoder": (c: { readonly encoderLayers: number; readonly decoderLayers: number }) => ({
    blocks: [
      { list: "encoder", count: c.encoderLayers },
      { list: "decoder", count: c.decoderLayers },
    ],
    last: ["decoderNorm", "output"],
  }),
};
/** Parameters between two lists of blocks: with the last of the one, or with the first of the other. */
const between: Readonly<Record<string, "before" | "after">> = { encoderNorm: "before", targetPosition: "after" };

/**
 * The stage of each parameter by its path, for a pipeline of so many stages: blocks in their order, as evenly as their costs allow, with the embedding in
 * front and the head behind. A head is as dear as its share of a block's products, so its stage has fewer blocks. Errors: tensor/mesh for more
 * stages than blocks.
 */
export function modelStages(model: ModelConfig, stages: number): (path: string) => number {
  // family and configuration belong together
  const { blocks, last } = places[model.family](model.config as never);
  const { vocab, width, hidden } = model.config;
  const total = blocks.reduce((n, b) => n + b.count, 0);
  const head = vocab / (4 * width + 2 * hidden);
  const starts = balancedStages(
    Array.from({ length: total }, (_, i) => (i === total - 1 ? 1 + head : 1)),
    stages,
  );
  const stageOfBlock = (block: number): number => starts.findLastIndex(start => start <= block);
  return path => {
    const [root = "", number] = path.split(".");
    if (last.includes(root)) return stages - 1;
    const list = blocks.findIndex(b => b.list === root);
    const before = blocks.slice(0, Math.max(0, list)).reduce((n, b) => n + b.count, 0);
    if (list >= 0) return stageOfBlock(before + Number(number));
    const border = blocks[0]!.count;
    return between[root] ? stageOfBlock(between[root] === "before" ? border - 1 : border) : 0;
  };
}
