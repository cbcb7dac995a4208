import { expect, test } from "vitest";
import { deepTest } from "../../test/support/deep.ts";
import { type Mesh, type MeshAxis, meshOf, type ShardedCollective, shardGraph, showMesh, sumCollectives } from "../tensor/index.ts";
import { gpt2Config, llamaConfig } from "./decoder.ts";
import { encoderDecoderConfig } from "./encoder-decoder.ts";
import {
  canonicalGraph,
  exactSharded,
  exactValues,
  gradientGraph,
  gradientShardings,
  largestError,
  type SampleModel,
  type SampleSizes,
  sampleMeshes,
  sampleModels,
  sampleShardings,
  sampleValues,
} from "./sharded-models.laws.ts";
import { checkModelMesh, parameterShardings } from "./sharding.ts";

const sizes: SampleSizes = { rows: 4, length: 4, heads: 4, kvHeads: 4, headSize: 2, layers: 2, vocab: 8 };
const models = sampleModels(sizes);

const optionsOf = (m: SampleModel, s: SampleSizes, mesh: Mesh, axes: readonly MeshAxis[]) => ({
  mesh,
  inputs: sampleShardings(m),
  outputs: gradientShardings(m),
  sequence: { rows: s.rows, lengths: m.lengths, axes },
});

function holdsOn(m: SampleModel, s: SampleSizes, meshes: readonly Mesh[]): void {
  const graph = canonicalGraph(gradientGraph(m));
  const values = sampleValues(m, graph);
  const want = exactValues(graph, values);
  for (const mesh of meshes)
    for (const axes of mesh.sizes.tensor > 1 ? [["tensor"] as const, []] : [[]]) {
      const sharded = shardGraph(graph, optionsOf(m, s, mesh, axes));
      const place = `${showMesh(mesh)}${axes.length ? ", sequence parallel" : ""}`;
      expect(largestError(want, exactSharded(sharded, values)), place).toBeLessThan(1e-12);
      expect(sumCollectives(sharded.rank(0).report).fallback, place).toBeUndefined();
    }
}

const meshes = sampleMeshes(4, ["data", "sequence", "tensor"]);
for (const [i, m] of models.entries()) {
  const powers = meshes.filter(mesh => mesh.ranks !== 3);
  test(`${m.name}: loss and gradients on meshes of 2 and 4 ranks are those of one rank`, () => {
    // a third of the meshes for each model, and tensor with data for all
    holdsOn(m, sizes, [meshOf({ data: 2, tensor: 2 }), ...powers.filter((_, at) => at % 3 === i % 3)]);
  });
  deepTest(`${m.name}: loss and gradients on every mesh of 2 and 4 ranks are those of one rank`, () => holdsOn(m, sizes, powers));
}

const threes: SampleSizes = { rows: 3, length: 3, heads: 6, kvHeads: 3, headSize: 2, layers: 1, vocab: 9 };
for (const m of sampleModels(threes))
  test(`${m.name}: loss and gradients on meshes of 3 ranks are those of one rank, with grouped queries`, () =>
    holdsOn(
      m,
      threes,
      meshes.filter(mesh => mesh.ranks === 3),
    ));

test("gradients that add up over micro-batches stay sums over ranks until the step's end", () => {
  const [m] = models as [SampleModel];
  const graph = canonicalGraph(gradientGraph(m, true));
  const values = sampleValues(m, graph);
  const mesh = meshOf({ data: 2, tensor: 2 });
  const sharded = shardGraph(graph, {
    ...optionsOf(m, sizes, mesh, []),
    inputs: sampleShardings(m, true),
    outputs: gradientShardings(m, true),
  });
  expect(largestError(exactValues(graph, values), exactSharded(sharded, values))).toBeLessThan(1e-12);
  expect(sharded.rank(0).report.collectives.filter(c => c.axis === "data")).toEqual([]);
});

const countOf = (collectives: readonly ShardedCollective[], kind: ShardedCollective["kind"], bytes: number): number =>
  collectives.filter(c => c.kind === kind && c.bytes === bytes).length;

