import { afterAll, expect, test } from "vitest";
import { deepTest } from "../../test/support/deep.ts";
import { meshOf, openDevice, showMesh } from "../tensor/index.ts";
import {
  canonicalGraph,
  deviceSharded,
  exactValues,
  gradientGraph,
  largestError,
  type SampleModel,
  sampleMeshes,
  sampleModels,
  sampleValues,
} from "./sharded-models.laws.ts";

const device = openDevice("cpu", { threads: 1 });
afterAll(() => device.dispose());
const sizes = { rows: 4, length: 4, heads: 4, kvHeads: 4, headSize: 4, layers: 2, vocab: 8 };
const models = sampleModels(sizes);

async function holdsOn(m: SampleModel, mesh: ReturnType<typeof meshOf>): Promise<void> {
  const graph = canonicalGraph(gradientGraph(m));
  const values = sampleValues(m, graph);
  const axes = mesh.sizes.tensor > 1 ? (["tensor"] as const) : [];
  const found = await deviceSharded(m, graph, values, { device, mesh, rows: sizes.rows, axes });
  expect(largestError(exactValues(graph, values), found), showMesh(mesh)).toBeLessThan(1e-5);
}

for (const m of models) {
  test(`${m.name}: on the processor, data and tensor with sequence parallelism give one rank's loss and gradients`, () =>
    holdsOn(m, meshOf({ data: 2, tensor: 2 })));
  deepTest(`${m.name}: on the processor, every mesh of 2 and 4 ranks gives one rank's loss and gradients`, async () => {
    for (const mesh of sampleMeshes(4, ["data", "sequence", "tensor"])) if (mesh.ranks !== 3) await holdsOn(m, mesh);
  });
}