test("a GPT block over tensor needs Megatron's four all-reduces: two forward, two backward", () => {
  const perLayers = (layers: number, axes: readonly MeshAxis[]) => {
    const s = { ...sizes, layers };
    const [m] = sampleModels(s) as [SampleModel];
    return shardGraph(gradientGraph(m), optionsOf(m, s, meshOf({ tensor: 2 }), axes)).rank(0).report.collectives;
  };
  const states = 4 * 4 * 8 * 4; // B T C floats
  const added = (axes: readonly MeshAxis[], kind: ShardedCollective["kind"]) =>
    countOf(perLayers(3, axes), kind, states) - countOf(perLayers(2, axes), kind, states);
  expect(added([], "allReduce")).toBe(4);
  expect(perLayers(3, []).length - perLayers(2, []).length).toBe(4);
  // around the blocks: the embedding, the states' gradient from the parted vocabulary, and three rows of numbers of the loss
  expect(
    perLayers(1, [])
      .map(c => c.bytes)
      .filter(bytes => bytes !== states),
  ).toEqual([64, 64, 64]);
  expect(perLayers(1, []).length).toBe(4 + 2 + 3);
  // sequence parallel (Korthikanti et al. 2022): each of them in two halves
  expect([added(["tensor"], "allReduce"), added(["tensor"], "reduceScatter"), added(["tensor"], "allGather")]).toEqual([0, 4, 4]);
});

test("data parallel ranks meet for nothing before the gradients", () => {
  for (const m of models) {
    const options = { ...optionsOf(m, sizes, meshOf({ data: 4 }), []), outputs: gradientShardings(m, true) };
    expect(shardGraph(gradientGraph(m), options).rank(3).report.collectives, m.name).toEqual([]);
  }
});

test("a mesh that does not fit a model is refused with both numbers and what would fit", () => {
  const small = { vocab: 50, width: 12, layers: 2, heads: 6, kvHeads: 2, context: 9 };
  const decoder = { family: "decoder", config: llamaConfig(small) } as const;
  expect(() => checkModelMesh(meshOf({ tensor: 4 }), decoder)).toThrow(
    /mesh\.tensor: expected a divisor of model\.heads \(6\), got 4\. Use tensor: 1, 2, 3, 6\./,
  );
  expect(() => checkModelMesh(meshOf({ tensor: 3 }), decoder, undefined, "train.mesh")).toThrow(
    /train\.mesh\.tensor: expected a divisor of model\.kvHeads \(2\), got 3\. Use tensor: 1, 2\./,
  );
  const gpt = { family: "decoder", config: gpt2Config({ ...small, kvHeads: 6 }) } as const;
  expect(() => checkModelMesh(meshOf({ tensor: 3 }), gpt)).toThrow(/model\.vocab \(50\), got 3\. Use tensor: .*vocabMultiple/);
  expect(() => checkModelMesh(meshOf({ sequence: 2 }), gpt)).toThrow(/model\.context \(9\), got 2/);
  expect(() => checkModelMesh(meshOf({ pipeline: 3 }), gpt)).toThrow(/at most model\.layers \(2\), got 3/);
  expect(() => checkModelMesh(meshOf({ data: 4 }), gpt, 6)).toThrow(/rows of a micro-batch \(6\), got 4/);
  const both = { family: "encoder-decoder", config: encoderDecoderConfig({ ...small, vocab: 48 }) } as const;
  checkModelMesh(meshOf({ tensor: 2, pipeline: 4, data: 3 }), both, 6);
  expect(() => checkModelMesh(meshOf({ pipeline: 5 }), both)).toThrow(/model\.encoderLayers \+ model\.decoderLayers \(4\), got 5/);
});

test("layers say how their parameters are parted, once for all families", () => {
  const [gpt] = models as [SampleModel];
  expect(parameterShardings(gpt.specs, "0.")).toMatchObject({
    "0.token": { split: { tensor: 0 } },
    "0.blocks.0.attention.query.weight": { split: { tensor: 1 } },
    "0.blocks.0.attention.query.bias": { split: { tensor: 0 } },
    "0.blocks.0.attention.output.weight": { split: { tensor: 0 } },
    "0.blocks.1.feedForward.up.weight": { split: { tensor: 1 } },
    "0.blocks.1.feedForward.down.weight": { split: { tensor: 0 } },
  });
  expect(Object.keys(parameterShardings(gpt.specs)).filter(p => /norm|position|output\.bias|down\.bias/.test(p))).toEqual([]);
});
